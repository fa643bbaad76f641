"""Codes that change seldom as runs: which channel, which value, how long (SlowAE, Dieleman 2021).

Knows matrices of whole numbers; does not know codecs or models. Runs of all channels stand in one
sequence, by the frame that they begin in and, in the same frame, by channel: as they are written, a
model always knows of every channel what it holds.
"""

from __future__ import annotations

import numpy as np

from cantilena.errors import InputError

LONGEST = 256
"""Frames of a run; a longer one is split."""


def run_lengths(codes: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """(R, 3) int64 of (K, T) codes: channel, value and length of each run. Raises InputError for
    another shape, or a ``longest`` below 1."""
    codes = np.asarray(codes)
    if codes.ndim != 2 or longest < 1:
        raise InputError(
            f"codes are (K, T) and runs 1 frame or longer, not {codes.shape}, {longest}"
        )
    rows = []
    for channel, row in enumerate(codes):
        edges = np.flatnonzero(np.diff(row)) + 1
        edges = np.concatenate([[0], edges, [len(row)]]) if len(row) else np.zeros(1, np.int64)
        for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            for first in range(start, stop, longest):
                rows.append((first, channel, int(row[first]), min(longest, stop - first)))
    rows.sort()
    return np.array([row[1:] for row in rows], dtype=np.int64).reshape(-1, 3)


def expanded(runs: np.ndarray, channels: int) -> np.ndarray:
    """(K, T) codes of (R, 3) runs of ``channels`` channels. Raises InputError where a channel is
    none, a run has no length, or the channels are not alike long."""
    rows: list[list[np.ndarray]] = [[] for _ in range(channels)]
    for channel, value, length in np.asarray(runs).tolist():
        if not 0 <= channel < channels or length < 1:
            raise InputError(f"a run of {length} frames in channel {channel} of {channels} is none")
        rows[channel].append(np.full(length, value, np.int64))
    parts = [np.concatenate([np.zeros(0, np.int64), *row]) for row in rows]
    if len({len(part) for part in parts}) > 1:
        raise InputError("the channels' runs are not alike long in all")
    return np.stack(parts) if parts else np.zeros((0, 0), np.int64)
