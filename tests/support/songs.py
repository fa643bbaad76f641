"""A few made-up songs with the interface of ``data.dataset.Songs``."""

from __future__ import annotations

from typing import Any

import numpy as np

from makers import random_table

META = {
    "genres": ("rock",),
    "moods": ("happy",),
    "bpm": 120.0,
    "metre": [4, 4],
    "swing": False,
    "key": 9,
    "seconds": 30.0,
    "bars": 8,
}


class FakeSongs:
    """``tables``: (N, 5) note tables, in bars of 4/4 with a chord for each half bar."""

    def __init__(self, tables: list[np.ndarray], **meta: Any):
        self.tables, self._meta = tables, {**META, **meta}

    def __len__(self) -> int:
        return len(self.tables)

    def length(self, i: int) -> int:
        return len(self.tables[i])

    def table(self, i: int) -> np.ndarray:
        return self.tables[i].copy()

    def bars(self, i: int) -> np.ndarray:
        return np.arange(0, self.tables[i][-1, 0] + 2 * 96, 96)

    def chords(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        starts = np.arange(0, self.bars(i)[-1], 48)
        return starts, 1 + (np.arange(len(starts)) * 9) % 108

    def meta(self, i: int) -> dict[str, Any]:
        return self._meta

    def corpus(self, i: int) -> str:
        return "made up"


def random_songs(n: int = 3, notes: int = 120, seed: int = 0, **meta: Any) -> FakeSongs:
    """Songs of random notes, with silences that need REST rows."""
    rng = np.random.default_rng(seed)
    return FakeSongs([random_table(rng, notes, 500) for _ in range(n)], **meta)


def scale_song(notes: int = 64) -> FakeSongs:
    """A song that can be learnt by heart: a scale over a bass, four times over."""
    rows = []
    for k in range(notes):
        rows.append((12 * k, 40, 60 + (0, 2, 4, 5, 7, 9, 11, 12)[k % 8], 9, 4))
        if k % 8 == 0:
            rows.append((12 * k, 33, 36, 26, 5))
    table = np.array(sorted(rows), dtype=np.int64)
    return FakeSongs([table])
