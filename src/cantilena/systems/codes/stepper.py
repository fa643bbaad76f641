"""The code model in the loop: K fields a step, all known after one pass through the trunk.

Knows sessions of the code model, pieces and the rows of conditions that belong to them; does not
know where conditions come from, the Grammar, or how a value is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cantilena.decode.interfaces import Bias, Job
from cantilena.decode.sampling import Sampling
from cantilena.models.audio.code_lm import CodeLM, Signal
from cantilena.models.audio.code_session import CodeSession
from cantilena.models.audio.code_step import Packed
from cantilena.models.audio.musicgen import TEXT
from cantilena.systems.codes.piece import CodePiece


class Row(NamedTuple):
    """A condition of one piece: ``states`` (T, D), and their ``mask`` (T,)."""

    states: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Conditions:
    """What a piece is conditioned on, by name, and what stands for it where nothing is: guidance
    leads away from that. ``text_guidance``: how far it is led, before that, away from the same
    without its text, towards what the text says beside a melody or a score; 1 for not at all."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    null: Mapping[str, Row] = field(default_factory=dict)
    text_guidance: float = 1.0

    @property
    def without_text(self) -> Mapping[str, Row]:
        """The rows, but for the text's."""
        return {name: (self.null if name == TEXT else self.rows)[name] for name in self.rows}


def batched(rows: Sequence[Row]) -> Signal:
    """Rows as one Signal, the shorter ones filled up with nothing to the right."""
    length = max(len(row.mask) for row in rows)
    width, first = rows[0].states.shape[1], rows[0].states
    states = first.new_zeros(len(rows), length, width)
    mask = torch.zeros(len(rows), length, dtype=torch.bool, device=first.device)
    for i, row in enumerate(rows):
        states[i, : len(row.mask)] = row.states
        mask[i, : len(row.mask)] = row.mask
    return Signal(states, mask)


class CodeStepper:
    """Leads a code model through the jobs' pieces, which must have taken up equally many steps and
    be conditioned by the same names. A guided job has a second row, without conditions, beside its
    own, and one whose text is guided a third, without its text: with all conditions c, without the
    text w and without any u, logits are ``u + guidance * (w + text_guidance * (c - w) - u)``, as in
    MusicGen's double guidance. Rows are read in one batch. ``packed``: as
    ``CodeSession``'s."""

    draws = False

    def __init__(
        self,
        model: CodeLM,
        jobs: Sequence[Job[CodePiece, Conditions]],
        packed: Packed | None = None,
    ):
        self.model, self.jobs = model, list(jobs)
        self.fields = model.config.books
        asked = [job.conditions for job in self.jobs]
        text_guided = any(one.text_guidance != 1.0 for one in asked)
        guided = text_guided or any(job.sampling.guidance != 1.0 for job in self.jobs)
        conditions = [one.rows for one in asked]
        if text_guided:
            conditions += [one.without_text for one in asked]
        if guided:
            conditions += [one.null for one in asked]
        self.copies = len(conditions) // len(asked)
        columns = max(job.piece.pattern.steps for job in self.jobs)
        signals = {name: batched([rows[name] for rows in conditions]) for name in conditions[0]}
        self.session = CodeSession(model, signals, len(conditions), columns, packed)
        self.device = model.embedding.weight.device
        scale = [[job.sampling.guidance] for job in self.jobs]
        self.scale = torch.tensor(scale, device=self.device)
        text_scale = [[one.text_guidance] for one in asked]
        self.text_scale = torch.tensor(text_scale, device=self.device)
        shape = len(self.jobs), self.fields, model.config.card + 1
        self.values = np.zeros(shape, dtype=np.float32)

    def begin(self) -> None:
        """Reads the start column and the steps that the pieces have taken up."""
        steps = {len(job.piece.rows) for job in self.jobs}
        if len(steps) > 1:
            raise ValueError("pieces written together must begin with equally many steps")
        self._read(np.stack([job.piece.columns[:, : max(steps) + 1] for job in self.jobs]))

    def advance(self) -> None:
        """Reads the column that every piece has just written. Where all are complete, nothing is
        read: no column follows."""
        if all(job.piece.complete for job in self.jobs):
            return
        self._read(np.stack([self._newest(job) for job in self.jobs])[:, :, None])

    def _newest(self, job: Job[CodePiece, Conditions]) -> np.ndarray:
        """(K,) the last column; of a piece that is done one without codes."""
        piece = job.piece
        if job.done or piece.complete:
            return np.full(piece.pattern.books, piece.pattern.special)
        return piece.columns[:, piece.place - 1]

    def _read(self, columns: np.ndarray) -> None:
        index = torch.from_numpy(np.ascontiguousarray(columns)).to(self.device)
        hidden = self.session.read(index.repeat(self.copies, 1, 1))
        if self.copies > 1:
            # heads are linear: guiding what they read is guiding what they give, at half the cost
            target, *others = hidden.float().chunk(self.copies)
            if self.copies > 2:
                target = others[0] + self.text_scale * (target - others[0])
            hidden = (others[-1] + self.scale * (target - others[-1])).to(hidden.dtype)
        self.values[:, :, :-1] = self.session.logits(hidden).cpu().numpy()

    def logits(self, k: int) -> np.ndarray:
        """(B, card + 1) of field ``k``; the value behind the book's codes, which the model does not
        know, has 0: the Grammar allows it alone or not at all."""
        return self.values[:, k]

    def draw(
        self, k: int, bias: Bias, samplings: Sequence[Sampling], numbers: Sequence[float]
    ) -> Sequence[int]:
        """Never asked for, as ``draws`` says: values are chosen from ``logits``."""
        raise AssertionError("a code stepper gives logits")

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Nothing: heads do not look at one another's codes."""
