"""Notes that must stand in a piece as they are, while others are written around them.

Knows the scheme's order of notes and the piece so far; does not know models, wishes or Scores. As
steps are written in the order (onset, instrument, pitch), a kept note is the only one allowed when
it is next in that order, and until then only notes before it are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cantilena.tokens.note import NoteScheme

if TYPE_CHECKING:
    from cantilena.tokens.note.grammar import Piece

ONSET, INSTRUMENT, PITCH, DURATION, VELOCITY = range(5)
Row = tuple[int, int, int, int, int]


class Locks:
    """The kept notes of one piece.

    ``table``: (N, 5) onset in grid ticks, instrument, pitch, duration class, velocity class, in the
    scheme's order; ``spans``: half-open (start, stop) in grid ticks, in which new notes may begin;
    ``instruments``: those that may play them, None for all.
    """

    def __init__(
        self,
        scheme: NoteScheme,
        table: np.ndarray,
        spans: Sequence[tuple[int, int]],
        instruments: Iterable[int] | None = None,
    ):
        self.scheme = scheme
        self.rows: list[Row] = [tuple(row) for row in table.tolist()]
        self.places = frozenset(row[:3] for row in self.rows)
        self.spans = list(spans)
        self.instruments = None if instruments is None else frozenset(instruments)
        self.free_instruments = np.zeros(scheme.sizes[INSTRUMENT], dtype=bool)
        self.free_instruments[slice(None) if instruments is None else list(instruments)] = True
        self.written = 0  # of the kept notes
        self.seen = 0  # of the piece's rows

    def holds(self, row: Sequence[int]) -> bool:
        """Whether a row of the piece is a kept note: no new one has its onset, instrument and
        pitch."""
        return tuple(row[:3]) in self.places

    def pending(self, piece: Piece) -> Row | None:
        """The next kept note that the piece does not hold yet."""
        for row in piece.rows[self.seen :]:
            if self.written < len(self.rows) and tuple(row[:3]) == self.rows[self.written][:3]:
                self.written += 1
        self.seen = len(piece.rows)
        return self.rows[self.written] if self.written < len(self.rows) else None

    def forced(self, piece: Piece) -> tuple[int, ...] | None:
        """The whole next step where no new note can come before the next kept one."""
        row = self.pending(piece)
        if row is None or any(start <= row[0] and piece.tick < stop for start, stop in self.spans):
            return None
        return self._step_to(row, piece.tick)

    def _step_to(self, row: Row, tick: int) -> tuple[int, ...]:
        delta = row[0] - tick
        if delta >= self.scheme.max_delta:
            return (self.scheme.rest, 0, 0, 0, 0)
        return (delta, *row[1:])

    def bias(self, field: int, piece: Piece, chosen: Sequence[int]) -> np.ndarray | None:
        """The mask (0 or -inf) of ``field`` after the fields ``chosen``; None where all are
        allowed."""
        row = self.pending(piece)
        if field == ONSET:
            allowed = self._onsets(row, piece)
        else:
            tick = piece.tick + chosen[ONSET]
            if chosen[ONSET] >= self.scheme.rest:
                return None
            at_row = row is not None and tick == row[0]
            if field == INSTRUMENT:
                allowed = self._instruments(row if at_row else None, tick)
            elif row is None or not at_row or chosen[INSTRUMENT] != row[INSTRUMENT]:
                return None
            elif field == PITCH:
                allowed = self._pitches(row, tick)
            elif chosen[PITCH] == row[PITCH]:
                allowed = np.arange(self.scheme.sizes[field]) == row[field]
            else:
                return None
        return np.where(allowed, 0.0, -np.inf)

    def _onsets(self, row: Row | None, piece: Piece) -> np.ndarray:
        tick, longest = piece.tick, self.scheme.max_delta
        allowed = np.zeros(self.scheme.sizes[ONSET], dtype=bool)
        for start, stop in self.spans:
            allowed[max(start - tick, 0) : max(min(stop - tick, longest), 0)] = True
        allowed[0] &= self._above(piece)
        if row is None:
            allowed[self.scheme.rest] = allowed[self.scheme.end] = True
            return allowed
        delta = row[0] - tick
        allowed[delta + 1 :] = False
        if delta < longest:
            allowed[delta] = True
        else:
            allowed[self.scheme.rest] = True
        return allowed

    def _above(self, piece: Piece) -> bool:
        """Whether a new note can stand on the onset reached, behind the last note in order."""
        if not piece.rows or piece.rows[-1][1] < 0:
            return True
        _, instrument, pitch = piece.rows[-1][:3]
        highest = pitch >= self.scheme.sizes[PITCH] - 1
        return bool(self.free_instruments[instrument + highest :].any())

    def _instruments(self, row: Row | None, tick: int) -> np.ndarray:
        allowed = self.free_instruments & self._free(tick)
        if row is not None:
            allowed[row[INSTRUMENT] + 1 :] = False
            allowed[row[INSTRUMENT]] = True
        return allowed

    def _pitches(self, row: Row, tick: int) -> np.ndarray:
        pitches = np.arange(self.scheme.sizes[PITCH])
        if self.free_instruments[row[INSTRUMENT]] and self._free(tick):
            return pitches <= row[PITCH]
        return pitches == row[PITCH]

    def _free(self, tick: int) -> bool:
        return any(start <= tick < stop for start, stop in self.spans)
