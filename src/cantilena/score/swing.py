"""Swing: whether a Score's offbeats are played late, and how late.

Knows onsets within beats; does not know how swing is written or called.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from cantilena.score.score import Score

MOST_PARTS = 8
"""Parts of a pair into which a ratio divides it at most: 5:3 is told from 2:1, 13:8 is not."""


class Swing(NamedTuple):
    """How a pair of equal note values is played: as ``first`` to ``second``, the first longer.
    ``pair``: quarters that two of them last, 1 for eighths and 0.5 for sixteenths."""

    first: int
    second: int
    pair: float

    @property
    def place(self) -> float:
        """Where the second begins, as a share of the pair."""
        return self.first / (self.first + self.second)


def eighth_swing(score: Score) -> Swing | None:
    """Whether offbeat eighths are played long-short (near 2/3 of the beat) and not straight.

    Looks at the distinct onsets of all instruments within quarter beats of metres in halves and
    quarters: swing needs at least 8 onsets between 0.58 and 0.72 of the beat, three times as
    many as near 1/2, more than near 1/3 (else they are triplets) and near 1/4 (else they are
    sixteenths), and not more than on the beat. Feel in compound metres is never called swing.
    """
    return _swing(score, 1.0)


def find_swing(score: Score) -> Swing | None:
    """The swing of a Score's eighths, else of its sixteenths by the same rules, else None."""
    return eighth_swing(score) or _swing(score, 0.5)


def _swing(score: Score, pair: float) -> Swing | None:
    at = np.searchsorted(score.metre_tick, score.onset, side="right") - 1
    simple = score.metre_den[at] <= 4
    ticks = np.unique((score.onset - score.metre_tick[at])[simple])
    place = (ticks % (score.tpq * pair)) / (score.tpq * pair)

    def near(low: float, high: float) -> np.ndarray:
        return (place >= low) & (place <= high)

    late = near(0.58, 0.72)
    count, straight, early, quarter, on = (
        int(np.count_nonzero(where))
        for where in (
            late,
            near(0.44, 0.56),
            near(0.29, 0.38),
            near(0.2, 0.28),
            near(0, 0.06) | near(0.94, 1),
        )
    )
    if count < 8 or count <= 3 * straight or not on >= count > max(early, quarter):
        return None
    ratio = Fraction(float(np.median(place[late]))).limit_denominator(MOST_PARTS)
    return Swing(ratio.numerator, ratio.denominator - ratio.numerator, pair)
