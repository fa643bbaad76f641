"""Files in and out: clear errors for paths, whole files or none. Knows no format."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cantilena.errors import InputError


def read_bytes(path: str | Path, limit: int, kind: str) -> bytes:
    """What is in a file, at most ``limit + 1`` bytes of it, so that the caller sees what is too
    long. Raises InputError where no file is or none that can be opened; ``kind`` says what it
    should have been, as "a MIDI file"."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}; give the path of {kind}")
    if not path.is_file():  # a pipe or a device could be without an end
        raise InputError(f"{str(path)!r} is not a file; give the path of {kind}")
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be opened: {error.strerror}") from error


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all: under a temporary name in the same folder, then renamed.
    Raises InputError where that folder is missing or does not let itself be written."""
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {str(path.parent)!r} to write {path.name!r} to")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror}") from error
