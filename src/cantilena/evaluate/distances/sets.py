"""The distances of one set of pieces to another, over the vectors of one embedder.

Knows vectors by piece; does not know what they are embeddings of. A Frechet distance pools all
vectors of all pieces, KAD takes each piece's mean, as its estimate is unbiased for independent
vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cantilena.evaluate.distances import frechet, mmd
from cantilena.evaluate.distances.floor import Vectors


def distances(
    generated: Vectors,
    reference: Vectors,
    same: bool = False,
    subsets: int = frechet.SUBSETS,
    size: int = frechet.SUBSET_SIZE,
    seed: int = 0,
) -> dict[str, Any]:
    """The distances as plain data: ``frechet`` and ``kad``, and over ``subsets`` of at most
    ``size`` generated pieces (``frechet.draws``) ``frechet_subsets`` and ``kad_subsets``, each a
    ``Mean``; ``pieces``, ``windows`` and ``dimensions`` of the generated. Where either side has
    fewer than 2 pieces there are counts alone. ``same``: real music against itself, of which only a
    subset against the rest means anything; the distance of the whole from itself is 0. Raises
    InputError."""
    embedded = [v for v in generated if v is not None]
    real = [v for v in reference if v is not None]
    if len(embedded) < 2 or len(real) < 2:
        return {"pieces": len(embedded), "windows": sum(map(len, embedded)), "size": 0}
    means, real_means = (np.stack([v.mean(0) for v in x]).astype(float) for x in (embedded, real))
    pooled, real_pooled = np.concatenate(embedded), np.concatenate(real)
    bandwidth = mmd.median_bandwidth(real_means)
    drawn = frechet.draws(len(embedded), len(real), same, subsets, size, seed)
    figures: dict[str, Any] = {
        "pieces": len(embedded),
        "windows": len(pooled),
        "dimensions": pooled.shape[1],
        "frechet": 0.0 if same else frechet.frechet_distance(pooled, real_pooled),
        "kad": None if same else mmd.kad(means, real_means, bandwidth),
        "size": len(drawn[0].generated) if drawn else 0,
        "subsets": len(drawn),
    }
    if drawn:
        figures["frechet_subsets"] = frechet.frechet_subsets(embedded, real, drawn).to_dict()
        figures["kad_subsets"] = mmd.kad_subsets(means, real_means, drawn, bandwidth).to_dict()
    return figures
