"""The unbiased MMD: its formula, its expectation, its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.evaluate.distances import mmd
from cantilena.evaluate.distances.frechet import draws

SEEDS = st.integers(0, 2**32 - 1)


def literal(x: np.ndarray, y: np.ndarray, bandwidth: float) -> float:
    """Gretton et al. (2012), equation 3, pair by pair."""

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-((a - b) ** 2).sum() / (2 * bandwidth**2)))

    n, m = len(x), len(y)
    xx = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


@settings(max_examples=25)
@given(SEEDS, st.integers(2, 8), st.integers(2, 8), st.floats(0.2, 5))
def test_it_is_the_formula_and_symmetric(seed, n, m, bandwidth):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 3)), rng.normal(1, 2, size=(m, 3))
    found = mmd.mmd_squared(x, y, bandwidth)
    assert found == pytest.approx(literal(x, y, bandwidth), abs=1e-12)
    assert mmd.mmd_squared(y, x, bandwidth) == pytest.approx(found, abs=1e-12)
    assert mmd.mmd_squared(x + 50, y + 50, bandwidth) == pytest.approx(found, abs=1e-9)
    assert found <= 2
    assert mmd.kad(x, y, bandwidth) == pytest.approx(100 * found)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(37, 4)), rng.normal(0.3, 1, size=(23, 4))
    whole = mmd.kad(x, y)
    monkeypatch.setattr(mmd, "BLOCK", 5)
    assert mmd.kad(x, y) == pytest.approx(whole, abs=1e-10)


def test_it_is_unbiased():
    """Of two samples of one distribution the mean over many is 0 and a good part lies below; the
    estimate with the pairs of a vector and itself, which is biased, would be far above. Of two
    Gaussians N(0, 1), N(1, 1) with kernel width s the true value is known:
    2 s / sqrt(s^2 + 2) (1 - exp(-1 / (2 (s^2 + 2))))."""
    rng = np.random.default_rng(0)
    same = [mmd.mmd_squared(*rng.normal(size=(2, 12, 1)), 1.0) for _ in range(800)]
    error = np.std(same) / np.sqrt(len(same))
    assert abs(np.mean(same)) < 3 * error
    assert np.mean(np.array(same) < 0) > 0.4
    biased = (1 - 1 / np.sqrt(3)) / 12 * 2  # what the equal pairs would add
    assert biased > 8 * error
    apart = [
        mmd.mmd_squared(rng.normal(size=(12, 1)), rng.normal(1, 1, size=(12, 1)), 1.0)
        for _ in range(800)
    ]
    true = 2 / np.sqrt(3) * (1 - np.exp(-1 / 6))
    assert np.mean(apart) == pytest.approx(true, abs=3 * np.std(apart) / np.sqrt(800))


def test_more_apart_is_more_and_alike_is_about_nothing():
    rng = np.random.default_rng(1)
    y = rng.normal(size=(200, 6))
    distances = [mmd.kad(rng.normal(s, 1, (200, 6)), y) for s in (0.0, 0.2, 0.5, 1.0, 3.0)]
    assert abs(distances[0]) < 0.5 and distances == sorted(distances)


def test_golden_number():
    """Points 0, 1 against 2, 4 with a bandwidth of 1: by hand, e^-0.5 + e^-2 - (e^-2 + e^-8 +
    e^-0.5 + e^-4.5) / 2."""
    known = np.exp(-0.5) + np.exp(-2) - (np.exp(-2) + np.exp(-8) + np.exp(-0.5) + np.exp(-4.5)) / 2
    found = mmd.mmd_squared(np.array([[0.0], [1.0]]), np.array([[2.0], [4.0]]), 1.0)
    assert found == pytest.approx(known) == pytest.approx(0.36521, abs=1e-5)


def test_the_bandwidth_is_the_median_distance():
    assert mmd.median_bandwidth(np.array([[0.0], [1.0], [5.0]])) == 4.0
    assert mmd.median_bandwidth(np.ones((5, 3))) == 1.0
    many = np.random.default_rng(0).normal(size=(2500, 2))
    # of two points of a plane's N(0, 1): sqrt(2) times Rayleigh's median
    assert mmd.median_bandwidth(many) == pytest.approx(2 * np.sqrt(np.log(2)), rel=0.03)
    assert mmd.median_bandwidth(many) == mmd.median_bandwidth(many)


def test_over_subsets():
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.5, 1, (30, 2)), rng.normal(size=(40, 2))
    drawn = draws(30, 40, subsets=4)
    distances = mmd.kad_subsets(x, y, drawn, 1.3)
    single = [mmd.kad(x[d.generated], y[d.reference], 1.3) for d in drawn]
    assert distances.mean == pytest.approx(np.mean(single)) and distances.n == 4


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bandwidth_that_is_none_is_refused(bandwidth: float):
    with pytest.raises(InputError, match="bandwidth"):
        mmd.mmd_squared(np.zeros((3, 2)), np.ones((3, 2)), bandwidth)
    with pytest.raises(InputError):
        mmd.mmd_squared(np.zeros((1, 2)), np.ones((3, 2)), 1.0)
