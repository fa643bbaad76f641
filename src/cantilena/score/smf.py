"""Standard MIDI Files as bytes and events: chunks, delta times, running status, metas.

Knows the file format (MIDI 1.0, *Standard MIDI Files 1.0*, RP-001); does not know Scores, notes
or instruments. ``midi.py`` makes music of it.

The length of the event at every byte is worked out for the whole file at once in numpy; Python
only hops from event to event, so that a file takes milliseconds without a compiled parser.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cantilena.errors import MidiError

TRACK_NAME, END_OF_TRACK, TEMPO, METRE, KEY, OWN = 0x03, 0x2F, 0x51, 0x58, 0x59, 0x7F
_WANTED = frozenset((TRACK_NAME, TEMPO, METRE, KEY, OWN))

MAX_DELTA = 0x0FFFFFFF
"""The longest delta time that a file can hold, in ticks."""
MAX_METAS = 250_000
"""Names, tempos, metres and keys together; far more than any music has."""


class Meta(NamedTuple):
    """A meta event: the track chunk it stands in, its tick, its type and its data."""

    track: int
    tick: int
    type: int
    data: bytes


@dataclass(frozen=True)
class Events:
    """What a file holds. Channel events are parallel arrays of shape (E,), in file order:

    - ``track``: number of the track chunk; ``tick``: ticks from that track's start
    - ``status``: 0x80-0xEF; ``a``, ``b``: the data bytes, 0-127 (``b`` is 0 where there is one)

    ``end`` (n_tracks,) holds each track's last tick; ``metas`` those metas that music is made of.
    ``other_track``, ``other_tick`` (M,) tell where all events stand that are neither channel events
    nor ends of tracks: whoever adds up seconds from event to event passes by them too.
    """

    format: int
    tpq: int
    track: np.ndarray
    tick: np.ndarray
    status: np.ndarray
    a: np.ndarray
    b: np.ndarray
    end: np.ndarray
    metas: list[Meta]
    other_track: np.ndarray
    other_tick: np.ndarray


def parse(data: bytes) -> Events:
    """The events of a file. Raises MidiError, without the file's name, where it is damaged."""
    form, tpq, spans = _chunks(data)
    raw = np.frombuffer(data + bytes(8), dtype=np.uint8)
    width, after = _delta_widths(raw)
    steps = tuple((width + length[after]) * ((length[after] > 0) & (width > 0)) for length in _STEP)
    walk = _Walk(data, width.tobytes(), steps[0].tobytes(), steps[1].tobytes())
    counts = [walk.track(i, start, stop) for i, (start, stop) in enumerate(spans)]
    return _decode(form, tpq, raw, width, walk, np.array(counts, dtype=np.int64))


def _chunks(data: bytes) -> tuple[int, int, list[tuple[int, int]]]:
    """Format, ticks per quarter and the (start, stop) bytes of each track chunk."""
    at = 0
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        at = max(0, data.find(b"MThd"))
    if data[at : at + 4] != b"MThd" or len(data) < at + 14:
        raise MidiError("this is not a MIDI file: it does not begin with a whole MThd header")
    size = int.from_bytes(data[at + 4 : at + 8], "big")
    form, stated, division = (int.from_bytes(data[at + i : at + i + 2], "big") for i in (8, 10, 12))
    if size < 6:
        raise MidiError(f"the header is damaged: it gives its own length as {size} bytes, not 6")
    if form > 2:
        raise MidiError(f"MIDI format {form} is unknown; 0, 1 and 2 can be read")
    if division >= 0x8000:
        raise MidiError("time is counted in SMPTE frames; only ticks per quarter can be read")
    if division == 0:
        raise MidiError("the header is damaged: a quarter note has 0 ticks")
    spans: list[tuple[int, int]] = []
    at += 8 + size
    while at + 8 <= len(data):
        kind = data[at : at + 4]
        start, length = at + 8, int.from_bytes(data[at + 4 : at + 8], "big")
        if start + length > len(data):
            if len(spans) >= stated:
                break  # what follows the last track is of no concern
            raise MidiError("the file is cut short or damaged: a chunk reaches beyond its end")
        if kind == b"MTrk":
            spans.append((start, start + length))
            if len(spans) > 0xFFFF:
                raise MidiError("the file has more than 65535 tracks")
        at = start + length
    if len(spans) < stated or not spans:
        raise MidiError(f"the file is cut short: {len(spans)} of {stated} tracks are there")
    return form, division, spans


def _delta_widths(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each byte, were it an event's first: the width of the delta time there (1-4 bytes; 0:
    too long to be one), and the byte after it."""
    n = len(raw) - 8
    high = (raw >= 0x80).view(np.uint8)
    two = high[:n]
    three = two & high[1 : n + 1]
    four = three & high[2 : n + 2]
    after = np.where(two, raw[2 : n + 2], raw[1 : n + 1])
    after = np.where(three, raw[3 : n + 3], after)
    after = np.where(four, raw[4 : n + 4], after)
    width = 1 + two + three + four
    return width * (1 - (four & high[3 : n + 3])), after


def _step_table(running: int) -> np.ndarray:
    """(256,) bytes that an event takes by the byte after its delta time, while running status
    stands for ``running`` data bytes; 0 where the walk has to look closer."""
    table = np.zeros(256, dtype=np.uint8)
    table[:0x80] = running
    if running == 2:
        table[0x80:0xC0] = table[0xE0:0xF0] = 3
    else:
        table[0xC0:0xE0] = 2
    return table


_STEP = (_step_table(2), _step_table(1))


class _Walk:
    """Hops through the tracks and notes where events stand (``at``) and which are metas."""

    def __init__(self, data: bytes, width: bytes, step2: bytes, step1: bytes):
        self.data, self.width, self.step2, self.step1 = data, width, step2, step1
        self.at = array("i")
        self.metas: list[tuple[int, int, int, int, int]] = []

    def track(self, number: int, start: int, stop: int) -> int:
        """Walk one track chunk; returns its number of events."""
        before, append, step, p = len(self.at), self.at.append, self.step2, start
        while p < stop:
            append(p)
            if length := step[p]:
                p += length
                continue
            q = p + self.width[p]
            status = self.data[q] if p < q < stop else 0
            if 0xC0 <= status < 0xE0:
                step, p = self.step1, q + 2
            elif 0x80 <= status < 0xF0:
                step, p = self.step2, q + 3
            elif status == 0xFF and q + 1 < stop:
                kind = self.data[q + 1]
                body, p = self._body(q + 2, stop)
                if kind == END_OF_TRACK:
                    break
                if kind in _WANTED:
                    self.metas.append((len(self.at) - 1, number, kind, body, p))
                    if len(self.metas) > MAX_METAS:
                        raise MidiError(
                            f"the file has more than {MAX_METAS:,} names, tempos, metres and keys"
                        )
            elif status in (0xF0, 0xF7):
                _, p = self._body(q + 1, stop)
            else:
                raise MidiError(f"track {number + 1} is damaged at byte {p}")
        if p > stop:
            raise MidiError(f"track {number + 1} is damaged: its last event is cut short")
        return len(self.at) - before

    def _body(self, p: int, stop: int) -> tuple[int, int]:
        """Start and stop of the data behind the length that stands at ``p``."""
        length = 0
        for i in range(p, min(p + 4, stop)):
            length = length << 7 | self.data[i] & 0x7F
            if self.data[i] < 0x80:
                if i + 1 + length > stop:
                    break
                return i + 1, i + 1 + length
        raise MidiError(f"the file is damaged at byte {p}: an event is longer than its track")


def _decode(
    form: int, tpq: int, raw: np.ndarray, width: np.ndarray, walk: _Walk, counts: np.ndarray
) -> Events:
    """Times, statuses and data of the events that the walk found."""
    at = np.array(walk.at, dtype=np.int64)
    track = np.repeat(np.arange(len(counts)), counts)
    first = (np.cumsum(counts) - counts)[track]  # (E,) index of the track's first event
    wide = width[at]
    delta = (raw[at] & 0x7F).astype(np.int64)
    for i in range(1, int(wide.max(initial=1))):
        more = np.flatnonzero(wide > i)
        delta[more] = delta[more] << 7 | raw[at[more] + i] & 0x7F
    time = np.concatenate([[0], np.cumsum(delta)])
    tick = time[1:] - time[first]
    at += wide
    status = raw[at]
    stated = status >= 0x80
    channel = np.where(stated & (status < 0xF0), np.arange(len(at)), -1)
    running = np.maximum.accumulate(channel)
    if (running[~stated] < first[~stated]).any():
        raise MidiError("the file is damaged: a track begins with data that belong to no event")
    status = np.where(stated, status, status[running])
    other = np.flatnonzero(status >= 0xF0)
    last_one = (status[other] == 0xFF) & (raw[at[other] + 1] == END_OF_TRACK)
    other = other[~last_one]
    keep = np.flatnonzero(status < 0xF0)
    status, at = status[keep], at[keep] + stated[keep]
    single = (status >= 0xC0) & (status < 0xE0)
    a, b = raw[at], np.where(single, 0, raw[at + 1])
    if ((a | b) & 0x80).any():
        raise MidiError("the file is damaged: a channel event holds a data byte above 127")
    data = walk.data
    metas = [Meta(t, int(tick[i]), kind, data[p:q]) for i, t, kind, p, q in walk.metas]
    end = np.zeros(len(counts), dtype=np.int64)
    last = (np.cumsum(counts) - 1)[counts > 0]
    end[counts > 0] = tick[last]
    placed = (track[keep], tick[keep], status, a, b)
    return Events(form, tpq, *placed, end, metas, track[other], tick[other])


def varlen(value: int) -> bytes:
    """A number 0 to 2^28 - 1 as a variable-length quantity."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def delta(ticks: int) -> bytes:
    """The time before an event; where one delta time cannot hold it, empty texts fill the gap."""
    fill = b""
    while ticks > MAX_DELTA:
        fill += varlen(MAX_DELTA) + b"\xff\x01\x00"
        ticks -= MAX_DELTA
    return fill + varlen(ticks)


def meta(kind: int, data: bytes) -> bytes:
    """A meta event without its delta time."""
    return bytes((0xFF, kind)) + varlen(len(data)) + data


def events(tick: np.ndarray, message: np.ndarray, running: bool = False) -> bytes:
    """Events with their delta times: ``tick`` (E,) rising; ``message`` (E, 3) bytes, of which a
    program change uses two and one that begins with 0xFF is a meta without data. With ``running``
    a status byte that repeats the one before is left out."""
    gap = np.diff(tick, prepend=0)
    table = np.zeros((len(tick), 7), dtype=np.uint8)
    used = np.ones((len(tick), 7), dtype=bool)
    for i, shift in enumerate((21, 14, 7)):
        table[:, i] = gap >> shift & 0x7F | 0x80
        used[:, i] = gap >> shift > 0
    table[:, 3] = gap & 0x7F
    table[:, 4:] = message
    used[:, 6] = message[:, 0] & 0xF0 != 0xC0
    if running:
        used[1:, 4] = (message[1:, 0] != message[:-1, 0]) | (message[1:, 0] >= 0xF0)
    long = np.flatnonzero(gap > MAX_DELTA)
    if not len(long):
        return table[used].tobytes()
    used[long, :4] = False
    pieces, before = [], 0
    for i in long.tolist():
        pieces += [table[before:i][used[before:i]].tobytes(), delta(int(gap[i]))]
        pieces.append(table[i][used[i]].tobytes())
        before = i + 1
    return b"".join([*pieces, table[before:][used[before:]].tobytes()])


def header(tpq: int, n_tracks: int) -> bytes:
    """The header chunk of a format 1 file."""
    words = (1, n_tracks, tpq)
    return b"MThd\0\0\0\6" + b"".join(w.to_bytes(2, "big") for w in words)


def chunk(body: bytes) -> bytes:
    """A track chunk."""
    return b"MTrk" + len(body).to_bytes(4, "big") + body
