import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.analysis import density, parts, polyphony
from cantilena.analysis.texture import sounding_ticks
from cantilena.score.score import DRUMS, Score, Track
from pieces import EMPTY, TPQ, accompaniment, drums, line


def test_parts_by_share_of_sounding_time():
    found = parts(accompaniment(["C"] * 4))
    assert [p.instrument for p in found] == [0, 33, 73]
    assert [p.share for p in found] == pytest.approx([1 / 3] * 3)
    assert [p.notes for p in found] == [12, 4, 16]
    assert [p.polyphony for p in found] == [3, 1, 1]
    bass = found[1]
    assert (bass.low, bass.middle, bass.high) == (36, 36, 36)


def test_a_drum_hit_sounds_for_an_eighth():
    both = [Track("", 0, True), Track("", 40)]
    score = Score.build(TPQ, both, [0, 480, 0], [1, 1, 480], [36, 38, 60], [90] * 3, [0, 0, 1])
    assert {p.instrument: p.share for p in parts(score)} == {DRUMS: 0.5, 40: 0.5}


def test_tracks_of_one_instrument_are_one_part():
    two = [Track("I", 40), Track("II", 40)]
    score = Score.build(TPQ, two, [0, 0], [480, 480], [60, 67], [90] * 2, [0, 1])
    (violins,) = parts(score)
    assert (violins.notes, violins.polyphony, violins.share) == (2, 2.0, 1.0)


def test_register_is_percentiles():
    (part,) = parts(line(list(range(101))))
    assert (part.low, part.middle, part.high) == (5, 50, 95)


def test_polyphony_and_density():
    assert polyphony(line([60, 62, 64])) == 1
    assert polyphony(accompaniment(["C"] * 4, melody=False)) == 4
    assert polyphony(drums()) == polyphony(EMPTY) == density(EMPTY) == 0
    assert density(drums(bars=8)) == 8
    assert parts(EMPTY) == ()


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(0, 2)), max_size=25))
def test_sounding_ticks_counts_covered_ticks(notes):
    onset, length, group = np.array(notes, dtype=np.int64).reshape(-1, 3).T
    covered = np.zeros((3, 80), dtype=bool)
    for o, d, g in notes:
        covered[g, o : o + d] = True
    assert sounding_ticks(onset, onset + length, group, 3).tolist() == covered.sum(1).tolist()
