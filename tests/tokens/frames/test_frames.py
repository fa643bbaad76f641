"""Frames: rolls as published, words and back, and the grammar."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.score import Score, Track
from cantilena.tokens.frames import EOS, PAD, FrameScheme, padded, roll_of, split, words_of
from cantilena.tokens.frames.grammar import FrameGrammar, FramePiece
from cantilena.tokens.parts import selected
from golden_bridges import PIECES, golden, parts
from makers import scores
from walks import allows, walk

EXAMPLES = 20  # of each property: random Scores are dear to draw
SCHEME = FrameScheme()


@pytest.mark.parametrize("name", PIECES)
def test_rolls_are_those_of_the_published_code(name: str):
    roll, theirs = roll_of(parts(name)), golden()[name]
    assert roll.rows.tolist() == theirs["roll_all"] and roll.frames == theirs["frames"]


def test_drums_and_the_rest_without_doubles_are_too():
    theirs = golden()["fanfare"]
    for which, drums in (("drum", True), ("nondrum", False)):
        roll = roll_of(selected(parts("fanfare"), drums), dedup=True)
        assert roll.rows.tolist() == theirs[f"roll_{which}"]


def test_three_notes_are_the_words_of_the_example():
    words = words_of(roll_of(parts("three")))
    assert words.tolist() == [0, 572, 0, 576, EOS, *[EOS] * 7, 32, 804, *[EOS] * 8]
    table = padded(words)
    assert table.shape == (16, 32)
    assert table[0].tolist() == [0, 572, 0, 576, EOS, *[PAD] * 27]


def test_a_full_frame_has_no_end():
    cluster = Score.build(
        4, [Track("a", 0)], [0] * 20, [4] * 20, range(40, 60), [64] * 20, [0] * 20
    )
    steps, _ = SCHEME.encode(cluster)
    assert len(steps) == 32 + 3  # 16 notes, and three frames of nothing
    assert [len(frame) for frame in split(steps[:, 0])] == [16, 0, 0, 0]
    assert len(SCHEME.quantise(cluster)) == 16


def held(score: Score) -> set[tuple[int, int, int]]:
    """Onset in frames, program (127 for drums) and pitch of each note."""
    at = [round(tick * 4 / score.tpq) for tick in score.onset.tolist()]
    program = np.where(score.is_drum, 127, score.program).tolist()
    return set(zip(at, program, score.pitch.tolist(), strict=True))


@settings(max_examples=EXAMPLES)
@given(scores())
def test_what_fits_a_frame_is_kept(score: Score):
    assume(len(score))
    notes = held(score)
    at, counts = np.unique([note[0] for note in notes], return_counts=True)
    full = set(at[counts > 16].tolist())
    kept = held(SCHEME.quantise(score))
    assert {n for n in notes if n[0] not in full} == {n for n in kept if n[0] not in full}


@settings(max_examples=EXAMPLES)
@given(scores())
def test_the_grammar_allows_what_encoding_gives(score: Score):
    assume(len(score))
    steps, _ = SCHEME.encode(score)
    frames = len(split(steps[:, 0]))
    assert allows(FrameGrammar(), FramePiece(frames), steps[:400])


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(0, 200))
def test_any_walk_decodes_to_what_encodes_to_it(seed: int, frames: int, most: int):
    piece = walk(
        FrameGrammar(), FramePiece(frames), SCHEME.sizes, np.random.default_rng(seed), most
    )
    steps = piece.whole()
    score = SCHEME.decode(steps)
    assert len(split(steps[:, 0])) == frames <= score.end
    assert len(held(score)) == len(score)
    if len(score):
        assert SCHEME.quantise(score) == score


@pytest.mark.parametrize(
    ("words", "message"),
    [([600], "word 600"), ([0, EOS], "word 3329"), ([0], "no pitch"), ([3200], "word 3200")],
)
def test_words_that_are_no_frames_are_refused(words: list[int], message: str):
    with pytest.raises(InputError, match=message):
        SCHEME.decode(np.array(words)[:, None])


def test_a_piece_of_less_than_a_frame_is_refused():
    short = Score.build(96, [Track("a", 0)], [0], [10], [60], [64], [0])
    from cantilena.tokens.parts import parts_of

    with pytest.raises(InputError, match="shorter than a 16th"):
        roll_of(parts_of(short))
