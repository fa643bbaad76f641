"""Lines on notes: syllables, held vowels, and pitches as asked."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.errors import InputError
from cantilena.render import espeak
from cantilena.render.espeak import Spoken, Voice
from cantilena.render.singing import SungNote, hertz_of, into_range, sing, syllables


def test_a_syllable_has_one_vowel():
    assert syllables(("s", "I", "l", "v", "3")) == [(0, 3), (3, 5)]
    assert syllables(("I", "@")) == [(0, 1), (1, 2)]
    assert syllables(("s", "t", "r", "i:", "t", "s")) == [(0, 6)]
    assert syllables(("S",)) == [(0, 1)] and syllables(()) == []


class Hummer(Voice):
    """A voice without a library: "m" and "a" are 0.1 s each of a tone with an overtone."""

    def __init__(self) -> None:
        self.name, self.rate = "hummer", 8000

    @property
    def range(self) -> tuple[float, float]:
        return 100.0, 300.0

    def say(self, text: str, hertz: float | None = None, speed: int = 160) -> Spoken:
        names = tuple(text)
        time = np.arange(len(names) * 800) / self.rate
        pitch = hertz or 200.0
        wave = np.sin(2 * np.pi * pitch * time) + 0.5 * np.sin(4 * np.pi * pitch * time + 1)
        edges = np.arange(len(names) + 1) * 800
        return Spoken((0.3 * wave).astype(np.float32), self.rate, names, edges)


def test_notes_last_and_sound_as_asked():
    notes = [SungNote(48, 0.5), SungNote(55, 1.0), SungNote(52, 0.2)]
    sung = sing(Hummer(), "mamama", notes)
    assert sung.phonemes == ("m", "a", "m", "a", "m", "a")
    assert sung.onsets == pytest.approx([0, 0.5, 1.5], abs=0.03)
    assert len(sung.samples) / sung.rate == pytest.approx(1.7, abs=0.05)
    assert sung.starts[:2] == pytest.approx([0, 0.1], abs=0.01)  # the vowel is held, not the "m"
    for onset, note in zip(sung.onsets, sung.notes, strict=True):
        part = sung.samples[int((onset + 0.02) * 8000) : int((onset + note.seconds) * 8000) - 100]
        heard = espeak._pitch_of(Spoken(part, 8000, ("a",), np.array([0, len(part)])))
        assert abs(np.log2(heard / hertz_of(note.pitch))) < 1 / 24
    level = np.abs(sung.samples[200:-200]).reshape(-1)
    loud = [level[i : i + 80].max() for i in range(0, len(level) - 80, 80)]
    assert min(loud) > 0.2, "parts cancel where they are joined"


def test_a_note_is_as_long_as_its_syllable_at_least():
    sung = sing(Hummer(), "mama", [SungNote(48, 0.05), SungNote(50, 0.3)])
    assert sung.onsets == pytest.approx([0, 0.2], abs=0.02)
    assert sung.notes[0].seconds == pytest.approx(0.2, abs=0.02)


def test_notes_are_as_many_as_syllables():
    with pytest.raises(InputError, match="2 notes for a line of 1"):
        sing(Hummer(), "ma", [SungNote(48, 0.5)] * 2)


def test_pitches_come_into_the_voice_by_octaves():
    pitches = [into_range(pitch, Hummer()) for pitch in (20, 48, 60, 100)]
    assert [pitch % 12 for pitch in pitches] == [20 % 12, 0, 0, 100 % 12]
    assert all(99 <= hertz_of(pitch) <= 303 for pitch in pitches)
