import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.analysis import STATISTICS
from cantilena.score.score import Score, Track
from pieces import EMPTY, TPQ, accompaniment, drums, line


def value(name: str, score: Score) -> float:
    return STATISTICS[name](score)


def test_without_notes():
    undefined = {n for n in STATISTICS if math.isnan(value(n, EMPTY))}
    assert undefined == set(STATISTICS) - {"notes_per_bar", "empty_bar_rate"}
    assert value("notes_per_bar", EMPTY) == 0
    assert value("empty_bar_rate", EMPTY) == 1


def test_pitch_class_entropy():
    assert value("pitch_class_entropy_1", line([60, 72, 60, 48])) == 0
    assert value("pitch_class_entropy_1", line([60, 62, 64, 66])) == 2
    two_bars = line([60, 60, 60, 60, 67, 67, 67, 67])
    assert value("pitch_class_entropy_1", two_bars) == 0
    assert value("pitch_class_entropy_4", two_bars) == 1


def test_groove():
    assert value("groove_similarity", drums()) == value("groove_consistency", drums()) == 1
    # bars of quarters, quarters and one whole note: 3 of 64 places differ in two of three pairs
    onset = [*range(0, 8 * TPQ, TPQ), 8 * TPQ]
    n = len(onset)
    score = Score.build(TPQ, [Track("", 0)], onset, [TPQ] * n, [60] * n, [80] * n, [0] * n)
    assert value("groove_similarity", score) == pytest.approx(1 - 2 * 3 / 64 / 3)
    assert value("groove_consistency", score) == pytest.approx(1 - 3 / 64 / 2)


def test_snapped_groove_does_not_hear_how_a_rhythm_is_timed():
    straight = [bar * 4 * TPQ + k * TPQ // 4 for bar in range(4) for k in (0, 3, 6, 10, 15)]
    n = len(straight)
    shaky = [t + (-1) ** k * TPQ // 24 * (t > 0) for k, t in enumerate(straight)]
    late = [16 * TPQ - 1]  # rounds up to a bar line that is not there

    def score(onset: list[int]) -> Score:
        m = len(onset)
        end = 16 * TPQ
        rows = (onset, [TPQ // 4] * m, [60] * m, [80] * m, [0] * m)
        return Score.build(TPQ, [Track("", 0)], *rows, end=end)

    for name in ("groove_similarity", "groove_consistency"):
        assert value(name, score(shaky)) < value(name, score(straight)) == 1
        assert value(f"{name}_snapped", score(shaky)) == 1
        assert 0.9 < value(f"{name}_snapped", score(straight + late)) < 1
    assert n == 20


def test_scale_consistency():
    d_major = [62, 64, 66, 67, 69, 71, 73, 74]
    assert value("scale_consistency", line(d_major)) == 1
    assert value("scale_consistency", line([*d_major, 65, 68])) == 0.8
    assert value("scale_consistency", line(list(range(60, 72)))) == pytest.approx(7 / 12)


def test_polyphony():
    assert value("polyphony_rate", line([60, 62])) == 0
    score = Score.build(TPQ, [Track("", 0)], [0, 480], [960, 480], [60, 64], [80] * 2, [0] * 2)
    assert value("polyphony_rate", score) == 0.5
    assert value("polyphony", score) == 1.5
    doubled = Score.build(TPQ, [Track("", 0)] * 2, [0, 0], [480] * 2, [60] * 2, [80] * 2, [0, 1])
    assert value("polyphony_rate", doubled) == 0


def test_counts():
    score = line([60, 64, 67, 84], end=16 * TPQ)
    assert value("tone_span", score) == 24
    assert value("pitch_classes_per_bar", score) == 3
    assert value("notes_per_bar", score) == 1
    assert value("empty_bar_rate", score) == 0.75
    assert value("qualified_note_rate", score) == 1
    assert value("qualified_note_rate", line([60, 62], length=TPQ // 4)) == 0


def test_a_note_held_over_keeps_its_bars_from_being_empty():
    score = Score.build(TPQ, [Track("", 0)], [0], [8 * TPQ], [60], [80], [0], end=16 * TPQ)
    assert value("empty_bar_rate", score) == 0.5


def test_repetition():
    loop, other = accompaniment(["C", "Am", "F", "G"] * 4), accompaniment(["C", "D", "E", "F"])
    assert value("repeated_bar_rate", loop) == 0.75
    assert value("repeated_bar_rate", other) == 0
    assert value("compressibility", loop) > value("compressibility", other) + 0.2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(40, 80), min_size=1, max_size=30), st.integers(-12, 12))
def test_transposition_changes_none(pitches, shift):
    score = line(pitches)
    for name in STATISTICS.keys() - {"compressibility"}:
        before, after = value(name, score), value(name, score.transposed(shift))
        assert before == pytest.approx(after, nan_ok=True), name
