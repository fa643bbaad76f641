import pytest

from cantilena.analysis import TEMPO_CLASSES, main_metre, off_grid, swings, tempo_class
from cantilena.score.score import Score, Track
from pieces import EMPTY, TPQ, accompaniment, drums, line


@pytest.mark.parametrize(
    ("bpm", "name"),
    [
        (20, "very slow"),
        (59.9, "very slow"),
        (60, "slow"),
        (80, "moderate"),
        (109, "moderate"),
        (110, "fast"),
        (139, "fast"),
        (140, "very fast"),
        (400, "very fast"),
    ],
)
def test_tempo_classes(bpm, name):
    assert tempo_class(bpm) == name


def test_tempo_table_is_consistent():
    assert [c.name for c in TEMPO_CLASSES if tempo_class(c.typical) != c.name] == []
    terms = [t for c in TEMPO_CLASSES for t in c.terms]
    assert len(terms) == len(set(terms))
    assert TEMPO_CLASSES[-1].below == float("inf")


def test_the_metre_that_holds_longest():
    assert main_metre(EMPTY) == (4, 4)
    assert main_metre(accompaniment(["C"] * 4, (3, 4))) == (3, 4)
    metres = [(0, 4, 4), (1920, 3, 4), (1920 + 3 * 1440, 4, 4), (3840 + 3 * 1440, 5, 4)]
    score = Score.build(TPQ, [Track("", 0)], [0], [10000], [60], [80], [0], metres=metres)
    assert main_metre(score) == (3, 4)


@pytest.mark.parametrize(
    ("place", "swung"),
    [(0.5, False), (0.55, False), (0.6, True), (2 / 3, True), (0.75, False), (1 / 3, False)],
)
def test_swing_is_where_the_offbeat_falls(place, swung):
    assert swings(drums(place)) is swung


def test_triplets_short_pieces_and_compound_metres_do_not_swing():
    assert not swings(line([60] * 96, length=TPQ // 3))
    assert not swings(drums(2 / 3, bars=1))
    assert not swings(drums(2 / 3, bars=8, metre=(12, 8)))
    assert not swings(EMPTY)


def test_off_the_grid_is_what_no_thirty_second_nor_sextuplet_explains():
    assert off_grid(EMPTY) == 0
    for length in (TPQ, TPQ // 4, TPQ // 3, TPQ // 8, TPQ // 6):
        assert off_grid(line([60] * 24, length=length)) == 0
    assert off_grid(line([60] * 24, length=TPQ + 1)) > 0.5
