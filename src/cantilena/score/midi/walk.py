"""Where events stand in the bytes of a Standard MIDI File's tracks.

Knows how long an event is (delta time, running status, metas, sysex); does not know what it says.
All channel events of a file are found at once in numpy, by the bytes below 0x80; Python goes only
from one meta, sysex or event of one data byte to the next.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from cantilena.errors import MidiError

END_OF_TRACK = 0x2F


class Places(NamedTuple):
    """Where the events of a file stand, in file order: for channel events (C,) and for all others
    (M,) the byte that ends the delta time, and how many bytes of the delta time stand before it."""

    last: np.ndarray
    more: np.ndarray
    other_last: np.ndarray
    other_more: np.ndarray


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


_SWEEP_MOST = 1 << 19  # bytes to be looked at one by one, beyond which lists take much memory


class _Odd(NamedTuple):
    """What a sweep has to know beforehand: of metas and sysex ``last`` and ``more`` as in Places,
    and where the events ``after`` them, or after a track's start, begin; the data bytes of
    ``running`` events of one data byte, which have no status."""

    last: list[int]
    more: list[int]
    after: list[int]
    running: list[int]


class Walk:
    """Finds where events stand: in one sweep over all bytes, or, for files that a sweep does not
    suit, one event after another. ``reference``: as ``smf.parse`` has it."""

    def __init__(self, data: bytes, spans: list[tuple[int, int]], reference: bool = False):
        self.data, self.spans, self.reference = data, spans, reference
        self.raw = np.frombuffer(data + bytes(8), dtype=np.uint8)

    def sweep(self) -> Places | None:
        """Where events stand; None where only hops can tell.

        A channel event of two data bytes has three bytes below 0x80: the last of its delta time
        and the data. What else it has is above: more of the delta time before the first of them,
        a status behind it, if it is stated. So, of all bytes below 0x80, each third ends a delta
        time, once metas and sysex are taken out, and the status of an event of one data byte
        is counted in.
        """
        raw = self.raw
        low = raw < 0x80
        highs = (~low).nonzero()[0]
        try:
            odd = self._odd(low, highs)
        except (MidiError, IndexError):  # of a damaged file: hops tell
            return None
        if odd is None:
            return None
        lows = low.nonzero()[0]
        if odd.running:  # these have two such bytes and no status: the data byte counts twice
            lows = np.insert(lows, lows.searchsorted(odd.running), odd.running)
        if len(lows) % 3:
            return None
        last, data = lows[::3].copy(), lows[2::3]
        more = np.empty(len(last) + 1, dtype=np.int64)
        np.add(data, 1, out=more[1:])  # where the event behind begins
        more[last.searchsorted(odd.after)] = odd.after  # of several before one the last holds
        more = np.subtract(last, more[:-1], out=more[:-1])
        stated = raw.take(last + 1)
        stated = (stated >= 0x80) & ((stated & 0xE0) != 0xC0)
        # no event can be shorter than its data bytes and the status that it states
        least = 2 * len(last) - len(odd.running) + np.count_nonzero(stated)
        if data.sum() - last.sum() != least or more.max(initial=0) > 3:
            return None
        other = np.array((odd.last, odd.more), dtype=np.int64)
        return Places(last, more, other[0], other[1])

    def _odd(self, low: np.ndarray, highs: np.ndarray) -> _Odd | None:
        """Skips the metas, sysex and events of one data byte, and changes ``low``, the bytes below
        0x80, to those that the sweep counts. Such an event can begin where its status would stand
        third to third by the number of these bytes; ``highs`` are all others."""
        data, places = self.data, highs.data
        byte = self.raw.take(highs)
        rank = ((byte >= 0xC0) & ((byte & 0xF0) != 0xE0)).nonzero()[0]
        if len(rank) > _SWEEP_MOST:
            return None
        candidates = zip(rank.tolist(), highs.take(rank).tolist(), strict=True)
        lasts: list[int] = []
        mores: list[int] = []
        after: list[int] = []
        running: list[int] = []
        short: list[int] = []
        cleared = i = 0
        for p, stop in self.spans:
            if p == stop:
                continue
            low[cleared:p] = False
            after.append(p)
            while places[i] < p:
                i += 1
            base, single, sysex = p - i, False, False
            for i, q in candidates:
                gap = q - i - base
                if q < p or gap % 3 != 1:
                    continue  # a byte of an event before, or of a delta time
                last, status = q - 1, data[q]
                if q >= stop or data[last] >= 0x80:
                    return None
                if status < 0xE0:
                    short.append(q)
                    p, single = q + 2, True
                    i += 1  # by its status; the sweep checks that the data byte is low
                else:
                    start = last
                    while start > p and data[start - 1] >= 0x80:
                        start -= 1
                    lasts.append(last)
                    mores.append(last - start)
                    single = single and gap == 1  # no other event since
                    sysex = status != 0xFF or (sysex and gap == 1)
                    p = q + 2
                    if status != 0xFF:
                        if status not in (0xF0, 0xF7):
                            return None
                        p = q + 1
                    size = data[p]
                    p = p + 1 + size if size < 0x80 else self.body(p, stop)[1]
                    if status == 0xFF and data[q + 1] == END_OF_TRACK:
                        if self.reference and p < stop:
                            return None
                        cleared = start
                        break
                    if self.reference and sysex and self._runs(p, stop):
                        return None
                    low[start:p] = False
                    after.append(p)
                    i += 1
                    while places[i] < p:
                        i += 1
                while single:  # events under running status
                    q = p
                    while data[q] >= 0x80:
                        q += 1
                    if data[q + 1] >= 0x80:
                        break
                    running.append(q + 1)
                    p = q + 2
                    while places[i] < p:
                        i += 1
                base = p - i
            else:
                return None  # a track without an end-of-track event
            if p > stop:
                return None
        low[cleared:] = False
        low[short] = True
        return _Odd(lasts, mores, after, running) if max(mores, default=0) <= 3 else None

    def _runs(self, p: int, stop: int) -> bool:
        """Whether the event at ``p`` states no status."""
        while p < stop and self.data[p] >= 0x80:
            p += 1
        return p + 1 < stop and self.data[p + 1] < 0x80

    def _steps(self, width: np.ndarray, after: bytes, table: bytes) -> bytes:
        """For each byte, were it an event's first: the bytes to the next event, or 0."""
        body = np.frombuffer(after.translate(table), dtype=np.uint8)
        return ((width + body) * ((body > 0) & (width > 0))).tobytes()

    def hop(self) -> Places:
        """Where events stand, one by one. Raises MidiError where a track is damaged."""
        width, after = delta_widths(self.raw)
        widths, afters = width.tobytes(), after.tobytes()
        two, one = (self._steps(width, afters, table) for table in _STEP)
        no_step = bytes(len(widths))  # behind a sysex, where data without a status is looked at
        starts, unstated = array("q"), array("q")
        for number, (start, stop) in enumerate(self.spans):
            append, step, p = starts.append, two, start
            while 0 <= p < stop:
                append(p)
                if length := step[p]:
                    p += length
                    continue
                q = p + widths[p]
                status = self.data[q] if p < q < stop else 0
                if 0xC0 <= status < 0xE0:
                    step, p = one, q + 2
                elif 0x80 <= status < 0xF0:
                    step, p = two, q + 3
                elif step is no_step and status < 0x80 and p < q < stop:
                    unstated.append(len(starts) - 1)
                    p = self.body(q + 1, stop)[1]
                else:
                    if self.reference and status in (0xF0, 0xF7):
                        step = no_step
                    p = self._special(p, q, stop, number)
            if p > stop:
                raise MidiError(f"track {number + 1} is damaged: its last event is cut short")
        at = np.array(starts, dtype=np.int64)
        more = width.take(at).astype(np.int64) - 1
        at += more
        other = after.take(at - more) >= 0xF0
        other[unstated] = True
        channel = ~other
        return Places(at[channel], more[channel], at[other], more[other])

    def _special(self, p: int, q: int, stop: int, number: int) -> int:
        """Skips a meta or a sysex that begins at ``p``, its status at ``q``: where the next event
        stands, -1 at the track's end. Raises MidiError where it is neither."""
        status = self.data[q] if p < q < stop else 0
        if status in (0xF0, 0xF7):
            return self.body(q + 1, stop)[1]
        if status != 0xFF or q + 1 >= stop:
            raise MidiError(f"track {number + 1} is damaged at byte {p}")
        after = self.body(q + 2, stop)[1]
        return -1 if self.data[q + 1] == END_OF_TRACK and not self.reference else after

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
