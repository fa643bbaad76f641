"""Unpacking archives that are not trusted.

Knows tar and zip; does not know where archives come from or what is inside a corpus.

Members that would land outside the folder are refused, links and devices passed over, and a budget
ends an archive that unpacks to more than any corpus does.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from cantilena.data.download import MAX_BYTES, Progress
from cantilena.errors import InputError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")
MAX_MEMBERS = 1_000_000
"""Files, folders and links of all archives of a corpus; Lakh's has some 178,600."""

_REPORT_EVERY = 500  # members
_SYMLINK = 0xA  # the upper four bits of a Unix file mode, as a zip archive notes them


class DamagedArchiveError(InputError):
    """An archive is not whole, or not an archive at all."""


class Budget:
    """What the archives of one corpus may still unpack to."""

    def __init__(self) -> None:
        self.bytes = self.members = 0

    def take(self, size: int, archive: str) -> None:
        """Counts a member of ``size`` bytes. Raises InputError where it is one too many."""
        self.bytes += size
        self.members += 1
        if self.bytes > MAX_BYTES:
            raise InputError(f"{archive} unpacks to more than {MAX_BYTES / 10**9:g} GB")
        if self.members > MAX_MEMBERS:
            raise InputError(f"{archive} holds more than {MAX_MEMBERS:,} files")


def unpack(path: Path, target: Path, budget: Budget, progress: Progress) -> None:
    """Unpacks a tar or zip archive into the folder ``target``. Raises InputError for one that is
    unsafe or too large, DamagedArchiveError for one that is damaged or no archive, OSError where
    the disk fails."""
    try:
        if zipfile.is_zipfile(path):
            _unzip(path, target, budget, progress)
        elif tarfile.is_tarfile(path):
            _untar(path, target, budget, progress)
        else:
            raise DamagedArchiveError(
                f"{str(path)!r} is not an archive; give one of {', '.join(SUFFIXES)}"
            )
    except InputError:
        raise
    except Exception as error:  # tarfile, zipfile and each kind of compression have their own
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's, as that the disk is full; those of bz2 and gzip have no number
        raise DamagedArchiveError(f"{str(path)!r} cannot be unpacked: {error}") from error


def _untar(path: Path, target: Path, budget: Budget, progress: Progress) -> None:
    with tarfile.open(path) as archive:
        while (member := archive.next()) is not None:
            # tarfile keeps all members that it has read: a million of them are a gigabyte
            archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue]
            budget.take(member.size, path.name)
            if budget.members % _REPORT_EVERY == 0:
                progress(budget.bytes, 0, f"unpacking {path.name}")
            to = target / _inside(member.name, path.name)
            if member.isdir():
                to.mkdir(parents=True, exist_ok=True)
            elif member.isfile():  # links and devices are no part of a corpus
                to.parent.mkdir(parents=True, exist_ok=True)
                # not ``extract``, whose filter Python has since 3.11.4 only
                with archive.extractfile(member) or io.BytesIO() as source, to.open("wb") as file:
                    shutil.copyfileobj(source, file)


def _unzip(path: Path, target: Path, budget: Budget, progress: Progress) -> None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            _inside(member.filename, path.name)
            budget.take(member.file_size, path.name)
            if budget.members % _REPORT_EVERY == 0:
                progress(budget.bytes, 0, f"unpacking {path.name}")
            if member.external_attr >> 28 != _SYMLINK:
                archive.extract(member, target)


def _inside(name: str, archive: str) -> PurePosixPath:
    """A member's path in the folder that it is unpacked to. Raises InputError where it leads out of
    it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise InputError(f"{archive} is unsafe: it holds {name!r}")
    return path


def copy(entry: Path, target: Path) -> None:
    """Copies a file, or a folder's files; links are passed over."""
    if entry.is_symlink():
        return
    if entry.is_dir():
        target.mkdir(exist_ok=True)
        for inner in sorted(entry.iterdir()):
            copy(inner, target / inner.name)
    elif entry.is_file():
        shutil.copyfile(entry, target)
