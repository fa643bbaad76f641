"""Learning likeness on features that tell genres apart, and on features that do not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cantilena.analysis.likeness import GENRE_NAMES, Likeness
from cantilena.cli import main
from cantilena.evaluate import likeness
from cantilena.evaluate.likeness import (
    balanced,
    bounds_of,
    fit,
    learn,
    rightness,
    scaling,
    tried,
    verdicts,
)
from cantilena.evaluate.tables import likeness_table
from grooves import band
from song_split import data_set

GENRES = ("country", "jazz", "pop")


@pytest.fixture(autouse=True)
def learner():
    pytest.importorskip("sklearn")


def songs(apart: float, n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, label, group) of n songs of each genre, two of a group; the first feature of country
    is ``apart`` standard deviations from the others', which are alike."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(3), n)
    rows = rng.normal(size=(3 * n, 6))
    rows[label == 0, 0] += apart
    rows[::7, 3] = np.nan
    return rows, label, np.arange(3 * n) // 2


def test_only_a_genre_that_is_told_apart_is_judged():
    model, figures = learn(*songs(4.0), GENRES)
    assert set(model.bounds) == {"country"}
    country, jazz = (figures["genres"][name] for name in ("country", "jazz"))
    assert country["judged"] and country["auc"] > 0.95 and country["songs"] == 60
    assert min(country["right"].values()) > 0.85
    assert not jazz["judged"] and 0.6 < jazz["auc"] < 0.9
    assert 0.5 < figures["accuracy"] < 0.9 < figures["among_two"] <= 1
    assert "| country | 60 |" in likeness_table(figures) and "| no |" in likeness_table(figures)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_nothing_is_judged_by_chance():
    model, figures = learn(*songs(0.0), GENRES)
    assert model.bounds == {} and figures["accuracy"] < 0.5
    assert all(abs(row["auc"] - 0.5) < 0.15 for row in figures["genres"].values())


def test_songs_of_one_group_are_never_on_both_sides():
    """Features that name the group alone: known of its other song, they would tell the genre."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(60), 2)
    label = np.repeat(rng.permutation(np.arange(60) % 3), 2)
    rows = np.repeat(np.eye(60), 2, axis=0)
    assert learn(rows, label, group, GENRES)[1]["accuracy"] < 0.5
    assert learn(rows, label, np.arange(120), GENRES)[1]["accuracy"] > 0.7


def test_the_same_songs_give_the_same_model():
    one, two = (learn(*songs(4.0), GENRES)[0].to_dict() for _ in range(2))
    assert one == two


def test_two_genres_are_learnt_as_three_are():
    rows, label, _ = songs(4.0)
    model = fit(rows[label < 2], label[label < 2], GENRES[:2])
    shares = model.probabilities(rows)
    likeliest = shares[label < 2].argmax(1)
    assert (likeliest == label[label < 2]).mean() > 0.9
    np.testing.assert_allclose(shares.sum(1), 1)


def test_bounds_keep_nine_verdicts_of_ten_right():
    share = np.arange(100) / 100
    own = share >= 0.5
    low, high = bounds_of(share, own, np.ones(100))
    assert low < high
    table = verdicts(share, own, np.ones(100), (low, high))
    assert min(rightness(table).values()) >= likeness.SURE
    nothing = bounds_of(np.zeros(100), own, np.ones(100))
    assert nothing == (-1.0, 2.0)


def test_the_others_weigh_as_much_as_the_own_however_many_they_are():
    rng = np.random.default_rng(2)
    few = np.append(rng.normal(1, 1, 100), rng.normal(-1, 1, 100))
    many = np.append(few[:100], np.tile(few[100:], 9))
    own = np.arange(200) < 100
    ten = np.arange(1000) < 100
    assert bounds_of(few, own, np.ones(200)) == bounds_of(many, ten, np.ones(1000))


def test_bounds_are_tried_on_other_groups():
    """Where a group's songs have one probability, no bound that one half sets holds by luck."""
    rng = np.random.default_rng(3)
    group = np.arange(120) // 12
    label = (group < 5).astype(int)
    share = rng.permutation(10)[group] / 10
    table = tried(share, label, 1, group, 0)
    assert table.shape == (2, 2) and (table.sum(1) <= 1).all()
    assert min(rightness(table).values()) < likeness.SURE


def test_a_feature_that_is_nowhere_defined_says_nothing():
    rows = np.array([[np.nan, 1.0], [np.nan, 3.0]])
    inputs = scaling(rows).inputs(rows)
    np.testing.assert_allclose(inputs, [[0, -1, 1], [0, 1, 1]])


def test_weights_by_which_each_label_weighs_the_same():
    np.testing.assert_allclose(balanced(np.array([0, 1, 1])), [1, 0.5, 0.5])


def test_the_command_writes_the_model_and_the_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cantilena.evaluate.genre.MIN_SONGS", 4)
    loops = {"Country": 0, "Jazz": 1}
    scores = [band(20 * k + i, 40, loop) for k, loop in enumerate(loops.values()) for i in range(5)]
    labels = [genre for genre in loops for _ in range(5)]
    data = data_set(tmp_path, scores, "train", labels)
    out = tmp_path / "out"
    command = ["evaluate", "likeness", "--data", str(data), "-o", str(out), "--json", "--quiet"]
    assert main(command) == 2
    assert "'country' are of fewer than 10 artists" in capsys.readouterr().err and not out.exists()
    for name, value in (("FOLDS", 4), ("MIN_VERDICTS", 1)):
        monkeypatch.setattr(likeness, name, value)
    assert main(command) == 0
    figures = json.loads(capsys.readouterr().out)
    assert json.loads((out / "likeness.json").read_text()) == figures
    assert (out / "likeness.md").read_text() == likeness_table(figures)
    model = json.loads((out / "model.json").read_text())
    assert tuple(model["features"]) == GENRE_NAMES and model["genres"] == ["country", "jazz"]
    assert Likeness.from_dict(model).probabilities(np.zeros((1, len(GENRE_NAMES)))).shape == (1, 2)
    assert main([*command, "--workers", "0"]) == 2
    assert "--workers must be 1 or more" in capsys.readouterr().err
