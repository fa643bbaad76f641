"""Tonality: where chords contradict the key, what is played speaks for it, else as it likes."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score import DRUMS
from cantilena.systems.note.constraints import Tonality, constraints
from cantilena.systems.note.constraints.tonality import MOST
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.tracker import Tracker
from cantilena.text.wishes import Brief, Change, Instrument
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, PITCH
from makers import HABITS

SCHEME = NoteScheme()
FLUTE, PIANO, BASS = 73, 0, 33
QUARTER, HALF = SCHEME.durations.index(24), SCHEME.durations.index(48)
E, A, B, C, C_SHARP, G_SHARP = 4, 9, 11, 0, 1, 8
CONTRADICTING = ("A6", "E7", "C#m7b5", "B7", "A7")


def plan_of(*chords: str, key: str = "E minor", changes: tuple[Change, ...] = ()) -> Plan:
    instruments = tuple(Instrument(str(i), (i,)) for i in (FLUTE, PIANO, BASS, DRUMS))
    brief = Brief(instruments=instruments, key=key, chords=chords, bars=20, changes=changes)
    return make_plan(brief, HABITS, np.random.default_rng(0))


def piece_of(plan: Plan, *bars: tuple[int, ...]) -> Tracker:
    """A piece whose bars so far have a piano's chords of half notes."""
    piece = Tracker(plan.frame, SCHEME.max_delta)
    for k, pitches in enumerate(bars):
        for place in (0, 48):
            for pitch in pitches:
                piece.push(96 * k + place - piece.tick, PIANO, pitch, HALF, 5)
    return piece


def bias_of(plan: Plan, instrument: int, piece: Tracker | None = None) -> np.ndarray | None:
    """What each pitch class gains at the moment reached."""
    piece = piece or piece_of(plan)
    bias = Tonality(plan, SCHEME).bias(PITCH, piece, (0, instrument))
    if bias is not None:
        assert bias.shape == (PITCHES,) and np.array_equal(bias[:12], bias[60:72])
    return None if bias is None else bias[:12]


def test_chords_that_are_in_the_key_need_nothing():
    for key, chords in (("C major", "C F G C"), ("E minor", "Em Am B7 Em")):
        assert bias_of(plan_of(*chords.split(), key=key), FLUTE) is None


def test_a_key_that_is_too_far_from_its_chords_is_given_up():
    assert bias_of(plan_of("E", "A", "D", key="F major"), FLUTE) is None


def test_under_chords_of_another_key_the_tune_keeps_to_the_asked_one():
    bias = bias_of(plan_of(*CONTRADICTING), FLUTE)
    assert bias is not None
    assert bias[E] > 0 > bias[C_SHARP] and bias[B] > 0 > bias[G_SHARP]
    assert np.abs(bias).max() <= MOST


@pytest.mark.parametrize("instrument", [PIANO, BASS])
def test_parts_that_play_the_chord_keep_it_whole(instrument: int):
    bias = bias_of(plan_of(*CONTRADICTING), instrument)
    assert bias is not None
    tones = [A, C_SHARP, E, 6]  # of A6
    foreign = [pc for pc in range(12) if pc not in tones]
    assert (bias[tones] >= 0).all() and bias[C_SHARP] == bias[tones].max() > 0
    assert (bias[foreign] <= 0).all() and bias[foreign].any()


def test_what_speaks_for_the_key_is_longer():
    wish = Tonality(plan_of(*CONTRADICTING), SCHEME)
    piece = piece_of(wish.plan)
    home, away = (wish.bias(DURATION, piece, (0, FLUTE, 72 + pc)) for pc in (E, C_SHARP))
    assert home is not None and away is not None
    assert home[HALF] > home[QUARTER] == 0 == away[QUARTER] > away[HALF]


def test_it_ends_when_the_key_is_heard():
    plan = plan_of(*CONTRADICTING)
    home = (52, 55, 59, 64)
    chords = [home, (54, 57, 60, 64), (54, 57, 59, 63), home]
    assert bias_of(plan, FLUTE, piece_of(plan, *chords, *chords)) is None
    away = (57, 61, 64, 69)
    assert bias_of(plan, FLUTE, piece_of(plan, *[away] * 8)) is not None


def test_drums_and_other_fields_are_let_alone():
    wish = Tonality(plan_of(*CONTRADICTING), SCHEME)
    piece = piece_of(wish.plan)
    assert wish.bias(PITCH, piece, (0, DRUMS)) is None
    assert wish.bias(INSTRUMENT, piece, (0,)) is None


def test_a_piece_that_changes_its_key_or_has_no_asked_chords_is_let_alone():
    change = Change("key", "end", to="F# minor")
    held = plan_of(*CONTRADICTING)
    changing, chosen = plan_of("Em", "B7", changes=(change,)), plan_of()
    assert changing.keys and not chosen.asked_chords
    for plan, is_held in ((held, True), (changing, False), (chosen, False)):
        wishes = constraints(plan, SCHEME)
        assert any(isinstance(wish, Tonality) for wish in wishes) == is_held
