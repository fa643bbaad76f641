"""Damaged MIDI files are read as far as they can be, and what was mended is said."""

from __future__ import annotations

import contextlib
import struct
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.cli import main
from cantilena.errors import InputError, MidiError, Notice
from cantilena.score.midi import read_midi, smf
from cantilena.score.score import Score

END = b"\0\xff\x2f\0"
TITLE = b"\0\xff\x03\4Song\0\xff\x51\3\x07\xa1\x20"


def note(pitch: int, length: int = 96, before: int = 0) -> bytes:
    on = smf.varlen(before) + bytes((0x90, pitch, 80))
    return on + smf.varlen(length) + bytes((0x80, pitch, 64))


NOTES = b"".join(note(p) for p in (60, 62, 64, 65, 67, 69, 71, 72))
PITCHES = [60, 62, 64, 65, 67, 69, 71, 72]


def head(tracks: int = 2, form: int = 1, tpq: int = 96) -> bytes:
    return b"MThd\0\0\0\6" + struct.pack(">HHH", form, tracks, tpq)


def track(body: bytes, length: int | None = None, end: bytes = END) -> bytes:
    size = len(body + end) if length is None else length
    return b"MTrk" + struct.pack(">I", size) + body + end


SOUND = head() + track(TITLE) + track(NOTES)


def mended(data: bytes) -> tuple[Score, str]:
    """The Score, and the text of the one Notice."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        score = read_midi(data)
    assert [w.category for w in caught] == [Notice]
    with pytest.raises(MidiError):
        if read_midi(data, mend=False) == score:
            raise MidiError("what another number of tracks is announced for reads alike")
    return score, str(caught[0].message)


def onsets(score: Score) -> list[int]:
    return score.onset.tolist()


def test_a_sound_file_needs_no_mending():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score = read_midi(SOUND)
    assert score.pitch.tolist() == PITCHES


LONG = len(NOTES + END)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (head() + track(TITLE) + track(NOTES, LONG - 9), "track 2 has"),
        (head() + track(TITLE) + track(NOTES, LONG + 9), "track 2 has"),
        (head() + track(TITLE) + track(NOTES, 0), "track 2 has"),
        (head() + track(TITLE) + track(NOTES, 0xFFFFFFFF), "track 2 has"),
        (head() + track(NOTES, LONG - 9) + track(TITLE), "track 1 has"),
        (head() + track(NOTES, LONG + 9) + track(TITLE), "track 1 has"),
        (head() + track(NOTES, LONG + 8 + len(TITLE + END)) + track(TITLE), "track 1 has"),
        (head() + track(TITLE) + b"MTRK" + track(NOTES)[4:] + b"\0", "MTrk"),
        (head(3) + track(TITLE) + track(NOTES), "announces 3 tracks"),
        (head(1) + track(TITLE) + track(NOTES), "announces 1 track,"),
        (head(0) + track(TITLE) + track(NOTES), "announces 0 tracks"),
        (head(1, form=3) + track(NOTES), "format 3"),
        (head() + b"\0" + track(TITLE) + b"\0\0\0" + track(NOTES), "4 bytes between the tracks"),
        (head() + track(TITLE) + b"XTRA\x7f\0\0\0" + track(NOTES), "8 bytes between the tracks"),
        (bytes(128) + SOUND, "128 bytes before the header"),
        (b"Content-Type: audio/midi\r\n\r\n" + SOUND, "28 bytes before the header"),
        (b"JThd" + SOUND[4:], "header's first letters"),
        (b"MThd\0\0\0\4" + SOUND[8:], "length as 4 bytes"),
        (b"MThd\0\0\1\0" + SOUND[8:], "length as 256 bytes"),
        (track(TITLE) + track(NOTES), "header is missing"),
        (head(tpq=0) + SOUND[14:], "0 ticks"),
        (head(tpq=0xFFFF) + SOUND[14:], "no frame rate"),
        (head() + track(TITLE) + track(b"\0\xf8" + NOTES + b"\0\xfe\0\xf6"), "system messages"),
        (head() + track(TITLE) + track(NOTES[:1] + b"\xf8" + NOTES[1:]), "system messages"),
        (head() + track(TITLE) + track(NOTES[:3] + b"\xfe" + NOTES[3:]), "system messages"),
        (head() + track(TITLE) + track(b"\0\xf2\1\2\0\xf3\1" + NOTES), "system messages"),
        (head() + track(TITLE) + track(b"\0\x3c\x40" + NOTES), "belong to no event"),
        (head() + track(TITLE) + track(b"\0\x90\x80\x40" + NOTES), "above pitch 127"),
        (head() + track(TITLE) + track(b"\0\xb0\7\xc0" + NOTES), "above 127"),
        (head() + track(TITLE) + track(b"\0\xff\x51\x05\x07\xa1\x20" + NOTES), "wrong size"),
        (head() + track(TITLE) + track(b"\0\xff\x51\x7f\x07\xa1\x20" + NOTES), "wrong size"),
        (head() + track(TITLE) + track(b"\x8f\xff\xff\xff\x7f\xb0\7\1" + NOTES), "below 0"),
        (head() + track(TITLE) + track(b"\0\xf0\xff\xff\xff\x7f\x41\xf7" + NOTES), "no event"),
        (head() + track(TITLE) + track(b"\0\xff\x01\xff\x7fabc" + NOTES), "no event"),
    ],
)
def test_all_notes_of_a_damaged_file(data: bytes, reason: str):
    score, notice = mended(data)
    assert reason in notice
    assert score.pitch.tolist() == PITCHES
    assert np.diff(score.onset).tolist() == [96] * 7


def test_a_file_cut_short_holds_the_notes_before_the_cut():
    score, notice = mended(SOUND[:-10])
    assert score.pitch.tolist() == PITCHES[:-1]
    assert "track 2 has" in notice and "cut short" in notice
    score, _ = mended(SOUND[: -len(END) - len(NOTES) // 2])
    assert score.pitch.tolist() == PITCHES[:4]
    score, notice = mended(head(3) + track(TITLE) + track(NOTES) + b"MTrk\0\0")
    assert score.pitch.tolist() == PITCHES


def test_rubbish_in_a_track_is_passed_over():
    rubbish = b"\xff\xff\xff\xff\xf5\xf4\x99\x99\x99"
    score, _ = mended(head() + track(TITLE) + track(NOTES + rubbish + NOTES))
    assert score.pitch.tolist() == PITCHES * 2


def test_smpte_time_keeps_the_seconds():
    """25 frames of 40 ticks are a second, whatever the tempo; it makes the bars."""
    fast = b"\0\xff\x51\3\x06\x1a\x80"  # 400 ms a quarter
    for body, tempo in ((b"", 500_000), (fast, 400_000)):
        score, notice = mended(head(1, 0, 0xE728) + track(body + note(60, 1000) + fast + note(62)))
        assert "SMPTE" in notice and str(round(60e6 / tempo)) in notice
        assert score.seconds(score.onset).tolist() == [0, 1]
        assert score.tempo_us.tolist() == [tempo]
    drop = (0x100 - 29) << 8 | 80  # 29.97 frames a second
    score, _ = mended(head(1, 0, drop) + track(note(60, 30 * 80) + note(62)))
    assert float(score.seconds(score.onset)[1]) == pytest.approx(1.001, abs=1e-5)


def riff(*chunks: tuple[bytes, bytes], pad: bool = True) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2 and pad)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"RMID" + body


INFO = (b"LIST", b"INFOINAM\6\0\0\0MThdx\0")


@pytest.mark.parametrize(
    "data",
    [
        riff((b"data", SOUND)),
        riff(INFO, (b"data", SOUND)),
        riff((b"data", SOUND), INFO),
        riff((b"DISP", b"\1\0\0\0odd"), INFO, (b"data", SOUND)),
        riff((b"DISP", b"\1\0\0\0odd"), (b"data", SOUND), pad=False),
        b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + SOUND,
    ],
)
def test_riff_files_are_no_damage(data: bytes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_midi(data).pitch.tolist() == PITCHES


def test_what_is_left_of_a_longer_file_is_not_read():
    left = track(note(40, 300)) * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_midi(SOUND + left[5:]).pitch.tolist() == PITCHES
    score, _ = mended(head() + track(TITLE) + track(b"\0\xf8" + NOTES) + left[5:])
    assert score.pitch.tolist() == PITCHES


def test_the_command_line_says_it_in_one_line(tmp_path, capsys):
    path = tmp_path / "a.mid"
    path.write_bytes(SOUND[:-20])
    assert main(["describe", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "piano" in out
    assert err.startswith("cantilena: note: ") and "a.mid" in err and err.count("\n") == 1


def test_very_many_mends_are_counted():
    bodies = [b"\0\xf8" + note(60)] * 9
    _, notice = mended(head(9) + b"".join(map(track, bodies)))
    assert "track 4" in notice and "track 5" not in notice and "and 5 more" in notice


# ------------------------------------------------------------------ any damage


def reads_or_refuses(data: bytes) -> None:
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)
        try:
            score = read_midi(data)
        except InputError:
            pass
        else:
            assert (score.duration > 0).all()
    assert time.process_time() - start < 5


RICH = head(3) + track(TITLE + b"\0\xff\x58\4\3\2\x18\x08" + b"\0\xf0\3\x7e\x7f\xf7")
RICH += track(b"\0\xff\x21\1\1\0\xc0\5\0\xb0\7\x50" + NOTES) + track(b"\0\xff\x20\1\0" + NOTES)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(RICH)))
def test_any_truncation(at: int):
    reads_or_refuses(RICH[:at])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(RICH) - 1), st.integers(0, 255)), max_size=5))
def test_any_flip(flips: list[tuple[int, int]]):
    data = bytearray(RICH)
    for at, value in flips:
        data[at] = value
    reads_or_refuses(bytes(data))


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_in_a_track(body: bytes, ended: bool):
    reads_or_refuses(head(1) + track(body, end=END if ended else b""))


@pytest.mark.parametrize(
    "rubbish", [b"\xf4", b"\x90\x80", b"\0", b"\xff\xff", b"\0\xf8", b"\xf0\x7f"]
)
def test_megabytes_of_damage_take_no_minutes(rubbish: bytes):
    data = head(1) + track(NOTES + rubbish * (1_000_000 // len(rubbish)))
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)
        with contextlib.suppress(MidiError):
            read_midi(data)
    assert time.process_time() - start < 20
