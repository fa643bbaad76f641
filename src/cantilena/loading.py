"""The system of a checkpoint, loaded once.

Knows where a checkpoint may be and when its files have changed; does not know what is in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.systems.base import System


def load(checkpoint: str | Path | None = None, system: str | None = None, **options: Any) -> System:
    """The system of a checkpoint: a folder, or what its system takes besides (a hub name); where
    none is named the system's default one, which is the shipped one of ``note``.

    ``system``: a name in ``systems.SYSTEMS``; None: as the checkpoint's folder says, "note" where
    it does not. ``options``: the system's own, as ``device`` and ``dtype`` for those on torch. A
    checkpoint is loaded once: the next call gives the same object, unless its files have changed.
    Raises UnknownNameError for a system, InputError for a folder that is not there, CheckpointError
    for a checkpoint that cannot be used, MissingExtraError where more must be installed.
    """
    from cantilena.systems import no_checkpoint, spec

    if not isinstance(checkpoint, (str, Path, type(None))):
        raise InputError(f"a checkpoint is named by text, not {checkpoint!r}")
    if not isinstance(system, (str, type(None))):
        raise InputError(f"a system is named by text, not {system!r}")
    name = system or system_of(checkpoint)
    line = spec(name)
    if checkpoint is None and not line.default:
        raise no_checkpoint(name)
    key = None if checkpoint is None else str(checkpoint)
    if checkpoint is not None:
        path = Path(checkpoint)
        if path.exists():
            key = str(path.resolve())
        elif name == "note" or path.is_absolute() or str(checkpoint).startswith((".", "~")):
            raise InputError(f"there is no checkpoint {str(path)!r}; give the folder of one")
    _check_load_options(name, options)
    return _loaded(name, key, _state(key), tuple(sorted(options.items())))


def _check_load_options(name: str, options: Mapping[str, Any]) -> None:
    """Raises InputError for options that the system's ``load`` does not take."""
    from cantilena.systems import system_class

    if not options:
        return
    names = [n for n in signature(system_class(name).load).parameters if n != "checkpoint"]
    for option, value in options.items():
        if option not in names:
            choices = f"; it has {', '.join(names)}" if names else ""
            raise InputError(f"the system {name!r} has no {option!r} to be loaded with{choices}")
        if not isinstance(value, Hashable):
            raise InputError(f"the option {option!r} of loading cannot be {value!r}")


def system_of(checkpoint: str | Path | None) -> str:
    """The system that a checkpoint's folder is of, also a run's and one in a published layout;
    "note" where that cannot be told."""
    from cantilena.models.checkpoint import system_in

    return (system_in(checkpoint) if checkpoint is not None else "") or "note"


def _state(key: str | None) -> tuple[tuple[str, int, int], ...]:
    """What tells whether a folder's files have changed: names, sizes and times."""
    if key is None or not Path(key).is_dir():
        return ()
    files = sorted(path for path in Path(key).rglob("*") if path.is_file())
    stats = [(path, path.stat()) for path in files]
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)


@lru_cache(maxsize=4)
def _loaded(name: str, checkpoint: str | None, state: Any, options: tuple[Any, ...]) -> System:
    from cantilena.systems import extra_needed, spec, system_class

    with extra_needed(spec(name).extra, f"the system {name!r}"):
        return system_class(name).load(checkpoint, **dict(options))


def as_system(checkpoint: str | Path | System | None, system: str | None = None) -> System:
    """A checkpoint's system; what is one already stays. Raises InputError where it is another than
    the one named."""
    if checkpoint is None or isinstance(checkpoint, (str, Path)):
        return load(checkpoint, system)
    if not hasattr(checkpoint, "compose"):
        raise InputError(
            f"a checkpoint is a folder or what load() returned, not {type(checkpoint).__name__}"
        )
    if system is not None and system != checkpoint.system:
        raise InputError(f"the checkpoint is of the system {checkpoint.system!r}, not {system!r}")
    return checkpoint
