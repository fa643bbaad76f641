"""Diffusion over continuous values: noise, what a network predicts of it, and the steps back.

Knows numbers and times from 0 (music) to 1 (noise); does not know networks, conditions or sound.
Two objectives: velocity on a cosine schedule (Salimans and Ho 2022, as Stable Audio has it), and
rectified flow (Liu et al. 2022). Two samplers: DDIM (Song et al. 2021), which of a flow is Euler's
method, and DPM-Solver++ (Lu et al. 2022) as diffusers has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from cantilena.errors import InputError, UnknownNameError
from cantilena.models.hub import need

OBJECTIVES = ("velocity", "flow")
SAMPLERS = ("ddim", "dpm")
RESCALED_FROM = 5.0
"""Guidance above which the result's spread is brought back (Lin et al. 2024): else it saturates."""
RESCALE = 0.7
"""Share of the spread that is brought back then."""
_DISCRETE = 1_000
"""Times of diffusers' schedules, of which it takes its steps."""


class Objective:
    """What a network predicts of x_t = a x + s e, x being music and e noise: ``velocity``
    v = a e - s x with a, s = cos, sin of pi t / 2, or ``flow`` e - x with a, s = 1 - t, t. Times
    are (B,) or numbers. Raises UnknownNameError."""

    def __init__(self, name: str):
        if name not in OBJECTIVES:
            raise UnknownNameError("objective", name, OBJECTIVES)
        self.name = name

    def scales(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """a and s."""
        if self.name == "flow":
            return 1 - time, time
        angle = time * (math.pi / 2)
        return angle.cos(), angle.sin()

    def _of(self, x: Tensor, time: Tensor | float) -> tuple[Tensor, Tensor]:
        times = torch.as_tensor(time, dtype=x.dtype, device=x.device)
        a, s = self.scales(times)
        if a.ndim:
            shape = (-1, *(1,) * (x.ndim - 1))
            return a.view(shape), s.view(shape)
        return a, s

    def noised(self, clean: Tensor, noise: Tensor, time: Tensor | float) -> Tensor:
        """x_t."""
        a, s = self._of(clean, time)
        return a * clean + s * noise

    def target(self, clean: Tensor, noise: Tensor, time: Tensor | float) -> Tensor:
        """What the network is to predict at x_t."""
        if self.name == "flow":
            return noise - clean
        a, s = self._of(clean, time)
        return a * noise - s * clean

    def clean(self, noised: Tensor, output: Tensor, time: Tensor | float) -> Tensor:
        """The music that an ``output`` at x_t means."""
        a, s = self._of(noised, time)
        return noised - s * output if self.name == "flow" else a * noised - s * output

    def noise(self, noised: Tensor, output: Tensor, time: Tensor | float) -> Tensor:
        """The noise that an ``output`` at x_t means."""
        a, s = self._of(noised, time)
        return noised + a * output if self.name == "flow" else s * noised + a * output

    def times(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(count,) times to train at: uniform, of a flow logit-normal (Esser et al. 2024)."""
        if self.name == "flow":
            return torch.randn(count, generator=generator).sigmoid()
        return torch.rand(count, generator=generator)


class Sampler(Protocol):
    """Steps from noise to music. ``times``: at which the network is asked, falling."""

    times: list[float]

    def step(self, number: int, noised: Tensor, output: Tensor) -> Tensor:
        """What comes after step ``number``."""
        ...


class Ddim:
    """DDIM without noise of its own, at equal steps of time."""

    def __init__(self, objective: Objective, steps: int):
        self.objective = objective
        self.bounds = [1 - i / steps for i in range(steps + 1)]
        self.times = self.bounds[:-1]

    def step(self, number: int, noised: Tensor, output: Tensor) -> Tensor:
        """As ``Sampler.step``."""
        time, following = self.bounds[number : number + 2]
        clean = self.objective.clean(noised, output, time)
        noise = self.objective.noise(noised, output, time)
        return self.objective.noised(clean, noise, following)


class DpmSolver:
    """diffusers' ``DPMSolverMultistepScheduler``, of second order, on the objective's schedule.
    Raises MissingExtraError."""

    def __init__(self, objective: Objective, steps: int):
        diffusers = need("diffusers", "the sampler 'dpm'", "audio")
        if objective.name == "flow":
            how = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
        else:
            how = {"prediction_type": "v_prediction", "trained_betas": cosine_betas()}
        self.scheduler: Any = diffusers.DPMSolverMultistepScheduler(_DISCRETE, **how)
        self.scheduler.set_timesteps(steps)
        sigmas = self.scheduler.sigmas[:-1].double()
        times = sigmas if objective.name == "flow" else sigmas.atan() * (2 / math.pi)
        self.times = times.tolist()

    def step(self, number: int, noised: Tensor, output: Tensor) -> Tensor:
        """As ``Sampler.step``."""
        at = self.scheduler.timesteps[number]
        return self.scheduler.step(output, at, noised, return_dict=False)[0]


def cosine_betas() -> list[float]:
    """The steps of the cosine schedule, as diffusers' schedulers take them."""
    angle = torch.arange(1, _DISCRETE + 1, dtype=torch.float64) / (_DISCRETE + 1) * (math.pi / 2)
    kept = angle.cos() ** 2
    before = torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])
    return (1 - kept / before).tolist()


def sampler(name: str, objective: Objective, steps: int) -> Sampler:
    """A sampler by its name in ``SAMPLERS``. Raises UnknownNameError, MissingExtraError, InputError
    for fewer steps than 1."""
    if name not in SAMPLERS:
        raise UnknownNameError("sampler", name, SAMPLERS)
    if not 1 <= steps <= _DISCRETE:
        raise InputError(f"{steps} steps are outside 1-{_DISCRETE}")
    return (Ddim if name == "ddim" else DpmSolver)(objective, steps)


def sampled(
    predict: Callable[[Tensor, float], Tensor],
    noise: Tensor,
    objective: Objective,
    steps: Sampler,
    context: Tensor | None = None,
    kept: Tensor | None = None,
) -> Iterator[Tensor]:
    """The values after each step from ``noise`` (B, D, T), the last of them music. ``predict``: the
    network's output at x_t and a time. Where ``kept`` (T,) is True, x_t is ``context`` (B, D, T)
    with its noise, and in the end ``context`` itself, to the bit."""
    x = noise
    for number, time in enumerate(steps.times):
        if context is not None and kept is not None:
            x = torch.where(kept, objective.noised(context, noise, time), x)
        x = steps.step(number, x, predict(x, time))
        if number + 1 == len(steps.times) and context is not None and kept is not None:
            x = torch.where(kept, context, x)
        yield x


def guided(with_conditions: Tensor, without: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance of two outputs (B, D, T): ``without`` + ``guidance`` times the
    difference."""
    mixed = without + guidance * (with_conditions - without)
    if guidance <= RESCALED_FROM:
        return mixed
    spread = with_conditions.std((1, 2), keepdim=True) / mixed.std((1, 2), keepdim=True)
    return RESCALE * mixed * spread + (1 - RESCALE) * mixed
