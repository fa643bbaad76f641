"""Tempo, key, chords and instruments by ear: estimated from sound alone.

Knows sound and estimates; does not know what was asked for or composed. Each estimate is right only
so often: ``accuracy`` says how often, measured on music that nothing was learnt from. What a Score
is, ``analysis`` says exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cantilena.analysis.audio import model as learnt
from cantilena.analysis.audio.harmony import find_chords, find_key
from cantilena.analysis.audio.heard import Heard
from cantilena.analysis.audio.instruments import find_families
from cantilena.analysis.audio.model import Model
from cantilena.analysis.audio.rhythm import curves, find_beats, find_tempo
from cantilena.analysis.audio.spectra import RATE, spectra
from cantilena.audio.wav import resample
from cantilena.errors import InputError

__all__ = ["SHORTEST", "SLOT", "Heard", "accuracy", "listen"]

SHORTEST = 1.0
"""Seconds of sound below which nothing is heard."""
SLOT = 0.5
"""Seconds of a slot of harmony where no beat is heard."""


def listen(samples: np.ndarray, rate: int, model: Model | None = None) -> Heard:
    """What is heard in (n,) or (n, channels) samples at ``rate`` Hz, the channels' mean; nothing in
    silence and in less than ``SHORTEST``. ``model``: other than the one shipped. Raises InputError
    for samples of another shape, none, or values that are not finite."""
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim not in (1, 2) or not samples.size:
        raise InputError(f"sound must have the shape (n,) or (n, channels), not {samples.shape}")
    mono = samples if samples.ndim == 1 else samples.mean(1)
    if not np.isfinite(mono).all():
        raise InputError("the sound holds values that are not finite")
    model = model or learnt.shipped()
    seconds = len(mono) / rate
    heard = spectra(resample(mono, rate, RATE)) if seconds >= SHORTEST else None
    if heard is None:
        return Heard(seconds)
    starts = curves(heard)
    bpm = find_tempo(starts, model)
    beats = np.arange(0.0, seconds, SLOT) if bpm is None else find_beats(starts, bpm)
    inside = beats[(beats > 0) & (beats < seconds)]
    edges = np.concatenate([[0.0], inside, [seconds]])
    return Heard(
        seconds,
        bpm,
        find_key(heard.semitones, model),
        edges,
        find_chords(heard.semitones, edges, model),
        find_families(heard, model),
    )


def accuracy() -> dict[str, Any]:
    """How often the shipped estimators are right (0-1): "tempo" within 4 %, "tempo_octave" where
    half, double, third or threefold count too, "key" exactly, "key_mirex" with MIREX's weights for
    its relatives, "chords": share of the time with the right root and third, "families": precision
    and recall of each that is told; "pieces", how many, and "of", of what; "coded": the same of
    some of them that went through the codec of ``weights/audio``, without families."""
    return learnt.shipped().accuracy
