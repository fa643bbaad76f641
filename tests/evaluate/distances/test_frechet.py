"""The Frechet distance against closed forms, scipy and its own laws; SEM."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.evaluate.distances import frechet as f
from cantilena.evaluate.distances import sem

SEEDS = st.integers(0, 2**32 - 1)


def cloud(seed: int, n: int, d: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + shift


# ---------------------------------------------------------------------------- closed forms


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 6))
def test_of_gaussians_that_commute_it_is_known(seed: int, d: int):
    """Covariances with common axes: |m1 - m2|^2 + the squared differences of the deviations."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    one, other = rng.uniform(0, 3, (2, d))
    gap = rng.normal(size=d)
    found = f.frechet_gaussians(
        gap, axes @ np.diag(one**2) @ axes.T, np.zeros(d), axes @ np.diag(other**2) @ axes.T
    )
    assert found == pytest.approx(gap @ gap + ((one - other) ** 2).sum(), abs=1e-9)


def test_of_one_dimension_it_is_known():
    x = np.array([[0.0], [2.0]])  # mean 1, variance 2
    y = np.array([[10.0], [14.0]])  # mean 12, variance 8
    assert f.frechet_distance(x, y) == pytest.approx(11**2 + 2)


@pytest.mark.parametrize(("n", "m", "d"), [(200, 300, 8), (60, 90, 40), (4000, 4000, 3)])
def test_against_scipys_square_root(n: int, m: int, d: int):
    sqrtm = pytest.importorskip("scipy.linalg").sqrtm
    x, y = cloud(1, n, d), cloud(2, m, d, 0.5)
    (m1, c1), (m2, c2) = f.moments(x), f.moments(y)
    np.testing.assert_allclose(c1, np.cov(x.T), rtol=1e-9)
    root = np.real(sqrtm(c1 @ c2))
    known = ((m1 - m2) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * np.trace(root)
    assert f.frechet_distance(x, y) == pytest.approx(known, rel=1e-8)


GOLDEN = 0.8932004010577181


def test_golden_number():
    """A fixed set and what scipy 1.17.1 gives for it: trace(c1 + c2 - 2 sqrtm(c1 @ c2)) and the
    means' squared distance, with numpy's cov, of these two arrays."""
    i, k = np.meshgrid(np.arange(40), np.arange(5), indexing="ij")
    x, y = np.sin(i * (k + 1.0)), 1.5 * np.cos(i * (k + 2.0)) + 0.1 * k
    assert f.frechet_distance(x, y) == pytest.approx(GOLDEN, rel=1e-9)


def test_large_samples_of_known_gaussians_come_near_the_true_distance():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (40_000, 4)), rng.normal(0.5, 2, (40_000, 4))
    assert f.frechet_distance(x, y) == pytest.approx(4 * (0.25 + 1), rel=0.03)


# ---------------------------------------------------------------------------- laws


@settings(max_examples=30)
@given(SEEDS, st.integers(2, 30), st.integers(1, 12), st.floats(-5, 5))
def test_equal_sets_are_at_nothing_and_a_shift_at_its_square(seed, n, d, shift):
    x = cloud(seed, n, d)
    scale = max(1.0, float((x * x).sum(1).max()))
    assert f.frechet_distance(x, x) == pytest.approx(0, abs=1e-9 * scale)
    assert f.frechet_distance(x + shift, x) == pytest.approx(d * shift**2, abs=1e-8 * scale)


@settings(max_examples=30)
@given(SEEDS, st.integers(2, 20), st.integers(1, 8))
def test_it_is_a_metrics_square_that_no_rotation_changes(seed, n, d):
    x, y, z = (cloud(seed + i, n, d, i / 2) for i in range(3))
    xy = f.frechet_distance(x, y)
    assert xy >= 0
    assert f.frechet_distance(y, x) == pytest.approx(xy, rel=1e-6, abs=1e-8)
    roots = [math.sqrt(f.frechet_distance(a, b)) for a, b in ((x, y), (x, z), (z, y))]
    assert roots[0] <= roots[1] + roots[2] + 1e-6
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
    assert f.frechet_distance(x @ turn, y @ turn) == pytest.approx(xy, rel=1e-6, abs=1e-8)
    assert f.frechet_distance(3 * x, 3 * y) == pytest.approx(9 * xy, rel=1e-6, abs=1e-7)


def test_fewer_vectors_than_dimensions_do_no_harm():
    """Singular covariances, for which a matrix square root is complex or wrong: all of it is in a
    subspace, where the distance is the same."""
    x, y = cloud(1, 6, 3), cloud(2, 7, 3, 1.0)
    wide = np.linalg.qr(np.random.default_rng(3).normal(size=(200, 3)))[0].T  # (3, 200)
    assert f.frechet_distance(x @ wide, y @ wide) == pytest.approx(f.frechet_distance(x, y))
    assert f.frechet_distance(np.zeros((4, 5)), np.zeros((4, 5))) == 0


def test_small_samples_are_warned_of():
    assert "biased upwards" in f.caution(100, 128)
    assert f.caution(256, 128) == ""


def test_an_embedder_may_ask_for_more_vectors():
    assert f.caution(450, 200) == "" and f.caution(500, 200, 500) == ""
    assert "500 or more are advised" in f.caution(450, 200, 500)
    assert "400 or more are advised" in f.caution(399, 200)


# ---------------------------------------------------------------------------- subsets


def test_subsets_are_of_the_generated_pieces_against_the_whole_reference():
    """Five sets of 500 of the generated thousand, as the paper draws them."""
    drawn = f.draws(1000, 1200)
    assert len(drawn) == 5 and all(len(set(d.generated.tolist())) == 500 for d in drawn)
    assert max(d.generated.max() for d in drawn) < 1000
    assert all(sorted(d.reference.tolist()) == list(range(1200)) for d in drawn)
    again = f.draws(1000, 1200)
    assert all(np.array_equal(a.generated, b.generated) for a, b in zip(drawn, again, strict=True))
    assert len({tuple(sorted(d.generated.tolist())) for d in drawn}) == 5
    # a subset that is the whole set has no spread
    assert len(f.draws(30, 100)[0].generated) == 15
    assert len(f.draws(100, 30)[0].generated) == 50 and len(f.draws(100, 30)[0].reference) == 30
    assert f.draws(3, 100) == () == f.draws(100, 1)


def test_a_subset_of_one_set_stands_against_the_rest_of_it():
    for draw in f.draws(101, 101, same=True, size=500):
        assert len(draw.generated) == 50 and len(draw.reference) == 51
        assert not set(draw.generated.tolist()) & set(draw.reference.tolist())


def test_the_distance_over_subsets_is_the_mean_of_theirs():
    pieces = [cloud(i, 3 + i % 4, 4) for i in range(20)]
    other = [p + 2 for p in pieces]
    drawn = f.draws(20, 20, subsets=3, size=8)
    mean = f.frechet_subsets(other, pieces, drawn)
    single = [
        f.frechet_distance(
            np.vstack([other[i] for i in d.generated]), np.vstack([pieces[i] for i in d.reference])
        )
        for d in drawn
    ]
    assert mean.mean == pytest.approx(np.mean(single)) and mean.n == 3
    assert mean.sem == pytest.approx(np.std(single, ddof=1) / math.sqrt(3))
    real = f.frechet_subsets(pieces, pieces, f.draws(20, 20, same=True, subsets=3, size=8))
    assert 0 < real.mean < mean.mean


# ---------------------------------------------------------------------------- bad input, SEM


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(4), "shape"),
        (np.zeros((1, 4)), "at least 2"),
        (np.full((3, 4), np.nan), "finite"),
        (np.zeros((3, 5)), "one embedder"),
    ],
)
def test_what_cannot_be_compared_is_named(x: np.ndarray, message: str):
    with pytest.raises(InputError, match=message):
        f.frechet_distance(x, np.zeros((3, 4)))
    with pytest.raises(InputError):
        f.factor(np.diag([1.0, -1.0]))
    with pytest.raises(InputError):
        f.draws(10, 10, subsets=0)


def test_sem_of_known_numbers():
    mean = sem.mean_of([2.0, 4.0, 6.0])  # deviation 2
    assert (mean.mean, mean.spread, mean.n) == (4.0, 2.0, 3)
    assert mean.sem == pytest.approx(2 / math.sqrt(3))
    alone = sem.mean_of([5.0])
    assert alone.mean == 5.0 and math.isnan(alone.sem)
    assert alone.to_dict() == {"mean": 5.0, "spread": None, "sem": None, "n": 1}
    for bad in ([], [float("nan")], [float("inf"), 1.0]):
        with pytest.raises(InputError):
            sem.mean_of(bad)


def test_sem_says_how_far_means_of_samples_lie():
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 3, (400, 25))
    assert np.mean([sem.standard_error(s) for s in samples]) == pytest.approx(0.6, rel=0.05)
    assert samples.mean(1).std() == pytest.approx(0.6, rel=0.1)
