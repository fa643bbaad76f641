"""Which pitch classes sound in a recording that is accompanied: a condition beside its codes.

Knows samples and frames; does not know recordings' files, codecs or models. Codes tell a codec's
decoder what to sound; what harmony they are a small model would have to learn of thousands of them,
where chroma says it in twelve numbers, as MusicGen's melody condition does (Copet et al. 2023).
"""

from __future__ import annotations

import numpy as np

from cantilena.audio import mel
from cantilena.audio.chroma import FFT, HOP, chroma
from cantilena.audio.wav import resample

CHROMA = "chroma"
WIDTH = 13
"""Of a row: whether anything is known, and how strongly each pitch class sounds, from C on."""
RATE = mel.RATE / HOP
"""Frames a second of ``pitch_classes``."""
SILENCE = 0.01
"""Share of the loudest frame's strength below which a frame is silent."""


def pitch_classes(samples: np.ndarray, rate: int) -> np.ndarray:
    """(T, 12) float32 of (n,) samples at ``rate`` Hz, ``RATE`` frames a second, each about its
    moment: how strongly each pitch class sounds, as shares of the strongest; 0 in silence."""
    sound = resample(np.asarray(samples, dtype=np.float32), rate, mel.RATE)
    heard = chroma(np.pad(sound, FFT // 2))
    power = heard.sum(1)
    loudest = power.max(initial=0.0)
    if loudest <= 1e-6:
        return np.zeros(heard.shape, dtype=np.float32)
    shares = heard / np.maximum(heard.max(1, keepdims=True), 1e-9)
    return np.where((power >= SILENCE * loudest)[:, None], shares, 0.0).astype(np.float32)


def rows(heard: np.ndarray, rate: float, start: int, stop: int) -> np.ndarray:
    """(stop - start, WIDTH) float32 of ``pitch_classes`` for frames ``start`` to ``stop`` of
    ``rate`` a second; behind the end nothing sounds."""
    at = np.rint((np.arange(start, stop) + 0.5) / rate * RATE).astype(np.int64)
    out = np.zeros((stop - start, WIDTH), dtype=np.float32)
    out[:, 0] = 1.0
    inside = at < len(heard)
    out[inside, 1:] = heard[at[inside]]
    return out
