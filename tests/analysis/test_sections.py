"""Sections as markers name them, and who plays in each."""

from __future__ import annotations

import pytest

from cantilena.analysis import MarkedSection, sections
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score, Track
from cantilena.score.texts import MARKER, Text

BAR = 96
TRACKS = [Track("Flute", 73), Track("", 0), Track("Kit", 0, True)]


def score(markers: list[tuple[int, str]], tempos=((0, 500_000),)) -> Score:
    """Twelve bars of 4/4 at 120; the flute rests in bars 1-4, drums play in bar 5 alone."""
    notes = [(BAR * bar, 0) for bar in range(4, 12)] + [(BAR * bar, 1) for bar in range(12)]
    notes = sorted([*notes, (BAR * 4, 2)])
    onset, track = zip(*notes, strict=True)
    n = len(notes)
    texts = [Text(tick, MARKER, name) for tick, name in markers]
    return Score.build(
        24,
        TRACKS,
        onset,
        [24] * n,
        [60] * n,
        [80] * n,
        track,
        tempos=tempos,
        end=12 * BAR,
        texts=texts,
    )


def test_sections_last_from_marker_to_marker_and_say_who_plays():
    heard = sections(score([(0, "intro"), (4 * BAR, "verse"), (8 * BAR, "outro")]))
    assert heard == (
        MarkedSection("intro", 1, 4, 0.0, ("acoustic grand piano",)),
        MarkedSection("verse", 5, 4, 8.0, ("Flute", "acoustic grand piano", "Kit")),
        MarkedSection("outro", 9, 4, 16.0, ("Flute", "acoustic grand piano")),
    )
    assert heard[1].to_dict() == {
        "name": "verse",
        "bar": 5,
        "bars": 4,
        "start": 8.0,
        "parts": ["Flute", "acoustic grand piano", "Kit"],
    }


def test_a_note_held_from_before_plays_in_no_section():
    base = score([(0, "A"), (BAR * 11, "B")])
    long = Score.build(24, [Track("Pad", 89)], [0], [12 * BAR], [60], [80], [0], texts=base.texts)
    assert [s.parts for s in sections(long)] == [("Pad",), ()]


@pytest.mark.parametrize(
    ("markers", "rows"),
    [
        ([], []),
        ([(2 * BAR, "A")], [("A", 3, 10)]),  # what is before it is of no section
        ([(0, "one"), (10, "two"), (BAR + 5, "B")], [("two", 1, 1), ("B", 2, 11)]),
        ([(0, "A"), (12 * BAR, "end")], [("A", 1, 12)]),
        ([(0, "A"), (BAR, "A"), (2 * BAR, "A")], [("A", 1, 1), ("A", 2, 1), ("A", 3, 10)]),
    ],
)
def test_markers_anywhere(markers: list[tuple[int, str]], rows: list[tuple[str, int, int]]):
    assert [(s.name, s.bar, s.bars) for s in sections(score(markers))] == rows


def test_seconds_follow_the_tempo_and_a_file_has_the_same_sections(tmp_path):
    piece = score([(0, "A"), (8 * BAR, "B")], tempos=[(0, 500_000), (4 * BAR, 1_000_000)])
    assert [s.start for s in sections(piece)] == [0.0, 24.0]
    write_midi(piece, tmp_path / "a.mid")
    again = sections(read_midi(tmp_path / "a.mid"))
    assert [(s.name, s.bar, s.bars, s.start) for s in again] == [
        (s.name, s.bar, s.bars, s.start) for s in sections(piece)
    ]
