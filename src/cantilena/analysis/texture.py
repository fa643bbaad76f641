"""Instruments, registers, density and polyphony: what a Score is made of.

Knows who plays, how much, how high and how thickly; does not know roles such as melody or bass.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.attributes import Part
from cantilena.score.score import DRUMS, Score


def sounding_ticks(
    onset: np.ndarray, end: np.ndarray, group: np.ndarray, n_groups: int
) -> np.ndarray:
    """(n_groups,) ticks during which at least one note of each group sounds.

    ``onset``, ``end``: (N,) ticks; ``group``: (N,) ints below ``n_groups``.
    """
    if not len(onset):
        return np.zeros(n_groups, dtype=np.int64)
    shift = group * (int(end.max()) + 1)
    order = np.argsort(onset + shift, kind="stable")
    start, stop = (onset + shift)[order], (end + shift)[order]
    reached = np.append(-1, np.maximum.accumulate(stop)[:-1])
    fresh = np.maximum(stop - np.maximum(start, reached), 0)
    return np.bincount(group[order], weights=fresh, minlength=n_groups).astype(np.int64)


def parts(score: Score) -> tuple[Part, ...]:
    """The instruments that sound, the largest share first, then the lowest number."""
    if not len(score):
        return ()
    instrument = score.instrument
    length = np.where(instrument == DRUMS, max(1, score.tpq // 2), score.duration)
    sounding = sounding_ticks(score.onset, score.onset + length, instrument, DRUMS + 1)
    note_ticks = np.bincount(instrument, weights=length, minlength=DRUMS + 1)
    count = np.bincount(instrument, minlength=DRUMS + 1)
    pitch = score.pitch[np.lexsort((score.pitch, instrument))]
    first = np.cumsum(count) - count
    rows = []
    for i in np.flatnonzero(count).tolist():
        rank = first[i] + np.rint(np.array([0.05, 0.5, 0.95]) * (count[i] - 1)).astype(np.int64)
        low, middle, high = pitch[rank].tolist()
        share, thick = sounding[i] / sounding.sum(), note_ticks[i] / sounding[i]
        rows.append(Part(i, float(share), low, middle, high, int(count[i]), float(thick)))
    return tuple(sorted(rows, key=lambda p: (-p.share, p.instrument)))


def polyphony(score: Score) -> float:
    """Mean number of pitched notes sounding at once while any sounds; 0 if none does."""
    pitched = ~score.is_drum
    onset, length = score.onset[pitched], score.duration[pitched]
    sounding = sounding_ticks(onset, onset + length, np.zeros(len(onset), dtype=np.int64), 1)[0]
    return float(length.sum() / sounding) if sounding else 0.0


def density(score: Score) -> float:
    """Notes per bar, drums included."""
    return len(score) / score.n_bars
