"""The two-sample test on numbers whose difference is known."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from cantilena.errors import InputError, MissingExtraError
from cantilena.evaluate.forest import auc, cross_validated, forest, two_sample


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 9, 40).astype(float), rng.integers(2, 11, 30).astype(float)
    above = (second[:, None] > first).mean() + 0.5 * (second[:, None] == first).mean()
    assert auc(first, second) == pytest.approx(above)
    assert auc(second, first) == pytest.approx(1 - above)
    assert auc(np.zeros(3), np.ones(4)) == 1 and np.isnan(auc(np.zeros(0), np.ones(4)))


def test_a_forest_that_is_not_installed_is_said_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtraError, match=r"scikit-learn.*cantilena\[evaluate\]"):
        forest(np.zeros((4, 2)), np.array([0, 0, 1, 1]))


def test_too_few_pairs_are_refused():
    with pytest.raises(InputError, match="4 pairs or more, not 3"):
        two_sample(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(InputError):
        two_sample(np.zeros((5, 2)), np.zeros((4, 2)))


class TestWithAForest:
    @pytest.fixture(autouse=True)
    def trees(self, monkeypatch):
        pytest.importorskip("sklearn")
        for name, value in (("TREES", 30), ("FOLDS", 5), ("REPEATS", 1)):
            monkeypatch.setattr(f"cantilena.evaluate.forest.{name}", value)

    def test_sets_that_differ_are_told_apart(self):
        rng = np.random.default_rng(1)
        first, second = rng.normal(size=(2, 24, 6))
        second[:, 3] += 4
        result, scores = two_sample(first, second)
        assert result.auc > 0.95 and result.n == 24 and result.right > 0.9
        assert result.low <= result.auc <= result.high
        assert scores.shape == (2, 24) and scores[1].mean() > scores[0].mean()

    def test_labels_by_chance_tell_nothing(self):
        """The mean over several draws, as the AUC of one small set wanders."""
        rng = np.random.default_rng(2)
        results = [two_sample(*rng.normal(size=(2, 24, 6)))[0].auc for _ in range(6)]
        assert 0.35 < np.mean(results) < 0.6

    def test_features_that_are_undefined_do_not_matter(self):
        rng = np.random.default_rng(3)
        first, second = rng.normal(size=(2, 16, 4))
        second[:, 0] += 4
        first[::3, 1] = second[::3, 1] = np.nan
        first[:, 2] = second[:, 2] = np.nan
        assert two_sample(first, second)[0].auc > 0.9

    def test_the_same_seed_gives_the_same_figures(self):
        rng = np.random.default_rng(4)
        first, second = rng.normal(size=(2, 12, 4))
        assert two_sample(first, second, 5)[0] == two_sample(first, second, 5)[0]

    def test_a_row_is_never_scored_by_a_forest_that_saw_its_group(self):
        """The label is the group's own and nothing else tells it: whoever saw it would know."""
        rng = np.random.default_rng(5)
        group = np.repeat(np.arange(20), 5)
        label = rng.integers(0, 2, 20)[group]
        rows = rng.normal(size=(20, 3))[group]
        right = (cross_validated(rows, label, group).argmax(1) == label).mean()
        assert right < 0.85
        alone = np.arange(100)
        assert (cross_validated(rows, label, alone).argmax(1) == label).mean() > 0.95
