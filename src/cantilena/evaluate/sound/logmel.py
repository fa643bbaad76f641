"""A plain description of sound: log-mel statistics of short windows, in numpy.

Knows log-mel bands (``audio.mel``); does not know music or files. It needs no weights and says how
sound is spread over bands, how that varies and how fast it changes. It was trained on nothing, so
a distance over it is no measure of what people hear, and is never called FAD. It is blunt: between
sets of 30 pieces it noticed that most notes were missing, but not wrong pitches, lost rhythm or
other instruments (``benchmarks/embedder_sanity.py``); ``evaluate.sound.chroma`` stands beside it.
"""

from __future__ import annotations

import numpy as np

from cantilena.audio.mel import BANDS, HOP, RATE, log_mel

WINDOW, STEP = 2.0, 1.0
"""Seconds of a window, and from one to the next."""
LAG = 5
"""Frames (50 ms) over which change is measured."""
DIMENSIONS = 3 * BANDS


def embed(samples: np.ndarray) -> np.ndarray:
    """(T, DIMENSIONS) float32: a vector for each window of 2 s, one a second, of (n,) samples at
    ``RATE``; what is shorter than a window is one.

    A vector holds, for each band, the mean of its log power over the window, its standard
    deviation, and its mean absolute change from frame to frame of 50 ms. Raises InputError.
    """
    bands = log_mel(samples)
    length, step = round(WINDOW * RATE / HOP), round(STEP * RATE / HOP)
    starts = range(0, max(1, len(bands) - length + 1), step)
    rows = []
    for i in starts:
        part = bands[i : i + length]
        lag = min(LAG, len(part) - 1)
        change = np.abs(part[lag:] - part[: len(part) - lag]).mean(0)
        rows.append(np.concatenate([part.mean(0), part.std(0), change]))
    return np.stack(rows).astype(np.float32)
