"""Objectives invert, samplers end where they must, known parts stay, and the network reads all it
is told."""

from __future__ import annotations

import math

import pytest
import torch

from cantilena.errors import InputError, UnknownNameError
from cantilena.models.audio.diffusion import (
    OBJECTIVES,
    SAMPLERS,
    Objective,
    guided,
    sampled,
    sampler,
)
from cantilena.models.audio.dit import Dit, DitConditions, DitConfig

torch.set_num_threads(1)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_music_and_noise_come_back_from_what_is_predicted(name: str):
    objective, clean, noise = Objective(name), normal(5, 3, 7), normal(5, 3, 7, seed=1)
    time = torch.tensor([0.01, 0.2, 0.5, 0.8, 0.99], dtype=torch.float64)
    x, target = objective.noised(clean, noise, time), objective.target(clean, noise, time)
    torch.testing.assert_close(objective.clean(x, target, time), clean)
    torch.testing.assert_close(objective.noise(x, target, time), noise)
    torch.testing.assert_close(objective.noised(clean, noise, 0.0), clean)
    torch.testing.assert_close(objective.noised(clean, noise, 1.0), noise)


def test_the_velocity_is_diffusers_own():
    diffusers = pytest.importorskip("diffusers")
    from cantilena.models.audio.diffusion import cosine_betas

    scheduler = diffusers.DDIMScheduler(1000, trained_betas=cosine_betas(), clip_sample=False)
    clean, noise, at = normal(1, 3, 7), normal(1, 3, 7, seed=1), torch.tensor([400])
    time = 401 / 1001
    ours = Objective("velocity").target(clean, noise, time)
    torch.testing.assert_close(ours, scheduler.get_velocity(clean, noise, at), atol=1e-5, rtol=0)


def test_ddim_is_diffusers_own():
    diffusers = pytest.importorskip("diffusers")
    from cantilena.models.audio.diffusion import cosine_betas

    scheduler = diffusers.DDIMScheduler(
        1000, trained_betas=cosine_betas(), clip_sample=False, prediction_type="v_prediction"
    )
    scheduler.set_timesteps(10)
    objective, x, output = Objective("velocity"), normal(1, 3, 7), normal(1, 3, 7, seed=1)
    theirs = scheduler.step(output, 400, x).prev_sample
    time, following = 401 / 1001, 301 / 1001
    clean, noise = objective.clean(x, output, time), objective.noise(x, output, time)
    ours = objective.noised(clean, noise, following)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_with_the_true_output_one_step_or_ten_land_on_the_point(name: str, kind: str):
    if kind == "dpm":
        pytest.importorskip("diffusers")
    objective, point, noise = Objective(name), normal(2, 3, 7), normal(2, 3, 7, seed=1)

    def predict(x: torch.Tensor, time: float) -> torch.Tensor:
        a, s = objective.scales(torch.tensor(time, dtype=torch.float64))
        return objective.target(point, (x - a * point) / s, time)

    for count in (1, 10):
        *_, last = sampled(predict, noise, objective, sampler(kind, objective, count))
        torch.testing.assert_close(last, point, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_mixture_of_gaussians_is_sampled_with_its_mean_and_variance(name: str, kind: str):
    if kind == "dpm":
        pytest.importorskip("diffusers")
    means, deviation, count = torch.tensor([-1.5, 0.5]).double(), 0.3, 4_000
    shares = torch.tensor([0.3, 0.7]).double()
    objective = Objective(name)

    def predict(x: torch.Tensor, time: float) -> torch.Tensor:
        """The best there can be: the target at the mean of the music that x may be."""
        a, s = (float(v) for v in objective.scales(torch.tensor(time).double()))
        spread = (a * deviation) ** 2 + s**2
        log = shares.log() - (x[..., None] - a * means) ** 2 / (2 * spread)
        clean = means + a * deviation**2 / spread * (x[..., None] - a * means)
        clean = (log.softmax(-1) * clean).sum(-1)
        return objective.target(clean, (x - a * clean) / s, time)

    noise = normal(count, 1, 1)
    *_, last = sampled(predict, noise, objective, sampler(kind, objective, 100))
    mean = float((shares * means).sum())
    variance = deviation**2 + float((shares * (means - mean) ** 2).sum())
    fourth = float(((last - mean) ** 4).mean())
    assert abs(float(last.mean()) - mean) < 3 * math.sqrt(variance / count)
    assert abs(float(last.var()) - variance) < 3 * math.sqrt((fourth - variance**2) / count)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_what_is_kept_stays_to_the_bit(kind: str):
    if kind == "dpm":
        pytest.importorskip("diffusers")
    objective, known, noise = Objective("velocity"), normal(1, 3, 8), normal(1, 3, 8, seed=1)
    known, noise = known.float(), noise.float()
    kept = torch.tensor([True, True, False, False, False, True, True, True])
    shown = []

    def predict(x: torch.Tensor, time: float) -> torch.Tensor:
        shown.append((x, time))
        return torch.tanh(x)

    steps = sampler(kind, objective, 5)
    *_, last = sampled(predict, noise, objective, steps, known, kept)
    assert torch.equal(last[..., kept], known[..., kept])
    assert not torch.equal(last[..., ~kept], known[..., ~kept])
    for x, time in shown:
        noised = objective.noised(known, noise, time)
        assert torch.equal(x[..., kept], noised[..., kept])


def test_guidance_is_a_line_through_both_and_above_five_keeps_the_spread():
    with_, without = normal(1, 3, 50), normal(1, 3, 50, seed=1)
    torch.testing.assert_close(guided(with_, without, 1.0), with_)
    torch.testing.assert_close(guided(with_, without, 0.0), without)
    far = guided(with_, without, 8.0)
    plain = without + 8 * (with_ - without)
    assert float(with_.std()) < float(far.std()) < 0.5 * float(plain.std())


def test_names_and_steps_that_cannot_be_are_refused():
    with pytest.raises(UnknownNameError, match="velocity"):
        Objective("speed")
    with pytest.raises(UnknownNameError, match="ddim"):
        sampler("euler", Objective("flow"), 5)
    with pytest.raises(InputError, match="0 steps"):
        sampler("ddim", Objective("flow"), 0)


# ------------------------------------------------------------------ the network

CONFIG = DitConfig(3, width=16, heads=2, layers=2, hidden=24, patch=2, text=5, frames={"roll": 4})


def network() -> Dit:
    torch.manual_seed(0)
    net = Dit(CONFIG).eval()
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return net


def network_conditions(length: int = 7) -> DitConditions:
    torch.manual_seed(1)
    return DitConditions(
        torch.randn(2, 3, length),
        (torch.arange(length) < 2).float().expand(2, -1),
        torch.randn(2, 6, 5),
        torch.arange(6)[None] < torch.tensor([[4], [6]]),
        {"roll": torch.randn(2, length, 4)},
        torch.tensor([[0.0, 10.0], [5.0, 20.0]]),
    )


def test_the_network_begins_by_saying_nothing_and_keeps_odd_lengths():
    torch.manual_seed(0)
    out = Dit(CONFIG)(torch.randn(2, 3, 7), torch.tensor([0.1, 0.9]), network_conditions())
    assert out.shape == (2, 3, 7) and not out.any()


@torch.no_grad()
def test_every_condition_reaches_the_output_and_padding_does_not():
    net, x, time, conditions = (
        network(),
        torch.randn(2, 3, 7),
        torch.tensor([0.3, 0.6]),
        network_conditions(),
    )
    base = net(x, time, conditions)

    def moved(**changes: torch.Tensor) -> float:
        return float((net(x, time, conditions._replace(**changes)) - base).abs().max())

    assert moved(timing=conditions.timing + 3) > 1e-4
    assert moved(text=conditions.text + 1) > 1e-4
    assert moved(kept=1 - conditions.kept) > 1e-4
    assert moved(frames={"roll": conditions.frames["roll"] + 1}) > 1e-4
    assert float((net(x, time + 0.2, conditions) - base).abs().max()) > 1e-4
    unknown = torch.where(conditions.kept[:, None] > 0, conditions.context, 9.0)
    assert moved(context=unknown) == 0
    padding = torch.where(conditions.mask[..., None], conditions.text, 9.0)
    assert moved(text=padding) == 0


@torch.no_grad()
def test_a_row_does_not_depend_on_the_row_beside_it():
    net, x, time, both = (
        network(),
        torch.randn(2, 3, 7),
        torch.tensor([0.3, 0.6]),
        network_conditions(),
    )
    parts = {name: value[:1] for name, value in both._asdict().items() if name != "frames"}
    alone = net(x[:1], time[:1], DitConditions(**parts, frames={"roll": both.frames["roll"][:1]}))
    torch.testing.assert_close(net(x, time, both)[:1], alone, atol=1e-6, rtol=0)
