"""REMIGEN and REMIGEN2: words as published, back again, and the grammar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, Track
from cantilena.tokens.parts import parts_of
from cantilena.tokens.remi import RemiScheme, read_words, words_of
from cantilena.tokens.remi import vocab as v
from cantilena.tokens.remi.bars import bars_of, in_common_key
from cantilena.tokens.remi.grammar import RemiGrammar, RemiPiece
from golden_bridges import PIECES, golden, parts
from makers import scores
from walks import allows, walk

EXAMPLES = 20  # of each property: random Scores are dear to draw
SCHEME = RemiScheme()


@pytest.mark.parametrize("name", PIECES)
def test_words_are_those_of_the_published_code(name: str):
    bars, theirs = bars_of(parts(name)), golden()[name]
    assert words_of(bars, repeat_tempo=True).tolist() == theirs["remigen"]
    assert words_of(bars).tolist() == theirs["remigen2"]
    assert words_of(in_common_key(bars)).tolist() == theirs["remigen2_norm"]


@pytest.mark.parametrize("name", PIECES)
def test_they_are_read_as_the_published_code_reads_them(name: str):
    theirs = golden()[name]
    rows = [
        [40 * at, 40 * (at + length), pitch, velocity, instrument]
        for at, instrument, pitch, length, velocity in read_words(theirs["remigen2"]).notes
    ]
    assert sorted(rows) == sorted(theirs["decoded"])


def test_three_notes_are_the_words_of_the_example():
    words, ids = v.all_words(), words_of(bars_of(parts("three")))
    assert len(words) == v.SIZE == 1253
    text = "s-9 t-35 o-0 i-0 p-64 d-12 v-20 p-60 d-12 v-20 o-24 i-32 p-36 d-18 v-25 b-1"
    assert " ".join(words[i] for i in ids) == text
    numbers = "688 968 6 134 327 531 667 323 531 667 30 166 299 537 672 5"
    assert " ".join(map(str, ids)) == numbers


@settings(max_examples=EXAMPLES)
@given(scores())
def test_all_notes_are_kept(score: Score):
    assume(len(score))
    quantised = SCHEME.quantise(score)

    def held(piece: Score) -> set[tuple[int, int, int]]:
        at = [round(tick * 12 / piece.tpq) for tick in piece.onset.tolist()]
        start = min(at)
        columns = (piece.instrument.tolist(), piece.pitch.tolist())
        return {(t - start, *note) for t, *note in zip(at, *columns, strict=True)}

    assert held(score) == held(quantised)


@pytest.mark.parametrize("repeat_tempo", [False, True])
@settings(max_examples=EXAMPLES)
@given(score=scores())
def test_the_grammar_allows_what_encoding_gives(repeat_tempo: bool, score: Score):
    assume(len(score))
    score = replace(score, metre_num=score.metre_num * 0 + 4, metre_den=score.metre_den * 0 + 4)
    steps, _ = RemiScheme(repeat_tempo).encode(score)
    assert allows(RemiGrammar(repeat_tempo), RemiPiece(), steps[:400])


@pytest.mark.parametrize("repeat_tempo", [False, True])
@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32), most=st.integers(0, 300))
def test_any_walk_decodes_to_what_encodes_to_it(repeat_tempo: bool, seed: int, most: int):
    scheme, rng = RemiScheme(repeat_tempo), np.random.default_rng(seed)
    piece = walk(RemiGrammar(repeat_tempo), RemiPiece(), scheme.sizes, rng, most)
    score = scheme.decode(piece.whole())
    if len(score):
        assert scheme.encode(score)[0].tolist() == piece.whole().tolist()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("o-0 i-0", "begin with a metre"),
        ("s-9 t-35 i-0 p-60 d-1 v-1", "before its position"),
        ("s-9 t-35 o-0 i-0 p-60 v-1", "breaks a note"),
        ("s-9 t-35 o-0 i-0 p-60 d-1", "not whole"),
        ("s-9 t-35 o-0 i-0 p-200 d-1 v-1", "drum's pitch"),
        ("s-9 R1_0", "none of music"),
    ],
)
def test_words_out_of_order_are_refused(words: str, message: str):
    number = {word: i for i, word in enumerate(v.all_words())}
    steps = np.array([number[word] for word in words.split()])[:, None]
    with pytest.raises(InputError, match=message):
        SCHEME.decode(steps)


def one_note(num: int, den: int) -> Score:
    return Score.build(480, [Track("a", 0)], [0], [480], [60], [64], [0], metres=[(0, num, den)])


def test_metres_without_a_word_are_refused():
    with pytest.raises(InputError, match="4/3 has no word"):
        SCHEME.encode(one_note(4, 3))
    with pytest.raises(InputError, match="1/128 has no word"):
        SCHEME.encode(one_note(1, 128))
    with pytest.raises(InputError, match="1/64 is shorter"):
        SCHEME.encode(one_note(1, 64))
    assert v.reduced(14, 4) == (7, 4) and v.reduced(6, 128) == (3, 64)


def test_drums_alone_have_no_key_and_are_not_moved():
    drums = Score.build(96, [Track("d", 0, True)], [0], [96], [36], [64], [0])
    bars = bars_of(parts_of(drums))
    assert in_common_key(bars) == bars and bars.notes[0][1] == DRUMS
