"""The Grammar of the note scheme: which values may come next, whatever is wished.

Knows the scheme and the piece so far; does not know models or wishes. Within one onset instrument
and pitch only rise, so time always advances after finitely many notes: the known failure of this
family, dozens of notes piled on one onset, cannot be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cantilena.score import DRUMS
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.locks import Locks

ONSET, INSTRUMENT, PITCH, DURATION, VELOCITY = range(5)
NEVER = -np.inf
_TOP = PITCHES - 1


class Piece(Protocol):
    """What a Grammar and Constraints may know of a piece in progress: ``rows`` (tick, instrument
    or -1, pitch, duration class, velocity class, onset class); ``tick``, the onset reached; and
    ``locks``, the notes of it that are kept as they are."""

    rows: list[tuple[int, int, int, int, int, int]]
    tick: int
    locks: Locks | None


class NoteGrammar:
    """Additive masks, 0 or -inf, of each field's values; None where all are allowed."""

    def __init__(self, scheme: NoteScheme):
        self.scheme = scheme

    def bias(self, field: int, piece: Piece, chosen: Sequence[int]) -> np.ndarray | None:
        """The mask of ``field`` given the fields ``chosen`` before it in this step."""
        order = self._order(field, piece, chosen)
        kept = None if piece.locks is None else piece.locks.bias(field, piece, chosen)
        if order is None or kept is None:
            return kept if order is None else order
        return order + kept

    def forced(self, piece: Piece) -> Sequence[int] | None:
        """The next step where a kept note leaves no choice."""
        return None if piece.locks is None else piece.locks.forced(piece)

    def _order(self, field: int, piece: Piece, chosen: Sequence[int]) -> np.ndarray | None:
        """The mask of what the scheme's order allows."""
        if field == ONSET:
            if not piece.rows:
                mask = np.zeros(self.scheme.sizes[0])
                mask[self.scheme.end] = NEVER  # a piece holds at least one step
                return mask
            if piece.rows[-1][1] == DRUMS and piece.rows[-1][2] >= _TOP:
                mask = np.zeros(self.scheme.sizes[0])
                mask[0] = NEVER  # nothing stands above the last pitch of the last instrument
                return mask
            return None
        if chosen[0] or not piece.rows or field > PITCH:
            return None
        last = piece.rows[-1]
        if field == INSTRUMENT and last[1] >= 0:
            mask = np.zeros(self.scheme.sizes[1])
            mask[: last[1] + (last[2] >= _TOP)] = NEVER
            return mask
        if field == PITCH and chosen[1] == last[1]:
            mask = np.zeros(self.scheme.sizes[2])
            mask[: last[2] + 1] = NEVER
            return mask
        return None

    def ends(self, piece: Piece, chosen: Sequence[int]) -> bool:
        """Whether the onset chosen is END, which is no step of the piece."""
        return chosen[ONSET] == self.scheme.end
