"""The arrival encoding once more, event by event in plain Python, to hold the vectorised one to.

Written from the encoding's description; shares the vocabulary's numbers with it and nothing else.
"""

from __future__ import annotations

import io
from collections import defaultdict, deque
from typing import Any

from hypothesis import strategies as st

from cantilena.score.midi import smf
from cantilena.tokens.arrival import AMT

Triple = tuple[int, int, int]


def events(data: bytes) -> list[int]:
    """The events of a MIDI file, message by message as mido plays them."""
    import mido

    program: dict[int, int] = defaultdict(int)
    waiting: dict[tuple[int, int, int], deque[tuple[int, float]]] = defaultdict(deque)
    rows: list[list[int]] = []
    now = 0.0
    message: Any
    for message in mido.MidiFile(file=io.BytesIO(data)):
        now += message.time
        if message.type == "program_change":
            program[message.channel] = message.program
        if message.type not in ("note_on", "note_off"):
            continue
        instrument = 128 if message.channel == 9 else program[message.channel]
        voice = (instrument, message.note, message.channel)
        if message.type == "note_on" and message.velocity > 0:
            waiting[voice].append((len(rows), now))
            rows.append([round(100 * now), 10_025, 11_000 + 128 * instrument + message.note])
        elif waiting[voice]:
            index, since = waiting[voice].popleft()
            rows[index][1] = 10_000 + min(round(100 * (now - since)), 999)
    return [token for row in rows for token in row]


def rows(tokens: Any) -> list[Triple]:
    flat = [int(t) for t in tokens]
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def flat(triples: list[Triple]) -> list[int]:
    return [token for row in triples for token in row]


def pad(tokens: Any, end: int = 0) -> list[int]:
    """With a REST a second after whatever stands more than a second before the next."""
    out: list[Triple] = []
    before = 0
    for row in [*rows(tokens), (end, 0, 0)]:
        while row[0] > before + 100:
            before += 100
            out.append((before, 10_000, 27_512))
        if row[2]:
            out.append(row)
            before = row[0]
    return flat(out)


def anticipate(events: Any, controls: Any) -> tuple[list[int], list[int]]:
    """Each control as soon as the last event is at most 5 s before it."""
    out: list[Triple] = []
    waiting = deque(rows(controls))
    now = 0
    for row in rows(events):
        while waiting and now >= waiting[0][0] - 27_513 - 500:
            out.append(waiting.popleft())
        out.append(row)
        now = row[0]
    return flat(out), flat(list(waiting))


def window(tokens: Any) -> list[int] | None:
    """Shifted to begin at 0, up to a SEPARATOR; None where that reaches 100 s."""
    triples = rows(tokens)
    stop = next((i for i, r in enumerate(triples) if r[2] == 55_025), len(triples))

    def time(row: Triple) -> int:
        return row[0] - (27_513 if row[2] >= 27_513 else 0)

    least = min((time(r) for r in triples[:stop]), default=0)
    out = [(r[0] - least * (i < stop), *r[1:]) for i, r in enumerate(triples)]
    far = any(time(r) >= 10_000 for r in out if r[2] != 55_025)
    return None if far else flat(out)


# ---------------------------------------------------------------------------- things to draw

DATA = st.integers(0, 127)
PITCH = st.integers(60, 62)
CHANNEL = st.sampled_from([0, 0, 1, 9])


def _event(kind: int, channel: int, pitch: int, value: int) -> bytes:
    if kind == 2:
        return bytes((0xC0 | channel, value % 3))
    if kind == 3:
        return bytes((0xB0 | channel, 7, value))
    if kind == 4:
        return smf.meta(smf.TEMPO, (value * 9_000 + 1).to_bytes(3, "big"))
    if kind == 5:
        return smf.meta(0x05, b"la" * (value % 5))
    if kind == 6:
        return bytes((0x80 | channel, pitch, value))
    return bytes((0x90 | channel, pitch, value * (kind == 0)))


MESSAGE = st.builds(_event, st.sampled_from([0, 0, 0, 1, 1, 6, 2, 3, 4, 5]), CHANNEL, PITCH, DATA)
TRACK = st.lists(st.tuples(st.sampled_from([0, 0, 1, 7, 60, 480, 5000]), MESSAGE), max_size=40)


def _file(tpq: int, tracks: list[list[tuple[int, bytes]]], late: int) -> bytes:
    end = smf.varlen(late) + smf.meta(smf.END_OF_TRACK, b"")
    chunks = [b"".join(smf.delta(t) + m for t, m in track) + end for track in tracks]
    return smf.header(tpq, len(chunks)) + b"".join(smf.chunk(c) for c in chunks)


FILES = st.builds(
    _file,
    st.sampled_from([1, 24, 96, 100, 384, 480, 1023]),
    st.lists(TRACK, min_size=1, max_size=4),
    st.sampled_from([0, 0, 3, 900]),
)
"""MIDI files with overlapping and unclosed notes, programs and tempos that change at any time in
any track."""


_SYSEX = b"\xf0\x03\x01\x02\xf7"
ODD_MESSAGE = st.sampled_from(
    [
        _SYSEX,
        _SYSEX + b"\x07\x05\x02\x01\xf7",  # a sysex without a status 7 ticks later
        _SYSEX + b"\x02\xff\x05\x01x\x81\x00\x09\x00",  # and behind a text
        b"\xf7\x01\x00\x00\x05\x81\x00" + bytes(128),
        *(smf.meta(kind, b"abc") for kind in (0x08, 0x0A, 0x53, 0x60, 0x79)),
        smf.meta(smf.END_OF_TRACK, b""),
    ]
)
ODD_TRACK = st.lists(
    st.tuples(st.sampled_from([0, 1, 60, 480]), st.one_of(MESSAGE, MESSAGE, ODD_MESSAGE)),
    max_size=30,
)


def _odd_file(tracks: list[list[tuple[int, bytes]]], announced: int, ends: bool) -> bytes:
    whole = _file(96, tracks, 3)
    header = smf.header(96, min(announced, len(tracks)))
    if ends:
        return header + whole[len(header) :]
    chunks = (b"".join(smf.delta(t) + m for t, m in track) for track in tracks)
    return header + b"".join(map(smf.chunk, chunks))


ODD_FILES = st.builds(
    _odd_file,
    st.lists(ODD_TRACK, min_size=1, max_size=3),
    st.sampled_from([9, 9, 1, 2, 0]),
    st.sampled_from([True, True, False]),
)
"""Files that break the format where mido still reads them: more tracks than the header announces,
events behind an end-of-track or none at all, running status behind a sysex, unknown metas."""


def _sequence(steps: list[tuple[int, int, int, int]]) -> list[int]:
    now, out = 0, []
    for gap, length, instrument, pitch in steps:
        now += gap
        out += [now, 10_000 + length, 11_000 + 128 * instrument + pitch]
    return out


GAP = st.sampled_from([0, 0, 1, 13, 50, 99, 100, 101, 200, 450, 501, 999, 2_500])
INSTRUMENT = st.sampled_from([0, 33, 48, 127, 128])
EVENTS = st.lists(st.tuples(GAP, st.integers(0, 999), INSTRUMENT, DATA), max_size=60).map(_sequence)
"""Arrival events in time order, across long silences."""
MANY = st.lists(
    st.tuples(st.sampled_from([0, 5, 20, 60, 130]), st.integers(0, 999), INSTRUMENT, DATA),
    min_size=100,
    max_size=260,
).map(_sequence)
"""Pieces of a length that is trained on, mostly."""

assert AMT.size == 55_028  # the numbers above are this vocabulary's
