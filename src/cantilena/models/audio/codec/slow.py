"""SlowAE (Dieleman 2021): few channels of whole numbers that change seldom, for run-length codes.

Knows its network, rounding and the penalty that steers how often something changes; does not know
its training or the runs (``tokens.codes.runs``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cantilena.models.audio.codec.base import Coded, LatentCodec, cut
from cantilena.models.audio.codec.seanet import Seanet, run
from cantilena.models.audio.quantize import Quantised, Quantizer

STEER = 1.01
"""Factor by which the penalty's weight rises or falls in a step."""
HOLD = 0.2
"""How far beyond its cell's edge a value must go before the level changes (Schmitt's trigger), in
levels: jitter below makes no events."""


class Rounding(Quantizer):
    """Each of ``dim`` channels rounded to 2 ``reach`` + 1 levels, with the gradient of the identity
    (straight through)."""

    def __init__(self, dim: int, reach: int = 7):
        super().__init__(dim, (2 * reach + 1,) * dim)
        self.reach = reach

    def _quantise(self, z: Tensor, books: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        levels = z.round().clamp(-self.reach, self.reach)
        levels = torch.cat([levels[:, :books], torch.zeros_like(levels[:, books:])], 1)
        indices = (levels[:, :books] + self.reach).long()
        return z + (levels - z).detach(), indices, {}

    def _decode(self, indices: Tensor) -> Tensor:
        levels = indices.float() - self.reach
        missing = self.dim - indices.shape[1]
        return torch.nn.functional.pad(levels, (0, 0, 0, missing))


def held(values: Tensor, reach: int, hold: float = HOLD) -> Tensor:
    """(B, C, T) levels of values with Schmitt's trigger: a level stays until the value is more
    than half a level and ``hold`` away from it; then it is the nearest."""
    levels = torch.empty_like(values)
    nearest = values.round().clamp(-reach, reach)
    now = nearest[..., 0]
    for t in range(values.shape[-1]):
        leaves = (values[..., t] - now).abs() > 0.5 + hold
        now = torch.where(leaves, nearest[..., t], now)
        levels[..., t] = now
    return levels


def changes(levels: Tensor) -> Tensor:
    """How many levels change from a frame to the next, a scalar."""
    return (levels[..., 1:] != levels[..., :-1]).sum()


class SlowCodec(LatentCodec):
    """``slow`` channels of 2 ``reach`` + 1 levels. ``events``: changes a second, over all channels,
    that training steers to."""

    kind = "slow"
    weight: Tensor

    def __init__(
        self,
        sample_rate: int = 16_000,
        channels: int = 1,
        filters: int = 16,
        strides: Sequence[int] = (2, 4, 5),
        slow: int = 4,
        reach: int = 7,
        events: float = 75.0,
        units: int = 3,
    ):
        super().__init__()
        self.sample_rate, self.channels, self.hop = sample_rate, channels, math.prod(strides)
        self.events, self.reach = events, reach
        net = Seanet(channels, filters, strides, units, unit_kernel=7, squeeze=1)
        self.encoder, self.decoder = net.encoder(slow), net.decoder(slow)
        self.quantizer = Rounding(slow, reach)
        self.sizes = self.quantizer.sizes
        self.margin = None  # a level may have been held for long
        self.register_buffer("weight", torch.ones(()))

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        return self.decoder[-1].conv.parametrizations.weight.original1  # type: ignore[union-attr]

    def analyse(self, audio: Tensor) -> Tensor:
        """As ``LatentCodec.analyse``: values in levels."""
        return run(self.encoder, audio)

    def synthesise(self, latents: Tensor) -> Tensor:
        """As ``LatentCodec.synthesise``."""
        return run(self.decoder, latents)

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """As ``Codec.encode``, with held levels."""
        levels = held(self.analyse(self.padded(audio)), self.reach)
        return (levels[:, :books] + self.reach).long()

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``. Terms: ``slowness``, the norm over channels of the change from a
        frame to the next, times a weight that is steered to ``events``; ``reach``, how far values
        are beyond the last level. Used in evaluation, it holds levels as ``encode`` does."""
        values = self.analyse(self.padded(audio))
        quantised = self._rounded(values) if quantise else None
        if self.training and quantised is not None:
            self._steer(quantised.indices)
        steps = values[..., 1:] - values[..., :-1]
        slowness = (steps**2).sum(1).add(1e-8).sqrt().mean() if steps.numel() else values.sum() * 0
        beyond = (values.abs() - self.reach - 0.5).clamp_min(0).mean()
        terms = {"slowness": self.weight * slowness, "reach": beyond}
        rounded = values if quantised is None else quantised.values
        return Coded(cut(self.synthesise(rounded), audio.shape[-1]), quantised, terms)

    def _rounded(self, values: Tensor) -> Quantised:
        if self.training:
            return self.quantizer(values)
        levels = held(values, self.reach)
        return Quantised(levels, (levels + self.reach).long(), {}, self.sizes)

    @torch.no_grad()
    def _steer(self, indices: Tensor) -> None:
        """Makes the penalty heavier where more changes than asked for, else lighter."""
        seconds = len(indices) * indices.shape[-1] / self.frame_rate
        rate = changes(indices) / seconds
        self.weight.mul_(torch.where(rate > self.events, STEER, 1 / STEER))
