"""What is known of a piece while it is being written: its rows so far and the features of the next
step, kept up note by note.

Knows the features of ``tokens.note.context``, which it must equal number for number (a test holds
the two together), and where an outline is followed; does not know models or wishes.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.agenda import Agenda
from cantilena.tokens.note import PITCHES, context
from cantilena.tokens.note.agenda import unknown
from cantilena.tokens.note.context import (
    NO_DELTA,
    NO_DURATION,
    NO_INSTRUMENT,
    NO_PITCH,
    NO_PITCH_OR_DRUM,
    NO_VELOCITY,
    Frame,
    row_key,
)
from cantilena.tokens.note.locks import Locks
from cantilena.tokens.note.outline import Outline

_UNKNOWN = {part: rows[0].tolist() for part, rows in unknown(1).items()}
_UNKNOWN_STANDING = unknown(1)["standing"][0]
_NO_NOTE = [NO_INSTRUMENT, NO_PITCH_OR_DRUM, NO_DURATION, NO_VELOCITY]


class Tracker:
    """A piece in progress. ``frame`` is its time known in advance, ``max_delta`` the scheme's,
    ``outline`` what is planned of its parts; ``agenda`` follows it.

    ``rows`` are (tick, instrument or -1 for REST, pitch, duration class, velocity class, onset
    class); ``tick`` is the onset reached.
    """

    def __init__(self, frame: Frame, max_delta: int, outline: Outline | None = None):
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
        self.agenda = Agenda(outline, self.bars) if outline else None

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
        self.keys.append(row_key(row[0], row[1], row[2]))
        if self.agenda:
            self.agenda.push(row)

    def state(self) -> list[int]:
        """State features before the next step, in the order of ``context.STATE``."""
        if not self.rows:
            tick = self.tick
            out = [context.NO_ONSET, *_NO_NOTE]
            out += [context.NO_POSITION, self.left[0], context.NO_PHRASE]
            out += [self.chord_at(tick), self.chord_at(tick, 1)]
            return out + [NO_DELTA, *_NO_NOTE] * len(context.ECHO_BARS)
        tick, instrument, pitch, duration, velocity, onset = self.rows[-1]
        bar = self.bar_of(tick)
        if instrument < 0:
            out = [onset, *_NO_NOTE]
        else:
            out = [onset, instrument, _pitch_or_drum(instrument, pitch), duration, velocity]
        out += [self._position(tick, bar), self.left[bar], bar % context.PHRASE_BARS]
        out += [self.chord_at(tick), self.chord_at(tick, 1)]
        for bars in context.ECHO_BARS:
            out += self._echo(bars, bar, tick)
        return out

    def _echo(self, bars: int, bar: int, tick: int) -> list[int]:
        """The step that followed this moment ``bars`` bars ago."""
        none = [NO_DELTA, *_NO_NOTE]
        if bar < bars:
            return none
        lag = self.bars[bar] - self.bars[bar - bars]
        after = bisect_right(self.keys, self.keys[-1] - lag * context.KEYS_PER_TICK)
        if after >= len(self.rows):
            return none
        onset, instrument, pitch, duration, velocity, _ = self.rows[after]
        delta = onset + lag - tick
        if instrument < 0 or delta < 0 or delta >= NO_DELTA:
            return none
        return [delta, instrument, _pitch_or_drum(instrument, pitch), duration, velocity]

    def _position(self, tick: int, bar: int) -> int:
        """Ticks from the bar line, as a class."""
        return min(max(tick - self.bars[bar], 0), context.LAST_POSITION)

    def at_onset(self, onset: int) -> list[int]:
        """Head features of a chosen onset class, in the order of ``context.AT_ONSET``."""
        tick = self.tick + onset
        bar = self.bar_of(tick)
        return [self._position(tick, bar), self.left[bar], self.chord_at(tick)]

    def plan_at_step(self) -> list[int]:
        """Features of the outline before the next step, in the order of ``agenda.AT_STEP``."""
        return self.agenda.at_step() if self.agenda else _UNKNOWN["at_step"]

    def plan_at_onset(self, onset: int) -> list[int]:
        """The same of a chosen onset class, in the order of ``agenda.AT_ONSET``."""
        return self.agenda.at_onset(self.tick + onset) if self.agenda else _UNKNOWN["at_onset"]

    def plan_at_instrument(self, onset: int, instrument: int) -> list[int]:
        """The same of a chosen instrument, in the order of ``agenda.AT_INSTRUMENT``."""
        if not self.agenda:
            return _UNKNOWN["at_instrument"]
        return self.agenda.at_instrument(self.tick + onset, instrument)

    def standing(self, onset: int) -> np.ndarray:
        """(129,) how every instrument stands on a chosen onset class."""
        return self.agenda.standing(self.tick + onset) if self.agenda else _UNKNOWN_STANDING

    def at_instrument(self, onset: int, instrument: int) -> list[int]:
        """Head features of a chosen instrument, in the order of ``context.AT_INSTRUMENT``."""
        tick = self.tick + onset
        past = [self.rows[i] for i in self.last.get(instrument, [])[-3:][::-1]]
        pitches = [row[2] for row in past] + [NO_PITCH] * (3 - len(past))
        reached = -1  # the instrument's highest pitch on this onset, of which -1 is below all
        if past:
            onset_tick, _, pitch, duration, velocity, _ = past[0]
            since = min(tick - onset_tick, context.LONGEST_SINCE)
            out = [*pitches, since, duration, velocity]
            reached = pitch if onset_tick == tick else -1
        else:
            out = [*pitches, context.NEVER_PLAYED, NO_DURATION, NO_VELOCITY]
        bar = self.bar_of(tick)
        for bars in context.ECHO_BARS:
            out += self._echo_of(instrument, reached, tick, bar, bars)
        return out

    def _echo_of(self, instrument: int, reached: int, tick: int, bar: int, bars: int) -> list[int]:
        """Pitch and duration of what an instrument played at this place of the bar ``bars`` bars
        ago, above the pitch ``reached``."""
        if bar >= bars:
            then = tick - (self.bars[bar] - self.bars[bar - bars])
            after = bisect_right(self.keys, row_key(then, instrument, reached))
            if after < len(self.rows) and self.rows[after][:2] == (then, instrument):
                return [self.rows[after][2], self.rows[after][3]]
        return [NO_PITCH, NO_DURATION]


def _pitch_or_drum(instrument: int, pitch: int) -> int:
    return pitch + PITCHES * (instrument == DRUMS)
