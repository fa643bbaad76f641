"""The two-sample test by likeness, on numbers whose difference is known."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.errors import InputError
from cantilena.evaluate.kernel import two_sample


def likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    rows = np.concatenate([first, second])
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T


def test_sets_that_differ_are_told_apart():
    first, second = np.random.default_rng(0).normal(size=(2, 24, 30))
    second[:, :9] += 3
    result, scores = two_sample(likeness(first, second))
    assert result.auc > 0.9 and result.n == 24 and result.low <= result.auc <= result.high
    assert scores.shape == (2, 24) and scores[1].mean() > 0 > scores[0].mean()
    other, _ = two_sample(likeness(second, first))
    assert other.auc == pytest.approx(result.auc, abs=0.02)


def test_labels_by_chance_tell_nothing():
    rng = np.random.default_rng(1)
    areas = [two_sample(likeness(*rng.normal(size=(2, 24, 30))))[0].auc for _ in range(12)]
    assert 0.4 < np.mean(areas) < 0.6


def test_a_piece_is_never_scored_by_what_has_learnt_from_its_partner():
    """Both pieces of a pair are the same but for a hair: whoever saw the one would call the other
    of the other set, and be wrong each time."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(40, 30))
    result, _ = two_sample(likeness(rows, rows + 1e-3 * rng.normal(size=rows.shape)))
    assert 0.35 < result.auc < 0.65


def test_the_same_seed_gives_the_same_figures():
    like = likeness(*np.random.default_rng(3).normal(size=(2, 12, 9)))
    (one, scores), (again, same), (_, other) = (two_sample(like, seed) for seed in (5, 5, 6))
    assert one == again and (scores == same).all() and (scores != other).any()


def test_too_few_pairs_are_refused():
    with pytest.raises(InputError, match="4 pairs or more, not 3"):
        two_sample(np.eye(6))
    with pytest.raises(InputError):
        two_sample(np.eye(9))
