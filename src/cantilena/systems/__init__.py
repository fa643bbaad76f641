"""Systems: recipes of scheme, conditions, bridge and backbone, by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cantilena.errors import UnknownNameError

SYSTEMS: dict[str, str] = {
    "note": "cantilena.systems.note.composer",
    "amt": "cantilena.systems.arrival.amt",
    "amt-prefix": "cantilena.systems.arrival.amt_prefix",
    "llama-music": "cantilena.systems.arrival.llama_music",
}
"""Every system's module by name. ``note`` has a ``Composer`` and a ``Request``; those over AMT's
vocabulary have ``load(path, device, dtype)``, which gives what ``systems.arrival.writing`` calls an
ArrivalSystem."""


def system(name: str) -> Any:
    """The module of a system. Raises UnknownNameError."""
    if name not in SYSTEMS:
        raise UnknownNameError("system", name, SYSTEMS)
    return import_module(SYSTEMS[name])
