"""What the loop and its parts agree on: pieces, grammars, constraints, steppers and jobs.

Knows no implementation of any of them. A system's model stands behind its Stepper, its format
behind its Grammar, its wishes behind Constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from cantilena.decode.sampling import Sampling

P_in = TypeVar("P_in", bound="Piece", contravariant=True)
P = TypeVar("P", bound="Piece")
C = TypeVar("C")
"""What a system's model reads as a prefix."""
R_in = TypeVar("R_in", contravariant=True)
S_out = TypeVar("S_out", covariant=True)


class Piece(Protocol):
    """A piece while it is being written. ``rows`` holds what it consists of so far."""

    @property
    def rows(self) -> Sequence[Any]:
        """What has been written, a row for each unit of music."""
        ...

    @property
    def push(self) -> Callable[..., None]:
        """Appends one step, an argument for each field."""
        ...


class Constraint(Protocol[P_in]):
    """A wish as an additive bias on the next field's logits. Where it leaves no value it is
    dropped for that field, and the loop counts that under its ``name``."""

    @property
    def name(self) -> str:
        """What is wished, in a word or two, for the report: "key", "instruments"."""
        ...

    def bias(self, field: int, piece: P_in, chosen: Sequence[int]) -> np.ndarray | None:
        """(size of the field,) float, -inf forbidding a value; None for no opinion."""
        ...


class Grammar(Protocol[P_in]):
    """Which values may come next, whatever is wished. It is never dropped, so what must be kept
    note for note (a locked bar) stands here and not among the Constraints."""

    def bias(self, field: int, piece: P_in, chosen: Sequence[int]) -> np.ndarray | None:
        """(size of the field,) 0 or -inf; None where all are allowed."""
        ...

    def forced(self, piece: P_in) -> Sequence[int] | None:
        """The whole next step (a value for each field) where there is no choice; None elsewhere.
        A forced step is taken as it is: it is not sampled, and no wish is asked."""
        ...

    def ends(self, piece: P_in, chosen: Sequence[int]) -> bool:
        """Whether the step's first field ends the piece; that step is no part of it."""
        ...


Bias = Callable[[int], "np.ndarray | None"]
"""The sum of grammar and wishes for the job of a number; None for nothing."""


class Stepper(Protocol):
    """A model led through the pieces of some jobs. It owns the session (or sessions) in which its
    model reads them, so any number of steppers may share one model.

    The loop calls ``begin``, asks for ``logits(0)``, tells what was ``chose``-n, asks for
    ``logits(1)`` and so on for all ``fields``; when all pieces have taken up their step it calls
    ``advance``. One whose ``draws`` is True is not asked for logits, but to ``draw`` values."""

    fields: int
    draws: bool

    def begin(self) -> None:
        """Reads what stands before the first step: prompts, and pieces that go on."""
        ...

    def advance(self) -> None:
        """Reads what the pieces have taken up since."""
        ...

    def logits(self, k: int) -> Sequence[np.ndarray] | np.ndarray:
        """(size of field k,) for each job, in order; for a job that is done, anything."""
        ...

    def draw(
        self, k: int, bias: Bias, samplings: Sequence[Sampling], numbers: Sequence[float]
    ) -> Sequence[int]:
        """A value of field ``k`` for each job, drawn where the logits are (on a GPU): from the
        logits plus ``bias(job)``, as its sampling says, by its uniform number in 0-1."""
        ...

    def chose(self, k: int, chosen: Sequence[Sequence[int]]) -> None:
        """Takes up field ``k`` (not the last) of every job's step: ``chosen[job][k]``."""
        ...


class Engine(Protocol[R_in, S_out]):
    """A loaded model. Nothing in it changes while it is used, so threads may share it; all that
    does is in the sessions that it opens, one for each Stepper."""

    def session(self, rows: R_in) -> S_out:
        """A session for some rows: their number, or what each begins with."""
        ...


@dataclass
class Job(Generic[P, C]):
    """One piece to write: mutable while the loop runs.

    ``conditions``: what its system's model reads as a prefix; ``rng``: its own random stream;
    ``limit``: rows at which it is cut off; ``sampling_by_field``: how a field is sampled after
    those chosen, where not as ``sampling`` says. ``dropped`` counts, by the name of a Constraint,
    the fields for which it had to be dropped."""

    piece: P
    conditions: C
    constraints: Sequence[Constraint[P]]
    sampling: Sampling
    rng: np.random.Generator
    limit: int = 8000
    sampling_by_field: Callable[[int, Sequence[int]], Sampling] | None = None
    done: bool = False
    dropped: dict[str, int] = field(default_factory=dict)
    step: list[int] = field(default_factory=list)  # the step just taken, [] once done

    def sampling_of(self, k: int, chosen: Sequence[int]) -> Sampling:
        """How field ``k`` is sampled after those ``chosen``."""
        return self.sampling_by_field(k, chosen) if self.sampling_by_field else self.sampling
