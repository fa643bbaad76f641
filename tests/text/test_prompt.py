"""What models that read words alone are told of options."""

from __future__ import annotations

import pytest

from cantilena.options import make_brief
from cantilena.text.prompt import prompt_of


@pytest.mark.parametrize("text", ["", "calm piano, no drums, in D minor", "a jazz waltz, 96 bpm"])
def test_a_text_alone_is_told_as_it_stands(text: str):
    assert prompt_of(make_brief(text, True)) == text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"instruments": "piano, drums"}, "calm, piano, drums"),
        ({"tempo": 120, "key": "D minor", "metre": "3/4"}, "calm, 120 bpm, in D minor, in 3/4"),
        ({"genres": "jazz", "moods": "sad"}, "calm, jazz, sad"),
        ({"chords": "Am F"}, "calm, chords Am F"),
        ({"exclude": "drums, piano"}, "calm, no piano, no drums"),
        ({"timing": "played"}, "calm, humanized"),
        ({"seconds": 10}, "calm"),
    ],
)
def test_options_stand_behind_the_text_and_read_back(options: dict, words: str):
    asked = make_brief("calm", **options)
    assert prompt_of(asked) == words
    again = make_brief(prompt_of(asked))
    for name in ("instruments", "tempo", "key", "metre", "genres", "chords", "excluded", "timing"):
        assert getattr(again, name) == getattr(asked, name)
    assert not again.unplaced


def test_options_without_a_text_are_words_alone():
    assert prompt_of(make_brief("", instruments="violin", tempo=90)) == "violin, 90 bpm"
