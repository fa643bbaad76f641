"""Which of several Plans is likeliest to become a piece like a song.

Knows what can be counted on a Plan and a linear model of songlikeness over that, whose weights are
in ``plan_worth.json``; does not know notes, and learns nothing (``benchmarks/songlikeness.py``
does). A Plan is drawn in milliseconds and a piece written in seconds, so that what a Plan tells of
its piece is worth knowing before. Who is silent when does not count: songs' parts rest more than
one who names an instrument would have it, and that would be chosen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.features import BARS
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.recurrence import EXACT, FILL, HELD, LAGS, NEW, REST, RHYTHM, VARIED

WORTH = Path(__file__).parent / "plan_worth.json"
CLIP = 3.0
"""Standard deviations beyond which a feature counts no more."""
ROLES = (MELODY, HARMONY, BASS, DRUM)
KINDS = (EXACT, VARIED, RHYTHM, NEW)
CHORD_LAGS = (1, 2, 4, 8)
CHORDS = (
    *("chord changes", "chord entropy", "chord fifths", "chord sevenths"),
    *(f"chord again {lag}" for lag in CHORD_LAGS),
)
OF_ROLE = (*KINDS, "notes", "notes spread", *(f"lag {lag}" for lag in LAGS))
NAMES = (
    *CHORDS,
    *("density", "polyphony"),
    *(f"{role} {name}" for role in ROLES for name in OF_ROLE),
)
"""The features, in the order of ``plan_features``."""


def plan_features(plan: Plan) -> np.ndarray:
    """(F,) what is counted on the first bars of a Plan (``features.BARS``), in the order of
    ``NAMES``; nan where nothing is planned, as of a role that nobody has."""
    bars = min(plan.bars, BARS)
    return np.array(
        [
            *_chords(plan, bars),
            *(plan.density or np.nan, plan.polyphony or np.nan),
            *(value for role in ROLES for value in _of_role(plan.parts, role, bars)),
        ]
    )


def _chords(plan: Plan, bars: int) -> list[float]:
    """``CHORDS``: changes a bar; bits; of the changes those in which the root falls a fifth; of the
    chords those of four tones; of the slots those whose chord is that of so many bars before."""
    ticks, chords = zip(*plan.chords, strict=True)
    slots_a_bar = 2 if plan.metre[0] % 2 == 0 else 1
    starts = np.arange(bars * slots_a_bar) * (plan.bar_ticks // slots_a_bar) + plan.origin
    slots = np.maximum(np.searchsorted(ticks, starts, side="right") - 1, 0)
    numbers = np.array([chord.number for chord in chords])[slots]
    share = np.unique(numbers, return_counts=True)[1] / len(numbers)
    falls = np.diff([chord.root for chord in chords]) % 12 == 5
    back = [slots_a_bar * lag for lag in CHORD_LAGS]
    return [
        np.count_nonzero(np.diff(numbers)) / bars,
        -float((share * np.log2(share)).sum()),
        falls.mean() if len(falls) else np.nan,
        float(np.mean(["7" in chord.quality for chord in chords])),
        *((numbers[n:] == numbers[:-n]).mean() if n < len(numbers) else np.nan for n in back),
    ]


def _of_role(parts: Sequence[PartPlan], role: str, bars: int) -> list[float]:
    """``OF_ROLE``, over the bars in which notes begin: shares by kind, notes and their spread,
    shares that take up the one so many bars before."""
    rows = [part.bars[:bars] for part in parts if part.role == role]
    every = [bar for row in rows for bar in row if bar.kind not in (REST, HELD)]
    if not every:
        return [np.nan] * len(OF_ROLE)
    kinds = [NEW if bar.kind == FILL else bar.kind for bar in every]
    notes = np.array([bar.notes for bar in every if bar.notes > 0] or [np.nan])
    back = [k - bar.source for row in rows for k, bar in enumerate(row) if bar.source >= 0]
    return [
        *(kinds.count(kind) / len(every) for kind in KINDS),
        notes.mean(),
        notes.std() / notes.mean(),
        *(back.count(lag) / len(every) for lag in LAGS),
    ]


@dataclass(frozen=True)
class PlanWorth:
    """The model: an undefined feature is its ``median``, all are less ``mean`` over ``scale``, cut
    at ``CLIP``, and weighed, (F,) each. ``card``: what it has learnt from, and how well."""

    median: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    card: dict[str, Any]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """(N,) songlikeness, less its mean, that (N, F) features let expect."""
        values = (np.where(np.isnan(rows), self.median, rows) - self.mean) / self.scale
        return np.clip(values, -CLIP, CLIP) @ self.weights

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        names = ("median", "mean", "scale", "weights")
        columns = {name: [float(f"{v:.5g}") for v in getattr(self, name)] for name in names}
        return {"card": self.card, "features": list(NAMES), **columns}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PlanWorth:
        """The model of ``to_dict``. Raises ValueError where it is over other features."""
        if tuple(data["features"]) != NAMES:
            raise ValueError("the weights of Plans are over other features; learn them again")
        columns = (np.array(data[name]) for name in ("median", "mean", "scale", "weights"))
        return cls(*columns, data["card"])


def preferred(plans: Sequence[Plan]) -> list[Plan]:
    """Plans of one Brief, the one that promises most first."""
    if len(plans) < 2:
        return list(plans)
    worth = shipped()(np.array([plan_features(plan) for plan in plans]))
    return [plans[i] for i in np.argsort(-worth, kind="stable")]


@lru_cache(maxsize=1)
def shipped() -> PlanWorth:
    """The model that comes with the package."""
    return PlanWorth.from_dict(json.loads(WORTH.read_text(encoding="utf-8")))
