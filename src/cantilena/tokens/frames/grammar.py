"""The Grammar of the frames scheme: which word may come next, whatever is wished.

Knows the scheme and the piece so far; does not know models or wishes. A frame is pairs of program
and pitch with duration, none of which says a program's pitch twice, and its end; the piece ends
after as many frames as it was asked to have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.tokens.frames import DURATIONS, EOS, PAD, PITCHES, PROGRAMS, SIZE

NEVER = -np.inf


class FramePiece:
    """A piece of ``frames`` frames while it is written. ``rows`` holds its words so far."""

    def __init__(self, frames: int, most: int = 16):
        self.frames, self.most = frames, most
        self.rows: list[int] = []
        self.done = 0  # frames that are whole
        self.program: int | None = None  # of the note whose pitch comes next
        self.notes: set[tuple[int, int]] = set()  # program and pitch, in the frame

    def push(self, word: int) -> None:
        """Appends a word."""
        self.rows.append(word)
        if word == EOS:
            self._close()
        elif self.program is None:
            self.program = word
        else:
            self.notes.add((self.program, (word - PROGRAMS) % PITCHES))
            self.program = None
            if len(self.notes) == self.most:
                self._close()

    def _close(self) -> None:
        self.done += 1
        self.notes = set()

    def whole(self) -> np.ndarray:
        """(T, 1) the words so far, without a note that is only begun, up to the asked length."""
        words = self.rows[: len(self.rows) - (self.program is not None)]
        open_frame = bool(self.notes)
        missing = self.frames - self.done - open_frame
        return np.array([*words, *[EOS] * (open_frame + missing)], dtype=np.int64)[:, None]


class FrameGrammar:
    """Additive masks, 0 or -inf, of the words."""

    def bias(self, field: int, piece: FramePiece, chosen: Sequence[int]) -> np.ndarray:
        """(3331,) the mask of the next word."""
        mask = np.full(SIZE, NEVER)
        if piece.done >= piece.frames:
            mask[PAD] = 0
        elif piece.program is None:
            mask[:PROGRAMS] = 0
            mask[EOS] = 0
        else:
            table = mask[PROGRAMS : PROGRAMS + PITCHES * len(DURATIONS)].reshape(-1, PITCHES)
            table[:] = 0
            table[:, [pitch for program, pitch in piece.notes if program == piece.program]] = NEVER
        return mask

    def forced(self, piece: FramePiece) -> Sequence[int] | None:
        """The end, once all frames are written."""
        return (PAD,) if piece.done >= piece.frames else None

    def ends(self, piece: FramePiece, chosen: Sequence[int]) -> bool:
        """Whether the word ends the piece: padding, which is no part of it."""
        return chosen[0] == PAD
