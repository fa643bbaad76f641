"""What a bar of a part is: silent, held, new, or an earlier bar taken up, exactly or not.

Knows such bars and the letters that arrangements are counted in; does not know songs or Plans.
"""

from __future__ import annotations

from dataclasses import dataclass

LAGS = (1, 2, 4, 8, 16)
"""Bars back that a bar of a training song is compared with."""
EXACT, VARIED, RHYTHM = "exact", "varied", "rhythm"
"""The same notes; most of them; other pitches in the same rhythm."""
REST, HELD, NEW, FILL = "rest", "held", "new", "fill"
"""Silence; a note that goes on from the bar before; what takes up nothing; a drummer's fill."""
_LETTERS = {REST: "-", HELD: "_", NEW: "."}
_PAIRS = {
    (kind, lag): chr(ord("a") + len(LAGS) * k + n)
    for k, kind in enumerate((EXACT, VARIED, RHYTHM))
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
