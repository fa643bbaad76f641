"""A diffusion transformer over frames of latents (Peebles and Xie 2023, as Stable Audio has it).

Knows noised latents, times and states of conditions; does not know texts, Scores, schedules or
sound. Text is read by cross-attention; what is known frame by frame (notes, beats, codes) is added
to the frames; time, and where in a piece a window stands, set norms and gates. A mask says which
latents are known (JEN-1): text to music, a gap and what comes next are one task.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import CheckpointError, InputError

WAVES = 64
"""Frequencies whose sines and cosines stand for a number."""
LONGEST = 512.0
"""Seconds of a piece at most, as Stable Audio's conditions have it."""
PERIOD = 10_000.0
"""Of the slowest rotation of positions, over 2 pi."""


@dataclass(frozen=True)
class DitConfig:
    """Sizes. ``latent`` dimensions of a frame; ``patch``: frames of a token; ``text``: width of the
    text encoder's states, 0 for none; ``frames``: widths of what is known frame by frame, by
    name. Raises InputError for sizes that do not go together."""

    latent: int
    width: int = 192
    heads: int = 4
    layers: int = 4
    hidden: int = 768
    patch: int = 2
    text: int = 0
    frames: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads) or self.width % self.patch:
            raise InputError(
                f"a width of {self.width} does not divide into {self.heads} heads of even width, "
                f"or into {self.patch} frames"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DitConfig:
        """The config ``to_dict`` wrote. Raises CheckpointError where it is none."""
        try:
            return cls(**data)
        except (TypeError, ValueError, InputError, ZeroDivisionError) as error:
            raise CheckpointError(f"the diffusion's config does not fit: {error}") from error


class DitConditions(NamedTuple):
    """Conditions of (B, D, T) latents. ``context``: latents (B, D, T) that are known, where
    ``kept`` (B, T) is 1 and not 0; ``text`` (B, L, W) with its ``mask`` (B, L), no token for none;
    ``frames`` (B, T, W) by name, zeros for none; ``timing`` (B, 2): seconds at which the window
    begins, and of the whole piece."""

    context: Tensor
    kept: Tensor
    text: Tensor
    mask: Tensor
    frames: Mapping[str, Tensor]
    timing: Tensor


def waves(values: Tensor, least: float, most: float) -> Tensor:
    """(..., 2 ``WAVES``) sines and cosines of numbers, at frequencies from ``least`` to ``most``
    turns."""
    exponent = torch.linspace(math.log(least), math.log(most), WAVES, device=values.device)
    angle = values[..., None].float() * exponent.exp() * (2 * math.pi)
    return torch.cat([angle.sin(), angle.cos()], -1)


class Dit(nn.Module):
    """The network; its output is as its objective has it."""

    def __init__(self, config: DitConfig):
        super().__init__()
        self.config = config
        width, patch = config.width, config.patch
        self.begin = nn.Linear(patch * (2 * config.latent + 1), width)
        self.frames = nn.ModuleDict(
            {n: nn.Linear(w, width // patch, bias=False) for n, w in config.frames.items()}
        )
        self.time = _numbers(width)
        self.timing = nn.ModuleList(_numbers(width) for _ in range(2))
        self.text = nn.Linear(config.text, width) if config.text else None
        self.blocks = nn.ModuleList(
            _Block(width, config.heads, config.hidden) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.last = nn.Linear(width, 2 * width)
        self.end = nn.Linear(width, patch * config.latent)
        for layer in (self.last, self.end):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, noised: Tensor, time: Tensor, conditions: DitConditions) -> Tensor:
        """(B, D, T) of noised latents (B, D, T) at times (B,)."""
        length, patch = noised.shape[-1], self.config.patch
        kept = conditions.kept[:, None].to(noised.dtype)
        inputs = torch.cat([noised, conditions.context * kept, kept], 1)
        x = self.begin(self._tokens(inputs.transpose(1, 2)))
        for name, project in self.frames.items():
            x = x + self._tokens(project(conditions.frames[name].to(noised.dtype)))
        times = self.time(waves(time, 0.25, 250.0))
        places = [
            net(waves(conditions.timing[:, i] / LONGEST, 0.5, LONGEST))
            for i, net in enumerate(self.timing)
        ]
        states, mask = torch.stack(places, 1), conditions.mask.new_ones(len(x), 2)
        if self.text is not None:
            states = torch.cat([states, self.text(conditions.text.to(noised.dtype))], 1)
            mask = torch.cat([mask, conditions.mask], 1)
        whole = F.silu(times + places[0] + places[1])
        turns = _turns(x.shape[1], self.config.width // self.config.heads, x.device)
        for block in self.blocks:
            x = block(x, whole, states, mask[:, None, None, :], turns)
        shift, scale = self.last(whole)[:, None].chunk(2, -1)
        out = self.end(self.norm(x) * (1 + scale) + shift)
        return out.unflatten(2, (patch, -1)).flatten(1, 2)[:, :length].transpose(1, 2)

    def _tokens(self, frames: Tensor) -> Tensor:
        """(B, T / patch rounded up, patch * W) of (B, T, W)."""
        patch = self.config.patch
        padded = F.pad(frames, (0, 0, 0, -frames.shape[1] % patch))
        return padded.unflatten(1, (-1, patch)).flatten(2)


class _Block(nn.Module):
    """Self-attention, cross-attention and an MLP, each behind a norm; the first and the last are
    shifted, scaled and gated by the time. At first a block changes nothing."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=i == 1) for i in range(3))
        self.turned = nn.Linear(width, 6 * width)
        self.mixed = nn.Linear(width, 3 * width, bias=False)
        self.mixed_out = nn.Linear(width, width, bias=False)
        self.asked = nn.Linear(width, width, bias=False)
        self.read = nn.Linear(width, 2 * width, bias=False)
        self.read_out = nn.Linear(width, width, bias=False)
        self.rise, self.fall = nn.Linear(width, hidden), nn.Linear(hidden, width)
        for weight in (self.turned.weight, self.turned.bias, self.read_out.weight):
            nn.init.zeros_(weight)

    def forward(
        self, x: Tensor, whole: Tensor, states: Tensor, mask: Tensor, turns: Tensor
    ) -> Tensor:
        """(B, S, width) of the same; ``states`` (B, L, width) are read where ``mask`` is True."""
        parts = self.turned(whole)[:, None].chunk(6, -1)
        inner = self.norms[0](x) * (1 + parts[1]) + parts[0]
        query, key, value = self._split(self.mixed(inner), 3)
        attended = F.scaled_dot_product_attention(_turn(query, turns), _turn(key, turns), value)
        x = x + parts[2] * self.mixed_out(_joined(attended))
        (asked,) = self._split(self.asked(self.norms[1](x)), 1)
        key, value = self._split(self.read(states), 2)
        attended = F.scaled_dot_product_attention(asked, key, value, attn_mask=mask)
        x = x + self.read_out(_joined(attended))
        inner = self.norms[2](x) * (1 + parts[4]) + parts[3]
        return x + parts[5] * self.fall(F.gelu(self.rise(inner)))

    def _split(self, values: Tensor, count: int) -> tuple[Tensor, ...]:
        """(B, heads, S, width / heads) each."""
        return tuple(
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in values.chunk(count, -1)
        )


def _joined(values: Tensor) -> Tensor:
    return values.transpose(1, 2).flatten(2)


def _numbers(width: int) -> nn.Sequential:
    """What reads a number's waves."""
    return nn.Sequential(nn.Linear(2 * WAVES, width), nn.SiLU(), nn.Linear(width, width))


def _turns(count: int, width: int, device: Any) -> Tensor:
    """(count, width / 2) complex rotations of positions."""
    speeds = PERIOD ** (-torch.arange(0, width, 2, device=device).float() / width)
    angle = torch.arange(count, device=device).float()[:, None] * speeds
    return torch.polar(torch.ones_like(angle), angle)


def _turn(values: Tensor, turns: Tensor) -> Tensor:
    """Values (B, H, S, W) whose halves are turned against one another."""
    first, second = values.float().chunk(2, -1)
    real, imaginary = turns.real, turns.imag
    out = torch.cat([first * real - second * imaginary, first * imaginary + second * real], -1)
    return out.to(values.dtype)
