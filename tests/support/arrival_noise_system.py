"""A system over AMT's vocabulary without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from cantilena.decode.hf.interfaces import PromptState
from cantilena.systems.arrival.system import ArrivalSystem
from cantilena.tokens.arrival.vocab import AMT


class NoiseSystem(ArrivalSystem):
    """Logits depend on the text and on the last tokens read. ``dies_after`` batches it is
    interrupted; ``begun`` counts batches."""

    system = "llama-music"
    name = "noise"
    card: ClassVar[dict] = {}
    draws = False

    def __init__(self, hash: str = "0123", dies_after: int | None = None):
        self.hash, self.dies_after, self.begun = hash, dies_after, 0
        self.step_model = self
        self.size = AMT.size
        self.device = type("Device", (), {"type": "cpu"})
        self.rows: list[list[int]] = []
        self.prompts: list[list[int]] = []

    @classmethod
    def load(cls, checkpoint=None) -> NoiseSystem:
        return cls()

    def prompt(self, text: str | None) -> PromptState:
        return PromptState(ids=list((text or "").encode()))

    def session(self, prompts: Sequence[PromptState]) -> NoiseSystem:
        if self.begun == self.dies_after:
            raise KeyboardInterrupt
        self.begun += 1
        self.prompts = [list(p.ids) for p in prompts]
        self.rows = [list(ids) for ids in self.prompts]
        return self

    def draw(self, *_: object) -> list[int]:
        raise AssertionError("it does not draw")

    def advance(self, tokens: Sequence[Sequence[int]]) -> None:
        for row, new in zip(self.rows, tokens, strict=True):
            row.extend(new)

    def restart(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        for row, new in zip(rows, tokens, strict=True):
            self.rows[row] = [*self.prompts[row], *new]

    def keep(self, rows: Sequence[int]) -> None:
        self.rows = [self.rows[i] for i in rows]
        self.prompts = [self.prompts[i] for i in rows]

    def room(self, row: int) -> int:
        return AMT.context

    def logits(
        self, first: int = 0, last: int | None = None, reach: tuple[int, int] | None = None
    ) -> np.ndarray:
        wide = (self.size if last is None else last) - first
        rngs = [np.random.default_rng([len(row), *row[-9:], first]) for row in self.rows]
        return np.stack([2 * rng.standard_normal(wide, dtype=np.float32) for rng in rngs])
