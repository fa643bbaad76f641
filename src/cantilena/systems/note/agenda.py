"""What is still to be played of a piece's outline, note by note.

Knows outlines and the rows written so far; gives the features of ``tokens.note.agenda``, which it
must equal number for number (a test holds the two together), and which note each part has due. Does
not know models or wishes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cantilena.tokens.note import PITCHES
from cantilena.tokens.note import agenda as table
from cantilena.tokens.note.context import (
    NO_DELTA,
    NO_DURATION,
    NO_INSTRUMENT,
    NO_PITCH,
    NO_VELOCITY,
)
from cantilena.tokens.note.outline import (
    FIRST_RETURN,
    HELD_BAR,
    KINDS,
    MEANINGS,
    NEW_BAR,
    NO_LETTER,
    REST_BAR,
    RHYTHM,
    UNKNOWN_COUNT,
    UNKNOWN_LETTER,
    VARIED,
    Outline,
    letter_of,
)

Row = tuple[int, ...]


@dataclass(frozen=True)
class Return:
    """How a part comes back in a bar: in which ``kind``, as the bar ``source``, which is ``ticks``
    before it and of which what begins before ``stop`` is taken."""

    kind: str
    source: int
    ticks: int
    start: int
    stop: int


class _Part:
    """A part's notes so far, in order, and what its bars are to be."""

    def __init__(self, outline: Outline, p: int, bars: Sequence[int]):
        self.instrument = int(outline.instruments[p])
        self.letters: list[int] = outline.letters[p].tolist()
        self.counts: list[int] = outline.counts[p].tolist()
        sources = outline.sources[p].tolist()
        self.returns = [
            _return(letter, source, bar, bars)
            for bar, (letter, source) in enumerate(zip(self.letters, sources, strict=True))
        ]
        self.keys: list[int] = []  # tick * PITCHES + pitch
        self.rows: list[Row] = []
        self.left: dict[int, int] = {}  # by bar: ``Agenda.to_come``, until a note changes it

    def close(self, bar: int, bars: Sequence[int]) -> None:
        """Where notes were planned for ``bar``, which is over, and none was written, has the first
        bar that was to take it up play anew and the others take up that one: else all of them
        would stay as empty."""
        if self.counts[bar] <= 0 or self.before(bars[bar]) < self.before(bars[bar + 1]):
            return
        first = -1
        self.left.clear()
        for later, back in enumerate(self.returns):
            if back is None or back.source != bar:
                continue
            if first < 0:
                first, self.letters[later], self.returns[later] = later, NEW_BAR, None
            else:
                letter = letter_of(back.kind, later - first)
                self.letters[later] = letter
                self.returns[later] = _return(letter, first, later, bars)

    def before(self, tick: int, pitch: int = 0) -> int:
        """How many of its notes stand before a place."""
        return bisect_left(self.keys, tick * PITCHES + pitch)


def _return(letter: int, source: int, bar: int, bars: Sequence[int]) -> Return | None:
    if letter >= NO_LETTER or letter < FIRST_RETURN:
        return None
    ticks = bars[bar] - bars[source]
    return Return(
        MEANINGS[letter][0],
        source,
        ticks,
        bars[source],
        min(bars[source + 1], bars[bar + 1] - ticks),
    )


class Agenda:
    """What a piece is still to play. ``bars``: its bar lines in grid ticks, between which the
    outline's bars lie."""

    def __init__(self, outline: Outline, bars: Sequence[int]):
        self.bars = bars
        self.parts = [_Part(outline, p, bars) for p in range(len(outline.instruments))]
        self.by_instrument = {part.instrument: part for part in self.parts}
        letters = outline.letters != UNKNOWN_LETTER
        self.known, self.whole = bool(letters.any()), bool(letters.all())
        self.tick = bars[0]
        self.bar = 0
        self.last = (-1, -1)  # instrument and pitch of the row before, -1 where that is no note
        self.notes_due: dict[int, tuple[int, Row]] | None = None  # as ``due``, once it is computed

    def push(self, row: Row) -> None:
        """Takes up a row (tick, instrument or -1, pitch, duration, velocity, onset)."""
        self.tick, instrument, pitch = row[:3]
        self.last = (instrument, pitch) if instrument >= 0 else (-1, -1)
        self.notes_due = None
        for bar in range(self.bar, self.bar_of(self.tick)):
            for part in self.parts:
                part.close(bar, self.bars)
            self.bar = bar + 1
        part = self.by_instrument.get(instrument)
        if part is not None:
            part.keys.append(self.tick * PITCHES + pitch)
            part.rows.append(row)
            part.left.clear()

    def is_new(self, instrument: int, bar: int) -> bool:
        """Whether a part takes up nothing in a bar in which it plays, as planned or since the bar
        that it was to take up stayed empty."""
        part = self.by_instrument.get(instrument)
        return part is not None and part.letters[bar] == NEW_BAR

    def bar_of(self, tick: int) -> int:
        """Index of the bar ``tick`` lies in."""
        return min(max(bisect_right(self.bars, tick) - 1, 0), len(self.bars) - 2)

    def due(self) -> dict[int, tuple[int, Row]]:
        """For each instrument that takes up an earlier bar in this bar, or else in the next: the
        tick of the note that is due next, and the row that comes back."""
        if self.notes_due is None:
            bar = self.bar_of(self.tick)
            self.notes_due = {}
            for part in self.parts:
                for back in part.returns[bar : bar + 2]:
                    row = self._next(part, back) if back else None
                    if back and row is not None:
                        self.notes_due[part.instrument] = (row[0] + back.ticks, row)
                        break
        return self.notes_due

    def due_at(self, instrument: int, tick: int) -> Row | None:
        """The row that is due of an instrument on the onset ``tick``, above what it has reached."""
        part = self.by_instrument.get(instrument)
        back = part.returns[self.bar_of(tick)] if part else None
        if part is None or back is None:
            return None
        return self._row_at(part, back, tick)

    def _row_at(self, part: _Part, back: Return, tick: int) -> Row | None:
        again = tick == self.tick
        index = self._reached(part, back) if again else part.before(tick - back.ticks)
        if index < len(part.rows):
            row = part.rows[index]
            if row[0] == tick - back.ticks and row[0] < back.stop:
                return row
        return None

    def _next(self, part: _Part, back: Return) -> Row | None:
        """The first row of the bar taken up that is not written yet in its order."""
        if self.tick - back.ticks < back.start:
            index = part.before(back.start)
        else:
            index = self._reached(part, back)
        if index < len(part.rows) and part.rows[index][0] < back.stop:
            return part.rows[index]
        return None

    def _reached(self, part: _Part, back: Return) -> int:
        """The number of the first row that can still come back on this onset."""
        now, (instrument, pitch) = self.tick - back.ticks, self.last
        if part.instrument > instrument:
            return part.before(now)
        if part.instrument < instrument:
            return part.before(now + 1)
        if back.kind != RHYTHM:
            return part.before(now, pitch + 1)
        # of a rhythm as many notes come back as there were, whichever they are
        played = len(part.rows) - part.before(self.tick)
        return min(part.before(now) + played, part.before(now + 1))

    def to_come(self, part: _Part, bar: int) -> int:
        """Notes that a part still has to play in a bar, ``UNKNOWN_COUNT`` where that is not known.
        Where a bar takes up one that came out with more notes than were planned, or fewer, so many
        more or fewer are expected of it."""
        if bar not in part.left:  # asked of all parts at each step, of which one has changed
            part.left[bar] = self._to_come(part, bar)
        return part.left[bar]

    def _to_come(self, part: _Part, bar: int) -> int:
        count = part.counts[bar]
        if count == UNKNOWN_COUNT:
            return UNKNOWN_COUNT
        back = part.returns[bar]
        if back is not None and part.counts[back.source] != UNKNOWN_COUNT:
            stop = self.bars[back.source + 1]
            count += part.before(stop) - part.before(back.start) - part.counts[back.source]
        return max(count - (len(part.rows) - part.before(self.bars[bar])), 0)

    def at_step(self) -> list[int]:
        """Features before the next step, in the order of ``AT_STEP``."""
        if not self.known:
            return [size - 1 for size in table.AT_STEP.values()]
        firm = varied = (NO_DELTA, NO_INSTRUMENT)
        for instrument, (tick, _) in self.due().items():
            back = self.by_instrument[instrument].returns[self.bar_of(tick)]
            if back is not None and back.kind == VARIED:
                varied = min(varied, (tick - self.tick, instrument))
            elif tick - self.tick < NO_DELTA:
                firm = min(firm, (tick - self.tick, instrument))
        out = [*firm, *(varied if varied[0] < NO_DELTA else (NO_DELTA, NO_INSTRUMENT))]
        bar = self.bar_of(self.tick)
        letters = [part.letters[bar] for part in self.parts]
        out += [self._parts(sum(x not in (REST_BAR, HELD_BAR) for x in letters))]
        out += [self._parts(letters.count(NEW_BAR))]
        each = [self.to_come(part, bar) for part in self.parts]
        if UNKNOWN_COUNT in each:
            return [*out, table.COUNTS, table.COUNTS]
        free = sum(n for n, x in zip(each, letters, strict=True) if x == NEW_BAR)
        return [*out, _count(sum(each)), _count(free)]

    def _parts(self, number: int) -> int:
        return min(number, table.MOST_PARTS) if self.whole else table.MOST_PARTS + 1

    def at_onset(self, tick: int) -> list[int]:
        """Features of a chosen onset, in the order of ``AT_ONSET``."""
        if not self.known:
            return [size - 1 for size in table.AT_ONSET.values()]
        bar, firm, varied = self.bar_of(tick), NO_INSTRUMENT, NO_INSTRUMENT
        for part in reversed(self.parts):
            back = part.returns[bar]
            if back is not None and self._row_at(part, back, tick) is not None:
                if back.kind == VARIED:
                    varied = part.instrument
                else:
                    firm = part.instrument
        active = sum(part.letters[bar] not in (REST_BAR, HELD_BAR) for part in self.parts)
        return [firm, varied, self._parts(active)]

    def at_instrument(self, tick: int, instrument: int) -> list[int]:
        """Features of a chosen instrument, in the order of ``AT_INSTRUMENT``."""
        bar, part = self.bar_of(tick), self.by_instrument.get(instrument)
        if part is None or part.letters[bar] == UNKNOWN_LETTER:
            return [size - 1 for size in table.AT_INSTRUMENT.values()]
        row, back = self.due_at(instrument, tick), part.returns[bar]
        note = [NO_PITCH, NO_PITCH, NO_DURATION, NO_VELOCITY]
        if row is not None and back is not None:
            note[2:] = row[3:5]
            if back.kind != RHYTHM:
                note[back.kind == VARIED] = row[2]
        left = self.to_come(part, bar)
        return [part.letters[bar], *note, table.COUNTS if left < 0 else _count(left)]

    def standing(self, tick: int) -> np.ndarray:
        """(129,) how every instrument stands on an onset, as ``tokens.note.agenda`` has it."""
        if not self.known:
            return np.full(NO_INSTRUMENT, table.UNKNOWN_STANDING)
        out = np.full(NO_INSTRUMENT, table.ABSENT)
        bar = self.bar_of(tick)
        for part in self.parts:
            out[part.instrument] = self._standing(part, bar, tick)
        return out

    def _standing(self, part: _Part, bar: int, tick: int) -> int:
        letter, back = part.letters[bar], part.returns[bar]
        if back is not None:
            due = self._row_at(part, back, tick) is not None
            return (table.DUE if due else table.NOT_DUE) + KINDS.index(back.kind)
        if letter == NEW_BAR:
            left = self.to_come(part, bar)
            return table.UNCOUNTED if left < 0 else int(table.standing_to_come(left))
        return _STANDING[letter]


_STANDING = {
    REST_BAR: table.RESTS,
    HELD_BAR: table.HOLDS,
    UNKNOWN_LETTER: table.UNKNOWN_STANDING,
}


def _count(number: int) -> int:
    return int(table.COUNT_CLASS[min(number, len(table.COUNT_CLASS) - 1)])
