"""Sheet music files."""

from __future__ import annotations

import sys

import pytest

from cantilena.errors import InputError, MissingExtraError
from cantilena.render.sheet import engrave
from cantilena.score import Score, Track
from cantilena.score.musicxml import write_musicxml


def piece(notes: int = 8) -> Score:
    onsets = [24 * i for i in range(notes)]
    ones = [1] * notes
    return Score.build(
        24, [Track("", 73)], onsets, [24] * notes, [72] * notes, [80] * notes, [0 * i for i in ones]
    )


def test_a_long_piece_has_several_pages():
    pytest.importorskip("verovio")
    assert len(engrave(write_musicxml(piece()))) == 1
    pages = engrave(write_musicxml(piece(900)))
    assert len(pages) > 1 and all(page.lstrip().startswith("<svg") for page in pages)


def test_engraving_is_the_same_each_time_and_its_text_needs_no_music_font():
    pytest.importorskip("verovio")
    text = write_musicxml(piece(), chords=[(0, "Bb"), (96, "F#7b9")])
    (page,) = engrave(text)
    assert [page] == engrave(text)
    assert all(f">{sign}</tspan>" in page for sign in "♩♭♯")
    assert '<tspan font-family="Leipzig"' not in page


def test_a_dotted_beat_needs_no_music_font():
    pytest.importorskip("verovio")
    n = 12
    columns = [12 * i for i in range(n)], [12] * n, [72] * n, [80] * n, [0] * n
    jig = Score.build(24, [Track("", 73)], *columns, metres=[(0, 6, 8)])
    (page,) = engrave(write_musicxml(jig))
    assert ">♩.</tspan>" in page and '<tspan font-family="Leipzig"' not in page


def test_without_the_engraver(monkeypatch):
    monkeypatch.setitem(sys.modules, "verovio", None)
    with pytest.raises(MissingExtraError, match="verovio"):
        engrave("")


def test_engraver_refuses_what_is_no_music():
    pytest.importorskip("verovio")
    with pytest.raises(InputError, match="MusicXML"):
        engrave("not music")
    with pytest.raises(InputError, match="scale"):
        engrave("", scale=1)
