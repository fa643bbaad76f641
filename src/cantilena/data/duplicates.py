"""Near-duplicates: songs that are the same performance in another file.

Knows melodic n-grams; does not know titles or files. A song's sketch is made of its n-grams of
``GRAM`` notes in each instrument's upper line, as intervals and rounded steps of time, so that
neither key, tempo, instruments, velocities nor a cut at the start hides a copy. The smallest
hashes are kept, which makes the share of hashes that two sketches have in common an estimate of the
songs' Jaccard similarity (bottom-k sketches; Broder 1997).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.score.score import DRUMS
from cantilena.tokens.note import GRID

GRAM = 16
"""Notes of an n-gram."""
SKETCH = 64
"""Hashes of a sketch, at most."""
SIMILAR = 0.4
"""Jaccard similarity, 0-1, from which two songs are one."""

_STEP = GRID // 4  # a sixteenth: steps of time are rounded to it
_MAX_STEP = 63  # sixteenths: longer ones are all alike
_MIN_PITCHES = 5  # different ones in an n-gram; many songs share those of fewer
_COMMON = 40  # a hash in more songs than this is a scale or an exercise, not a song


def sketch(table: np.ndarray) -> np.ndarray:
    """(K,) sorted uint64, K <= ``SKETCH``, of an (N, 5) note table; () for drums alone. N-grams
    of fewer than five different pitches are passed over."""
    notes = table[table[:, 1] != DRUMS]
    order = np.lexsort((-notes[:, 2], notes[:, 0], notes[:, 1]))
    onset, part, pitch = notes[order, 0], notes[order, 1], notes[order, 2]
    top = np.append(True, (np.diff(onset) != 0) | (np.diff(part) != 0))[: len(onset)]
    onset, part, pitch = onset[top], part[top], pitch[top]
    n = len(onset) - GRAM + 1
    if n < 1:
        return np.zeros(0, dtype=np.uint64)
    step = np.clip((np.diff(onset) + _STEP // 2) // _STEP, 0, _MAX_STEP)
    interval = np.diff(pitch) + 128  # pitches are 0-127
    token = (interval * (_MAX_STEP + 1) + step).astype(np.uint64)
    total = np.zeros(n, dtype=np.uint64)
    for i in range(GRAM - 1):
        total = _mix(total ^ token[i : i + n])
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(pitch, GRAM), axis=1)
    varied = (np.diff(windows, axis=1) > 0).sum(1) >= _MIN_PITCHES - 1
    varied &= part[:n] == part[GRAM - 1 :]
    return np.unique(total[varied])[:SKETCH]


def _mix(values: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele et al. 2014): spreads every bit."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def copies(sketches: Sequence[np.ndarray], rank: Sequence[int]) -> dict[int, int]:
    """Which songs repeat an earlier one: song to the song it repeats.

    Songs are taken in the order of ``rank`` (lower first, then by place); one that is like a song
    already kept is a copy. Two songs are alike when at least ``SIMILAR`` of their smallest common
    hashes agree.
    """
    owners: dict[int, list[int]] = {}
    originals: dict[int, int] = {}
    for i in sorted(range(len(sketches)), key=lambda i: (rank[i], i)):
        hashes = sketches[i].tolist()
        candidates = {song for h in hashes for song in owners.get(h, ())}
        alike = [(_similarity(sketches[i], sketches[j]), -j) for j in candidates]
        similarity, original = max(alike, default=(0.0, 0))  # of equals the first song
        if similarity >= SIMILAR:
            originals[i] = -original
            continue
        for h in hashes:
            if len(songs := owners.setdefault(h, [])) < _COMMON:
                songs.append(i)
    return originals


def _similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Jaccard similarity of the sets that two bottom-k sketches were drawn from, 0-1."""
    union = np.union1d(a, b)[:SKETCH]
    both = np.intersect1d(a, b, assume_unique=True)
    return len(np.intersect1d(union, both, assume_unique=True)) / max(len(union), 1)
