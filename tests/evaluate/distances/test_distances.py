"""Distances between sets, on numbers whose distances are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.statistics import STATISTICS
from cantilena.errors import InputError
from cantilena.evaluate import statistics as s
from cantilena.score.score import Score, Track

NUMBERS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30).map(np.array)


def test_wasserstein_of_known_samples():
    assert s.wasserstein(np.array([0.0, 1.0]), np.array([5.0, 6.0])) == 5.0
    assert s.wasserstein(np.array([0.0]), np.array([0.0, 1.0])) == 0.5
    assert s.wasserstein(np.array([0.0, 0.0, 3.0]), np.array([1.0, 1.0])) == pytest.approx(4 / 3)
    with pytest.raises(InputError):
        s.wasserstein(np.array([]), np.array([1.0]))


@settings(max_examples=60, deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS, st.floats(-50, 50))
def test_wasserstein_is_a_metric(a, b, c, shift):
    ab = s.wasserstein(a, b)
    assert ab >= 0 and s.wasserstein(a, a) == 0
    assert ab == pytest.approx(s.wasserstein(b, a), abs=1e-6)
    assert ab <= s.wasserstein(a, c) + s.wasserstein(c, b) + 1e-6
    assert s.wasserstein(a, a + shift) == pytest.approx(abs(shift), abs=1e-6)
    assert s.wasserstein(np.repeat(a, 2), b) == pytest.approx(ab, abs=1e-6)
    assert ab >= abs(a.mean() - b.mean()) - 1e-6


def test_music_as_real_as_real_music_has_ratio_one():
    rng = np.random.default_rng(1)
    real, same, other = rng.normal(0, 1, 400), rng.normal(0, 1, 200), rng.normal(3, 1, 200)
    near, far = s.distance(same, real), s.distance(other, real)
    assert 0.6 < near.ratio < 1.6 and abs(near.mean_difference) < 0.2
    assert far.ratio > 10 and far.mean_difference == pytest.approx(3, abs=0.2)
    assert far.distance == pytest.approx(3, abs=0.3) and far.size == 200
    assert s.distance(same, real) == near
    assert s.distance(np.append(same, np.nan), real).mean == near.mean


def test_ratio_when_real_music_does_not_vary():
    flat = np.zeros(10)
    assert s.distance(flat, flat).ratio == 1.0
    assert s.distance(flat + 1, flat).ratio == float("inf")
    with pytest.raises(InputError, match="at least 2"):
        s.distance(flat[:1], flat)


def walk(bars: int, program: int = 0) -> Score:
    n = bars * 8
    pitch = 60 + np.cumsum(np.tile([2, -1, 3, -4], 2 * bars)) % 12
    columns = (12 * np.arange(n), np.full(n, 12), pitch, np.full(n, 80), np.zeros(n, dtype=int))
    return Score.build(24, [Track("", program)], *columns)


def test_values_are_those_of_the_first_bars():
    found = s.values_of([walk(4), walk(40)], bars=4)
    assert list(found) == list(STATISTICS)
    assert all(len(v) == 2 for v in found.values())
    assert found["notes_per_bar"].tolist() == [8, 8]
    assert found["compressibility"][0] == found["compressibility"][1]


def test_files_keep_values(tmp_path):
    values = {"tone_span": np.array([12.34567, np.nan, 3.0])}
    s.write_values(values, tmp_path / "real.json", "three songs")
    assert json.loads((tmp_path / "real.json").read_text())["what"] == "three songs"
    found = s.read_values(tmp_path / "real.json")["tone_span"]
    assert found[0] == 12.35 and np.isnan(found[1]) and found[2] == 3.0
    (tmp_path / "bad.json").write_text("[1]")
    for name in ("bad.json", "none.json"):
        with pytest.raises(InputError):
            s.read_values(tmp_path / name)


def test_shipped_songs_are_like_themselves():
    real = s.shipped()
    assert set(real) == set(STATISTICS) and min(len(v) for v in real.values()) >= 300
    found = s.evaluate(real, real)
    assert set(found) == set(STATISTICS)
    assert s.mean_ratio(found) < 1.3
    moved = {name: v + 5 * np.nanstd(v) for name, v in real.items()}
    assert s.mean_ratio(s.evaluate(moved, real)) > 10
    with pytest.raises(InputError):
        s.evaluate({"tone_span": np.array([1.0])}, real)


# ---------------------------------------------------------------- beginnings


def test_first_bars_start_with_the_music_and_cut_what_rings_on():
    score = Score.build(
        24,
        [Track("", 0)],
        [100, 192, 300],
        [500, 24, 24],
        [60, 62, 64],
        [80] * 3,
        [0] * 3,
        tempos=[(0, 500_000), (150, 400_000)],
        metres=[(0, 4, 4), (192, 3, 4)],
        keys=[(0, 1, 0)],
    )
    cut = first_bars(score, 2)  # bars 96-192 (4/4) and 192-264 (3/4)
    assert cut.onset.tolist() == [4, 96] and cut.duration.tolist() == [164, 24]
    assert cut.end == 168 and cut.n_bars == 2
    assert cut.tempo_tick.tolist() == [0, 54] and cut.tempo_us.tolist() == [500_000, 400_000]
    assert cut.metre_tick.tolist() == [0, 96] and cut.metre_num.tolist() == [4, 3]
    assert cut.key_tick.tolist() == [0] and cut.key_fifths.tolist() == [1]


def test_first_bars_of_short_and_empty_pieces():
    short = walk(3)
    assert first_bars(short, 8) is short
    empty = Score.build(24, (), (), (), (), (), ())
    assert first_bars(empty, 8) is empty


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 16), st.integers(0, 300))
def test_first_bars_have_no_more_than_asked(bars, wanted, late):
    score = walk(bars)
    moved = Score.build(
        24, score.tracks, score.onset + late, score.duration, score.pitch, score.velocity,
        score.track,
    )  # fmt: skip
    cut = first_bars(moved, wanted)
    assert cut.n_bars <= wanted or cut is moved
    assert len(cut) and cut.onset[0] < 96
    assert (cut.onset + cut.duration).max() <= cut.end
