"""Habits: what is counted of songs whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.train.note.habits import loops

C, F, G, AM = 1, 46, 64, 83  # 1 + 9 * root + quality
BARS = np.arange(0, 96 * 9, 96)  # eight bars of 4/4


def halves(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Start ticks and chords of two slots a bar, for bars of four that come twice."""
    numbers = np.array(pairs * 2).ravel()
    return np.arange(len(numbers)) * 48, numbers


def test_a_loop_has_the_chords_of_both_halves_of_its_bars():
    found = loops(BARS, *halves((C, C), (F, F), (C, G), (AM, AM)), tonic=0)
    assert found == [(C, C, F, F, C, G, AM, AM)]


def test_a_loop_is_told_from_its_tonic():
    starts, numbers = halves((G, G), (C, C), (G, AM), (G, G))
    (found,) = loops(BARS, starts, numbers, tonic=7)
    assert found[0] == C and found[2] == F


def test_a_bar_without_a_middle_has_one_chord():
    bars = np.arange(0, 72 * 9, 72)  # 3/4: a slot a bar
    found = loops(bars, bars[:-1], np.array([C, F, G, C] * 2), tonic=0)
    assert found == [(C, C, F, F, G, G, C, C)]


@pytest.mark.parametrize(
    "bars_of_four", [[(C, C), (F, F), (C, C), (F, F)], [(C, 0), (F, F), (G, G), (C, C)]]
)
def test_few_chords_or_none_are_no_loop(bars_of_four):
    assert loops(BARS, *halves(*bars_of_four), tonic=0) == []


def test_what_does_not_come_back_is_no_loop():
    starts, numbers = halves((C, C), (F, F), (G, G), (AM, AM))
    numbers[-1] = C
    assert loops(BARS, starts, numbers, tonic=0) == []
    assert loops(BARS, starts[:0], numbers[:0], tonic=0) == []
