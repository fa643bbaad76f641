"""The Fourier front ends against torch, scipy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.audio.mel import mel_bank
from cantilena.audio.stft import griffin_lim, istft, mel_magnitude, stft
from cantilena.errors import InputError


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n).astype(np.float32)


@pytest.mark.parametrize("reflect", [False, True])
@pytest.mark.parametrize(("n", "fft", "hop"), [(5000, 512, 128), (777, 256, 100)])
def test_it_is_torchs(n: int, fft: int, hop: int, reflect: bool):
    torch = pytest.importorskip("torch")
    expected = torch.stft(
        torch.from_numpy(noise(n)),
        fft,
        hop,
        window=torch.hann_window(fft),
        pad_mode="reflect" if reflect else "constant",
        return_complex=True,
    ).numpy()
    spectra = stft(noise(n), fft, hop, reflect)
    assert spectra.shape == expected.shape == (fft // 2 + 1, n // hop + 1)
    assert np.abs(spectra - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_tone_of_whole_periods_stands_in_its_bin():
    bin_, fft = 20, 256
    tone = np.cos(2 * np.pi * bin_ * np.arange(4096) / fft)
    middle = np.abs(stft(tone, fft, 64)[:, 30])
    # the transform of a periodic Hann window: half of its sum, and a fourth on each side
    expected = np.zeros(fft // 2 + 1)
    expected[bin_ - 1 : bin_ + 2] = fft * np.array([0.125, 0.25, 0.125])
    assert np.allclose(middle, expected, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3000), st.sampled_from([(64, 16), (256, 128), (250, 60)]))
def test_sound_comes_back_whole(n: int, sizes: tuple[int, int]):
    fft, hop = sizes
    error = np.abs(istft(stft(noise(n), fft, hop), hop, n) - noise(n))
    # windows add up to little behind the last one, by which float32's rounding is divided:
    # of all lengths here at most 7e-7 before, and 2.4e-4 in the last sample
    assert error[: n - hop // 2].max(initial=0.0) < 2e-6 and error.max() < 5e-4


def test_long_sound_is_transformed_in_parts():
    sound = noise(64 * 1500)
    whole = stft(sound, 128, 64)
    part = stft(sound[550 * 64 : 660 * 64], 128, 64)  # over the end of the first 600 frames
    assert np.array_equal(whole[:, 560:650], part[:, 10:100])
    assert np.abs(istft(whole, 64, len(sound)) - sound).max() < 1e-4


def distance(sound: np.ndarray, magnitude: np.ndarray, fft: int, hop: int) -> float:
    return float(
        np.linalg.norm(np.abs(stft(sound, fft, hop)) - magnitude) / np.linalg.norm(magnitude)
    )


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_phases_are_found_step_by_step(momentum: float):
    t = np.arange(8000) / 8000
    sound = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * 660 * t)
    magnitude = np.abs(stft(sound, 512, 128))
    errors = [
        distance(griffin_lim(magnitude, 128, n, 8000, momentum), magnitude, 512, 128)
        for n in (0, 4, 30)
    ]
    assert errors[0] > 0.5 and errors[1] < 0.5 * errors[0] and errors[2] < 0.15
    assert np.array_equal(
        griffin_lim(magnitude, 128, 3, 8000), griffin_lim(magnitude, 128, 3, 8000)
    )


def test_silence_stays_silence():
    assert not griffin_lim(np.zeros((65, 10)), 32, 5).any()


def test_bands_become_magnitudes_with_the_same_bands():
    scipy = pytest.importorskip("scipy.optimize")
    bank = mel_bank(8000, 256, 20, 50.0, 3800.0)
    magnitude = np.abs(stft(noise(1200), 256, 128))
    mel = bank.T @ magnitude
    nearest = mel_magnitude(mel, bank, 400)
    assert np.abs(bank.T @ nearest - mel).max() < 0.01 * mel.max()
    best = [scipy.nnls(bank.T, column)[1] for column in mel.T]
    assert np.linalg.norm(bank.T @ nearest - mel) < np.linalg.norm(best) + 0.01 * mel.max()


@pytest.mark.parametrize(
    "call",
    [
        lambda: stft(np.zeros(9), 7, 2),
        lambda: stft(np.zeros(9), 8, 5),
        lambda: stft(np.zeros(0), 8, 2),
        lambda: stft(np.full(9, np.nan), 8, 2),
        lambda: stft(np.zeros(4), 8, 2, reflect=True),
        lambda: istft(np.zeros((5, 0)), 2),
        lambda: griffin_lim(-np.ones((5, 3)), 2),
        lambda: griffin_lim(np.ones((5, 3)), 2, momentum=1.0),
        lambda: mel_magnitude(np.ones((3, 2)), np.ones((5, 4))),
    ],
)
def test_what_cannot_be_is_refused(call):
    with pytest.raises(InputError):
        call()
