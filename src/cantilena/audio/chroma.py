"""Pitch classes in sound, in numpy: the front end of what listens to harmony.

Knows samples; does not know music or files.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cantilena.audio.mel import RATE, frames, hann, validate
from cantilena.audio.stft import stft

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


# ---------------------------------------------------------------------------- melody as a condition

MELODY_RATE = 32_000
"""Hz of the sound that ``melody_chroma`` takes, that of MusicGen's codec."""
MELODY_FFT, MELODY_HOP = 16_384, 4_096
"""Samples of a frame (half a second) and from one to the next: 7.8 frames a second."""


@lru_cache(maxsize=2)
def gaussian_bank(rate: int = MELODY_RATE, fft: int = MELODY_FFT) -> np.ndarray:
    """(fft // 2 + 1, 12) weights of bins in pitch classes from C: librosa's ``filters.chroma`` for
    A at 440 Hz. A bin counts for its neighbours by a Gaussian of the bin's own width, and by
    another of two octaves around the fifth (440 Hz)."""
    hertz = np.arange(1, fft) * rate / fft
    octave = np.log2(hertz / (440.0 / 16))
    place = 12 * np.concatenate([[octave[0] - 1.5], octave])  # in semitones
    width = np.concatenate([np.maximum(np.diff(place), 1.0), [1.0]])
    apart = np.mod(place[:, None] - np.arange(12) + 6 + 120, 12) - 6
    weights = np.exp(-0.5 * (2 * apart / width[:, None]) ** 2)
    weights /= np.sqrt((weights**2).sum(1, keepdims=True))
    weights *= np.exp(-0.5 * ((place[:, None] / 12 - 5.0) / 2.0) ** 2)
    return np.roll(weights, -3, axis=1)[: fft // 2 + 1]


def melody_chroma(samples: np.ndarray) -> np.ndarray:
    """(T, 12) float32, one 1 in each row: the strongest pitch class of each frame of (n,) samples
    at ``MELODY_RATE``, T = n // MELODY_HOP + 1 (what is shorter than a frame stands in the middle
    of one). It is MusicGen's bottleneck: who hears a melody through it learns no timbre. Silence
    is C. Raises InputError."""
    samples = validate(samples)
    missing = max(0, MELODY_FFT - len(samples))
    samples = np.pad(samples, (missing // 2, missing - missing // 2))
    spectra = stft(samples, MELODY_FFT, MELODY_HOP, reflect=True)
    power = (np.abs(spectra) ** 2).T @ gaussian_bank()
    return np.eye(12, dtype=np.float32)[power.argmax(1)]
