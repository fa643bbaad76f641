"""Checks of a Brief that comes from a file: that its fields are of the kinds they should be.

Knows kinds and ranges alone; names of keys, chords and metres are checked where Briefs are made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cantilena.errors import BriefError
from cantilena.score import DRUMS
from cantilena.text.labels import GENRES, MOODS
from cantilena.text.wishes import (
    MAX_BARS,
    PART_WISHES,
    Brief,
    Change,
    Instrument,
    PartWish,
    Section,
)

MOST_PLAYERS = 100  # of one instrument


def check_brief(brief: Brief) -> Brief:
    """The Brief, where all its fields are of the right kind. Raises BriefError otherwise."""
    for name, right in _KINDS.items():
        value = getattr(brief, name)
        if not right(value):
            raise BriefError(f"its {name} cannot be {value!r}")
    return brief


def _number(value: Any) -> bool:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and 0 < value < math.inf


def _whole(value: Any) -> bool:
    return isinstance(value, int) and _number(value)


def _program(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= DRUMS


def _each(right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(map(right, value))


def _or_none(right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or right(value)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _instrument(value: Any) -> bool:
    return (
        isinstance(value, Instrument)
        and _text(value.name)
        and bool(value.programs)
        and all(map(_program, value.programs))
        and isinstance(value.count, int)
        and 1 <= value.count <= MOST_PLAYERS
    )


def _range(value: Any) -> bool:
    return _each(_number)(value) and len(value) == 2 and value[0] <= value[1]


def _part_wish(value: Any) -> bool:
    return isinstance(value, PartWish) and _text(value.part) and _text(value.value)


def _section(value: Any) -> bool:
    return (
        isinstance(value, Section)
        and _text(value.name)
        and (value.bars is None or (_whole(value.bars) and value.bars <= MAX_BARS))
        and _each(_text)(value.parts)
    )


def _change(value: Any) -> bool:
    return isinstance(value, Change) and all(
        map(_text, (value.kind, value.where, value.part, value.to))
    )


_KINDS: dict[str, Callable[[Any], bool]] = {
    "text": _text,
    "read_by": _text,
    "instruments": _each(_instrument),
    "excluded": _each(_program),
    "tempo": _or_none(_number),
    "tempo_range": _or_none(_range),
    "bars": _or_none(_whole),
    "seconds": _or_none(_number),
    "chords": _each(_text),
    "chord_beats": _or_none(_number),
    "bars_range": _or_none(lambda v: _range(v) and all(map(_whole, v))),
    "seconds_range": _or_none(_range),
    **dict.fromkeys(PART_WISHES, _each(_part_wish)),
    "form": _each(_section),
    "changes": _each(_change),
    "repetition": _each(_text),
    "unplaced": _each(_text),
    "genres": _each(GENRES.__contains__),
    "moods": _each(MOODS.__contains__),
    **dict.fromkeys(("only", "form_whole"), lambda v: isinstance(v, bool)),
    "swing": _or_none(lambda v: isinstance(v, bool)),
    "density": _or_none(_text),
    "timing": _or_none(_text),
    "how": lambda v: isinstance(v, dict) and all(map(_text, v.values())),
}
