"""The one loop that generates: K fields a step, any number of pieces abreast.

Knows a Stepper (which model reads and says what), pieces, a Grammar and Constraints through their
interfaces; does not know which system it runs, what a Brief is or how Scores are written. A note
system has five fields to a step, a system over AMT's vocabulary one, three steps making a note.
Every piece has its own random stream, constraints and conditions, so a piece is the same whatever
is generated beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cantilena.decode.sampling import Sampling, choose
from cantilena.systems.note.stepper import KEEP, NoteStepper

__all__ = ["KEEP", "Constraint", "Grammar", "Job", "Loop", "Piece", "Stepper"]


class Piece(Protocol):
    """A piece while it is being written. ``rows`` holds what it consists of so far."""

    rows: list[Any]

    def push(self, *fields: int) -> None:
        """Takes up one step."""
        ...


class Constraint(Protocol):
    """A wish that must hold, as an additive bias on the next field's logits."""

    def bias(self, field: int, piece: Any, chosen: Sequence[int]) -> np.ndarray | None:
        """(size of the field,) float, -inf forbidding a value; None for no opinion."""
        ...


class Grammar(Protocol):
    """Which values may come next, whatever is wished, and which of them end a piece."""

    def bias(self, field: int, piece: Any, chosen: Sequence[int]) -> np.ndarray | None:
        """(size of the field,) 0 or -inf; None where all are allowed."""
        ...

    def ends(self, piece: Any, chosen: Sequence[int]) -> bool:
        """Whether the step's first field ends the piece; that step is no part of it."""
        ...


class Stepper(Protocol):
    """A model led through the pieces of some jobs. The loop asks for ``logits(0)``, tells what was
    ``chose``-n, asks for ``logits(1)``, and so on for all ``fields``; when all pieces have taken up
    their step it calls ``advance``. One whose ``draws`` is True is not asked for logits, but to
    ``draw(k, bias, samplings, numbers)``: a value for each job, by ``bias(job)``, its Sampling
    and its uniform number."""

    fields: int

    def begin(self) -> None:
        """Reads what stands before the first step: prompts, and pieces that go on."""
        ...

    def advance(self) -> None:
        """Reads what the pieces have taken up since."""
        ...

    def logits(self, k: int) -> Sequence[np.ndarray] | np.ndarray:
        """(size of field k,) for each job, in order; of a job that is done anything."""
        ...

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Hears field ``k`` (not the last) of every job's step: ``chosen[job][k]``."""
        ...


@dataclass
class Job:
    """One piece to write: mutable while the loop runs. ``tracker`` is the piece; ``conditions``
    what its system's model reads as a prefix; ``rng`` is its own; ``limit`` caps its rows;
    ``boldness`` says how a field is sampled after those chosen, where not as ``sampling`` does."""

    tracker: Any
    conditions: Any
    constraints: Sequence[Constraint]
    sampling: Sampling
    rng: np.random.Generator
    limit: int = 8000
    done: bool = False
    relaxed: int = 0
    boldness: Callable[[int, Sequence[int]], Sampling] | None = None
    fresh: list[int] = field(default_factory=list)  # the step just made


class Loop:
    """Generates the jobs given, in lockstep. ``engine`` makes a Stepper for them by its
    ``stepper(jobs)``; one without is a note model's. ``steps`` yields after each step of all
    pieces."""

    def __init__(self, engine: Any, grammar: Grammar, jobs: Sequence[Job]):
        self.engine, self.grammar, self.jobs = engine, grammar, list(jobs)
        made = getattr(engine, "stepper", None)
        self.stepper: Any = made(self.jobs) if made else NoteStepper(engine, self.jobs)

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Runs all jobs to their end; ``progress`` hears the number of steps made."""
        for n in self.steps():
            if progress and n % 16 == 0:
                progress(n)

    def steps(self) -> Iterator[int]:
        """One step of every piece at a time; yields the number of steps made."""
        count = 0
        self.stepper.begin()
        while True:
            self._step()
            count += 1
            yield count
            if all(job.done for job in self.jobs):
                return
            self.stepper.advance()

    def _step(self) -> None:
        """Chooses the fields of the next step of every piece, one field after the other."""
        jobs, fields = self.jobs, self.stepper.fields
        chosen: list[list[int]] = [[] for _ in jobs]
        for k in range(fields):
            if getattr(self.stepper, "draws", False):
                self._drawn(k, chosen)
            else:
                logits = self.stepper.logits(k)
                for job, row, made in zip(jobs, logits, chosen, strict=True):
                    made.append(0 if job.done else self._choose(job, k, row, made))
            if k == 0:
                self._close(chosen)
            if k + 1 < fields:
                self.stepper.chose(k, chosen)
        for job, made in zip(jobs, chosen, strict=True):
            if not job.done:
                job.tracker.push(*made)
                job.fresh = made

    def _drawn(self, k: int, chosen: list[list[int]]) -> None:
        """Adds field ``k`` of every job to ``chosen``, where the stepper draws the values itself:
        the biases are worked out before the logits are there, and by the same rules."""
        jobs = self.jobs
        numbers = [0.0 if job.done else job.rng.random() for job in jobs]
        samplings = [
            job.boldness(k, made) if job.boldness and not job.done else job.sampling
            for job, made in zip(jobs, chosen, strict=True)
        ]
        found = self.stepper.draw(
            k, lambda i: self._bias(jobs[i], k, chosen[i]), samplings, numbers
        )
        for job, value, made in zip(jobs, found, chosen, strict=True):
            made.append(0 if job.done else value)

    def _bias(self, job: Job, k: int, made: list[int]) -> np.ndarray | None:
        """What ``_choose`` adds to the logits, which are finite; None for nothing."""
        wished = self.grammar.bias(k, job.tracker, made)
        if wished is not None and not np.isfinite(wished.max()):
            raise ValueError(f"the grammar leaves no value for field {k}")
        for constraint in job.constraints:
            bias = constraint.bias(k, job.tracker, made)
            if bias is None:
                continue
            narrowed = bias if wished is None else wished + bias
            if np.isfinite(narrowed.max()):
                wished = narrowed
            else:
                job.relaxed += 1
        return wished

    def _close(self, chosen: list[list[int]]) -> None:
        """Ends the pieces whose first field ends them, or that reached their limit."""
        for job, made in zip(self.jobs, chosen, strict=True):
            over = len(job.tracker.rows) >= job.limit
            if not job.done and (over or self.grammar.ends(job.tracker, made)):
                job.done, job.fresh = True, []
                made[0] = 0

    def _choose(self, job: Job, k: int, logits: np.ndarray, made: list[int]) -> int:
        """One value of field ``k``. A wish that those before it leave nothing to is dropped, so the
        first of the constraints weigh most; the Grammar is never dropped."""
        allowed = self.grammar.bias(k, job.tracker, made)
        wished = logits if allowed is None else logits + allowed
        if not np.isfinite(wished).any():
            raise ValueError(f"the grammar leaves no value for field {k}")
        for constraint in job.constraints:
            bias = constraint.bias(k, job.tracker, made)
            if bias is None:
                continue
            narrowed = wished + bias
            if np.isfinite(narrowed.max()):
                wished = narrowed
            else:
                job.relaxed += 1
        how = job.boldness(k, made) if job.boldness else job.sampling
        return choose(wished, how, job.rng.random())
