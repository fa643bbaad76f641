"""Candidates are judged by what follows them."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.systems.note.choosing import OWN_WEIGHT, Fill, Listening, cost, fit
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.conditions import NOTHING
from cantilena.tokens.note.context import Frame
from cantilena.tokens.note.locks import Locks
from makers import NoiseEngine

SCHEME = NoteScheme()
KEPT = np.array([(0, 0, 60, 5, 3), (24, 0, 62, 5, 3), (500, 33, 40, 2, 1)])


def job_of(kept: np.ndarray = KEPT) -> Job:
    frame = Frame(np.arange(0, 577, 96), np.array([]), np.array([]), 5)
    tracker = Tracker(frame, SCHEME.max_delta)
    tracker.locks = Locks(SCHEME, kept, [])
    return Job(tracker, NOTHING, (), Sampling(), np.random.default_rng(0))


def test_every_step_is_listened_to():
    """Of flat logits each field costs the logarithm of its size; a REST has but one field."""
    engine = NoiseEngine(scale=0.0)
    jobs = [job_of(), job_of()]
    stepper = Listening(engine, jobs)
    Loop(stepper, Fill(SCHEME), jobs).run()
    note, rest = np.log2(SCHEME.sizes).sum(), np.log2(SCHEME.sizes[0])
    for bits in stepper.bits:
        assert bits == pytest.approx([note, note, rest, rest, note])
    assert [row[:5] for row in jobs[0].piece.rows if row[1] >= 0] == [
        tuple(k) for k in KEPT.tolist()
    ]


def test_a_filled_span_ends_behind_the_last_kept_note():
    job = job_of()
    grammar = Fill(SCHEME)
    assert grammar.forced(job.piece) == (0, 0, 60, 5, 3)
    for note in ((0, 0, 60, 5, 3), (24, 0, 62, 5, 3), (192,), (192,), (92, 33, 40, 2, 1)):
        job.piece.push(*note, *[0] * (5 - len(note)))
    assert grammar.forced(job.piece) == (SCHEME.end, 0, 0, 0, 0)


def test_bits_are_told_apart_by_where_they_stand():
    rows = [(0, 0, 60), (10, 0, 60), (20, 0, 62), (30, -1, 0), (40, 0, 64), (50, 0, 65)]
    own, following = fit(rows, [2.0, 4.0, 1.0, 3.0, 5.0], stop=30, first=1)
    assert own == 3.0 and following == 4.5  # the REST is part of the way to the note behind it
    assert np.isnan(fit(rows, [2.0], stop=30, first=1)[1])
    assert cost(3.0, 4.5) == pytest.approx((OWN_WEIGHT * 3 + 4.5) / (OWN_WEIGHT + 1))
    assert cost(3.0, float("nan")) == 3.0
