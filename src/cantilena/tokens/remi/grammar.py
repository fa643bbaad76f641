"""The Grammar of the remi scheme: which word may come next, whatever is wished.

Knows the scheme and the piece so far; does not know models or wishes. A bar says its metre and, in
REMIGEN2, its tempo; positions rise in it, instruments in a position, and at an instrument notes
fall by pitch, length and velocity, as encoding has them. So time always goes on, and what is
written reads back as the same words. The first bar and the last hold a note.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.tokens.remi import vocab as v

NEVER = -np.inf
_LENGTHS = len(v.LENGTH_STARTS)
_WHOLE_BARS = [
    v.METRE + i for i, (num, den) in enumerate(v.METRE_LIST) if num * 4 * v.GRID % den == 0
]
"""The metres whose bars are whole numbers of positions."""


class RemiPiece:
    """A piece while it is written. ``rows`` holds its words so far."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.bars = 0  # that are ended
        self.length = 0  # positions in the bar
        self.position = self.instrument = -1
        self.note: list[int] = []  # pitch, length, velocity as said so far
        self.last_note: tuple[int, int, int] | None = None  # of the instrument, at the position
        self.sounds = False  # the bar holds a note
        self._to_last_note = 0  # words up to the end of the last whole note

    @property
    def last(self) -> str:
        """The kind of the last word, "" at the beginning."""
        return v.kind_of(self.rows[-1]) if self.rows else ""

    def push(self, word: int) -> None:
        """Appends a word."""
        self.rows.append(word)
        kind, number = v.kind_of(word), v.number_of(word)
        if kind == "b":
            self.bars += 1
        elif kind == "s":
            self.length = v.bar_positions(v.METRE_LIST[number])
            self.position, self.sounds = -1, False
        elif kind == "o":
            self.position, self.instrument = number, -1
        elif kind == "i":
            self.instrument, self.last_note = number, None
        elif kind in "pdv":
            self.note.append(number)
        if kind == "v":
            self.last_note = (self.note[0], self.note[1], self.note[2])
            self.note, self.sounds, self._to_last_note = [], True, len(self.rows)

    def whole(self) -> np.ndarray:
        """(T, 1) the words up to the last note, and the end of its bar; none without a note."""
        words = self.rows[: self._to_last_note]
        return np.array([*words, v.BAR] if words else [], dtype=np.int64)[:, None]


class RemiGrammar:
    """Additive masks, 0 or -inf, of the words. ``repeat_tempo``: of REMIGEN, not REMIGEN2."""

    def __init__(self, repeat_tempo: bool = False):
        self.repeat_tempo = repeat_tempo

    def bias(self, field: int, piece: RemiPiece, chosen: Sequence[int]) -> np.ndarray:
        """(1253,) the mask of the next word."""
        mask = np.full(v.SIZE, NEVER)
        last = piece.last
        if last in ("", "b"):
            mask[_WHOLE_BARS] = 0
            if piece.sounds:
                mask[v.END_OF_PIECE] = 0
        elif last == ("o" if self.repeat_tempo else "s"):
            mask[v.TEMPO : v.TEMPO + v.TEMPOS] = 0
        elif last in "st" and piece.position < 0:
            self._time(mask, piece)
        elif last in "ot":
            mask[v.INSTRUMENT : v.INSTRUMENT + v.INSTRUMENTS] = 0
        elif last == "i":
            self._pitches(mask, piece)
        elif last == "p":
            self._lengths(mask, piece)
        elif last == "d":
            self._velocities(mask, piece)
        else:
            self._time(mask, piece)
            mask[v.INSTRUMENT + piece.instrument + 1 : v.INSTRUMENT + v.INSTRUMENTS] = 0
            self._pitches(mask, piece)
        return mask

    def forced(self, piece: RemiPiece) -> Sequence[int] | None:
        """Nothing is."""
        return None

    def ends(self, piece: RemiPiece, chosen: Sequence[int]) -> bool:
        """Whether the word is ``</s>``, which is no part of the piece."""
        return chosen[0] == v.END_OF_PIECE

    def _time(self, mask: np.ndarray, piece: RemiPiece) -> None:
        """Later positions, and the end of the bar."""
        mask[v.POSITION + piece.position + 1 : v.POSITION + piece.length] = 0
        if piece.sounds or piece.bars:
            mask[v.BAR] = 0

    def _pitches(self, mask: np.ndarray, piece: RemiPiece) -> None:
        first = v.DRUM_PITCH if piece.instrument == DRUMS else 0
        stop = first + v.DRUM_PITCH
        if piece.last_note is not None:
            pitch, length, velocity = piece.last_note
            stop = pitch + (length > 1 or velocity > 0)
        mask[v.PITCH + first : v.PITCH + stop] = 0

    def _lengths(self, mask: np.ndarray, piece: RemiPiece) -> None:
        stop = _LENGTHS
        if piece.last_note is not None and piece.note[0] == piece.last_note[0]:
            stop = piece.last_note[1] + (piece.last_note[2] > 0)
        mask[v.LENGTH + 1 : v.LENGTH + stop] = 0

    def _velocities(self, mask: np.ndarray, piece: RemiPiece) -> None:
        stop = v.VELOCITIES
        if piece.last_note is not None and tuple(piece.note) == piece.last_note[:2]:
            stop = piece.last_note[2]
        mask[v.VELOCITY : v.VELOCITY + stop] = 0
