"""The two ways of walking through a file's bytes, sweeps and hops, find the same events."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import MidiError, Notice
from cantilena.score import Score
from cantilena.score.midi import read_midi, smf
from cantilena.score.midi.walk import Walk

END = b"\0\xff\x2f\0"
DELTA = st.sampled_from(
    [b"\0", b"\x60", b"\x81\x40", b"\xff\x7f", b"\x81\x80\x00", b"\xff\xff\x7f"]
)
DATA = st.integers(0, 127)


def built(*parts: st.SearchStrategy[int] | int) -> st.SearchStrategy[bytes]:
    return st.tuples(*(st.just(p) if isinstance(p, int) else p for p in parts)).map(bytes)


LONG = st.binary(min_size=130, max_size=300)
EVENT = st.one_of(
    built(st.integers(0x80, 0xBF), DATA, DATA),
    built(st.integers(0x80, 0xBF), DATA, DATA),
    built(st.integers(0xE0, 0xEF), DATA, DATA),
    built(st.integers(0xC0, 0xDF), DATA),
    built(DATA, DATA),  # running status of two data bytes, if it fits what stands before
    built(DATA),  # and of one
    st.binary(max_size=9).map(lambda b: b"\xff\x01" + smf.varlen(len(b)) + b),
    LONG.map(lambda b: b"\xff\x05" + smf.varlen(len(b)) + b),
    built(0xFF, smf.TEMPO, 3, DATA, DATA, DATA),
    st.binary(max_size=9).map(lambda b: b"\xf0" + smf.varlen(len(b)) + b),
    LONG.map(lambda b: b"\xf7" + smf.varlen(len(b)) + b),
)
TRACK = st.lists(st.tuples(DELTA, EVENT), max_size=60).map(lambda t: b"".join(d + e for d, e in t))


def outcome(data: bytes) -> object:
    try:
        e = smf.parse(data)
    except MidiError:
        return None  # of several kinds of damage in a file either may be met first
    arrays = (e.track, e.tick, e.status, e.a, e.b, e.end, e.other_track, e.other_tick)
    tempos = (e.tempo_track, e.tempo_tick, e.tempo_us)
    return [a.tolist() for a in (*arrays, *tempos)], e.metas


def score(data: bytes) -> Score | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)
        try:
            return read_midi(data)
        except MidiError:
            return None


def by_hops(data: bytes, read: Callable[[bytes], object] = outcome) -> object:
    sweep, Walk.sweep = Walk.sweep, lambda self: None
    try:
        return read(data)
    finally:
        Walk.sweep = sweep


@given(st.lists(TRACK, min_size=1, max_size=4), st.booleans())
def test_sweeps_and_hops_find_the_same(tracks: list[bytes], ended: bool):
    data = smf.header(96, len(tracks)) + b"".join(
        smf.chunk(t + (END if ended else b"")) for t in tracks
    )
    assert outcome(data) == by_hops(data)
    assert score(data) == by_hops(data, score)


@given(TRACK, st.integers(0, 2**32))
def test_damaged_bytes_too(track: bytes, seed: int):
    rng = np.random.default_rng(seed)
    data = bytearray(smf.header(96, 1) + smf.chunk(track + END))
    for at in rng.integers(22, len(data), 3):
        data[at] = rng.integers(256)
    assert outcome(bytes(data)) == by_hops(bytes(data))


def test_a_run_of_one_byte_events_behind_a_meta_is_not_taken_for_two():
    body = b"\0\xd0\x05" + b"\0\xff\x01\x00" + b"\0\x11" + b"\0\x12" + b"\0\x90\x3c\x40" + END
    events = smf.parse(smf.header(96, 1) + smf.chunk(body))
    assert events.status.tolist() == [0xD0] * 3 + [0x90]
    assert events.a.tolist() == [5, 0x11, 0x12, 0x3C]


def test_tempos_are_read_with_their_places():
    tempo = b"\x60\xff\x51\x03\x07\xa1\x20"
    events = smf.parse(smf.header(96, 2) + smf.chunk(END) + smf.chunk(tempo + tempo + END))
    assert events.tempo_tick.tolist() == [96, 192]
    assert events.tempo_track.tolist() == [1, 1]
    assert events.tempo_us.tolist() == [500_000] * 2
    assert [m.tick for m in events.metas] == [96, 192]


def test_a_truncated_end_is_an_error():
    data = smf.header(96, 1) + smf.chunk(b"\0\x90\x3c\x40\0\x80\x3c")
    with pytest.raises(MidiError):
        smf.parse(data)


def test_a_sweep_suits_all_that_is_usual():
    body = b"\0\xff\x03\x01\xe9" + b"\0\xc0\x05" + b"\0\xf0\x03\x43\x10\xf7"
    body += b"\x84\x40\x90\x3c\x40" + b"\xc1\x80\x00\x3c\0" + b"\0\xd0\x05" + b"\xc0\x00\x06"
    body += b"\0\xff\x51\x03\xc7\xa1\xff" + b"\0\x07" + b"\0\xe0\0\x40" + b"\0\0\x41" + END
    long = b"\x90\0\xff\x01\x81\x48" + bytes(200) + body  # and with a length of two bytes
    data = smf.header(96, 3) + smf.chunk(body) + smf.chunk(b"") + smf.chunk(long)
    second = 30 + len(body)
    walk = Walk(data, [(22, second - 8), (second, second), (second + 8, len(data))])
    swept = walk.sweep()
    assert swept is not None
    assert [a.tolist() for a in swept] == [a.tolist() for a in walk.hop()]
    assert len(swept.last) == 16 and len(swept.other_last) == 9
    assert smf.parse(data).tick[:3].tolist() == [0, 576, 576 + 0x41 * 128**2]
