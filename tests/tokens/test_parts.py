"""Reading parts as published encodings do."""

from __future__ import annotations

import io

import mido
import pytest

from cantilena.errors import InputError, MidiError
from cantilena.tokens.parts import parts_of, read_parts, selected
from golden_bridges import FOLDER


def midi(*tracks: list[tuple]) -> bytes:
    """A file of tracks, each of messages: the name of its kind, its tick and its attributes."""
    file = mido.MidiFile(ticks_per_beat=96)
    for messages in tracks:
        track, now = mido.MidiTrack(), 0
        for kind, tick, fields in messages:
            make = mido.MetaMessage if kind in ("set_tempo", "time_signature") else mido.Message
            track.append(make(kind, time=tick - now, **fields))
            now = tick
        file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def on(tick: int, note: int = 60, channel: int = 0, velocity: int = 80) -> tuple:
    return "note_on", tick, {"note": note, "channel": channel, "velocity": velocity}


def off(tick: int, note: int = 60, channel: int = 0) -> tuple:
    return "note_off", tick, {"note": note, "channel": channel}


def program(tick: int, number: int) -> tuple:
    return "program_change", tick, {"program": number}


def notes(data: bytes) -> list[tuple[int, bool, list[list[int]]]]:
    return [(p.program, p.is_drum, p.notes[:, :3].tolist()) for p in read_parts(data).parts]


def test_one_note_off_ends_all_open_notes_of_its_pitch():
    assert notes(midi([on(0), on(10), off(30), off(40)])) == [
        (0, False, [[0, 30, 60], [10, 30, 60]])
    ]


def test_a_note_that_begins_where_another_ends_stays_open():
    assert notes(midi([on(0), on(30), off(30), off(40)])) == [
        (0, False, [[0, 30, 60], [30, 40, 60]])
    ]


def test_a_note_off_at_its_own_tick_takes_a_note_away():
    assert notes(midi([on(0), off(0), off(30), on(50), off(60)])) == [(0, False, [[50, 60, 60]])]


def test_a_note_that_is_never_ended_is_none():
    assert notes(midi([on(0, 61), on(0), off(5)])) == [(0, False, [[0, 5, 60]])]


def test_a_part_is_a_track_a_channel_and_the_program_at_the_end_of_the_note():
    one = [program(0, 4), on(0), program(10, 7), off(20), on(30, 36, 9), off(40, 36, 9)]
    two = [on(0), off(20)]
    assert notes(midi(one, two)) == [
        (7, False, [[0, 20, 60]]),
        (0, True, [[30, 40, 36]]),
        (0, False, [[0, 20, 60]]),
    ]


def test_metres_and_tempos_are_the_files_own():
    metre = {"numerator": 3, "denominator": 8}
    head = [("time_signature", 0, metre), ("set_tempo", 0, {"tempo": 400_000})]
    read = read_parts(midi(head, [on(0), off(96)]))
    assert read.metres == ((0, 3, 8),) and read.tempos == ((0, 400_000),)
    bare = read_parts(midi([on(0), off(96)]))
    assert bare.metres == () and bare.tempos == ((0, 500_000),)


def test_a_score_has_the_same_parts():
    from cantilena.score.midi import read_midi

    score, read = parts_of(read_midi(FOLDER / "fanfare.mid")), read_parts(FOLDER / "fanfare.mid")
    assert [(p.program, p.is_drum) for p in score.parts] == [
        (p.program, p.is_drum) for p in read.parts
    ]
    for one, other in zip(score.parts, read.parts, strict=True):
        assert sorted(one.notes.tolist()) == sorted(other.notes.tolist())
    assert score.metres == read.metres and score.tpq == read.tpq


def test_what_is_not_there_is_named():
    three = read_parts(midi([on(0), off(96)]))
    with pytest.raises(InputError, match="no drum notes"):
        selected(three, drums=True)
    drums = read_parts(midi([on(0, 36, 9), off(96, 36, 9)]))
    with pytest.raises(InputError, match="no pitched notes"):
        selected(drums, drums=False)
    with pytest.raises(MidiError, match="the MIDI data: this is not"):
        read_parts(b"no MIDI at all")
