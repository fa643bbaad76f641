"""Framing of sound, and log-mel bands, in numpy: the front end of models and measures.

Knows samples; does not know models, music or files. The numbers are the same on every machine, up
to rounding.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cantilena.errors import InputError

RATE = 16_000
"""Hz of the sound that ``log_mel`` takes."""
FFT, HOP = 512, 160
"""Samples of a frame (32 ms), and from one to the next (10 ms)."""
BANDS = 32
LOWEST, HIGHEST = 50.0, 7600.0
"""Hz."""
FLOOR = 1e-6
"""Power below which a band is silent: 60 dB under a band with a power of 1."""
MINUTE = 60 * RATE // HOP
"""Frames that are transformed at a time, as a spectrum is many times as large as its sound."""


@lru_cache(maxsize=16)
def mel_bank(
    rate: int, fft: int, bands: int, low: float, high: float, dtype: str = "float64"
) -> np.ndarray:
    """(fft // 2 + 1, bands) triangles, each of height 1, on the mel scale of HTK,
    1127 ln(1 + f / 700), from ``low`` to ``high`` Hz. What stands between two bins is a straight
    line in mel, as in VGGish's front end."""

    def mel(hertz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hertz, dtype=np.float64) / 700.0)

    bins = mel(np.linspace(0.0, rate / 2, fft // 2 + 1))[:, None]
    edges = np.linspace(mel(low), mel(high), bands + 2)
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    bank = np.maximum(0.0, np.minimum(rise, fall))
    bank[0] = 0.0  # the mean of the wave is no sound
    return bank.astype(dtype)


@lru_cache(maxsize=4)
def slaney_bank(rate: int, fft: int, bands: int) -> np.ndarray:
    """(fft // 2 + 1, bands) triangles on Slaney's mel scale (straight up to 1 kHz, then 27 bands to
    each factor of 6.4) from 0 Hz to half of ``rate``, straight in Hz and each of the area 1: the
    default of librosa's ``filters.mel``."""
    linear, step = 200.0 / 3, np.log(6.4) / 27  # Hz and natural logarithm of Hz in a mel
    corner = 1000.0 / linear

    def hertz(mel: np.ndarray) -> np.ndarray:
        above = 1000.0 * np.exp(step * (np.maximum(mel, corner) - corner))
        return np.where(mel < corner, linear * mel, above)

    top = corner + np.log(rate / 2 / 1000.0) / step
    edges = hertz(np.linspace(0.0, top, bands + 2))
    bins = np.linspace(0.0, rate / 2, fft // 2 + 1)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rise, fall)) * (2.0 / (edges[2:] - edges[:-2]))


def frames(samples: np.ndarray, length: int, hop: int) -> np.ndarray:
    """(T, length) views of (n,) samples, one each ``hop``; the end that fills none is left out,
    and what is shorter than one is filled with silence."""
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    return np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]


def windows(samples: np.ndarray, length: int) -> list[np.ndarray]:
    """Sound (n,) in windows of ``length`` samples one after another; a last one of half that or
    more is kept, and what is shorter than a window is one."""
    parts = [samples[i : i + length] for i in range(0, len(samples), length)]
    if len(parts) > 1 and 2 * len(parts[-1]) < length:
        parts.pop()
    return parts


def hann(length: int) -> np.ndarray:
    """(length,) periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def validate(samples: np.ndarray) -> np.ndarray:
    """(n,) float32 samples. Raises InputError for another shape or values that are not finite."""
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim != 1 or not len(samples):
        raise InputError(f"sound must have the shape (n,), not {samples.shape}")
    if not np.isfinite(samples).all():
        raise InputError("the sound holds values that are not finite")
    return samples


def log_mel(samples: np.ndarray) -> np.ndarray:
    """(T, BANDS) log10 of the power in each band, 100 frames a second, of (n,) samples at
    ``RATE``; -6 (``FLOOR``) is silence."""
    blocks = frames(validate(samples), FFT, HOP)
    parts = []
    for i in range(0, len(blocks), MINUTE):
        spectrum = np.fft.rfft(blocks[i : i + MINUTE] * hann(FFT), axis=1)
        power = (spectrum.real**2 + spectrum.imag**2) / FFT
        parts.append(power @ mel_bank(RATE, FFT, BANDS, LOWEST, HIGHEST))
    return np.log10(np.concatenate(parts) + FLOOR)
