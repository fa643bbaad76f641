"""How well notes that were heard are those that sound: precision, recall and F1.

Knows notes as times and pitches; does not know who heard them. A note is right where one of the
same pitch, drum or not, begins within ``TOLERANCE`` of it, as MIREX has it for onsets; each counts
once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

TOLERANCE = 0.05
"""Seconds between two onsets at most."""


class HeardNote(NamedTuple):
    """``onset`` in seconds; ``instrument`` 0-127, 128 for drums; ``pitch``."""

    onset: float
    instrument: int
    pitch: int


class Agreement(NamedTuple):
    """How many notes are ``right``, of those that were ``heard`` and those that ``sound``."""

    right: int
    heard: int
    sound: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, 0-1; 1 where nothing sounds and nothing is
        heard."""
        both = self.heard + self.sound
        return 2 * self.right / both if both else 1.0

    def __add__(self, other: object) -> Agreement:  # type: ignore[override]
        if not isinstance(other, Agreement):
            return NotImplemented
        return Agreement(*(a + b for a, b in zip(self, other, strict=True)))


def agreement(
    heard: Iterable[HeardNote],
    sound: Iterable[HeardNote],
    tolerance: float = TOLERANCE,
    instruments: bool = False,
) -> Agreement:
    """Compares notes; with ``instruments`` these have to be the same too, else only whether it is a
    drum."""
    sides: tuple[defaultdict[tuple[int, int], list[float]], ...] = (
        defaultdict(list),
        defaultdict(list),
    )
    for side, notes in zip(sides, (heard, sound), strict=True):
        for note in notes:
            which = note.instrument if instruments else int(note.instrument == 128)
            side[which, note.pitch].append(note.onset)
    right = sum(_matched(sorted(sides[0][k]), sorted(sides[1][k]), tolerance) for k in sides[0])
    return Agreement(right, *(sum(map(len, side.values())) for side in sides))


def _matched(one: list[float], other: list[float], tolerance: float) -> int:
    """How many times of two rising rows can be paired, the earliest first, which is the most."""
    count = i = j = 0
    while i < len(one) and j < len(other):
        apart = one[i] - other[j]
        if abs(apart) <= tolerance + 1e-9:
            count, i, j = count + 1, i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return count
