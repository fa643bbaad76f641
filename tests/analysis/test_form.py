import numpy as np
import pytest

from cantilena.analysis import form
from cantilena.score.score import Score, Track
from pieces import EMPTY, TPQ, accompaniment, drums


def piece(letters: str, bars: int, intro: int = 0, cut: int = 0) -> Score:
    """Sections of ``bars`` bars with melodies, rhythms and chords of their own."""
    rows: list[tuple[int, int]] = []
    at = 0
    for letter in "?" * (intro > 0) + letters:
        rng = np.random.default_rng(ord(letter))
        for _ in range(intro if letter == "?" else bars):
            places = np.sort(rng.choice(16, 6, replace=False)) * TPQ // 4
            rows += [(at + int(p), int(rng.integers(55, 80))) for p in places]
            at += 4 * TPQ
    at -= cut * 4 * TPQ
    rows = [r for r in rows if r[0] < at]
    onset, pitch = zip(*rows, strict=True)
    n = len(rows)
    return Score.build(TPQ, [Track("", 0)], onset, [120] * n, pitch, [80] * n, [0] * n, end=at)


@pytest.mark.parametrize("letters", ["AABA", "ABAB", "ABACA", "AABBA", "ABCABC"])
@pytest.mark.parametrize("bars", [4, 8])
def test_form_by_construction(letters, bars):
    assert form(piece(letters, bars)) == letters


def test_an_introduction_is_left_out_and_an_ending_may_be_short():
    assert form(piece("AABA", 8, intro=4)) == "AABA"
    assert form(piece("AABA", 8, intro=1)) == "AABA"
    assert form(piece("AABA", 8, cut=2)) == "AABA"


def test_form_does_not_depend_on_key_names_or_silence_around():
    score = piece("AABA", 8)
    late = Score.build(
        TPQ,
        score.tracks,
        score.onset + 16 * TPQ,
        score.duration,
        score.pitch,
        score.velocity,
        score.track,
        end=score.end + 64 * TPQ,
    )
    assert form(late) == form(score) == form(score.transposed(5)) == "AABA"


def test_no_form_where_nothing_repeats():
    assert form(EMPTY) == form(piece("A", 4)) == form(piece("ABCD", 8)) == ""
    assert form(drums(bars=8)) == "AA"
    assert form(accompaniment(["C"])) == ""
