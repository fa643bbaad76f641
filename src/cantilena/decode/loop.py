"""The one loop that generates: K fields a step, any number of pieces abreast.

Knows steppers, pieces, grammars and constraints through ``decode.interfaces``; does not know which
system it runs, what a Brief is or how Scores are written. Every piece has its own random stream,
constraints and conditions, so a piece is the same whatever is generated beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic

import numpy as np

from cantilena.decode.interfaces import C, Grammar, Job, P, Stepper
from cantilena.decode.sampling import choose
from cantilena.errors import CantilenaError

__all__ = ["Job", "Loop"]


class Loop(Generic[P, C]):
    """Generates ``jobs`` in lockstep: ``stepper`` was made for them, ``grammar`` is that of their
    scheme. ``steps`` yields after each step of all pieces; what is not asked for is not made."""

    def __init__(self, stepper: Stepper, grammar: Grammar[P], jobs: Sequence[Job[P, C]]):
        self.stepper, self.grammar, self.jobs = stepper, grammar, list(jobs)

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Runs all jobs to their end; ``progress`` receives the number of steps, now and then."""
        for n in self.steps():
            if progress and n % 16 == 0:
                progress(n)

    def steps(self) -> Iterator[int]:
        """One step of every piece at a time; yields the number of steps so far."""
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
        fields = self.stepper.fields
        chosen: list[list[int]] = [[] for _ in self.jobs]
        forced = [None if job.done else self.grammar.forced(job.piece) for job in self.jobs]
        for k in range(fields):
            self._field(k, chosen, forced)
            if k == 0:
                self._close(chosen)
            if k + 1 < fields:
                self.stepper.chose(k, chosen)
        for job, step in zip(self.jobs, chosen, strict=True):
            if not job.done:
                job.piece.push(*step)
                job.step = step

    def _field(
        self, k: int, chosen: list[list[int]], forced: Sequence[Sequence[int] | None]
    ) -> None:
        """Appends field ``k`` of every job's step to ``chosen``: what is forced, else what is
        sampled, by the stepper where it draws itself."""
        free = [not job.done and step is None for job, step in zip(self.jobs, forced, strict=True)]
        numbers = [
            job.rng.random() if is_free else 0.0
            for job, is_free in zip(self.jobs, free, strict=True)
        ]
        samplings = [job.sampling_of(k, c) for job, c in zip(self.jobs, chosen, strict=True)]
        if self.stepper.draws:

            def bias(i: int) -> np.ndarray | None:
                return self._wished(self.jobs[i], k, chosen[i]) if free[i] else None

            values = self.stepper.draw(k, bias, samplings, numbers)
        else:
            rows = self.stepper.logits(k)
            values = [
                choose(wished, samplings[i], numbers[i])
                if free[i]
                and (wished := self._wished(self.jobs[i], k, chosen[i], rows[i])) is not None
                else 0
                for i in range(len(self.jobs))
            ]
        for i, step in enumerate(forced):
            value = values[i] if step is None else step[k]
            chosen[i].append(0 if self.jobs[i].done else int(value))

    def _wished(
        self, job: Job[P, C], k: int, chosen: Sequence[int], logits: np.ndarray | None = None
    ) -> np.ndarray | None:
        """``logits`` of field ``k`` plus what the Grammar and the wishes add; without logits the
        sum of these, None for nothing. A wish that those before it leave no value is dropped, so
        the first of the constraints weigh most; the Grammar never is. Raises CantilenaError where
        it and the logits have no value in common."""
        allowed = self.grammar.bias(k, job.piece, chosen)
        if allowed is not None and not np.isfinite(allowed.max()):
            raise ValueError(f"the grammar leaves no value for field {k}")
        total = _sum(logits, allowed)
        if total is not None and not np.isfinite(total.max()):
            raise CantilenaError(
                "the model gives a weight above 0 to none of the values that the grammar allows "
                f"for field {k}; every value needs one, as the grammar never gives way"
            )
        for constraint in job.constraints:
            bias = constraint.bias(k, job.piece, chosen)
            if bias is None:
                continue
            narrowed = _sum(total, bias)
            if narrowed is not None and np.isfinite(narrowed.max()):
                total = narrowed
            else:
                job.dropped[constraint.name] = job.dropped.get(constraint.name, 0) + 1
        return total

    def _close(self, chosen: list[list[int]]) -> None:
        """Ends the pieces whose first field ends them, or that reached their limit."""
        for job, step in zip(self.jobs, chosen, strict=True):
            over = len(job.piece.rows) >= job.limit
            if not job.done and (over or self.grammar.ends(job.piece, step)):
                job.done, job.step = True, []
                step[0] = 0


def _sum(left: np.ndarray | None, right: np.ndarray | None) -> np.ndarray | None:
    if left is None or right is None:
        return left if right is None else right
    return left + right
