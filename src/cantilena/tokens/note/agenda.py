"""What a step can know of the outline: which note is due next, what the chosen part's bar takes up,
how much is still to come in it.

Knows note tables, bar lines and outlines; does not know models. A note is *due* that stands in the
bar which a part's bar takes up, at the place reached or behind it, and has not come back yet. As in
``tokens.note.context`` the features are computed here for whole windows at once (training) and by
``systems.note.agenda`` note by note (generation); a test holds the two against each other. They are
read by the heads alone: ``AT_STEP`` before the onset is predicted, the others with those of the
same name in ``tokens.note.context``. The last class of each means "unknown".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cantilena.tokens.note import PITCHES
from cantilena.tokens.note.context import (
    NO_DELTA,
    NO_DURATION,
    NO_INSTRUMENT,
    NO_PITCH,
    NO_VELOCITY,
)
from cantilena.tokens.note.outline import (
    EXACT,
    FIRST_RETURN,
    HELD_BAR,
    KINDS,
    LAGS,
    NEW_BAR,
    NO_LETTER,
    REST_BAR,
    RHYTHM,
    UNKNOWN_COUNT,
    UNKNOWN_LETTER,
    VARIED,
    Outline,
)

MOST_PARTS = 16  # parts that are told apart by number; more count as so many
_COUNT_STARTS = (*range(17), 17, 21, 29, 41, 65)
"""The least number of notes of each class of a count."""
COUNTS = len(_COUNT_STARTS)
COUNT_CLASS = np.searchsorted(_COUNT_STARTS, np.arange(_COUNT_STARTS[-1] + 1), side="right") - 1
_LETTERS = UNKNOWN_LETTER + 1

AT_STEP = {
    "firm_due": NO_DELTA + 2,
    "firm_instrument": NO_INSTRUMENT + 2,
    "varied_due": NO_DELTA + 2,
    "varied_instrument": NO_INSTRUMENT + 2,
    "active": MOST_PARTS + 2,
    "free": MOST_PARTS + 2,
    "to_come": COUNTS + 1,
    "free_to_come": COUNTS + 1,
}
"""Before the onset: ticks to the note that is due next in this bar or the one after it, and its
instrument, firmly (where a part comes back exactly or in its rhythm) and varied; how many parts
play in this bar and how many of them anew; how many notes are still to come in it, of all parts and
of those."""

AT_ONSET = {
    "firm_instrument": NO_INSTRUMENT + 2,
    "varied_instrument": NO_INSTRUMENT + 2,
    "active": MOST_PARTS + 2,
}
"""Of the onset chosen: the instruments that are due next on it, and how many parts play in its
bar."""

AT_INSTRUMENT = {
    "letter": _LETTERS,
    "exact_pitch": NO_PITCH + 2,
    "varied_pitch": NO_PITCH + 2,
    "due_duration": NO_DURATION + 2,
    "due_velocity": NO_VELOCITY + 2,
    "to_come": COUNTS + 1,
}
"""Of the instrument chosen: what its bar takes up, the note that is due on this onset (its pitch by
how it comes back; in a rhythm it is any), and how many it still has to play in the bar, this one
with it."""

FEATURES = {"at_step": AT_STEP, "at_onset": AT_ONSET, "at_instrument": AT_INSTRUMENT}

ABSENT, RESTS, HOLDS, DUE = range(4)
NOT_DUE = DUE + len(KINDS)
TO_COME = NOT_DUE + len(KINDS)
FEW = (0, 1, 2, 4)
"""The least number of notes still to come of each class of a part that plays anew."""
UNCOUNTED = TO_COME + len(FEW)
UNKNOWN_STANDING = UNCOUNTED + 1
STANDINGS = UNKNOWN_STANDING + 1
"""How each instrument stands on an onset, which the instrument's head reads of all of them: not in
the piece; silent in this bar; held; a note due on this onset, or not, by how it takes up its bar;
of a part that plays anew, how many notes are still to come."""


NEVER = np.iinfo(np.int64).max


def standing_to_come(count: Any) -> Any:
    """The standing of parts that play anew, by the notes they still have to play."""
    return TO_COME + np.searchsorted(FEW, count, side="right") - 1


def unknown(size: int) -> dict[str, np.ndarray]:
    """The features of ``size`` steps of a piece without an outline."""
    out = {
        part: np.tile(np.array(list(sizes.values())) - 1, (size, 1))
        for part, sizes in FEATURES.items()
    }
    return {**out, "standing": np.full((size, NO_INSTRUMENT), UNKNOWN_STANDING)}


@dataclass(frozen=True)
class Steps:
    """S steps of a piece: ``tick`` (S,), the onset reached before each; ``instrument`` and
    ``pitch`` (S,) of the row before it, -1 where that is no note; ``onset`` (S,), the tick that it
    goes to; ``chosen`` (S,), its instrument (-1 where it has none)."""

    tick: np.ndarray
    instrument: np.ndarray
    pitch: np.ndarray
    onset: np.ndarray
    chosen: np.ndarray


def features(
    table: np.ndarray, bars: np.ndarray, outline: Outline, steps: Steps
) -> dict[str, np.ndarray]:
    """The features of steps of a song: "at_step", "at_onset" and "at_instrument", (S, F) each, and
    "standing" (S, 129). ``table``: (N, 5) all its notes, of which a step knows those before it;
    ``bars``: (B + 1,) its bar lines from the outline's first on."""
    if not (outline.letters != UNKNOWN_LETTER).any():
        return unknown(len(steps.tick))
    return _Window(table, bars, outline, steps).features()


class _Window:
    """Steps of a song against its parts: arrays are (S, P) where not said otherwise."""

    def __init__(self, table: np.ndarray, bars: np.ndarray, outline: Outline, steps: Steps):
        self.bars, self.outline, self.steps = bars, outline, steps
        self.parts = np.arange(len(outline.instruments))
        rank = np.searchsorted(outline.instruments, table[:, 1])
        self.span = (int(table[:, 0].max(initial=0)) + 2) * PITCHES
        keys = rank * self.span + table[:, 0] * PITCHES + table[:, 2]
        order = np.argsort(keys, kind="stable")
        self.keys, self.rows = keys[order], table[order]
        self.whole = bool((outline.letters != UNKNOWN_LETTER).all())
        # what of the onset reached is behind each part, as an offset in keys
        last = steps.instrument[:, None]
        passed, self.same = outline.instruments < last, outline.instruments == last
        self.offset = np.where(passed, PITCHES, np.where(self.same, steps.pitch[:, None] + 1, 0))
        self.written = self._position(steps.tick[:, None], self.offset)
        self.here = self.written - self._position(steps.tick[:, None], 0)

    def features(self) -> dict[str, np.ndarray]:
        """As ``features``."""
        steps = self.steps
        bar, bar_then = self._bar_of(steps.tick), self._bar_of(steps.onset)
        row, is_due = self._due_at(bar_then)
        to_come = self._to_come(bar_then)
        return {
            "at_step": np.stack(list(self._at_step(bar).values()), -1),
            "at_onset": np.stack(list(self._at_onset(bar_then, is_due).values()), -1),
            "at_instrument": np.stack(
                list(self._at_instrument(bar_then, row, is_due, to_come).values()), -1
            ),
            "standing": self._standing(bar_then, is_due, to_come),
        }

    def _bar_of(self, ticks: np.ndarray) -> np.ndarray:
        bar = np.searchsorted(self.bars, ticks, side="right") - 1
        return np.clip(bar, 0, len(self.bars) - 2)

    def _position(self, tick: np.ndarray, offset: Any) -> np.ndarray:
        """How many rows stand before (tick, pitch ``offset``) of each part, and before the part."""
        key = np.clip(tick * PITCHES + offset, 0, self.span - 1)
        return np.searchsorted(self.keys, self.parts * self.span + key)

    def _letters(self, bar: np.ndarray) -> np.ndarray:
        return self.outline.letters[:, bar].T

    def _sources(self, bar: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of bars (S,): which parts take one up, how (a number of KINDS), how many ticks back,
        where the bar taken up begins and where what is taken of it ends."""
        letters = self._letters(bar)
        back = (letters >= FIRST_RETURN) & (letters < NO_LETTER)
        kind, source = _kind(letters), self.outline.sources[:, bar].T
        ticks = self.bars[bar][:, None] - self.bars[source]
        stop = np.minimum(self.bars[source + 1], self.bars[bar + 1][:, None] - ticks)
        return back, kind, ticks, self.bars[source], stop

    def _next(self, tick: np.ndarray, offset: np.ndarray, kind: np.ndarray, behind: np.ndarray):
        """Rows from (tick, offset) on. Where the part itself was the last to play (``behind``) and
        takes up the rhythm alone, as many of a tick are behind it as it has played."""
        row = self._position(tick, offset)
        first, end = self._position(tick, 0), self._position(tick, PITCHES)
        as_many = np.minimum(first + self.here, end)
        return np.where(behind & (kind == KINDS.index(RHYTHM)), as_many, row)

    def _due_next(self, bar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ticks of the notes due next in bars (S,), and which parts have one."""
        back, kind, ticks, start, stop = self._sources(bar)
        now = self.steps.tick[:, None] - ticks
        row = self._next(now, self.offset, kind, self.same)
        row = np.where(now < start, self._position(start, 0), row)
        at = self.rows[np.minimum(row, len(self.rows) - 1), 0]
        return at + ticks, back & (row < self.written) & (at < stop)

    def _due_at(self, bar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows (numbers) due on the onset chosen, which lies in bars (S,), and which parts have
        one."""
        back, kind, ticks, _, stop = self._sources(bar)
        onset = self.steps.onset[:, None]
        again = onset == self.steps.tick[:, None]
        now = onset - ticks
        row = self._next(now, np.where(again, self.offset, 0), kind, again & self.same)
        row = np.minimum(row, len(self.rows) - 1)
        at = self.rows[row, 0]
        return row, back & (row < self.written) & (at == now) & (at < stop)

    def _to_come(self, bar: np.ndarray) -> np.ndarray:
        """Notes that are still to come in bars (S,), ``UNKNOWN_COUNT`` where that is not known."""
        counts = self.outline.counts[:, bar].T
        done = np.maximum(self.written - self._position(self.bars[bar][:, None], 0), 0)
        return np.where(counts < 0, UNKNOWN_COUNT, np.maximum(counts - done, 0))

    def _at_step(self, bar: np.ndarray) -> dict[str, np.ndarray]:
        after = np.minimum(bar + 1, len(self.bars) - 2)
        now, is_now = self._due_next(bar)
        then, is_then = self._due_next(after)
        tick = np.where(is_now, now, np.where(is_then, then, NEVER))
        varied = np.where(is_now, _varies(self._letters(bar)), _varies(self._letters(after)))
        letter, to_come = self._letters(bar), self._to_come(bar)
        free = letter == NEW_BAR
        firm = self._first(np.where(varied, NEVER, tick))
        loose = self._first(np.where(varied, tick, NEVER))
        return {
            "firm_due": firm[0],
            "firm_instrument": firm[1],
            "varied_due": loose[0],
            "varied_instrument": loose[1],
            "active": self._parts(_plays(letter).sum(1)),
            "free": self._parts(free.sum(1)),
            "to_come": self._counts(to_come, to_come),
            "free_to_come": self._counts(np.where(free, to_come, 0), to_come),
        }

    def _first(self, tick: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ticks (S,) to the first of the notes due and its instrument."""
        first, soonest = tick.argmin(1), tick.min(1)
        delta = np.where(soonest < NEVER, soonest - self.steps.tick, NO_DELTA)
        none = delta >= NO_DELTA
        instrument = np.where(none, NO_INSTRUMENT, self.outline.instruments[first])
        return np.where(none, NO_DELTA, delta), instrument

    def _parts(self, number: np.ndarray) -> np.ndarray:
        if not self.whole:
            return np.full_like(number, MOST_PARTS + 1)
        return np.minimum(number, MOST_PARTS)

    def _counts(self, numbers: np.ndarray, to_come: np.ndarray) -> np.ndarray:
        """Classes of sums over parts, unknown where what is to come of any of them is."""
        return np.where((to_come < 0).any(1), COUNTS, count_class(numbers.sum(1)))

    def _at_onset(self, bar: np.ndarray, is_due: np.ndarray) -> dict[str, np.ndarray]:
        letters = self._letters(bar)
        varied = _varies(letters)
        return {
            "firm_instrument": self._lowest(is_due & ~varied),
            "varied_instrument": self._lowest(is_due & varied),
            "active": self._parts(_plays(letters).sum(1)),
        }

    def _lowest(self, is_due: np.ndarray) -> np.ndarray:
        """(S,) the lowest instrument of those that are due."""
        instrument = self.outline.instruments[is_due.argmax(1)]
        return np.where(is_due.any(1), instrument, NO_INSTRUMENT)

    def _at_instrument(
        self, bar: np.ndarray, row: np.ndarray, is_due: np.ndarray, to_come: np.ndarray
    ) -> dict[str, np.ndarray]:
        part = np.searchsorted(self.outline.instruments, np.maximum(self.steps.chosen, 0))
        part = np.minimum(part, len(self.parts) - 1)
        each = np.arange(len(bar))
        letter, is_due = self._letters(bar)[each, part], is_due[each, part]
        due, left = self.rows[row[each, part]], to_come[each, part]
        dark, kind = letter == UNKNOWN_LETTER, _kind(letter)

        def of(column: int, none: int, counts: Any = True) -> np.ndarray:
            return np.where(dark, none + 1, np.where(is_due & counts, due[:, column], none))

        return {
            "letter": letter,
            "exact_pitch": of(2, NO_PITCH, kind == KINDS.index(EXACT)),
            "varied_pitch": of(2, NO_PITCH, kind == KINDS.index(VARIED)),
            "due_duration": of(3, NO_DURATION),
            "due_velocity": of(4, NO_VELOCITY),
            "to_come": np.where(left < 0, COUNTS, count_class(left)),
        }

    def _standing(self, bar: np.ndarray, is_due: np.ndarray, to_come: np.ndarray) -> np.ndarray:
        letters = self._letters(bar)
        kind = _kind(letters)
        new = np.where(to_come < 0, UNCOUNTED, standing_to_come(np.maximum(to_come, 0)))
        standing = np.select(
            [letters == UNKNOWN_LETTER, letters == REST_BAR, letters == HELD_BAR],
            [UNKNOWN_STANDING, RESTS, HOLDS],
            np.where(letters == NEW_BAR, new, np.where(is_due, DUE, NOT_DUE) + kind),
        )
        out = np.full((len(bar), NO_INSTRUMENT), ABSENT)
        out[:, self.outline.instruments] = standing
        return out


def _plays(letters: np.ndarray) -> np.ndarray:
    return (letters != REST_BAR) & (letters != HELD_BAR)


def _kind(letters: np.ndarray) -> np.ndarray:
    """Numbers of KINDS, of bars that take up another; of others any."""
    return np.clip(letters - FIRST_RETURN, 0, NO_LETTER - FIRST_RETURN - 1) // len(LAGS)


def _varies(letters: np.ndarray) -> np.ndarray:
    return _kind(letters) == KINDS.index(VARIED)


def count_class(number: np.ndarray) -> np.ndarray:
    """Classes of numbers of notes (0 or more; below that as 0)."""
    return COUNT_CLASS[np.clip(number, 0, len(COUNT_CLASS) - 1)]
