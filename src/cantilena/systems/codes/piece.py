"""Codes while they are written: a step is a column of a pattern, K fields.

Knows patterns and integers; does not know models, conditions or sound. What is there already (a
prompt, what is kept around a gap) stands in the piece from the beginning: columns of which nothing
is open are forced, in others the fields that are settled have no other value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from cantilena.decode.cascade import OPEN
from cantilena.errors import InputError
from cantilena.tokens.codes.patterns import Pattern

__all__ = ["OPEN", "CodeGrammar", "CodePiece"]


class CodePiece:
    """One piece under a ``pattern``. ``known`` (K, T): codes that stay, ``OPEN`` elsewhere; None
    for none. ``columns`` (K, S) are filled as steps are taken; ``rows`` holds the steps so far, the
    start column apart. Raises InputError for codes of another shape or range."""

    def __init__(self, pattern: Pattern, known: np.ndarray | None = None):
        shape = (pattern.books, pattern.frames)
        codes = np.full(shape, OPEN) if known is None else np.asarray(known, dtype=np.int64)
        if codes.shape != shape:
            raise InputError(f"codes of shape {codes.shape} do not fit, which must be {shape}")
        self.pattern = pattern
        self.columns = pattern.build(codes[None])[0][0]
        there = self.columns[pattern.mask]
        if there.min() < OPEN or there.max() >= pattern.special:
            raise InputError(f"codes must be 0 to {pattern.special - 1}")
        self.rows: list[tuple[int, ...]] = []

    @property
    def place(self) -> int:
        """The number of the column that is written next."""
        return len(self.rows) + 1

    @property
    def complete(self) -> bool:
        """Whether all columns are written."""
        return self.place >= self.pattern.steps

    @property
    def settled(self) -> int:
        """Steps from the first on in which nothing is open."""
        is_open = (self.columns[:, 1:] == OPEN).any(0)
        return int(is_open.argmax()) if is_open.any() else len(is_open)

    def take(self, steps: int) -> None:
        """Takes the first ``steps`` steps, which must be settled, as written."""
        if steps > self.settled:
            raise ValueError(f"of {steps} steps only {self.settled} are settled")
        self.rows = [tuple(column) for column in self.columns[:, 1 : 1 + steps].T.tolist()]

    def push(self, *fields: int) -> None:
        """Writes the next column."""
        self.columns[:, self.place] = fields
        self.rows.append(fields)

    def codes(self) -> np.ndarray:
        """(K, T) codes; ``OPEN`` where none is written yet."""
        return self.pattern.revert(self.columns[None])[0][0]


@lru_cache(maxsize=64)
def _only(code: int, size: int) -> np.ndarray:
    """(size,) 0 at ``code``, else -inf."""
    bias = np.full(size, -np.inf, dtype=np.float32)
    bias[code] = 0.0
    bias.setflags(write=False)
    return bias


@lru_cache(maxsize=64)
def _all_but_last(size: int) -> np.ndarray:
    """(size,) 0, but -inf at the last."""
    bias = np.zeros(size, dtype=np.float32)
    bias[-1] = -np.inf
    bias.setflags(write=False)
    return bias


class CodeGrammar:
    """What may stand in the next column: the pattern's special token where it has no code, and
    nowhere else; settled codes where there are some. A field has as many values as a book, and the
    special one behind them."""

    def bias(self, field: int, piece: CodePiece, chosen: Sequence[int]) -> np.ndarray:
        """(card + 1,) 0 or -inf."""
        size = piece.pattern.special + 1
        code = int(piece.columns[field, piece.place])
        return _all_but_last(size) if code == OPEN else _only(code, size)

    def forced(self, piece: CodePiece) -> Sequence[int] | None:
        """The next column where nothing of it is open; behind the last one, one without codes."""
        if piece.complete:
            return [piece.pattern.special] * piece.pattern.books
        column = piece.columns[:, piece.place].tolist()
        return None if OPEN in column else column

    def ends(self, piece: CodePiece, chosen: Sequence[int]) -> bool:
        """Whether the pattern is used up."""
        return piece.complete
