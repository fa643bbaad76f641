"""Tracks and bars are found by what people call them."""

from __future__ import annotations

import pytest

from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.systems.tracks import bar_ranges, listed, select_tracks, track_roles


def band() -> Score:
    """Piano chords, a flute above them, a bass, drums, and two violins; four bars of 4/4."""
    tracks = [
        Track("Keys", 0),
        Track("Flute", 73),
        Track("Low", 33),
        Track("Kit", 0, True),
        Track("Violin I", 40),
        Track("Violin II", 40),
    ]
    rows = []
    for beat in range(16):
        rows += [(beat * 24, 12, pitch, 80, 0) for pitch in (60, 64, 67)]
        rows += [(beat * 24, 12, 84, 80, 1), (beat * 24, 12, 36, 80, 2), (beat * 24, 6, 38, 80, 3)]
        if beat % 4 == 0:
            rows += [(beat * 24, 96, 72, 80, 4), (beat * 24, 96, 69, 80, 5)]
    return Score.build(24, tracks, *zip(*rows, strict=True))


def test_roles_are_told_by_instrument_height_and_name():
    score = band()
    assert track_roles(score) == {
        0: "harmony", 1: "lead", 2: "bass", 3: "drums", 4: "harmony", 5: "harmony",
    }  # fmt: skip
    tracks = [Track("Melody", 0), *score.tracks[1:]]
    named = Score.build(
        24, tracks, score.onset, score.duration, score.pitch, score.velocity, score.track
    )
    assert track_roles(named)[0] == "lead" and track_roles(named)[1] == "harmony"
    alone = Score.build(24, [Track("x", 33)], [0], [24], [36], [80], [0])
    assert track_roles(alone) == {0: "lead"}


@pytest.mark.parametrize(
    ("names", "tracks"),
    [
        ("lead", {1}),
        ("the melody", {1}),
        ("bass, drums", {2, 3}),
        ("Violin I", {4}),
        ("violin", {4, 5}),
        ("2", {1}),
        ("1,6", {0, 5}),
        ("piano", {0}),
        ("harmony", {0, 4, 5}),
        ("kit; flute", {3, 1}),
        (["keys", 3], {0, 2}),
    ],
)
def test_tracks_are_named_in_many_ways(names, tracks):
    assert select_tracks(band(), names) == tracks


@pytest.mark.parametrize("names", ["oboe", "7", "0", "lead, banjo", "xyz"])
def test_an_unknown_track_names_those_there(names):
    with pytest.raises(InputError, match=r"1 Keys \(acoustic grand piano\), 2 Flute, .*4 Kit"):
        select_tracks(band(), names)


def test_no_track_and_no_text_are_refused():
    with pytest.raises(InputError, match="no track is named"):
        select_tracks(band(), " , ")
    with pytest.raises(InputError, match=r"not 1\.5"):
        select_tracks(band(), [1.5])  # type: ignore[list-item]
    assert listed(band()).endswith("6 Violin II (violin)")


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("9-16", ((8, 16),)),
        ("5", ((4, 5),)),
        (3, ((2, 3),)),
        ("1-4,9-12", ((0, 4), (8, 12))),
        ("9-12, 1-4", ((0, 4), (8, 12))),
        ("1-4,5-8,7-10", ((0, 10),)),
        ("2 - 3", ((1, 3),)),
    ],
)
def test_bars_count_from_one_both_ends_included(text, ranges):
    assert bar_ranges(text, 16) == ranges


@pytest.mark.parametrize("text", ["x", "", "0-3", "4-2", "1-17", "17", "1.5", "-3", "1,,2"])
def test_bars_that_are_not_there_are_refused(text):
    with pytest.raises(InputError, match="bar"):
        bar_ranges(text, 16)
