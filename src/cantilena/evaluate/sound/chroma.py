"""A plain description of harmony and rhythm in sound, in numpy.

Knows pitch classes and bands (``audio.chroma``, ``audio.mel``); does not know music or files. It
needs no weights and was trained on nothing. For windows of sound it says which intervals sound
together, whatever the key, and at what distances in time onsets come back, whatever the
instruments; ``evaluate.sound.logmel`` hears timbre and loudness. Of damaged music it notices
pitches at random, which that does not, and lost rhythm hardly (``benchmarks/embedder_sanity.py``).
"""

from __future__ import annotations

import numpy as np

from cantilena.audio import mel
from cantilena.audio.chroma import HOP, RATE, chroma

WINDOW, STEP = 4.0, 1.0
"""Seconds of a window, and from one to the next."""
INTERVALS = range(1, 7)
"""Semitones: those up to the tritone, as the rest are their inversions."""
LAGS = np.arange(10, 151, 5)
"""Frames of 10 ms at which onsets are compared: 0.1 to 1.5 s."""
FLOOR = 1e-6
"""Added to magnitudes and powers, so that silence has shares."""
TINY = 1e-12
"""Below which a share has no logarithm; it weighs nothing in an entropy."""
DIMENSIONS = len(INTERVALS) + 3 + len(LAGS) + 2
"""Intervals, two entropies and the change of harmony; lags, mean and deviation of onsets."""


def embed(samples: np.ndarray) -> np.ndarray:
    """(T, DIMENSIONS) float32: a vector for each window of 4 s, one a second, of (n,) samples at
    ``RATE``; what is shorter than a window is one.

    A vector holds: of the window's pitch classes the products at one to six semitones (as shares
    of that at none) and the entropy; the mean entropy of its frames, and how much they change from
    one to the next; the autocorrelation of onset strength (the rise of log-mel bands) at ``LAGS``;
    its mean and standard deviation. Raises InputError.
    """
    classes, bands = chroma(samples), mel.log_mel(samples)
    rise = np.maximum(0.0, np.diff(bands, axis=0, prepend=bands[:1])).mean(1)
    slow, quick = RATE / HOP, RATE / mel.HOP
    count = max(1, int((len(bands) / quick - WINDOW) / STEP) + 1)
    rows = []
    for k in range(count):
        low, high = (round((k * STEP + s) * slow) for s in (0.0, WINDOW))
        window = classes[min(low, len(classes) - 1) : high]
        start, stop = (round((k * STEP + s) * quick) for s in (0.0, WINDOW))
        rows.append(np.concatenate([_harmony(window), _rhythm(rise[start:stop])]))
    return np.stack(rows).astype(np.float32)


def _harmony(classes: np.ndarray) -> np.ndarray:
    """(9,) of (T, 12) frames."""
    whole = classes.sum(0) + FLOOR
    unison = float(whole @ whole)
    products = [float(whole @ np.roll(whole, k)) / unison for k in INTERVALS]
    shares = (classes + FLOOR) / (classes + FLOOR).sum(1, keepdims=True)
    change = np.abs(np.diff(shares, axis=0)).sum(1).mean() if len(shares) > 1 else 0.0
    return np.array([*products, _entropy(whole / whole.sum()), _entropy(shares), change])


def _entropy(shares: np.ndarray) -> float:
    """Mean entropy in bits of shares along the last axis."""
    return float(-(shares * np.log2(np.maximum(shares, TINY))).sum(-1).mean())


def _rhythm(rise: np.ndarray) -> np.ndarray:
    """(len(LAGS) + 2,) of (T,) onset strengths."""
    level = rise - rise.mean()
    power = float(level @ level) + FLOOR
    returns = [float(level[k:] @ level[:-k]) / power if len(level) > k else 0.0 for k in LAGS]
    return np.array([*returns, rise.mean(), rise.std()])
