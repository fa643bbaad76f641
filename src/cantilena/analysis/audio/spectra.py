"""What the estimators look at in sound: how strongly each semitone sounds, and what begins when.

Knows samples; does not know tempi, chords or instruments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cantilena.audio import mel

RATE = mel.RATE
"""Hz of the sound that is heard."""
FFT, HOP = 8192, 800
"""Samples of a frame of semitones (half a second, so that they come apart from C2 on) and from one
to the next (50 ms)."""
LOWEST, SEMITONES = 24, 84
"""MIDI pitch of the lowest semitone, C1, and how many there are, up to B7 (3,951 Hz)."""
FRAMES, BANDS = RATE / HOP, RATE / mel.HOP
"""Frames a second of ``Spectra.semitones`` and of ``Spectra.bands``."""
CHUNK = 600
"""Frames that are transformed at a time, as a spectrum is many times as large as its sound."""
SILENT = 1e-4
"""Peak (-80 dB) below which sound is silence."""
_LOUD = 0.9  # quantile of the frames, by whose strongest semitone levels are scaled
_CURVE = 30.0  # how far levels are bent: that share of the loudest semitone is a level of ln 2


@dataclass(frozen=True)
class Spectra:
    """``semitones``: (T, SEMITONES) level of each semitone, ``FRAMES`` a second, about 0 to 3.4
    whatever the loudness of the whole; ``bands``: (U, 32) log-mel bands (``audio.mel.log_mel``),
    ``BANDS`` a second."""

    semitones: np.ndarray
    bands: np.ndarray

    @property
    def seconds(self) -> float:
        """About how long the sound is."""
        return (len(self.semitones) - 1) / FRAMES


@lru_cache(maxsize=1)
def bank() -> np.ndarray:
    """(FFT // 2 + 1, SEMITONES) share of each bin in each semitone: all of it at the pitch, none a
    semitone away, in proportion between."""
    pitch = 69 + 12 * np.log2(np.maximum(np.fft.rfftfreq(FFT, 1 / RATE), 1.0) / 440.0)
    apart = np.abs(pitch[:, None] - np.arange(LOWEST, LOWEST + SEMITONES))
    return np.maximum(0.0, 1 - apart)


def spectra(samples: np.ndarray) -> Spectra | None:
    """The Spectra of (n,) samples at ``RATE``; None of silence. Raises InputError for sound that
    is not finite or of another shape."""
    samples = mel.validate(samples)
    if float(np.abs(samples).max()) < SILENT:
        return None
    blocks = mel.frames(np.pad(samples, FFT // 2), FFT, HOP)
    parts = []
    for i in range(0, len(blocks), CHUNK):
        spectrum = np.abs(np.fft.rfft(blocks[i : i + CHUNK] * mel.hann(FFT), axis=1))
        parts.append(spectrum @ bank() / FFT)
    strength = np.concatenate(parts)
    loud = max(float(np.quantile(strength.max(1), _LOUD)), 1e-9)
    levels = np.log1p(_CURVE * strength / loud).astype(np.float32)
    return Spectra(levels, mel.log_mel(np.pad(samples, mel.FFT // 2)).astype(np.float32))
