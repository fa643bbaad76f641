"""Patches: words, codes and notes in one vocabulary, and back."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.errors import InputError
from cantilena.tokens.codes.patches import (
    AUDIO,
    DURATIONS,
    NOTES,
    NOWHERE,
    TASKS,
    NoteRow,
    Vocabulary,
)
from cantilena.tokens.codes.symbols import ScoreSymbols

V = Vocabulary(books=3, card=10, frames=20, buckets=50)


def sounding(*notes: tuple[float, float, int, int, int]) -> ScoreSymbols:
    """Notes of (onset, duration, pitch, velocity, instrument), without beats and chords."""
    rows = np.array(notes, dtype=float).reshape(-1, 5)
    none, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
    pitch, velocity, instrument = (rows[:, i].astype(np.uint8) for i in (2, 3, 4))
    return ScoreSymbols(
        rows[:, 0], rows[:, 1], pitch, velocity, instrument, none, whole, none, whole
    )


def test_ranges_follow_one_another_and_words_stand_last():
    starts = list(V.first.values())
    assert starts == sorted(starts) and starts[0] == 0
    assert V.first["codes"] + 3 * 10 == V.first["word"] == V.written
    assert V.size == V.written + 50
    with pytest.raises(InputError, match="one of each"):
        Vocabulary(3, 0, 20, 50)


def test_codes_are_patches_of_a_range_for_each_book():
    codes = np.array([[0, 9], [1, 8], [2, 7]])
    segment = V.audio(codes, begin=5)
    first = V.first["codes"]
    expected = [[first, first + 11, first + 22], [first + 9, first + 18, first + 27]]
    assert segment.patches.tolist() == expected
    assert segment.when.tolist() == [5, 6] and segment.kind == AUDIO
    assert (V.codes_of(segment.patches) == codes).all()


@pytest.mark.parametrize("books", [1, 2, 3, 4, 5, 8])
def test_notes_come_back_whatever_the_books(books: int):
    vocabulary = Vocabulary(books, 10, 20, 50)
    heard = sounding((0.5, 0.4, 60, 64, 0), (0.2, 0.1, 36, 127, 128), (0.5, 0.8, 40, 1, 33))
    segment = vocabulary.notes(heard, 10.0, 0, 20)
    notes = [NoteRow(2, 128, 36, 1, 120), NoteRow(5, 0, 60, 4, 72), NoteRow(5, 33, 40, 8, 8)]
    assert vocabulary.notes_of(segment.patches) == notes
    assert len(segment.patches) == 3 * vocabulary.note_patches == len(segment.when)
    cut = segment.patches[:-1]
    assert vocabulary.notes_of(cut) == notes[: len(cut) // vocabulary.note_patches]


def test_a_window_has_the_notes_that_sound_in_it():
    heard = sounding(
        (0.0, 1.2, 60, 64, 0),  # sounds already
        (0.2, 0.5, 61, 64, 0),  # is over before
        (1.0, 9.0, 62, 64, 0),  # begins with it
        (1.9, 0.1, 63, 64, 0),
        (2.0, 0.5, 64, 64, 0),  # begins behind it
    )
    notes = V.notes_of(V.notes(heard, 10.0, 10, 20).patches)
    assert [(note.frame, note.pitch) for note in notes] == [(NOWHERE, 60), (0, 62), (9, 63)]
    assert [note.frames for note in notes] == [2, 96, 1]
    assert min(DURATIONS, key=lambda d: abs(np.log(d / 90))) == 96


def test_a_sequence_is_task_sources_and_target():
    words, audio = V.words("calm piano"), V.audio(np.zeros((3, 4), dtype=int))
    sequence = V.sequence("text", [words], audio)
    assert sequence.patches.shape == (1 + 1 + 2 + 1 + 1 + 4, 3) == (len(sequence.when), 3)
    assert sequence.target == 6 and (sequence.patches[6:] == audio.patches).all()
    column = sequence.patches[:, 0].tolist()
    assert column[0] == V.first["task"] + TASKS.index("text")
    assert column[1] == V.first["start"] and column[4] == V.first["end"]
    assert column[5] == V.first["start"] + 1
    assert all(V.written <= token < V.size for token in column[2:4])
    assert (sequence.patches[2] == sequence.patches[2, 0]).all()
    assert sequence.when.tolist() == [NOWHERE] * 6 + [0, 1, 2, 3]


def test_notes_end_and_what_is_not_known_keeps_its_place():
    audio = V.audio(np.full((3, 4), 7))
    notes = V.notes(sounding((0.1, 0.2, 60, 64, 0)), 10.0, 0, 4)
    own, without = (V.sequence("transcribe", [audio], notes, n) for n in (False, True))
    assert own.patches[-1].tolist() == [V.first["end"] + 2] * 3
    assert own.target == without.target == 8 and len(own.patches) == 8 + 2 + 1
    assert (own.patches[8:] == without.patches[8:]).all()
    assert (without.patches[2:6] == V.first["nothing"]).all()
    assert (own.patches[2:6] == audio.patches).all()
    assert (own.when == without.when).all()


def test_a_gap_keeps_the_frames_of_what_is_behind_it():
    before, after = np.zeros((3, 2), dtype=int), np.ones((3, 3), dtype=int)
    segment = V.around(before, after, gap=4)
    assert segment.when.tolist() == [0, 1, NOWHERE, 6, 7, 8]
    assert segment.patches[2].tolist() == [V.first["gap"]] * 3
    target = V.audio(np.zeros((3, 4), dtype=int), 2)
    sequence = V.sequence("edit", [V.words(""), segment], target)
    assert sequence.when[sequence.target - 1] == 1  # the start stands before the first frame


def test_a_field_has_its_own_range():
    assert V.range_of(AUDIO, 1, 0) == (V.first["codes"] + 10, V.first["codes"] + 20)
    names = ("time", "instrument", "pitch", "duration", "velocity")
    places = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]
    for name, (field, patch) in zip(names, places, strict=True):
        assert V.range_of(NOTES, field, patch)[0] == V.first[name]
    assert V.range_of(NOTES, 2, 1) == (0, 1)
