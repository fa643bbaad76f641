"""Clefs and octave lines along the way, and what stands away from its sound."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from cantilena.score import Score, Track
from cantilena.score.musicxml import write_musicxml
from musicxml_reader import read

Q = 24


def piece(program: int, *pitches: int, name: str = "", length: int = Q) -> Score:
    n = len(pitches)
    at = [length * i for i in range(n)]
    columns = at, [length] * n, pitches, [80] * n, [0] * n
    return Score.build(Q, [Track(name, program)], *columns)


def checked(score: Score) -> ET.Element:
    """The file's root; its notes sound as the Score's."""
    text = write_musicxml(score)
    sounding = sorted(p for part in read(text) for _, p, _ in part.notes)
    assert sounding == sorted(score.pitch.tolist())
    return ET.fromstring(text)


def clefs(root: ET.Element) -> list[tuple[int, str]]:
    """(bar that the clef holds from, such as "F4") of a single staff."""
    out = []
    for bar, measure in enumerate(root.findall("part/measure")):
        for i, node in enumerate(measure):
            for clef in node.findall("clef"):
                change = clef.findtext("clef-octave-change", "")
                name = clef.findtext("sign", "") + clef.findtext("line", "") + change
                out.append((bar if i == 0 else bar + 1, name))
    return out


LOW, MIDDLE, HIGH = (36, 40, 43, 45), (64, 65, 67, 65), (74, 76, 77, 79)


@pytest.mark.parametrize(
    ("program", "pitches", "expected"),
    [
        (42, LOW * 4 + HIGH * 4, [(0, "F4"), (4, "G2")]),
        (42, LOW * 4 + MIDDLE * 4 + LOW * 4, [(0, "F4"), (4, "C4"), (8, "F4")]),
        (42, LOW * 4 + (60, 45, 43, 41) + LOW * 4, [(0, "F4")]),
        (41, (55, 60, 62, 64) * 4 + (79, 81, 83, 84) * 4, [(0, "C3"), (4, "G2")]),
        (70, LOW * 4 + (64, 65, 67, 69) * 4, [(0, "F4"), (4, "C4")]),
        (57, LOW * 4 + (64, 65, 67, 69) * 4, [(0, "F4"), (4, "C4")]),
        (32, (28, 31, 33, 36) * 8, [(0, "F4")]),
        (24, (40, 45, 64, 76) * 4, [(0, "G2-1")]),
        (40, (55, 60, 76, 88) * 4, [(0, "G2")]),
        (60, (60, 62, 64, 67) * 4, [(0, "G2")]),
        (58, (34, 41, 46, 53) * 4, [(0, "F4")]),
    ],
)
def test_clefs_change_where_it_spares_ledger_lines(program, pitches, expected):
    assert clefs(checked(piece(program, *pitches))) == expected


def test_a_clef_changes_before_the_bar_line():
    root = checked(piece(42, *LOW * 2, *HIGH * 4))
    assert root.findall("part/measure[2]/*")[-1].findtext("clef/sign") == "G"


def octave_lines(root: ET.Element) -> list[tuple[str | None, str | None, int]]:
    """(type, size, notes before it) of all octave shifts."""
    out, notes = [], 0
    for node in root.iter():
        notes += node.tag == "note"
        if node.tag == "octave-shift":
            out.append((node.get("type"), node.get("size"), notes))
    return out


def test_a_piano_has_octave_lines_and_no_octave_clef():
    root = checked(piece(0, 72, 76, 79, 84, 91, 93, 95, 96, 95, 93, 84, 79, 76, 72, 74, 76))
    assert {name for _, name in clefs(root)} == {"G2"}
    assert octave_lines(root) == [("down", "8", 4), ("stop", "8", 10)]
    top = [100, 103, 105, 107, 108, 107, 105, 103]
    assert octave_lines(checked(piece(0, *top))) == [("down", "15", 0), ("stop", "15", 8)]


def test_a_left_hand_goes_below_its_staff():
    low, high = [26, 24, 28, 24, 23, 21, 24, 28], [72, 76, 79, 76, 72, 76, 79, 76]
    rows = [(Q * i, p) for i in range(8) for p in (low[i], high[i])]
    onset, pitch = zip(*rows, strict=True)
    score = Score.build(Q, [Track("", 0)], onset, [Q] * 16, pitch, [80] * 16, [0] * 16)
    root = checked(score)
    shifts = [o.get("type") for o in root.iter("octave-shift")]
    assert shifts == ["up", "stop"]
    lines = [d for d in root.iter("direction") if d.find(".//octave-shift") is not None]
    assert {d.findtext("staff") for d in lines} == {"2"}


def test_no_line_for_one_high_note_or_for_a_violin_that_is_a_little_high():
    assert not octave_lines(checked(piece(0, 72, 76, 88, 76, 72, 74, 76, 77)))
    assert not octave_lines(checked(piece(40, *(84, 86, 88, 89) * 2)))


@pytest.mark.parametrize(
    ("program", "pitches", "change", "octave"),
    [
        (43, (28, 36, 40), "-1", 2),
        (33, (36, 38, 40), "-1", 3),
        (72, (84, 86, 88), "1", 5),
        (9, (84, 96, 98), "2", 4),
        (9, (60, 62, 64), None, 4),
        (73, (84, 86, 88), None, 6),
    ],
)
def test_what_stands_octaves_away_from_its_sound(program, pitches, change, octave):
    """``octave``: that of the first note as it is written."""
    root = checked(piece(program, *pitches))
    assert root.findtext("part/measure/attributes/transpose/octave-change") == change
    assert root.findtext("part/measure/note/pitch/octave") == str(octave)


@pytest.mark.parametrize(
    ("program", "diatonic", "chromatic"),
    [(71, "-1", "-2"), (56, "-1", "-2"), (65, "-5", "-9"), (60, "-4", "-7"), (69, "-4", "-7")],
)
def test_a_concert_score_says_so_and_what_the_parts_are_transposed_by(program, diatonic, chromatic):
    root = checked(piece(program, 65, 67, 69))
    assert root.find("defaults/concert-score") is not None
    part = "part/measure/attributes/for-part/part-transpose"
    assert root.findtext(f"{part}/diatonic") == diatonic
    assert root.findtext(f"{part}/chromatic") == chromatic
    assert "Concert score" in [w.text for w in root.iter("words")]
    plain = checked(piece(73, 65, 67, 69))
    assert plain.find("defaults") is None and plain.find(".//words") is None
