"""How the command line names the files that it writes, and what it says of it.

Knows ``--name`` and ``--replace``; what a name may be is in ``names``, which of them is free in
``render.formats``. Light to import, as the parser asks it for its options.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cantilena.errors import CantilenaError, InputError, Notice
from cantilena.names import check_name, distinct, numbered, safe_name


def name_argument(parser: Any, default: str) -> None:
    """The option that names the files. ``default``: what names them without it."""
    parser.add_argument(
        "--name",
        metavar="NAME",
        help=f"name of the files, without ending; of several pieces NAME-1, NAME-2 ... ({default})",
    )


def replace_argument(parser: Any) -> None:
    """The option that gives up what is there."""
    parser.add_argument(
        "--replace",
        action="store_true",
        help="replace files of the name that hold something else (they stay, and the new ones get "
        "a number)",
    )


def free_path(path: str | Path, replace: bool) -> Path:
    """A path that may be written. Raises InputError where a file stands there."""
    path = Path(path)
    if path.exists() and not replace:
        raise InputError(f"{str(path)!r} is there already; give another -o, or --replace")
    return path


def names_asked(name: str | None, count: int) -> list[str] | None:
    """The names that ``--name`` gives to ``count`` pieces, None without it. Raises InputError for
    one that cannot be a file's."""
    if name is None:
        return None
    try:
        return numbered(check_name(name), count)
    except InputError as error:
        raise InputError(f"--name {error}") from None


def names_of_sources(paths: Sequence[str | Path], suffix: str = "") -> list[str]:
    """Names for what is made of files: their own with ``suffix`` behind, made safe, each another.
    Where that changes one, a Notice says so."""
    stems = [Path(path).stem for path in paths]
    names = distinct([safe_name(stem, suffix) for stem in stems])
    for path, stem, name in zip(paths, stems, names, strict=True):
        if name != f"{stem}{suffix}":
            text = f"what is made of {str(path)!r} is named {name!r}; --name chooses another"
            warnings.warn(Notice(text), stacklevel=2)
    return names


def notice_number(name: str, files: Mapping[str, Path], replaces: bool = False) -> str:
    """The name that a piece's files got. Where it is not ``name`` a Notice says why, and what
    helps: ``--replace`` where the command has that option (``replaces``; that of ``rewrite`` says
    which instrument makes way), else ``--name``."""
    path = next(iter(files.values()))
    free = path.name.removesuffix(path.suffix)
    if free != name:
        there = str(path.with_name(f"{name}.*"))
        remedy = "--replace puts it in the place" if replaces else "--name chooses another"
        text = (
            f"{there!r} holds another piece, or was changed, and stays; this one is named {free!r} "
            f"({remedy})"
        )
        warnings.warn(Notice(text), stacklevel=2)
    return free


def failure_lines(failures: Mapping[str, CantilenaError]) -> list[str]:
    """What of the formats asked for could not be made, and why, a line each."""
    return [f"no {form} was written: {error}" for form, error in failures.items()]


def failure_code(failures: Mapping[str, CantilenaError]) -> int:
    """The exit code: 0 where all was written, 2 where the input was at fault, else 1."""
    if any(isinstance(error, InputError) for error in failures.values()):
        return 2
    return 1 if failures else 0
