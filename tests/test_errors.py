"""The exception tree."""

from __future__ import annotations

import pickle

import pytest

from cantilena.errors import CantilenaError, InputError, MissingExtraError, UnknownNameError


@pytest.mark.parametrize(
    "error",
    [
        InputError("no"),
        UnknownNameError("system", "x", ["a", "b"]),
        MissingExtraError("ray", "ray", "a build past one machine"),
    ],
)
def test_an_error_comes_out_of_a_worker_process_as_it_was(error: CantilenaError):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)
