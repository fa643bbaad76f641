"""The notes of a piece under way are those of the piece that is done."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cantilena.score import DRUMS
from cantilena.systems.note.finishing import LONGEST_GAP, LiveNotes, PartNotes, breaths, finished
from cantilena.systems.note.plan import DRUM, MELODY, PartPlan, Plan
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.recurrence import REST, BarPlan
from cantilena.systems.note.tracker import Tracker
from cantilena.text.wishes import Brief, Instrument
from cantilena.tokens.note import GRID, NoteScheme
from makers import HABITS

SCHEME = NoteScheme()
PROGRAMS = (73, 0, 128)
MOVES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 3, 6, 12, 24, 48]),  # ticks since the note before
        st.sampled_from(PROGRAMS),
        st.integers(60, 64),
        st.integers(0, len(SCHEME.durations) - 1),
        st.integers(0, len(SCHEME.velocities) - 1),
    ),
    min_size=1,
    max_size=60,
)


def plan() -> Plan:
    players = tuple(Instrument(f"number {p}", (p,)) for p in PROGRAMS)
    brief = Brief(instruments=players, only=True, bars=16, tempo=100.0)
    return make_plan(brief, HABITS, np.random.default_rng(0))


PLAN = plan()


@given(MOVES)
def test_notes_that_were_given_out_do_not_change_any_more(moves: list[tuple[int, ...]]):
    """Of notes that later ones cut short, since few pitches meet: given out only when they are
    final, all of them, once, and as long and as loud as in the end."""
    tracker = Tracker(PLAN.frame, SCHEME.max_delta)
    live = LiveNotes(PLAN, SCHEME, tracker, None)
    notes, last = [], (0, -1, -1)
    for move in moves:
        place = (tracker.tick + move[0], *move[1:3])
        if place <= last:  # rows go up by onset, instrument and pitch
            continue
        last = place
        tracker.push(*move)
        notes += list(live.take())
    notes += list(live.take(done=True))
    score = finished(tracker.rows, PLAN, SCHEME, None)
    ends = score.seconds(score.onset + score.duration)
    columns = (score.seconds(score.onset), ends, score.pitch, score.velocity, score.instrument)
    there = sorted(tuple(map(float, row)) for row in zip(*columns, strict=True))
    rows = sorted((n.onset, n.onset + n.duration, n.pitch, n.velocity, n.instrument) for n in notes)
    assert len(rows) == len(there) and np.allclose(rows, there, atol=1e-9)


TUNE = PartPlan(73, MELODY, 60, 96, 1, 0.1, "flute")


def lengths(*notes: tuple[int, int], breathes: tuple[int, ...] | None = ()) -> list[int]:
    """The lengths that notes (tick, length) of a tune have in the end."""
    part = PartNotes(TUNE, breathes)
    for tick, length in notes:
        part.push(tick, 60 + tick % 12, length)
    return part.length


def test_a_tune_sounds_on_over_short_rests_and_breathes_at_the_ends_of_phrases():
    assert lengths((0, 6), (48, 6)) == [48, 6]
    assert lengths((0, 6), (6 + LONGEST_GAP, 6)) == [6 + LONGEST_GAP, 6]
    assert lengths((0, 6), (7 + LONGEST_GAP, 6)) == [6, 6]  # a rest
    assert lengths((0, 6), (GRID, 6)) == [6, 6]  # its articulation
    assert lengths((0, 6), (48, 6), breathes=(96,)) == [48, 6]
    assert lengths((0, 6), (48, 6), breathes=(48,)) == [6, 6]
    assert lengths((0, 6), (48, 6), breathes=None) == [6, 6]


def test_tunes_breathe_where_sections_have_phrases_and_where_they_rest():
    bars = [BarPlan(REST) if k in (6, 7) else BarPlan() for k in range(PLAN.bars)]
    tune = PartPlan(73, MELODY, 60, 96, 1, 0.1, "flute", 1, tuple(bars))
    lines = PLAN.lines.tolist()
    assert breaths(tune, PLAN, ()) == [lines[k] for k in (0, 4, 6, 8, 12)]
    assert breaths(tune, PLAN, (73,)) is None
    assert breaths(PartPlan(DRUMS, DRUM, 0, 127, 9, 0.1, "drums"), PLAN, ()) is None
