"""What parts take over from songs' parts: bars, and as many notes as they can play."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.systems.note.borrowing import (
    CHORD_SIZE,
    MOST_ALONE,
    MOST_OF_A_LINE,
    assigned,
    first_kept,
)
from cantilena.systems.note.plan import BASS, HARMONY, MELODY, PartPlan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.recurrence import EXACT, HELD, NEW, REST, letter, write_counts
from cantilena.text.wishes import Brief, Instrument
from makers import HABITS

BACK = letter(EXACT, 4)
VIOLA = PartPlan(41, HARMONY, 48, 80, 1, 0.2, "Viola")
PIANO = PartPlan(0, HARMONY, 36, 86, 7, 0.2, "Piano")
CHORDS = ["harmony", 24, "." * 8, write_counts([24] * 8)]
LINE = ["harmony", 71, "." * 8, write_counts([6] * 8)]


def notes(part: PartPlan, *song: list) -> list[int]:
    rows, _ = assigned((part,), song, 0, 8, 1.0, np.random.default_rng(0))
    return [bar.notes for bar in rows[part.instrument]]


def test_a_part_of_one_voice_plays_a_note_of_each_chord():
    assert notes(VIOLA, CHORDS) == [24 // CHORD_SIZE] * 8
    assert notes(PIANO, CHORDS) == [24] * 8
    tune = PartPlan(73, MELODY, 60, 90, 1, 0.2, "Flute")
    assert notes(tune, ["melody", 0, "." * 8, write_counts([9] * 8)]) == [9] * 8


@pytest.mark.parametrize(
    ("letters", "new", "played"),
    [
        ("---.-.--....", [1, 1, 8, 8, 8, 8], range(8, 12)),  # two notes are no entry
        ("...._..", [8, 8, 8, 1, 8, 8], [0, 1, 2, 3, 5, 6]),  # one among others is
        (".-.-.-.-", [2, 2, 2, 2], range(0, 8, 2)),  # nor is it the usual number of notes
        ("--._--" + BACK + "_....", [1, 8, 8, 8, 8], range(8, 12)),  # held, and taken up
        ("--......", [1, 1, 1, 8, 8, 8], range(2, 8)),  # bars of one note in a row
    ],
)
def test_a_bar_of_hardly_a_note_between_silent_ones_is_left_out(letters, new, played):
    bass = PartPlan(33, BASS, 28, 50, 1, 0.2, "Bass")
    song = ["bass", 33, letters, write_counts(new)]
    rng = np.random.default_rng(0)
    rows, _ = assigned((bass,), [song], 0, len(letters), 1.0, rng)
    heard = [k for k, bar in enumerate(rows[33]) if bar.notes > 0]
    assert heard == list(played)


def test_a_part_of_one_voice_plays_as_such_parts_do_rather_than_as_chords():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        rows, cost = assigned((VIOLA,), [CHORDS, LINE], 0, 8, 1.0, rng)
        assert {bar.notes for bar in rows[41]} == {6} and not cost
    assert notes(PIANO, LINE) == [6] * 8  # who plays chords takes what there is


@pytest.mark.parametrize(("metre", "most"), [("4/4", 16), ("3/4", 12), ("2/4", 8)])
@pytest.mark.parametrize("density", [None, "dense"])
def test_nobody_of_one_voice_has_more_notes_than_can_be_played(metre, most, density):
    assert MOST_OF_A_LINE == 16
    rows = [["melody", 73, "." * 16], ["harmony", 0, "." * 16], ["bass", 32, "." * 16]]
    parts = [[*row, write_counts([50] * 16)] for row in rows]
    song = {"genres": [], "metre": [int(metre[0]), 4], "parts": parts}
    names = (("flute", 73), ("clarinet", 71), ("piano", 0), ("cello", 42))
    brief = Brief(
        instruments=tuple(Instrument(name, (i,)) for name, i in names),
        only=True,
        bars=16,
        metre=metre,
        density=density,
    )
    plan = make_plan(brief, {**HABITS, "arrangements": [song]}, np.random.default_rng(0))
    for part in plan.parts:
        counts = [bar.notes for bar in part.bars]
        assert max(counts) > most if part.instrument == 0 else max(counts) == most


def test_a_bar_that_would_hold_nothing_long_is_struck():
    rows, _ = assigned(
        (VIOLA,),
        [["harmony", 71, "_._.__--", write_counts([9, 2])]],
        0,
        8,
        1.0,
        np.random.default_rng(0),
    )
    kinds = [(bar.kind, bar.notes) for bar in rows[41]]
    assert kinds == [
        (NEW, 1),
        (NEW, 9),
        (NEW, 1),
        (NEW, 2),
        (HELD, 0),
        (NEW, 1),
        (REST, 0),
        (REST, 0),
    ]


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ([".." + "...." + BACK * 4], 2),  # two bars that never come back
        (["-" * 10, "." * 4 + BACK * 6], 0),
        (["." * 4 + BACK * 6, "-" + "." * 4 + BACK * 5], 0),  # one part's does
        (["." * 12], 0),  # nothing does
        (["." * (MOST_ALONE + 5) + BACK * 4], 0),  # only what is long behind the beginning
    ],
)
def test_a_piece_begins_with_what_comes_back(rows: list[str], first: int):
    assert first_kept(rows) == first


@pytest.mark.parametrize(("mood", "most"), [("sad", 6), ("happy", 12)])
def test_tunes_of_slow_moods_have_eighths_at_most(mood: str, most: int):
    rows = [["melody", 73, "." * 16], ["harmony", 71, "." * 16], ["bass", 32, "." * 16]]
    parts = [[*row, write_counts([50] * 16)] for row in rows]
    song = {"genres": [], "metre": [3, 4], "parts": parts}
    names = (("flute", 73), ("clarinet", 71), ("cello", 42))
    wanted = tuple(Instrument(name, (i,)) for name, i in names)
    brief = Brief(instruments=wanted, only=True, bars=16, metre="3/4", moods=(mood,))
    plan = make_plan(brief, {**HABITS, "arrangements": [song]}, np.random.default_rng(0))
    for part in plan.parts:
        counts = [bar.notes for bar in part.bars]
        assert max(counts) == (most if part.role == MELODY else 12)
