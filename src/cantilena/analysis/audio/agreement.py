"""How far what is heard agrees with what is known of the music.

Knows tempi and chords; does not know where the truth comes from: a Score, a clip or a wish.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cantilena.analysis.audio.heard import Heard
from cantilena.analysis.audio.spectra import FRAMES
from cantilena.score.harmony import QUALITY_NAMES

TEMPO_RIGHT = 0.04
"""Share by which a tempo may be off, as in MIREX's tempo task."""
OCTAVES = (1.0, 2.0, 3.0, 1 / 2, 1 / 3)
"""Times the tempo that count as right up to octaves."""
_THIRD = {"": 0, "7": 0, "maj7": 0, "sus4": 0, "aug": 0, "m": 1, "m7": 1, "dim": 2, "m7b5": 2}
NONE = 36
KIND_OF = np.array(
    [NONE] + [12 * _THIRD[name] + root for root in range(12) for name in QUALITY_NAMES]
)
"""Of a reduced chord number its root and third: the root of major chords, and of those that are
heard as such, 12 more of minor and 24 more of diminished ones; ``NONE`` of no chord."""


def tempo_right(bpm: float | None, truth: float, times: Iterable[float] = (1.0,)) -> bool:
    """Whether a tempo is within ``TEMPO_RIGHT`` of the true one, or of it so many ``times``."""
    return bpm is not None and any(abs(bpm / truth / k - 1) <= TEMPO_RIGHT for k in times)


def chord_share(heard: Heard, start: np.ndarray, chord: np.ndarray) -> float:
    """Share of the time with a chord in which its root and third are heard; nan where there is
    none. ``chord`` (C,): reduced numbers, each from its ``start`` (C,) in seconds, rising."""
    moments = np.arange(0.0, heard.seconds, 1 / FRAMES)
    at = np.searchsorted(start, moments, side="right") - 1
    truth = np.full(len(moments), NONE)
    truth[at >= 0] = KIND_OF[chord[at[at >= 0]]]
    sounding = truth != NONE
    if not sounding.any():
        return float("nan")
    if not len(heard.chords):
        return 0.0
    slot = np.searchsorted(heard.edges, moments, side="right") - 1
    guess = KIND_OF[heard.chords[np.clip(slot, 0, len(heard.chords) - 1)]]
    return float((guess == truth)[sounding].mean())
