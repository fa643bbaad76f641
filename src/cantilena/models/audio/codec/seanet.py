"""SEANet, the network of SoundStream and EnCodec: strided convolutions over samples, causal or not.

Knows its network and how it is streamed; does not know its training. With EnCodec's settings the
layers are, in their order, those of its published weights. Each layer takes a ``state``, a
dictionary in which it keeps what it has to know of the sound before; sound that comes in parts with
one state gives what it gives whole, as far as the network is causal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from cantilena.errors import InputError
from cantilena.models.audio.codec.base import LatentCodec
from cantilena.models.audio.quantize import quantizer as make_quantizer

State = dict[nn.Module, Any]


class Conv(nn.Module):
    """A convolution that gives as many frames as strides fit into its input, rounded up. Causal, it
    sees what is before; otherwise what is padded stands on both sides. ``pad``: "constant" (zeros)
    or "reflect"; only with zeros does a stream begin as the whole does."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        causal: bool = True,
        pad: str = "constant",
    ):
        super().__init__()
        self.conv = weight_norm(nn.Conv1d(inputs, outputs, kernel, stride, dilation=dilation))
        self.span = (kernel - 1) * dilation + 1
        self.stride, self.causal, self.pad = stride, causal, pad

    def forward(self, x: Tensor, state: State | None = None) -> Tensor:
        """(B, outputs, T / stride) of (B, inputs, T)."""
        around = self.span - self.stride
        if state is not None:
            before = state.get(self)
            x = F.pad(x, (around, 0)) if before is None else torch.cat([before, x], -1)
            state[self] = x[..., x.shape[-1] - around :]
            return self.conv(x)
        extra = -x.shape[-1] % self.stride
        right = 0 if self.causal else around // 2
        return self.conv(self._padded(x, around - right, right + extra))

    def _padded(self, x: Tensor, left: int, right: int) -> Tensor:
        if self.pad != "reflect":
            return F.pad(x, (left, right))
        short = max(0, max(left, right) - x.shape[-1] + 1)  # a reflection needs more than it adds
        padded = F.pad(F.pad(x, (0, short)), (left, right), mode="reflect")
        return padded[..., : padded.shape[-1] - short]


class ConvTransposed(nn.Module):
    """The way back: ``stride`` frames of each; what reaches beyond is cut off behind, or, where it
    is not causal, on both sides."""

    def __init__(self, inputs: int, outputs: int, stride: int, causal: bool = True):
        super().__init__()
        self.conv = weight_norm(nn.ConvTranspose1d(inputs, outputs, 2 * stride, stride))
        self.stride, self.causal = stride, causal

    def forward(self, x: Tensor, state: State | None = None) -> Tensor:
        """(B, outputs, T * stride) of (B, inputs, T)."""
        y: Tensor = self.conv(x)
        if state is not None:
            tail = state.get(self)
            if tail is not None:
                lap = y[..., : self.stride] + tail
                y = torch.cat([lap, y[..., self.stride :]], -1)
            bias: Any = self.conv.bias
            rest = y[..., -self.stride :]
            state[self] = rest if bias is None else rest - bias[:, None]
            return y[..., : -self.stride]
        right = self.stride if self.causal else self.stride // 2
        left = self.stride - right
        return y[..., left : y.shape[-1] - right]


class Unit(nn.Module):
    """A residual unit: ELU and convolutions of ``kernel`` and 1, over fewer channels inside."""

    def __init__(
        self, width: int, kernel: int, dilation: int, squeeze: int, shortcut: bool, **how: Any
    ):
        super().__init__()
        inner = width // squeeze
        first = Conv(width, inner, kernel, dilation=dilation, **how)
        self.block = nn.ModuleList([nn.ELU(), first, nn.ELU(), Conv(inner, width, 1, **how)])
        self.shortcut = Conv(width, width, 1, **how) if shortcut else None

    def forward(self, x: Tensor, state: State | None = None) -> Tensor:
        """(B, width, T) of the same."""
        return run(self.block, x, state) + (x if self.shortcut is None else self.shortcut(x, state))


class Recurrent(nn.Module):
    """An LSTM of some layers, its input added."""

    def __init__(self, width: int, layers: int):
        super().__init__()
        self.lstm = nn.LSTM(width, width, layers)

    def forward(self, x: Tensor, state: State | None = None) -> Tensor:
        """(B, width, T) of the same."""
        rows = x.permute(2, 0, 1)
        out, after = self.lstm(rows, None if state is None else state.get(self))
        if state is not None:
            state[self] = after
        return (out + rows).permute(1, 2, 0)


def run(layers: Any, x: Tensor, state: State | None = None) -> Tensor:
    """``x`` (B, width, T) through all layers, those of ELU having no state."""
    for layer in layers:
        x = layer(x) if isinstance(layer, nn.ELU) else layer(x, state)
    return x


@dataclass(frozen=True)
class Seanet:
    """The network of an encoder and its decoder, which mirrors it: ``channels`` of the sound,
    ``filters`` behind the first convolution, twice as many behind each of the encoder's
    ``strides``, and before those ``units`` residual units, dilated by powers of ``growth``;
    ``lstm``: layers of the LSTM, 0 for none. ``kernel``, ``last`` and ``unit_kernel``: of the first
    and the last convolution and of the units; ``squeeze``, ``shortcut``: as in ``Unit``;
    ``causal``, ``pad``: as in ``Conv``."""

    channels: int
    filters: int
    strides: Sequence[int]
    units: int
    growth: int = 3
    lstm: int = 0
    kernel: int = 7
    last: int = 7
    unit_kernel: int = 3
    squeeze: int = 2
    shortcut: bool = False
    causal: bool = False
    pad: str = "constant"

    @property
    def width(self) -> int:
        """Channels behind all strides."""
        return self.filters * 2 ** len(self.strides)

    def encoder(self, latent: int) -> nn.ModuleList:
        """(B, channels, N) to (B, latent, N / product of strides)."""
        layers: list[nn.Module] = [self._conv(self.channels, self.filters, self.kernel)]
        width = self.filters
        for stride in self.strides:
            layers += self._units(width)
            layers += [nn.ELU(), self._conv(width, 2 * width, 2 * stride, stride)]
            width *= 2
        layers += self._recurrent()
        return nn.ModuleList([*layers, nn.ELU(), self._conv(width, latent, self.last)])

    def decoder(self, latent: int) -> nn.ModuleList:
        """(B, latent, T) to (B, channels, T * product of strides)."""
        width = self.width
        layers: list[nn.Module] = [self._conv(latent, width, self.kernel), *self._recurrent()]
        for stride in reversed(self.strides):
            layers += [nn.ELU(), ConvTransposed(width, width // 2, stride, self.causal)]
            width //= 2
            layers += self._units(width)
        return nn.ModuleList([*layers, nn.ELU(), self._conv(width, self.channels, self.last)])

    def _conv(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> Conv:
        return Conv(inputs, outputs, kernel, stride, causal=self.causal, pad=self.pad)

    def _units(self, width: int) -> list[nn.Module]:
        unit = partial(Unit, width, self.unit_kernel, squeeze=self.squeeze, shortcut=self.shortcut)
        how = {"causal": self.causal, "pad": self.pad}
        return [unit(dilation=self.growth**i, **how) for i in range(self.units)]

    def _recurrent(self) -> list[nn.Module]:
        return [Recurrent(self.width, self.lstm)] if self.lstm else []


class SeanetCodec(LatentCodec):
    """SoundStream's and EnCodec's codec. ``strides``: the encoder's, their product is the hop;
    ``units`` residual units a stride with dilations of powers of ``growth``; ``lstm``: layers of
    the LSTM, 0 for none. SoundStream: three units, growth 3, kernel 7, no LSTM; EnCodec: one unit,
    growth 2, kernel 3, an LSTM of 2 layers, a squeeze of 2."""

    kind = "seanet"

    def __init__(
        self,
        sample_rate: int = 16_000,
        channels: int = 1,
        filters: int = 16,
        strides: Sequence[int] = (2, 4, 5, 8),
        latent: int = 128,
        units: int = 1,
        growth: int = 2,
        lstm: int = 2,
        kernel: int = 7,
        last_kernel: int = 7,
        unit_kernel: int = 3,
        squeeze: int = 2,
        shortcut: bool = False,
        causal: bool = True,
        pad: str = "constant",
        quantizer: str = "residual",
        quantizer_options: dict[str, Any] | None = None,
    ):
        super().__init__()
        if pad not in ("constant", "reflect"):
            raise InputError(f"pad must be constant or reflect, not {pad!r}")
        self.sample_rate, self.channels, self.hop = sample_rate, channels, math.prod(strides)
        self.causal, self.pad = causal, pad
        net = Seanet(
            channels,
            filters,
            strides,
            units,
            growth,
            lstm,
            kernel,
            last_kernel,
            unit_kernel,
            squeeze,
            shortcut,
            causal,
            pad,
        )
        self.encoder, self.decoder = net.encoder(latent), net.decoder(latent)
        self.quantizer = make_quantizer(quantizer, latent, **(quantizer_options or {}))
        self.sizes = tuple(self.quantizer.sizes)
        self.margin = None if lstm else self._margin()

    def _margin(self) -> int:
        """Frames that reach a frame, from all spans of the encoder's or the decoder's layers."""
        scale, reach = 1, 0
        for module in self.encoder.modules():
            if isinstance(module, Conv):
                reach += scale * module.span
                scale *= module.stride
        scale, back = self.hop, 0
        for module in self.decoder.modules():
            if isinstance(module, ConvTransposed):
                back += 2 * scale
                scale //= module.stride
            elif isinstance(module, Conv):
                back += scale * module.span
        return -(-max(reach, back) // self.hop)

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        conv: Any = self.decoder[-1]
        return conv.conv.parametrizations.weight.original1

    def analyse(self, audio: Tensor) -> Tensor:
        """As ``LatentCodec.analyse``."""
        return run(self.encoder, audio)

    def synthesise(self, latents: Tensor) -> Tensor:
        """As ``LatentCodec.synthesise``."""
        return run(self.decoder, latents)

    # ------------------------------------------------------------------ streams

    def _check_stream(self) -> None:
        if not self.causal or self.pad != "constant":
            raise InputError("only a causal codec that pads with zeros can be streamed")

    def encode_stream(self, parts: Iterator[Tensor], books: int | None = None) -> Iterator[Tensor]:
        """Codes of sound as it comes, in parts (B, C, n) of any length; the last frame is filled
        with silence. Together they are those of the whole. Raises InputError for a codec that is
        not causal."""
        self._check_stream()
        state: State = {}
        rest: Tensor | None = None
        for part in parts:
            sound = part if rest is None else torch.cat([rest, part], -1)
            whole = sound.shape[-1] // self.hop * self.hop
            rest = sound[..., whole:]
            if whole:
                latents = run(self.encoder, sound[..., :whole], state)
                yield self.quantizer(latents, books).indices
        if rest is not None and rest.shape[-1]:
            latents = run(self.encoder, self.padded(rest), state)
            yield self.quantizer(latents, books).indices

    def decode_stream(self, parts: Iterator[Tensor]) -> Iterator[Tensor]:
        """Sound (B, C, n * hop) of codes (B, k, n) as they come. Raises InputError for a codec that
        is not causal."""
        self._check_stream()
        state: State = {}
        for codes in parts:
            self.check_codes(codes)
            yield run(self.decoder, self.quantizer.decode(codes), state)
