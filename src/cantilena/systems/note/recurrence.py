"""What a bar of a part is: silent, held, new, or an earlier bar taken up, exactly or not.

Knows such bars and the characters in which arrangements are written down; does not know songs or
Plans. The numbers of letters that a model reads are those of ``tokens.note.outline``.
"""

from __future__ import annotations

from dataclasses import dataclass

from cantilena.tokens.note.outline import (
    EXACT,
    HELD,
    KINDS,
    LAGS,
    NEW,
    REST,
    RHYTHM,
    VARIED,
)

__all__ = ["EXACT", "HELD", "LAGS", "NEW", "REST", "RHYTHM", "VARIED", "BarPlan"]

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


@dataclass(frozen=True)
class BarPlan:
    """One bar of one part: its ``kind``, and the bar that it takes up, or -1."""

    kind: str = NEW
    source: int = -1

    @property
    def sounds(self) -> bool:
        """Whether notes may begin in it."""
        return self.kind != REST


def letter(kind: str, lag: int = 0) -> str:
    """The letter of a bar of ``kind``, that takes up the one ``lag`` bars before."""
    return _PAIRS[kind, lag] if lag else _LETTERS[kind]


def bar_plan(letter: str, bar: int) -> BarPlan:
    """What a letter asks of a bar; new where it would take up one before the first."""
    kind, lag = _MEANING[letter]
    if not lag:
        return BarPlan(kind)
    return BarPlan(kind, bar - lag) if lag <= bar else BarPlan()
