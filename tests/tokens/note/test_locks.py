"""Kept notes: whatever a model says, they are in the piece, and new notes stand where they may."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.conditions import NOTHING
from cantilena.tokens.note.context import Frame
from cantilena.tokens.note.grammar import NoteGrammar
from cantilena.tokens.note.locks import Locks
from makers import NoiseEngine

SCHEME = NoteScheme()
BARS = 6
NOTE = st.tuples(
    st.integers(0, 96 * BARS - 1),
    st.sampled_from([0, 33, 40, 128]),
    st.integers(30, 90),
    st.integers(0, len(SCHEME.durations) - 1),
    st.integers(0, len(SCHEME.velocities) - 1),
)


def table(notes: list[tuple[int, ...]]) -> np.ndarray:
    """Notes in the scheme's order, each (onset, instrument, pitch) once."""
    by_place = {note[:3]: note for note in notes}
    return np.array([by_place[k] for k in sorted(by_place)], dtype=np.int64).reshape(-1, 5)


def written(locks: Locks, seed: int, limit: int = 400) -> Tracker:
    """A piece of noise under these locks."""
    lines = np.arange(0, 96 * BARS + 1, 96)
    tracker = Tracker(Frame(lines, np.array([]), np.array([]), BARS - 1), SCHEME.max_delta)
    tracker.locks = locks
    job = Job(tracker, NOTHING, (), Sampling(), np.random.default_rng(seed), limit)
    engine = NoiseEngine(seed=seed, end=3.0)
    Loop(NoteStepper(engine, [job]), NoteGrammar(SCHEME), [job]).run()
    return tracker


@given(st.lists(NOTE, max_size=30), st.data())
def test_kept_notes_stand_as_they_are_and_new_ones_where_they_may(notes, data):
    start = data.draw(st.integers(0, 96 * BARS))
    span = (start, data.draw(st.integers(start, 96 * BARS)))
    instruments = data.draw(st.sampled_from([None, [0], [33, 128]]))
    free = lambda n: span[0] <= n[0] < span[1] and (instruments is None or n[1] in instruments)  # noqa: E731
    kept = table([n for n in notes if not free(n)])
    tracker = written(Locks(SCHEME, kept, [span], instruments), data.draw(st.integers(0, 99)))
    rows = [row[:5] for row in tracker.rows if row[1] >= 0]
    there = [row for row in rows if not free(row)]
    # a piece is cut off at its limit; up to there every kept note is in it, in order
    assert there == [tuple(n) for n in kept.tolist()][: len(there)]
    if len(tracker.rows) < 400:
        assert len(there) == len(kept)
    places = [row[:3] for row in rows]
    assert places == sorted(set(places))


def test_where_nothing_is_free_every_step_is_forced():
    kept = table([(0, 0, 60, 5, 3), (0, 0, 64, 5, 3), (500, 33, 40, 2, 1)])
    locks = Locks(SCHEME, kept, [])
    tracker = written(locks, 1)
    assert [row[:5] for row in tracker.rows if row[1] >= 0] == [tuple(n) for n in kept.tolist()]
    again = Tracker(tracker.frame, SCHEME.max_delta)
    again.locks = Locks(SCHEME, kept, [])
    grammar = NoteGrammar(SCHEME)
    assert grammar.forced(again) == (0, 0, 60, 5, 3)
    again.push(0, 0, 60, 5, 3)
    again.push(0, 0, 64, 5, 3)
    assert grammar.forced(again) == (SCHEME.rest, 0, 0, 0, 0)  # 500 ticks are more than one step


def test_without_locks_nothing_is_forced():
    tracker = Tracker(Frame(np.array([0, 96]), np.array([]), np.array([]), 0), SCHEME.max_delta)
    assert NoteGrammar(SCHEME).forced(tracker) is None


def test_a_forced_step_uses_no_random_number():
    """What is sampled around kept notes does not depend on how many there are before it."""
    few = written(Locks(SCHEME, table([(0, 0, 60, 5, 3)]), [(96, 192)]), 4)
    notes = [(0, 0, 60, 5, 3), (24, 0, 62, 5, 3), (48, 0, 64, 5, 3)]
    many = written(Locks(SCHEME, table(notes), [(96, 192)]), 4)
    assert len(many.rows) > 3 and few.rows[0][:5] == many.rows[0][:5]
