"""Frechet distance between the Gaussians of two sets of embeddings, whole and over subsets.

Knows vectors; does not know what they are embeddings of. With the vectors of a published audio
embedder this is the Frechet audio distance (FAD) of Kilgour et al., "Frechet Audio Distance: a
reference-free metric for evaluating music enhancement algorithms" (Interspeech 2019), equation 1;
over features of our own it is a Frechet distance, and never called FAD:

    |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2))

The last trace is not taken from a matrix square root, which for nearly singular covariances (fewer
vectors than dimensions) turns complex or loses half its digits. With C = F F^T, F from the eigen
decomposition, it is the sum of the singular values of F1^T F2: real, never negative, and exact for
singular matrices too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cantilena.errors import InputError
from cantilena.evaluate.distances.sem import Mean, mean_of

SUBSETS, SUBSET_SIZE = 5, 500
"""FAD-sub: so many subsets of so many generated pieces, each against the whole reference."""
ENOUGH = 2
"""Vectors for each dimension, below which a distance is mostly the two samples' own noise."""


def validate(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sets as float64. Raises InputError where they are not (N, D) and (M, D), N and M >= 2,
    with finite values."""
    sets = tuple(np.asarray(x, dtype=np.float64) for x in (one, other))
    for x in sets:
        if x.ndim != 2 or x.shape[1] < 1:
            raise InputError(f"embeddings must have the shape (N, D), not {x.shape}")
        if len(x) < 2:
            raise InputError(f"a distance needs at least 2 embeddings on either side, not {len(x)}")
        if not np.isfinite(x).all():
            raise InputError("the embeddings hold values that are not finite")
    if sets[0].shape[1] != sets[1].shape[1]:
        raise InputError(
            f"embeddings of {sets[0].shape[1]} and {sets[1].shape[1]} numbers cannot be compared; "
            "take both from one embedder"
        )
    return sets[0], sets[1]


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and covariance (D, D), with N - 1 below the line, of (N, D) vectors, N >= 2."""
    mean = x.mean(0)
    centred = x - mean
    return mean, centred.T @ centred / (len(x) - 1)


def factor(covariance: np.ndarray) -> np.ndarray:
    """F (D, D) with F F^T = ``covariance``, symmetric; eigenvalues that rounding has made
    negative count as zero. Raises InputError for a matrix that is clearly no covariance."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    # a millionth of the largest is far above rounding; 1e-300 keeps a matrix of zeros
    if values.min(initial=0.0) < -1e-6 * max(values.max(initial=0.0), 1e-300):
        raise InputError("a covariance must have no negative eigenvalues")
    return vectors * np.sqrt(np.clip(values, 0.0, None))


def frechet_gaussians(
    mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray
) -> float:
    """Squared Frechet (2-Wasserstein) distance of two Gaussians: means (D,), covariances (D, D).

    In the squared unit of the vectors, >= 0; 0 for equal Gaussians. Raises InputError.
    """
    one, other = factor(covariance), factor(other_covariance)
    between = np.linalg.svd(one.T @ other, compute_uv=False).sum()
    gap = np.asarray(mean, np.float64) - np.asarray(other_mean, np.float64)
    total = gap @ gap + np.square(one).sum() + np.square(other).sum() - 2 * between
    return max(0.0, float(total))


def frechet_distance(generated: np.ndarray, reference: np.ndarray) -> float:
    """Squared Frechet distance of the Gaussians of (N, D) and (M, D) embeddings, N and M >= 2.

    In the squared unit of the embeddings, >= 0; it shrinks as N and M grow, so compare only sets
    of one size (see ``caution``). Raises InputError.
    """
    x, y = validate(generated, reference)
    return frechet_gaussians(*moments(x), *moments(y))


def caution(n: int, dimensions: int, enough: int = 0) -> str:
    """What to say of a distance over ``n`` vectors on the smaller side; "" where they are
    ``enough`` (0: not known) and ``ENOUGH`` for each dimension."""
    enough = max(enough, ENOUGH * dimensions)
    if n >= enough:
        return ""
    return (
        f"{n:,} vectors are few for {dimensions} dimensions: the distance is biased upwards and "
        f"may only be compared with one over as many; {enough:,} or more are advised"
    )


# ---------------------------------------------------------------------------- subsets


@dataclass(frozen=True)
class Draw:
    """A subset of the generated pieces and the reference that it is held against: indices."""

    generated: np.ndarray
    reference: np.ndarray


def draws(
    generated: int,
    reference: int,
    same: bool = False,
    subsets: int = SUBSETS,
    size: int = SUBSET_SIZE,
    seed: int = 0,
) -> tuple[Draw, ...]:
    """``subsets`` random subsets of the generated pieces, without repetition within one, each
    against all of the reference, as the paper draws five of 500 from its generated thousand.

    The size is ``size``, but at most half of the generated pieces, as subsets that are the whole
    set have no spread. ``same``: both sides are one set, real music against itself; a subset then
    stands against the rest of the set. Empty where either side would have fewer than 2 pieces.
    Raises InputError.
    """
    if subsets < 1 or size < 2:
        raise InputError(f"{subsets} subsets of {size} pieces cannot be drawn; 1 of 2 is the least")
    size = min(size, generated // 2)
    if size < 2 or reference < 2:
        return ()
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(generated) for _ in range(subsets)]
    whole = np.arange(reference)
    return tuple(Draw(o[:size], np.sort(o[size:]) if same else whole) for o in orders)


def frechet_subsets(
    generated: Sequence[np.ndarray], reference: Sequence[np.ndarray], drawn: Sequence[Draw]
) -> Mean:
    """Mean, spread and SEM over subsets of the distance of the pieces' pooled vectors.

    ``generated``, ``reference``: for each piece its (T, D) vectors. ``drawn``: from ``draws``,
    not empty. Subsets share pieces, so that the SEM is too small. Raises InputError.
    """
    return mean_of(
        frechet_distance(
            np.concatenate([generated[i] for i in draw.generated]),
            np.concatenate([reference[i] for i in draw.reference]),
        )
        for draw in drawn
    )
