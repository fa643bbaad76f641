"""Batches of sung clips as columns of codes with their phonemes.

Knows codes and phonemes as numbers; does not know where they come from. A batch depends on the seed
and the step alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cantilena.errors import InputError

COLUMNS, FRAMES, PHONEMES = "columns", "frames", "phonemes"
"""Entries of a batch: (B, K, S) int64, how many columns each example has (B,), and (B, L) int64."""


@dataclass(frozen=True)
class SungCodes:
    """``codes`` (K, T) of a clip and its ``phonemes`` as numbers from 1 on."""

    codes: np.ndarray
    phonemes: tuple[int, ...]


class KaraBatches:
    """Batches of whole clips; with the chance ``drop`` one's lyrics are ``nothing``. Raises
    InputError where there are none."""

    def __init__(self, clips: Sequence[SungCodes], nothing: int, drop: float, seed: int = 0):
        self.clips = [clip for clip in clips if clip.codes.shape[1] and clip.phonemes]
        if not self.clips:
            raise InputError("no clip has codes and phonemes")
        self.nothing, self.drop, self.seed = nothing, drop, seed

    def draw(self, step: int, size: int) -> dict[str, Any]:
        """The batch of a step: each clip once an epoch."""
        rng = np.random.default_rng([self.seed, step, 1])
        rows = []
        for number in range(step * size, (step + 1) * size):
            epoch, place = divmod(number, len(self.clips))
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self.clips))
            rows.append(self.clips[int(order[place])])
        with_lyrics = rng.random(size) >= self.drop
        lyrics = [
            row.phonemes if there else (self.nothing,)
            for row, there in zip(rows, with_lyrics, strict=True)
        ]
        return stacked(rows, lyrics)

    def fixed(self, size: int, limit: int = 64) -> list[dict[str, Any]]:
        """Batches for validation of ``limit`` clips, spread over the data."""
        count = min(limit, len(self.clips))
        rows = [self.clips[i] for i in np.linspace(0, len(self.clips) - 1, count).astype(int)]
        groups = [rows[i : i + size] for i in range(0, count, size)]
        return [stacked(group, [row.phonemes for row in group]) for group in groups]


def stacked(rows: Sequence[SungCodes], lyrics: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Clips as a batch, the shorter ones filled up behind."""
    frames = [row.codes.shape[1] for row in rows]
    columns = np.zeros((len(rows), rows[0].codes.shape[0], max(frames)), dtype=np.int64)
    phonemes = np.zeros((len(rows), max(map(len, lyrics))), dtype=np.int64)
    for i, (row, words) in enumerate(zip(rows, lyrics, strict=True)):
        columns[i, :, : frames[i]] = row.codes
        phonemes[i, : len(words)] = words
    return {COLUMNS: columns, FRAMES: np.array(frames), PHONEMES: phonemes}
