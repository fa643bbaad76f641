"""The modified discrete cosine transform, which is its own inverse, in numpy.

Knows samples and frames; does not know models or files. The tables are computed in float64: one of
float32 cosines of large angles leaves errors of 2e-4 in what comes back.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cantilena.audio.mel import validate
from cantilena.errors import InputError

CHUNK = 600
"""Frames that are transformed at a time."""


@lru_cache(maxsize=4)
def mdct_basis(hop: int) -> np.ndarray:
    """(2 * hop, hop) float64: what the coefficients of a frame are in samples, window included.

    Column k is sqrt(2 / hop) w[n] cos(pi / hop (n + 1/2 + hop / 2)(k + 1/2)) under the sine window
    w[n] = sin(pi (n + 1/2) / (2 hop)). Neighbouring frames overlap by half; all columns of all
    frames together are orthonormal, so that the same table takes apart and puts together."""
    n, k = np.arange(2 * hop)[:, None], np.arange(hop)
    # whole numbers are reduced by the period first, so that large angles lose nothing
    angle = ((2 * n + 1 + hop) * (2 * k + 1)) % (8 * hop)
    window = np.sin(np.pi * (n + 0.5) / (2 * hop))
    basis = np.sqrt(2.0 / hop) * window * np.cos(np.pi * angle / (4 * hop))
    basis.setflags(write=False)
    return basis


def mdct(samples: np.ndarray, hop: int = 320) -> np.ndarray:
    """(hop, T) float32 coefficients of (n,) samples, T = ceil(n / hop) + 1: the sound is preceded
    by ``hop`` zeros and followed by as many as fill the last frame. Raises InputError."""
    samples = validate(samples)
    _check(hop)
    count = -(-len(samples) // hop) + 1
    padded = np.zeros((count + 1) * hop, dtype=np.float32)
    padded[hop : hop + len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]
    out = np.empty((hop, count), dtype=np.float32)
    for i in range(0, count, CHUNK):
        out[:, i : i + CHUNK] = (frames[i : i + CHUNK] @ mdct_basis(hop)).T
    return out


def imdct(coefficients: np.ndarray, length: int | None = None) -> np.ndarray:
    """(n,) float32 samples of (hop, T) coefficients, what ``mdct`` took apart; n is ``length``
    where it is known, else (T - 1) * hop. Raises InputError."""
    coefficients = np.asarray(coefficients)
    if coefficients.ndim != 2 or coefficients.shape[1] < 1:
        raise InputError(f"coefficients must have the shape (hop, T), not {coefficients.shape}")
    hop, count = coefficients.shape
    _check(hop)
    total = np.zeros(((count + 1), hop))
    for i in range(0, count, CHUNK):
        frames = coefficients[:, i : i + CHUNK].T @ mdct_basis(hop).T
        total[i : i + len(frames)] += frames[:, :hop]
        total[i + 1 : i + 1 + len(frames)] += frames[:, hop:]
    out = np.zeros((count - 1) * hop if length is None else length, dtype=np.float32)
    inside = total.reshape(-1)[hop : hop + len(out)]
    out[: len(inside)] = inside
    return out


def _check(hop: int) -> None:
    if hop < 2 or hop % 2:
        raise InputError(f"the hop must be an even number of samples from 2 on, not {hop}")
