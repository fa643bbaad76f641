"""Does sound obey what led it: pitch classes, chords, drums and beats that are heard, against those
of notes.

Knows sound and symbols (``tokens.codes.symbols.Sounding``); does not know systems or what led which
sound. Measured against the symbols of other music the same figures are chance. Each is 0-1 but for
drums (a correlation), more is better, and the estimators behind them err: sound that was rendered
from the very notes says how far they can come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from cantilena.analysis.audio import Heard, listen
from cantilena.analysis.audio.agreement import chord_share
from cantilena.analysis.audio.rhythm import curves
from cantilena.analysis.audio.spectra import BANDS, RATE, spectra
from cantilena.audio import mel
from cantilena.audio.chroma import FFT, HOP, chroma
from cantilena.audio.wav import resample
from cantilena.score.harmony import NO_CHORD
from cantilena.score.score import DRUMS
from cantilena.tokens.codes.symbols import Sounding

NEAR = 0.07
"""Seconds by which a beat may be off, as in MIREX's beat tracking."""
LEAST = 4
"""Drum strokes, or beats, in a sound at least, for a figure."""
NAN = float("nan")


class Listened:
    """What is needed of (n,) samples at ``rate`` Hz to compare them with symbols."""

    def __init__(self, samples: np.ndarray, rate: int):
        samples = np.asarray(samples, dtype=np.float32)
        self.seconds = len(samples) / rate
        self.heard: Heard = listen(samples, rate)
        heard = spectra(resample(samples, rate, RATE))
        self.starts = np.zeros((5, 1)) if heard is None else curves(heard)
        self.classes = chroma(resample(samples, rate, mel.RATE))


def classes(sound: Listened, symbols: Sounding) -> float:
    """Mean cosine, over frames in which notes sound, of the pitch classes that are heard with those
    of the notes, each as loud as its velocity."""
    heard = sound.classes
    moments = (np.arange(len(heard)) * HOP + FFT / 2) / mel.RATE
    there = np.zeros((len(heard), 12))
    pitched = symbols.instrument != DRUMS
    ends = symbols.onset + symbols.duration
    rows = zip(symbols.onset, ends, symbols.pitch, symbols.velocity, pitched, strict=True)
    for start, end, pitch, velocity, is_pitched in rows:
        if is_pitched:
            span = slice(*np.searchsorted(moments, [float(start), float(end)]))
            there[span, int(pitch) % 12] += float(velocity)
    lengths = np.linalg.norm(there, axis=1) * np.linalg.norm(heard, axis=1)
    sounding = np.linalg.norm(there, axis=1) > 0
    if not sounding.any():
        return NAN
    products = (there * heard).sum(1)
    return float((products / np.maximum(lengths, 1e-9))[sounding].mean())


def chords(sound: Listened, symbols: Sounding) -> float:
    """Share of the time with a chord in which its root and third are heard."""
    if not (symbols.chord != NO_CHORD).any():
        return NAN
    return chord_share(sound.heard, symbols.chord_start, symbols.chord.astype(np.int64))


def drums(sound: Listened, symbols: Sounding) -> float:
    """Correlation of how much begins at each moment with the strokes of the drums; nan for music
    with fewer than ``LEAST``."""
    struck = symbols.onset[symbols.instrument == DRUMS]
    struck = struck[(struck >= 0) & (struck < sound.seconds)]
    starts = sound.starts[0]
    if len(struck) < LEAST:
        return NAN
    moments = np.arange(len(starts)) / BANDS
    strokes = np.exp(-((moments[:, None] - struck[None]) ** 2) / (2 * (NEAR / 2) ** 2)).max(1)
    if starts.std() == 0 or strokes.std() == 0:
        return 0.0
    return float(np.corrcoef(starts, strokes)[0, 1])


def beats(sound: Listened, symbols: Sounding) -> float:
    """F-measure of the beats that are heard with those that there are, ``NEAR`` being right; nan
    for music with fewer than ``LEAST``."""
    truth = symbols.beat[(symbols.beat >= 0) & (symbols.beat < sound.seconds)]
    if len(truth) < LEAST:
        return NAN
    guess = sound.heard.edges[1:-1] if sound.heard.bpm is not None else np.zeros(0)
    if not len(guess):
        return 0.0
    near = np.abs(truth[:, None] - guess[None]) <= NEAR
    right = min(int(near.any(1).sum()), int(near.any(0).sum()))
    return 2 * right / (len(truth) + len(guess))


MEASURES: Mapping[str, Callable[[Listened, Sounding], float]] = {
    "pitch classes": classes,
    "chords": chords,
    "drums": drums,
    "beats": beats,
}
"""By name; the control that each is about is the roll, the chords, the drums, the beat."""


def own_and_others(
    sounds: list[Listened], symbols: list[Sounding]
) -> dict[str, tuple[float, float, float, int]]:
    """By measure: the mean of each sound against the symbols of its own number, against all others,
    the standard error of the difference over sounds, and how many there are. Raises ValueError
    where there are not as many symbols as sounds."""
    out: dict[str, tuple[float, float, float, int]] = {}
    for name, measure in MEASURES.items():
        table = np.array([[measure(sound, s) for s in symbols] for sound in sounds])
        if table.shape != (len(sounds), len(sounds)):
            raise ValueError(f"{len(sounds)} sounds, and {len(symbols)} to compare them with")
        own = np.diag(table).copy()
        np.fill_diagonal(table, NAN)
        valid = ~np.isnan(own) & (~np.isnan(table)).any(1)
        own, table = own[valid], table[valid]
        if not len(own):
            out[name] = (NAN, NAN, NAN, 0)
            continue
        others = np.nanmean(table, axis=1)
        error = float((own - others).std(ddof=1) / len(own) ** 0.5) if len(own) > 1 else NAN
        out[name] = (float(own.mean()), float(others.mean()), error, len(own))
    return out
