"""COSIATEC on points whose best description is known, and against trying everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.evaluate import compression as c
from cantilena.score.score import Score, Track

POINTS = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 5)), min_size=1, max_size=12)


def keys(points) -> np.ndarray:
    return np.array(sorted(256 * t + 40 + p for t, p in points), dtype=np.int64)


def score(points) -> Score:
    onset, pitch = zip(*sorted(points), strict=True)
    n = len(onset)
    return Score.build(24, [Track("a", 0)], onset, [1] * n, pitch, [64] * n, [0] * n)


MOTIF = ((0, 60), (1, 67), (3, 61), (7, 72))


def test_a_motif_that_comes_five_times():
    """4 points at 5 places: 20 points said by 4 + 5 - 1 vectors."""
    places = ((0, 0), (20, 1), (50, -3), (90, 7), (141, 2))
    points = {(t + a, p + b) for t, p in MOTIF for a, b in places}
    assert len(points) == 20 and c.compression_ratio(score(points)) == 20 / 8


def test_two_motifs_and_a_lonely_note():
    first = {(t + 20 * i, p) for t, p in MOTIF for i in (0, 1, 3)}
    assert c.compression_ratio(score(first)) == 12 / 6
    assert c.compression_ratio(score(first | {(777, 3)})) == 13 / 7


def test_what_never_comes_back_is_not_compressed():
    ruler = [(t, 60) for t in (0, 1, 4, 9, 15, 22, 32, 34)]  # all differences differ
    assert c.compression_ratio(score(ruler)) == 1.0
    assert c.compression_ratio(score([(0, 60)])) == 1.0
    assert np.isnan(c.compression_ratio(Score.build(24, [], [], [], [], [], [])))


def test_only_the_first_notes_count_and_bad_input_is_named():
    points = [(t + 20 * i, p) for i in range(4) for t, p in MOTIF]
    assert c.compression_ratio(score(points), 4) == c.compression_ratio(score(MOTIF)) == 1.0
    with pytest.raises(InputError):
        c.compression_ratio(score(points), 0)
    with pytest.raises(InputError):
        c.compression_ratio("a score")  # type: ignore[arg-type]


def every(points: np.ndarray) -> float:
    """The best ratio of all maximal translatable patterns, by trying every vector."""
    have, best = set(points.tolist()), 1.0
    for vector in {b - a for a in have for b in have if b > a}:
        pattern = [a for a in have if a + vector in have]
        places = {b - pattern[0] for b in have}
        places = [v for v in places if all(a + v in have for a in pattern)]
        covered = {a + v for a in pattern for v in places}
        if len(pattern) > 1:
            best = max(best, len(covered) / (len(pattern) + len(places) - 1))
    return best


@settings(max_examples=120)
@given(POINTS)
def test_the_choice_is_the_best_of_all(points):
    own = keys(points)
    pattern, places = c.best_pattern(own)
    covered = np.unique(pattern[:, None] + places[None, :])
    assert np.isin(covered, own).all() and 0 in places
    assert len(covered) / (len(pattern) + len(places) - 1) == pytest.approx(every(own))


@settings(max_examples=60)
@given(POINTS, st.integers(0, 50), st.integers(-20, 20))
def test_the_ratio_is_of_the_shape_alone(points, later: int, higher: int):
    ratio = len(points) / c.encoding_length(keys(points))
    assert 1 <= ratio <= len(points)
    moved = keys((t + later, p + higher) for t, p in points)
    assert len(points) / c.encoding_length(moved) == ratio
