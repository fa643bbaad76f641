"""One process at a time in a folder, or at one of the things in it.

Knows lock files and how the system holds them; does not know what is written meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cantilena.errors import InputError

_POLL = 0.05  # seconds between two looks at a lock that another process holds


@contextlib.contextmanager
def lock(folder: str | Path, name: str = "", wait: float = 0.0) -> Iterator[None]:
    """Holds a folder for the block: another process, or thread, that asks for it meanwhile gets an
    InputError, at once or after it has waited for ``wait`` seconds. With a ``name`` only what has
    that name in the folder is held. The system frees it when the process ends, however it ends, so
    that a kill leaves at most an empty hidden file, which locks nothing."""
    path = Path(folder) / (f".cantilena-{name}.lock" if name else ".cantilena.lock")
    deadline = time.monotonic() + wait
    descriptor = _taken(path)
    while descriptor is None:
        if time.monotonic() >= deadline:
            raise InputError(
                f"another process is writing to {str(folder)!r}; wait until it is done, or use "
                "another folder"
            )
        time.sleep(_POLL)
        descriptor = _taken(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file: it stays, empty
            path.unlink()
        os.close(descriptor)


def _taken(path: Path) -> int | None:
    """The descriptor of the lock file at ``path``, held; None where another has it."""
    while True:  # again where the one before took the file away as it was opened
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be written: {error.strerror}") from error
        held = is_ours = False
        try:
            held = _hold(descriptor)
            is_ours = held and _is_open(descriptor, path)
        finally:
            if not is_ours:
                os.close(descriptor)
        if not held:
            return None
        if is_ours:
            return descriptor


def _hold(descriptor: int) -> bool:
    """Takes the system's lock on an open file; False where another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # some network disks have no locks: go on without
        return True
    return True


def _is_open(descriptor: int, path: Path) -> bool:
    """Whether the file at ``path`` is the one that is open."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
