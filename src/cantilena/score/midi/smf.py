"""Standard MIDI Files as bytes and events: chunks, delta times, running status, metas.

Knows the file format (MIDI 1.0, *Standard MIDI Files 1.0*, RP-001); does not know Scores, notes
or instruments (``score.midi`` does).

``walk`` finds the events in the bytes; here all of them are decoded at once in numpy, so that a
file takes a millisecond or two without a compiled parser.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cantilena.errors import MidiError
from cantilena.score.midi.walk import END_OF_TRACK, Places, Walk

TRACK_NAME, TEMPO, METRE, KEY, OWN = 0x03, 0x51, 0x58, 0x59, 0x7F
DEVICE, CHANNEL_PREFIX, PORT = 0x09, 0x20, 0x21
_MIDO = (*range(8), 9, 0x20, 0x21, 0x2F, TEMPO, 0x54, METRE, KEY, OWN)  # metas that it knows
_TIMELESS = ~np.isin(np.arange(256), (*_MIDO, 0x80))  # 0x80: ``_NO_META``
_NO_META = 0x80  # the kind of sysex
_WANTED = (np.arange(256) <= _NO_META) & (np.arange(256) != END_OF_TRACK)
_TEXTS = np.isin(np.arange(256), range(1, 16))
_OTHER_MAKERS = (0x43, 0x7E)  # Yamaha and universal sysex

MAX_DELTA = 0x0FFFFFFF
"""The longest delta time that a file can hold, in ticks."""
MAX_METAS = 250_000
"""Metas and sysex together; far more than any music has."""


END_OF_TRACK_CHUNK = b"\xff\x2f\0MTrk"
"""A track's end and the beginning of the next."""

_THREE = np.arange(3)
_BIG_ENDIAN = np.array([1 << 16, 1 << 8, 1])


class Meta(NamedTuple):
    """A meta event: the track chunk it stands in, its tick, its type and its data; and the number
    of channel events before it in the file. Or a sysex, whose type is its status: 0xF0, or 0xF7 of
    one that goes on or is escaped."""

    track: int
    tick: int
    type: int
    data: bytes
    before: int = 0


@dataclass(frozen=True)
class Events:
    """What a file holds. Channel events are parallel arrays of shape (E,), in file order:

    - ``track``: number of the track chunk; ``tick``: ticks from that track's start
    - ``status``: 0x80-0xEF; ``a``, ``b``: the data bytes, 0-127 (``b`` is 0 where there is one)

    ``end`` (n_tracks,) holds each track's last tick; ``metas`` all but ends of tracks, and
    system exclusive messages.
    ``other_track``, ``other_tick`` (M,) tell where all events stand that are neither channel events
    nor ends of tracks, which a player also passes when it adds up seconds from event to event.
    ``tempo_track``, ``tempo_tick``, ``tempo_us``: the tempo metas, (T,) each, in file order.
    ``announced``: how many tracks the header says that there are.
    """

    format: int
    announced: int
    tpq: int
    track: np.ndarray
    tick: np.ndarray
    status: np.ndarray
    a: np.ndarray
    b: np.ndarray
    end: np.ndarray
    other_track: np.ndarray
    other_tick: np.ndarray
    tempo_track: np.ndarray
    tempo_tick: np.ndarray
    tempo_us: np.ndarray
    _walk: Walk
    _other_at: np.ndarray
    _other_kind: np.ndarray
    _other_before: np.ndarray

    @cached_property
    def metas(self) -> list[Meta]:
        """All metas but ends of tracks, and all sysex, in file order."""
        return self._read(_WANTED[self._other_kind].nonzero()[0])

    @cached_property
    def texts(self) -> list[bytes]:
        """The data of all text events that are not ASCII, in file order."""
        rows = _TEXTS[self._other_kind].nonzero()[0]
        return [m.data for m in self._read(rows) if not m.data.isascii()]

    @cached_property
    def sysex(self) -> list[Meta]:
        """The sysex that can say which channels play drums (GM, GS and XG resets, and part modes of
        GS and XG), among others like them, without 0xF0 and 0xF7 around them, as Metas of type
        0xF0. Where a sysex is split into packets, the further ones are joined to the first."""
        raw, at = self._walk.raw, self._other_at
        rows = ((self._other_kind == _NO_META) & (raw.take(at) == 0xF0)).nonzero()[0]
        maker, model, low = (raw.take(at[rows] + i) for i in (2, 4, 8))
        roland = (maker == 0x41) & (model == 0x42) & ((low <= 0x15) | (low == 0x7F))
        rows = rows[roland | np.isin(maker, _OTHER_MAKERS) | (raw.take(at[rows] + 1) < 8)]
        messages: list[Meta] = []
        for row, m in zip(rows.tolist(), self._read(rows), strict=True):
            data = m.data
            while not data.endswith(b"\xf7") and (row := row + 1) < len(at):
                if raw[at[row]] != 0xF7:
                    break
                data += self._read(np.array([row]))[0].data
            messages.append(m._replace(type=0xF0, data=data.removesuffix(b"\xf7")))
        return messages

    def _read(self, rows: np.ndarray) -> list[Meta]:
        """The events ``rows`` of those that are no channel events."""
        columns = (self.other_track, self.other_tick, self._other_kind, self._other_at)
        columns = (*columns, self._other_before)
        metas: list[Meta] = []
        for track, tick, kind, at, before in zip(*(c[rows].tolist() for c in columns), strict=True):
            meta, data = kind < _NO_META, self._walk.data
            start, stop = self._walk.body(at + 1 + meta, self._walk.spans[track][1])
            metas.append(Meta(track, tick, kind if meta else data[at], data[start:stop], before))
        return metas


def parse(data: bytes, reference: bool = False) -> Events:
    """The events of a file. Raises MidiError, without the file's name, where it is damaged.

    ``reference``: files that break the format are read as mido reads them, on which the published
    arrival encoding stands: only as many tracks as the header announces; events behind an
    end-of-track too, up to the chunk's end; data without a status behind a sysex as another sysex,
    the first byte lost; and metas of types that mido does not know take no time.
    """
    head, spans = _chunks(data, reference)
    walk = Walk(data, spans, reference)
    return _decode(head, walk, walk.sweep() or walk.hop())


def riff_start(data: bytes) -> int | None:
    """The byte at which the MIDI file begins in a RIFF file, which may hold other chunks too; None
    where there is none."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return None
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return at + 8 if data[at + 8 : at + 12] == b"MThd" else None
        at += 8 + size
        if size % 2 and data[at : at + 1] == b"\0":  # which some writers leave out
            at += 1
    start = data.find(b"MThd\0\0\0\6")
    return start if start >= 0 else None


def _chunks(data: bytes, announced: bool) -> tuple[tuple[int, int, int], list[tuple[int, int]]]:
    """Format, number of tracks, ticks per quarter; and the (start, stop) bytes of each track chunk,
    or of those that are ``announced``."""
    at = 0
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        at = max(0, data.find(b"MThd")) if announced else riff_start(data) or 0
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
    while at + 8 <= len(data) and not (announced and len(spans) == stated):
        kind = data[at : at + 4]
        start, length = at + 8, int.from_bytes(data[at + 4 : at + 8], "big")
        if start + length > len(data):
            if len(spans) >= stated and kind != b"MTrk":
                break  # data behind the last track are ignored
            raise MidiError("the file is cut short or damaged: a chunk reaches beyond its end")
        if kind == b"MTrk":
            spans.append((start, start + length))
            if len(spans) > 0xFFFF:
                raise MidiError("the file has more than 65535 tracks")
        at = start + length
    if len(spans) < stated or not (spans or announced):
        raise MidiError(f"the file is cut short: {len(spans)} of {stated} tracks are there")
    inner = data.count(END_OF_TRACK_CHUNK, spans[0][0], spans[-1][1]) if spans else 0
    if not announced and inner >= len(spans):
        raise MidiError("the file is damaged: a track's length covers the track behind it")
    if not announced and any(_ends_early(data, stop) for _, stop in spans):
        raise MidiError("the file is damaged: a track goes on behind its end")
    return (form, stated, division), spans


def _ends_early(data: bytes, stop: int) -> bool:
    """Whether neither a track's end stands before the byte ``stop`` nor another track behind it."""
    if stop == len(data) or data[stop - 3 : stop] == END_OF_TRACK_CHUNK[:3]:
        return False
    return data[stop : stop + 4] != b"MTrk"


def _statuses(after: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(E,) the status of each channel event, stated or running, by the bytes ``after`` the delta
    times (E,) and each track's ``first`` event; and whether it is stated, None if all are."""
    stated = after >= 0x80
    if stated.all():
        return after, None
    begins = first[:-1][first[1:] > first[:-1]]
    if not stated.take(begins).all():
        raise MidiError("the file is damaged: a track begins with data that belong to no event")
    where = stated.nonzero()[0]
    runs = np.empty(len(where), dtype=np.int64)
    runs[-1] = len(after) - where[-1]
    np.subtract(where[1:], where[:-1], out=runs[:-1])
    return after.take(where).repeat(runs), stated


def _times(
    raw: np.ndarray, last: np.ndarray, more: np.ndarray, timeless: np.ndarray | None = None
) -> np.ndarray:
    """(E + 1,) the delta times that end at the bytes ``last`` with ``more`` bytes before, summed
    up from 0 over all tracks; those of events that are ``timeless`` (E,) count as 0."""
    time = np.zeros(len(last) + 1, dtype=np.int64)
    time[1:] = raw.take(last)
    wide = more.nonzero()[0]
    i = 1
    while len(wide):
        time[wide + 1] += (raw.take(last.take(wide) - i) & 0x7F).astype(np.int64) << 7 * i
        i += 1
        wide = wide[more.take(wide) >= i]
    if timeless is not None:
        time[1:][timeless] = 0
    return np.add.accumulate(time, out=time)


def _decode(head: tuple[int, int, int], walk: Walk, places: Places) -> Events:
    """Times and data of the events that the walk found, in a file with this header."""
    raw, last, other_last = walk.raw, places.last, places.other_last
    bounds = [*(start for start, _ in walk.spans), len(raw)]
    first, other_first = last.searchsorted(bounds), other_last.searchsorted(bounds)
    counts = first[1:] - first[:-1]
    value = last + 1
    status, stated = _statuses(raw.take(value), first)
    q = other_last + 1
    kind = np.where(raw.take(q) == 0xFF, raw.take(q + 1), _NO_META)
    if len(kind) > MAX_METAS and _WANTED[kind].sum() > MAX_METAS:
        raise MidiError(f"the file has more than {MAX_METAS:,} metas and sysex")
    value += 1 if stated is None else stated
    a = raw.take(value)
    value += 1
    b = raw.take(value)
    b[(status & 0xE0) == 0xC0] = 0
    if ((a | b) & 0x80).any():
        raise MidiError("the file is damaged: a channel event holds a data byte above 127")

    # The time since a track's start is that of its channel events and that of all others; both
    # are summed up over the whole file, and what stood there at the track's start taken away.
    time = _times(raw, last, places.more)
    timeless = _TIMELESS[kind] if walk.reference else None
    other_time = _times(raw, other_last, places.other_more, timeless)
    begin = time.take(first) + other_time.take(other_first)
    end = begin[1:] - begin[:-1]
    before = last.searchsorted(other_last)
    gaps = np.empty(len(before) + 1, dtype=np.int64)
    gaps[:-1], gaps[-1] = before, len(last)
    gaps[1:] -= before
    tick = other_time.repeat(gaps)
    tick += time[1:]
    tick -= begin[:-1].repeat(counts)
    numbers = np.arange(len(counts))
    going_on = (kind != END_OF_TRACK).nonzero()[0]
    other_track = numbers.repeat(other_first[1:] - other_first[:-1]).take(going_on)
    other_tick = (time.take(before) + other_time[1:]).take(going_on) - begin.take(other_track)
    q, kind = q.take(going_on), kind.take(going_on)
    channel = (numbers.repeat(counts), tick, status, a, b)
    others = (other_track, other_tick)
    tempos = _tempos(walk, q, kind, *others)
    before = before.take(going_on)
    return Events(*head, *channel, end, *others, *tempos, walk, q, kind, before)


def _tempos(
    walk: Walk, at: np.ndarray, kind: np.ndarray, track: np.ndarray, tick: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Track, tick and microseconds of the tempos among the metas at the bytes ``at``."""
    rows = (kind == TEMPO).nonzero()[0]
    start, size = at[rows] + 3, walk.raw[at[rows] + 2].astype(np.int64)
    for i in (size >= 0x80).nonzero()[0].tolist():  # a length of several bytes
        span = walk.spans[int(track[rows[i]])]
        start[i], stop = walk.body(int(start[i]) - 1, span[1])
        size[i] = stop - start[i]
    if (size < 3).any():
        rows, start = rows[size >= 3], start[size >= 3]
    us = walk.raw[start[:, None] + _THREE] @ _BIG_ENDIAN
    return track[rows], tick[rows], us


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
    program change and a channel pressure use two and one that begins with 0xFF is a meta without
    data. With ``running``
    a status byte that repeats the one before is left out."""
    gap = np.diff(tick, prepend=0)
    table = np.zeros((len(tick), 7), dtype=np.uint8)
    present = np.ones((len(tick), 7), dtype=bool)
    for i, shift in enumerate((21, 14, 7)):
        table[:, i] = gap >> shift & 0x7F | 0x80
        present[:, i] = gap >> shift > 0
    table[:, 3] = gap & 0x7F
    table[:, 4:] = message
    present[:, 6] = message[:, 0] & 0xE0 != 0xC0  # 0xC0 and 0xD0
    if running:
        present[1:, 4] = (message[1:, 0] != message[:-1, 0]) | (message[1:, 0] >= 0xF0)
    long = np.flatnonzero(gap > MAX_DELTA)
    if not len(long):
        return table[present].tobytes()
    present[long, :4] = False
    pieces, before = [], 0
    for i in long.tolist():
        pieces += [table[before:i][present[before:i]].tobytes(), delta(int(gap[i]))]
        pieces.append(table[i][present[i]].tobytes())
        before = i + 1
    return b"".join([*pieces, table[before:][present[before:]].tobytes()])


def with_metas(
    tick: np.ndarray, message: np.ndarray, metas: Iterable[tuple[int, int, bytes]]
) -> bytes:
    """Events as ``events`` has them, with metas in between: of each the row before which it
    stands, its tick and its bytes; in file order."""
    out: list[bytes] = []
    done = now = 0
    for row, when, event in metas:
        if row > done:
            out.append(events(tick[done:row] - now, message[done:row]))
            done, now = row, int(tick[row - 1])
        out += [delta(when - now), event]
        now = when
    return b"".join([*out, events(tick[done:] - now, message[done:])])


def header(tpq: int, n_tracks: int) -> bytes:
    """The header chunk of a format 1 file."""
    words = (1, n_tracks, tpq)
    return b"MThd\0\0\0\6" + b"".join(w.to_bytes(2, "big") for w in words)


def chunk(body: bytes) -> bytes:
    """A track chunk."""
    return b"MTrk" + len(body).to_bytes(4, "big") + body
