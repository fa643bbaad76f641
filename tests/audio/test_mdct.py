"""The MDCT against its definition and its own inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.audio.mdct import imdct, mdct, mdct_basis
from cantilena.errors import InputError


def noise(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=n).astype(np.float32)


def test_coefficients_are_those_of_the_definition():
    hop, sound = 6, noise(20)
    padded = np.concatenate([np.zeros(hop), sound, np.zeros(10)])
    n = np.arange(2 * hop)
    window = np.sin(np.pi / (2 * hop) * (n + 0.5))
    coefficients = mdct(sound, hop)
    assert coefficients.shape == (hop, 5)
    for t in range(5):
        block = padded[t * hop : (t + 2) * hop] * window
        for k in range(hop):
            angle = np.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5)
            expected = np.sqrt(2 / hop) * np.sum(block * np.cos(angle))
            assert coefficients[k, t] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 2000), st.sampled_from([2, 16, 320]))
def test_sound_of_any_length_comes_back(n: int, hop: int):
    assert np.abs(imdct(mdct(noise(n), hop), n) - noise(n)).max() < 2e-6


@pytest.mark.parametrize("hop", [64, 960])
def test_the_table_is_exact_and_orthonormal(hop: int):
    basis = mdct_basis(hop)
    assert basis.dtype == np.float64
    assert np.abs(basis.T @ basis - np.eye(hop)).max() < 1e-12
    # the second half of a frame and the first of the next cancel what each of them folds
    assert np.abs(basis[hop:].T @ basis[:hop]).max() < 1e-12
    sound = noise(40 * hop)
    energy = float((mdct(sound, hop).astype(np.float64) ** 2).sum())
    assert energy == pytest.approx(float((sound.astype(np.float64) ** 2).sum()), rel=1e-6)


def test_long_sound_is_transformed_in_parts():
    sound = noise(16 * 1300)
    assert np.abs(imdct(mdct(sound, 16), len(sound)) - sound).max() < 2e-6


@pytest.mark.parametrize(
    "call",
    [
        lambda: mdct(np.zeros(9), 3),
        lambda: mdct(np.zeros(0), 4),
        lambda: mdct(np.full(9, np.inf), 4),
        lambda: imdct(np.zeros((4, 0))),
        lambda: imdct(np.zeros(4)),
    ],
)
def test_what_cannot_be_is_refused(call):
    with pytest.raises(InputError):
        call()
