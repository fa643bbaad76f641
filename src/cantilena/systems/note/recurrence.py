"""What a bar of a part is: silent, held, new, or an earlier bar taken up, exactly or not.

Knows such bars and the characters in which arrangements are written down; does not know songs or
Plans. The numbers of letters that a model reads are those of ``tokens.note.outline``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from cantilena.tokens.note.outline import (
    EXACT,
    HELD,
    KINDS,
    LAGS,
    MEANINGS,
    NEW,
    REST,
    RHYTHM,
    UNKNOWN_COUNT,
    VARIED,
    Outline,
)

__all__ = ["EXACT", "FILL", "HELD", "LAGS", "NEW", "REST", "RHYTHM", "VARIED", "BarPlan"]

FILL = "fill"
"""A drummer's fill: what a model reads as new."""
_LETTERS = {REST: "-", HELD: "_", NEW: "."}
_PAIRS = {
    (kind, lag): chr(ord("a") + len(LAGS) * k + n)
    for k, kind in enumerate(KINDS)
    for n, lag in enumerate(LAGS)
}
_MEANING = {letter: (kind, 0) for kind, letter in _LETTERS.items()} | {
    letter: pair for pair, letter in _PAIRS.items()
}
ALPHABET = frozenset(_MEANING)
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Characters that stand for 0, 1, 2, ... notes."""


@dataclass(frozen=True)
class BarPlan:
    """One bar of one part: its ``kind``, the bar that it takes up, or -1, and how many ``notes`` it
    has, ``UNKNOWN_COUNT`` where nobody said that."""

    kind: str = NEW
    source: int = -1
    notes: int = field(default=UNKNOWN_COUNT, compare=False)

    @property
    def sounds(self) -> bool:
        """Whether notes may begin in it."""
        return self.kind != REST


def letter(kind: str, lag: int = 0) -> str:
    """The letter of a bar of ``kind``, that takes up the one ``lag`` bars before."""
    return _PAIRS[kind, lag] if lag else _LETTERS[kind]


def bar_plan(letter: str, bar: int, notes: int = UNKNOWN_COUNT) -> BarPlan:
    """What a letter asks of a bar; new where it would take up one before the first."""
    kind, lag = _MEANING[letter]
    if not lag:
        return BarPlan(kind, notes=notes)
    return BarPlan(kind, bar - lag, notes) if lag <= bar else BarPlan(notes=notes)


def bars_of(outline: Outline, instrument: int) -> list[BarPlan]:
    """The bars of an instrument in an Outline that knows all of its own; of one that it has not,
    silent ones."""
    bars = outline.letters.shape[1]
    place = int(np.searchsorted(outline.instruments, instrument))
    if place == len(outline.instruments) or outline.instruments[place] != instrument:
        return [BarPlan(REST, notes=0)] * bars
    columns = (outline.letters, outline.sources, outline.counts)
    out = []
    for number, source, notes in zip(*(column[place].tolist() for column in columns), strict=True):
        kind, lag = MEANINGS[number]
        out.append(BarPlan(kind, source if lag else -1, notes))
    return out


def write_counts(counts: Sequence[int]) -> str:
    """Numbers of notes as characters; the last stands for all beyond."""
    return "".join(DIGITS[min(n, len(DIGITS) - 1)] for n in counts)


@lru_cache(maxsize=1 << 14)
def read_counts(letters: str, new: str) -> tuple[int, ...]:
    """The notes of each bar of a part, from those of its new bars as ``write_counts`` has them: a
    bar that takes up another has as many."""
    left = iter(new)
    out: list[int] = []
    for bar, (kind, lag) in enumerate(_MEANING[one] for one in letters):
        if kind == NEW:
            out.append(DIGITS.index(next(left)))
        elif lag:
            out.append(out[bar - lag] if lag <= bar else UNKNOWN_COUNT)
        else:
            out.append(0)
    return tuple(out)


def scaled(notes: int, scale: float) -> int:
    """A number of notes multiplied by ``scale``; one above 0 stays above 0."""
    return max(round(notes * scale), 1) if notes > 0 else notes
