"""AMT's vocabulary in the loop: one token a step, read by a step model through a window.

Knows step models, pieces and their windows; does not know which model it is, the masks, or how a
value is chosen. It keeps what the model holds equal to each piece's window: it feeds what is new,
and lets the rows read again whose window has moved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.decode.hf.interfaces import PromptState, StepModel, StepSession
from cantilena.decode.interfaces import Bias, Job
from cantilena.decode.sampling import Sampling
from cantilena.errors import InputError
from cantilena.systems.arrival.grammar import ArrivalGrammar
from cantilena.systems.arrival.piece import NOTE, ArrivalPiece


class ArrivalStepper:
    """One field a step; all pieces are in the same slot at any time. Rows of pieces that are done
    are dropped once they are half of all. ``draws``: whether it is asked to ``draw`` values rather
    than for ``logits``. It owns a session of the model, which ``begin`` makes."""

    fields = 1
    draws: bool = False
    session: StepSession

    def __init__(
        self,
        model: StepModel,
        grammar: ArrivalGrammar,
        jobs: Sequence[Job[ArrivalPiece, PromptState]],
    ):
        """Raises InputError where guidance is asked for."""
        if any(job.sampling.guidance != 1.0 for job in jobs):
            raise InputError("guidance is not possible with AMT's tokens; leave it at 1")
        self.model, self.grammar, self.jobs = model, grammar, list(jobs)
        self.pieces = [job.piece for job in self.jobs]
        self.row = list(range(len(self.jobs)))  # the session's row of each job, -1 when dropped
        self.count = len(self.jobs)
        self.moved = 0  # windows read again so far
        # a compatible piece's slots have one value more than the model's range of ids
        plain = not any(piece.compatible for piece in self.pieces)
        self.draws = plain and model.draws

    def begin(self) -> None:
        """Reads the prompts and what the pieces hold."""
        prompts = [job.conditions for job in self.jobs]
        self.session = self.model.session(prompts)
        for piece in self.pieces:
            piece.n_read = None
        self._read(first=True)

    def advance(self) -> None:
        """Reads what the pieces have taken up since."""
        live = [i for i, job in enumerate(self.jobs) if not job.done]
        if 2 * len(live) <= self.count and live:
            self.session.keep([self.row[i] for i in live])
            self.row = [-1] * len(self.jobs)
            for row, i in enumerate(live):
                self.row[i] = row
            self.count = len(live)
        self._read()

    def _read(self, first: bool = False) -> None:
        new: list[list[int]] = [[] for _ in range(self.count)]
        again: dict[int, list[int]] = {}
        for job, piece, row in zip(self.jobs, self.pieces, self.row, strict=True):
            if row < 0 or job.done:
                continue
            flag = [] if job.conditions.flagged else [piece.flag]
            if piece.settle(self.session.room(row), len(flag)):
                again[row] = flag + piece.unread()
            else:
                new[row] = piece.unread()
        if first:
            self.session.advance([again.get(row, []) for row in range(self.count)])
            return
        if any(new):
            self.session.advance(new)
        if again:
            self.moved += len(again)
            self.session.restart(list(again), list(again.values()))

    def logits(self, k: int) -> list[np.ndarray]:
        """The values of the slot that comes next, of each job."""
        live = [p for p, job in zip(self.pieces, self.jobs, strict=True) if not job.done]
        slot = live[0].slot
        first, last = self.grammar.span(slot)
        ends = [self.grammar.reach(piece) for piece in live]
        reach = first + min(low for low, _ in ends), first + max(high for _, high in ends)
        values = self.session.logits(first, last, (reach[0], min(reach[1], last)))
        if slot != NOTE and any(piece.compatible for piece in live):
            rest = self.grammar.vocabulary.rest
            wide = np.concatenate([values, self.session.logits(rest, rest + 1)], axis=1)
        else:
            wide = values
        nothing = np.zeros(0)
        return [
            nothing if job.done or row < 0 else (wide if piece.compatible else values)[row]
            for job, piece, row in zip(self.jobs, self.pieces, self.row, strict=True)
        ]

    def draw(
        self,
        k: int,
        bias: Bias,
        samplings: Sequence[Sampling],
        numbers: Sequence[float],
    ) -> list[int]:
        """A value of the slot that comes next for each job, drawn by the session (``draws``):
        ``bias(i)``, ``samplings[i]`` and the uniform number ``numbers[i]`` are the ``i``-th job's;
        those of jobs that are done are not looked at."""
        job_of = [-1] * self.count
        for i, job in enumerate(self.jobs):
            if not job.done:
                job_of[self.row[i]] = i
        live = max(job_of)  # its sampling will do for rows that nothing is asked of
        first, last = self.grammar.span(self.pieces[live].slot)
        values = self.session.draw(
            first,
            last,
            (None if i < 0 else bias(i) for i in job_of),
            [samplings[live if i < 0 else i] for i in job_of],
            [0.0 if i < 0 else numbers[i] for i in job_of],
        )
        return [
            0 if job.done else values[row] for job, row in zip(self.jobs, self.row, strict=True)
        ]

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Nothing: a step has one field."""
