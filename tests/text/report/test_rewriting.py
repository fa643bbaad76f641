"""Relative wishes are measured on the notes before and after."""

from __future__ import annotations

import pytest

from cantilena.score import Score, Track
from cantilena.text.brief.relative import relative_wishes
from cantilena.text.report.rewriting import relative_rows, syncopation


def music(onset: list[int], pitch: int = 60, velocity: int = 80, length: int = 12) -> Score:
    n = len(onset)
    tracks = [Track("a", 0)]
    return Score.build(24, tracks, onset, [length] * n, [pitch] * n, [velocity] * n, [0] * n)


BEATS = [24 * k for k in range(8)]


@pytest.mark.parametrize(
    ("text", "after", "met", "achieved"),
    [
        ("higher", music(BEATS, 67), True, "median 60 -> 67"),
        ("higher", music(BEATS, 60), False, "median 60 -> 60"),
        ("lower", music(BEATS, 67), False, "median 60 -> 67"),
        ("busier", music([*BEATS, *(b + 12 for b in BEATS)]), True, "notes a bar 4.0 -> 8.0"),
        ("sparser", music(BEATS[::2]), True, "notes a bar 4.0 -> 2.0"),
        ("softer", music(BEATS, velocity=60), True, "mean velocity 80 -> 60"),
        ("louder", music(BEATS, velocity=81), False, "mean velocity 80 -> 81"),
        ("staccato", music(BEATS, length=6), True, "mean length in quarters 0.50 -> 0.25"),
        ("more syncopated", music([12, 36]), True, "syncopated onsets 0% -> 100%"),
    ],
)
def test_a_wish_is_measured_against_what_stood_there(text, after, met, achieved):
    (row,) = relative_rows(relative_wishes(text), music(BEATS), after, 2.0)
    assert (row.met, row.achieved) == (met, achieved)
    assert row.score == float(met) and "than before" in row.asked


def test_what_cannot_be_obeyed_or_compared_says_so():
    (row,) = relative_rows(relative_wishes("faster"), music(BEATS), music(BEATS), 2.0)
    assert (row.wish, row.achieved, row.met) == ("tempo", "not yet obeyed", None)
    (row,) = relative_rows(relative_wishes("higher"), music([]), music(BEATS), 2.0)
    assert row.met is None and row.score is None


def test_an_onset_is_syncopated_where_none_follows_on_the_beat():
    assert syncopation(music(BEATS)) == 0
    assert syncopation(music([0, 12, 24])) == 0  # the beat behind it is struck
    assert syncopation(music([0, 12, 36])) == pytest.approx(2 / 3)
    assert syncopation(music([])) is None
