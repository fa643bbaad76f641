"""MIDI files: known traps on reading, what other programs see of our writing, round trips."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError, MidiError, Notice
from cantilena.score.controls import (
    CHANNEL_PRESSURE,
    CONTROL_CHANGE,
    NO_CONTROLS,
    PITCH_BEND,
    POLYPHONIC_PRESSURE,
    Controls,
)
from cantilena.score.midi import channels, read_midi, smf, write_midi
from cantilena.score.score import Score, Track

END = b"\0\xff\x2f\0"


def file(*tracks: bytes, tpq: int = 480, form: int = 1) -> bytes:
    """A MIDI file of these track bodies; the end of track is added."""
    head = b"MThd\0\0\0\6" + struct.pack(">HHH", form, len(tracks), tpq)
    return head + b"".join(smf.chunk(t + END) for t in tracks)


def note(pitch: int, length: int = 96, channel: int = 0, before: int = 0) -> bytes:
    on = smf.varlen(before) + bytes((0x90 | channel, pitch, 80))
    return on + smf.varlen(length) + bytes((0x80 | channel, pitch, 0))


def spans(score: Score) -> list[tuple[int, int, int]]:
    ends = score.onset + score.duration
    return list(zip(score.onset.tolist(), ends.tolist(), score.pitch.tolist(), strict=True))


def controls(score: Score) -> list[tuple[int, ...]]:
    """(tick, track, kind, number, value) of each."""
    return list(zip(*(c.tolist() for c in score.controls.columns), strict=True))


# --- reading -------------------------------------------------------------------------------------


def test_a_plain_file():
    conductor = b"\0\xff\x03\4Song\0\xff\x51\3\x0a\0\0\0\xff\x58\4\6\3\x24\x08\0\xff\x59\2\xfd\1"
    score = read_midi(file(conductor, b"\0\xff\x03\5Viola\0\xc0\x29" + note(60) + note(62)))
    assert score.title == "Song"
    assert score.tracks == (Track("Viola", 41),)
    assert spans(score) == [(0, 96, 60), (96, 192, 62)]
    assert score.velocity.tolist() == [80, 80]
    assert score.tempo_us.tolist() == [0x0A0000]
    assert (score.metre_num.tolist(), score.metre_den.tolist()) == ([6], [8])
    assert (score.key_fifths.tolist(), score.key_minor.tolist()) == ([-3], [1])
    assert score.end == 192


def test_running_status_and_note_on_of_velocity_0():
    body = b"\0\x90\x3c\x50\x60\x3c\0\0\x3e\x50\x81\0\x3e\0" + b"\0\xc0\5\0\6\0\7" + note(64)
    score = read_midi(file(body))
    assert spans(score) == [(0, 96, 60), (96, 224, 62), (224, 320, 64)]
    assert score.program.tolist() == [0, 0, 7]


def test_running_status_goes_on_behind_a_meta_and_a_sysex():
    body = b"\0\x90\x3c\x50\0\xff\x01\2hi\0\xf0\3\x7e\x09\xf7\x60\x3c\0"
    assert spans(read_midi(file(body))) == [(0, 96, 60)]


def test_running_status_without_a_status_is_damage():
    with pytest.raises(MidiError, match="belong to no event"):
        read_midi(file(note(60), b"\0\x3c\x50\0\x3c\0"), mend=False)


def test_zero_length_notes_last_a_tick():
    assert spans(read_midi(file(note(60, 0)))) == [(0, 1, 60)]


def test_overlapping_notes_of_a_pitch_end_in_the_order_they_began():
    body = b"\0\x90\x3c\x50\x10\x3c\x50\x10\x3c\0\x10\x3c\0"
    assert spans(read_midi(file(body))) == [(0, 32, 60), (16, 48, 60)]


def test_an_unclosed_note_ends_with_the_next_of_its_pitch_or_the_track():
    body = b"\0\x90\x3c\x50\x10\x3c\x51\x10\x3c\0\x10\x3c\x52\0\x40\x50\x10\x40\0" + b"\x10\xff\1\0"
    assert spans(read_midi(file(body))) == [(0, 16, 60), (16, 32, 60), (48, 80, 60), (48, 64, 64)]


def test_doubled_note_ons_with_one_end_end_together():
    body = b"\0\x90\x3c\x50\0\x3c\x51\x10\x3c\0\x10\xff\1\0"
    assert spans(read_midi(file(body))) == [(0, 16, 60), (0, 16, 60)]


def test_a_stray_note_off_shifts_nothing():
    body = b"\0\x80\x3c\0" + note(60) + b"\0\x80\x3c\0\0\x80\x3c\0" + note(60, 10)
    assert spans(read_midi(file(body))) == [(0, 96, 60), (96, 106, 60)]


def test_the_program_may_stand_in_another_track():
    setup = b"\0\xc0\x28\0\xc1\x49\x60\xc0\x2a"
    score = read_midi(file(setup, note(60) + note(62), note(70, channel=1)))
    assert [t.program for t in score.tracks] == [40, 42, 73]
    assert [t.name for t in score.tracks] == ["violin", "cello", "flute"]
    assert score.program.tolist() == [40, 73, 42]


def test_a_first_program_of_the_same_tick_counts_in_whatever_track():
    assert read_midi(file(note(60), b"\0\xc0\x28")).program.tolist() == [40]
    assert read_midi(file(note(60), b"\1\xc0\x28")).program.tolist() == [0]


def test_a_program_change_in_the_middle_makes_another_part():
    body = b"\0\xff\3\1A\0\xc0\1" + note(60) + b"\0\xc0\2" + note(62)
    score = read_midi(file(b"\0\xff\3\1T", body))
    assert score.tracks == (Track("A", 1), Track("A", 2))
    assert score.track.tolist() == [0, 1]


def test_drums_and_their_kits():
    score = read_midi(file(note(38, channel=9) + b"\0\xc9\x19" + note(36, channel=9)))
    assert score.tracks == (Track("drums", 0, True), Track("drums", 25, True))
    assert score.is_drum.all()


def test_format_0_names_parts_by_their_program():
    body = b"\0\xff\3\4Tune\0\xc3\x47" + note(60, channel=3) + note(36, channel=9)
    score = read_midi(file(body, form=0))
    assert score.title == "Tune"
    assert [t.name for t in score.tracks] == ["clarinet", "drums"]


def test_format_2_plays_one_track_after_the_other():
    tempo = b"\0\xff\x51\3\x05\0\0"
    score = read_midi(file(note(60), tempo + note(62), form=2))
    assert spans(score) == [(0, 96, 60), (96, 192, 62)]
    assert score.tempo_tick.tolist() == [0, 96]


def test_names_that_are_not_utf8_or_hold_rubbish():
    assert read_midi(file(b"\0\xff\3\4Fl\xf6t" + note(60), note(61))).tracks[0].name == "Flöt"
    assert read_midi(file(b"\0\xff\3\4 a\0b" + note(60), note(61))).tracks[0].name == "a b"


def test_tempo_0_and_impossible_metres_and_keys_are_left_out():
    body = b"\0\xff\x51\3\0\0\0\0\xff\x58\4\0\2\x18\x08\0\xff\x58\4\4\7\x18\x08\0\xff\x59\2\x08\0"
    score = read_midi(file(body + b"\0\xff\x51\0\0\xff\x58\1\3\0\xff\x59\0" + note(60)))
    assert score.tempo_us.tolist() == [500_000]
    assert (score.metre_num.tolist(), score.metre_den.tolist()) == ([4], [4])
    assert len(score.key_tick) == 0


def test_end_is_that_of_the_tracks_with_notes():
    late_tempo = b"\x8f\0\xff\x51\3\5\0\0"
    assert read_midi(file(late_tempo, note(60) + b"\x60\xff\1\0")).end == 192


def test_foreign_chunks_and_rubbish_at_the_end_are_passed_over():
    data = file(note(60))
    extra = b"XFIH\0\0\0\3abc"
    assert spans(read_midi(data[:14] + extra + data[14:] + b"rubbish and more")) == [(0, 96, 60)]


def test_a_missing_end_of_track_and_riff_files_are_read():
    data = b"MThd\0\0\0\6\0\0\0\1\1\xe0" + smf.chunk(note(60))
    assert spans(read_midi(data)) == [(0, 96, 60)]
    assert spans(read_midi(b"RIFF\xff\0\0\0RMIDdata\xff\0\0\0" + data)) == [(0, 96, 60)]


def test_events_behind_the_end_of_track_do_not_count():
    assert spans(read_midi(file(note(60) + END + note(61)))) == [(0, 96, 60)]


def test_controls_are_read_and_notes_last_as_long_as_their_keys():
    body = b"\0\xb0\x40\x7f" + note(60) + b"\0\xe0\1\0\0\xd0\x50\0\xa0\x3c\x11\x20\xb0\x40\0"
    score = read_midi(file(body))
    assert spans(score) == [(0, 96, 60)]
    assert controls(score) == [
        (0, 0, CONTROL_CHANGE, 64, 127),
        (96, 0, PITCH_BEND, 0, 1 - 8192),
        (96, 0, CHANNEL_PRESSURE, 0, 0x50),
        (96, 0, POLYPHONIC_PRESSURE, 60, 0x11),
        (128, 0, CONTROL_CHANGE, 64, 0),
    ]


def test_a_control_stands_in_every_part_of_its_channel():
    """Both hands of a piano, and both programs of a track, are as loud as their channel."""
    setup = b"\0\xb0\7\x50\0\xb1\7\x51\0\xb2\7\x52"
    right = b"\0\xc0\1" + note(60) + b"\0\xc0\2" + note(62)
    score = read_midi(file(setup, right, note(40), note(30, channel=1)))
    assert [t.program for t in score.tracks] == [1, 2, 1, 0]
    assert [(row[1], row[4]) for row in controls(score)] == [(0, 80), (1, 80), (2, 80), (3, 81)]


def test_a_bank_is_of_the_program_behind_it():
    body = b"\0\xb0\0\5\0\xb0\x20\6\0\xc0\1" + note(60) + b"\0\xb0\0\7\0\xc0\2" + note(62)
    score = read_midi(file(body + b"\0\xb0\0\x09"))
    assert [(row[0], row[1], row[4]) for row in controls(score)] == [
        (0, 0, 5),
        (0, 0, 6),
        (96, 1, 7),
        (192, 1, 9),  # for which no program follows
    ]


def test_controls_after_the_end_do_not_count():
    late = b"\x60\xb0\7\1\x60\xb0\7\2"
    score = read_midi(file(late, note(60)))
    assert score.end == 96
    assert [row[0] for row in controls(score)] == [96]


def test_parts_that_share_too_many_controls_are_refused(monkeypatch):
    data = file(b"\0\xb0\7\1" * 5, note(60), note(62))
    monkeypatch.setattr(channels, "MAX_CONTROLS", 10)
    assert len(read_midi(data).controls) == 10
    monkeypatch.setattr(channels, "MAX_CONTROLS", 9)
    with pytest.raises(MidiError, match="10 controls"):
        read_midi(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (file(note(60), tpq=0), "0 ticks"),
        (file(note(60), tpq=0xE728), "SMPTE"),
        (file(note(60), form=3), "format 3"),
        (file(note(60))[:-6], "cut short"),
        (file(b"\0\x90\x3c\x80"), "above 127"),
        (file(b"\xff\xff\xff\xff\x7f\x90\x3c\1"), "damaged"),
    ],
)
def test_damage_that_is_not_to_be_mended_is_an_error(data, reason):
    with pytest.raises(MidiError, match=reason):
        read_midi(data, mend=False)
    with pytest.warns(Notice, match="mended"):
        assert len(read_midi(data)) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a MIDI file"),
        (b"MThd\0\0\0\6\0", "not a MIDI file"),
        (b"MThd\0\0\0\2\0\0\0\0\0\0", "header"),
        (file(), "0 of 0 tracks"),
        (file(note(60))[:14], "cut short"),
        (file(b"\0\x90\x3c"), "damaged|cut short"),
        (file(b"\0\xb0\x3c\x80"), "above 127"),
        (file(b"\0\xff\x03\x7fabc"), "longer than its track"),
        (file(b"\0\xf0\xff\xff\xff\x7f"), "longer than its track"),
        (file(b"\xff\xff\xff\xff\x7f\xb0\x3c\1"), "damaged"),
        (file(b"\0\xf4"), "damaged"),
        (file(b"\xff\xff\xff\x7f\xff\1\0" * 9 + note(60)), "2\\^31 ticks"),
        (file(b"\0\xff\x51\3\xff\xff\xff" + note(60, 10**6), tpq=100), "24 hours"),
        (file(b"\0\xff\x58\2\1\6\0\xff\x51\3\0\0\1" + note(60, 2 * 10**6), tpq=1), "bars"),
        (b"MThd" + bytes(16_000_001), "larger than 16 MB"),
        (b"RIFF\0\0\0\0WAVEfmt " + bytes(30), r"this is sound \(WAV\), not MIDI"),
        (b"fLaC" + bytes(16_000_001), r"this is sound \(FLAC\), not MIDI"),
    ],
)
def test_damage_is_one_clear_error(data, reason, tmp_path):
    with pytest.raises(MidiError, match=reason):
        read_midi(data)
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    with pytest.raises(MidiError, match=r"bad\.mid: "):
        read_midi(path)


def test_a_tempo_flood_is_refused():
    with pytest.raises(MidiError, match="more than"):
        read_midi(file(b"\1\xff\x51\3\1\0\0\1\xff\x51\3\2\0\0" * 130_000))


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_midi(tmp_path / "none.mid")
    with pytest.raises(InputError, match="is not a file"):
        read_midi(str(tmp_path))
    with pytest.raises(InputError, match="there is no folder"):
        write_midi(Score.build(480, [], [], [], [], [], []), tmp_path / "no" / "a.mid")


# --- writing -------------------------------------------------------------------------------------


def many(programs: list[int], drums: int = 0, spread: int = 1) -> Score:
    tracks = [Track(f"part {i}", p) for i, p in enumerate(programs)]
    tracks += [Track(f"kit {i}", 8 * i, True) for i in range(drums)]
    n = len(tracks)
    rows = [(beat * 480, 240, 50 + i, 64 + i, i) for beat in range(0, 8, spread) for i in range(n)]
    return Score.build(480, tracks, *np.array(rows).T)


def test_what_mido_sees():
    tracks = [Track("Geige", 40), Track("Schlagzeug", 0, True), Track("Fløyte", 73)]
    score = Score.build(
        96,
        tracks,
        [0, 96, 0],
        [48, 96, 24],
        [60, 62, 38],
        [1, 127, 90],
        [0, 2, 1],
        tempos=[(0, 400_000), (96, 600_000)],
        metres=[(0, 3, 4), (288, 6, 8)],
        keys=[(0, -2, 1)],
        end=300,
        title="Walzer",
    )
    midi = mido.MidiFile(file=io.BytesIO(write_midi(score)), charset="utf-8")
    assert (midi.type, midi.ticks_per_beat, len(midi.tracks)) == (1, 96, 4)
    assert [t.name for t in midi.tracks] == ["Walzer", "Geige", "Schlagzeug", "Fløyte"]
    metas = [m for m in midi.tracks[0] if m.is_meta]
    assert [(m.tempo, m.time) for m in metas if m.type == "set_tempo"] == [
        (400000, 0),
        (600000, 96),
    ]
    metres = [m for m in metas if m.type == "time_signature"]
    assert [(m.numerator, m.denominator) for m in metres] == [(3, 4), (6, 8)]
    assert [m.clocks_per_click for m in metres] == [24, 36]
    assert [m.key for m in metas if m.type == "key_signature"] == ["Gm"]
    changes = [m for t in midi.tracks for m in t if m.type == "program_change"]
    assert [(m.channel, m.program) for m in changes] == [(0, 40), (9, 0), (1, 73)]
    ons = [m for t in midi.tracks for m in t if m.type == "note_on"]
    assert [(m.channel, m.note, m.velocity) for m in ons] == [(0, 60, 1), (9, 38, 90), (1, 62, 127)]
    assert [sum(m.time for m in t) for t in midi.tracks] == [300] * 4


def test_fifteen_parts_have_a_channel_each():
    midi = mido.MidiFile(file=io.BytesIO(write_midi(many([0] * 15, drums=1))))
    channels = [m.channel for t in midi.tracks for m in t if m.type == "program_change"]
    assert sorted(channels) == list(range(16))


def test_parts_of_one_program_share_a_channel_beyond_fifteen():
    score = many([*range(14), 13, 13], drums=1)
    midi = mido.MidiFile(file=io.BytesIO(write_midi(score)))
    assert sum(m.type == "program_change" for t in midi.tracks for m in t) == 17
    assert read_midi(write_midi(score)) == score


def test_twenty_programs_and_two_kits():
    score = many(list(range(0, 100, 5)), drums=2)
    data = write_midi(score)
    assert read_midi(data) == score
    midi = mido.MidiFile(file=io.BytesIO(data))
    state: dict[int, int] = {}  # what a synthesizer would play: the tracks merged
    sounding = set()
    for m in mido.merge_tracks(midi.tracks):
        if m.type == "program_change":
            state[m.channel] = m.program
        elif m.type == "note_on":
            sounding.add((m.note, state[m.channel]))
    programs = [t.program for t in score.tracks]
    assert sounding == {(50 + i, p) for i, p in enumerate(programs)}


def messages(data: bytes) -> list[tuple[int, int, mido.Message]]:
    """(part, tick, message) of all channel messages, as mido reads them."""
    rows, part = [], -1
    for track in mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks[1:]:
        now = 0
        for message in track:
            now += message.time
            if message.type == "sequencer_specific":
                part += bytes(message.data).endswith(b"part")
            elif not message.is_meta:
                rows.append((part, now, message))
    return rows


def mido_controls(data: bytes) -> list[tuple[int, ...]]:
    """(tick, track, kind, number, value) of each control, as mido reads them."""
    rows = []
    for part, now, m in messages(data):
        if m.type == "control_change":
            rows.append((now, part, CONTROL_CHANGE, m.control, m.value))
        elif m.type == "pitchwheel":
            rows.append((now, part, PITCH_BEND, 0, m.pitch))
        elif m.type == "aftertouch":
            rows.append((now, part, CHANNEL_PRESSURE, 0, m.value))
        elif m.type == "polytouch":
            rows.append((now, part, POLYPHONIC_PRESSURE, m.note, m.value))
    return sorted(rows, key=lambda row: row[:2])


def test_banks_come_before_the_program_and_controls_before_the_notes():
    rows = [(0, 10, 64), (0, 0, 3), (5, 7, 100), (5, 32, 1), (5, 0, 2)]
    tick, number, value = zip(*rows, strict=True)
    score = Score.build(
        480,
        [Track("", 9)],
        [0, 5],
        [5, 5],
        [60, 62],
        [64, 64],
        [0, 0],
        controls=Controls.build(tick, [0] * 5, [CONTROL_CHANGE] * 5, number, value),
    )
    order = [
        (now, m.type, getattr(m, "control", None)) for _, now, m in messages(write_midi(score))
    ]
    assert order == [
        (0, "control_change", 0),
        (0, "program_change", None),
        (0, "control_change", 10),
        (0, "note_on", None),
        (5, "note_off", None),
        (5, "control_change", 32),
        (5, "control_change", 0),
        (5, "program_change", None),
        (5, "control_change", 7),
        (5, "note_on", None),
        (10, "note_off", None),
    ]


def test_a_program_set_again_behind_a_bank_is_changed_back_where_a_channel_is_shared():
    score = many(list(range(20)))
    c = Controls.build([480], [0], [CONTROL_CHANGE], [0], [1])
    again = read_midi(write_midi(replace(score, controls=c)))
    assert again.controls == c and again == replace(score, controls=c)


def test_nested_notes_of_a_pitch_and_silent_parts_survive():
    tracks = [Track("", 3), Track("silent", 7), Track("mute kit", 2, True)]
    notes = ([0, 5, 6, 30], [40, 10, 2, 5], [60] * 4, [1, 2, 3, 4], [0] * 4)
    score = Score.build(480, tracks, *notes, end=100)
    assert read_midi(write_midi(score)) == score


def test_gaps_beyond_one_delta_time():
    far = 2**30 + 5
    score = Score.build(
        32767,
        [PIANO := Track("p", 0)],
        [far, far + 1],
        [2**29, 9],
        [60, 60],
        [9, 9],
        [0, 0],
        tempos=[(0, 10), (far, 11)],
        metres=[(0, 255, 1)],
    )
    assert read_midi(write_midi(score)) == score
    assert score.tracks == (PIANO,)


def test_written_whole_with_usual_rights(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(b"old")
    score = many([0, 1])
    assert write_midi(score, path) == path.read_bytes()
    assert os.listdir(tmp_path) == ["a.mid"]
    assert read_midi(path) == score
    (plain := tmp_path / "plain").write_bytes(b"")
    assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    "change",
    [
        {"metres": [(0, 4, 6)]},
        {"metres": [(0, 4, 128)]},
        {"metres": [(0, 256, 4)]},
        {"tpq": 40_000},
        {"end": 2**31},
        {"tracks": [Track("x", 0)] * 1001},
    ],
)
def test_what_no_file_can_hold_is_refused(change):
    arguments = {"tpq": 480, "tracks": [Track("x", 0)]} | change
    empty = dict.fromkeys(("onset", "duration", "pitch", "velocity", "track"), ())
    with pytest.raises(InputError):
        write_midi(Score.build(**arguments, **empty))


def test_too_slow_a_tempo_is_cut():
    score = Score.build(480, [], [], [], [], [], [], tempos=[(0, 2**25)])
    assert read_midi(write_midi(score)).tempo_us.tolist() == [0xFFFFFF]


TICKS = st.integers(0, 3000)
PLACES = st.one_of(st.integers(0, 5), TICKS)
DATA = st.integers(0, 127)
CONTROLS = st.one_of(
    st.tuples(PLACES, st.just(CONTROL_CHANGE), st.one_of(st.sampled_from((0, 32, 64)), DATA), DATA),
    st.tuples(PLACES, st.just(POLYPHONIC_PRESSURE), DATA, DATA),
    st.tuples(PLACES, st.just(CHANNEL_PRESSURE), st.just(0), DATA),
    st.tuples(PLACES, st.just(PITCH_BEND), st.just(0), st.integers(-8192, 8191)),
)
PARTS = st.builds(Track, st.text(max_size=8), st.integers(0, 127), st.booleans())


@st.composite
def scores(draw: st.DrawFn) -> Score:
    tracks = draw(st.lists(PARTS, min_size=1, max_size=24))
    notes = st.tuples(
        st.one_of(st.integers(0, 20), TICKS),
        st.one_of(st.integers(1, 20), st.integers(1, 900)),
        st.one_of(st.integers(60, 61), st.integers(0, 127)),
        st.integers(1, 127),
        st.integers(0, len(tracks) - 1),
    )
    rows = np.array(draw(st.lists(notes, max_size=60)), dtype=np.int64).reshape(-1, 5)
    owners = st.integers(0, len(tracks) - 1)
    moves = draw(st.lists(st.tuples(owners, CONTROLS), max_size=40))
    controls = Controls.build(
        [c[0] for _, c in moves],
        [part for part, _ in moves],
        *([c[i] for _, c in moves] for i in (1, 2, 3)),
    )
    powers = st.sampled_from((1, 2, 4, 8, 16, 32, 64))
    return Score.build(
        draw(st.integers(1, 0x7FFF)),
        tracks,
        *rows.T,
        tempos=draw(st.lists(st.tuples(TICKS, st.integers(1, 0xFFFFFF)), max_size=4)),
        metres=draw(st.lists(st.tuples(TICKS, st.integers(1, 255), powers), max_size=4)),
        keys=draw(st.lists(st.tuples(TICKS, st.integers(-7, 7), st.integers(0, 1)), max_size=4)),
        end=draw(TICKS),
        title=draw(st.text(max_size=8)),
        controls=controls,
    )


@settings(max_examples=300, deadline=None)
@given(scores())
def test_any_score_reads_back_equal(score):
    data = write_midi(score)
    again = read_midi(data)
    assert again == score
    assert again.title == score.title
    assert write_midi(again) == data
    assert mido_controls(data) == controls(score)


@settings(max_examples=100, deadline=None)
@given(scores())
def test_controls_change_nothing_else_of_what_is_read(score):
    without = read_midi(write_midi(replace(score, controls=NO_CONTROLS)))
    assert replace(read_midi(write_midi(score)), controls=NO_CONTROLS) == without
    assert not len(without.controls)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 15), CONTROLS), max_size=60), st.lists(st.integers(0, 15)))
def test_a_file_of_mido_has_its_controls(moves, parts):
    """One track for each channel; the bank selects among the controls come before any program."""
    midi = mido.MidiFile(type=1)
    for channel in (parts := sorted(set(parts))):
        track = mido.MidiTrack()
        midi.tracks.append(track)
        now, rows = 0, [c for owner, c in moves if owner == channel]
        for tick, kind, number, value in [*sorted(rows, key=lambda row: row[0]), (4000, 0, 0, 0)]:
            what = {"channel": channel, "time": tick - now}
            if kind == CONTROL_CHANGE:
                message = mido.Message("control_change", control=number, value=value, **what)
            elif kind == PITCH_BEND:
                message = mido.Message("pitchwheel", pitch=value, **what)
            elif kind == CHANNEL_PRESSURE:
                message = mido.Message("aftertouch", value=value, **what)
            elif kind == POLYPHONIC_PRESSURE:
                message = mido.Message("polytouch", note=number, value=value, **what)
            else:
                message = mido.Message("note_on", note=60, velocity=64, **what)
            track.append(message)
            now = tick
    if not parts:
        return
    midi.save(file=(buffer := io.BytesIO()))
    wanted = [(c[0], parts.index(owner), *c[1:]) for owner, c in moves if owner in parts]
    table = list(zip(*wanted, strict=True)) or [[]] * 5
    assert read_midi(buffer.getvalue()).controls == Controls.build(*table)
