"""Two-sample tests and classes by a random forest over features.

Knows tables of numbers and which rows belong together; does not know music. Needs scikit-learn (the
extra ``evaluate``), which is imported when a forest is grown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cantilena.analysis.songlikeness import UNDEFINED
from cantilena.errors import InputError, MissingExtraError

TREES = 300
FOLDS = 10
REPEATS = 3
"""Divisions into folds of which the scores of a two-sample test are the mean."""
DRAWS = 1000
"""Resamplings of a confidence interval."""
MIN_PAIRS = 4


@dataclass(frozen=True)
class TwoSample:
    """How well two sets of matched pieces are told apart.

    ``auc``: probability (0-1) that a piece of the second set scores above one of the first, 0.5
    where they cannot be told apart; ``low``, ``high``: its 95 % interval by resampling pairs;
    ``right``: share of the pairs whose own two pieces are in the right order; ``n``: pairs.
    """

    auc: float
    low: float
    high: float
    right: float
    n: int

    def to_dict(self) -> dict[str, float]:
        """Plain data."""
        return asdict(self)


def auc(first: np.ndarray, second: np.ndarray) -> float:
    """Probability (0-1) that a number of ``second`` is above one of ``first``, equal ones counting
    half: the area under the ROC curve. nan where either is empty."""
    if not len(first) or not len(second):
        return float("nan")
    ordered = np.sort(first)
    below = np.searchsorted(ordered, second, side="left")
    up_to = np.searchsorted(ordered, second, side="right")
    return float((below + up_to).mean() / (2 * len(first)))


def two_sample(
    first: np.ndarray, second: np.ndarray, seed: int = 0, repeats: int | None = None
) -> tuple[TwoSample, np.ndarray]:
    """The classifier two-sample test of matched pairs: a random forest learns to tell ``first``
    (N, F) from ``second`` (N, F) by some pairs and scores the others, both pieces of a pair in the
    same fold; ``repeats``: divisions into folds (``REPEATS``).

    Returns the figures and the (2, N) scores, 0-1, high for what seems of the second set. Lopez-Paz
    & Oquab, *Revisiting classifier two-sample tests* (2017). Raises InputError for fewer than
    ``MIN_PAIRS`` pairs, MissingExtraError.
    """
    n = len(first)
    if n < MIN_PAIRS or len(second) != n:
        raise InputError(f"a two-sample test needs {MIN_PAIRS} pairs or more, not {n}")
    rows = np.concatenate([first, second])
    label = np.repeat([0, 1], n)
    pair = np.tile(np.arange(n), 2)
    scores = cross_validated(rows, label, pair, seed, repeats or REPEATS)[:, 1].reshape(2, n)
    return apart(scores, seed), scores


def apart(scores: np.ndarray, seed: int = 0) -> TwoSample:
    """The figures of the (2, N) scores of N matched pairs, high for what seems of the second
    set."""
    n = scores.shape[1]
    rng = np.random.default_rng(seed)
    draws = [auc(*scores[:, i]) for i in rng.integers(n, size=(DRAWS, n))]
    low, high = np.percentile(draws, [2.5, 97.5]).tolist()
    right = float(((scores[1] > scores[0]) + 0.5 * (scores[1] == scores[0])).mean())
    return TwoSample(auc(*scores), low, high, right, n)


def folds(groups: int, seed: int = 0, repeat: int = 0) -> np.ndarray:
    """(groups,) the number of the fold of each, 0 to ``FOLDS`` - 1, as even as can be; another
    division for each ``repeat``."""
    n_folds = min(FOLDS, groups)
    return np.random.default_rng([seed, repeat]).permutation(np.arange(groups) % n_folds)


def cross_validated(
    rows: np.ndarray, label: np.ndarray, group: np.ndarray, seed: int = 0, repeats: int = 1
) -> np.ndarray:
    """(N, C) probabilities of the C classes (labels 0 to C - 1) of each row, by forests that have
    not seen its ``group``. Raises MissingExtraError."""
    groups = np.unique(group)
    total = np.zeros((len(rows), int(label.max()) + 1))
    for repeat in range(repeats):
        fold = folds(len(groups), seed, repeat)[np.searchsorted(groups, group)]
        for k in np.unique(fold):
            learn = fold != k
            model = forest(rows[learn], label[learn], seed + repeat)
            total[np.ix_(~learn, model.classes_)] += model.predict_proba(_filled(rows[~learn]))
    return total / repeats


def forest(rows: np.ndarray, label: np.ndarray, seed: int = 0) -> Any:
    """A random forest grown on (N, F) rows and their labels, in which all classes weigh the same.
    Raises MissingExtraError."""
    model = _forest_class()(TREES, class_weight="balanced", random_state=seed)
    return model.fit(_filled(rows), label)


def need_forests() -> None:
    """Raises MissingExtraError where no forest can be grown, before long work is done for one."""
    _forest_class()


def _forest_class() -> Any:
    try:
        from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-not-found]
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "evaluate", "telling pieces apart") from error
    return RandomForestClassifier


def probabilities(model: Any, rows: np.ndarray) -> np.ndarray:
    """(N, C) of the classes in ``model.classes_``, for rows that may have nan."""
    return model.predict_proba(_filled(rows))


def _filled(rows: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(rows), UNDEFINED, rows)
