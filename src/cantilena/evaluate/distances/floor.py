"""How far real music is from real music: the floor of a distance.

Knows vectors by piece; does not know what they are embeddings of. Pieces are halved at random,
several times, and each half is held against the other. No system can be expected to come nearer.
A half holds fewer vectors than the whole, so that a floor of a Frechet distance, which shrinks as
sets grow, is on the high side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cantilena.evaluate.distances.frechet import frechet_distance
from cantilena.evaluate.distances.mmd import kad, median_bandwidth
from cantilena.evaluate.distances.sem import mean_of

SPLITS = 5
"""Random halvings."""


def real_floor(
    pieces: Sequence[np.ndarray | None], splits: int = SPLITS, seed: int = 0
) -> dict[str, Any] | None:
    """Means over ``splits`` random halvings, as plain data: ``frechet`` over pooled vectors and
    ``kad`` over pieces' mean vectors, each a ``Mean``; ``pieces`` in a half; ``vectors``, the mean
    number in one.

    ``pieces``: for each piece its (T, D) vectors, None where there is none. None where fewer than
    4 have any. Raises InputError for vectors that are not finite.
    """
    real = [vectors for vectors in pieces if vectors is not None]
    half = len(real) // 2
    if half < 2:
        return None
    means = np.stack([vectors.mean(0) for vectors in real]).astype(float)
    bandwidth = median_bandwidth(means)
    rng = np.random.default_rng(seed)
    frechets: list[float] = []
    kads: list[float] = []
    counts: list[int] = []
    for _ in range(splits):
        order = rng.permutation(len(real))
        one, other = order[:half], order[half : 2 * half]
        pooled = [np.concatenate([real[i] for i in side]) for side in (one, other)]
        frechets.append(frechet_distance(*pooled))
        kads.append(kad(means[one], means[other], bandwidth))
        counts += [len(side) for side in pooled]
    return {
        "frechet": mean_of(frechets).to_dict(),
        "kad": mean_of(kads).to_dict(),
        "splits": splits,
        "pieces": half,
        "vectors": round(float(np.mean(counts))),
    }
