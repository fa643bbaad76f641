"""A plain description of sound: log-mel statistics of short windows, in numpy.

Knows samples; does not know music or files. It needs no weights, gives the same numbers on every
machine (up to rounding) and says how sound is spread over bands, how that varies and how fast it
changes. It was trained on nothing, so a distance over it is no measure of what people hear, and
is never called FAD without the word "log-mel". It is blunt: between sets of 30 pieces it noticed
that most notes were missing, but not wrong pitches, lost rhythm or other instruments
(``benchmarks/embedder_sanity.py``); ``evaluate.sound.chroma`` stands beside it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cantilena.errors import InputError

RATE = 16_000
FFT, HOP = 512, 160
BANDS = 32
LOWEST, HIGHEST = 50.0, 7600.0
WINDOW, STEP = 2.0, 1.0
"""Seconds of a window, and from one to the next."""
FLOOR = 1e-6
"""Power below which a band is silent: 60 dB under a band with a power of 1."""
DIMENSIONS = 3 * BANDS


@lru_cache(maxsize=16)
def mel_bank(
    rate: int, fft: int, bands: int, low: float, high: float, dtype: str = "float64"
) -> np.ndarray:
    """(fft // 2 + 1, bands) triangles, each of height 1, on the mel scale of HTK,
    1127 ln(1 + f / 700), from ``low`` to ``high`` Hz. What stands between two bins is a straight
    line in mel, as in VGGish's front end."""

    def mel(hertz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hertz, dtype=np.float64) / 700.0)

    at = mel(np.linspace(0.0, rate / 2, fft // 2 + 1))[:, None]
    edges = np.linspace(mel(low), mel(high), bands + 2)
    rise = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0.0, np.minimum(rise, fall))
    bank[0] = 0.0  # the mean of the wave is no sound
    return bank.astype(dtype)


def frames(samples: np.ndarray, length: int, hop: int) -> np.ndarray:
    """(T, length) views of (n,) samples, one each ``hop``; the end that fills none is left out,
    and what is shorter than one is filled with silence."""
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    return np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]


def hann(length: int) -> np.ndarray:
    """(length,) periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def validate(samples: np.ndarray) -> np.ndarray:
    """(n,) float32 samples. Raises InputError for another shape or values that are not finite."""
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim != 1 or not len(samples):
        raise InputError(f"sound to embed must have the shape (n,), not {samples.shape}")
    if not np.isfinite(samples).all():
        raise InputError("the sound to embed holds values that are not finite")
    return samples


def log_mel(samples: np.ndarray) -> np.ndarray:
    """(T, BANDS) log10 of the power in each band, 100 frames a second, of (n,) samples at
    ``RATE``; -6 (``FLOOR``) is silence."""
    blocks = frames(validate(samples), FFT, HOP)
    # by pieces of a minute, as the spectrum is many times as large as the sound
    parts = []
    for i in range(0, len(blocks), 6000):
        spectrum = np.fft.rfft(blocks[i : i + 6000] * hann(FFT), axis=1)
        power = (spectrum.real**2 + spectrum.imag**2) / FFT
        parts.append(power @ mel_bank(RATE, FFT, BANDS, LOWEST, HIGHEST))
    return np.log10(np.concatenate(parts) + FLOOR)


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
        lag = min(5, len(part) - 1)
        change = np.abs(part[lag:] - part[: len(part) - lag]).mean(0)
        rows.append(np.concatenate([part.mean(0), part.std(0), change]))
    return np.stack(rows).astype(np.float32)
