"""A part that plays chords strikes a chord as it struck it before."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.score.harmony import Key, parse_chord
from cantilena.systems.note.constraints import Steadiness, Voicings
from cantilena.systems.note.plan import HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.recurrence import EXACT, NEW, VARIED, BarPlan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, ONSET, PITCH
from tracked import piece

SCHEME = NoteScheme()
PIANO, LEAD = 0, 73
BAR = 4 * GRID
C_CHORD = ((0, PIANO, 60), (0, PIANO, 64), (0, PIANO, 67))


def plan_of(third: str = NEW) -> Plan:
    """Four bars on C, F, C and G; the third is of the ``third`` kind."""
    bars = (BarPlan(), BarPlan(), BarPlan() if third == NEW else BarPlan(third, 0), BarPlan())
    chords = tuple((BAR * k, parse_chord(name)) for k, name in enumerate("CFCG"))
    parts = (
        PartPlan(PIANO, HARMONY, 36, 84, 5, 0.1, "piano", 1, bars),
        PartPlan(LEAD, MELODY, 60, 96, 1, 0.1, "flute", 1, (BarPlan(),) * 4),
    )
    return Plan(parts, 120.0, (4, 4), Key(0, False), 4, chords)


def biases(plan: Plan, tracker: Tracker, field: int, chosen: tuple[int, ...]) -> np.ndarray | None:
    voicings = Voicings(plan, SCHEME)
    voicings.bias(ONSET, tracker, ())
    return voicings.bias(field, tracker, chosen)


def test_a_chord_that_comes_again_is_struck_with_the_same_pitches():
    plan = plan_of()
    before = piece(plan, *C_CHORD, (BAR, LEAD, 72))
    first = biases(plan, before, PITCH, (BAR, PIANO))
    assert first is not None and np.flatnonzero(first).tolist() == [60]
    begun = piece(plan, *C_CHORD, (BAR, LEAD, 72), (2 * BAR, PIANO, 60))
    following = biases(plan, begun, PITCH, (0, PIANO))
    assert following is not None and np.flatnonzero(following).tolist() == [64]
    assert following[64] > first[60] > 0


def test_it_is_struck_whole_and_no_fuller():
    plan = plan_of()
    begun = piece(plan, *C_CHORD, (BAR, LEAD, 72), (2 * BAR, PIANO, 60), (2 * BAR, PIANO, 64))
    more = biases(plan, begun, INSTRUMENT, (0,))
    waits = biases(plan, begun, ONSET, ())
    assert more is not None and waits is not None
    assert more[PIANO] > 0 == more[LEAD] and waits[0] > 0 == waits[GRID]
    whole = (*C_CHORD, (BAR, LEAD, 72), *((2 * BAR, i, p) for _, i, p in C_CHORD))
    more = biases(plan, piece(plan, *whole), INSTRUMENT, (0,))
    assert more is not None and more[PIANO] < 0
    assert biases(plan, piece(plan, *whole), ONSET, ()) is None  # the flute may still join


def test_another_chord_takes_up_the_shape_where_that_is_of_its_tones():
    plan = plan_of()
    begun = piece(plan, *C_CHORD, (0, LEAD, 72), (BAR, PIANO, 65))
    bias = biases(plan, begun, PITCH, (0, PIANO))  # F A C
    assert bias is not None and np.flatnonzero(bias).tolist() == [69]
    begun = piece(plan, *C_CHORD, (0, LEAD, 72), (BAR, PIANO, 57))
    assert biases(plan, begun, PITCH, (0, PIANO)) is None  # A and C# are not both of F


@pytest.mark.parametrize("kind", [EXACT, VARIED])
def test_what_comes_back_is_left_alone(kind: str):
    plan = plan_of(kind)
    begun = piece(plan, *C_CHORD, (BAR, LEAD, 72), (2 * BAR, PIANO, 60))
    assert biases(plan, begun, PITCH, (0, PIANO)) is None
    assert biases(plan, begun, INSTRUMENT, (0,)) is None


def test_single_notes_tunes_and_figures_are_left_alone():
    plan = plan_of()
    single = piece(plan, (0, PIANO, 60), (0, LEAD, 72), (2 * BAR, PIANO, 60))
    assert biases(plan, single, PITCH, (0, PIANO)) is None
    begun = piece(plan, *C_CHORD, (BAR, LEAD, 72), (2 * BAR, PIANO, 60))
    assert biases(plan, begun, PITCH, (0, LEAD)) is None
    assert biases(plan, begun, DURATION, (0, PIANO, 64)) is None
    assert Voicings(plan, SCHEME, [PIANO]).bias(PITCH, begun, (0, PIANO)) is None


def test_an_accompaniment_keeps_to_its_places_in_new_bars():
    plan = plan_of()
    struck = piece(plan, *C_CHORD, (2 * GRID, PIANO, 60), (3 * GRID, LEAD, 72))

    def gain(delta: int) -> float:
        bias = Steadiness(plan, SCHEME).bias(INSTRUMENT, struck, (delta,))
        assert bias is not None and not bias[LEAD]
        return float(bias[PIANO])

    assert gain(GRID) > 0 > gain(2 * GRID) and gain(3 * GRID) > 0  # beats 1, 2 and 3 of bar 2
    assert Steadiness(plan, SCHEME).bias(PITCH, struck, (GRID, PIANO)) is None
    silent = piece(plan, (3 * GRID, LEAD, 72))
    bias = Steadiness(plan, SCHEME).bias(INSTRUMENT, silent, (GRID,))
    assert bias is not None and not bias.any()
    figured = Steadiness(plan, SCHEME, [PIANO]).bias(INSTRUMENT, struck, (GRID,))
    assert figured is not None and not figured.any()


def test_what_comes_back_needs_no_steadiness():
    plan = plan_of(EXACT)
    struck = piece(plan, *C_CHORD, (2 * BAR, LEAD, 72))
    bias = Steadiness(plan, SCHEME).bias(INSTRUMENT, struck, (GRID,))
    assert bias is not None and not bias.any()
