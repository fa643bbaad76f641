"""Getting corpora: download or take archives, and put what is in them into a corpus's folder.

Knows corpora's addresses and folders; does not know what is inside a corpus, how a file is
downloaded (``download``) or an archive unpacked (``unpack``).

What is unpacked appears under its name only when it is whole. A corpus's archives are those that
their pinned sha256 says or, where none is pinned, those of the first download, whose sha256 is
written down beside the corpus.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cantilena.data.corpora import CORPORA, corpus
from cantilena.data.download import FirstDownloads, Progress, check_address, download, file_sha256
from cantilena.data.unpack import SUFFIXES, Budget, DamagedArchiveError, copy, unpack
from cantilena.errors import InputError
from cantilena.files import make_folder
from cantilena.locks import lock

PINNED = {s.url: s.sha256 for c in CORPORA.values() for s in c.sources if s.sha256}
"""The sha256 of archives that are known for certain, by address."""


@dataclass(frozen=True)
class Fetched:
    """A corpus on disk: its folder, how many files and bytes, and the sha256 of each archive."""

    folder: Path
    files: int
    bytes: int
    sha256: dict[str, str]


def fetch(
    name: str,
    source: str | Path | None = None,
    to: str | Path = "corpora",
    progress: Progress | None = None,
) -> Fetched:
    """Puts the corpus ``name`` into the folder ``to/name``.

    ``source`` is an https address, an archive (.tar, .tar.gz, .tar.xz, .tar.bz2, .zip) or a
    folder, whose files are copied and whose archives are unpacked; without it the corpus's own
    addresses are used. The sha256 of a download without a pinned one is written to
    ``to/name.sha256.json``. Raises UnknownNameError for an unknown corpus; InputError where the
    corpus is already there or another process is fetching it, the source is not there, or an
    archive is damaged, unsafe or too large; CantilenaError where the network fails (calling again
    goes on with the download) or a download is not the file it should be.
    """
    sources = corpus(name).sources
    to = Path(to)
    _check_absent(to / name)
    places = [(s.url, s.folder) for s in sources] if source is None else [(str(source), "")]
    for place, _ in places:
        if "://" in place:
            check_address(place, place in PINNED)
    downloads = make_folder(to / ".downloads" / name)
    try:
        with lock(downloads):  # other corpora may be fetched into ``to`` meanwhile
            return _fetch(name, source, to, places, downloads, progress)
    finally:
        for folder in (downloads, downloads.parent):
            with contextlib.suppress(OSError):  # not empty: a download to go on with
                folder.rmdir()


def _check_absent(folder: Path) -> None:
    """Raises InputError where the corpus of that folder is there."""
    if folder.exists():
        raise InputError(
            f"{str(folder)!r} is already there; remove it to fetch {folder.name!r} again"
        )


def _fetch(
    name: str,
    source: str | Path | None,
    to: Path,
    places: Sequence[tuple[str, str]],
    downloads: Path,
    progress: Progress | None,
) -> Fetched:
    """``fetch`` from (place, folder within the corpus), with ``downloads`` locked."""
    folder = to / name
    _check_absent(folder)  # again: another process may have fetched it until now
    for unfinished in to.glob(f".{name}.*"):  # of runs that were cut off
        shutil.rmtree(unfinished, ignore_errors=True)
    run = _Run(
        downloads,
        FirstDownloads(to / f"{name}.sha256.json"),
        progress or (lambda done, total, what: None),
    )
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=to) as work:
        whole = Path(work) / name
        for place, inside in places:
            target = whole / inside
            target.mkdir(parents=True, exist_ok=True)
            run.take(place, target)
        files = [p for p in whole.rglob("*") if p.is_file()]
        if not files:
            raise InputError(f"{source or name} holds no files")
        size = sum(p.stat().st_size for p in files)
        os.replace(whole, folder)
    run.first_downloads.add(run.unpinned)
    shutil.rmtree(run.downloads, ignore_errors=True)
    return Fetched(folder, len(files), size, run.sha256)


@dataclass
class _Run:
    """One fetch: where its ``downloads`` go, the ``sha256`` of each archive by file name, and of
    the ``unpinned`` downloads by address."""

    downloads: Path
    first_downloads: FirstDownloads
    progress: Progress
    budget: Budget = field(default_factory=Budget)
    sha256: dict[str, str] = field(default_factory=dict)
    unpinned: dict[str, str] = field(default_factory=dict)

    def take(self, place: str, target: Path) -> None:
        """Puts what an address, archive or folder holds into ``target``."""
        path = Path(place)
        if "://" in place:
            self._download(place, target)
        elif path.is_file():
            self._unpack(path, self._hash(path), target)
        elif path.is_dir():
            for entry in sorted(path.iterdir(), key=lambda p: p.name):
                if entry.is_file() and entry.name.lower().endswith(SUFFIXES):
                    self._unpack(entry, self._hash(entry), target)
                else:
                    copy(entry, target / entry.name)
        else:
            raise InputError(f"there is no file or folder {place!r}")

    def _download(self, url: str, target: Path) -> None:
        pinned = PINNED.get(url, "")
        path = download(url, self.downloads, self.progress, pinned)
        sha256 = self._hash(path)
        self.first_downloads.verify(url, path, sha256, pinned)
        try:
            self._unpack(path, sha256, target)
        except DamagedArchiveError:
            path.unlink()  # or the next call would take it again
            raise
        if not pinned:
            self.unpinned[url] = sha256

    def _hash(self, path: Path) -> str:
        sha256, size = file_sha256(path), path.stat().st_size
        self.progress(size, size, f"{path.name}: sha256 {sha256}")
        return sha256

    def _unpack(self, path: Path, sha256: str, target: Path) -> None:
        self.sha256[path.name] = sha256
        try:
            unpack(path, target, self.budget, self.progress)
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be unpacked: {error.strerror}") from error
