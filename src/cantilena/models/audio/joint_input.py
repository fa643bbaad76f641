"""What the towers of a joint embedding read: mel bands of sound, and hashed words of texts.

Knows samples and texts; needs no torch and knows no weights. The numbers are the same on every
machine, up to rounding.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cantilena.audio.mel import hann, mel_bank, validate
from cantilena.tokens.note.conditions import pieces

RATE = 16_000
"""Hz of the sound that is read."""
FFT, HOP = 1024, 320
"""Samples of a frame (64 ms), and from one to the next (20 ms)."""
FRAMES = RATE // HOP
"""A second."""
BANDS = 64
LOWEST, HIGHEST = 30.0, 7800.0
"""Hz."""
FLOOR = 1e-6
"""Power below which a band is silent."""
CHUNK = 6000
"""Frames that are transformed at a time."""
WORDS = 96
"""Hashes of a text that are read: words, pairs of neighbours and tempi."""
_TEMPO = re.compile(r"(\d{2,3})\s*(?:bpm|beats per minute)|(?:tempo:?|of|♩=)\s*(\d{2,3})\b")
_STEPS = 8
"""Steps to an octave of tempo, whose names stand for numbers that no text of the training has."""


def bands(samples: np.ndarray) -> np.ndarray:
    """(T, BANDS) float32, ``FRAMES`` a second, of (n,) samples at ``RATE``: log10 of the power in
    each mel band less the mean of all, so that how loud sound is says nothing. Raises InputError
    for samples that are not sound."""
    samples = np.pad(validate(samples), (FFT // 2, FFT // 2))
    blocks = np.lib.stride_tricks.sliding_window_view(samples, FFT)[::HOP]
    bank = mel_bank(RATE, FFT, BANDS, LOWEST, HIGHEST, "float32")
    window = hann(FFT).astype(np.float32)
    parts = []
    for i in range(0, len(blocks), CHUNK):
        spectrum = np.fft.rfft(blocks[i : i + CHUNK] * window, axis=1)
        power = (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32) / FFT
        parts.append(np.log10(power @ bank + FLOOR))
    out = np.concatenate(parts).astype(np.float32)
    return out - out.mean()


def crop(features: np.ndarray, start: int, length: int) -> np.ndarray:
    """(length, BANDS) frames of (T, BANDS) from ``start`` on, repeated where there are too few."""
    part = features[start : start + length]
    while len(part) < length:
        part = np.concatenate([part, part[: length - len(part)]])
    return part


def hashes(text: str, buckets: int) -> np.ndarray:
    """(WORDS,) int64: words, pairs of neighbours and tempi of a text, each hashed by CRC-32 to 1 to
    buckets - 1; 0 where the text has fewer."""
    words = list(pieces(text))
    items = [*words, *(f"{a} {b}" for a, b in pairwise(words))]
    for match in _TEMPO.finditer(text.lower()):
        value = int(match.group(1) or match.group(2))
        if value:
            step = round(_STEPS * math.log2(value / 60))
            items += [f"~{step}", f"~~{step // 2}"]
    out = np.zeros(WORDS, dtype=np.int64)
    for i, item in enumerate(items[:WORDS]):
        out[i] = 1 + zlib.crc32(item.encode()) % (buckets - 1)
    return out


def hashed(texts: Sequence[str], buckets: int) -> np.ndarray:
    """(N, WORDS) ``hashes`` of texts."""
    return np.stack([hashes(text, buckets) for text in texts])
