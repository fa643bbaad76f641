"""Key and chords by ear: a template of each kind of chord and key, moved to each of twelve tonics.

Knows levels of semitones and what was learnt over them (``model``); does not know notes, and hears
of a chord its root and third alone: major, minor or diminished.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cantilena.analysis.audio.model import Model
from cantilena.analysis.audio.spectra import FRAMES, SEMITONES
from cantilena.analysis.chords import best_path
from cantilena.score.harmony import NO_CHORD, QUALITY_NAMES, Key

WIDTH = SEMITONES + 11
"""Places of a template: a semitone's distance from the lowest tonic, from -11 on."""
KINDS = ("", "m", "dim")
"""Chords that are told apart, as ``score.harmony`` names their quality."""
NONE = 12 * len(KINDS)
"""The place of "no chord" behind all others."""
CHANGE = 2.0
"""What a change of chord costs beside the logarithms of probabilities."""
BLOCK = 10
"""Frames (half a second) that are averaged where a key is heard."""
_SPREAD = 0.05  # keeps what is nearly silent from being blown up


def normed(levels: np.ndarray) -> np.ndarray:
    """(S, SEMITONES) levels less their mean, over their deviation, so that loud and soft are
    alike."""
    centred = levels - levels.mean(1, keepdims=True)
    return centred / (levels.std(1, keepdims=True) + _SPREAD)


def aligned(levels: np.ndarray) -> np.ndarray:
    """(S, 12, WIDTH) of (S, SEMITONES): for each tonic what sounds so many semitones from it; 0
    where there is no semitone."""
    out = np.zeros((len(levels), 12, WIDTH), dtype=np.float32)
    for tonic in range(12):
        out[:, tonic, 11 - tonic : 11 - tonic + SEMITONES] = levels
    return out


def fullness(levels: np.ndarray) -> np.ndarray:
    """(S, 3) mean, deviation and largest of each slot's levels: by these silence is told."""
    return np.stack([levels.mean(1), levels.std(1), levels.max(1)], axis=1)


def key_levels(semitones: np.ndarray) -> np.ndarray:
    """(SEMITONES,) mean over the blocks of (T, SEMITONES) levels, each of them normed."""
    count = max(1, len(semitones) // BLOCK)
    blocks = [part.mean(0) for part in np.array_split(semitones, count)]
    return normed(np.stack(blocks)).mean(0)


def find_key(semitones: np.ndarray, model: Model) -> Key:
    """The key of (T, SEMITONES) levels over all of them."""
    scores = aligned(key_levels(semitones)[None])[0] @ model.keys.T + model.key_bias
    return Key.from_index(int(scores.T.argmax()))


def chord_evidence(levels: np.ndarray, model: Model) -> np.ndarray:
    """(S, NONE + 1) log-probabilities of chords, by kind and root, in slots whose mean levels are
    (S, SEMITONES)."""
    fit = aligned(normed(levels)) @ model.chords.T + model.chord_bias  # (S, 12, kinds)
    silent = fullness(levels) @ model.silence + model.silence_bias
    logits = np.concatenate([fit.transpose(0, 2, 1).reshape(len(levels), NONE), silent[:, None]], 1)
    top = logits.max(1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))


def slot_levels(semitones: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(S, SEMITONES) mean levels of the slots between (S + 1,) rising times in seconds; a frame at
    least is in each."""
    places = np.clip(np.round(edges * FRAMES).astype(int), 0, len(semitones))
    rows = []
    for start, stop in pairwise(places.tolist()):
        start = min(start, len(semitones) - 1)
        rows.append(semitones[start : max(stop, start + 1)].mean(0))
    return np.stack(rows)


def find_chords(semitones: np.ndarray, edges: np.ndarray, model: Model) -> np.ndarray:
    """(S,) reduced chord numbers (``score.harmony``; 0: none) in the slots between (S + 1,) times
    in seconds."""
    path = best_path(chord_evidence(slot_levels(semitones, edges), model), CHANGE)
    kind, root = np.divmod(path, 12)
    quality = np.array([QUALITY_NAMES.index(name) for name in KINDS] + [0])[kind]
    return np.where(path == NONE, NO_CHORD, 1 + len(QUALITY_NAMES) * root + quality)
