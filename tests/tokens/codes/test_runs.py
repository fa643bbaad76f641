"""Runs: they expand to what they are of, and are as many as there are changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cantilena.errors import InputError
from cantilena.tokens.codes.runs import expanded, run_lengths

MATRICES = arrays.arrays(
    np.int64, st.tuples(st.integers(1, 4), st.integers(0, 30)), elements=st.integers(0, 2)
)


@given(MATRICES, st.integers(1, 40))
def test_runs_expand_to_what_they_are_of(codes: np.ndarray, longest: int):
    runs = run_lengths(codes, longest)
    assert np.array_equal(expanded(runs, len(codes)), codes)
    assert (runs[:, 2] <= longest).all() and (runs[:, 2] >= 1).all()
    if codes.shape[1] and longest >= codes.shape[1]:
        assert len(runs) == len(codes) + (np.diff(codes) != 0).sum()


def test_runs_stand_by_time_and_then_by_channel():
    codes = np.array([[5, 5, 6, 6, 6], [1, 2, 2, 2, 2]])
    assert run_lengths(codes).tolist() == [[0, 5, 2], [1, 1, 1], [1, 2, 4], [0, 6, 3]]
    assert run_lengths(codes, 2).tolist() == [
        [0, 5, 2],
        [1, 1, 1],
        [1, 2, 2],
        [0, 6, 2],
        [1, 2, 2],
        [0, 6, 1],
    ]


@pytest.mark.parametrize(
    "runs, message",
    [([[2, 0, 1]], "channel 2 of 2"), ([[0, 0, 0]], "0 frames"), ([[0, 1, 3]], "alike long")],
)
def test_runs_that_cannot_be_are_refused(runs: list, message: str):
    with pytest.raises(InputError, match=message):
        expanded(np.array(runs), 2)
    with pytest.raises(InputError, match="1 frame or longer"):
        run_lengths(np.zeros((1, 3)), 0)
