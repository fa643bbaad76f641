"""Cantilena: turns a sentence into music a musician can edit. The public names, loaded lazily.

    result = cantilena.compose("a slow sad waltz for string quartet in D minor", bars=32)
    result.save("out")

Importing this module loads nothing else; a name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cantilena.version import __version__ as __version__

if TYPE_CHECKING:
    from cantilena.api import (
        accompany,
        chords,
        compose,
        compose_many,
        harmonise,
        load,
        melody,
        rewrite,
    )
    from cantilena.errors import CantilenaError
    from cantilena.result import Result
    from cantilena.score.score import Score
    from cantilena.systems.request import Edit, Request, Span
    from cantilena.text.wishes import Brief

__all__ = [
    "Brief",
    "CantilenaError",
    "Edit",
    "Request",
    "Result",
    "Score",
    "Span",
    "accompany",
    "chords",
    "compose",
    "compose_many",
    "harmonise",
    "load",
    "melody",
    "rewrite",
]

_HOMES = {
    "Brief": "cantilena.text.wishes",
    "CantilenaError": "cantilena.errors",
    "Edit": "cantilena.systems.request",
    "Request": "cantilena.systems.request",
    "Result": "cantilena.result",
    "Score": "cantilena.score.score",
    "Span": "cantilena.systems.request",
    "accompany": "cantilena.api",
    "chords": "cantilena.api",
    "compose": "cantilena.api",
    "compose_many": "cantilena.api",
    "harmonise": "cantilena.api",
    "load": "cantilena.api",
    "melody": "cantilena.api",
    "rewrite": "cantilena.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cantilena' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
