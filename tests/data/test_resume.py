"""A build that is called again keeps sound shards only and ends in the bytes of a fresh one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cantilena.data import build as building
from cantilena.data import resume
from cantilena.data.build import build
from cantilena.errors import CantilenaError
from corpus_pieces import small_lakh


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def flip(at: float) -> Callable[[Path], None]:
    """Changes one bit of a shard, ``at`` 0-1 of the way through the file."""

    def damage(folder: Path) -> None:
        path = folder / "lakh-train-0001.npz"
        data = bytearray(path.read_bytes())
        data[min(int(at * len(data)), len(data) - 1)] ^= 1
        path.write_bytes(data)

    return damage


def truncate(folder: Path) -> None:
    path = folder / "lakh-train-0001.npz"
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(folder: Path) -> None:
    path = folder / "lakh-train-0001.npz"
    path.write_bytes(path.read_bytes() + b"\0")


def empty(folder: Path) -> None:
    (folder / "lakh-train-0001.npz").write_bytes(b"")


def delete(folder: Path) -> None:
    (folder / "lakh-train-0001.npz").unlink()


def swap(folder: Path) -> None:
    one, two = folder / "lakh-train-0001.npz", folder / "lakh-train-0002.npz"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


# 0.0: a magic number; 0.002: a file time that no reader looks at; 1: the end of the directory
DAMAGES = {f"flip {at}": flip(at) for at in (0.0, 0.002, 0.3, 0.6, 0.97, 1.0)}
DAMAGES |= {f.__name__: f for f in (truncate, lengthen, empty, delete, swap)}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora")
    small_lakh(root)
    return root


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(building, "SONGS_PER_SHARD", 2)


@pytest.fixture
def fresh(corpora, tmp_path, small_shards):
    """The files of a data set that was built at one go, in five shards."""
    build(corpora, tmp_path / "fresh", ("lakh",))
    return contents(tmp_path / "fresh")


def build_killed(corpora: Path, out: Path, after: int) -> None:
    """A build that ends as if killed when ``after`` songs are done."""

    def stop(done: int, total: int, line: str) -> None:
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(corpora, out, ("lakh",), progress=stop)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("killed", [False, True], ids=["whole", "killed"])
def test_a_damaged_shard_is_built_anew(corpora, tmp_path, fresh, damage, killed):
    out = tmp_path / "out"
    if killed:
        build_killed(corpora, out, after=8)
    else:
        build(corpora, out, ("lakh",))
    damage(out)
    lines: list[str] = []
    build(corpora, out, ("lakh",), progress=lambda *row: lines.append(row[2]))
    made = {line.split()[1].rstrip(":") for line in lines if line.startswith("made")}
    expected = {"lakh-train-0001.npz"} | ({"lakh-train-0002.npz"} if damage is swap else set())
    assert made == expected | ({"lakh-test-0000.npz"} if killed else set())
    assert contents(out) == fresh


def test_a_killed_build_keeps_what_it_has_recorded(corpora, tmp_path, fresh):
    out = tmp_path / "out"
    for after in (2, 4, 8):
        build_killed(corpora, out, after)
        ledger = out / resume.LEDGER
        ledger.write_bytes(ledger.read_bytes() + b'{"file": "lakh-va')  # cut short by a kill
    lines: list[str] = []
    build(corpora, out, ("lakh",), progress=lambda *row: lines.append(row[2].split()[0]))
    assert lines == ["kept"] * 4 + ["made"]
    assert contents(out) == fresh


def test_a_shard_that_nothing_records_is_not_trusted(corpora, tmp_path, fresh):
    out = tmp_path / "out"
    build(corpora, out, ("lakh",))
    (out / "manifest.json").unlink()
    lines: list[str] = []
    build(corpora, out, ("lakh",), progress=lambda *row: lines.append(row[2].split()[0]))
    assert lines == ["made"] * 5
    assert contents(out) == fresh


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"shards": 3}', '{"shards": [3, {}, {"file": 1}]}', '{"shards": null}']
)
def test_a_manifest_that_is_odd_records_nothing(corpora, tmp_path, fresh, text):
    out = tmp_path / "out"
    build(corpora, out, ("lakh",))
    (out / "manifest.json").write_text(text)
    build(corpora, out, ("lakh",))
    assert contents(out) == fresh


def test_no_manifest_is_written_over_a_shard_that_changes_under_the_build(
    corpora, tmp_path, fresh, monkeypatch
):
    out = tmp_path / "out"

    def damage_at_the_end(done: int, total: int, line: str) -> None:
        if done == total:
            flip(0.5)(out)

    with pytest.raises(CantilenaError, match=r"lakh-train-0001\.npz changed"):
        build(corpora, out, ("lakh",), progress=damage_at_the_end)
    assert not (out / "manifest.json").exists()
    build(corpora, out, ("lakh",))
    assert contents(out) == fresh


def test_the_manifest_has_the_hashes_of_the_files(corpora, tmp_path, small_shards):
    manifest = build(corpora, tmp_path, ("lakh",))
    assert len(manifest["shards"]) == 5
    for row in manifest["shards"]:
        data = (tmp_path / row["file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
