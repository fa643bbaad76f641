"""How pieces fill their bars and close."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cantilena.score.harmony import Key, parse_chord
from cantilena.systems.note.constraints.length import Close, Length
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, ONSET, PITCH

SCHEME = NoteScheme()
PARTS = (
    PartPlan(40, MELODY, 55, 80, 1, 0.2, "Violin"),
    PartPlan(42, BASS, 36, 60, 1, 0.2, "Cello"),
)


def plan_of(metre: tuple[int, int], bars: int = 2) -> Plan:
    last = (bars - 1) * max(1, 96 * metre[0] // metre[1])
    return Plan(PARTS, 100.0, metre, Key(0, False), bars, ((last, parse_chord("Am")),))


def onsets(plan: Plan, tick: int) -> list[int]:
    """Where the next note may stand when the piece has reached ``tick`` with a note there."""
    tracker = Tracker(plan.frame, SCHEME.max_delta)
    tracker.push(tick, 40, 60, 0, 0)
    bias = Length(plan, SCHEME).bias(ONSET, tracker, [])
    assert bias is not None
    open_ = np.flatnonzero(np.isfinite(bias))
    return [tick + d for d in open_.tolist() if d < SCHEME.max_delta]


@pytest.mark.parametrize(
    ("metre", "beats"),
    [
        ((4, 4), [0, 24]),
        ((3, 4), [0, 24]),
        ((2, 4), [0]),
        ((6, 8), [0]),
        ((12, 8), [0, 36]),
        ((5, 4), [0, 24, 48]),
        ((7, 8), [0, 12, 24, 36]),
        ((1, 16), [0]),
        ((1, 32), [0]),
    ],
)
def test_the_last_notes_stand_on_beats_of_the_last_bars_first_half(metre, beats):
    plan = plan_of(metre)
    last = plan.bar_ticks
    assert [t - last for t in onsets(plan, last - 1) if t >= last] == beats
    assert [t - last for t in onsets(plan, last)] == beats
    held = Length(plan, SCHEME).bias(DURATION, _at(plan, last + beats[-1]), [0, 40, 60])
    assert held is not None and np.isfinite(held).any()
    shortest = SCHEME.durations[int(np.flatnonzero(np.isfinite(held))[0])]
    assert shortest + beats[-1] >= min(plan.bar_ticks // 2, plan.bar_ticks - beats[-1])


def test_a_single_bar_is_filled():
    assert onsets(plan_of((4, 4), 1), 0) == list(range(73))


def test_silence_through_rests_is_no_longer_than_a_bar():
    """A bar of twelve quarters is longer than any step of time: RESTs lead through it."""
    plan = plan_of((3, 1), 4)  # bars of 288 ticks, steps of at most 192
    tracker = Tracker(plan.frame, SCHEME.max_delta)
    tracker.push(0, 40, 60, 0, 0)

    def longest() -> int:
        bias = Length(plan, SCHEME).bias(ONSET, tracker, [])
        assert bias is not None
        return int(np.flatnonzero(np.isfinite(bias)).max())

    assert longest() == SCHEME.rest
    tracker.push(SCHEME.rest, -1, 0, 0, 0)
    assert longest() == 288 - 192
    tracker.push(96, 40, 60, 0, 0)  # after a note the wait begins anew
    assert longest() == SCHEME.rest


def _at(plan: Plan, tick: int, *instruments: int) -> Tracker:
    tracker = Tracker(plan.frame, SCHEME.max_delta)
    for i, instrument in enumerate(instruments or (40,)):
        tracker.push(0 if i else tick, instrument, 60, 0, 0)
    return tracker


def test_the_last_chord_is_everybodys():
    plan = plan_of((4, 4))
    close = Close(plan, SCHEME)
    before, half, whole = _at(plan, 90), _at(plan, 96, 40), _at(plan, 96, 40, 42)
    assert close.bias(ONSET, before, []) is None
    coming = close.bias(INSTRUMENT, before, [6])
    assert coming is not None and coming.argmax() == 40
    held = close.bias(ONSET, half, [])
    assert held is not None and held[0] == 0 and (held[1:] < 0).all()
    coming = close.bias(INSTRUMENT, half, [0])
    assert coming is not None and coming.argmax() == 42
    held = close.bias(ONSET, whole, [])
    assert held is not None and held.argmax() == SCHEME.end  # all are there: the piece ends, mostly
    assert not held[1 : SCHEME.end].any() and held[SCHEME.end] == Close.END_BIAS


def test_who_plays_chords_has_one_at_the_end_and_each_player_a_note():
    piano = PartPlan(0, HARMONY, 36, 86, 7, 0.2, "Piano")
    violins = replace(PARTS[0], voices=2, players=2)
    close = Close(replace(plan_of((4, 4)), parts=(piano, violins)), SCHEME)
    tracker, notes = _at(plan_of((4, 4)), 96, 0), [(0, 64), (0, 69), (40, 72), (40, 76)]
    for instrument, pitch in notes:
        coming, held = close.bias(INSTRUMENT, tracker, [0]), close.bias(ONSET, tracker, [])
        assert coming is not None and coming.argmax() == instrument
        assert held is not None and held[0] == 0 and held[SCHEME.end] < 0
        tracker.push(0, instrument, pitch, 0, 0)
    held = close.bias(ONSET, tracker, [])
    assert held is not None and held[SCHEME.end] > 0


def test_a_part_does_not_climb_past_its_last_chord_tone():
    plan = plan_of((4, 4))
    close = Close(plan, SCHEME)
    tracker = _at(plan, 96)
    tracker.push(0, 40, 76, 0, 0)  # the E below its top, which is G sharp
    stays = close.bias(ONSET, tracker, [])
    assert stays is not None and stays[0] == 0  # the cello may follow
    again = close.bias(INSTRUMENT, tracker, [0])
    assert again is not None and again[40] == -np.inf and again[42] > 0
    tracker.push(0, 42, 60, 0, 0)
    over = close.bias(ONSET, tracker, [])
    assert over is not None and over[0] == -np.inf and np.isfinite(over[1:]).all()


def test_the_drummer_strikes_no_more_at_once_in_the_close_than_before():
    plan = replace(plan_of((4, 4)), parts=(PartPlan(128, DRUM, 27, 87, 5, 0.2, "Drums"),))
    tracker = Tracker(plan.frame, SCHEME.max_delta)
    for step, drum in ((0, 36), (24, 38), (24, 36), (0, 49), (24, 38)):
        tracker.push(step, 128, drum, 0, 0)
    close = Close(plan, SCHEME)
    tracker.push(24, 128, 36, 0, 0)  # one drum an onset in the mean: two at most at the end
    again = close.bias(ONSET, tracker, [])
    assert again is not None and again[0] == 0
    tracker.push(0, 128, 38, 0, 0)
    over = close.bias(ONSET, tracker, [])
    assert over is not None and over[0] == -np.inf and np.isfinite(over[1:]).all()
    more = close.bias(INSTRUMENT, tracker, [0])
    assert more is not None and more[128] == -np.inf


def test_no_note_is_foreign_to_the_last_chord():
    plan = plan_of((4, 4))
    close = Close(plan, SCHEME)
    assert close.bias(PITCH, _at(plan, 80), [6, 40]) is None
    melody = close.bias(PITCH, _at(plan, 96), [24, 40])
    assert melody is not None
    assert {p % 12 for p in np.flatnonzero(melody == 0).tolist()} == {9, 0, 4}
    bass = close.bias(PITCH, _at(plan, 80), [16, 42])
    assert bass is not None and bass.argmax() % 12 == 9
    assert close.bias(PITCH, _at(plan, 96), [0, 128]) is None
