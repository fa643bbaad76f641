"""What is planned of a gap: outside what is there, within it the form, who rests and how much."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cantilena.score import DRUMS, Score, Track
from cantilena.systems.note.changes import changes
from cantilena.systems.note.gaps import GapPlan, _from_first_to_last, plan_gap
from cantilena.systems.note.recurrence import EXACT, HELD, NEW, REST, RHYTHM, VARIED, BarPlan
from cantilena.systems.note.rewriting import gap, spans_of
from cantilena.systems.request import Edit, Span
from cantilena.text.brief import parse_brief
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.outline import likeness
from makers import HABITS

SCHEME = NoteScheme()
FLUTE, BASS, CELLO = 73, 33, 42
TPQ = 24
TUNE = (0, 1, 2, 3, 0, 1, 4, 4, 0, 1, None, 2)
"""The flute's bars: each number is a bar of its own, None one in which it rests."""


def song(tune=TUNE) -> Score:
    """A flute that plays ``tune`` in twelve bars over a bass and drums that play one bar each."""
    tracks = [Track("Flute", FLUTE), Track("Low", BASS), Track("Kit", 0, True)]
    rows = []
    for bar, number in enumerate(tune):
        tick = 4 * TPQ * bar
        rows += [(tick + TPQ * beat, TPQ, 36, 80, 1) for beat in range(4)]
        rows += [(tick + TPQ * beat // 2, 6, 38 + 4 * (beat % 2), 80, 2) for beat in range(8)]
        if number is not None:
            steps = (0, 6 * (number + 1), 48, 54, 72)[: 3 + number % 3]
            rows += [(tick + at, 6, 70 + 2 * number + k, 80, 0) for k, at in enumerate(steps)]
    return Score.build(TPQ, tracks, *zip(*rows, strict=True), metres=[(0, 4, 4)])


def planned(
    tracks: set[int] | None, bars: tuple[int, int], text: str = "", base=None, **options: Any
) -> GapPlan:
    base = song() if base is None else base
    edit = Edit(base, (Span(*bars),), None if tracks is None else frozenset(tracks))
    brief = parse_brief(text)
    change = changes(edit, brief, options)
    here = gap(base, spans_of(edit)[0], change, brief, SCHEME, HABITS)
    return plan_gap(here, change, brief, HABITS, np.random.default_rng(0))


def bars(plan: GapPlan, instrument: int) -> list[BarPlan]:
    return list(next(part.bars for part in plan.parts if part.instrument == instrument))


@pytest.mark.parametrize("instrument", [FLUTE, BASS, DRUMS])
def test_a_further_part_for_who_plays_already_has_notes_of_its_own(instrument: int):
    base = song()
    there = np.bincount(base.onset[base.instrument == instrument] // (4 * TPQ), minlength=12)
    edit = Edit(base, (Span(0, 12),), frozenset())
    change = changes(edit, parse_brief(""), {"add": str(instrument)})
    here = gap(base, spans_of(edit)[0], change, parse_brief(""), SCHEME, HABITS)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        plan = plan_gap(here, change, parse_brief(""), HABITS, rng)
        counts = np.array([bar.notes for bar in bars(plan, instrument)])
        assert (counts >= there).all() and plan.due.sum() >= 12
        assert np.array_equal(counts - there, plan.due)
        rng = np.random.default_rng(seed)
        alone = plan_gap(here, change, parse_brief(""), HABITS, rng, apart=True)
        own = np.array([bar.notes for bar in bars(alone, instrument)])
        assert np.array_equal(own, plan.due) and np.array_equal(alone.due, plan.due)


def test_outside_the_outline_is_what_the_notes_are():
    base = song()
    whole = likeness(SCHEME.table(base), base.bar_starts).outline()
    plan = planned({0}, (4, 6))
    assert plan.outline.instruments.tolist() == [BASS, FLUTE, DRUMS]
    assert np.array_equal(plan.outline.letters[[0, 2]], whole.letters[[0, 2]])
    assert np.array_equal(plan.outline.letters[1, :4], whole.letters[1, :4])
    outside = [bar for bar in range(12) if not 4 <= bar < 6]
    assert np.array_equal(plan.outline.counts[:, outside], whole.counts[:, outside])


def test_behind_the_gap_nothing_takes_up_what_is_gone():
    for first, stop in ((4, 6), (0, 2), (7, 9)):
        plan = planned({0}, (first, stop))
        letters, sources = plan.outline.letters[1, stop:], plan.outline.sources[1, stop:]
        assert not ((letters > 2) & (first <= sources) & (sources < stop)).any()
    assert planned({0}, (4, 6)).outline.sources[1, 8] == 0  # bar 4 was nearer


def test_what_would_come_out_as_it_was_keeps_its_rhythm_or_pattern():
    plan = planned(None, (4, 8))
    assert bars(plan, FLUTE)[4] == BarPlan(RHYTHM, 0) and bars(plan, FLUTE)[5] == BarPlan(RHYTHM, 1)
    assert bars(plan, BASS)[4] == BarPlan(RHYTHM, 3) and bars(plan, DRUMS)[4] == BarPlan(VARIED, 3)
    assert bars(plan, BASS)[5] == BarPlan(EXACT, 4) and bars(plan, DRUMS)[7] == BarPlan(EXACT, 6)
    assert bars(plan, FLUTE)[7] == BarPlan(EXACT, 6)  # the form within the gap
    assert bars(plan, FLUTE)[6].kind == NEW


@pytest.mark.parametrize("text", ["busier", "more syncopated", "in the style of a ragtime"])
def test_or_nothing_where_something_else_is_asked(text: str):
    for instrument in (FLUTE, BASS, DRUMS):
        row = bars(planned(None, (4, 8), text), instrument)
        assert row[4].kind == NEW and all(bar.source >= 4 or bar.source < 0 for bar in row[4:8])


def test_a_variation_stays_with_what_stood_there():
    assert bars(planned(None, (4, 8), lean=3.5), BASS)[4] == BarPlan(EXACT, 3)


def test_who_rested_rests_and_plays_as_much_as_before():
    plan = planned({0}, (8, 12))
    assert [bar.kind for bar in bars(plan, FLUTE)[8:]] == [RHYTHM, RHYTHM, REST, NEW]
    assert [bar.notes for bar in bars(plan, FLUTE)[8:]] == [3, 4, 0, 5] == plan.due.tolist()
    assert plan.lines.tolist() == [768, 864, 960, 1056, 1152]
    assert planned({0}, (8, 12), "busier").due.tolist() == [4, 6, 0, 8]


def test_somebody_plays_in_every_bar_where_nothing_is_kept():
    base = song()
    alone = base.select(base.track == 0)
    plan = planned(None, (9, 12), base=alone)
    assert bars(plan, FLUTE)[10].kind == NEW and bars(plan, FLUTE)[10].notes > 0


def test_a_part_that_rested_plays_as_elsewhere_in_the_piece():
    base = song((0, 1, 0, 1, None, None, None, None, None, None, 4, 4))
    row = bars(planned({0}, (4, 8), base=base), FLUTE)[4:]
    assert row == [BarPlan(), BarPlan(), BarPlan(EXACT, 4), BarPlan(EXACT, 5)]
    assert [bar.notes for bar in row] == [3, 4, 3, 4]


def test_a_new_part_has_the_bars_of_a_song_in_its_role():
    plan = planned(set(), (4, 12), "a cello countermelody", add=str(CELLO))
    row = bars(plan, CELLO)
    assert plan.outline.instruments.tolist() == [BASS, CELLO, FLUTE, DRUMS]
    assert all(bar == BarPlan(REST) for bar in row[:4]) and any(bar.notes > 0 for bar in row[4:])
    assert all(bar.source < 0 or bar.source >= 4 for bar in row)
    assert sum(bar.notes for bar in row[4:]) == plan.due.sum()


def test_asked_chords_are_not_those_of_the_bar_taken_up():
    plan = planned({1}, (4, 8), "C F C F")
    assert bars(plan, BASS)[5].kind == RHYTHM and bars(plan, BASS)[6].kind == RHYTHM
    assert bars(planned({1}, (4, 8), "C C C C"), BASS)[6].kind == EXACT


def test_a_rhythm_that_is_played_loosely_is_one():
    """As in a band whose horns' hits fall a tick early or late."""
    base = song()
    loose = np.random.default_rng(0).integers(-1, 2, len(base))
    late = base.onset + np.where(base.track == 1, loose, 0)
    base = replace(base, onset=np.clip(late, 0, None))
    assert bars(planned({1}, (4, 8), base=base), BASS)[4].kind == RHYTHM
    assert [bar.kind for bar in bars(planned({1}, (4, 8), base=base), BASS)[5:]] == 3 * [EXACT]


@pytest.mark.parametrize("rested", [(0,), (7,), (0, 1, 6, 7)])
def test_a_new_part_plays_from_the_first_to_the_last_bar_of_what_is_there(rested: tuple[int, ...]):
    window = [BarPlan(REST, notes=0) if k in rested else BarPlan(NEW, notes=4) for k in range(8)]
    kept = np.ones(8, bool)
    assert all(bar.kind == NEW for bar in _from_first_to_last(list(window), kept))
    kept[0] = False  # where nothing is, nothing is added
    assert _from_first_to_last(list(window), kept)[0] == window[0]


def test_bars_in_which_a_part_is_to_play_and_is_silent_are_counted():
    plan = planned(None, (0, 4))
    part = plan.parts[0]
    own = part.bars[plan.first : plan.first + len(plan.lines) - 1]
    due = [k for k, bar in enumerate(own) if bar.kind not in (REST, HELD)]
    every = [(int(plan.lines[k]), part.instrument, 60, 5, 5) for k in due]
    assert due and plan.silent(every, {part.instrument}) == 0
    assert plan.silent(every[1:], {part.instrument}) == 1
    assert plan.silent([], {part.instrument}) == len(due) and plan.silent([], set()) == 0
