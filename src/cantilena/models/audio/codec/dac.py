"""DAC, the Descript Audio Codec (Kumar 2023): snakes, factorised codes, convolutions over samples.

Knows its network; does not know its training. The layers are, in their order, those of the
published weights. Where a stride is odd the published decoder loses samples; here its transposed
convolution pads its output, so that what comes out is as long as what went in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from cantilena.models.audio.codec.base import LatentCodec
from cantilena.models.audio.quantize import quantizer as make_quantizer

DILATIONS = (1, 3, 9)


class Snake(nn.Module):
    """x + sin^2(a x) / a, with an ``alpha`` for each channel (Ziyin 2020)."""

    def __init__(self, width: int):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, T) of the same."""
        return x + torch.sin(self.alpha * x) ** 2 / (self.alpha + 1e-9)


def _conv(inputs: int, outputs: int, kernel: int, **settings: Any) -> nn.Module:
    return weight_norm(nn.Conv1d(inputs, outputs, kernel, **settings))


class Unit(nn.Sequential):
    """A residual unit of two snakes and convolutions of 7 and 1."""

    def __init__(self, width: int, dilation: int):
        wide = _conv(width, width, 7, dilation=dilation, padding=3 * dilation)
        super().__init__(Snake(width), wide, Snake(width), _conv(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(B, width, T) of the same."""
        return x + super().forward(x)


def encoder(filters: int, strides: Sequence[int], latent: int) -> nn.Sequential:
    """(B, 1, N) to (B, latent, N / product of strides)."""
    width, layers = filters, [_conv(1, filters, 7, padding=3)]
    for stride in strides:
        layers += [Unit(width, dilation) for dilation in DILATIONS]
        layers += [Snake(width)]
        pad = math.ceil(stride / 2)
        layers += [_conv(width, 2 * width, 2 * stride, stride=stride, padding=pad)]
        width *= 2
    return nn.Sequential(*layers, Snake(width), _conv(width, latent, 3, padding=1))


def decoder(width: int, strides: Sequence[int], latent: int) -> nn.Sequential:
    """The way back from ``width`` channels, which each stride halves."""
    layers: list[nn.Module] = [_conv(latent, width, 7, padding=3)]
    for stride in reversed(strides):
        up = nn.ConvTranspose1d(
            width,
            width // 2,
            2 * stride,
            stride,
            padding=math.ceil(stride / 2),
            output_padding=stride % 2,
        )
        layers += [Snake(width), weight_norm(up)]
        width //= 2
        layers += [Unit(width, dilation) for dilation in DILATIONS]
    return nn.Sequential(*layers, Snake(width), _conv(width, 1, 7, padding=3), nn.Tanh())


class DacCodec(LatentCodec):
    """``filters``: channels of the encoder before its strides, each of which doubles them;
    ``decoder_width``: channels of the decoder behind its first convolution. Published: 64 and
    1536."""

    kind = "dac"

    def __init__(
        self,
        sample_rate: int = 16_000,
        filters: int = 16,
        decoder_width: int = 256,
        strides: Sequence[int] = (2, 4, 5, 8),
        latent: int = 128,
        quantizer: str = "residual-factorised",
        quantizer_options: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.sample_rate, self.channels, self.hop = sample_rate, 1, math.prod(strides)
        self.encoder = encoder(filters, strides, latent)
        self.decoder = decoder(decoder_width, strides, latent)
        self.quantizer = make_quantizer(quantizer, latent, **(quantizer_options or {}))
        self.sizes = tuple(self.quantizer.sizes)
        self.margin = self._margin()

    def _margin(self) -> int:
        """Frames on either side that reach a frame."""
        scale, reach = 1, 0
        for module in self.encoder.modules():
            if isinstance(module, nn.Conv1d):
                reach += scale * module.dilation[0] * (module.kernel_size[0] - 1)
                scale *= module.stride[0]
        scale, back = self.hop, 0
        for module in self.decoder.modules():
            if isinstance(module, nn.ConvTranspose1d):
                back += 2 * scale
                scale //= module.stride[0]
            elif isinstance(module, nn.Conv1d):
                back += scale * module.dilation[0] * (module.kernel_size[0] - 1)
        return -(-max(reach, back) // self.hop)

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        conv: Any = self.decoder[-2]
        return conv.parametrizations.weight.original1

    def analyse(self, audio: Tensor) -> Tensor:
        """As ``LatentCodec.analyse``."""
        return self.encoder(audio)

    def synthesise(self, latents: Tensor) -> Tensor:
        """As ``LatentCodec.synthesise``."""
        return self.decoder(latents)
