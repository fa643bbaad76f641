"""Which chord symbols stand where something pitched sounds."""

from __future__ import annotations

from cantilena.score import Score, Track
from cantilena.score.symbols import sounding_symbols

CHORDS = ((0, "C"), (96, "F"), (192, "G"))


def _piece(*rows: tuple[int, int, int]) -> Score:
    onset, duration, track = zip(*rows, strict=True)
    tracks = (Track("", 0), Track("", 0, True))
    return Score.build(24, tracks, onset, duration, [60] * len(rows), [80] * len(rows), track)


def test_drums_alone_have_no_chords():
    assert sounding_symbols(_piece((0, 24, 1), (200, 24, 1)), CHORDS) == ()


def test_chords_stand_where_a_note_begins_or_still_sounds():
    assert sounding_symbols(_piece((0, 96, 0), (96, 96, 1), (250, 9, 0)), CHORDS[::-1]) == (
        CHORDS[0],
        CHORDS[2],
    )
    assert sounding_symbols(_piece((0, 97, 0), (250, 9, 1)), CHORDS) == CHORDS[:2]
    assert sounding_symbols(_piece((0, 97, 0)), ()) == ()
