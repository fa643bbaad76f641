"""Bars that come back do so, and parts play about as many notes as are planned."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.score.harmony import Key
from cantilena.systems.note.constraints import Countdown, Ensemble, Length, Recurrence
from cantilena.systems.note.plan import BASS, MELODY, PartPlan, Plan
from cantilena.systems.note.recurrence import EXACT, RHYTHM, BarPlan
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.conditions import NOTHING
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, ONSET, NoteGrammar
from makers import NoiseEngine

SCHEME = NoteScheme()
LEAD, LOW = 0, 33


def plan_of(lead: list[BarPlan], low: list[BarPlan]) -> Plan:
    parts = (
        PartPlan(LEAD, MELODY, 60, 84, 2, 0.1, "lead", 1, tuple(lead)),
        PartPlan(LOW, BASS, 30, 50, 2, 0.1, "low", 1, tuple(low)),
    )
    return Plan(parts, 120.0, (4, 4), Key(0, False), len(lead), ())


def written(plan: Plan, wishes: list, seed: int) -> list[tuple[int, ...]]:
    tracker = Tracker(plan.frame, SCHEME.max_delta, plan.outline)
    job = Job(tracker, NOTHING, wishes, Sampling(temperature=1.0), np.random.default_rng(seed), 400)
    engine = NoiseEngine(seed, 1.0)
    plain, lean = engine.heads[0], np.zeros(SCHEME.sizes[ONSET], dtype=np.float32)
    lean[[0, 12, 24]] = 8.0
    engine.heads[0] = lambda x: plain(x) + lean
    Loop(NoteStepper(engine, [job]), NoteGrammar(SCHEME), [job]).run()
    return [row for row in tracker.rows if row[1] >= 0]


def content(rows: list[tuple[int, ...]], instrument: int, bar: int, plan: Plan) -> set:
    start, stop = plan.lines[bar : bar + 2].tolist()
    return {(r[0] - start, r[2]) for r in rows if r[1] == instrument and start <= r[0] < stop}


@pytest.mark.parametrize("informed", [False, True])
def test_a_bar_comes_back_that_is_to_come_back(informed: bool):
    new = [BarPlan(), BarPlan()]
    plan = plan_of([*new, BarPlan(EXACT, 0), BarPlan()], [*new, BarPlan(RHYTHM, 1), BarPlan()])
    alike = {"with": 0.0, "without": 0.0}
    for seed in range(6):
        for name in alike:
            wishes = [Length(plan, SCHEME), Ensemble(plan, SCHEME)]
            wishes += [Recurrence(plan, SCHEME, informed)] if name == "with" else []
            rows = written(plan, wishes, seed)
            there, here = (content(rows, LEAD, bar, plan) for bar in (0, 2))
            alike[name] += len(there & here) / max(len(there | here), 1) / 6
            places = [{place for place, _ in content(rows, LOW, bar, plan)} for bar in (1, 2)]
            alike[name] += len(places[0] & places[1]) / max(len(places[0] | places[1]), 1) / 6
    assert alike["without"] < 0.4
    assert alike["with"] > (0.7 if informed else 1.3)  # of a model that leans there by itself


def piece(plan: Plan, *steps: tuple[int, ...]) -> Tracker:
    tracker = Tracker(plan.frame, SCHEME.max_delta, plan.outline)
    for step in steps:
        tracker.push(*step)
    return tracker


def test_who_has_played_the_notes_of_a_bar_is_held_back_in_it():
    plan = plan_of([BarPlan(notes=2), BarPlan(notes=1)], [BarPlan(notes=1), BarPlan(notes=1)])
    wish, lead = Countdown(plan, SCHEME), (0, LEAD, 60, 3, 4)

    def bias(field: int, piece: Tracker, *chosen: int) -> np.ndarray:
        out = wish.bias(field, piece, chosen)
        assert out is not None
        return out

    assert not bias(INSTRUMENT, piece(plan, lead), 24).any()
    twice = piece(plan, lead, (24, LEAD, 62, 3, 4))
    in_bar, in_next = bias(INSTRUMENT, twice, 24), bias(INSTRUMENT, twice, 72)
    assert in_bar[LEAD] == Countdown.DONE_BIAS and in_bar[LOW] > 0 and not in_next.any()
    waits = bias(ONSET, twice)  # the bass has a note left, and none yet
    assert not waits[:72].any()
    assert (waits[72:] == Countdown.LEFT_BIAS + Countdown.EMPTY_BIAS).all()
    twice.push(0, LOW, 40, 3, 4)
    onsets = bias(ONSET, twice)
    assert (onsets[:72] == Countdown.DONE_BIAS).all() and not onsets[72:].any()


def gain(plan: Plan, instrument: int, delta: int, *steps: tuple[int, ...]) -> float:
    """What an instrument gains ``delta`` ticks behind the last of some steps."""
    out = Countdown(plan, SCHEME).bias(INSTRUMENT, piece(plan, *steps), (delta,))
    assert out is not None
    return float(out[instrument])


def test_a_bars_notes_are_spread_over_it():
    plan = plan_of([BarPlan(notes=6)], [BarPlan(notes=6)])
    early = [(0, LEAD, 60, 3, 4), *[(6, LEAD, 62, 3, 4)] * 3]
    assert gain(plan, LEAD, 6, *early) < 0 == gain(plan, LEAD, 48, *early)  # four of six notes
    low = [(step[0], LOW, 40, 3, 4) for step in early]
    assert gain(plan, LOW, 6, *low) == 0  # basses may
    assert gain(plan, LOW, 80, (0, LOW, 40, 3, 4)) > 0 == gain(plan, LOW, 24, (0, LOW, 40, 3, 4))


def test_who_has_not_begun_is_called_the_more_the_later_it_is():
    plan = plan_of([BarPlan(notes=2)], [BarPlan(notes=3)])
    lead = (0, LEAD, 60, 3, 4)
    gains = [gain(plan, LOW, delta, lead) for delta in (12, 48, 84)]
    assert gains[0] == 0 < gains[1] < gains[2]
    stays = Countdown(plan, SCHEME).bias(ONSET, piece(plan, lead, (60, LEAD, 62, 3, 4)), ())
    assert stays is not None and stays[0] > 0 == stays[1]  # the bass may join this onset


def test_notes_for_which_there_is_no_room_are_not_crowded_in_before_the_bar_line():
    plan = plan_of([BarPlan(notes=60), BarPlan(notes=4)], [BarPlan(notes=60), BarPlan(notes=4)])
    assert gain(plan, LOW, 90, (0, LOW, 40, 3, 4)) <= Countdown.BEHIND_BIAS * Countdown.MOST_BEHIND
    wish, lead = Countdown(plan, SCHEME), (0, LEAD, 60, 3, 4)

    def leaving(*deltas: int) -> float:
        steps = [(0, LOW, 40, 3, 4), *((delta, LEAD, 60, 3, 4) for delta in deltas)]
        onsets = wish.bias(ONSET, piece(plan, lead, *steps), ())
        assert onsets is not None
        return float(onsets[96 - sum(deltas)])  # the step to the second bar's line, or past it

    assert leaving(48) == Countdown.LEFT_BIAS * Countdown.MOST_LEFT
    assert leaving(84) == Countdown.LEFT_BIAS and leaving(93) == 0.0
    last = wish.bias(ONSET, piece(plan, lead, (96, LEAD, 60, 3, 4)), ())
    assert last is not None and last[96] == 0.0  # a piece may end


def test_a_bar_is_not_left_while_a_part_that_is_to_play_in_it_has_not_begun():
    plan = plan_of([BarPlan(notes=4)] * 2, [BarPlan(notes=20)] * 2)
    lead = [(24 * (k > 0), LEAD, 60, 3, 4) for k in range(4)]

    def leaving(*steps: tuple[int, ...]) -> float:
        onsets = Countdown(plan, SCHEME).bias(ONSET, piece(plan, *steps), ())
        assert onsets is not None
        return float(onsets[96 - sum(step[0] for step in steps)])

    assert leaving(*lead) == leaving((0, LOW, 40, 3, 4), *lead) + Countdown.EMPTY_BIAS
    assert leaving(*lead, (21, LEAD, 60, 3, 4)) == 0.0  # no room is left
    # of twenty notes none yet is further behind than of two
    few = plan_of([BarPlan(notes=4)] * 2, [BarPlan(notes=2)] * 2)
    assert gain(plan, LOW, 60, lead[0]) > gain(few, LOW, 60, lead[0]) > 0


def test_bars_that_take_up_one_that_stayed_empty_play_anew():
    """Else a part that is late once is silent wherever its bar was to come back."""
    low = [BarPlan(notes=4), BarPlan(RHYTHM, 0, 4), BarPlan(EXACT, 0, 4), BarPlan(notes=4)]
    plan = plan_of([BarPlan(notes=1)] * 4, low)
    lead = (0, LEAD, 60, 3, 4)
    empty = piece(plan, lead, (96, LEAD, 60, 3, 4))
    played = piece(plan, lead, (24, LOW, 40, 3, 4), (72, LEAD, 60, 3, 4))
    wish = Recurrence(plan, SCHEME, informed=True)
    for tracker, loses in ((empty, False), (played, True)):
        bias = wish.bias(INSTRUMENT, tracker, (12,))
        assert bias is not None and (bias[LOW] < 0) == loses  # no note stood there
        assert gain_of(plan, tracker, 60) == 0 if loses else gain_of(plan, tracker, 60) > 0
    empty.push(24, LOW, 45, 3, 4)
    empty.push(72, LEAD, 60, 3, 4)
    assert empty.agenda is not None  # the third bar takes up the second instead
    assert empty.agenda.due()[LOW][0] == 2 * 96 + 24


def gain_of(plan: Plan, tracker: Tracker, delta: int) -> float:
    out = Countdown(plan, SCHEME).bias(INSTRUMENT, tracker, (delta,))
    assert out is not None
    return float(out[LOW])


def test_where_numbers_of_notes_are_not_known_nobody_is_held_back():
    plan = plan_of([BarPlan(), BarPlan()], [BarPlan(), BarPlan()])
    assert Countdown(plan, SCHEME).bias(ONSET, piece(plan, (0, LEAD, 60, 3, 4)), ()) is None


def test_a_rhythm_may_come_back_with_its_lengths():
    plan = plan_of([BarPlan(), BarPlan(RHYTHM, 0)], [BarPlan(), BarPlan()])
    tracker = Tracker(plan.frame, SCHEME.max_delta, plan.outline)
    for step in ((0, LEAD, 60, 15, 3), (48, LEAD, 62, 9, 3)):
        tracker.push(*step)
    chosen = (48, LEAD, 72)
    assert Recurrence(plan, SCHEME, True).bias(DURATION, tracker, chosen) is None
    bias = Recurrence(plan, SCHEME, True, 2.0).bias(DURATION, tracker, chosen)
    assert bias is not None and bias.tolist() == [2.0 * (k == 15) for k in range(len(bias))]
