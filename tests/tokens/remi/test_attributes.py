"""MuseCoco's attributes, as published where they are, and as they were meant where they are not."""

from __future__ import annotations

import pytest

from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.tokens.parts import parts_of
from cantilena.tokens.remi import attributes as a
from cantilena.tokens.remi import read_words, reading_of, words_of
from cantilena.tokens.remi import vocab as v
from cantilena.tokens.remi.bars import bars_of, key_of
from golden_bridges import PIECES, golden, parts


@pytest.mark.parametrize("name", PIECES)
def test_the_prefix_is_that_of_the_published_code(name: str):
    bars, words = bars_of(parts(name)), v.all_words()
    for row in golden()[name]["windows"]:
        window = a.window(reading_of(bars), *row["bars"])
        classes = a.classes(window, key_of(bars)[0])
        heard = {k: c for k, c in classes.items() if not (k.startswith("I1s2") and c == a.NO)}
        prefix = a.prefix(heard)
        assert " ".join(words[i] for i in prefix) == row["prefix"]
        assert a.read_prefix(prefix) == heard
        assert a.octaves(window, up=False) == row["P4"]


def drums(onsets: list[int], num: int = 4) -> a.Window:
    n = len(onsets)
    metre = [(0, num, 4)]
    track = [Track("d", 0, True)]
    score = Score.build(4, track, onsets, [1] * n, [36] * n, [64] * n, [0] * n, metres=metre)
    return a.window(read_words(words_of(bars_of(parts_of(score)))))


def test_the_published_danceable_counts_positions_and_ours_notes():
    on_the_beat = drums([0, 8, 16, 24, 31])
    assert a.struck_on_beats(on_the_beat) is True and a.published_danceable(on_the_beat) is None
    assert a.struck_on_beats(drums([4, 12, 20, 28, 31])) is False
    waltz = drums([0, 12, 23], 3)
    assert a.struck_on_beats(waltz) is True and a.published_danceable(waltz) is False
    assert a.struck_on_beats(drums([0, 4], 5)) is None


def test_every_instrument_has_a_class_and_every_class_an_instrument():
    assert set(a.CLASS_OF) >= {0, 127, 128} and set(a.CLASS_OF.values()) == set(range(28))
    assert sorted(a.CLASS_OF) == list(range(129))


def test_what_is_not_there_is_named():
    with pytest.raises(InputError, match="no 'mood' among the attributes"):
        a.prefix({"mood": 1})
    with pytest.raises(InputError, match="R3 has the classes 0 to 3"):
        a.prefix({"R3": 4})
    with pytest.raises(InputError, match="has the bars 0 to 1"):
        a.window(reading_of(bars_of(parts("three"))), 1, 9)
    with pytest.raises(InputError, match="63 words"):
        a.read_prefix([1, 2])
