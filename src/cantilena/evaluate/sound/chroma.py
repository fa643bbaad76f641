"""A plain description of harmony and rhythm in sound, in numpy.

Knows samples; does not know music or files. It needs no weights and was trained on nothing. For
windows of sound it says which intervals sound together, whatever the key, and at what distances in
time onsets come back, whatever the instruments; ``audio.logmel`` hears timbre and loudness. Of
damaged music it notices pitches at random, which that does not, and lost rhythm hardly
(``benchmarks/embedder_sanity.py``).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cantilena.audio.logmel import HOP, RATE, frames, hann, log_mel, validate

FFT, FRAME_HOP = 4096, 800
LOWEST, HIGHEST = 65.0, 2_100.0
"""Hz from C2, below which semitones run into one another, to C7."""
WINDOW, STEP = 4.0, 1.0
"""Seconds of a window, and from one to the next."""
LAGS = np.arange(10, 151, 5)
"""Frames of 10 ms at which onsets are compared: 0.1 to 1.5 s."""
FLOOR = 1e-6
DIMENSIONS = 9 + len(LAGS) + 2


@lru_cache(maxsize=1)
def bank() -> np.ndarray:
    """(FFT // 2 + 1, 12) share of each bin in each pitch class: all of it at the pitch, none a
    semitone away, in proportion between."""
    hertz = np.fft.rfftfreq(FFT, 1 / RATE)
    inside = (hertz >= LOWEST) & (hertz <= HIGHEST)
    pitch = 69 + 12 * np.log2(np.maximum(hertz, 1.0) / 440.0)
    apart = np.abs((pitch[:, None] - np.arange(12) + 6) % 12 - 6)
    return np.where(inside[:, None], np.maximum(0.0, 1 - apart), 0.0)


def chroma(samples: np.ndarray) -> np.ndarray:
    """(T, 12) how strongly each pitch class sounds, 20 frames a second, of (n,) samples at
    ``RATE``: sums of the roots of powers, so that soft notes count beside loud ones."""
    blocks = frames(validate(samples), FFT, FRAME_HOP)
    parts = []
    for i in range(0, len(blocks), 600):
        spectrum = np.abs(np.fft.rfft(blocks[i : i + 600] * hann(FFT), axis=1))
        parts.append(spectrum @ bank())
    return np.concatenate(parts) / FFT


def embed(samples: np.ndarray) -> np.ndarray:
    """(T, DIMENSIONS) float32: a vector for each window of 4 s, one a second, of (n,) samples at
    ``RATE``; what is shorter than a window is one.

    A vector holds: of the window's pitch classes the products at one to six semitones (as shares
    of that at none) and the entropy; the mean entropy of its frames, and how much they change from
    one to the next; the autocorrelation of onset strength (the rise of log-mel bands) at ``LAGS``;
    its mean and standard deviation. Raises InputError.
    """
    classes, bands = chroma(samples), log_mel(samples)
    rise = np.maximum(0.0, np.diff(bands, axis=0, prepend=bands[:1])).mean(1)
    slow, quick = RATE / FRAME_HOP, RATE / HOP
    count = max(1, int((len(bands) / quick - WINDOW) / STEP) + 1)
    rows = []
    for k in range(count):
        low, high = (round((k * STEP + s) * slow) for s in (0.0, WINDOW))
        heard = classes[min(low, len(classes) - 1) : high]
        start, stop = (round((k * STEP + s) * quick) for s in (0.0, WINDOW))
        rows.append(np.concatenate([_harmony(heard), _rhythm(rise[start:stop])]))
    return np.stack(rows).astype(np.float32)


def _harmony(classes: np.ndarray) -> np.ndarray:
    """(9,) of (T, 12) frames."""
    whole = classes.sum(0) + FLOOR
    own = float(whole @ whole)
    products = [float(whole @ np.roll(whole, k)) / own for k in range(1, 7)]
    shares = (classes + FLOOR) / (classes + FLOOR).sum(1, keepdims=True)
    change = np.abs(np.diff(shares, axis=0)).sum(1).mean() if len(shares) > 1 else 0.0
    return np.array([*products, _entropy(whole / whole.sum()), _entropy(shares), change])


def _entropy(shares: np.ndarray) -> float:
    """Mean entropy in bits of shares along the last axis."""
    return float(-(shares * np.log2(np.maximum(shares, 1e-12))).sum(-1).mean())


def _rhythm(rise: np.ndarray) -> np.ndarray:
    """(len(LAGS) + 2,) of (T,) onset strengths."""
    level = rise - rise.mean()
    power = float(level @ level) + FLOOR
    back = [float(level[k:] @ level[:-k]) / power if len(level) > k else 0.0 for k in LAGS]
    return np.array([*back, rise.mean(), rise.std()])
