"""The notes of a piece of words on their way, each once, timed as they will be in its Score.

Knows words and the clock that they set; does not know models or Requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.base import Note
from cantilena.tokens.remi import vocab as v
from cantilena.tokens.remi.grammar import RemiPiece


class LiveNotes:
    """``pitch`` and ``tempo`` say what becomes of a note's pitch (of a drum none is asked) and of
    the microseconds per quarter of a tempo word. A note is handed out when the bars that it sounds
    in are ended, since a later bar may have another tempo, and at the latest when the piece is
    done. ``cut``: whether notes end with the piece's last bar line."""

    def __init__(
        self,
        piece: RemiPiece,
        pitch: Callable[[int], int],
        tempo: Callable[[int], int],
        cut: bool = False,
    ):
        self.piece, self.pitch, self.tempo, self.cut = piece, pitch, tempo, cut
        self.read = 0  # words
        self.starts: list[int] = []  # of bars, in positions
        self.speeds: list[float] = []  # seconds per position, by bar
        self.next_start = self.at = self.last = self.instrument = 0
        self.note: list[int] = []
        self.waiting: list[tuple[int, int, int, int, int, int]] = []

    def take(self, done: bool) -> Iterator[Note]:
        """The notes that have become final since the last call."""
        for word in self.piece.rows[self.read :]:
            self._read(word)
        self.read = len(self.piece.rows)
        ended = self.next_start if self.piece.last == "b" else self.starts[-1] if self.starts else 0
        held = []
        for at, end, *row in self.waiting:
            if done or end <= ended:
                stop = min(end, self._last_line()) if self.cut else end
                yield self._note(at, stop, *row)
            else:
                held.append((at, end, *row))
        self.waiting = held

    def _read(self, word: int) -> None:
        kind, number = v.kind_of(word), v.number_of(word)
        if kind == "s":
            self.starts.append(self.next_start)
            self.speeds.append(0.0)
            self.next_start += v.bar_positions(v.METRE_LIST[number])
        elif kind == "t":
            us = self.tempo(round(60e6 / v.tempo_bpm(number)))
            self.speeds[-1] = us * 1e-6 / v.GRID
        elif kind == "o":
            self.at = self.starts[-1] + number
        elif kind == "i":
            self.instrument = number
        elif kind in "pd":
            self.note.append(number)
        elif kind == "v":
            pitch, length = self.note
            end = self.at + max(1, int(v.LENGTH_STARTS[length]))
            bar, self.last = len(self.starts), self.at
            self.waiting.append((self.at, end, pitch, 4 * number + 2, self.instrument, bar))
            self.note = []

    def _last_line(self) -> int:
        """The bar line behind the last note."""
        return next((b for b in self.starts if b > self.last), self.next_start)

    def _note(
        self, at: int, end: int, pitch: int, velocity: int, instrument: int, bar: int
    ) -> Note:
        start, stop = self._seconds(at), self._seconds(end)
        sounding = pitch - v.DRUM_PITCH if instrument == DRUMS else self.pitch(pitch)
        return Note(start, stop - start, sounding, velocity, instrument, bar)

    def _seconds(self, position: int) -> float:
        """Seconds at a position: through whole bars, and on in the last at its speed."""
        edges = np.array([*self.starts[1:], max(position, self.starts[-1])])
        spans = np.clip(np.minimum(edges, position) - np.array(self.starts), 0, None)
        return float(spans @ np.array(self.speeds))
