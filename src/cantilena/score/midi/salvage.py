"""What can be read of a damaged track chunk, event by event.

Knows how bytes go wrong (events cut short, bytes between events, bytes that no file may hold) and
where reading can go on; does not know chunks, headers or notes. It is slow, and meant only for
tracks that ``smf.parse`` refuses.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cantilena.errors import MidiError
from cantilena.score.midi import smf
from cantilena.score.midi.walk import END_OF_TRACK

MAX_REPAIRS = 100_000
"""Repairs in a track, and bytes looked at for a place to go on; bounds the time to seconds."""

_LOOK_AHEAD = 8  # events that are tried to tell which of two readings is right
_ENOUGH = 3  # of them, for a place to go on at
_FAR = 16  # quarters; a longer delta time is no place to go on at
_SIZES = {smf.TEMPO: 3, smf.METRE: 4, smf.KEY: 2}  # metas whose size the format states
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages, else 0

CUT, OPEN, SYSTEM, HIGH, PITCH, STRAY, SIZE, NEGATIVE = (
    "its last event is cut short",
    "its end-of-track is missing",
    "system messages that no file may hold are left out",
    "values above 127 are read as 127",
    "notes above pitch 127 are left out",
    "bytes that belong to no event are passed over",
    "meta events of a wrong size are read at their right one",
    "delta times below 0 are read as 0",
)
"""What was mended in a track, as it is said."""


@dataclass
class Salvage:
    """A track's events as a body of a track chunk without its end-of-track; the byte ``stop``
    behind the last of them, how often each mend was made, and the tempos at tick 0 (microseconds
    a quarter) that were left out."""

    body: bytearray = field(default_factory=bytearray)
    stop: int = 0
    mends: Counter[str] = field(default_factory=Counter)
    tempos: list[int] = field(default_factory=list)


def salvage(data: bytes, start: int, limit: int, tpq: int, tempo: bool = True) -> Salvage:
    """The events of a track that begins at the byte ``start`` and reaches to an end-of-track, at
    most to ``limit``. Without ``tempo`` its tempos are left out. Raises MidiError beyond
    ``MAX_REPAIRS``."""
    reader = _Reader(data, start, limit, tpq, tempo)
    while reader.step():
        pass
    result = reader.result
    if not result.mends[CUT] and not reader.ended:
        result.mends[OPEN] += 1
    if reader.wait:  # the time until the track's end
        reader.write(b"\xff\x01\x00")
    result.stop = min(reader.at, limit)
    return result


def _quantity(data: bytes, at: int, limit: int, most: int) -> tuple[int, int]:
    """A variable-length quantity of at most ``most`` bytes, and the byte behind; that is -1 where
    there is none."""
    value = 0
    for i in range(at, min(at + most, limit)):
        value = value << 7 | data[i] & 0x7F
        if data[i] < 0x80:
            return value, i + 1
    return 0, -1


class _Reader:
    """Reads one track from ``at`` on; ``wait`` is the time since the last event written."""

    def __init__(self, data: bytes, start: int, limit: int, tpq: int, tempo: bool):
        self.data, self.at, self.limit = data, start, limit
        self.far, self.tempo = _FAR * tpq, tempo
        self.running = self.wait = self.tick = 0
        self.ended = False
        self.repairs = 0
        self.result = Salvage()

    def mend(self, what: str, cost: int = 1) -> None:
        """Counts a mend."""
        self.result.mends[what] += 1
        self.repairs += cost
        if self.repairs > MAX_REPAIRS:
            raise MidiError("the file is damaged in too many places")

    def write(self, event: bytes) -> None:
        """Writes an event behind the time that has passed."""
        self.result.body += smf.delta(self.wait) + event
        self.wait = 0

    def cut(self) -> bool:
        """The track ends within an event."""
        self.mend(CUT)
        self.at = self.limit
        return False

    def step(self) -> bool:
        """Reads an event; False at the end."""
        if self.at >= self.limit:
            return False
        time, p = _quantity(self.data, self.at, self.limit, 5)
        if p < 0:
            return self.cut() if self.limit - self.at < 5 else self.resume(self.at + 1)
        if p >= self.limit:
            return self.cut()
        if time >= 1 << 31:
            self.mend(NEGATIVE)
            time = 0
        if time > self.far and not self.clean(self.at):
            return self.resume(self.at + 1)  # neither the time nor the event is sound
        self.wait += time
        self.tick += time
        return self.event(p)

    def event(self, p: int) -> bool:
        """Reads the event whose status, or data where the status is running, stands at ``p``."""
        status = self.data[p]
        if status >= 0xF0:
            return self.meta(p) if status == 0xFF else self.system(p, status)
        if status >= 0x80:
            self.running, p = status, p + 1
        elif not self.running:
            return self.resume(p)
        return self.channel_event(p)

    def channel_event(self, p: int) -> bool:
        """Reads the data bytes of a channel event."""
        count = 1 if self.running & 0xE0 == 0xC0 else 2
        values: list[int] = []
        while len(values) < count:
            if p >= self.limit:
                return self.cut()
            value = self.data[p]
            if 0xF8 <= value < 0xFF:
                self.mend(SYSTEM)
            elif value >= 0x80 and self.clean(p) > self.clean(p + count - len(values)):
                self.mend(STRAY)  # the event stops short: what stands here is the next one
                self.at = p
                return True
            else:
                values.append(value)
            p += 1
        self.at = p
        if max(values) >= 0x80:
            if values[0] >= 0x80 and self.running < 0xB0:
                self.mend(PITCH)
                return True
            self.mend(HIGH)
        self.write(bytes((self.running, *(min(v, 0x7F) for v in values))))
        return True

    def meta(self, p: int) -> bool:
        """Reads a meta event."""
        if p + 1 >= self.limit:
            return self.cut()
        kind = self.data[p + 1]
        if kind == END_OF_TRACK:
            _, after = _quantity(self.data, p + 2, self.limit, 4)
            self.at, self.ended = max(after, p + 2), True
            return False
        size, start = _quantity(self.data, p + 2, self.limit, 4)
        right = _SIZES.get(kind, size)
        if start > 0 and size != right and self.clean(start + right) > self.clean(start + size):
            self.mend(SIZE)
            size = right
        if start < 0 or start + size > self.limit:
            return self.resume(p + 2)
        self.at = start + size
        body = self.data[start : self.at]
        if kind == smf.TEMPO and not self.tempo:
            if size >= 3 and not self.tick:
                self.result.tempos.append(int.from_bytes(body[:3], "big"))
        else:
            self.write(smf.meta(kind, body))
        return True

    def system(self, p: int, status: int) -> bool:
        """Reads a sysex, and leaves out other system messages."""
        if status in (0xF0, 0xF7):
            size, start = _quantity(self.data, p + 1, self.limit, 4)
            if start < 0 or start + size > self.limit:
                return self.resume(p + 1)
            self.at = start + size
            self.write(bytes((status,)) + smf.varlen(size) + self.data[start : self.at])
            return True
        self.mend(SYSTEM)
        p += 1
        for _ in range(_SYSTEM_DATA.get(status, 0)):
            p += p < self.limit and self.data[p] < 0x80
        # A real-time byte may have come between a delta time and its event.
        untimed = status >= 0xF8 and p < self.limit and self.data[p] >= 0x80
        if untimed and self.clean(p, timed=False) > self.clean(p):
            return self.event(p)
        self.at = p
        return True

    def resume(self, p: int) -> bool:
        """Goes on at the next place from ``p`` on where events follow one another."""
        for q in range(p, self.limit):
            self.repairs += 1
            if self.repairs > MAX_REPAIRS:
                break
            if _quantity(self.data, q, self.limit, 4)[0] <= self.far and self.clean(q) >= _ENOUGH:
                self.mend(STRAY)
                self.at = q
                return True
        return self.cut()

    def clean(self, p: int, timed: bool = True) -> int:
        """How many events, at most ``_LOOK_AHEAD``, are sound from ``p`` on; all of them where the
        track ends soundly. Not ``timed``: the first has no delta time."""
        data, limit, running = self.data, self.limit, self.running
        for count in range(_LOOK_AHEAD):
            if p == limit and count:
                return _LOOK_AHEAD
            if timed or count:
                _, p = _quantity(data, p, limit, 4)
            if not 0 <= p < limit:
                return count
            status = data[p]
            if status >= 0xF0:
                if status not in (0xF0, 0xF7, 0xFF) or p + 2 >= limit:
                    return count
                kind = data[p + 1] if status == 0xFF else -1
                size, p = _quantity(data, p + 1 + (kind >= 0), limit, 4)
                if p < 0 or p + size > limit or kind >= 0x80:
                    return count
                if kind == END_OF_TRACK:
                    return count if size else _LOOK_AHEAD
                if size != _SIZES.get(kind, size):
                    return count
                p += size
                continue
            if status >= 0x80:
                running, p = status, p + 1
            elif not running:
                return count
            stop = p + (1 if running & 0xE0 == 0xC0 else 2)
            if stop > limit or max(data[p:stop]) >= 0x80:
                return count
            p = stop
        return _LOOK_AHEAD
