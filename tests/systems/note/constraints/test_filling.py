"""Constraints of filled spans, on noise for a model: what comes out is theirs alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.decode.interfaces import Constraint, Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.score import DRUMS
from cantilena.score.harmony import Key, parse_chord
from cantilena.systems.note.choosing import Fill
from cantilena.systems.note.constraints.filling import (
    Amount,
    Around,
    Filled,
    Near,
    NoteLengths,
    OffBeat,
    Together,
    lock_value,
)
from cantilena.systems.note.constraints.parts import Ensemble
from cantilena.systems.note.plan import DRUM, PartPlan, Plan
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.conditions import NOTHING
from cantilena.tokens.note.context import Frame
from cantilena.tokens.note.grammar import INSTRUMENT, NEVER, ONSET, PITCH
from cantilena.tokens.note.locks import Locks
from makers import NoiseEngine

SCHEME = NoteScheme()
BARS, BAR = 6, 96
SPAN = (BAR, 4 * BAR)
LINES = np.arange(BAR, 4 * BAR + 1, BAR)
FLUTE, BASS = 73, 33
NONE = np.zeros((0, 5), dtype=np.int64)


def table(*notes: tuple[int, ...]) -> np.ndarray:
    return np.array(sorted(notes), dtype=np.int64).reshape(-1, 5)


def written(wishes: list[Constraint], kept: np.ndarray = NONE, span=SPAN, seed: int = 0) -> Tracker:
    """A span of noise under some wishes, played by a flute, the kept notes around it."""
    lines = np.arange(0, BAR * BARS + 1, BAR)
    tracker = Tracker(Frame(lines, np.array([]), np.array([]), BARS - 1), SCHEME.max_delta)
    tracker.locks = Locks(SCHEME, kept, [span], [FLUTE])
    job = Job(tracker, NOTHING, wishes, Sampling(), np.random.default_rng(seed), 600)
    Loop(NoteStepper(NoiseEngine(seed), [job]), Fill(SCHEME), [job]).run()
    assert job.done and not job.dropped
    return tracker


def new_of(tracker: Tracker) -> list[tuple[int, ...]]:
    return [row for row in tracker.rows if row[1] == FLUTE]


@given(st.integers(0, 5 * BAR), st.integers(1, 5 * BAR), st.integers(0, 99))
def test_a_span_without_other_parts_is_filled(start: int, length: int, seed: int):
    span = (start, start + length)
    after = table((span[1] + 7, BASS, 40, 5, 3))
    tracker = written([Filled(SCHEME, span, BAR, True)], after, span, seed)
    onsets = [row[0] for row in new_of(tracker)]
    assert onsets and all(span[0] <= t < span[1] for t in onsets)
    latest = span[1] - min(Filled.SHORTEST, length)
    assert max(onsets) <= latest
    assert np.diff([span[0], *onsets]).max() <= BAR and span[1] - onsets[-1] <= BAR + 3


def test_beside_other_parts_a_span_may_rest_but_does_not_end_early():
    kept = table((100, BASS, 40, 5, 3))
    wish = Filled(SCHEME, SPAN, BAR, False)
    tracker = written([wish], kept)
    assert tracker.tick >= SPAN[1] - Filled.SHORTEST
    assert [row[:5] for row in tracker.rows if row[1] == BASS] == [(100, BASS, 40, 5, 3)]


@pytest.mark.parametrize("seed", range(6))
def test_added_parts_close_on_beats(seed: int):
    """The beat on which the model would end may be closed to it: nothing is crowded before it."""
    drums = PartPlan(DRUMS, DRUM, 27, 87, 4, 0.2, "Drums")
    plan = Plan((drums,), 100.0, (4, 4), Key(0, False), BARS, ((0, parse_chord("C")),))
    kept = table((0, FLUTE, 60, 5, 3), (540, FLUTE, 67, 5, 3))
    lines, span = np.arange(0, BAR * BARS + 1, BAR), (0, BAR * BARS)
    tracker = Tracker(Frame(lines, np.array([]), np.array([]), BARS - 1), SCHEME.max_delta)
    tracker.locks = Locks(SCHEME, kept, [span], [DRUMS])
    wishes: list[Constraint] = [
        Filled(SCHEME, span, BAR, False),
        Ensemble(plan, SCHEME),
        Together(plan, SCHEME, [DRUMS]),
    ]
    job = Job(tracker, NOTHING, wishes, Sampling(), np.random.default_rng(seed), 900)
    Loop(NoteStepper(NoiseEngine(seed), [job]), Fill(SCHEME), [job]).run()
    hits = [(row[0], row[2]) for row in tracker.rows if row[1] == DRUMS]
    before = [tick for tick, _ in hits if tick < 5 * BAR]
    most = round(len(before) / len(set(before))) + 1
    last = [tick - 5 * BAR for tick, _ in hits if tick >= 5 * BAR]
    assert set(last) <= {0, 24} and max(map(last.count, last), default=0) <= most
    struck = {drum for tick, drum in hits if tick < 5 * BAR}
    assert {drum for tick, drum in hits if tick >= 5 * BAR} <= struck


class Never:
    """Forbids everything."""

    name = "never"

    def bias(self, field, piece, chosen):
        return np.full(SCHEME.sizes[field], NEVER)


def test_a_wish_around_kept_notes_forbids_none_of_them():
    kept = table((100, BASS, 40, 5, 3), (200, BASS, 41, 5, 3), (450, FLUTE, 60, 5, 3))
    tracker = written([Around(Never(), SCHEME, SPAN[1])], kept)
    assert [row[:5] for row in tracker.rows if row[1] >= 0] == [tuple(n) for n in kept.tolist()]


def test_the_way_to_the_next_kept_note():
    tracker = Tracker(Frame(np.array([0, 96]), np.array([]), np.array([]), 0), SCHEME.max_delta)
    assert lock_value(tracker, SCHEME, ()) is None
    tracker.locks = Locks(SCHEME, table((50, BASS, 40, 5, 3)), [(0, 96)])
    way = [lock_value(tracker, SCHEME, (50, BASS, 40, 5)[:n]) for n in range(5)]
    assert way == [50, BASS, 40, 5, 3]
    assert lock_value(tracker, SCHEME, (49,)) is None
    assert lock_value(tracker, SCHEME, (50, BASS, 39)) is None
    tracker.locks = Locks(SCHEME, table((500, BASS, 40, 5, 3)), [(0, 96)])
    assert lock_value(tracker, SCHEME, ()) == SCHEME.rest


@pytest.mark.parametrize("per_bar", [2.0, 6.0, 14.0])
@pytest.mark.parametrize("beside", [False, True])
def test_as_many_notes_as_are_due(per_bar: float, beside: bool):
    beats = [(t, BASS, 40, 5, 3) for t in range(0, BAR * BARS, 12)] if beside else []
    counts, due = [], np.full(len(LINES) - 1, per_bar)
    for seed in range(4):
        wishes = [
            Filled(SCHEME, SPAN, BAR, not beside),
            Around(Amount(SCHEME, LINES, due, BAR, [FLUTE], 0.05), SCHEME, SPAN[1]),
        ]
        counts.append(len(new_of(written(wishes, table(*beats), seed=seed))) / 3)
    assert 0.6 * per_bar <= np.mean(counts) <= 2 * per_bar + 0.5  # without it about 20


class Eighths:
    """Notes stand on eighths alone."""

    name = "eighths"

    def bias(self, field, piece, chosen):
        if field != ONSET:
            return None
        steps = np.arange(SCHEME.sizes[ONSET])
        eighth = (piece.tick + steps) % 12 == 0
        return np.where(eighth | (steps >= SCHEME.rest), 0.0, NEVER)


@pytest.mark.parametrize("sign", [1, -1])
def test_notes_lean_off_the_beat_or_onto_it(sign: int):
    def share(wishes: list[Constraint]) -> float:
        onsets = [row[0] for seed in range(4) for row in new_of(written(wishes, seed=seed))]
        return float(np.mean([t % 24 == 0 for t in onsets]))

    wishes: list[Constraint] = [Filled(SCHEME, SPAN, BAR, True), Eighths()]
    plain, leaning = share(wishes), share([*wishes, OffBeat(SCHEME, SPAN, 24, [FLUTE], sign)])
    assert leaning < plain - 0.2 if sign > 0 else leaning > plain + 0.2


@pytest.mark.parametrize("sign", [1, -1])
def test_lengths_lean_to_one_side_of_the_usual(sign: int):
    bias = NoteLengths(SCHEME, [FLUTE], 24.0, sign).lengths
    lengths = np.array(SCHEME.durations)
    wanted = lengths >= 48 if sign > 0 else lengths <= 12
    assert (bias[wanted] == 0).all() and (bias[~wanted] < 0).all()
    assert NoteLengths(SCHEME, [FLUTE], 24.0, sign).bias(3, None, (0, BASS, 60)) is None  # type: ignore[arg-type]


def test_a_strong_lean_writes_what_stood_there():
    old = table(*[(BAR + 18 * k, FLUTE, 60 + k % 5, 9, 4) for k in range(16)])
    kept = table(*[(t, BASS, 40, 5, 3) for t in range(BAR, BAR * BARS, 24)])
    fields = dict.fromkeys(range(5), 40.0)
    wishes = [Filled(SCHEME, SPAN, BAR, False), Near(SCHEME, old, fields)]
    new = [row[:5] for row in new_of(written(wishes, kept))]
    assert new == [tuple(note) for note in old.tolist()]


def test_a_lean_has_no_opinion_beside_the_way():
    near = Near(SCHEME, table((100, FLUTE, 60, 5, 3)), {ONSET: 2.0, INSTRUMENT: 2.0, PITCH: 2.0})
    lines = np.arange(0, BAR * BARS + 1, BAR)
    tracker = Tracker(Frame(lines, np.array([]), np.array([]), BARS - 1), SCHEME.max_delta)
    bias = near.bias(ONSET, tracker, ())
    assert bias is not None and bias[100] == 2.0 and bias.sum() == 2.0
    assert near.bias(INSTRUMENT, tracker, (99,)) is None
    tracker.push(101, FLUTE, 60, 5, 3)
    assert near.bias(ONSET, tracker, ()) is None
