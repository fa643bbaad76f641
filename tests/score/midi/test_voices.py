"""Ports, and which channels play drums: resets, part modes and banks of GM2, GS and XG."""

from __future__ import annotations

import io
import warnings

import mido
import pytest

from cantilena.errors import Notice
from cantilena.score.midi import read_midi, smf, write_midi
from cantilena.score.score import Score, Track

END = b"\0\xff\x2f\0"


def file(*tracks: bytes, form: int = 1) -> bytes:
    head = smf.header(96, len(tracks))
    return head[:9] + bytes((form,)) + head[10:] + b"".join(smf.chunk(t + END) for t in tracks)


def note(pitch: int, channel: int = 0, before: int = 0) -> bytes:
    on = smf.varlen(before) + bytes((0x90 | channel, pitch, 80))
    return on + b"\x60" + bytes((0x80 | channel, pitch, 0))


def sysex(text: str) -> bytes:
    body = bytes.fromhex(text)
    return b"\0\xf0" + smf.varlen(len(body) + 1) + body + b"\xf7"


def bank(channel: int, number: int) -> bytes:
    return bytes((0, 0xB0 | channel, 0, number))


def program(channel: int, number: int) -> bytes:
    return bytes((0, 0xC0 | channel, number))


GM, GM2 = sysex("7e7f0901"), sysex("7e7f0903")
GS, XG = sysex("4110421240007f0041"), sysex("43104c00007e00")
DT1 = "41104212"


def gs_mode(block: int, mode: int) -> bytes:
    return sysex(f"{DT1}401{block:x}15{mode:02x}00")


def xg_mode(part: int, mode: int) -> bytes:
    return sysex(f"43104c08{part:02x}07{mode:02x}")


def drums(data: bytes) -> list[bool]:
    """Whether each note, in the order of time, is of drums."""
    score = read_midi(data)
    return score.is_drum.tolist()


# ------------------------------------------------------------------ drums


@pytest.mark.parametrize(
    ("setup", "channel", "drum"),
    [
        (b"", 9, True),
        (b"", 10, False),
        (GS + gs_mode(0xA, 1), 10, True),
        (gs_mode(0xA, 2), 10, True),
        (gs_mode(1, 1), 0, True),
        (gs_mode(9, 1), 8, True),
        (gs_mode(0xF, 1), 15, True),
        (gs_mode(0, 0), 9, False),
        (gs_mode(0xA, 1), 9, True),
        (gs_mode(0xA, 1) + gs_mode(0xA, 0), 10, False),
        (gs_mode(0xA, 1) + bank(10, 0) + program(10, 8), 10, True),
        (sysex(f"{DT1}401a130a00010000"), 10, True),  # several values from 40 1A 13 on
        (sysex(f"{DT1}401a15010000"), 10, True),
        (sysex("41004512401a150100"), 10, False),  # another device
        (GS + bank(3, 127), 3, False),  # in GS the sounds of the MT-32
        (XG + bank(2, 127) + program(2, 0), 2, True),
        (bank(2, 127) + program(2, 0), 2, True),
        (XG + bank(2, 126), 2, True),
        (bank(2, 126), 2, False),
        (XG + bank(2, 127) + bank(2, 0), 2, False),
        (XG + bank(9, 0) + program(9, 5), 9, False),
        (bank(9, 0) + program(9, 5), 9, True),
        (XG + xg_mode(4, 1), 4, True),
        (XG + xg_mode(9, 0), 9, False),
        (XG + xg_mode(4, 2) + bank(4, 0), 4, False),
        (GM2 + bank(10, 120) + program(10, 0), 10, True),
        (bank(10, 120), 10, True),
        (GM2 + bank(9, 121) + program(9, 0), 9, False),
        (bank(10, 120) + bank(10, 121), 10, False),
        (bank(10, 120) + bank(10, 0), 10, False),
        (b"\0\xb0\x20\x7f", 0, False),  # the fine bank
    ],
)
def test_what_plays_drums(setup: bytes, channel: int, drum: bool):
    body = setup + note(38, channel)
    assert drums(file(body)) == [drum]
    assert drums(file(setup, note(38, channel))) == [drum]


@pytest.mark.parametrize("reset", [GM, GM2, GS, XG, sysex("4110421200007f0001")])
def test_a_reset_puts_all_back(reset: bytes):
    before = gs_mode(0xA, 1) + gs_mode(0, 0) + note(38, 10) + note(60, 9)
    assert drums(file(before + reset + note(60, 10) + note(38, 9))) == [True, False, False, True]


def test_at_one_tick_resets_come_first():
    assert drums(file(gs_mode(0xA, 1) + note(38, 10), GS)) == [True]


def test_a_sysex_in_packets():
    packets = b"\0\xf0\x04\x41\x10\x42\x12\0\xf7\x05\x40\x1a\x15\x01\0\0\xf7\x01\xf7"
    assert drums(file(packets + note(38, 10))) == [True]


def test_a_channel_changes_between_drums_and_melody():
    body = note(38, 10) + gs_mode(0xA, 1) + note(38, 10) + gs_mode(0xA, 0) + note(60, 10)
    score = read_midi(file(body, program(10, 25)))
    assert score.is_drum.tolist() == [False, True, False]
    assert [(t.program, t.is_drum) for t in score.tracks] == [(25, False), (25, True)]


def test_a_note_belongs_to_where_it_begins():
    body = bytes((0, 0x9A, 38, 80)) + b"\x20" + gs_mode(0xA, 1)[1:] + b"\x40\x8a\x26\0"
    score = read_midi(file(body))
    assert (score.is_drum.tolist(), score.duration.tolist()) == ([False], [96])


def test_drums_from_anywhere_are_written_to_channel_10():
    body = GS + gs_mode(0xA, 1) + program(10, 24) + note(38, 10) + note(60, 0)
    score = read_midi(file(body))
    data = write_midi(score)
    assert read_midi(data) == score
    ons = [m for m in mido.MidiFile(file=io.BytesIO(data)) if m.type == "note_on"]
    assert [(m.channel, m.note) for m in ons if m.velocity] == [(9, 38), (0, 60)]


def volumes(*values: int) -> bytes:
    """A file with a kit on channel 10 and one on 11, each with its volume, if any."""
    body = GS + gs_mode(0xA, 1)
    for channel, value in zip((9, 10), values, strict=False):
        body += bytes((0, 0xB0 | channel, 7, value))
    return file(body + note(38, 9) + note(40, 10))


def test_kits_whose_controls_differ_are_said_to_share_a_channel():
    score = read_midi(volumes(100, 50))
    with pytest.warns(Notice, match="several kits share channel 10"):
        data = write_midi(score)
    assert read_midi(data) == score
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_midi(read_midi(volumes(100, 100)))
        write_midi(read_midi(volumes()))


def test_in_our_own_files_banks_make_no_drums():
    score = read_midi(file(GS + bank(3, 127) + program(3, 5) + note(60, 3)))
    assert read_midi(write_midi(score)) == score
    assert score.tracks == (Track("electric piano 2", 5),)


# ------------------------------------------------------------------ ports


def port(number: int) -> bytes:
    return bytes((0, 0xFF, 0x21, 1, number))


def parts(score: Score) -> list[tuple[int, bool, list[int]]]:
    return [
        (t.program, t.is_drum, score.pitch[score.track == i].tolist())
        for i, t in enumerate(score.tracks)
    ]


def test_ports_have_channels_of_their_own():
    first = port(0) + program(0, 40) + bytes((0, 0xB0, 7, 50)) + note(60)
    second = port(1) + program(0, 73) + bytes((0, 0xB0, 7, 99)) + note(62)
    score = read_midi(file(first, second))
    assert parts(score) == [(40, False, [60]), (73, False, [62])]
    assert score.controls.track.tolist() == [0, 1]
    assert score.controls.value.tolist() == [50, 99]


def test_forty_channels():
    tracks = [port(i // 16) + program(i % 16, i) + note(i, i % 16) for i in range(40)]
    score = read_midi(file(*tracks))
    assert parts(score) == [(i, i % 16 == 9, [i]) for i in range(40)]
    assert read_midi(write_midi(score)) == score


def test_a_track_may_change_its_port_at_any_event():
    body = program(0, 1) + note(60) + port(1) + program(0, 2) + note(62) + port(0) + note(64)
    assert parts(read_midi(file(body, form=0))) == [(1, False, [60, 64]), (2, False, [62])]


def test_one_port_whatever_its_number_is_none():
    """A program in a track without a port reaches the notes of the only port that has any."""
    assert parts(read_midi(file(program(0, 40), port(3) + note(60)))) == [(40, False, [60])]


def test_tracks_without_a_port_are_of_the_first():
    tracks = program(0, 40) + note(60), port(1) + program(0, 41) + note(62)
    assert parts(read_midi(file(*tracks))) == [(40, False, [60]), (41, False, [62])]


def test_devices_by_name_are_ports():
    def device(name: bytes) -> bytes:
        return b"\0" + smf.meta(9, name)

    tracks = device(b"A") + program(0, 40) + note(60), device(b"B") + program(0, 41) + note(62)
    assert parts(read_midi(file(*tracks))) == [(40, False, [60]), (41, False, [62])]
    same = device(b"A") + program(0, 40), device(b"A") + note(62)
    assert parts(read_midi(file(*same))) == [(40, False, [62])]


def test_a_part_mode_is_of_the_port_of_its_track():
    second = port(1) + gs_mode(0xA, 1) + note(38, 10)
    assert drums(file(port(0) + note(60, 10), second)) == [False, True]


def test_a_channel_prefix_names_a_channel():
    named = b"".join(
        bytes((0, 0xFF, 0x20, 1, channel)) + b"\0" + smf.meta(3, name)
        for channel, name in ((0, b"Left"), (1, b"Right"))
    )
    score = read_midi(file(b"\0" + smf.meta(3, b"Tune") + named + note(60) + note(72, 1), form=0))
    assert (score.title, [t.name for t in score.tracks]) == ("Tune", ["Left", "Right"])
