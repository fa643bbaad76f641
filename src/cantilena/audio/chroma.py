"""Pitch classes in sound, in numpy: the front end of what listens to harmony.

Knows samples; does not know music or files.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cantilena.audio.mel import RATE, frames, hann, validate

FFT, HOP = 4096, 800
"""Samples of a frame (256 ms, so that the low semitones come apart) and from one to the next
(50 ms), at ``mel.RATE``."""
LOWEST, HIGHEST = 65.0, 2_100.0
"""Hz from C2, below which semitones run into one another, to C7."""
CHUNK = 600
"""Frames that are transformed at a time, as a spectrum is many times as large as its sound."""


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
    blocks = frames(validate(samples), FFT, HOP)
    parts = []
    for i in range(0, len(blocks), CHUNK):
        spectrum = np.abs(np.fft.rfft(blocks[i : i + CHUNK] * hann(FFT), axis=1))
        parts.append(spectrum @ bank())
    return np.concatenate(parts) / FFT
