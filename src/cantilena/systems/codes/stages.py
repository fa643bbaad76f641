"""A model of codes as a stage of a cascade: it reads other stages' tokens beside its own.

Knows the code model, patterns and tokens; does not know what a piece is asked to be (whoever makes
the stage says how that becomes rows), nor codecs. Tokens of another rate are read frame by frame:
each frame of the stage's own reads the frames of the others that sound at the same time, and as
many on either side as ``around`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from cantilena.decode.cascade import OPEN, Begun, Tokens, TokensByName
from cantilena.decode.interfaces import Job
from cantilena.decode.sampling import Sampling
from cantilena.decode.windows import Window, Windows
from cantilena.errors import InputError
from cantilena.models.audio.code_lm import CodeLM, ConditionConfig
from cantilena.systems.codes.conditions import frames_of_steps
from cantilena.systems.codes.piece import CodeGrammar, CodePiece
from cantilena.systems.codes.stepper import CodeStepper, Conditions, Row
from cantilena.tokens.codes.patterns import Pattern, pattern

Others = Callable[[Any, str, Pattern, Window], tuple[Row, Row]]
"""Of a piece's wish, the name of a condition, a pattern and its window: the condition's rows, and
those that stand for it where it is left out."""


@dataclass(frozen=True)
class TokenRows:
    """How tokens become rows for a stage of ``rate`` frames a second: one number for each value of
    each book (and of each of ``around`` frames before and behind), 1 where it is there."""

    tokens: Tokens
    rate: float
    around: int = 0

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return sum(self.tokens.sizes) * (2 * self.around + 1)

    @property
    def config(self) -> ConditionConfig:
        """How the code model reads them."""
        return ConditionConfig(self.width, "sum")

    def rows(self, codes: np.ndarray, layout: Pattern, start: int) -> np.ndarray:
        """(S, width) float32 of codes (K, T) of the whole piece for a window from frame ``start``;
        zeros beyond the piece and where nothing is written."""
        at = frames_of_steps(layout) + start
        sizes = np.array(self.tokens.sizes)
        first = np.append(0, np.cumsum(sizes))
        out = np.zeros((layout.steps, self.width), dtype=np.float32)
        source = (((at + 0.5) / self.rate) * self.tokens.rate).astype(np.int64)
        for n, offset in enumerate(range(-self.around, self.around + 1)):
            frame = source + offset
            inside = np.flatnonzero((frame >= 0) & (frame < codes.shape[1]))
            for k in range(len(sizes)):
                code = codes[k, frame[inside]]
                closed = code != OPEN
                out[inside[closed], n * first[-1] + first[k] + code[closed]] = 1.0
        return out


def token_row(rows: np.ndarray) -> tuple[Row, Row]:
    """Rows of a condition, and what stands for it where it is left out."""
    whole = torch.ones(len(rows), dtype=torch.bool)
    states = torch.from_numpy(rows)
    return Row(states, whole), Row(torch.zeros_like(states), whole)


@dataclass(frozen=True)
class CodeStage:
    """The stage ``name``: ``model`` writes tokens ``writes`` in the columns of ``pattern``,
    ``windows`` at a time; it reads those of ``reads`` as ``around`` says, and all other conditions
    of its config as ``others`` makes them of a wish. ``temperature``: times what a piece asks for;
    ``guided``: whether the piece's guidance is this stage's. ``sampling_of`` gives a wish's
    sampling. Raises InputError where the model does not fit."""

    name: str
    model: CodeLM
    writes: Tokens
    windows: Windows
    others: Others
    sampling_of: Callable[[Any], Sampling]
    reads: Mapping[str, Tokens] = field(default_factory=dict)
    around: int = 0
    pattern: str = "delay"
    temperature: float = 1.0
    guided: bool = True

    def __post_init__(self) -> None:
        config, sizes = self.model.config, self.writes.sizes
        if sizes != (config.card,) * config.books:
            raise InputError(
                f"the stage {self.name!r} writes books of {list(sizes)} values, its model has "
                f"{config.books} of {config.card}"
            )
        for name in self.reads:
            condition = config.conditions.get(name)
            wanted = self.token_rows(name).width
            if condition is None or condition.width != wanted:
                has = "none of them" if condition is None else f"{condition.width} numbers"
                raise InputError(
                    f"the stage {self.name!r} reads {name!r} as {wanted} numbers; its model has "
                    f"{has}"
                )

    @property
    def reach(self) -> float:
        """As ``Stage.reach``."""
        return max((self.around / tokens.rate for tokens in self.reads.values()), default=0.0)

    def token_rows(self, name: str) -> TokenRows:
        """How the tokens of another stage are read."""
        return TokenRows(self.reads[name], self.writes.rate, self.around)

    def layout(self, frames: int) -> Pattern:
        """The pattern over so many frames."""
        config = self.model.config
        return pattern(self.pattern, config.books, frames, config.card)

    def conditions(
        self, wish: Any, window: Window, tokens: TokensByName, layout: Pattern
    ) -> Conditions:
        """The rows of a window under a wish."""
        rows: dict[str, Row] = {}
        null: dict[str, Row] = {}
        for name in self.model.config.conditions:
            if name in self.reads:
                read = self.token_rows(name).rows(tokens[name], layout, window.start)
                rows[name], null[name] = token_row(read)
            else:
                rows[name], null[name] = self.others(wish, name, layout, window)
        return Conditions(rows, null)

    def begin(
        self, wish: Any, window: Window, tokens: TokensByName, rng: np.random.Generator
    ) -> Begun | None:
        """As ``Stage.begin``."""
        columns = tokens[self.name][:, window.start : window.stop]
        if not (columns == OPEN).any():
            return None
        layout = self.layout(window.stop - window.start)
        piece = CodePiece(layout, columns)
        piece.take(piece.settled)
        conditions = self.conditions(wish, window, tokens, layout)
        asked = self.sampling_of(wish)
        sampling = replace(
            asked,
            temperature=asked.temperature * self.temperature,
            guidance=asked.guidance if self.guided else 1.0,
        )
        job = Job(piece, conditions, (), sampling, rng, limit=layout.steps)
        return Begun(CodeStepper(self.model, [job]), CodeGrammar(), job)
