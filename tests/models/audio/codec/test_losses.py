"""Losses: against their definitions; adversaries and balancer: who gets which gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cantilena.errors import UnknownNameError
from cantilena.models.audio.codec.balance import Balancer, adaptive_weight
from cantilena.models.audio.codec.discriminators import NAMES, Discriminators
from cantilena.models.audio.codec.losses import (
    MELS,
    MultiScaleMel,
    MultiScaleStft,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    largest_squares,
    relative_wave_l1,
    si_sdr,
    with_sides,
)

RATE = 16_000


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_si_sdr_of_sound_with_noise_is_their_ratio_whatever_the_scale():
    sound, other = noise(1, 1, 50_000), noise(1, 1, 50_000, seed=1)
    for ratio in (-10.0, 0.0, 20.0):
        mixed = sound + 10 ** (-ratio / 20) * other * sound.norm() / other.norm()
        assert float(si_sdr(3 * mixed, sound)) == pytest.approx(ratio, abs=0.1)


def test_a_relative_difference_is_the_same_for_soft_music():
    sound, other = noise(2, 1, 400), noise(2, 1, 400, seed=1)
    loud = float(relative_wave_l1(sound + 0.1 * other, sound))
    assert float(relative_wave_l1(0.02 * (sound + 0.1 * other), 0.02 * sound)) == pytest.approx(
        loud, rel=1e-4
    )


@pytest.mark.parametrize("name", MELS)
def test_a_mel_distance_is_none_of_itself_and_grows_with_noise(name: str):
    mel, sound = MultiScaleMel(RATE, MELS[name]), noise(1, 1, 4_000)
    distances = [float(mel(sound + s * noise(1, 1, 4_000, seed=1), sound)) for s in (0, 0.1, 1.0)]
    assert distances[0] < 1e-5 and distances[0] < distances[1] < distances[2]


def test_a_mel_distance_of_sound_ten_times_as_loud_is_one():
    """log10 of magnitudes, which all stand above the floor."""
    mel, sound = MultiScaleMel(RATE, MELS["short"]), noise(1, 1, 4_000)
    assert float(mel(10 * sound, sound)) == pytest.approx(1.0, abs=1e-3)


def test_spectra_of_double_loudness_are_as_far_as_their_norm():
    """Spectral convergence of 2x is 1, and log10 of 2 is 0.301."""
    stft, sound = MultiScaleStft(), noise(1, 1, 4_000)
    assert float(stft(2 * sound, sound)) == pytest.approx(1 + math.log10(2), abs=1e-3)


def test_how_wide_the_sound_is_counts_where_each_channels_spectrum_is_right():
    """A second channel turned upside down has the same magnitudes and another width."""
    sound = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 4_000))).float()
    narrow, wide = torch.cat([sound, sound], 1), torch.cat([sound, -sound], 1)
    mel = MultiScaleMel(16_000, MELS["short"])
    assert mel(narrow, wide) < 1e-4 < 0.5 < mel(with_sides(narrow), with_sides(wide))
    assert not with_sides(narrow)[:, 3].any() and torch.equal(with_sides(wide)[:, 3:], sound)
    assert torch.equal(with_sides(sound), sound)


def test_largest_squares_are_of_the_worst_samples():
    target = torch.zeros(1, 1, 100)
    output = target.clone()
    output[0, 0, :4] = torch.tensor([1.0, 2.0, 3.0, 0.5])
    assert float(largest_squares(output, target, 2)) == pytest.approx((9 + 4) / 2)


def test_adversaries_losses_by_hand():
    real, fake = [[torch.ones(3), torch.tensor([2.0, 0.5])]], [[torch.zeros(3), torch.zeros(2)]]
    assert float(discriminator_loss(real, fake, "hinge")) == pytest.approx(0.25 + 1)
    assert float(discriminator_loss(real, fake, "squares")) == pytest.approx((1 + 0.25) / 2)
    assert float(adversarial_loss(real, "hinge")) == pytest.approx(-1.25)
    assert float(adversarial_loss(real, "squares")) == pytest.approx((1 + 0.25) / 2)
    assert float(feature_loss(real, fake)) == 1  # of the layer, not of the verdict


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_step_down_the_gradient_of_a_discriminator_lowers_its_loss(name: str, channels: int):
    torch.manual_seed(0)
    judge = Discriminators([name], channels, share=0.13)
    tone = torch.sin(2 * math.pi * 300 * torch.arange(2_600) / RATE).expand(1, channels, -1)
    other = noise(1, channels, 2_600)
    before = discriminator_loss(judge(tone), judge(other), "hinge")
    before.backward()
    assert all(p.grad is not None for p in judge.parameters())
    with torch.no_grad():
        for p in judge.parameters():
            p -= 1e-3 * p.grad / p.grad.norm().clamp_min(1e-9)
        after = discriminator_loss(judge(tone), judge(other), "hinge")
    assert float(after) < float(before.detach())


def test_unknown_discriminators_are_refused():
    with pytest.raises(UnknownNameError, match="period"):
        Discriminators(["patch"])


# ------------------------------------------------------------------ balance


def test_shares_of_the_gradient_are_the_weights_whatever_the_losses_sizes():
    sound = noise(4, 1, 50).requires_grad_()
    directions = {"a": noise(4, 1, 50, seed=1), "b": noise(4, 1, 50, seed=2)}
    directions["unweighed"] = noise(4, 1, 50, seed=3)
    sizes = {"a": 1e-3, "b": 1e3, "unweighed": 1.0}
    losses = {k: sizes[k] * (d * sound).sum() for k, d in directions.items()}
    balancer = Balancer({"a": 3.0, "b": 1.0, "unweighed": 0.0})
    gradient = balancer.gradient(losses, sound)
    wanted = torch.zeros_like(gradient)
    for name, share in {"a": 0.75, "b": 0.25}.items():
        d = directions[name]
        wanted += share * d / d.flatten(1).norm(dim=1).mean()
    torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-7)
    (of_scalar,) = torch.autograd.grad(Balancer(balancer.weights)(losses, sound), [sound])
    torch.testing.assert_close(of_scalar, wanted, rtol=1e-5, atol=1e-7)


def test_norms_are_averaged_over_steps_and_saved():
    balancer, sound = Balancer({"a": 1.0}, decay=0.5), torch.zeros(1, 1, 4, requires_grad=True)
    for size in (1.0, 4.0):
        gradient = balancer.gradient({"a": size * sound.sum()}, sound)
    norms = np.array([2.0, 8.0])  # of four ones, times the sizes
    mean = (0.5 * norms[0] + norms[1]) / 1.5
    np.testing.assert_allclose(gradient.detach(), 4.0 / mean)
    other = Balancer({"a": 1.0}, decay=0.5)
    other.load_state_dict(balancer.state_dict())
    one, two = (b.gradient({"a": sound.sum()}, sound) for b in (balancer, other))
    assert torch.equal(one, two)


def test_the_adaptive_weight_makes_the_adversary_pull_as_hard():
    last = torch.nn.Parameter(torch.ones(5))
    weight = adaptive_weight((6.0 * last).sum(), (2.0 * last).sum(), last)
    assert float(weight) == pytest.approx(0.8 * 3.0, rel=1e-3)
