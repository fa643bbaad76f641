"""Maximum mean discrepancy between two sets of embeddings, unbiased, and the kernel audio distance.

Knows vectors; does not know what they are embeddings of. KAD is Chung et al., "KAD: No More FAD!
An Effective and Efficient Evaluation Metric for Audio Generation" (ICML 2025): the unbiased squared
MMD of Gretton et al., "A kernel two-sample test" (JMLR 2012), equation 3, with a Gaussian kernel
whose bandwidth is the median distance within the reference set, times 100. It assumes no Gaussian
of the embeddings and, unlike FAD, does not shrink as the sets grow.

"Unbiased" is true of independent vectors: give one for each piece, not several of one piece.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.errors import InputError
from cantilena.evaluate.distances.frechet import Draw, validate
from cantilena.evaluate.distances.sem import Mean, mean_of

SCALE = 100.0
"""KAD is this times the squared MMD, as published."""
BLOCK = 1024
"""Rows of a matrix of distances that are computed at a time."""
PAIRS_FROM = 2000
"""Most vectors of which all pairs are looked at for the bandwidth; of more, so many drawn."""


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, M) squared Euclidean distances of (N, D) and (M, D) vectors, none below zero."""
    square = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * (x @ y.T)
    return np.maximum(square, 0.0)


def median_bandwidth(reference: np.ndarray, seed: int = 0) -> float:
    """The median distance between two different vectors of (M, D), M >= 2, in their unit; 1.0
    where more than half are alike, so that a kernel remains. Raises InputError."""
    y, _ = validate(reference, reference)
    if len(y) > PAIRS_FROM:
        y = y[np.random.default_rng(seed).permutation(len(y))[:PAIRS_FROM]]
    middle = float(np.sqrt(np.median(squared_distances(y, y)[np.triu_indices(len(y), 1)])))
    # rounding leaves about 1e-8 of the vectors' length between equal ones
    tiny = 1e-7 * float(np.sqrt((y * y).sum(1).max()))
    return middle if middle > tiny else 1.0


def _mean_kernel(x: np.ndarray, y: np.ndarray, bandwidth: float, same: bool) -> float:
    """Mean of exp(-d^2 / (2 bandwidth^2)) over pairs, by blocks of rows; ``same``: of one set, of
    which a vector is not paired with itself."""
    total = 0.0
    for i in range(0, len(x), BLOCK):
        square = squared_distances(x[i : i + BLOCK], y)
        kernel = np.exp(square / (-2.0 * bandwidth**2))
        if same:
            kernel[np.arange(len(kernel)), np.arange(i, i + len(kernel))] = 0.0
        total += float(kernel.sum())
    return total / (len(x) * (len(y) - 1 if same else len(y)))


def mmd_squared(
    generated: np.ndarray, reference: np.ndarray, bandwidth: float | None = None
) -> float:
    """The unbiased estimate of the squared MMD of (N, D) and (M, D) vectors, N and M >= 2.

    ``bandwidth``: of the Gaussian kernel, > 0; None takes ``median_bandwidth(reference)``. At most
    2; about 0, on either side, for two samples of one distribution; symmetric for a given
    bandwidth. Not to be taken of a set and itself, where it is below zero. Raises InputError.
    """
    x, y = validate(generated, reference)
    bandwidth = median_bandwidth(y) if bandwidth is None else bandwidth
    if not 0 < bandwidth < float("inf"):
        raise InputError(f"a kernel's bandwidth must be above 0, not {bandwidth}")
    # distances do not change when both sets are moved, and near the origin they round less
    centre = y.mean(0)
    x, y = x - centre, y - centre
    within = _mean_kernel(x, x, bandwidth, True) + _mean_kernel(y, y, bandwidth, True)
    return within - 2 * _mean_kernel(x, y, bandwidth, False)


def kad(generated: np.ndarray, reference: np.ndarray, bandwidth: float | None = None) -> float:
    """Kernel audio distance: 100 times ``mmd_squared``, nearer 0 being better. Raises
    InputError."""
    return SCALE * mmd_squared(generated, reference, bandwidth)


def kad_subsets(
    generated: np.ndarray, reference: np.ndarray, drawn: Sequence[Draw], bandwidth: float
) -> Mean:
    """Mean, spread and SEM of ``kad`` over subsets (``frechet.draws``, not empty) of (N, D) and
    (M, D) vectors, one for each piece. Raises InputError."""
    return mean_of(kad(generated[d.generated], reference[d.reference], bandwidth) for d in drawn)
