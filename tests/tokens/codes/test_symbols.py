"""Frames of symbols: each number stands where the Score says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from cantilena.errors import InputError, UnknownNameError
from cantilena.score import Score, Track
from cantilena.tokens.codes.symbols import SYMBOLS, score_symbols, symbol_frames

RATE = 10.0  # a quarter is 5 frames at 120 bpm


def score() -> Score:
    """Two bars of 3/4 and one of 4/4: C major on strings, a bass note, a drum on each downbeat."""
    notes = [
        (0, 36, 60, 100, 0),
        (0, 36, 64, 100, 0),
        (0, 36, 67, 100, 0),
        (36, 36, 60, 50, 0),
        (36, 36, 64, 50, 0),
        (36, 36, 67, 50, 0),
        (12, 1, 36, 127, 1),
        (0, 6, 36, 127, 2),
        (36, 6, 36, 64, 2),
        (72, 6, 38, 127, 2),
    ]
    onset, duration, pitch, velocity, track = np.array(notes).T
    tracks = [Track("strings", 48), Track("bass", 33), Track("kit", 0, is_drum=True)]
    metres = [(0, 3, 4), (72, 4, 4)]
    return Score.build(12, tracks, onset, duration, pitch, velocity, track, metres=metres, end=120)


def frames(name: str, start: int = 0, stop: int = 60) -> np.ndarray:
    return symbol_frames(name, score_symbols(score()), RATE, start, stop)


def test_roll_holds_pitches_by_family_for_as_long_as_they_sound():
    roll = frames("roll")
    strings = 1 + 6 * 128 + 60  # strings ensembles are General MIDI's seventh family
    assert np.allclose(roll[:15, strings], 100 / 127) and np.allclose(
        roll[15:30, strings], 50 / 127
    )
    assert (roll[30:, strings] == 0).all()
    bass = 1 + 4 * 128 + 36
    assert np.flatnonzero(roll[:, bass]).tolist() == [5]  # less than a frame long
    onsets = 1 + 16 * 128
    assert np.flatnonzero(roll[:, onsets + 60]).tolist() == [0, 15]
    assert np.flatnonzero(roll[:, onsets + 36]).tolist() == [5]  # the bass, not the kick
    programs = onsets + 128
    assert np.flatnonzero(roll[:, programs + 33]).tolist() == [5]
    assert roll.shape[1] == programs + 128


def test_drums_are_struck_in_one_frame():
    drums = frames("drums")
    assert np.argwhere(drums[:, 1:]).tolist() == [[0, 36], [15, 36], [30, 38]]
    assert drums[15, 37] == pytest.approx(64 / 127)


def test_note_is_the_one_that_began_last():
    heard = SimpleNamespace(
        onset=np.array([0.5, -0.3, 1.0]),
        duration=np.array([0.3, 0.6, 0.01]),
        pitch=np.array([60, 72, 38], np.uint8),
        velocity=np.array([64, 127, 20], np.uint8),
        instrument=np.array([40, 0, 128], np.uint8),
    )
    note = symbol_frames("note", heard, RATE, 0, 12)
    pitch, instrument = note[:, 1:129].argmax(1), note[:, 129:258].argmax(1)
    assert pitch.tolist() == [72] * 5 + [60] * 5 + [38] * 2
    assert instrument.tolist() == [0] * 5 + [40] * 5 + [128] * 2
    assert np.allclose(note[[0, 5, 10], 258], np.array([127, 64, 20]) / 127)
    assert note[[0, 5, 10], 259:267].argmax(1).tolist() == [7, 4, 1]
    begins, held, fresh = note[:, 267:].T
    assert np.flatnonzero(begins).tolist() == [5, 10]  # the first began before
    assert np.flatnonzero(held).tolist() == [0, 1, 2, 5, 6, 7, 10]
    assert fresh[0] == pytest.approx(1 / 1.3) and fresh[5] == 1.0 and fresh[9] < fresh[8]


def test_chords_by_root_and_quality():
    chords = frames("chords")
    assert (chords[:29, 1] == 1).all() and (chords[:29, 13] == 1).all()
    assert chords[:29, 1:].sum() == 2 * 29
    assert (chords[50:, 1:] == 0).all()  # behind the last bar line


def test_beat_and_bar_come_round():
    beat = frames("beat")
    assert np.flatnonzero(beat[:, 3]).tolist() == list(range(0, 50, 5))
    assert np.flatnonzero(beat[:, 6]).tolist() == [0, 15, 30]
    place = 2 * np.pi * 0.5 / 5  # the middle of the first of a beat's five frames
    assert beat[20, 1:3] == pytest.approx([np.sin(place), np.cos(place)])
    of_three = 2 * np.pi * (1 + 0.1) / 3
    assert beat[20, 4:6] == pytest.approx([np.sin(of_three), np.cos(of_three)])
    of_four = 2 * np.pi * (1 + 0.1) / 4
    assert beat[35, 4:6] == pytest.approx([np.sin(of_four), np.cos(of_four)], abs=1e-6)
    assert (beat[50:, 1:] == 0).all()


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_window_is_a_part_of_the_whole(name: str):
    whole = frames(name)
    assert whole.dtype == np.float32 and whole.shape == (60, SYMBOLS[name].width)
    assert (whole[:, 0] == 1).all() and np.abs(whole).max() <= 1
    np.testing.assert_array_equal(frames(name, 17, 33), whole[17:33])


def test_what_cannot_be():
    with pytest.raises(UnknownNameError, match="lyrics"):
        frames("lyrics")
    with pytest.raises(InputError, match="no frames 5 to 5"):
        frames("beat", 5, 5)
    empty = Score.build(12, [], [], [], [], [], [])
    for name, symbol in SYMBOLS.items():
        got = symbol_frames(name, score_symbols(empty), RATE, 0, 8)
        assert got.shape == (8, symbol.width)
        assert (got[:, 0] == 1).all()
