"""Vectors of sound that are kept (``evaluate.sound.pieces``): damage is seen, as in shards."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.evaluate.sound.pieces import Renderer, embed_pieces
from cantilena.score.midi import write_midi
from corpus_pieces import piece


class Counting:
    """An embedder of a few numbers that knows how often it was asked."""

    label = "counting"
    rate = 44_100
    weights = ""

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, samples: np.ndarray) -> np.ndarray:
        self.calls += 1
        return np.array([[samples.std(), samples.max(), samples.min(), len(samples)]])


@pytest.fixture
def paths(tmp_path):
    for seed in (1, 2):
        write_midi(piece(seed, bars=2), tmp_path / f"{seed}.mid")
    return [tmp_path / "1.mid", tmp_path / "2.mid"]


def test_damaged_vectors_are_made_again(paths, tmp_path):
    embedder, cache = Counting(), tmp_path / "cache"

    def vectors() -> list[np.ndarray | None]:
        renderer = Renderer("synth", None, 1.0)
        return embed_pieces(paths, {"counting": embedder}, cache, renderer).vectors["counting"]

    first = vectors()
    assert embedder.calls == 2 and vectors() and embedder.calls == 2
    one, two = sorted(cache.iterdir())
    whole = {one: one.read_bytes(), two: two.read_bytes()}
    for at in range(0, len(whole[one]), 7):
        data = bytearray(whole[one])
        data[at] ^= 0x10
        one.write_bytes(data)
        for a, b in zip(first, vectors(), strict=True):
            assert a is not None and b is not None and np.array_equal(a, b), at
    one.write_bytes(whole[two])  # each under the other's name
    two.write_bytes(whole[one])
    calls = embedder.calls
    for a, b in zip(first, vectors(), strict=True):
        assert a is not None and b is not None and np.array_equal(a, b)
    assert embedder.calls == calls + 2
