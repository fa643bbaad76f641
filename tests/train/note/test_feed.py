"""The batches of a run: the same whoever makes them, and from any step on."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cantilena.systems.note.training import ARRAYS, GUESSED, CropConfig, stack  # noqa: E402
from cantilena.tokens.note import NoteScheme  # noqa: E402
from cantilena.train.note.crops import Crops  # noqa: E402
from cantilena.train.note.feed import feed  # noqa: E402
from songs import random_songs  # noqa: E402

CROPS = Crops(random_songs(3, 80), NoteScheme(), CropConfig(length=24))


def same(one: dict, two: dict) -> bool:
    return all(np.array_equal(np.asarray(one[n]), np.asarray(two[n])) for n in (*ARRAYS, *GUESSED))


def test_a_step_has_the_examples_of_its_own_stream():
    for step, batch in enumerate(islice(feed(CROPS, 2, seed=5), 3)):
        rng = np.random.default_rng([5, step])
        assert same(batch, stack([CROPS.draw(rng), CROPS.draw(rng)]))


def test_processes_make_the_same_batches_in_the_same_order():
    alone = list(islice(feed(CROPS, 2, seed=5), 8))
    shared = list(islice(feed(CROPS, 2, seed=5, workers=2), 8))
    assert all(map(same, alone, shared))
    assert not same(alone[0], alone[1])


def test_a_run_goes_on_where_it_was():
    assert same(next(feed(CROPS, 2, 5, step=6)), list(islice(feed(CROPS, 2, 5), 7))[6])
