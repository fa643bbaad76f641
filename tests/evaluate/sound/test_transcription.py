"""Notes that are heard beside those that sound."""

from __future__ import annotations

import pytest

from cantilena.evaluate.sound.transcription import Agreement, HeardNote, agreement


def notes(*rows: tuple[float, int, int]) -> list[HeardNote]:
    return [HeardNote(*row) for row in rows]


def test_a_note_is_right_within_the_tolerance_and_once():
    sound = notes((0.0, 0, 60), (1.0, 0, 60), (1.0, 128, 60), (2.0, 0, 64))
    heard = notes((0.05, 0, 60), (0.02, 0, 60), (1.06, 0, 60), (1.0, 128, 60), (2.0, 40, 64))
    result = agreement(heard, sound)
    assert result == Agreement(3, 5, 4) and result.f1 == pytest.approx(6 / 9)
    assert agreement(heard, sound, instruments=True).right == 2
    assert agreement(heard, sound, tolerance=0.07).right == 4


def test_the_most_pairs_are_made():
    sound = notes((0.00, 0, 60), (0.06, 0, 60))
    heard = notes((0.05, 0, 60), (0.10, 0, 60))
    assert agreement(heard, sound).right == 2


def test_nothing_heard_of_nothing_is_right():
    assert agreement([], []).f1 == 1.0
    assert agreement([], notes((0, 0, 60))).f1 == 0.0
    assert Agreement(1, 2, 3) + Agreement(1, 1, 1) == Agreement(2, 3, 4)
