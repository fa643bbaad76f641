"""Words for sounds: which program they name and what they change."""

from __future__ import annotations

import pytest

from cantilena.errors import InputError
from cantilena.text.timbre import SHAPES, read_timbre


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("soft mallet, wooden", 12),
        ("metallic mallet", 11),
        ("dark breathy flute", 73),
        ("glassy bell", 98),
        ("warm pad", 89),
        ("metallic gong, long", 14),
        ("something wooden", 12),
        ("bright", 0),
        ("Harfe, weich", 46),
    ],
)
def test_words_lead_to_a_program(text: str, program: int):
    assert read_timbre(text).program == program


def test_words_of_which_nothing_is_made_are_named():
    assert read_timbre("a purple flute, dark").unused == ("purple",)
    assert read_timbre("a dark flute").unused == ()


def test_words_that_pull_apart_meet():
    assert read_timbre("bright flute").shape.cutoff > 1 > read_timbre("dark flute").shape.cutoff
    assert read_timbre("flute").shape.to_dict() == {}


@pytest.mark.parametrize("text", ["drums", "gun shot", "blue idea", ""])
def test_what_has_no_pitch_or_no_sound_is_refused(text: str):
    with pytest.raises(InputError):
        read_timbre(text)


def test_no_word_stands_twice():
    words = [word.strip() for entry in SHAPES for word in entry.split(",")]
    assert len(words) == len(set(words))
