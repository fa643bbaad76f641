"""Transforms: against their definitions, and back again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import fft as scipy_fft

from cantilena.audio.mel import slaney_bank
from cantilena.errors import InputError
from cantilena.models.audio.codec.transforms import (
    LogMel,
    Mdct,
    Stft,
    griffin_lim,
    griffin_lim_pair,
    tone_phases,
)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("hop", [2, 8, 320])
@pytest.mark.parametrize("frames", [1, 2, 7])
def test_an_mdct_gives_all_of_the_sound_back_and_its_energy(hop: int, frames: int):
    mdct, sound = Mdct(hop), noise(2, frames * hop)
    coefficients = mdct(sound)
    assert coefficients.shape == (2, hop, frames)
    torch.testing.assert_close(mdct.inverse(coefficients), sound, atol=3e-6, rtol=0)
    torch.testing.assert_close(coefficients.pow(2).sum(), sound.pow(2).sum(), rtol=1e-5, atol=0)


def test_inner_frames_are_those_of_the_definition():
    """With the phase of a DCT-IV over the middle hop, even at its left edge and odd at its right;
    the textbook's is the other way round."""
    hop, frames = 16, 5
    sound = noise(1, frames * hop)
    got = Mdct(hop)(sound)[0].numpy()
    n, k = np.arange(2 * hop), np.arange(hop)
    window = np.sin(np.pi / (2 * hop) * (n + 0.5))
    basis = np.cos(np.pi / hop * np.outer(k + 0.5, n + 0.5 - hop / 2))
    for t in range(1, frames - 1):
        part = sound[0, t * hop - hop // 2 : t * hop + 3 * hop // 2].numpy()
        wanted = np.sqrt(2 / hop) * basis @ (window * part)
        np.testing.assert_allclose(got[:, t], wanted, atol=1e-5)


def test_a_single_frame_is_a_dct4():
    sound = noise(1, 12)
    wanted = scipy_fft.dct(sound[0].numpy(), type=4, norm="ortho")
    np.testing.assert_allclose(Mdct(12)(sound)[0, :, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("hop", [0, 1, 7])
def test_an_odd_hop_is_refused(hop: int):
    with pytest.raises(InputError, match="even number of samples"):
        Mdct(hop)


@pytest.mark.parametrize("fft, hop", [(64, 16), (64, 32), (1280, 320)])
def test_an_stft_gives_all_of_the_sound_back(fft: int, hop: int):
    stft, sound = Stft(fft, hop), noise(2, 6 * hop)
    spectrum = stft(sound)
    assert spectrum.shape == (2, fft // 2 + 1, 6)
    torch.testing.assert_close(stft.inverse(spectrum), sound, atol=1e-5, rtol=0)


def test_an_stft_is_the_transform_of_windowed_stretches():
    stft, sound = Stft(16, 4), noise(1, 40)
    part = sound[0, 3 * 4 - 6 : 3 * 4 + 10].numpy() * np.hanning(17)[:16]
    np.testing.assert_allclose(stft(sound)[0, :, 3], np.fft.rfft(part), atol=1e-5)


def test_log_mel_is_the_bank_over_magnitudes():
    mel = LogMel(16_000, 256, 64, 20)
    sound = noise(1, 640)
    wanted = np.log(
        np.maximum(slaney_bank(16_000, 256, 20).T @ mel.stft(sound)[0].abs().numpy(), 1e-5)
    )
    np.testing.assert_allclose(mel(sound)[0], wanted, atol=1e-5)
    assert mel(torch.zeros(1, 640)).max() == pytest.approx(np.log(1e-5))


def test_griffin_lim_comes_near_the_magnitudes_and_is_the_same_each_time():
    time = torch.arange(8_000) / 16_000
    sound = (torch.sin(2 * np.pi * 440 * time) + 0.5 * torch.sin(2 * np.pi * 1_000 * time))[None]
    stft = Stft(1024, 320)
    magnitudes = stft(sound).abs()

    def error(iterations: int) -> float:
        made = griffin_lim(magnitudes, stft, iterations)
        return float((stft(made).abs() - magnitudes).norm() / magnitudes.norm())

    assert error(32) < 0.1 and error(32) < 0.5 * error(0)
    one, two = (griffin_lim(magnitudes, stft, 4) for _ in range(2))
    assert torch.equal(one, two)


def test_griffin_lim_of_a_pair_is_as_wide_as_the_sound_was():
    """Apart from the start the middle would come out twice as wide, as noise that is on neither
    side: this is what the first phases that both have prevent."""
    stft, noise = Stft(1024, 320), torch.Generator().manual_seed(0)
    middle = torch.randn(1, 32_000, generator=noise)
    right = 0.3 * torch.randn(1, 32_000, generator=noise)
    sound = torch.stack([middle, middle + right], 1)
    magnitudes = stft(sound.flatten(0, 1)).abs()[None]

    def width(made: torch.Tensor) -> float:
        left, right = made[0]
        return float((left - right).norm() / (left + right).norm())

    apart = griffin_lim(magnitudes[0], stft, 32)[None]
    together = griffin_lim_pair(magnitudes, stft, 32)
    assert together.shape == sound.shape
    assert width(apart) > 3 * width(sound)
    assert 0.5 * width(sound) < width(together) < 1.5 * width(sound)
    for made in (apart, together):
        errors = stft(made.flatten(0, 1)).abs() - magnitudes[0]
        assert errors.norm() / magnitudes.norm() < 0.3
    assert griffin_lim_pair(magnitudes, stft, 0).isfinite().all()


@pytest.mark.parametrize("hertz", [41.2, 220.0, 1318.5])
def test_flat_magnitudes_with_a_tones_phases_sound_at_its_pitch(hertz: float):
    stft, rate = Stft(1024, 320), 16_000
    magnitudes = torch.ones(1, 513, 50)
    phases = tone_phases(torch.tensor([hertz]), 50, stft, rate)
    assert torch.allclose(phases.abs(), torch.ones_like(phases.abs()), atol=1e-3)
    sound = griffin_lim(magnitudes, stft, 0, phases=phases)[0].numpy()
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    bins = np.rint(np.arange(1, 6) * hertz * len(sound) / rate).astype(int)
    between = np.rint((np.arange(1, 6) + 0.5) * hertz * len(sound) / rate).astype(int)
    assert spectrum[bins].mean() > 5 * spectrum[between].mean()
