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
    """Two kinds of pieces, of each two: were a piece in both halves, halves could be equal."""
    same = [np.ones((2, 1)), np.ones((2, 1)) + 10, np.ones((2, 1)) + 20, np.ones((2, 1)) + 30]
    floor = real_floor(same, splits=20)
    assert floor and floor["frechet"]["mean"] > 0


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_pieces_have_none(n: int):
    assert real_floor([*pieces(n), None, None, None]) is None
