"""Tunes take up intervals and move by step, basses lead on, chords move by the nearest way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.score import DRUMS
from cantilena.score.harmony import Chord, Key, parse_chord
from cantilena.systems.note.constraints import Lines, Motifs
from cantilena.systems.note.constraints.motifs import nearest_tone, same_degree
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.recurrence import EXACT, NEW, RHYTHM, BarPlan
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.grammar import DURATION, PITCH
from tracked import piece

SCHEME = NoteScheme()
PIANO, LOW, LEAD = 0, 33, 73
BAR = 4 * GRID
CHORDS = ((0, parse_chord("C")), (BAR, parse_chord("G")))


def plan_of(kind: str) -> Plan:
    """Two bars, C and G; in the second each part takes up the first, or is new."""
    second = BarPlan(NEW) if kind == NEW else BarPlan(kind, 0)
    bars = (BarPlan(), second)
    parts = (
        PartPlan(PIANO, HARMONY, 48, 84, 4, 0.1, "piano", 1, bars),
        PartPlan(LOW, BASS, 28, 55, 1, 0.1, "bass", 1, bars),
        PartPlan(LEAD, MELODY, 60, 96, 1, 0.1, "flute", 1, bars),
        PartPlan(DRUMS, DRUM, 0, 127, 9, 0.1, "drums", 1, bars),
    )
    return Plan(parts, 120.0, (4, 4), Key(0, False), 2, CHORDS)


FIRST = (
    (0, PIANO, 60),
    (0, PIANO, 64),
    (0, LOW, 36),
    (0, LEAD, 72),
    (GRID, LEAD, 74),
    (2 * GRID, LEAD, 79),
)


def test_a_tune_takes_up_the_intervals_it_had():
    plan = plan_of(RHYTHM)
    tracker = piece(plan, *FIRST, (BAR, LEAD, 83))
    bias = Motifs(plan).bias(PITCH, tracker, (GRID, LEAD))
    assert bias is not None and bias.argmax() == 85  # two up, as from 72 to 74
    assert bias[84] == bias[86] > bias[83] > 0 == bias[80] == bias[60]


def test_a_tune_that_comes_back_whole_or_is_new_is_left_alone():
    for kind in (EXACT, NEW):
        plan = plan_of(kind)
        tracker = piece(plan, *FIRST, (BAR, LEAD, 83))
        assert Motifs(plan).bias(PITCH, tracker, (GRID, LEAD)) is None


def test_a_phrase_begins_anew_after_a_long_rest():
    plan = plan_of(RHYTHM)
    early = [note for note in FIRST if note[0] == 0]
    tracker = piece(plan, *early)
    assert Motifs(plan).bias(PITCH, tracker, (BAR, LEAD)) is None


@pytest.mark.parametrize(("instrument", "pitch"), [(LOW, 31), (PIANO, 59)])
def test_a_bass_keeps_its_degree_and_chords_move_by_the_nearest_way(instrument: int, pitch: int):
    plan = plan_of(RHYTHM)
    tracker = piece(plan, *FIRST, (3 * GRID, LEAD, 76))
    bias = Motifs(plan).bias(PITCH, tracker, (GRID, instrument))
    assert bias is not None and np.flatnonzero(bias).tolist() == [pitch]


def without_drums(*instruments: int) -> Plan:
    plan = plan_of(NEW)
    return replace(plan, parts=tuple(p for p in plan.parts if p.instrument in instruments))


def test_without_drums_a_tune_rather_goes_on_than_stays():
    notes = ((0, LEAD, 72), (GRID, LEAD, 74))
    beside_drums = Lines(plan_of(NEW), SCHEME)
    alone = Lines(without_drums(LEAD, PIANO), SCHEME)
    for lines, stays in ((beside_drums, 0.0), (alone, Lines.STAY_BIAS)):
        bias = lines.bias(PITCH, piece(lines.plan, *notes), (GRID, LEAD))
        assert bias is not None and bias[74] == stays


def test_none_of_several_players_of_a_tune_rather_stays():
    lines = Lines(without_drums(LEAD, PIANO), SCHEME)
    notes = ((0, LEAD, 72), (GRID, LEAD, 65), (GRID, LEAD, 79))
    bias = lines.bias(PITCH, piece(lines.plan, *notes), (GRID, LEAD))
    plain = Lines(plan_of(NEW), SCHEME).bias(PITCH, piece(lines.plan, *notes), (GRID, LEAD))
    assert bias is not None and plain is not None
    assert np.flatnonzero(bias - plain).tolist() == [65, 79] and bias[72] == plain[72]


def test_the_top_of_a_piano_alone_is_its_tune():
    lines = Lines(without_drums(PIANO), SCHEME)
    bias = lines.bias(PITCH, piece(lines.plan, *FIRST[:2]), (GRID, PIANO))
    assert bias is not None and np.flatnonzero(bias).tolist() == [64]


@given(
    st.integers(24, 100),
    st.sampled_from(["C", "Dm", "G7", "Am", "Fmaj7", "Bdim", "E7", "Csus4", "F/A"]),
)
def test_chords_move_by_half_an_octave_at_most_and_to_tones(pitch: int, name: str):
    before, here = parse_chord("C7"), parse_chord(name)
    moved = nearest_tone(pitch, before, here)
    if pitch % 12 in before.pitch_classes:
        assert moved % 12 in here.pitch_classes
        nearest = min(abs(p - pitch) for p in range(128) if p % 12 in here.pitch_classes)
        assert abs(moved - pitch) == nearest
    assert abs(same_degree(pitch, before, here) - pitch) <= 6
    if pitch % 12 == before.root:
        assert same_degree(pitch, before, here) % 12 == here.root


def test_a_chord_that_stays_moves_nothing():
    chord = parse_chord("Dm7")
    for pitch in range(40, 80):
        assert nearest_tone(pitch, chord, chord) == pitch == same_degree(pitch, chord, chord)


def test_a_tune_leans_on_steps():
    plan = plan_of(NEW)
    bias = Lines(plan, SCHEME).bias(PITCH, piece(plan, *FIRST), (GRID, LEAD))
    assert bias is not None
    assert bias[81] > bias[79] == bias[84] == 0 > bias[88] > bias[95]
    assert bias[77] > bias[81]  # back: it has leapt up to 79
    calm = Lines(plan, SCHEME).bias(PITCH, piece(plan, *FIRST[:5]), (GRID, LEAD))
    assert calm is not None and calm[72] == calm[76] > calm[74] == 0


def test_a_bass_leads_to_the_coming_chord_in_the_last_beat_before_it():
    plan = plan_of(NEW)
    notes = [*FIRST[:3], (2 * GRID, LOW, 36)]
    bias = Lines(plan, SCHEME).bias(PITCH, piece(plan, *notes), (GRID, LOW))
    assert bias is not None
    assert set(np.flatnonzero(bias > 0)) == {29, 30, 32, 33} and bias[36] < 0
    early = Lines(plan, SCHEME).bias(PITCH, piece(plan, *notes), (GRID // 2, LOW))
    assert early is not None and np.flatnonzero(early).tolist() == [36] and early[36] > bias[36]
    staying = piece(plan, *notes[:2], (2 * GRID, LOW, 43))  # where the coming chord has its bass
    there = Lines(plan, SCHEME).bias(PITCH, staying, (GRID, LOW))
    assert there is not None and np.flatnonzero(there).tolist() == [43]


def test_chords_stay_below_a_tune_that_sounds():
    plan = plan_of(NEW)
    wish = Lines(plan, SCHEME)
    bias = wish.bias(PITCH, piece(plan, *FIRST), (GRID, PIANO))
    assert bias is not None and not bias[:80].any() and (bias[80:] < 0).all()
    assert wish.bias(PITCH, piece(plan, *FIRST[:3]), (GRID, PIANO)) is None


@pytest.mark.parametrize(("notes", "longest"), [(1, 2 * GRID), (4, GRID), (8, GRID // 2)])
def test_a_tune_holds_its_notes_to_where_the_next_is_due(notes: int, longest: int):
    plan = plan_of(NEW)
    tune = replace(plan.parts[2], bars=(BarPlan(notes=notes), BarPlan(notes=1)))
    plan = replace(plan, parts=tuple(tune if p == plan.parts[2] else p for p in plan.parts))
    bias = Lines(plan, SCHEME).bias(DURATION, piece(plan), (0, LEAD, 72))
    assert bias is not None
    full = np.array(SCHEME.durations)[bias == bias.max()]
    assert full.min() == longest and (np.diff(bias) >= 0).all() and bias.min() < 0.2
    assert Lines(plan, SCHEME).bias(DURATION, piece(plan), (0, PIANO, 72)) is None


def test_what_comes_back_and_drums_are_left_alone():
    exact, new = plan_of(EXACT), plan_of(NEW)
    assert Lines(exact, SCHEME).bias(PITCH, piece(exact, *FIRST), (2 * GRID, LEAD)) is None
    assert Lines(new, SCHEME).bias(PITCH, piece(new, *FIRST), (GRID, DRUMS)) is None
    assert Lines(new, SCHEME).bias(DURATION, piece(new, *FIRST), (GRID, LEAD, 80)) is None


def test_a_degree_that_the_other_chord_has_not_keeps_its_distance_from_the_root():
    assert same_degree(44, parse_chord("Bb7"), Chord(0, (0, 4, 7), "")) % 12 == 10
