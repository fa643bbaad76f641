"""The chord row of a bar: what sounds in its first quarter, by the rules of chorder 0.1.2.

Knows notes as numbers and the names of chords in the vocabulary; does not know Scores.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cantilena.tokens.symphony.vocab import NAMES, NO_CHORD

SPAN = 8  # 32nds of a bar that are heard: a quarter
LOWEST, HIGHEST = 21, 108

_TRIADS = {
    "M": (10, -2, -1, -2, 10, -5, -2, 10, -2, -1, -2, 0),
    "m": (10, -2, -1, 10, -2, -5, -2, 10, -1, -2, 0, -2),
    "o": (10, -2, -1, 10, -2, -1, 10, -2, -2, 1, -1, -2),
    "+": (10, -2, -1, -2, 10, -1, -2, -2, 10, -1, -2, 0),
    "sus2": (10, -2, 5, -2, -1, -5, -2, 5, -2, -1, -2, 0),
    "sus4": (10, -2, -1, -2, -5, 5, -2, 5, -2, -1, -2, 0),
}
"""What each semitone above the root counts for a triad; the first of equal ones is taken."""

_OVER_BASS = {
    ("o", 4): "D7",
    ("o", 3): "o7",
    ("M", 3): "m7",
    ("m", 4): "M7",
    ("m", 3): "/o7",
    ("sus2", 5): "sus4",
    ("sus4", 7): "sus2",
}
"""What a triad becomes above a bass so many semitones below its root."""


def chord_of(notes: Iterable[tuple[int, int, int]], bar: int) -> str:
    """The chord of a bar of ``bar`` 32nds by its notes that are no drums, each (onset in the bar,
    length, pitch) in 32nds: a name of the vocabulary, "NA" where none is heard. A note on the
    first beat counts as sounding through it."""
    end = min(bar, SPAN)
    mass, by_pitch = np.zeros(12, dtype=np.int64), np.zeros(128, dtype=np.int64)
    for onset, length, pitch in notes:
        if onset >= SPAN or not LOWEST <= pitch <= HIGHEST:
            continue
        sounding = min(onset + length if onset else SPAN, end) - onset
        if sounding > 0:
            mass[pitch % 12] += sounding
            by_pitch[pitch] += sounding
    best, root, quality = 0, -1, ""
    for tonic in np.flatnonzero(mass).tolist():
        above = np.roll(mass, -tonic)
        for name, weights in _TRIADS.items():
            score = int(above @ np.array(weights))
            if score > best:
                best, root, quality = score, tonic, name
    if not best or best < 10 * end:
        return NO_CHORD
    lowest = np.flatnonzero(by_pitch * 8 >= end)
    bass = int(lowest[0]) % 12 if len(lowest) else root
    over = _OVER_BASS.get((quality, (root - bass) % 12))
    if over is not None:
        root, quality = bass, over
    return NAMES[root] + _seventh(quality, np.roll(mass, -root))


def _seventh(quality: str, above: np.ndarray) -> str:
    """The quality of a triad with the seventh that sounds with it."""
    minor, major = int(above[10]), int(above[11])
    if quality == "M" and minor != major:
        return "M7" if major > minor else "D7"
    return "m7" if quality == "m" and minor else quality
