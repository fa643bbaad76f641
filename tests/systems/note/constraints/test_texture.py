"""Constraints of texture: a kit that stays one, parts that are not forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cantilena.score import DRUMS
from cantilena.score.harmony import Key
from cantilena.systems.note.constraints import Ensemble
from cantilena.systems.note.constraints.texture import Density, Kit, Repetition
from cantilena.systems.note.plan import BASS, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.recurrence import EXACT, FILL, NEW, REST, BarPlan
from cantilena.systems.note.sections import plan_sections
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.grammar import INSTRUMENT, ONSET, PITCH

SCHEME = NoteScheme()
KICK, SNARE, HAT, RIDE, CRASH, COWBELL, VIBRASLAP = 36, 38, 42, 51, 49, 56, 58


def a_plan(*instruments: int) -> Plan:
    roles = [BASS if i == 33 else MELODY for i in instruments]
    parts = tuple(
        PartPlan(i, role, 30, 80, 4, 0.1, str(i), 1)
        for i, role in zip(instruments, roles, strict=True)
    )
    return Plan(parts, 120.0, (4, 4), Key(0, False), 16, ())


def struck(*pitches: int) -> Tracker:
    """A piece in which these drums were struck, an eighth apart."""
    piece = Tracker(a_plan(DRUMS).frame, SCHEME.max_delta)
    for pitch in pitches:
        piece.push(12 if piece.rows else 0, DRUMS, pitch, 1, 4)
    return piece


def test_a_drum_that_was_struck_stays_free_and_new_ones_get_rarer():
    def bias(*pitches: int):
        by_pitch = Kit().bias(PITCH, struck(*pitches), (12, DRUMS))
        assert by_pitch is not None
        return by_pitch

    few, many = bias(KICK, SNARE), bias(KICK, SNARE, HAT, RIDE, 44, 45, 46, 47)
    assert few[KICK] == many[KICK] == few[HAT] == 0
    assert many[CRASH] < few[CRASH] - 0.2 and few[CRASH] == 0
    assert many[VIBRASLAP] < many[CRASH] and many[VIBRASLAP] < few[VIBRASLAP] < 0
    odd = bias(KICK, COWBELL)
    assert odd[COWBELL] == 0  # it is part of this kit


def test_hand_percussion_is_at_home_in_some_genres_only():
    plain, latin = (
        Kit(percussion).bias(PITCH, struck(KICK), (12, DRUMS)) for percussion in (False, True)
    )
    assert plain is not None and latin is not None
    conga, tambourine = 63, 54
    assert plain[conga] < plain[tambourine] < plain[SNARE] == 0
    assert latin[conga] == latin[tambourine] == latin[SNARE] == 0


def test_a_fill_is_of_toms_in_a_bars_second_half_with_a_crash_behind_it():
    plan = replace(a_plan(DRUMS, 33), bars=3)
    fills = tuple(BarPlan(FILL) if k == 1 else BarPlan() for k in range(3))
    plan = replace(plan, parts=tuple(replace(part, bars=fills) for part in plan.parts))
    tom, kit = 45, Kit(plan=plan)

    def bias(tick: int, pitch: int) -> float:
        piece = Tracker(plan.frame, SCHEME.max_delta)
        piece.push(max(0, tick - 6), DRUMS, KICK, 1, 4)
        out = kit.bias(PITCH, piece, (min(tick, 6), DRUMS))
        assert out is not None
        return float(out[pitch])

    assert bias(96 + 48, tom) > 0 > bias(96 + 48, HAT)
    assert bias(96 + 24, tom) == bias(48, tom) < -2 < bias(96 + 24, HAT) == 0
    assert bias(2 * 96, CRASH) > 0 == bias(2 * 96 + 12, CRASH) == bias(96, CRASH)
    plan = replace(plan, sections=plan_sections((), 3, False, 2))
    kit = Kit(plan=plan)
    for crash in Kit.CRASHES:  # not only the first one
        assert bias(96, crash) < -2 < bias(2 * 96, crash)


def test_toms_are_of_fills_but_in_music_that_has_them_everywhere():
    tom, floor_tom = 45, 41

    def bias(*before: int) -> float:
        kit, piece = Kit(), struck(*before)
        for _ in range(2):  # what is written since changes nothing
            out = kit.bias(PITCH, piece, (12, DRUMS))
            piece.push(12, DRUMS, tom, 1, 4)
        assert out is not None
        return float(out[floor_tom] - out[RIDE])

    assert bias() < -2 and bias(*[KICK, HAT] * 5, tom) < -2
    assert bias(*[KICK, tom, SNARE] * 4) == 0


@pytest.mark.parametrize(("kind", "parted"), [(NEW, True), (NEW, False), (EXACT, True)])
def test_another_cymbal_keeps_time_in_a_new_section(kind: str, parted: bool):
    last = BarPlan() if kind == NEW else BarPlan(kind, 1)
    plan = replace(a_plan(DRUMS, 33), bars=3)
    parts = tuple(replace(part, bars=(BarPlan(), BarPlan(), last)) for part in plan.parts)
    sections = plan_sections((), 3, False, 2) if parted else ()
    plan = replace(plan, parts=parts, sections=sections)
    piece = Tracker(plan.frame, SCHEME.max_delta)
    for tick, pitch in ((96, KICK), (96, HAT), (120, HAT), (144, RIDE), (144, SNARE)):
        piece.push(tick - piece.tick, DRUMS, pitch, 1, 4)
    bias = Kit(plan=plan).bias(PITCH, piece, (60, DRUMS))  # bar 3
    assert bias is not None and (bias[HAT] < 0) == (kind == NEW and parted)
    assert not bias[[KICK, SNARE, RIDE]].any()
    before = Kit(plan=plan).bias(PITCH, piece, (24, DRUMS))  # bar 2 still
    assert before is not None and before[HAT] == 0


def test_a_kit_is_for_drums_only():
    assert Kit().bias(PITCH, struck(KICK), (12, 0)) is None
    assert Kit().bias(INSTRUMENT, struck(KICK), (12,)) is None


def test_a_kit_is_learned_as_the_piece_goes_on():
    kit, piece = Kit(), struck(KICK, SNARE, HAT, RIDE, 44, 45, 46, 47)
    before = kit.bias(PITCH, piece, (12, DRUMS))
    piece.push(12, DRUMS, CRASH, 1, 4)
    after = kit.bias(PITCH, piece, (12, DRUMS))
    assert before is not None and after is not None
    assert before[CRASH] < 0 and after[CRASH] == 0


def test_the_longer_a_part_is_silent_the_more_it_is_called():
    plan = a_plan(40, 33)
    piece = Tracker(plan.frame, SCHEME.max_delta)
    for step in range(8):  # the bass plays on the first beat, then the violin alone
        if not step:
            piece.push(0, 33, 40, 1, 4)
        piece.push(96 if step else 0, 40, 60, 1, 4)
    wishes = Ensemble(plan, SCHEME)
    wishes.bias(ONSET, piece, ())  # an onset comes before an instrument
    called = []
    for bars in (0, 1):
        biases = wishes.bias(INSTRUMENT, piece, (12 + 96 * bars,))
        assert biases is not None
        called.append(biases[33] - biases[40])
    assert 4 < called[0] < called[1]


def test_a_tune_is_called_back_sooner_than_what_goes_with_it():
    parts = (PartPlan(40, MELODY, 55, 80, 1, 0.1, "V"), PartPlan(41, HARMONY, 50, 80, 1, 0.1, "A"))
    plan = Plan(parts, 120.0, (4, 4), Key(0, False), 16, ())
    piece = Tracker(plan.frame, SCHEME.max_delta)
    for instrument in (40, 41):
        piece.push(0, instrument, 60, SCHEME.durations.index(24), 4)
    wishes = Ensemble(plan, SCHEME)
    wishes.bias(ONSET, piece, ())
    gains = [wishes.bias(INSTRUMENT, piece, (24 + ticks,)) for ticks in (24, 72, 144)]
    tune, harmony = zip(*((g[40], g[41]) for g in gains if g is not None), strict=True)
    assert harmony[1] < harmony[0] + 0.2 and harmony[2] > harmony[1] + 1
    assert tune[0] == harmony[0] and tune[1] > harmony[1] + 0.5 and tune[2] > harmony[2] + 0.5


def test_players_of_one_instrument_divide_on_half_of_its_onsets():
    part = PartPlan(40, MELODY, 55, 80, 2, 0.1, "Violin", players=2)
    plan = Plan((part,), 120.0, (4, 4), Key(0, False), 16, ())
    piece = Tracker(plan.frame, SCHEME.max_delta)
    wishes = Ensemble(plan, SCHEME)

    def called() -> bool:
        stay, which = wishes.bias(ONSET, piece, ()), wishes.bias(INSTRUMENT, piece, (0,))
        assert stay is not None and which is not None
        assert (stay[0] > 0) == (which[40] > 2)
        return bool(stay[0] > 0)

    piece.push(0, 40, 60, 8, 4)
    assert called()
    piece.push(0, 40, 64, 8, 4)
    assert not called()  # both play
    piece.push(24, 40, 60, 8, 4)
    assert not called()  # on half of the onsets both did
    piece.push(24, 40, 60, 8, 4)
    assert called()
    piece.push(24, 40, 80, 8, 4)
    assert not called()  # there is no pitch above


def test_a_part_that_has_nearly_all_notes_is_held_back():
    plan = a_plan(40, 33)
    piece = Tracker(plan.frame, SCHEME.max_delta)
    piece.push(0, 33, 40, SCHEME.durations.index(96), 4)
    for _ in range(40):
        piece.push(2, 40, 60, 1, 4)
    wishes = Ensemble(plan, SCHEME)
    wishes.bias(ONSET, piece, ())
    biases = wishes.bias(INSTRUMENT, piece, (2,))
    assert biases is not None and biases[40] < 0 < biases[33]


def test_bars_in_which_few_play_are_to_hold_fewer_notes():
    plan = replace(a_plan(DRUMS, 33), bars=4, density=8.0)
    waits = tuple(BarPlan(REST if k < 2 else NEW) for k in range(4))
    parts = (plan.parts[0], replace(plan.parts[1], bars=waits))

    def bias(parts: tuple[PartPlan, ...], bar: int, notes: int) -> float:
        piece = Tracker(plan.frame, SCHEME.max_delta)
        density = Density(replace(plan, parts=parts), SCHEME)
        density.bias(ONSET, piece, ())  # where the piece begins
        for _ in range(notes):
            piece.push(0, DRUMS, KICK, 1, 4)
        piece.tick = bar * 96
        out = density.bias(ONSET, piece, ())
        return 0.0 if out is None else float(out[0])

    assert bias(parts, 1, 18) < bias(plan.parts, 1, 18) < 0
    assert bias(parts, 4, 40) == bias(plan.parts, 4, 40) < 0  # over the piece as many


def test_a_tune_that_strikes_one_pitch_again_and_again_is_moved_on():
    plan = a_plan(73, 33)

    def bias(times: int, last: int = 70) -> float:
        piece = Tracker(plan.frame, SCHEME.max_delta)
        for k, pitch in enumerate([60] * 4 + [70] * (times - 1) + [last]):
            piece.push(12 if k else 0, 73, pitch, 1, 4)
        out = Repetition(plan, 1.0).bias(PITCH, piece, (12, 73))
        assert out is not None
        return float(out[70])

    usual = Repetition.LONGEST_RUN
    dwelling = bias(16, last=60)  # as often, and not in a row
    assert bias(usual) > bias(usual + 1) > bias(usual + 3) > bias(usual + 8)
    assert bias(16) < dwelling + 8 * Repetition.RUN_BIAS


def test_the_top_of_chords_is_a_tune_only_where_a_part_plays_alone():
    def bias(*instruments: int) -> float:
        plan = a_plan(*instruments)
        parts = tuple(replace(part, role=HARMONY) for part in plan.parts)
        piece = Tracker(plan.frame, SCHEME.max_delta)
        for k in range(10):
            for pitch in (50, 60 + k % 2, 70):
                piece.push(12 * (k > 0 and pitch == 50), 0, pitch, 1, 4)
        out = Repetition(replace(plan, parts=parts), 1.0).bias(PITCH, piece, (12, 0))
        assert out is not None
        return float(out[70] - out[50])

    assert bias(0) < bias(0, 24) + 4 * Repetition.RUN_BIAS
