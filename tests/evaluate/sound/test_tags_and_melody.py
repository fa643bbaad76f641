"""KL of a tagger's outputs and the cosine of melody chroma."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.audio.chroma import MELODY_RATE
from cantilena.errors import InputError
from cantilena.evaluate.sound import tags
from cantilena.evaluate.sound.melody import Melody, melody_cosine
from tiny_audio import tone


def test_a_divergence_by_hand():
    half, sure = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    assert tags.divergence(half, half) == 0.0
    assert tags.divergence(sure, half) == pytest.approx(np.log(2))
    assert tags.divergence(half, np.array([0.25, 0.75])) == pytest.approx(
        0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    )
    assert np.isfinite(tags.divergence(half, sure))
    for bad in (np.array([0.5, 0.4]), np.array([1.5, -0.5]), np.array([np.nan, 1]), np.ones(3) / 3):
        with pytest.raises(InputError):
            tags.divergence(half, bad)


def test_pairs_are_held_against_other_pairs():
    rows = [np.eye(4)[[i, i]] * 0.97 + 0.0075 for i in range(4)]
    own, chance = tags.pair_divergences(rows, rows)
    assert own.tolist() == [0.0] * 4 and (chance > 1).all() and len(chance) == 4
    assert tags.pair_divergences(rows[:1], rows[:1])[1].tolist() == []


def test_sets_are_held_against_halves():
    rng = np.random.default_rng(0)

    def pieces(weights: list[float], n: int) -> list[np.ndarray | None]:
        return [rng.dirichlet(weights, size=3) for _ in range(n)]

    real = pieces([8, 4, 2, 1], 40)
    like, unlike = pieces([8, 4, 2, 1], 40), pieces([1, 2, 4, 8], 40)
    floor = tags.set_floor(real)
    assert floor is not None and 0 <= floor < 0.05
    near, far = (tags.set_divergence(x, real) for x in (like, unlike))
    assert near is not None and far is not None and near < 0.05 < 0.5 < far
    assert tags.set_divergence([None], real) is None and tags.set_floor([None, real[0]]) is None


def test_a_melody_is_like_itself_and_not_like_another():
    def tune(*hertz: float) -> np.ndarray:
        return np.concatenate([tone(f, 1.0, MELODY_RATE) for f in hertz])

    melody = Melody()
    one, octave, other = (
        melody.embed(tune(*pitches))
        for pitches in ((262, 330, 392), (523, 659, 784), (277, 370, 466))
    )
    assert melody_cosine(one, one) == 1.0
    assert melody_cosine(one, octave) > 0.85
    assert melody_cosine(one, other) < 0.15
    assert melody_cosine(one, one[:5]) == 1.0
    with pytest.raises(InputError):
        melody_cosine(one, np.zeros((0, 12)))
