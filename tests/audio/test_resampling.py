"""Resampling in blocks: what is kept, what is not, and that blocks make no difference."""

from __future__ import annotations

import numpy as np
import pytest

from cantilena.audio.resampling import Resampler, resampled
from cantilena.errors import InputError


def sine(hertz: float, rate: int, seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)[:, None]


def at(sound: np.ndarray, rate: int, wanted: int, size: int = 10**9) -> np.ndarray:
    blocks = (sound[i : i + size] for i in range(0, len(sound), size))
    return np.concatenate(list(resampled(blocks, rate, wanted)))


@pytest.mark.parametrize("rate, wanted", [(44_100, 16_000), (16_000, 48_000), (8_000, 11_025)])
def test_a_tone_stays_the_tone_it_was(rate: int, wanted: int):
    out = at(sine(1_000, rate, 0.5), rate, wanted)
    assert out.shape == (-(-round(rate * 0.5) * wanted // rate), 1) and out.dtype == np.float32
    inner = slice(wanted // 20, -wanted // 20)
    tone = sine(1_000, wanted, 0.6)[: len(out)]
    np.testing.assert_allclose(out[inner], tone[inner], atol=1e-4)


def test_what_the_lower_rate_cannot_hold_is_gone():
    out = at(sine(9_000, 44_100, 0.5), 44_100, 16_000)
    assert np.abs(out[800:-800]).max() < 3e-4


@pytest.mark.parametrize("size", [1, 50, 441, 7_000])
def test_blocks_make_no_difference(size: int):
    rng = np.random.default_rng(0)
    sound = rng.normal(size=(2_000, 2))
    np.testing.assert_array_equal(at(sound, 44_100, 16_000, size), at(sound, 44_100, 16_000))


def test_the_same_rate_is_the_same_sound():
    sound = np.ones((5, 1), np.float32)
    assert at(sound, 8_000, 8_000) is not None and np.array_equal(at(sound, 8_000, 8_000), sound)


def test_nothing_becomes_nothing_and_one_sample_one():
    assert len(Resampler(16_000, 8_000).finish()) == 0
    assert at(np.ones((1, 1)), 48_000, 16_000).shape == (1, 1)


@pytest.mark.parametrize("rate", [0, -5, 10**7])
def test_rates_that_no_sound_has_are_refused(rate: int):
    with pytest.raises(InputError, match="rate of"):
        Resampler(rate, 16_000)
