"""Songlikeness: how like a real song a piece is, beside other pieces for the same request.

Knows the features of structure and a random forest over them that has learnt to tell songs from
pieces composed for their wishes; does not know what was asked, and learns nothing
(``benchmarks/songlikeness.py`` does). It chooses between attempts. What it says of one piece alone
means little: nearly all that is composed is below nearly all songs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.features import NAMES, features
from cantilena.analysis.likeness import played_bars
from cantilena.score.score import Score

FOREST = Path(__file__).parent / "songlikeness.npz"
UNDEFINED = -1e3
"""What stands for a feature that is undefined: below any that there is, so that a tree may ask."""
LEAST_BARS = 8
"""Bars below which pieces are not compared: fewer hold no phrase that could come back."""


@dataclass(frozen=True)
class Forest:
    """Trees side by side. Of all N nodes: ``feature``, (N,), the number of the one asked for, below
    0 in a leaf; ``bound``, (N,), up to which its value leads to the first of ``next``, (N, 2)
    nodes, else to the second; ``share``, (N,), of songs among the pieces in a leaf, 0-1.
    ``roots``: (T,). ``card``: what it has learnt from, and how well."""

    feature: np.ndarray
    bound: np.ndarray
    next: np.ndarray
    share: np.ndarray
    roots: np.ndarray
    card: dict[str, Any]

    def __call__(self, row: np.ndarray) -> float:
        """The mean share, 0-1, of the leaves that (F,) features lead to; nan: undefined."""
        values = np.where(np.isnan(row), UNDEFINED, row).astype(np.float32)
        node = self.roots
        while (going := self.feature[node] >= 0).any():
            above = (values[self.feature[node]] > self.bound[node]).astype(np.intp)
            node = np.where(going, self.next[node, above], node)
        return float(self.share[node].mean())


def songlikeness(score: Score) -> float:
    """How like a song a Score's first bars are (``features.BARS``), 0-1; 0 for fewer than
    ``LEAST_BARS`` bars."""
    return shipped()(features(score)) if played_bars(score) >= LEAST_BARS else 0.0


def write_forest(forest: Forest, path: str | Path) -> None:
    """Writes a forest to a file that ``read_forest`` reads, the same bytes for the same forest."""
    np.savez_compressed(
        path,
        feature=forest.feature.astype(np.int16),
        bound=forest.bound.astype(np.float32),
        next=forest.next.astype(np.int32),
        share=forest.share.astype(np.float16),
        roots=forest.roots.astype(np.int32),
        card=np.frombuffer(json.dumps(forest.card).encode(), np.uint8),
    )


def read_forest(path: str | Path) -> Forest:
    """The forest in a file. Raises ValueError where it is over other features than these."""
    with np.load(path, allow_pickle=False) as arrays:
        card = json.loads(arrays["card"].tobytes())
        if tuple(card["features"]) != NAMES:
            raise ValueError(f"{path} is over other features; learn it again")
        return Forest(
            arrays["feature"],
            arrays["bound"],
            arrays["next"],
            arrays["share"],
            arrays["roots"],
            card,
        )


@lru_cache(maxsize=1)
def shipped() -> Forest:
    """The forest that comes with the package."""
    return read_forest(FOREST)
