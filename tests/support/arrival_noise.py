"""A step model without a network: logits that depend on the tokens read and on nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.decode.hf.interfaces import PromptState
from cantilena.tokens.arrival.vocab import AMT, ArrivalVocabulary


class NoiseModel:
    """The interfaces ``StepModel`` and ``StepSession`` in one, for one Loop at a time. ``lean``
    maps AMT ids to what is added to their logits; ``read`` keeps what each row holds; ``again``
    counts rows that were read anew."""

    draws = False

    def __init__(
        self,
        scale: float = 2.0,
        lean: dict[int, float] | None = None,
        vocabulary: ArrivalVocabulary = AMT,
        context: int | None = None,
    ):
        self.size, self.scale = vocabulary.size, scale
        self.context = context or vocabulary.context
        self.lean = np.zeros(self.size, dtype=np.float32)
        for token, value in (lean or {}).items():
            self.lean[token] = value
        self.read: list[list[int]] = []
        self.again = 0

    def session(self, prompts: Sequence[PromptState]) -> NoiseModel:
        self.read = [[] for _ in prompts]
        return self

    def draw(self, *_: object) -> list[int]:
        raise AssertionError("it does not draw")

    def advance(self, tokens: Sequence[Sequence[int]] | np.ndarray) -> None:
        for row, new in zip(self.read, tokens, strict=True):
            row.extend(int(t) for t in np.atleast_1d(new))
            assert len(row) <= self.context
            assert all(0 <= t < self.size for t in row)

    def restart(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        for row, new in zip(rows, tokens, strict=True):
            self.read[row] = []
            self.again += 1
            self.read[row].extend(map(int, new))

    def keep(self, rows: Sequence[int]) -> None:
        self.read = [self.read[row] for row in rows]

    def room(self, row: int) -> int:
        return self.context

    def logits(
        self, first: int = 0, last: int | None = None, reach: tuple[int, int] | None = None
    ) -> np.ndarray:
        last = self.size if last is None else last
        out = []
        for row in self.read:
            rng = np.random.default_rng([len(row), *row[-7:], first])
            noise = self.scale * rng.standard_normal(last - first, dtype=np.float32)
            row_logits = noise + self.lean[first:last]
            if reach is not None:  # whoever looks outside takes what he finds there
                row_logits[: reach[0] - first] = 1e9
                row_logits[reach[1] - first :] = 1e9
            out.append(row_logits)
        return np.stack(out)
