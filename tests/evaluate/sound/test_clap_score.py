"""CLAP score on known vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import InputError
from cantilena.evaluate.sound import clap_score as c


def test_cosines_of_known_vectors():
    audio = np.array([[1.0, 0.0], [1.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    text = np.array([[2.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(c.clap_score(audio, text), [1, np.sqrt(0.5), -1, 0], atol=1e-12)
    windows = c.window_scores([audio[:1], audio[1:]], text[:2])
    np.testing.assert_allclose(windows[1], [np.sqrt(0.5), 1, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("audio", "text"),
    [
        (np.ones((2, 3)), np.ones((3, 3))),
        (np.zeros((2, 3)), np.ones((2, 3))),
        (np.full((2, 3), np.nan), np.ones((2, 3))),
        (np.ones((0, 3)), np.ones((0, 3))),
    ],
)
def test_what_has_no_cosine_is_refused(audio: np.ndarray, text: np.ndarray):
    with pytest.raises(InputError):
        c.clap_score(audio, text)


@given(st.integers(2, 60), st.integers(0, 99))
def test_random_texts_are_all_anothers(n: int, seed: int):
    order = c.other_texts(n, seed)
    assert sorted(order.tolist()) == list(range(n))
    assert not (order == np.arange(n)).any()


def test_one_text_cannot_be_exchanged():
    with pytest.raises(InputError):
        c.other_texts(1)
