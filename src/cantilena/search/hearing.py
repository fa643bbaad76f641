"""What search hears in a recording beside tempo, key and chords: who plays, how busy, how high and
how powerful it is, and which kind of music.

Knows mel bands and a small network, whose weights are in ``hearing.npz``; does not know files or
texts. ``benchmarks/search_by_ear.py`` learns it and says how often it is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from cantilena.audio.mel import windows
from cantilena.audio.wav import resample
from cantilena.models.audio.joint_input import RATE, bands, statistics
from cantilena.score.score import DRUMS

FILE = Path(__file__).parent / "hearing.npz"
SECONDS = 10.0
"""Of a window; a recording is the mean of its windows."""
GROUPS = (
    *("classical", "country", "electronic", "folk", "jazz"),
    *("latin", "new age", "pop", "rnb", "rock"),
)
"""The groups of genres that are told apart, those of ``analysis.likeness``, in the order of the
outputs."""
VALUES = ("rate", "height", "power")
"""Onsets a second as their logarithm to base 2; mean pitch over 12; share of the sounding time of
powerful instruments (``measuring.powerful``)."""
OUTPUTS = DRUMS + 1 + len(VALUES) + len(GROUPS)


@dataclass(frozen=True)
class Sound:
    """``instruments``: (129,) how likely each plays, 0-1, with 1/2 where that is as far above how
    often it plays in music at large as below certainty, in logarithms; ``players``: (129,) the
    likelihoods themselves; ``priors``: (129,) how often each plays at large; ``rate`` in onsets a
    second, ``height`` in MIDI pitch, ``power`` 0-1; ``genres``: probability of each of
    ``GROUPS``."""

    instruments: np.ndarray
    rate: float
    height: float
    power: float
    genres: dict[str, float]
    players: np.ndarray
    priors: np.ndarray


class Ear:
    """The network: (F,) statistics of mel bands less ``mean`` over ``scale``, a hidden layer,
    ``OUTPUTS``; and (129,) ``prior``, how often each instrument plays in what was learnt from."""

    def __init__(self, weights: Mapping[str, np.ndarray]):
        self.weights = {name: np.asarray(w, dtype=np.float32) for name, w in weights.items()}

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """(N, OUTPUTS) logits and values of (N, F) statistics."""
        w = self.weights
        x = np.clip((rows - w["mean"]) / w["scale"], -4, 4)
        return np.maximum(x @ w["one"] + w["one_bias"], 0) @ w["two"] + w["two_bias"]

    def hear(self, samples: np.ndarray, rate: int) -> Sound:
        """What is heard in (n,) samples at any rate."""
        parts = windows(resample(samples, rate, RATE), round(SECONDS * RATE))
        return self.of_outputs(self.outputs(np.stack([statistics(bands(part)) for part in parts])))

    def of_outputs(self, rows: np.ndarray) -> Sound:
        """The Sound of a recording's windows (T, OUTPUTS)."""
        players = DRUMS + 1
        p = (1 / (1 + np.exp(-rows[:, :players]))).mean(0)
        prior = self.weights["prior"]
        values = rows[:, players : players + len(VALUES)].mean(0)
        logits = rows[:, players + len(VALUES) :]
        shares = np.exp(logits - logits.max(1, keepdims=True))
        genres = (shares / shares.sum(1, keepdims=True)).mean(0)
        return Sound(
            p / (p + np.sqrt(prior)),
            float(2.0 ** np.clip(values[0], -3, 6)),
            float(np.clip(12 * values[1], 0, 127)),
            float(np.clip(values[2], 0, 1)),
            {name: round(float(g), 4) for name, g in zip(GROUPS, genres, strict=True)},
            p,
            prior,
        )


@lru_cache(maxsize=1)
def shipped() -> Ear:
    """The network that comes with the package."""
    with np.load(FILE) as data:
        return Ear({name: data[name] for name in data.files})
