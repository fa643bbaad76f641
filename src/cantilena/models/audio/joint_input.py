"""What the towers of a joint embedding read: of sound mel bands, pitch classes and a profile of its
pulse and harmony, and hashed words of texts.

Knows samples and texts; needs no torch and knows no weights. The numbers are the same on every
machine, up to rounding.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from cantilena.audio import chroma
from cantilena.audio.mel import frames, hann, mel_bank, validate
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
CLASSES = 24
"""Pitch classes below ``SPLIT``, from C on, and above."""
SPLIT, HIGHEST_CLASS = 262.0, 2_100.0
"""Hz: middle C, below which basses play, and C7."""
ROWS = BANDS + CLASSES
GROUPS = 4
"""Groups of bands in which a pulse is looked for, as basses and cymbals keep other times."""
LAGS, FIRST_LAG, LAST_LAG = 64, 8, 120
"""Lags of a pulse, in equal ratios, and the first and last in frames: 160 ms to 2.4 s."""
PROFILE = GROUPS * LAGS + 2 * CLASSES
"""Values of a ``profile``."""
STEP = (LAST_LAG / FIRST_LAG) ** (1 / (LAGS - 1))
"""Ratio of neighbouring lags, 1.044."""
MARGIN = 6
"""Lags more at both ends of a profile that is to be moved, a factor of 1.29."""
CHANGES = (1, 5, 15)
"""Frames over which change is measured."""
STATISTICS = BANDS * (5 + 2 * len(CHANGES))
"""Values that ``statistics`` gives."""
_STEEPEST = 1.0  # rise of a band from frame to frame that counts at most: tenfold power
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


def sound_rows(samples: np.ndarray) -> np.ndarray:
    """(T, ROWS) float32: ``bands`` of (n,) samples at ``RATE``, and beside them how strongly each
    pitch class sounds, 0-1 of the strongest. Raises InputError for samples that are not sound."""
    rows = bands(samples)
    padded = np.pad(validate(samples), chroma.FFT // 2)
    parts = []
    blocks = frames(padded, chroma.FFT, chroma.HOP)
    window = hann(chroma.FFT).astype(np.float32)
    for i in range(0, len(blocks), CHUNK):
        spectrum = np.abs(np.fft.rfft(blocks[i : i + CHUNK] * window, axis=1))
        parts.append(np.sqrt(spectrum @ _class_bank()))
    classes = np.concatenate(parts)
    classes /= max(float(classes.max()), 1e-9)
    nearest = np.minimum(np.arange(len(rows)) * HOP // chroma.HOP, len(classes) - 1)
    return np.concatenate([rows, classes[nearest]], axis=1).astype(np.float32)


@lru_cache(maxsize=1)
def _class_bank() -> np.ndarray:
    """(F, CLASSES) share of each bin of a spectrum in each pitch class, from C2 to C7."""
    hertz = np.fft.rfftfreq(chroma.FFT, 1 / RATE)[:, None]
    low = np.where(hertz < SPLIT, chroma.bank(), 0.0)
    return np.concatenate([low, chroma.bank() - low], axis=1)


def profile(rows: np.ndarray, margin: int = 0) -> np.ndarray:
    """(..., PROFILE) float32 of (..., T, ROWS): how much of what begins comes back after each lag,
    -1 to 1, by groups of bands, and of each pitch class its mean and deviation over time, scaled so
    that means have the length 1 below and above ``SPLIT``. With ``margin`` each group has so many
    lags more at both ends."""
    rows = np.asarray(rows, dtype=np.float32)
    lead, bands = rows.shape[:-2], rows[..., :BANDS]
    rises = np.clip(np.diff(bands, axis=-2, append=bands[..., -1:, :]), 0, _STEEPEST)
    onsets = rises.reshape(*rises.shape[:-1], GROUPS, -1).sum(-1)
    onsets = np.moveaxis(onsets - onsets.mean(-2, keepdims=True), -1, -2)
    weights = _lag_weights(margin)
    size = 1 << (onsets.shape[-1] + len(weights)).bit_length()
    power = np.square(np.abs(np.fft.rfft(onsets, size)))
    back = np.fft.irfft(power, size)[..., : len(weights)]
    pulse = (back / (back[..., :1] + 1e-3)) @ weights
    classes = rows[..., BANDS:].reshape(*rows.shape[:-1], 2, CLASSES // 2)
    mean, deviation = classes.mean(-3), classes.std(-3)
    length = np.linalg.norm(mean, axis=-1, keepdims=True) + 1e-6
    parts = (pulse, mean / length, deviation / length)
    return np.concatenate([x.reshape(*lead, -1) for x in parts], axis=-1).astype(np.float32)


@lru_cache(maxsize=2)
def _lag_weights(margin: int) -> np.ndarray:
    """(L, LAGS + 2 margin): straight lines between the frames next to each lag."""
    places = FIRST_LAG * STEP ** np.arange(-margin, LAGS + margin)
    return np.maximum(0.0, 1 - np.abs(np.arange(int(places[-1]) + 2)[:, None] - places))


def moved_profile(values: np.ndarray, semitones: int, steps: int) -> np.ndarray:
    """(PROFILE,) of a profile with ``MARGIN``: of music that is ``semitones`` higher and ``STEP``
    to the power of ``steps`` (-MARGIN to MARGIN) times as fast."""
    pulse = values[: -2 * CLASSES].reshape(GROUPS, -1)[:, MARGIN + steps : MARGIN + steps + LAGS]
    classes = np.roll(values[-2 * CLASSES :].reshape(4, -1), semitones, axis=1)
    return np.concatenate([pulse.reshape(-1), classes.reshape(-1)])


def statistics(rows: np.ndarray) -> np.ndarray:
    """(STATISTICS,) float32 of (T, BANDS) mel bands: of each band its mean, deviation, soft and
    loud moments, mean change over three lags, and strongest attacks."""
    rows = np.asarray(rows, dtype=np.float32)
    out = [rows.mean(0), rows.std(0), *np.quantile(rows, [0.1, 0.5, 0.9], axis=0)]
    for lag in CHANGES:
        lag = min(lag, len(rows) - 1)
        change = rows[lag:] - rows[: len(rows) - lag]
        out += [np.abs(change).mean(0), np.quantile(change, 0.98, axis=0)]
    return np.concatenate(out).astype(np.float32)


def moved(rows: np.ndarray, semitones: int, start: float, length: int, speed: float) -> np.ndarray:
    """(length, ROWS) of (T, ROWS) from frame ``start`` on, ``speed`` times as fast, its pitch
    classes ``semitones`` higher; repeated where it ends. Bands stay where they are."""
    places = start + speed * np.arange(length)
    whole = np.floor(places).astype(int)
    share = (places - whole).astype(np.float32)[:, None]
    out = rows[whole % len(rows)] * (1 - share) + rows[(whole + 1) % len(rows)] * share
    classes = out[:, BANDS:].reshape(length, 2, -1)
    out[:, BANDS:] = np.roll(classes, semitones, axis=2).reshape(length, -1)
    return out


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
