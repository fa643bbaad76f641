"""Songlikeness: the forest does what its nodes say, and comes back from its file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cantilena.analysis.features import NAMES, features
from cantilena.analysis.songlikeness import (
    LEAST_BARS,
    Forest,
    read_forest,
    shipped,
    songlikeness,
    write_forest,
)
from cantilena.score.score import Score, Track


def tree(names=NAMES) -> Forest:
    """Two trees: (first feature <= 0.5 ? 0.25 : (second <= 1 ? 0.5 : 1)) and a single leaf of 0."""
    return Forest(
        feature=np.array([0, -2, 1, -2, -2, -2]),
        bound=np.array([0.5, 0, 1.0, 0, 0, 0]),
        next=np.array([[1, 2], [0, 0], [3, 4], [0, 0], [0, 0], [0, 0]]),
        share=np.array([0, 0.25, 0, 0.5, 1.0, 0.0]),
        roots=np.array([0, 5]),
        card={"features": list(names)},
    )


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [(0.5, 9.0, 0.25), (0.6, 1.0, 0.5), (0.6, 1.1, 1.0), (np.nan, 9.0, 0.25), (1.0, np.nan, 0.5)],
)
def test_a_forest_follows_its_nodes(first: float, second: float, share: float):
    row = np.zeros(len(NAMES))
    row[:2] = first, second
    assert tree()(row) == share / 2  # the mean of two trees


def test_a_forest_comes_back_from_its_file(tmp_path):
    for name in ("a.npz", "b.npz"):
        write_forest(tree(), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = read_forest(tmp_path / "a.npz")
    row = np.full(len(NAMES), 0.7)
    assert again(row) == tree()(row)


def test_a_forest_over_other_features_is_refused(tmp_path):
    write_forest(tree(["tempo"]), tmp_path / "a.npz")
    with pytest.raises(ValueError, match="learn it again"):
        read_forest(tmp_path / "a.npz")


def band(bars: int, wild: bool) -> Score:
    """A tune over a bass: either a two-bar phrase again and again, or notes without any order."""
    rng = np.random.default_rng(0)
    onset, pitch, program = [], [], []
    phrase = [(0, 72), (480, 74), (960, 76), (1440, 72), (1920, 79), (2880, 76)]
    for bar in range(0, bars, 2):
        onset += [bar * 1920 + t for t, _ in phrase] + [bar * 1920, bar * 1920 + 1920]
        pitch += [int(rng.integers(40, 100)) if wild else p for _, p in phrase] + [36, 43]
        program += [73] * len(phrase) + [33] * 2
    tracks = (73, 33)
    return Score.build(
        480,
        tuple(Track("", number) for number in tracks),
        onset,
        [400] * len(onset),
        pitch,
        [90] * len(onset),
        [tracks.index(number) for number in program],
    )


def test_structure_counts_and_loudness_does_not():
    ordered, wild = band(32, False), band(32, True)
    assert 0 < songlikeness(wild) != songlikeness(ordered) < 1
    louder = replace(ordered, velocity=ordered.velocity // 2)
    assert songlikeness(louder) == songlikeness(ordered)


def test_short_pieces_are_not_compared():
    assert songlikeness(band(LEAST_BARS - 2, False)) == 0


def test_the_shipped_forest_says_what_it_has_learnt_from():
    card = shipped().card
    assert card["songs"] >= 300 and card["split"] == "train" and card["checkpoint"]
    assert 0 <= shipped()(features(band(16, True))) <= 1
