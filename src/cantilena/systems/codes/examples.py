"""Examples of codes to learn from, and the batches of a run's steps.

Knows codes with what is known of their music, crops and conditions left out; does not know where
examples come from, nor the model beyond its config. A batch depends on the seed and the step alone.
Conditions are made by what makes them for writing (``systems.codes.conditions``), so that a model
is asked as it was taught.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from cantilena.errors import InputError
from cantilena.models.audio.code_lm import Signal
from cantilena.models.audio.musicgen import MELODY, TEXT
from cantilena.systems.codes.conditions import Conditioner, Wish
from cantilena.systems.codes.rewording import UNCHANGED, Rewording
from cantilena.systems.codes.stepper import Conditions, Row, batched
from cantilena.tokens.codes.patterns import Pattern
from cantilena.tokens.codes.symbols import SYMBOLS, Sounding

COLUMNS, MASK = "columns", "mask"
"""Entries of a batch: (B, K, S) int64, and (K, S) bool. Conditions stand beside them, as
"text.states" and "text.mask"."""
READ = "read"
"""Beside them, where some columns are hidden from the model: what it reads in their place."""
SHARE_ALONE = 0.5
"""Of the chance that all conditions are left out, that one is left out alone."""


@dataclass(frozen=True)
class CodeExample:
    """``codes`` (K, T) and, where they are known, wordings of what they are (``texts``), what
    sounds (``symbols``), the ``melody`` (n, 12) as ``audio.chroma.melody_chroma`` gives it, and
    ``facts`` by name ("key", "bpm"), which a text may be completed by."""

    codes: np.ndarray
    texts: tuple[str, ...] = ()
    symbols: Sounding | None = None
    melody: np.ndarray | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


class Examples(Protocol):
    """Examples by number; ``lengths``: the frames of each."""

    @property
    def lengths(self) -> Sequence[int]: ...

    def __getitem__(self, i: int, /) -> CodeExample: ...


class ExampleList(list[CodeExample]):
    """Examples in memory."""

    @property
    def lengths(self) -> list[int]:
        """The frames of each."""
        return [example.codes.shape[1] for example in self]


class CodeBatches:
    """Batches of crops of ``layout.frames`` frames. ``drop``: how often all conditions of an
    example are left out, 0-1; each is left out alone half as often. ``forget``: how much of the
    columns a model does not get to read, 0-1, so that it learns more from conditions than how codes
    go on: of single notes all but the first frame follow from the one before. ``rewording``:
    how texts are varied. Raises InputError where no example is long enough, or there are none."""

    def __init__(
        self,
        examples: Examples,
        conditioner: Conditioner,
        layout: Pattern,
        seed: int = 0,
        drop: float = 0.2,
        forget: float = 0.0,
        rewording: Rewording = UNCHANGED,
    ):
        self.forget = forget
        self.examples, self.conditioner = examples, conditioner
        self.layout, self.seed, self.drop = layout, seed, drop
        self.rewording = rewording
        lengths = examples.lengths
        self.long = [i for i, length in enumerate(lengths) if length >= layout.frames]
        if not self.long:
            raise InputError(
                f"no example is as long as a crop of {layout.frames} frames; the longest has "
                f"{max(lengths, default=0)}"
            )

    def draw(self, step: int, size: int) -> dict[str, Tensor]:
        """The batch of a step: ``size`` examples at random, each from a frame at random. Entries as
        ``COLUMNS`` and ``READ`` have them."""
        rng = np.random.default_rng([self.seed, step])
        crops = [self._crop(rng) for _ in range(size)]
        batch = self._stacked(crops)
        if self.forget:
            columns = batch[COLUMNS]
            hidden = torch.from_numpy(rng.random((size, 1, columns.shape[2])) < self.forget)
            batch[READ] = torch.where(hidden, self.layout.special, columns)
        return batch

    def fixed(self, size: int, limit: int = 64) -> list[dict[str, Tensor]]:
        """Batches for validation: the beginnings of the first ``limit`` examples, with all that is
        known of them. Neighbours in a batch are as far from one another as there are batches:
        examples that follow one another are mostly of one song."""
        crops = [self._cut(self.examples[i], 0, 0) for i in self.long[:limit]]
        batches = -(-len(crops) // size)
        return [self._stacked(crops[i::batches]) for i in range(batches)]

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, Conditions]:
        example = self.examples[self.long[int(rng.integers(len(self.long)))]]
        start = int(rng.integers(example.codes.shape[1] - self.layout.frames + 1))
        wording = int(rng.integers(max(1, len(example.texts))))
        codes, conditions = self._cut(example, start, wording, rng)
        none = rng.random() < self.drop
        rows = {
            name: conditions.null[name] if none or rng.random() < self.drop * SHARE_ALONE else row
            for name, row in conditions.rows.items()
        }
        return codes, Conditions(rows, conditions.null)

    def _cut(
        self,
        example: CodeExample,
        start: int,
        wording: int,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, Conditions]:
        """A crop with one of its texts, varied where there is an ``rng``."""
        codes = example.codes[:, start : start + self.layout.frames].astype(np.int64)
        reads = set(self.conditioner.config.conditions)
        text = example.texts[wording] if example.texts and TEXT in reads else ""
        if rng is not None and TEXT in reads:
            text = self.rewording.of(text, example.facts, rng)
        wish = Wish(
            text,
            example.melody if MELODY in reads else None,
            example.symbols if reads & set(SYMBOLS) else None,
        )
        return codes, self.conditioner.conditions(wish, self.layout, start)

    def _stacked(self, crops: Sequence[tuple[np.ndarray, Conditions]]) -> dict[str, Tensor]:
        valid = self.layout.valid
        columns = self.layout.build(np.stack([codes for codes, _ in crops]))[0][:, :, : valid.steps]
        batch = {
            COLUMNS: torch.from_numpy(np.ascontiguousarray(columns)),
            MASK: torch.from_numpy(np.array(valid.mask)),
        }
        for name in self.conditioner.config.conditions:
            rows = [conditions.rows[name] for _, conditions in crops]
            if name in SYMBOLS:
                rows = [Row(row.states[: valid.steps], row.mask[: valid.steps]) for row in rows]
            batch[f"{name}.states"], batch[f"{name}.mask"] = batched(rows)
        return batch


def signals_of(batch: Mapping[str, Any], names: Iterable[str]) -> dict[str, Signal]:
    """The conditions of a batch by name."""
    return {name: Signal(batch[f"{name}.states"], batch[f"{name}.mask"]) for name in names}
