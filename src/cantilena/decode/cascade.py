"""Stages of tokens whose output is the next one's condition, as AudioLM, MusicLM and Jukebox have
them: which fit together, what is written when, and what is there already.

Knows stages, windows and integers; does not know what tokens mean, where a stage's model comes from
or how progress is kept. Every window of a stage is one run of the loop with a random stream of its
own, so that a piece is the same in whatever order its windows are written: the finest stage goes
first wherever what it reads is there, so that sound can be made before all is written, and a piece
that was interrupted goes on at its stage and window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from cantilena.decode.interfaces import Grammar, Job, Stepper
from cantilena.decode.loop import Loop
from cantilena.decode.windows import Window, Windows, frames_of
from cantilena.errors import InputError

OPEN = -1
"""Stands for a token that is still to be written."""

W = TypeVar("W")
"""What a piece is asked to be, which the stages alone interpret."""
W_in = TypeVar("W_in", contravariant=True)
TokensByName = Mapping[str, np.ndarray]
"""Tokens (K, T) by the name of what wrote them, ``OPEN`` where nothing is written."""


@dataclass(frozen=True)
class Tokens:
    """What tokens are: ``sizes`` values of each of K books, ``rate`` frames a second, and
    ``source``, which tells what they are of (a codec's fingerprint)."""

    rate: float
    sizes: tuple[int, ...]
    source: str = ""

    def differs(self, other: Tokens) -> str:
        """In what they differ from others, "" where in nothing."""
        if self.sizes != other.sizes:
            return f"books of {list(self.sizes)} values, not of {list(other.sizes)}"
        if abs(self.rate - other.rate) > 1e-6:
            return f"{self.rate:g} frames a second, not {other.rate:g}"
        if self.source != other.source:
            return f"tokens of {self.source[:16] or 'nothing'}, not of {other.source[:16]}"
        return ""


@dataclass(frozen=True)
class Begun:
    """A window ready to be written: by whom, under which grammar, and the job, whose piece gives
    its tokens (K, T) by ``codes()``."""

    stepper: Stepper
    grammar: Grammar[Any]
    job: Job[Any, Any]


class Stage(Protocol[W_in]):
    """One of the models in a row. ``reads``: by the names of earlier stages, or of tokens that are
    there from the start, what it takes them to be; ``reach``: seconds of these that it reads
    behind a window's end."""

    @property
    def name(self) -> str: ...
    @property
    def writes(self) -> Tokens: ...
    @property
    def reads(self) -> Mapping[str, Tokens]: ...
    @property
    def windows(self) -> Windows: ...
    @property
    def reach(self) -> float: ...

    def begin(
        self, wish: W_in, window: Window, tokens: TokensByName, rng: np.random.Generator
    ) -> Begun | None:
        """A window of the stage's own tokens in ``tokens``, of which those before ``begin`` are
        written; None where nothing of it is open."""
        ...


class Cascade(Generic[W]):
    """``stages`` in order, and ``inputs``: tokens that are there from the start, by name. Raises
    InputError, which names both sides, where a stage does not fit what it reads."""

    def __init__(self, stages: Sequence[Stage[W]], inputs: Mapping[str, Tokens] | None = None):
        self.stages, self.inputs = list(stages), dict(inputs or {})
        available = dict(self.inputs)
        if not self.stages:
            raise InputError("a cascade needs a stage")
        for stage in self.stages:
            if stage.name in available:
                raise InputError(f"two stages of a cascade are called {stage.name!r}")
            for name, tokens in stage.reads.items():
                if name not in available:
                    names = ", ".join(available) or "nothing"
                    raise InputError(
                        f"the stage {stage.name!r} reads {name!r}, which no earlier stage writes; "
                        f"written before it: {names}"
                    )
                if odd := tokens.differs(available[name]):
                    raise InputError(f"the stage {stage.name!r} reads from {name!r} {odd}")
            available[stage.name] = stage.writes


class Writing(Generic[W]):
    """The writing of one piece of ``seconds``. ``tokens``: all that is written of it, (K, T) int64
    by the name of an input or a stage, ``OPEN`` where nothing is yet. ``changes``: seconds at which
    other words begin, across which no window is written; ``inputs``: the tokens of the cascade's
    inputs. What was written of the same piece before, ``restore`` takes up. Raises InputError where
    inputs are missing or not as the cascade has them."""

    def __init__(
        self,
        cascade: Cascade[W],
        wish: W,
        seconds: float,
        seed: int = 0,
        changes: Sequence[float] = (),
        inputs: TokensByName | None = None,
    ):
        self.cascade, self.wish, self.seed = cascade, wish, seed
        self.tokens: dict[str, np.ndarray] = {}
        for name, tokens in cascade.inputs.items():
            self.tokens[name] = _checked(name, tokens, (inputs or {}).get(name), seconds)
        self.plans: list[list[Window]] = []
        for stage in cascade.stages:
            writes = stage.writes
            shape = len(writes.sizes), frames_of(seconds, writes.rate)
            self.tokens[stage.name] = np.full(shape, OPEN, dtype=np.int64)
            self.plans.append(stage.windows.over(seconds, writes.rate, changes))
        self.next = [0] * len(self.plans)

    @property
    def done(self) -> int:
        """Frames of all stages that are written."""
        return sum(self._written(i) for i in range(len(self.plans)))

    @property
    def total(self) -> int:
        """Frames of all stages."""
        return sum(plan[-1].stop for plan in self.plans)

    def written(self, name: str) -> np.ndarray:
        """(K, T) what stands from the beginning of a stage's tokens."""
        return self.tokens[name][:, : self._written(self._number(name))]

    def restore(self, tokens: TokensByName) -> bool:
        """Takes up what was written of the same piece before, as far as it goes; whether it could:
        what is of another shape or out of range is left alone."""
        before = {stage.name: tokens.get(stage.name) for stage in self.cascade.stages}
        for stage in self.cascade.stages:
            rows, own = before[stage.name], self.tokens[stage.name]
            if rows is None or rows.shape != own.shape or rows.dtype.kind != "i":
                return False
            if (rows < OPEN).any() or (rows >= np.array(stage.writes.sizes)[:, None]).any():
                return False
        for i, stage in enumerate(self.cascade.stages):
            rows = np.asarray(before[stage.name], dtype=np.int64)
            is_open = (rows == OPEN).any(0)
            end = int(is_open.argmax()) if is_open.any() else len(is_open)
            while self.next[i] < len(self.plans[i]) and self.plans[i][self.next[i]].stop <= end:
                self.next[i] += 1
            stop = self._written(i)
            self.tokens[stage.name][:, :stop] = rows[:, :stop]
        return True

    def steps(
        self, keep: Callable[[TokensByName], None] | None = None
    ) -> Iterator[tuple[int, int]]:
        """Writes step by step; yields how many frames are done, about, and how many there are.
        ``keep`` receives all tokens after each window. What is not asked for is not made."""
        while (i := self._ready()) is not None:
            stage, window = self.cascade.stages[i], self.plans[i][self.next[i]]
            rng = np.random.default_rng([self.seed, i, self.next[i]])
            begun = stage.begin(self.wish, window, self.tokens, rng)
            if begun is not None:
                before, frames = self.done, window.stop - window.begin
                loop = Loop(begun.stepper, begun.grammar, [begun.job])
                for step in loop.steps():
                    yield before + min(step - 1, frames - 1), self.total
                new = begun.job.piece.codes()[:, window.begin - window.start :]
                self.tokens[stage.name][:, window.begin : window.stop] = new
            self.next[i] += 1
            if keep is not None:
                keep(self.tokens)
            yield self.done, self.total

    def run(self) -> dict[str, np.ndarray]:
        """Writes everything; gives the tokens of all stages and inputs."""
        for _ in self.steps():
            pass
        return self.tokens

    def _number(self, name: str) -> int:
        return [stage.name for stage in self.cascade.stages].index(name)

    def _written(self, i: int) -> int:
        return self.plans[i][self.next[i] - 1].stop if self.next[i] else 0

    def _ready(self) -> int | None:
        """The finest stage that can write its next window; None where all is written."""
        for i in reversed(range(len(self.plans))):
            if self.next[i] < len(self.plans[i]) and self._can(i):
                return i
        return None

    def _can(self, i: int) -> bool:
        """Whether all that a stage's next window reads is there."""
        stage, window = self.cascade.stages[i], self.plans[i][self.next[i]]
        end = window.stop / stage.writes.rate + stage.reach
        for name, tokens in stage.reads.items():
            if name in self.cascade.inputs:
                continue
            k = self._number(name)
            need = min(math.ceil(end * tokens.rate - 1e-6), self.plans[k][-1].stop)
            if self._written(k) < need:
                return False
        return True


def _checked(name: str, tokens: Tokens, rows: np.ndarray | None, seconds: float) -> np.ndarray:
    """(K, T) int64, the tokens of an input, cut to the piece. Raises InputError where they have
    other books, are too few or are out of range."""
    books, frames = len(tokens.sizes), frames_of(seconds, tokens.rate)
    if rows is None or rows.ndim != 2 or rows.shape[0] != books or rows.shape[1] < frames:
        shape = "none" if rows is None else f"the shape {rows.shape}"
        raise InputError(f"the tokens {name!r} must be {books} x {frames}; they have {shape}")
    if (rows < 0).any() or (rows >= np.array(tokens.sizes)[:, None]).any():
        raise InputError(f"the tokens {name!r} have values outside their books")
    return rows[:, :frames].astype(np.int64)
