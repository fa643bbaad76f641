"""The wheel and the source distribution: what is in them. Built here, without network.

The wheel is built from the unpacked source distribution, so that the latter is whole too.
"""

from __future__ import annotations

import email
import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "cantilena"
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", ".ipynb_checkpoints"
)
MAX_WHEEL_BYTES = 60_000_000
"""PyPI takes files of up to 100 MB; the weights are about half of this."""

TERMS = ["LICENSE", "NOTICE", "src/cantilena/render/fonts/LICENSE_DEJAVU"]

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="the sources are not beside the tests"
)


def build(source: Path, kind: str, to: Path) -> Path:
    """A distribution ("sdist" or "wheel") of the source in a folder, by the build backend itself:
    a frontend would install the backend anew, for which it needs the network."""
    to.mkdir()
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(to)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (path,) = to.iterdir()
    return path


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    work = tmp_path_factory.mktemp("sdist")
    source = work / "source"  # building writes beside the sources
    source.mkdir()
    for path in ROOT.iterdir():
        if path.name in ("src", "tests", "docs", "benchmarks", ".ci", ".github"):
            shutil.copytree(path, source / path.name, ignore=LEFT_OUT)
        elif path.is_file() and path.name != ".git":
            shutil.copy(path, source)
    return build(source, "sdist", work / "dist")


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    work = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        # Python has the filter since 3.11.4, and no other default since 3.14
        archive.extractall(work, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = work.iterdir()
    return build(source, "wheel", work / "dist")


def package_files() -> set[str]:
    """Every file of the package, as a path from the folder of the sources."""
    return {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        sizes = {i.filename: i.file_size for i in archive.infolist()}
    info = next(iter(name.split("/")[0] for name in sizes if ".dist-info/" in name))
    assert {name for name in sizes if not name.startswith(f"{info}/")} == package_files()
    for name in ("model.safetensors", "trunk.onnx", "habits.json", "card.json"):
        inside = f"cantilena/checkpoints/note/{name}"
        assert sizes[inside] == (PACKAGE.parent / inside).stat().st_size
    for name in ("py.typed", "evaluate/shipped/control.jsonl"):
        assert f"cantilena/{name}" in sizes
    assert wheel.stat().st_size < MAX_WHEEL_BYTES


def test_the_wheel_says_on_what_terms_it_may_be_used(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        folder = metadata.removesuffix("METADATA")
        fields = email.message_from_bytes(archive.read(metadata))
        for name in TERMS:
            text = archive.read(f"{folder}licenses/{name}")
            assert text == (ROOT / name).read_bytes()
    assert fields["License-Expression"] == "Apache-2.0 AND Bitstream-Vera"  # the fonts' terms
    assert fields.get_all("License-File") == TERMS


def test_the_default_install_needs_neither_torch_nor_matplotlib(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        fields = email.message_from_bytes(archive.read(metadata))
    plain = [line for line in fields.get_all("Requires-Dist", []) if "extra ==" not in line]
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert len(plain) == len(declared)
    assert not any(line.startswith(("torch", "transformers", "matplotlib")) for line in plain)


def test_the_source_distribution_holds_what_the_tests_need(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in package_files()} <= names
    for folder in ("tests", "docs", "benchmarks", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT)
            if path.is_file() and "__pycache__" not in name.parts and path.suffix != ".pyc":
                assert name.as_posix() in names
    for name in ("README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "CITATION.cff"):
        assert name in names
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in names)


def test_the_notice_names_what_the_shipped_weights_were_trained_on():
    notice = " ".join((ROOT / "NOTICE").read_text().split())
    card = json.loads((PACKAGE / "checkpoints" / "note" / "card.json").read_text())
    assert f"{card['parameters']:,} parameters" in notice
    for corpus in card["data"].values():
        assert f"{corpus['songs']:,}" in notice
        assert f"{corpus['notes']:,} notes" in notice
