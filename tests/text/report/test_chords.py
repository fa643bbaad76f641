"""Chords of a piece beside those that were asked for, where there is hardly a piece."""

from __future__ import annotations

from cantilena.score import Score, Track
from cantilena.text.report.chords import match_chords


def test_a_piece_of_a_tick_has_no_place_for_chords():
    tick = Score.build(24, [Track("", 0)], [0], [1], [58], [1], [0], metres=[(0, 1, 32)])
    match = match_chords(("Am", "F"), tick)
    assert match.places == 0 and not match.exact and match.missing == ("Am", "F")
