"""Where events stand in the bytes of a Standard MIDI File's tracks.

Knows how long an event is (delta time, running status, metas, sysex); does not know what it says.
The length of the event at every byte is worked out for many bytes at once in numpy, and where
sixteen such events lead; Python only leaps by these.
"""

from __future__ import annotations

import threading
from array import array

import numpy as np

from cantilena.errors import MidiError

END_OF_TRACK = 0x2F


def delta_widths(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each byte, were it an event's first: the width of the delta time there (1-4 bytes; 0:
    too long to be one), and the byte after it."""
    n = len(raw) - 8
    high = raw >= 0x80
    width = 1 + high[:n].view(np.uint8)
    after = np.where(high[:n], raw[2 : n + 2], raw[1 : n + 1])
    three = np.flatnonzero(high[:n] & high[1 : n + 1])  # seldom a true delta time
    four = three[high[three + 2]]
    width[three], after[three] = 3, raw[three + 3]
    width[four], after[four] = 4 * ~high[four + 3], raw[four + 4]
    return width, after


def _step_table(running: int) -> bytes:
    """(256,) bytes that an event takes by the byte after its delta time, while running status
    stands for ``running`` data bytes; 0 where the walk has to look closer."""
    table = np.zeros(256, dtype=np.uint8)
    table[:0x80] = running
    if running == 2:
        table[0x80:0xC0] = table[0xE0:0xF0] = 3
    else:
        table[0xC0:0xE0] = 2
    return table.tobytes()


_STEP = (_step_table(2), _step_table(1))
_LEAP = _STEP[0][:0xC0] + _STEP[1][0xC0:0xE0] + _STEP[0][0xE0:]
_DOUBLINGS = 4  # a leap is over 2^4 events
_TOGETHER = 65_536  # bytes of tracks that are leapt through with the same tables
_LEAP_MOST = 1 << 21  # bytes of a track, beyond which the tables would take much memory


_PLACES = np.arange(_TOGETHER)
_memory = threading.local()


def _tables(size: int) -> np.ndarray:
    """(doublings + 1, size) int64 to fill. For usual sizes always the same memory, a thread: to
    get new pages from the system takes as long as all the work on them."""
    if size > _TOGETHER:
        return np.empty((_DOUBLINGS + 1, size), dtype=np.int64)
    if not hasattr(_memory, "tables"):
        _memory.tables = np.empty((_DOUBLINGS + 1) * _TOGETHER, dtype=np.int64)
    return _memory.tables[: (_DOUBLINGS + 1) * size].reshape(_DOUBLINGS + 1, size)


class Walk:
    """Finds where events stand, track by track: in leaps of 16 events, or, for files that leaps do
    not suit, hopping from each event to the next."""

    def __init__(
        self,
        data: bytes,
        spans: list[tuple[int, int]],
        raw: np.ndarray,
        width: np.ndarray,
        after: np.ndarray,
    ):
        self.data, self.spans, self.raw, self.width, self.after = data, spans, raw, width, after
        self.widths = width.tobytes()
        self.afters = after.tobytes()

    def first(self, at: np.ndarray) -> np.ndarray:
        """(n_tracks + 1,) index of each track's first event, and their number."""
        return np.searchsorted(at, [*(start for start, _ in self.spans), len(self.data)])

    def _steps(self, table: bytes) -> np.ndarray:
        """For each byte, were it an event's first: the bytes to the next event, or 0."""
        body = np.frombuffer(self.afters.translate(table), dtype=np.uint8)
        return (self.width + body) * ((body > 0) & (self.width > 0))

    def _long_steps(self) -> np.ndarray:
        """The same for leaps: over short metas and sysex too; 0 at the end of a track, and at an
        event of one data byte where another follows without a status of its own."""
        step, raw = self._steps(_LEAP), self.raw
        n = len(step)
        at = (self.after >= 0xF0).nonzero()[0]
        wide = self.width[at]
        q = at + wide
        is_meta = raw.take(q) == 0xFF  # the zeros behind the last byte are no meta
        kind = raw.take(q + 1)
        length = np.where(is_meta, raw.take(q + 2), kind)
        good = (length < 0x80) & (wide > 0)
        good &= np.where(is_meta, kind != END_OF_TRACK, (self.after[at] & 0xF7) == 0xF0)
        step[at[good]] = (wide + length + 2 + is_meta)[good]
        at = ((self.after & 0xE0) == 0xC0).nonzero()[0]
        follows = np.minimum(at + step[at], n - 1)
        step[at[self.after[follows] < 0x80]] = 0
        return step

    def leap(self) -> np.ndarray | None:
        """(E,) int64 where events stand; None where only hops can tell.

        Where the event 1, 2, 4 .. 16 events on stands is worked out for every byte at once, as if
        it began an event; what needs a closer look counts as its own successor. Python goes from
        one leap to the next, and numpy fills in what was leapt over. Tracks are taken a few at
        a time, so that the tables stay small and near.
        """
        step = self._long_steps()
        found: list[np.ndarray] = []
        i = 0
        while i < len(self.spans):
            j = i + 1
            while j < len(self.spans) and self.spans[j][1] - self.spans[i][0] <= _TOGETHER:
                j += 1
            if self.spans[j - 1][1] - self.spans[i][0] > _LEAP_MOST:
                return None
            at = self._leap(i, j, step[self.spans[i][0] : self.spans[j - 1][1]])
            if at is None:
                return None
            found.append(at)
            i = j
        return np.concatenate(found)

    def _leap(self, i: int, j: int, step: np.ndarray) -> np.ndarray | None:
        """The same for tracks ``i`` up to ``j``, over whose bytes ``step`` reaches."""
        n, base = len(step), self.spans[i][0]
        tables = _tables(n + 1)
        tables[0, n] = n  # the place behind the last byte is its own successor
        np.add(_PLACES[:n] if n < len(_PLACES) else np.arange(n), step, out=tables[0, :n])
        np.minimum(tables[0], n, out=tables[0])
        for k in range(_DOUBLINGS):
            np.take(tables[k], tables[k], out=tables[k + 1], mode="clip")
        ahead, far = tables[:-1], memoryview(tables[-1])
        starts, alone = array("q"), array("q")
        append = starts.append
        for number in range(i, j):
            start, stop = (byte - base for byte in self.spans[number])
            p = start
            while 0 <= p < stop:
                append(p)
                to = far[p]
                if to != p:
                    p = to
                    continue
                try:
                    p = self._irregular(p + base, stop + base, number, alone) - base
                except MidiError:  # of a damaged file, or of a leap that went astray: hops tell
                    return None
            if p >= stop > start:
                return None  # a track without an end of its own, or an event beyond its end
        at = np.empty((len(starts), 1 << _DOUBLINGS), dtype=np.int64)
        at[:, 0] = np.frombuffer(starts, dtype=np.int64)
        for k, table in enumerate(ahead):
            at[:, 1 << k : 2 << k] = table.take(at[:, : 1 << k])
        at = at.reshape(-1)
        new = np.ones(len(at), dtype=bool)
        np.not_equal(at[1:], at[:-1], out=new[1:])
        at = at[new]
        at += base
        return np.sort(np.concatenate([at, alone]), kind="stable") if alone else at

    def _irregular(self, p: int, stop: int, number: int, alone: array) -> int:
        """Passes what leaps do not: where the next event stands, -1 at the track's end. Events of
        one data byte without a status go to ``alone``."""
        if not 0xC0 <= self.afters[p] < 0xE0 or not self.widths[p]:
            return self._special(p, stop, number)
        p += self.widths[p] + 2
        while p < stop and self.afters[p] < 0x80 and self.widths[p]:
            alone.append(p)
            p += self.widths[p] + 1
        return p

    def fooled(self, at: np.ndarray, stated: np.ndarray, status: np.ndarray) -> bool:
        """Whether leaps took two data bytes where a running status has one, as they do where a
        meta stands between it and the event that stated it."""
        run = (~stated & ((status & 0xE0) == 0xC0)).nonzero()[0]
        here = at[run]
        return bool((at[run + 1] != here + self.width[here] + 1).any())

    def hop(self) -> np.ndarray:
        """(E,) int64 where events stand, one by one. Raises MidiError where a track is damaged."""
        two, one = (self._steps(table).tobytes() for table in _STEP)
        at = array("q")
        for number, (start, stop) in enumerate(self.spans):
            append, step, p = at.append, two, start
            while 0 <= p < stop:
                append(p)
                if length := step[p]:
                    p += length
                    continue
                q = p + self.widths[p]
                status = self.data[q] if p < q < stop else 0
                if 0xC0 <= status < 0xE0:
                    step, p = one, q + 2
                elif 0x80 <= status < 0xF0:
                    step, p = two, q + 3
                else:
                    p = self._special(p, stop, number)
            if p > stop:
                raise MidiError(f"track {number + 1} is damaged: its last event is cut short")
        return np.array(at, dtype=np.int64)

    def _special(self, p: int, stop: int, number: int) -> int:
        """Passes a meta or a sysex that begins at ``p``: where the next event stands, -1 at the
        track's end. Raises MidiError where it is neither."""
        q = p + self.widths[p]
        status = self.data[q] if p < q < stop else 0
        if status in (0xF0, 0xF7):
            return self.body(q + 1, stop)[1]
        if status != 0xFF or q + 1 >= stop:
            raise MidiError(f"track {number + 1} is damaged at byte {p}")
        after = self.body(q + 2, stop)[1]
        return -1 if self.data[q + 1] == END_OF_TRACK else after

    def body(self, p: int, stop: int) -> tuple[int, int]:
        """Start and stop of the data behind the length that stands at ``p``."""
        length = 0
        for i in range(p, min(p + 4, stop)):
            length = length << 7 | self.data[i] & 0x7F
            if self.data[i] < 0x80:
                if i + 1 + length > stop:
                    break
                return i + 1, i + 1 + length
        raise MidiError(f"the file is damaged at byte {p}: an event is longer than its track")
