"""What is known of a piece while it is being written: its rows so far and the features of the next
step, kept up note by note.

Knows the features of ``tokens.note.context``, which it must equal number for number (a test holds
the two together); does not know models or wishes.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from cantilena.score import DRUMS
from cantilena.tokens.note import context
from cantilena.tokens.note.context import Frame
from cantilena.tokens.note.locks import Locks

_SHIFT = 130 * 128


class Tracker:
    """A piece in progress. ``frame`` is its time known in advance, ``max_delta`` the scheme's.

    ``rows`` are (tick, instrument or -1 for REST, pitch, duration class, velocity class, onset
    class); ``tick`` is the onset reached.
    """

    def __init__(self, frame: Frame, max_delta: int):
        self.frame, self.max_delta = frame, max_delta
        self.bars = frame.bar_starts.tolist()
        self.chord_starts = frame.chord_starts.tolist()
        self.chords = frame.chords.tolist()
        self.left = context.left_class(frame.last_bar - np.arange(len(self.bars) - 1)).tolist()
        self.rows: list[tuple[int, int, int, int, int, int]] = []
        self.keys: list[int] = []
        self.last: dict[int, list[int]] = {}  # instrument -> row numbers, latest last
        self.tick = self.bars[0]
        self.locks: Locks | None = None

    def bar_of(self, tick: int) -> int:
        """Index of the bar ``tick`` lies in."""
        return min(max(bisect_right(self.bars, tick) - 1, 0), len(self.bars) - 2)

    def chord_at(self, tick: int, ahead: int = 0) -> int:
        """Reduced chord number at ``tick``, or ``ahead`` slots later."""
        if not self.chords:
            return context.UNKNOWN_CHORD
        slot = bisect_right(self.chord_starts, tick) - 1 + ahead
        return self.chords[min(max(slot, 0), len(self.chords) - 1)]

    def push(self, onset: int, instrument: int, pitch: int, duration: int, velocity: int) -> None:
        """Takes up one step; a REST (``onset`` is ``max_delta``) has no other fields."""
        self.tick += onset
        if onset == self.max_delta:
            row = (self.tick, -1, 0, 0, 0, onset)
        else:
            row = (self.tick, instrument, pitch, duration, velocity, onset)
            self.last.setdefault(instrument, []).append(len(self.rows))
        self.rows.append(row)
        self.keys.append((row[0] * 130 + row[1] + 1) * 128 + row[2])

    def state(self) -> list[int]:
        """State features before the next step, in the order of ``context.STATE``."""
        if not self.rows:
            tick = self.tick
            head = [194, 129, 256, 32, 8, context.POSITIONS - 1, self.left[0], context.PHRASE - 1]
            head += [self.chord_at(tick), self.chord_at(tick, 1)]
            return head + [context.NONE_DELTA, 129, 256, 32, 8] * len(context.ECHO_BARS)
        tick, instrument, pitch, duration, velocity, onset = self.rows[-1]
        bar = self.bar_of(tick)
        position = min(max(tick - self.bars[bar], 0), context.POSITIONS - 2)
        if instrument < 0:
            out = [onset, 129, 256, 32, 8]
        else:
            out = [onset, instrument, pitch + 128 * (instrument == DRUMS), duration, velocity]
        out += [position, self.left[bar], bar % 8, self.chord_at(tick), self.chord_at(tick, 1)]
        for bars in context.ECHO_BARS:
            out += self._echo(bars, bar, tick)
        return out

    def _echo(self, bars: int, bar: int, tick: int) -> list[int]:
        """The step that followed this moment ``bars`` bars ago."""
        none = [context.NONE_DELTA, 129, 256, 32, 8]
        if bar < bars:
            return none
        lag = self.bars[bar] - self.bars[bar - bars]
        found = bisect_right(self.keys, self.keys[-1] - lag * _SHIFT)
        if found >= len(self.rows):
            return none
        echo = self.rows[found]
        delta = echo[0] + lag - tick
        if echo[1] < 0 or delta < 0 or delta >= context.NONE_DELTA:
            return none
        return [delta, echo[1], echo[2] + 128 * (echo[1] == DRUMS), echo[3], echo[4]]

    def at_onset(self, onset: int) -> list[int]:
        """Head features of a chosen onset class, in the order of ``context.AT_ONSET``."""
        tick = self.tick + onset
        bar = self.bar_of(tick)
        position = min(max(tick - self.bars[bar], 0), context.POSITIONS - 2)
        return [position, self.left[bar], self.chord_at(tick)]

    def at_instrument(self, onset: int, instrument: int) -> list[int]:
        """Head features of a chosen instrument, in the order of ``context.AT_INSTRUMENT``."""
        tick = self.tick + onset
        past = [self.rows[i] for i in self.last.get(instrument, [])[-3:][::-1]]
        pitches = [row[2] for row in past] + [128] * (3 - len(past))
        if past:
            first = past[0]
            out = [*pitches, min(tick - first[0], context.SINCE - 2), first[3], first[4]]
            reached = first[2] if first[0] == tick else -1
        else:
            out, reached = [*pitches, context.SINCE - 1, 32, 8], -1
        bar = self.bar_of(tick)
        for bars in context.ECHO_BARS:
            lag = self.bars[bar] - self.bars[bar - bars] if bar >= bars else 0
            group = (tick - lag) * 130 + instrument + 1
            found = bisect_right(self.keys, group * 128 + reached)
            hit = bar >= bars and found < len(self.keys) and self.keys[found] // 128 == group
            out += [self.rows[found][2], self.rows[found][3]] if hit else [128, 32]
        return out
