"""``llama-music`` sampled without our grammar, as the paper samples it: over the joint vocabulary.

Knows joint ids (text below, arrival tokens from ``offset`` on), how to sample them freely and how
to make notes of what comes; does not know networks or how a text becomes a prompt. It is what
HuggingFace's ``generate`` gives: one softmax over text and music, nothing forbidden, the prompt and
the flag before it, within one context. What is a valid triple becomes a note, the rest is counted.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.analysis.degenerate import most_at_once, one_onset, stands_still
from cantilena.decode.hf.interfaces import PromptState, StepModel, StepSession
from cantilena.decode.interfaces import Bias, Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.score import Score
from cantilena.systems.base import Note
from cantilena.tokens.arrival.vocab import ArrivalVocabulary

if TYPE_CHECKING:
    from cantilena.decode.hf.engine import HFStepModel

    UnmaskedJob = Job["FreePiece", PromptState]

_STREAM = 0xF4E  # tells the random stream of a piece's tokens from others of the same seed


def joint_model(steps: HFStepModel, embed: Any, head: Any, size: int) -> StepModel:
    """``steps`` over all ``size`` joint ids: the same network, read by ``embed`` (ids (..., ) to
    vectors) and asked by ``head`` (hidden states (B, D) to (B, size) logits)."""
    joint: Any = copy.copy(steps)
    joint.embed, joint.size = embed, size
    joint.head = lambda hidden, first, last: head(hidden)[:, first:last]
    return joint


class FreePiece:
    """A piece under way: ``rows`` are its joint ids, of any kind."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def push(self, *fields: int) -> None:
        """Takes up one joint id."""
        self.rows.append(fields[0])


class Free:
    """A Grammar that forbids nothing; one of the joint ids ``ends`` ends a piece."""

    def __init__(self, ends: Sequence[int]):
        self.over = frozenset(ends)

    def bias(self, field: int, piece: FreePiece, chosen: Sequence[int]) -> np.ndarray | None:
        """None: all is allowed."""
        return None

    def forced(self, piece: FreePiece) -> Sequence[int] | None:
        """None: nothing is settled."""
        return None

    def ends(self, piece: FreePiece, chosen: Sequence[int]) -> bool:
        """Whether an end was chosen, which is no part of the piece."""
        return chosen[0] in self.over


class FreeStepper:
    """Leads a model over joint ids through pieces, one id a step; ``flag``: the id behind each
    prompt. Rows of pieces that are done are dropped once they are half of all."""

    fields = 1
    session: StepSession

    def __init__(self, model: StepModel, jobs: Sequence[UnmaskedJob], flag: int):
        self.model, self.jobs, self.flag = model, list(jobs), flag
        self.draws = model.draws
        self.row = list(range(len(self.jobs)))  # the session's row of each job, -1 when dropped
        self.count = len(self.jobs)

    def begin(self) -> None:
        """Reads the prompts and the flag; cuts each piece's limit to what its context holds."""
        self.session = self.model.session([job.conditions for job in self.jobs])
        for row, job in enumerate(self.jobs):
            job.limit = min(job.limit, self.session.room(row))
        self.session.advance([[self.flag] for _ in self.jobs])

    def advance(self) -> None:
        """Reads the id that each piece has taken up."""
        live = [i for i, job in enumerate(self.jobs) if not job.done]
        if 2 * len(live) <= self.count and live:
            self.session.keep([self.row[i] for i in live])
            self.row = [-1] * len(self.jobs)
            for row, i in enumerate(live):
                self.row[i] = row
            self.count = len(live)
        tokens: list[list[int]] = [[] for _ in range(self.count)]
        for i in live:
            if len(self.jobs[i].piece.rows) < self.jobs[i].limit:
                tokens[self.row[i]] = self.jobs[i].piece.rows[-1:]
        if any(tokens):
            self.session.advance(tokens)

    def logits(self, k: int) -> list[np.ndarray]:
        """(joint vocabulary,) of each job."""
        values = self.session.logits()
        return [values[max(row, 0)] for row in self.row]

    def draw(
        self, k: int, bias: Bias, samplings: Sequence[Sampling], numbers: Sequence[float]
    ) -> list[int]:
        """As ``decode.interfaces.Stepper.draw``."""
        job_of = [0] * self.count
        for i, job in enumerate(self.jobs):
            if not job.done:
                job_of[self.row[i]] = i
        values = self.session.draw(
            0,
            self.model.size,
            [None] * self.count,
            [samplings[i] for i in job_of],
            [numbers[i] for i in job_of],
        )
        return [values[max(row, 0)] for row in self.row]

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Nothing: a step has one field."""


def free_loop(
    model: StepModel,
    prompts: Sequence[PromptState],
    seeds: Sequence[int],
    samplings: Sequence[Sampling],
    tokens: int,
    flag: int,
    ends: Sequence[int],
) -> Loop[FreePiece, PromptState]:
    """The Loop that writes a piece behind each prompt, of ``tokens`` joint ids at most, fewer where
    the context ends or one of ``ends`` is sampled. Raises InputError for fewer than 3."""
    if tokens < 3:
        raise InputError(f"a note takes 3 tokens; {tokens} are too few")
    jobs = [
        Job(FreePiece(), prompt, (), sampling, np.random.default_rng([seed, _STREAM]), tokens)
        for prompt, seed, sampling in zip(prompts, seeds, samplings, strict=True)
    ]
    return Loop(FreeStepper(model, jobs, flag), Free(ends), jobs)


# ------------------------------------------------------------------ what came of it


@dataclass(frozen=True)
class Parsed:
    """``events`` (3N,): the notes of a piece in time order; ``invalid``: how many of its tokens are
    in no valid triple; ``backwards``: triples that begin before the one written before them."""

    events: np.ndarray
    invalid: int
    backwards: int


def parsed(ids: Sequence[int], offset: int, vocabulary: ArrivalVocabulary) -> Parsed:
    """What joint ids say as music. A valid triple is a time, a duration and a note or REST, next to
    one another; reading goes on behind each, and one token further where there is none, so that a
    slip costs no more than itself. Words, controls, flags and separators are in no valid triple."""
    v = vocabulary
    tokens = [k - offset for k in ids]
    rows: list[tuple[int, int, int]] = []
    i = invalid = 0
    while i < len(tokens):
        triple = tuple(tokens[i : i + 3])
        if (
            len(triple) == 3
            and v.time <= triple[0] < v.duration <= triple[1] < v.note <= triple[2] <= v.rest
        ):
            rows.append(triple)
            i += 3
        else:
            invalid += 1
            i += 1
    times = [time for time, _, _ in rows]
    backwards = sum(b < a for a, b in pairwise(times))
    notes = sorted((row for row in rows if row[2] != v.rest), key=lambda row: row[0])
    return Parsed(np.array(notes, dtype=np.int64).reshape(-1), invalid, backwards)


def facts(job: UnmaskedJob, music: Parsed, score: Score) -> dict[str, Any]:
    """What a Result says of a piece's making. ``tokens``: sampled; ``early``: the model ended it
    before those that were asked for (or fit its context); ``invalid_tokens``: in no valid triple;
    ``backwards``: triples earlier than the one before; ``one_onset``, ``most_at_once`` and
    ``still`` as ``analysis.degenerate`` has them."""
    return {
        "tokens": len(job.piece.rows),
        "early": len(job.piece.rows) < job.limit,
        "invalid_tokens": music.invalid,
        "backwards": music.backwards,
        "one_onset": round(one_onset(score), 4),
        "most_at_once": most_at_once(score),
        "still": stands_still(score),
    }


def notes_of(score: Score) -> Iterator[Note]:
    """The notes of a finished piece, as a stream shows them."""
    starts, stops = score.seconds(score.onset), score.seconds(score.onset + score.duration)
    bars = np.searchsorted(score.bar_starts, score.onset, side="right")
    columns = (score.pitch, score.velocity, score.instrument, bars)
    for start, stop, *rest in zip(
        starts.tolist(), stops.tolist(), *(c.tolist() for c in columns), strict=True
    ):
        yield Note(start, stop - start, *rest)
