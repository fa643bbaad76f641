"""Controls: sorting, checks, and what a Score does with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cantilena.errors import InputError
from cantilena.score import Controls, Score, Track
from cantilena.score.controls import (
    CHANNEL_PRESSURE,
    CONTROL_CHANGE,
    PITCH_BEND,
    POLYPHONIC_PRESSURE,
)

PIANO, KIT = Track("piano", 0), Track("drums", 0, is_drum=True)


def score(controls: Controls, **rest) -> Score:
    return Score.build(
        480, [PIANO, KIT], [0, 0], [1, 1], [60, 36], [64, 64], [0, 1], controls=controls, **rest
    )


def test_order_is_kept_but_for_banks_which_come_first():
    """A parameter's number (101, 100) is said before its value (6)."""
    rows = [(9, 0, 101), (9, 0, 100), (9, 0, 6), (9, 0, 0), (0, 1, 7), (9, 0, 100), (9, 0, 6)]
    tick, track, number = zip(*rows, strict=True)
    c = Controls.build(tick, track, [CONTROL_CHANGE] * 7, number, [0] * 7)
    assert c.number.tolist() == [7, 0, 101, 100, 6, 100, 6]
    assert c.tick.tolist() == [0] + [9] * 6
    other = Controls.build(tick, track, [CONTROL_CHANGE] * 7, number[::-1], [0] * 7)
    assert c != other and c == Controls.build(*c.columns)


@pytest.mark.parametrize(
    "row",
    [
        (-1, 0, CONTROL_CHANGE, 1, 1),
        (0, -1, CONTROL_CHANGE, 1, 1),
        (0, 0, 0x90, 1, 1),
        (0, 0, CONTROL_CHANGE, 128, 1),
        (0, 0, CONTROL_CHANGE, 1, 128),
        (0, 0, CONTROL_CHANGE, 1, -1),
        (0, 0, POLYPHONIC_PRESSURE, -1, 1),
        (0, 0, CHANNEL_PRESSURE, 1, 1),
        (0, 0, PITCH_BEND, 0, 8192),
        (0, 0, PITCH_BEND, 0, -8193),
        (0, 0, PITCH_BEND, 3, 0),
        ([0, 1], 0, CONTROL_CHANGE, 1, 1),
    ],
)
def test_what_is_no_control_is_refused(row):
    with pytest.raises(InputError):
        Controls.build(*(np.atleast_1d(x) for x in row))


def test_a_score_checks_their_tracks_and_ends_behind_them():
    assert score(Controls.build([99], [1], [PITCH_BEND], [0], [-8192])).end == 99
    with pytest.raises(InputError, match="track"):
        score(Controls.build([0], [2], [PITCH_BEND], [0], [0]))


def test_a_score_without_them_is_another():
    c = Controls.build([0], [0], [CONTROL_CHANGE], [64], [127])
    assert score(c) != score(Controls.build()) and score(c) == score(c)
    with pytest.raises(ValueError, match="read-only"):
        score(c).controls.value[0] = 0


def test_they_stay_when_notes_are_selected_or_the_title_replaced():
    c = Controls.build([0], [1], [CONTROL_CHANGE], [64], [127])
    assert score(c).select(np.array([True, False])).controls == c
    assert replace(score(c), title="x").controls == c


def test_pressure_goes_with_its_key_when_music_is_transposed():
    kinds = [CONTROL_CHANGE, POLYPHONIC_PRESSURE, POLYPHONIC_PRESSURE]
    c = Controls.build([0, 1, 1], [0, 0, 1], kinds, [60, 60, 36], [1, 2, 3])
    moved = score(c).transposed(5)
    assert moved.controls.number.tolist() == [60, 65, 36]
    assert moved.pitch.tolist() == [65, 36] and moved.transposed(-5) == score(c)
