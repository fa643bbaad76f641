"""The attribute model in the loop: a word a step, each at the same cost whatever stands before.

Knows the model, its states and jobs; does not know Briefs, grammars or how a word is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from cantilena.decode.interfaces import Bias, Job
from cantilena.decode.sampling import Sampling
from cantilena.models.attribute_lm import PAD, AttributeLM
from cantilena.models.linear_attention import State
from cantilena.tokens.remi.grammar import RemiPiece

AttributeJob = Job[RemiPiece, np.ndarray]
"""A job whose conditions are the 65 words before the music."""


class AttributeStepper:
    """Leads the model through the jobs' pieces, which begin at their beginning. The words
    before are remembered as sums of a fixed size, so nothing is ever read twice."""

    fields, draws = 1, False

    def __init__(self, model: AttributeLM, jobs: Sequence[AttributeJob]):
        self.model, self.jobs = model, list(jobs)
        self.device = model.head.weight.device
        self.states: list[State] = []
        self.place = torch.zeros(len(self.jobs), dtype=torch.long, device=self.device)
        self.condition: Tensor | None = None
        self.values = np.zeros((len(self.jobs), model.config.words), dtype=np.float32)

    def begin(self) -> None:
        """Reads what stands before the music."""
        words = np.stack([job.conditions for job in self.jobs])
        ids = torch.from_numpy(words).to(self.device)
        with torch.inference_mode():
            read, self.condition = self.model.split(ids)
            self.place = self.model.positions(read)[:, -1]
            self._read(read, None)

    def advance(self) -> None:
        """Reads the word that each piece has just taken up; nothing of those that are done."""
        words = [[PAD] if job.done else [job.piece.rows[-1]] for job in self.jobs]
        ids = torch.tensor(words, device=self.device)
        with torch.inference_mode():
            self._read(ids, self.place)
            self.place = self.place + 1

    def _read(self, ids: Tensor, before: Tensor | None) -> None:
        states = self.states or None
        hidden, self.states = self.model.hidden(ids, states, before, condition=self.condition)
        self.values = self.model.head(hidden[:, -1]).float().cpu().numpy()

    def logits(self, k: int) -> np.ndarray:
        """(B, words) of the next word."""
        return self.values

    def draw(
        self, k: int, bias: Bias, samplings: Sequence[Sampling], numbers: Sequence[float]
    ) -> Sequence[int]:
        """Never asked for, as ``draws`` says: words are chosen from ``logits``."""
        raise AssertionError("an attribute stepper gives logits")

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Nothing: a step has one field."""
