"""What a causal language model must offer so that it can be generated with token by token.

Knows prompts, rows of token ids and logits; does not know torch, networks, caches, grammars or what
a token means in music. A ``StepModel`` holds what never changes; everything that changes while
pieces are written is in a ``StepSession``, of which there may be any number at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cantilena.decode.interfaces import Engine

if TYPE_CHECKING:
    from cantilena.decode.sampling import Sampling


@dataclass(frozen=True)
class PromptState:
    """What is read before the music tokens: ``embeds``, (P, D) vectors in the model's width, or
    None; then ``ids``, of the model's own vocabulary. ``placed``: whether ``embeds`` take up
    positions; without, the music's first token has position 0 (a prefix without AMT's position
    embeddings). ``flagged``: True where the prompt ends with the flag that begins the music
    (AUTOREGRESS or what stands for it), so that none is added."""

    embeds: Any = None
    ids: Sequence[int] = ()
    placed: bool = True
    flagged: bool = False

    def __len__(self) -> int:
        """Slots of the cache that it fills."""
        return (0 if self.embeds is None else len(self.embeds)) + len(self.ids)


class StepSession(Protocol):
    """Rows of tokens that are read together. Behind its prompts and after each ``advance`` it
    stands behind the last token of each row, and ``logits`` says what may follow. One thread at a
    time may use it; other sessions of the same model do not change what it gives."""

    def advance(self, tokens: Sequence[Sequence[int]] | np.ndarray) -> None:
        """Reads further token ids: (B,) one a row, or B lists that may differ in length."""
        ...

    def restart(self, rows: Sequence[int], tokens: Sequence[Sequence[int]]) -> None:
        """Forgets the music of some rows, not their prompts, and reads these ids instead."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all rows but these; they are numbered anew in this order."""
        ...

    def room(self, row: int) -> int:
        """How many token ids a row can hold in all behind its prompt."""
        ...

    def logits(
        self, first: int = 0, last: int | None = None, reach: tuple[int, int] | None = None
    ) -> np.ndarray:
        """(B, last - first) float32 logits of the ids ``first`` .. ``last`` - 1, by default of
        all. Those outside of ``reach`` (first, last + 1) are not looked at and may be -inf. A row
        that has read nothing yet has no logits worth reading."""
        ...

    def draw(
        self,
        first: int,
        last: int,
        biases: Iterable[np.ndarray | None],
        samplings: Sequence[Sampling],
        numbers: Sequence[float],
    ) -> list[int]:
        """For each row one of the ids ``first`` .. ``last`` - 1, counted from ``first``: drawn by
        its ``Sampling`` and its uniform number in 0-1 from logits with its bias (last - first,)
        added, None for zeros. Only asked of models whose ``draws`` is True."""
        ...


class StepModel(Engine[Sequence[PromptState], "StepSession"], Protocol):
    """A causal LM that reads token ids for several rows at once. Nothing in it changes while
    sessions run, so that threads may share it."""

    @property
    def size(self) -> int:
        """Number of token ids."""
        ...

    @property
    def draws(self) -> bool:
        """Whether values are better drawn by its sessions than from their ``logits``."""
        ...

    def session(self, prompts: Sequence[PromptState]) -> StepSession:
        """A new session with a row for each prompt, which it has read. Raises InputError for a
        prompt that leaves no room for music."""
        ...
