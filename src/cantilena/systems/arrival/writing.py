"""Writing pieces with any system over AMT's vocabulary: orders in, notes out.

Knows step models, pieces and the loop; does not know Briefs, files, or how a system makes a prompt
of a text. ``amt``, ``amt-prefix`` and ``llama-music`` are all generated with here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cantilena.decode.hf.interfaces import PromptState, StepModel
from cantilena.decode.loop import Job, Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.systems.arrival.grammar import ArrivalGrammar, Instruments
from cantilena.systems.arrival.piece import ArrivalPiece
from cantilena.systems.arrival.stepper import ArrivalEngine
from cantilena.tokens.arrival import (
    AMT,
    ArrivalVocabulary,
    header_of,
    pad,
    to_score,
    triples,
)

SAMPLING = Sampling(temperature=1.0, top_p=0.98, best_of=1)
"""As the published models are sampled."""

TOKENS = 1_023
"""Tokens of a piece, where no length is asked for: a context's 341 notes."""


class ArrivalSystem(Protocol):
    """What a system's ``load(path, device=None, dtype=None)`` gives: the object that
    ``cantilena generate`` works with. ``name`` and ``hash`` tell which."""

    @property
    def name(self) -> str:
        """What it is called in manifests."""
        ...

    @property
    def hash(self) -> str:
        """Digits that tell its weights; empty where they were not read from a folder."""
        ...

    @property
    def step_model(self) -> StepModel:
        """What reads music and says what may follow."""
        ...

    def prompt(self, text: str | None) -> PromptState:
        """What is read before the music for a text, or without one."""
        ...


@dataclass(frozen=True)
class Order:
    """One piece to write. ``text``: what it is described by, None for nothing; ``start`` and
    ``end``: seconds between which new notes begin, ``end`` None for as many as ``tokens`` allow
    (three to a note, RESTs included); ``given`` (3N,) events that it goes on from or that stand
    around it, ``controls`` (3M,) controls, such as parts that it accompanies. ``allowed``: the only
    instruments that may play, None for all; ``excluded``: those that may not."""

    text: str | None = None
    seed: int = 0
    sampling: Sampling = field(default_factory=lambda: SAMPLING)
    start: float = 0.0
    end: float | None = None
    tokens: int = TOKENS
    given: Sequence[int] | np.ndarray = ()
    controls: Sequence[int] | np.ndarray = ()
    allowed: tuple[int, ...] | None = None
    excluded: tuple[int, ...] = ()


@dataclass(frozen=True)
class Written:
    """What was made of an Order: the new ``events`` (3N,), without RESTs; ``tokens``, all that the
    model saw or wrote; ``made``, how many tokens were sampled; ``ended``, whether the piece reached
    its end rather than its number of tokens; ``relaxed``, how often a wish had to be dropped."""

    events: np.ndarray
    tokens: np.ndarray
    made: int
    ended: bool
    relaxed: int


def write(
    system: ArrivalSystem,
    orders: Sequence[Order],
    compatible: bool = False,
    most: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Written]:
    """All orders abreast, in one batch. What an Order gives does not depend on those beside it,
    but for ties within the last bits of floating point. ``compatible``: the published
    implementation's window, masks and quirks (``systems.arrival.piece``); ``most``: instruments in
    a piece at most, 16 by default. ``progress`` hears the number of tokens each piece has.

    Raises InputError for an order that cannot be written.
    """
    if not orders:
        return []
    loop = _loop(system, orders, compatible, most)
    loop.run(progress)
    return [_written(job) for job in loop.jobs]


def stream(
    system: ArrivalSystem, order: Order, compatible: bool = False, most: int | None = None
) -> Iterator[tuple[int, int, int]]:
    """The new notes (time, duration, note; tokens) of one piece in the order they are made."""
    loop = _loop(system, [order], compatible, most)
    piece: ArrivalPiece = loop.jobs[0].tracker
    told = 0
    for _ in loop.steps():
        for row in piece.rows[told:]:
            if row[2] != piece.vocabulary.rest:
                yield row
        told = len(piece.rows)


def _loop(
    system: ArrivalSystem, orders: Sequence[Order], compatible: bool, most: int | None
) -> Loop:
    vocabulary = vocabulary_of(system)
    grammar = ArrivalGrammar(most, vocabulary)
    jobs = [_job(system, order, vocabulary, compatible) for order in orders]
    return Loop(ArrivalEngine(system.step_model, grammar), grammar, jobs)


def vocabulary_of(system: ArrivalSystem) -> ArrivalVocabulary:
    """The vocabulary that a system's tokens are of; the published one where it names none."""
    return getattr(system, "vocabulary", AMT)


def _job(system: Any, order: Order, v: ArrivalVocabulary, compatible: bool) -> Job:
    if order.tokens < 3:
        raise InputError(f"a note takes 3 tokens; {order.tokens} are too few")
    if order.end is not None and order.end <= order.start:
        raise InputError(f"a piece cannot end at {order.end:g} s when it starts at {order.start:g}")
    if order.start < 0:
        raise InputError(f"a piece cannot start at {order.start:g} s")
    prompt: PromptState = system.prompt(order.text)
    start = int(v.resolution * order.start)
    end = None if order.end is None else int(v.resolution * order.end)
    given, controls = around(order.given, order.controls, start, end, compatible, v)
    piece = ArrivalPiece(
        *(given, controls, start, end, compatible),
        rests=getattr(system, "rests", True),
        vocabulary=v,
    )
    wishes = []
    if order.allowed is not None or order.excluded:
        wishes.append(Instruments(order.allowed, order.excluded, v))
    rng = np.random.default_rng([order.seed, 0xA37])
    return Job(piece, prompt, wishes, order.sampling, rng, order.tokens // 3)


def around(
    events: Sequence[int] | np.ndarray,
    controls: Sequence[int] | np.ndarray,
    start: int,
    end: int | None,
    compatible: bool = False,
    vocabulary: ArrivalVocabulary = AMT,
) -> tuple[np.ndarray, np.ndarray]:
    """(given, controls) of a piece whose new notes begin from ``start`` up to before ``end``
    (steps): what is before, padded with RESTs up to ``start``; and as controls, in time order, the
    ``controls`` and the events from ``end`` on. Events in between are left out.

    ``compatible``: events at ``start`` belong to what is before, all after it are controls, and
    controls within the first 50 ms are dropped (the published implementation means 5 s).
    Otherwise none are: in training those of the first 5 s stand in front of everything.
    """
    v = vocabulary
    rows, extra = triples(events, v), triples(controls, v)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    if ((extra[:, 2] < v.control) | (extra[:, 2] >= v.separator)).any():
        raise InputError("a piece's controls must be control tokens")
    if (rows[:, 2] >= v.control).any():
        raise InputError("a piece's events must be event tokens")
    if compatible:
        before, after = rows[rows[:, 0] <= start], rows[rows[:, 0] > start]
        extra = extra[extra[:, 0] - v.control >= 5]
    else:
        before = rows[rows[:, 0] < start]
        after = rows[rows[:, 0] >= end] if end is not None else rows[:0]
    extra = np.concatenate([extra, after[after[:, 2] != v.rest] + v.control])
    extra = extra[np.argsort(extra[:, 0], kind="stable")]
    stop = start or None
    return pad(before.reshape(-1), stop, v), extra.reshape(-1)


def _written(job: Job) -> Written:
    piece: ArrivalPiece = job.tracker
    ended = len(piece.rows) < job.limit
    made = 3 * len(piece.rows)
    tokens = np.array(piece.tokens[: len(piece.tokens) // 3 * 3], dtype=np.int64)
    return Written(piece.events(), tokens, made, ended, job.relaxed)


# ------------------------------------------------------------------ Scores


def new_score(
    events: np.ndarray, tempo: float | None = None, vocabulary: ArrivalVocabulary = AMT
) -> Score:
    """The Score of new events alone, at ``tempo`` quarters a minute (120 by default)."""
    return to_score(sounding(events, vocabulary), tempo, vocabulary=vocabulary)


def joined(old: Score, events: np.ndarray, vocabulary: ArrivalVocabulary = AMT) -> Score:
    """A Score with new events in it. Its notes, tempo, metre and keys stay as they are; the new
    notes stand in the first track of their instrument, or in tracks of their own, as loud as the
    old are in the middle. Where its ticks are too coarse for 10 ms they are made finer."""
    loud = int(np.median(old.velocity)) if len(old) else 72
    added = to_score(
        sounding(events, vocabulary), header=header_of(old), velocity=loud, vocabulary=vocabulary
    )
    finer = added.tpq // old.tpq
    tracks = list(old.tracks)
    where: dict[int, int] = {}
    for i, track in enumerate(tracks):
        where.setdefault(track.instrument, i)
    place = []
    for track in added.tracks:
        if track.instrument not in where:
            where[track.instrument] = len(tracks)
            tracks.append(Track(track.name, track.program, track.is_drum))
        place.append(where[track.instrument])
    own = np.array(place, dtype=np.int64)[added.track] if len(added) else added.track
    notes = zip(
        (old.onset * finer, old.duration * finer, old.pitch, old.velocity, old.track),
        (added.onset, added.duration, added.pitch, added.velocity, own),
        strict=True,
    )
    return Score.build(
        *(added.tpq, tracks, *(np.concatenate(pair) for pair in notes)),
        tempos=zip((old.tempo_tick * finer).tolist(), old.tempo_us.tolist(), strict=True),
        metres=zip(
            *((old.metre_tick * finer).tolist(), old.metre_num.tolist(), old.metre_den.tolist()),
            strict=True,
        ),
        keys=zip(
            *((old.key_tick * finer).tolist(), old.key_fifths.tolist(), old.key_minor.tolist()),
            strict=True,
        ),
        end=max(old.end * finer, added.end),
        title=old.title,
    )


def sounding(events: np.ndarray, v: ArrivalVocabulary) -> np.ndarray:
    """Events with durations that are ones: a REST in the duration slot, which the published
    implementation lets through, is taken for the longest."""
    rows = np.array(events, dtype=np.int64).reshape(-1, 3)
    rows[:, 1] = np.minimum(rows[:, 1], v.note - 1)
    return rows.reshape(-1)
