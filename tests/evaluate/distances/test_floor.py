"""Real against real."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cantilena.evaluate.distances.floor import SPLITS, real_floor
from cantilena.evaluate.distances.frechet import frechet_distance


def pieces(n: int, spread: float = 1.0, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [spread * rng.normal(size=(rng.integers(3, 6), 4)) for _ in range(n)]


def test_a_floor_is_small_falls_with_more_pieces_and_repeats():
    small, large = real_floor(pieces(20)), real_floor(pieces(400))
    assert small and large and 0 < large["frechet"]["mean"] < small["frechet"]["mean"]
    assert large["pieces"] == 200 and 600 < large["vectors"] < 1000 and large["splits"] == SPLITS
    # music that is another lies above it
    other = frechet_distance(np.concatenate(pieces(200, 1.5, 1)), np.concatenate(pieces(200)))
    assert other > 5 * large["frechet"]["mean"] and abs(large["kad"]["mean"]) < 1
    assert real_floor(pieces(20)) == small != real_floor(pieces(20), seed=1)
    json.dumps(small)


def test_halves_share_no_piece():
    """Four pieces of one value each: of one vector each twice, so that a distance is of means and
    spreads, and each of the three ways to halve them has a distance of its own."""
    values = [0.0, 1.0, 10.0, 100.0]
    real = [np.full((2, 1), value) for value in values]
    halvings = [
        frechet_distance(
            np.concatenate([real[0], real[k]]),
            np.concatenate([real[i] for i in (1, 2, 3) if i != k]),
        )
        for k in (1, 2, 3)
    ]
    means = [
        floor["frechet"]["mean"]
        for seed in range(20)
        if (floor := real_floor(real, splits=1, seed=seed))
    ]
    assert len(means) == 20
    assert all(any(mean == pytest.approx(value) for value in halvings) for mean in means)
    assert len({round(mean, 6) for mean in means}) == 3


def test_a_system_as_good_as_real_music_is_at_the_floor_whatever_the_size():
    """With more dimensions than pieces a whole set is nearer than a half: a system is compared with
    the floor by as many pieces."""
    rng = np.random.default_rng(0)
    real, good, bad = (
        [rng.normal(shift, size=(10, 100)) for _ in range(40)] for shift in (0, 0, 1)
    )
    floor = real_floor(real, {"good": good, "bad": bad})
    assert floor
    level = floor["frechet"]["mean"]
    whole = frechet_distance(np.concatenate(good), np.concatenate(real))
    assert whole < 0.7 * level  # what a column has
    assert floor["systems"]["good"]["frechet"]["mean"] == pytest.approx(level, rel=0.1)
    assert floor["systems"]["bad"]["frechet"]["mean"] > 1.5 * level


def test_failed_pieces_are_replaced_and_too_few_have_no_figures():
    real = pieces(12)
    copies = list(real)
    whole = real_floor(real, {"copies": copies})
    assert whole and whole["systems"]["copies"] == {k: whole[k] for k in ("frechet", "kad")}
    some = real_floor(real, {"some": [*copies[:7], *[None] * 5], "few": [*copies[:5], *[None] * 7]})
    assert some and list(some["systems"]) == ["some"]
    assert some["systems"]["some"]["frechet"]["n"] == SPLITS
    # answers to what has no file stand in before those to the half that they are held against
    more = real_floor([*real, *[None] * 6], {"more": [*[None] * 12, *pieces(6, 2.0)]})
    assert more and more["systems"]["more"]["frechet"]["spread"] > 0


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_pieces_have_none(n: int):
    assert real_floor([*pieces(n), None, None, None]) is None
