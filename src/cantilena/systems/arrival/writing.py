"""Writing pieces with any system over AMT's vocabulary: orders in, notes out.

Knows step models, pieces and the loop; does not know Briefs, files, or how a system makes a prompt
of a text. ``amt``, ``amt-prefix`` and ``llama-music`` are all generated with here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import Score
from cantilena.score.splice import merged
from cantilena.systems.arrival.grammar import ArrivalGrammar, instruments_of
from cantilena.systems.arrival.piece import ArrivalPiece
from cantilena.systems.arrival.stepper import ArrivalStepper
from cantilena.tokens.arrival import (
    AMT,
    ArrivalHeader,
    ArrivalVocabulary,
    header_of,
    pad,
    to_score,
    triples,
)

if TYPE_CHECKING:
    from cantilena.decode.hf.interfaces import PromptState
    from cantilena.systems.arrival.system import ArrivalSystem

SAMPLING = Sampling(temperature=1.0, top_p=0.98, best_of=1)
"""As the published models are sampled."""

_STREAM = 0xA37  # tells the random stream of a piece's notes from others of the same seed

VELOCITY = 72
"""Of every note, as the published implementation writes."""

TOKENS = 1_023
"""Tokens of a piece, where no length is asked for: a context's 341 notes."""


@dataclass(frozen=True)
class Order:
    """One piece to write. ``text``: what it is described by, None for nothing; ``start`` and
    ``end``: seconds between which new notes sound, ``end`` None for as many as ``tokens`` allow
    (three to a note, RESTs included); ``past`` (3N,) events that it goes on from or that stand
    around it, ``controls`` (3M,) controls, such as parts that it accompanies. ``allowed``: the only
    instruments that may play, None for all; ``excluded``: those that may not."""

    text: str | None = None
    seed: int = 0
    sampling: Sampling = field(default_factory=lambda: SAMPLING)
    start: float = 0.0
    end: float | None = None
    tokens: int = TOKENS
    past: Sequence[int] | np.ndarray = ()
    controls: Sequence[int] | np.ndarray = ()
    allowed: tuple[int, ...] | None = None
    excluded: tuple[int, ...] = ()

    def check(self) -> None:
        """Raises InputError for an order that cannot be written."""
        if self.tokens < 3:
            raise InputError(f"a note takes 3 tokens; {self.tokens} are too few")
        if self.end is not None and self.end <= self.start:
            raise InputError(
                f"a piece cannot end at {self.end:g} s when it starts at {self.start:g}"
            )
        if self.start < 0:
            raise InputError(f"a piece cannot start at {self.start:g} s")

    def with_tokens(self, tokens: int) -> Order:
        """The same with another limit."""
        return replace(self, tokens=tokens)


@dataclass(frozen=True)
class Written:
    """What was made of an Order: the new ``events`` (3N,), without RESTs; ``tokens``, all that the
    model saw or wrote; ``sampled``, how many tokens it wrote; ``ended``, whether the piece reached
    its end rather than its number of tokens; ``dropped``, how often a wish had to be, by name."""

    events: np.ndarray
    tokens: np.ndarray
    sampled: int
    ended: bool
    dropped: dict[str, int]


def write(
    system: ArrivalSystem,
    orders: Sequence[Order],
    compatible: bool = False,
    most: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Written]:
    """All orders abreast, in one batch. What an Order gives does not depend on those beside it, but
    for ties within the last bits of floating point. ``compatible``: the published implementation's
    window, masks and quirks (``systems.arrival.piece``); ``most``: instruments in a piece at most,
    drums and those that were there among them, 16 by default. ``progress`` receives the number of
    tokens that each piece has.

    Raises InputError for an order that cannot be written.
    """
    if not orders:
        return []
    loop = loop_of(system, orders, compatible, most)
    loop.run(progress)
    return [written(job) for job in loop.jobs]


def loop_of(
    system: ArrivalSystem,
    orders: Sequence[Order],
    compatible: bool = False,
    most: int | None = None,
) -> Loop[ArrivalPiece, PromptState]:
    """The Loop that writes some orders, as ``write`` does."""
    grammar = ArrivalGrammar(most, system.vocabulary)
    jobs = [_job(system, order, grammar, compatible) for order in orders]
    return Loop(ArrivalStepper(system.step_model, grammar, jobs), grammar, jobs)


def _job(
    system: ArrivalSystem, order: Order, grammar: ArrivalGrammar, compatible: bool
) -> Job[ArrivalPiece, PromptState]:
    piece = piece_of(system, order, grammar, compatible)
    rng = np.random.default_rng([order.seed, _STREAM])
    return Job(piece, system.prompt(order.text), (), order.sampling, rng, order.tokens // 3)


def piece_of(
    system: ArrivalSystem, order: Order, grammar: ArrivalGrammar, compatible: bool = False
) -> ArrivalPiece:
    """The piece of an Order before anything is written. Raises InputError for an order that cannot
    be written, also where no instrument may play."""
    order.check()
    v = system.vocabulary
    playing = instruments_of(order.allowed, order.excluded, v)
    start = int(v.resolution * order.start)
    end = None if order.end is None else int(v.resolution * order.end)
    past, controls = around(order.past, order.controls, start, end, compatible, v)
    piece = ArrivalPiece(past, controls, start, end, compatible, system.rests, v, playing)
    grammar.check_room(piece)
    return piece


def around(
    events: Sequence[int] | np.ndarray,
    controls: Sequence[int] | np.ndarray,
    start: int,
    end: int | None,
    compatible: bool = False,
    vocabulary: ArrivalVocabulary = AMT,
) -> tuple[np.ndarray, np.ndarray]:
    """(past, controls) of a piece whose new notes begin from ``start`` up to before ``end``
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


def written(job: Job[ArrivalPiece, PromptState]) -> Written:
    """What a job that is done has written."""
    piece = job.piece
    ended = len(piece.rows) < job.limit
    tokens = np.array(piece.tokens[: len(piece.tokens) // 3 * 3], dtype=np.int64)
    return Written(piece.events(), tokens, 3 * len(piece.rows), ended, dict(job.dropped))


# ------------------------------------------------------------------ Scores


def new_score(
    events: np.ndarray,
    header: ArrivalHeader | None = None,
    vocabulary: ArrivalVocabulary = AMT,
    reference: bool = False,
) -> Score:
    """The Score of new events alone, under a header's maps (120 bpm by default) and up to its end
    at least; or, with ``reference``, as ``to_score`` has it, under none."""
    events = sounding(events, vocabulary)
    return to_score(events, header=header, reference=reference, vocabulary=vocabulary)


def joined(
    old: Score,
    events: np.ndarray,
    vocabulary: ArrivalVocabulary = AMT,
    tracks: Collection[int] | None = None,
    end: float = 0.0,
) -> Score:
    """A Score with new events in it. Its notes, controls, tempo, metre and keys stay as they are;
    the new notes, as loud as ``loudness`` has it, stand in the track of their instrument among
    ``tracks`` (None: all) or in tracks of their own, as ``score.splice.merged`` says. It lasts
    until ``end`` (seconds) at least. Where its ticks are too coarse for 10 ms they are made
    finer."""
    events = sounding(events, vocabulary)
    header = header_of(old).lasting(end)
    added = to_score(events, header=header, velocity=loudness(old), vocabulary=vocabulary)
    return merged(old, added, tracks)


def loudness(old: Score) -> int:
    """The velocity of notes that are put into a Score: the middle one of its own."""
    return int(np.median(old.velocity)) if len(old) else VELOCITY


def sounding(events: np.ndarray, v: ArrivalVocabulary) -> np.ndarray:
    """Events with durations that are ones: a REST in the duration slot, which the published
    implementation lets through, is taken for the longest."""
    rows = np.array(events, dtype=np.int64).reshape(-1, 3)
    rows[:, 1] = np.minimum(rows[:, 1], v.note - 1)
    return rows.reshape(-1)
