"""Judging likeness: by the shipped model, and by a small one whose answers are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.likeness import (
    GENRE_NAMES,
    MIN_BARS,
    MODEL,
    Likeness,
    Scaling,
    played_bars,
    shipped,
)
from cantilena.score.score import Score
from grooves import BAR, band, rebuilt

EMPTY = Score.build(24, (), (), (), (), (), ())
TEMPO = GENRE_NAMES.index("tempo")


def by_instruments(bounds: tuple[float, float]) -> Likeness:
    """A model of two genres that hears the number of instruments alone: four are "many" with
    probability 1 / (1 + exp(-2))."""
    zero, one = np.zeros(len(GENRE_NAMES)), np.ones(len(GENRE_NAMES))
    scaling = Scaling(zero, 2 * one, one, np.array([], dtype=np.int64))
    weights = np.zeros((2, len(GENRE_NAMES)))
    weights[0, -1] = 1
    return Likeness(("many", "few"), scaling, weights, np.zeros(2), {"many": bounds})


def test_the_shipped_model_is_of_the_features_that_there_are():
    data = json.loads(MODEL.read_text(encoding="utf-8"))
    assert tuple(data["features"]) == GENRE_NAMES
    assert MODEL.stat().st_size < 200_000
    model = shipped()
    assert set(model.bounds) == {"classical", "country", "electronic", "jazz"}
    assert set(model.bounds) <= set(model.genres)
    assert all(0 < unlike < like < 1 for unlike, like in model.bounds.values())


def test_the_file_holds_the_model():
    data = shipped().to_dict()
    assert json.loads(MODEL.read_text(encoding="utf-8")) == data
    assert Likeness.from_dict(data).to_dict() == data


def test_a_band_is_unlike_classical_music():
    assert shipped().judge("classical", band()) is False


def test_probabilities_are_shares_of_one_with_undefined_features_too():
    rows = np.full((2, len(GENRE_NAMES)), np.nan)
    rows[1] = 1e9
    shares = shipped().probabilities(rows)
    assert shares.shape == (2, len(shipped().genres))
    np.testing.assert_allclose(shares.sum(1), 1)


def test_inputs_are_scaled_cut_and_say_what_is_undefined():
    scaling = Scaling(np.array([3.0, 5.0]), np.ones(2), np.full(2, 2.0), np.array([1]))
    inputs = scaling.inputs(np.array([[np.nan, 5.0], [101.0, np.nan], [-99.0, 1.0]]))
    np.testing.assert_allclose(inputs, [[1, 2, 0], [3, 2, 1], [-3, 0, 0]])


@pytest.mark.parametrize(
    ("bounds", "verdict"), [((0.1, 0.88), True), ((0.89, 0.95), False), ((0.1, 0.89), None)]
)
def test_a_verdict_is_given_beyond_the_bounds_alone(bounds, verdict):
    assert 0.88 < 1 / (1 + np.exp(-2)) < 0.89
    assert by_instruments(bounds).judge("many", band()) is verdict


def test_too_few_bars_and_silence_are_not_judged():
    model = by_instruments((0.1, 0.2))
    long = band(0, MIN_BARS)
    assert played_bars(long) == MIN_BARS and model.judge("many", long) is True
    short = first_bars(long, MIN_BARS - 1)
    assert played_bars(short) == MIN_BARS - 1 and model.judge("many", short) is None
    assert played_bars(EMPTY) == 0 and model.judge("many", EMPTY) is None
    later = rebuilt(replace(short, end=short.end + 9 * BAR), onset=short.onset + 9 * BAR)
    assert played_bars(later) == MIN_BARS - 1


def test_what_comes_after_the_bars_that_are_heard_decides_nothing():
    score = band(0, 64)
    last = score.tracks[-1]
    more = (*score.tracks, replace(last, program=40, is_drum=False))
    track = np.where(score.onset >= 32 * BAR, len(score.tracks), score.track)
    changed = rebuilt(score, tracks=more, track=track)
    model = by_instruments((0.1, 0.9))
    assert len(np.unique(changed.instrument)) == 5
    assert model.judge("many", changed) is model.judge("many", score) is None
