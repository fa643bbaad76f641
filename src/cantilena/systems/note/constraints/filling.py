"""Constraints of music that is put between notes that stay: it fills its span, has as many notes as
are due, leans on the beat or off it, and near to what stood there.

Knows the notes that are kept (``tokens.note.locks``), the span and the piece so far; does not know
texts, engines or files.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from cantilena.decode.interfaces import Constraint
from cantilena.score import DRUMS
from cantilena.systems.note.constraints.length import Close, CloseBeats, LastHits, last_chord
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.context import row_key
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, NEVER, ONSET, PITCH

Row = tuple[int, int, int, int, int]


def lock_value(piece: Tracker, scheme: NoteScheme, chosen: Sequence[int]) -> int | None:
    """The value of the next field that leads to the next kept note; None where the fields chosen
    have left its way, or none is to come."""
    row = None if piece.locks is None else piece.locks.pending(piece)
    if row is None:
        return None
    if not chosen:
        return min(row[0] - piece.tick, scheme.rest)
    if piece.tick + chosen[ONSET] != row[0] or tuple(chosen[1:]) != row[1 : len(chosen)]:
        return None
    return row[len(chosen)]


class Around:
    """A constraint on new notes alone: it forbids no kept note, and so never has to give way to
    one; and it is not asked of what begins at ``stop`` (the span's end, in grid ticks) or later."""

    def __init__(self, constraint: Constraint[Tracker], scheme: NoteScheme, stop: int):
        self.constraint, self.scheme, self.name = constraint, scheme, constraint.name
        self.stop = stop

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """The constraint's own, but for the next kept note."""
        if chosen and piece.tick + chosen[ONSET] >= self.stop:
            return None
        out = self.constraint.bias(field, piece, chosen)
        value = None if out is None else lock_value(piece, self.scheme, chosen)
        if out is None or value is None or out[value] != NEVER:
            return out
        out = out.copy()
        out[value] = 0.0
        return out


class Filled:
    """The span is filled: without other parts to be heard no silence is longer than a bar, no note
    begins so near to its end that it would be a click, and the span holds a note at least."""

    name = "span"

    SHORTEST = 3
    """Ticks (a thirty-second) that are left for the last note, where the span is longer."""

    def __init__(self, scheme: NoteScheme, span: tuple[int, int], bar_ticks: int, alone: bool):
        self.scheme, self.alone = scheme, alone
        self.start, self.stop = span
        length = self.stop - self.start
        self.latest = max(self.start, self.stop - min(self.SHORTEST, length))  # onset of a new note
        self.longest = min(bar_ticks, max(1, self.latest - self.start))

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Masks onsets."""
        if field != ONSET or piece.tick >= self.stop:
            return None
        out = np.zeros(self.scheme.sizes[ONSET])
        if self.latest + 1 < self.stop:
            out[max(self.latest + 1 - piece.tick, 1) : max(self.stop - piece.tick, 0)] = NEVER
            kept = lock_value(piece, self.scheme, ())
            if kept is not None:
                out[kept] = 0.0
        if not self.alone:
            if piece.tick < self.latest:
                out[self.scheme.end] = NEVER
            return out
        since = self._last_new(piece)
        if since is not None and since + self.longest >= self.latest:
            return out  # the span may be left
        due = min(self.latest, (self.start if since is None else since) + self.longest)
        out[max(due - piece.tick, 0) + 1 :] = NEVER
        if due - piece.tick >= self.scheme.max_delta:
            out[self.scheme.rest] = 0.0
        return out

    def _last_new(self, piece: Tracker) -> int | None:
        """The onset of the last note in the span, None where it has none."""
        for row in reversed(piece.rows):
            if row[0] < self.start:
                return None
            if row[1] >= 0:
                return row[0]
        return None


class Together:
    """Parts that are added to a whole piece begin and end with it: the pitched ones come in on the
    first beat and on the last chord, in the order in which steps name them; notes of that chord
    begin on the beats of the first half of the last bar, and pitched ones are held for half of what
    is left at least; drums are struck there as in ``Close``."""

    name = "beginning and ending"

    ENTRY_BIAS = 9.0
    """What the next part to come in gains there, and time going on loses, as
    ``Close.CADENCE_BIAS``."""

    END_BIAS = Close.END_BIAS
    """What going on to what stays, or to the end, gains once all have come in."""

    def __init__(self, plan: Plan, scheme: NoteScheme, instruments: Sequence[int]):
        self.scheme, self.end = scheme, plan.end
        self.last = last_chord(plan)
        self.closing = self.last + (plan.end - self.last) // 2
        self.active = int(plan.lines[-2]) > plan.origin
        self.beats = CloseBeats(self.last, self.closing, plan.beat_ticks)
        self.hits = LastHits()
        self.closes = False
        self.lengths = np.array(scheme.durations)
        self._silent = np.zeros(scheme.sizes[INSTRUMENT])
        self._silent[list(instruments)] = NEVER
        self.start = plan.origin
        self.entering = sorted(i for i in instruments if i != DRUMS)

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Masks onsets, durations and drums, and new notes beside kept ones that come later."""
        if not self.active or piece.tick >= self.end:
            return None
        tick = piece.tick + (chosen[ONSET] if field != ONSET else 0)
        if tick >= self.last and not self.closes:
            self.closes = True
            self.hits.listen(piece)
        if field == ONSET:
            return self._onsets(piece)
        if field == PITCH:
            return self.hits.bias if tick >= self.last and chosen[INSTRUMENT] == DRUMS else None
        if field == INSTRUMENT:
            return self._instruments(piece, tick)
        if field != DURATION or tick < self.last or chosen[INSTRUMENT] == DRUMS:
            return None
        out = np.zeros(self.scheme.sizes[field])
        short = 2 * self.lengths < self.end - tick
        out[short if not short.all() else short & False] = NEVER
        return out

    def _onsets(self, piece: Tracker) -> np.ndarray:
        out = np.zeros(self.scheme.sizes[ONSET])
        kept = lock_value(piece, self.scheme, ())
        self.beats.forbid(out, piece.tick, self.scheme.max_delta)
        out[max(self.closing - piece.tick, 0) : self.scheme.rest] = NEVER
        if self._struck(piece, piece.tick):
            out[0] = NEVER
        if kept is not None:
            out[kept] = 0.0
        wait = self.start - piece.tick
        if wait >= 0 and self._coming(piece, self.start):
            out[wait + 1 :] -= self.ENTRY_BIAS
        if piece.tick == self.last and self._coming(piece, self.last):
            out[1:] -= self.ENTRY_BIAS
        elif piece.tick >= self.last and piece.rows and piece.rows[-1][0] == piece.tick:
            out[[self.scheme.rest, self.scheme.end] if kept is None else [kept]] = self.END_BIAS
        return out

    def _instruments(self, piece: Tracker, tick: int) -> np.ndarray | None:
        if tick >= self.closing:
            return self._silent
        out = np.zeros(self.scheme.sizes[INSTRUMENT])
        coming = self._coming(piece, tick) if tick in (self.start, self.last) else []
        if coming:
            out[coming[0]] = self.ENTRY_BIAS
        if self._struck(piece, tick):
            out[DRUMS] = NEVER
        return out

    def _struck(self, piece: Tracker, tick: int) -> bool:
        """Whether a drummer in the close, who comes last on an onset, has struck all he may."""
        drums = bool(piece.rows) and piece.rows[-1][:2] == (tick, DRUMS)
        return drums and self.closes and self.hits.done(piece, tick)

    def _coming(self, piece: Tracker, tick: int) -> list[int]:
        """The pitched parts that have not come in on ``tick`` and still can."""
        row = piece.rows[-1] if piece.rows and piece.rows[-1][0] == tick else None
        return [i for i in self.entering if row is None or i > row[1]]


class Amount:
    """As many new notes as are due: while the span has more, time and kept notes are urged on;
    while it has fewer, further notes are. ``lines``: (n + 1,) rising ticks, the span's start, its
    bar lines and its end; ``due``: (n,) new notes between them; ``slack``: by which share there may
    be more or fewer before anything is done."""

    name = "number of notes"

    GAIN = 30.0
    """What a note loses for each unit of the logarithm of notes written to notes due, and gains
    where there are fewer: 21 where there are twice or half as many. At 6 half of the texts that ask
    for fewer or more notes were not obeyed, at 12 and 20 a third: in a tutti the model is so sure
    of a chord's next note that 10 do not stop it (``benchmarks/rewriting.py``)."""
    MOST = 30.0
    """The most it gains or loses."""
    EARLY = 0.125
    """Bars by which notes may come early or late: a bar's first notes are no surplus."""
    SMALL_STEP = GRID // 2
    """Ticks: steps below an eighth are small."""

    def __init__(
        self,
        scheme: NoteScheme,
        lines: np.ndarray,
        due: np.ndarray,
        bar_ticks: int,
        instruments: Sequence[int],
        slack: float,
    ):
        self.scheme, self.start, self.stop = scheme, int(lines[0]), int(lines[-1])
        self.lines, self.due = lines, np.concatenate([[0.0], np.cumsum(due)])
        self.early, self.slack = self.EARLY * bar_ticks, np.log1p(slack)
        self.instruments = np.zeros(scheme.sizes[INSTRUMENT], dtype=bool)
        self.instruments[list(instruments)] = True
        self.new = 0
        self.rows_read = 0

    def push(self, piece: Tracker) -> float:
        """What further notes gain now."""
        locks = piece.locks
        for row in piece.rows[self.rows_read :]:
            inside = self.start <= row[0] < self.stop and row[1] >= 0 and self.instruments[row[1]]
            self.new += bool(inside and (locks is None or not locks.holds(row)))
        self.rows_read = len(piece.rows)
        most = float(np.interp(piece.tick + self.early, self.lines, self.due)) + 1
        least = float(np.interp(piece.tick - self.early, self.lines, self.due)) + 1
        over = max(0.0, np.log((self.new + 1) / most) - self.slack)
        under = max(0.0, np.log(least / (self.new + 1)) - self.slack)
        return float(np.clip(self.GAIN * (under - over), -self.MOST, self.MOST))

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets before the next kept note, and new notes' instruments beside it."""
        if field not in (ONSET, INSTRUMENT) or not self.start - 1 <= piece.tick < self.stop:
            return None
        gain = self.push(piece)
        kept = lock_value(piece, self.scheme, chosen)
        if not gain or (field == INSTRUMENT and kept is None):
            return None
        out = np.zeros(self.scheme.sizes[field])
        if field == INSTRUMENT:
            out[self.instruments] = gain
            return out
        before = self.scheme.rest if kept is None else kept
        out[: min(before, self.SMALL_STEP if kept is None or gain > 0 else before)] = gain
        return out


class OffBeat:
    """Notes lean off the beat (``sign`` 1) or onto it (-1)."""

    name = "syncopation"

    BIAS = 2.5
    """What a note on its side gains, and one on the other loses."""

    def __init__(
        self,
        scheme: NoteScheme,
        span: tuple[int, int],
        beat_ticks: int,
        instruments: Sequence[int],
        sign: int,
    ):
        self.scheme, self.start, self.stop = scheme, span[0], span[1]
        self.beat, self.sign = beat_ticks, sign
        self.instruments = np.zeros(scheme.sizes[INSTRUMENT], dtype=bool)
        self.instruments[list(instruments)] = True

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets before the next kept note, and new notes' instruments beside it."""
        kept = lock_value(piece, self.scheme, chosen)
        if field == INSTRUMENT and kept is not None:
            gain = self._gain(np.array([piece.tick + chosen[ONSET]]), piece)[0]
            return np.where(self.instruments, gain, 0.0)
        if field != ONSET:
            return None
        out = np.zeros(self.scheme.sizes[ONSET])
        before = min(self.scheme.rest if kept is None else kept, self.stop - piece.tick)
        if before > 1:
            out[1:before] = self._gain(piece.tick + np.arange(1, before), piece)
        return out

    def _gain(self, ticks: np.ndarray, piece: Tracker) -> np.ndarray:
        """What notes at ``ticks`` gain."""
        lines = np.array(piece.bars)
        bar = np.clip(np.searchsorted(lines, ticks, side="right") - 1, 0, len(lines) - 2)
        on = (ticks - lines[bar]) % self.beat == 0
        return np.where(on, -self.BIAS, self.BIAS) * self.sign


class NoteLengths:
    """Notes are shorter (``sign`` -1) or longer (1) than ``usual`` ticks."""

    name = "note lengths"

    BIAS = 3.0
    """What a length on the wrong side of ``usual`` loses for each octave (factor of two) beyond
    half of it, or short of twice."""

    def __init__(self, scheme: NoteScheme, instruments: Sequence[int], usual: float, sign: int):
        self.instruments = frozenset(instruments)
        lengths = np.array(scheme.durations, dtype=np.float64)
        octaves = np.log2(lengths / (usual * 2.0**sign))
        self.lengths = -self.BIAS * np.maximum(0.0, -sign * octaves)

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases durations."""
        if field != DURATION or chosen[INSTRUMENT] not in self.instruments:
            return None
        return self.lengths


class Near:
    """New notes lean towards those that stood there: each field by its bias, as long as the fields
    before it agree. ``notes``: (N, 5) in the scheme's order, as ``Locks`` takes them."""

    name = "what stood there"

    def __init__(self, scheme: NoteScheme, notes: np.ndarray, biases: Mapping[int, float]):
        self.scheme, self.biases = scheme, dict(biases)
        self.rows: list[Row] = [tuple(row) for row in notes.tolist()]
        self.keys = [row_key(*row[:3]) for row in self.rows]

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Leans towards the next old note, or the next kept one where that comes first."""
        if not piece.rows:
            after = 0
        elif piece.rows[-1][1] < 0:
            after = bisect_left(self.keys, row_key(piece.tick, 0, 0))
        else:
            after = bisect_right(self.keys, piece.keys[-1])
        row = None if piece.locks is None else piece.locks.pending(piece)
        if after < len(self.rows) and (row is None or self.rows[after][:3] < row[:3]):
            row = self.rows[after]
        if row is None or row[0] < piece.tick:
            return None
        delta = min(row[0] - piece.tick, self.scheme.rest)
        if tuple(chosen) != (delta, *row[1:])[: len(chosen)]:
            return None
        out = np.zeros(self.scheme.sizes[field])
        out[delta if field == ONSET else row[field]] = self.biases.get(field, 0.0)
        return out
