"""A piece ends with its music, not where a sequencer left its end-of-track or a tempo."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from cantilena.errors import Notice
from cantilena.score.midi import read_midi, smf, write_midi
from cantilena.score.score import Score, Track

BAR = 4 * 96


def track(body: bytes, end: int = 0) -> bytes:
    return smf.chunk(body + smf.delta(end) + b"\xff\x2f\0")


def file(*tracks: bytes, form: int = 1) -> bytes:
    head = smf.header(96, len(tracks))
    return head[:9] + bytes((form,)) + head[10:] + b"".join(tracks)


def note(pitch: int, length: int = 96, before: int = 0) -> bytes:
    on = smf.delta(before) + bytes((0x90, pitch, 80))
    return on + smf.delta(length) + bytes((0x80, pitch, 0))


def tempo(before: int, us: int = 400_000) -> bytes:
    return smf.delta(before) + smf.meta(smf.TEMPO, us.to_bytes(3, "big"))


def cut(data: bytes) -> tuple[Score, str]:
    with pytest.warns(Notice, match="bars without a note at the end are left out") as caught:
        score = read_midi(data)
    return score, str(caught[0].message)


def whole(data: bytes) -> Score:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_midi(data)


def test_a_late_end_of_track():
    score, notice = cut(file(track(note(60), 750 * BAR)))
    assert (score.end, score.n_bars) == (BAR, 1)
    assert " 749 bars" in notice or " 750 bars" in notice


def test_a_few_bars_of_rest_stay():
    assert whole(file(track(note(60), 4 * BAR))).end == 96 + 4 * BAR
    assert whole(file(track(note(60, BAR), 4 * BAR))).end == 5 * BAR


@pytest.mark.parametrize("days", [1, 400])
def test_an_end_that_no_reader_could_wait_for(days: int):
    score, _ = cut(file(track(note(60), days * 86400 * 192)))
    assert score.end == BAR


def test_late_tempos_metres_and_keys():
    body = tempo(0) + tempo(2 * BAR, 300_000) + tempo(1000 * BAR, 200_000)
    body += b"\0" + smf.meta(smf.METRE, b"\3\2\x18\x08") + b"\0" + smf.meta(smf.KEY, b"\1\0")
    score, _ = cut(file(track(body), track(note(60, 3 * BAR - 96), 96)))
    assert score.tempo_tick.tolist() == [0, 2 * BAR]
    assert (len(score.metre_tick), len(score.key_tick)) == (1, 0)
    assert score.end == 3 * BAR


def test_only_the_tempos_go_on():
    """The end of the tracks with notes stays, though it is on no bar line."""
    score, _ = cut(file(track(tempo(100 * BAR)), track(note(60), 10)))
    assert score.end == 106


def test_a_note_that_is_never_closed_ends_with_the_music():
    score, _ = cut(file(track(b"\0\x90\x3c\x50" + note(62), 500 * BAR)))
    assert score.duration.tolist() == [BAR, 96]


def test_stray_note_offs_and_controls_are_no_music():
    panic = smf.delta(900 * BAR) + b"\x80\x3c\0" + b"\0\xb0\x7b\0\0\x80\x3d\0"
    score, _ = cut(file(track(note(60) + panic)))
    assert (score.end, len(score.controls)) == (BAR, 0)


def test_a_pedal_that_is_let_go_of_soon_after_the_last_note_is():
    pedal = b"\0\xb0\x40\x7f" + note(60, BAR) + smf.delta(BAR) + b"\xb0\x40\0"
    score, _ = cut(file(track(pedal, 100 * BAR)))
    assert (score.end, score.controls.value.tolist()) == (2 * BAR, [127, 0])


def test_bars_are_those_of_the_metre():
    metre = b"\0" + smf.meta(smf.METRE, b"\3\2\x18\x08")
    score, _ = cut(file(track(metre), track(note(60, 300), 10_000)))
    assert score.end == 2 * 3 * 96
    change = smf.delta(100) + smf.meta(smf.METRE, b"\3\2\x18\x08")
    score, _ = cut(file(track(change), track(note(60, 50), 10_000)))
    assert score.end == 100  # where a metre changes a bar begins


def test_each_sequence_of_a_format_2_file():
    score, _ = cut(file(track(note(60), 200 * BAR), track(note(62)), form=2))
    assert score.onset.tolist() == [0, BAR]
    assert score.end == BAR + 96


def test_a_file_without_notes():
    score, _ = cut(file(track(tempo(0), 500 * BAR)))
    assert (len(score), score.end, score.n_bars) == (0, 0, 1)


def test_what_we_write_ends_where_it_says():
    score = Score.build(
        96, [Track("", 0)], [0], [96], [60], [80], [0], tempos=[(50 * BAR, 1)], end=100 * BAR
    )
    assert whole(write_midi(score)) == score


def test_silence_within_stays():
    score = whole(file(track(note(60) + note(62, 96, 300 * BAR))))
    assert np.diff(score.onset).tolist() == [96 + 300 * BAR]
