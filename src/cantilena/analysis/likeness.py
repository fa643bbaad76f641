"""Likeness: how like real songs of a genre a piece is, where that can be told.

Knows the features of genre, a multinomial logistic regression over them whose weights are in
``likeness.json``, and from which probability on it is sure; does not know what was asked for, and
learns nothing (``evaluate.likeness`` does). ``docs/realism.md`` says how often it is right.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.features import BARS, NAMES, features
from cantilena.analysis.rhythm import main_metre
from cantilena.score.score import DRUMS, Score

MODEL = Path(__file__).parent / "likeness.json"
MIN_BARS = 16
"""Bars below which a piece is not judged: half of those of the songs learnt from. Verdicts on real
songs cut to so many were tried (``docs/realism.md``), on shorter ones not."""
CLIP = 3.0
"""Standard deviations beyond which a feature says no more."""
FAMILIES = 16
"""Of eight instruments each in General MIDI."""
GLOBAL = ("tempo", "numerator", "denominator")
INSTRUMENTS = (*(f"family {i}" for i in range(FAMILIES)), "drums", "instruments")
"""Global features: shares of the notes by family of instruments, and how many there are."""
GENRE_NAMES = (*NAMES, *GLOBAL, *INSTRUMENTS)
"""The features of genre, in the order of ``genre_features``."""


def genre_features(score: Score) -> np.ndarray:
    """(F,) ``features.features``, then ``GLOBAL``, then ``INSTRUMENTS``. Raises InputError where
    there are no notes."""
    instrument = score.instrument
    family = np.bincount(instrument // 8, minlength=FAMILIES + 1)[: FAMILIES + 1] / len(score)
    count = len(np.unique(instrument))
    whole = [score.bpm, *main_metre(score), *family[:FAMILIES], family[DRUMS // 8], count]
    return np.append(features(score), whole)


@dataclass(frozen=True)
class Scaling:
    """How F features become F + U inputs: an undefined one is its ``median``, all are less
    ``mean`` over ``scale``, (F,) each, cut at ``CLIP``; then 1 or 0 for whether each of the U
    features numbered ``optional`` is undefined."""

    median: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    optional: np.ndarray

    def inputs(self, rows: np.ndarray) -> np.ndarray:
        """(N, F + U) of (N, F) features, nan where one is undefined."""
        undefined = np.isnan(rows)
        values = (np.where(undefined, self.median, rows) - self.mean) / self.scale
        return np.hstack([np.clip(values, -CLIP, CLIP), undefined[:, self.optional]])


@dataclass(frozen=True)
class Likeness:
    """The model: its ``genres``, (G, F + U) ``weights`` and (G,) ``bias`` over what ``scaling``
    gives; and ``bounds``, for each genre that can be judged the probability up to which a piece
    is unlike it, and that from which it is like it."""

    genres: tuple[str, ...]
    scaling: Scaling
    weights: np.ndarray
    bias: np.ndarray
    bounds: dict[str, tuple[float, float]]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Likeness:
        """The model of a file's data (``to_dict``)."""
        median, mean, scale = (np.array(data[name]) for name in ("median", "mean", "scale"))
        return cls(
            tuple(data["genres"]),
            Scaling(median, mean, scale, np.array(data["optional"], dtype=np.int64)),
            np.array(data["weights"]),
            np.array(data["bias"]),
            {name: (low, high) for name, (low, high) in data["bounds"].items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, numbers to five significant digits."""
        columns = {"median": self.scaling.median, "mean": self.scaling.mean}
        columns |= {"scale": self.scaling.scale, "weights": self.weights, "bias": self.bias}
        return {
            "genres": list(self.genres),
            "features": list(GENRE_NAMES),
            "bounds": {name: list(bounds) for name, bounds in self.bounds.items()},
            "optional": self.scaling.optional.tolist(),
            **{name: _short(values.tolist()) for name, values in columns.items()},
        }

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """(N, G) of (N, F) features, as if every genre were as frequent as another."""
        logits = self.scaling.inputs(rows) @ self.weights.T + self.bias
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

    def judge(self, genre: str, score: Score) -> bool | None:
        """Whether the first ``BARS`` bars of a piece are like real songs of a genre of ``bounds``
        (True) or unlike them (False); None where that is not sure, or where it has fewer than
        ``MIN_BARS`` bars from its first note to its last."""
        if played_bars(score) < MIN_BARS:
            return None
        row = genre_features(first_bars(score, BARS))
        share = self.probabilities(row[None])[0, self.genres.index(genre)]
        unlike, like = self.bounds[genre]
        return True if share >= like else False if share <= unlike else None


def _short(values: Any) -> Any:
    return [_short(v) for v in values] if isinstance(values, list) else float(f"{values:.5g}")


def played_bars(score: Score) -> int:
    """Bars from that of the first onset to that of the last; 0 without notes."""
    if not len(score):
        return 0
    onsets = [int(score.onset.min()), int(score.onset.max())]
    first, last = np.searchsorted(score.bar_starts, onsets, side="right")
    return int(last - first) + 1


@lru_cache(maxsize=1)
def shipped() -> Likeness:
    """The model that comes with the package."""
    return Likeness.from_dict(json.loads(MODEL.read_text(encoding="utf-8")))
