"""Two-sample tests by likeness: a linear classifier that reads nothing but how alike pieces are.

Knows matrices of likeness and which rows belong together; does not know music. It is regularised
least squares (Rifkin, Yeo & Poggio, 2003) in closed form, so it needs no library and draws nothing
but the folds.
"""

from __future__ import annotations

import numpy as np

from cantilena.errors import InputError
from cantilena.evaluate.forest import MIN_PAIRS, REPEATS, TwoSample, apart, folds

RIDGE = 0.1
"""What is added to a piece's likeness to itself, which is 1. What is heard of the faults of
``benchmarks/patterns_hear.py`` hardly changes from 0.01 to 1."""


def two_sample(
    likeness: np.ndarray, seed: int = 0, repeats: int | None = None
) -> tuple[TwoSample, np.ndarray]:
    """As ``forest.two_sample``, of N matched pairs whose (2 N, 2 N) ``likeness`` is that of the N
    pieces of the first set and the N of the second. The (2, N) scores are about -1 for the first
    set and 1 for the second.

    Raises InputError for fewer than ``MIN_PAIRS`` pairs.
    """
    n = len(likeness) // 2
    if n < MIN_PAIRS or likeness.shape != (2 * n, 2 * n):
        raise InputError(f"a two-sample test needs {MIN_PAIRS} pairs or more, not {n}")
    side, pair = np.repeat([-1.0, 1.0], n), np.tile(np.arange(n), 2)
    scores = cross_validated(likeness, side, pair, seed, repeats or REPEATS).reshape(2, n)
    return apart(scores, seed), scores


def cross_validated(
    likeness: np.ndarray, side: np.ndarray, group: np.ndarray, seed: int = 0, repeats: int = 1
) -> np.ndarray:
    """(N,) scores of N pieces of which ``side`` is -1 or 1, by classifiers that have not seen any
    of their ``group``, the means of ``repeats`` divisions into folds. ``likeness``: (N, N),
    symmetric, with no negative eigenvalue, as ``patterns.likeness`` is."""
    product = likeness + 1  # all pieces are alike in this: it stands for the threshold
    groups, number = np.unique(group, return_inverse=True)
    scores = np.zeros(len(side))
    for repeat in range(repeats):
        fold = folds(len(groups), seed, repeat)[number]
        for k in np.unique(fold):
            learn = fold != k
            own = product[np.ix_(learn, learn)] + RIDGE * np.eye(int(learn.sum()))
            weight = np.linalg.solve(own, side[learn])
            scores[~learn] += product[np.ix_(~learn, learn)] @ weight / repeats
    return scores
