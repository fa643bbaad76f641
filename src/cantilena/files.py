"""Files in and out: clear errors for paths, writing whole or not at all, JSON and JSON lines.

The one place for all of these. Knows paths, bytes and renames; does not know what is in a file
beyond that it is JSON, how files are named (``cantilena.names``), nor who else writes
(``cantilena.locks``).

Whatever is written stands under a temporary name of its own in the same folder first, is flushed
to the disk, and is then renamed: a reader, a kill or a power cut sees the old file or the new one,
never a part. Temporary names begin with "." and end in ".part". All get the mode that the umask
gives any new file, also where a library (safetensors) wrote through a file for its owner alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cantilena.errors import InputError

# ---------------------------------------------------------------------------- reading


def read_bytes(path: str | Path, limit: int | None, kind: str) -> bytes:
    """What is in a file, at most ``limit + 1`` bytes of it, so that the caller sees what is too
    long (None: all of it). Raises InputError where no file is or none that can be opened; ``kind``
    says what it should have been, as "a MIDI file"."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}; give the path of {kind}")
    if not path.is_file():  # a pipe or a device could be without an end
        raise InputError(f"{str(path)!r} is not a file; give the path of {kind}")
    try:
        with path.open("rb") as file:
            return file.read(-1 if limit is None else limit + 1)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be opened: {error.strerror}") from error


def read_text(path: str | Path, kind: str) -> str:
    """The text of a UTF-8 file. Raises InputError; ``kind`` as for ``read_bytes``."""
    return decode(read_bytes(path, None, kind), str(path))


def decode(data: bytes, name: str) -> str:
    """UTF-8 bytes as text, without the byte order mark that Windows programs put first. Raises
    InputError that gives ``name`` and the line."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}, line {line}: not UTF-8 text") from None


# ---------------------------------------------------------------------------- JSON


def parse_json(text: str, where: str) -> Any:
    """The value of JSON text. Raises InputError, which begins with ``where``, for what is not JSON,
    for NaN and infinite numbers (JSON has none, and nothing that we read may be one), and for
    text with half a character in it ("\\ud800"), which could not be written again."""
    try:
        value = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        reason = error.msg
    except UnicodeEncodeError:
        reason = "half of a surrogate pair stands alone"
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:  # ours, or Python's limit on the digits of a whole number
        reason = str(error)
    raise InputError(f"{where}: not JSON ({reason})")


def _not_finite(text: str) -> float:
    raise ValueError(f"{text} is not a finite number")


def _finite(text: str) -> float:
    value = float(text)
    return value if abs(value) < float("inf") else _not_finite(text)


def read_json(path: str | Path, kind: str = "a JSON file") -> Any:
    """The value of a JSON file. Raises InputError that names the file."""
    return parse_json(read_text(path, kind), str(path))


def write_json(path: str | Path, value: Any, indent: int | None = 1) -> None:
    """Writes plain data as JSON, whole or not at all. Raises InputError as ``write_bytes``, and
    ValueError for NaN and infinite numbers, which other readers refuse."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


def parse_jsonl(text: str, name: str) -> list[tuple[int, Any]]:
    """(line number from 1, value) of JSON lines; blank lines are passed over. Raises InputError
    that gives ``name`` and the line.

    Lines end at "\\n" alone: U+2028, U+0085, form feeds and the like, at which ``str.splitlines``
    splits too, may stand inside a JSON string."""
    lines = enumerate(text.split("\n"), 1)
    return [(n, parse_json(line, f"{name}, line {n}")) for n, line in lines if line.strip(" \t\r")]


def read_jsonl(path: str | Path, kind: str = "a file of JSON lines") -> list[tuple[int, Any]]:
    """(line number from 1, value) of a file of JSON lines, as ``parse_jsonl``. Raises InputError
    that names the file, and the line where one is at fault."""
    return parse_jsonl(read_text(path, kind), str(path))


def jsonl(values: Iterable[Any]) -> bytes:
    """Plain data as JSON lines. Raises ValueError for NaN and infinite numbers."""
    lines = (json.dumps(value, ensure_ascii=False, allow_nan=False) for value in values)
    return "".join(f"{line}\n" for line in lines).encode()


# ---------------------------------------------------------------------------- one file


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes a file whole or not at all. Raises InputError as ``staged_file``."""
    with staged_file(path) as part:
        part.write_bytes(data)


@contextlib.contextmanager
def staged_file(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; what was written there takes the place of
    ``path`` when the block ends, and is taken away when it raises.

    For what must write to a path itself (safetensors, pictures); bytes go to ``write_bytes``.
    Raises InputError where the folder is missing, where something other than a file stands at
    ``path``, and where the system refuses."""
    path = Path(path)
    _check_target(path)
    part = _beside(path)
    try:
        with _refusals(path):
            mode = _mode_of_new(part)
            yield part
            _settle(part, mode)
            os.replace(part, path)
            _sync_folder(path.parent)
    finally:
        _remove(part)


# ---------------------------------------------------------------------------- many files


Places = Callable[[Path], Mapping[str, str]]
"""Of a hidden folder: the name that each file in it gets outside."""


@contextlib.contextmanager
def staged_files(
    folder: str | Path, names: Iterable[str], places: Places | None = None
) -> Iterator[Path]:
    """A hidden folder within ``folder`` in which the block writes files called ``names``; they take
    their places in ``folder`` when the block ends: all of them or, where the block raises or one
    cannot be put in place, none, and what stood there before stands there still.

    The places are looked at before the block begins, so that long work is not done for nothing.
    ``places``, called once the block has ended and all is on the disk, says which files go where,
    for names that depend on what was written or on what stands in ``folder`` by then.
    A kill between two renames leaves some new and some old files, each of them whole. Raises
    InputError."""
    folder = Path(folder)
    names = list(names)
    for name in names:
        _check_target(folder / name)
    stage = _beside(folder / "stage")
    try:
        with _refusals(folder):
            stage.mkdir()
        yield stage
        with _refusals(folder):
            _settle_all(stage)
            targets = dict(zip(names, names, strict=True)) if places is None else places(stage)
            _put_in_place(folder, stage, targets)
    finally:
        _remove(stage)


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turns the system's refusals to write at ``path`` into InputErrors."""
    try:
        yield
    except OSError as error:
        path = Path(*(part for part in path.parts if not _is_temporary(part)))
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror}") from error


def _is_temporary(name: str) -> bool:
    return name.startswith(".cantilena-") and name.endswith(".part")


def _settle_all(stage: Path) -> None:
    """Settles the files of a folder that is new itself."""
    mode = _mode_within(stage)
    for path in sorted(stage.iterdir()):
        _settle(path, mode)


def _put_in_place(folder: Path, stage: Path, targets: Mapping[str, str]) -> None:
    """Renames files of ``stage`` into ``folder``, by their names there; undoes it where one cannot
    be."""
    before = stage / "before"
    before.mkdir()
    for target in targets.values():
        _check_target(folder / target)
        if (folder / target).exists():
            _second_name(folder / target, before / target)
    done: list[tuple[str, str]] = []
    try:
        for name, target in targets.items():
            done.append((name, target))
            os.replace(stage / name, folder / target)
    except BaseException:
        for name, target in done:
            if (before / target).exists():
                os.replace(before / target, folder / target)
            elif not (stage / name).exists():  # else it was not renamed
                (folder / target).unlink(missing_ok=True)
        raise
    _sync_folder(folder)


def _second_name(path: Path, other: Path) -> None:
    """Makes ``other`` the same file as ``path``, or a copy where files cannot have two names."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copy2(path, other)


# ---------------------------------------------------------------------------- a folder


@contextlib.contextmanager
def staged_folder(target: str | Path) -> Iterator[Path]:
    """A new empty folder beside ``target`` to fill; it takes the place of ``target``, and of all
    that was in there, when the block ends (``replace_folder``), and is removed when it raises."""
    target = Path(os.path.realpath(target))
    stage = _beside(target)
    try:
        with _refusals(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            stage.mkdir()
        yield stage
        with _refusals(target):
            replace_folder(target, stage)
    finally:
        _remove(stage)


def replace_folder(target: str | Path, stage: str | Path) -> None:
    """Makes the folder ``stage``, on the same disk, the folder ``target`` by one rename, once all
    that is in it is on the disk; what ``target`` was before is removed.

    Where folders cannot be swapped in one step (other systems than Linux) an old ``target`` is
    renamed away first: a kill between the two leaves it beside, under its temporary name. Raises
    InputError where ``target`` is a file, OSError where the system refuses; ``target`` is then as
    it was."""
    target, stage = Path(os.path.realpath(target)), Path(stage)
    if target.exists() and not target.is_dir():
        raise InputError(f"{str(target)!r} is a file; a folder of that name was to be made")
    mode = _mode_within(stage)
    for folder, _, names in os.walk(stage):
        for name in names:
            _settle(Path(folder, name), mode)
        _sync_folder(folder)
    old = stage
    if not target.exists():
        os.replace(stage, target)
    elif not _swapped(stage, target):
        old = target.with_name(_temporary_name())  # no temporary one yet: it is all there is
        try:
            os.replace(target, old)
            os.replace(stage, target)
        except BaseException:
            if old.exists() and not target.exists():
                os.replace(old, target)
            raise
        _temporary[old] = threading.get_ident()
    _sync_folder(target.parent)
    _remove(old)


def _swapped(a: Path, b: Path) -> bool:
    """Swaps two paths in one step; False where the system cannot, and nothing is done."""
    if sys.platform != "linux":
        return False
    import ctypes

    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fcntl.h and linux/fs.h
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    return renameat2(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0


# ---------------------------------------------------------------------------- folders to write to


def check_folder(folder: str | Path) -> Path:
    """The folder, where it is one or could be made. Raises InputError otherwise; makes nothing."""
    if not str(folder):
        raise InputError("the folder to write to has no name; give '.' for this one")
    path = there = Path(folder)
    try:
        while not there.exists() and there != there.parent:
            there = there.parent
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{str(path)[:80]!r} cannot be a folder: {reason}") from error
    if not there.is_dir():
        raise InputError(f"{str(there)!r} is a file, not a folder; give a folder to write to")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"the folder {str(there)!r} cannot be written to; give another")
    return path


def make_folder(folder: str | Path) -> Path:
    """The folder, made where it was not there. Raises InputError where it cannot be."""
    path = check_folder(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"the folder {str(path)!r} cannot be made: {reason}") from error
    return path


# ---------------------------------------------------------------------------- steps of writing


def _check_target(path: Path) -> None:
    """Raises InputError where a file at ``path`` cannot be written or replaced."""
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {str(path.parent)!r} to write {path.name!r} to")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder; a file of that name was to be made")
    if path.exists() and not path.is_file():
        raise InputError(f"{str(path)!r} is a device or a pipe; give the path of a file to write")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"the folder {str(path.parent)!r} cannot be written to; give another")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"the file {str(path)!r} cannot be written to; give another name")


_temporary: dict[Path, int] = {}
"""Temporary files and folders that may be there, each with the thread that made it."""


def remove_temporary() -> None:
    """Removes what this thread has under temporary names. For a program that was stopped: a signal
    may strike while something is being removed already."""
    for path, thread in list(_temporary.items()):
        if thread == threading.get_ident():
            _remove(path)


def _remove(path: Path) -> None:
    """Removes a temporary file or folder, where it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
    _temporary.pop(path, None)


def _beside(path: Path) -> Path:
    """A temporary path in the same folder that nothing else has, which ``_remove`` takes away."""
    part = path.with_name(_temporary_name())
    _temporary[part] = threading.get_ident()
    return part


def _temporary_name() -> str:
    """One that is drawn here, not by ``tempfile``, whose files and folders are for their owner
    alone: these get the mode that any new file has."""
    return f".cantilena-{secrets.token_hex(8)}.part"


def _mode_of_new(path: Path) -> int:
    """The mode of a new file at ``path``, where none stands. It is seen on one that is made and
    taken away: asking for the umask would change it for other threads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        return stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
        path.unlink()


def _mode_within(folder: Path) -> int:
    """The mode of a new file in a folder that is new itself: the folder's, without execution."""
    return stat.S_IMODE(folder.stat().st_mode) & 0o666


def _settle(path: Path, mode: int) -> None:
    """Gives a staged file its mode and waits until its content is on the disk."""
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)
    _sync_file(path)


def _sync_file(path: Path) -> None:
    """Waits until a file's content is on the disk."""
    descriptor = os.open(path, os.O_RDWR)  # Windows flushes no file that is open to be read alone
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: str | Path) -> None:
    """Waits until a folder's names are on the disk, where the system can say so."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
