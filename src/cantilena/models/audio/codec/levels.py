"""Codecs of several levels, each with frames of its own rate: VQ-VAE-2 and Jukebox's.

Knows networks and how codes of unequal rates stand in one matrix; does not know training. A frame
is the coarsest level's: its column holds that level's codes, then those of the next level's frames
in it, in time, and so on: T M M B B B B for rates of 1, 2 and 4. The first rows are the coarse
levels, which alone can be decoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import InputError
from cantilena.models.audio.codec.base import Codec, Coded, cut
from cantilena.models.audio.codec.seanet import Conv, ConvTransposed, Seanet, run
from cantilena.models.audio.quantize import Quantised
from cantilena.models.audio.quantize import quantizer as make_quantizer


def unrolled(codes: Tensor, rate: int) -> Tensor:
    """(B, rate * K, T) of (B, K, T * rate) codes: the frames within a coarse one, in time, with
    all books of each."""
    parted = codes.unflatten(-1, (-1, rate))  # (B, K, T, rate)
    return parted.permute(0, 3, 1, 2).flatten(1, 2)


def rolled(codes: Tensor, rate: int) -> Tensor:
    """(B, K, T * rate) of (B, rate * K, T) codes."""
    return codes.unflatten(1, (rate, -1)).permute(0, 2, 3, 1).flatten(-2)


def together(parts: Sequence[Quantised], rates: Sequence[int]) -> Quantised:
    """What several levels gave as one; values are the finest level's, losses are named after their
    level."""
    indices = [unrolled(p.indices, rate) for p, rate in zip(parts, rates, strict=True)]
    sizes = [p.sizes * rate for p, rate in zip(parts, rates, strict=True)]
    losses = {f"{name}/{i}": v for i, p in enumerate(parts) for name, v in p.losses.items()}
    return Quantised(parts[-1].values, torch.cat(indices, 1), losses, sum(sizes, ()))


class Levels(Codec):
    """What both have: ``quantizers`` from the coarsest level on, and ``rates``, frames of each in
    one of the coarsest."""

    quantizers: Any  # an nn.ModuleList of Quantizers, which pyright takes for any modules
    rates: tuple[int, ...]

    def _set_sizes(self) -> None:
        pairs = zip(self.quantizers, self.rates, strict=True)
        self.sizes = tuple(size for q, rate in pairs for size in tuple(q.sizes) * rate)

    def _split(self, codes: Tensor) -> list[Tensor]:
        """The rows of each level that are there, still unrolled."""
        counts = [q.books * r for q, r in zip(self.quantizers, self.rates, strict=True)]
        parts, first = [], 0
        for count in counts:
            parts.append(codes[:, first : first + count])
            first += count
        return parts

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """As ``Codec.encode``."""
        quantised = self._quantised(self.padded(audio))
        return quantised.indices[:, :books]

    def top_latents(self, audio: Tensor) -> Tensor:
        """(B, D, T) latents of the coarsest level, not quantised, of (B, C, T * hop) sound."""
        raise NotImplementedError

    def _quantised(self, audio: Tensor) -> Quantised:
        raise NotImplementedError


class Vqvae2Codec(Levels):
    """VQ-VAE-2 (Razavi 2019) in one dimension. The bottom's frames are of as many samples as the
    product of ``strides``, the top's ``step`` times as long. The top is quantised first, and what
    it says is put beside the bottom's features before these are quantised; the decoder hears
    both. Where the bottom's codes are left out, its part is silent."""

    kind = "vqvae2"

    def __init__(
        self,
        sample_rate: int = 16_000,
        channels: int = 1,
        filters: int = 16,
        strides: Sequence[int] = (2, 4, 4, 5),
        step: int = 2,
        latent: int = 64,
        units: int = 2,
        quantizer: str = "ema",
        quantizer_options: dict[str, Any] | None = None,
    ):
        super().__init__()
        if step < 2:
            raise InputError(f"the top's frames must be 2 or more of the bottom's long, not {step}")
        self.sample_rate, self.channels = sample_rate, channels
        self.hop, self.rates = math.prod(strides) * step, (1, step)
        net = Seanet(channels, filters, strides, units)
        width = net.width
        self.bottom = net.encoder(width)
        self.top = nn.Sequential(
            nn.ELU(), Conv(width, width, 2 * step, step, causal=False), nn.ELU()
        )
        self.top_latent = nn.Conv1d(width, latent, 1)
        self.down = nn.Sequential(Conv(latent, width, 3, causal=False), nn.ELU())
        self.down_up = ConvTransposed(width, width, step, causal=False)
        self.bottom_latent = nn.Conv1d(2 * width, latent, 1)
        self.up = ConvTransposed(latent, latent, step, causal=False)
        self.decoder = net.decoder(2 * latent)
        options = quantizer_options or {}
        self.quantizers = nn.ModuleList(make_quantizer(quantizer, latent, **options) for _ in "12")
        self.margin = None
        self._set_sizes()

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        conv: Any = self.decoder[-1]
        return conv.conv.parametrizations.weight.original1

    def _both(
        self, audio: Tensor, quantise: bool = True
    ) -> tuple[Tensor, Tensor, Quantised | None]:
        """Values of top and bottom, and what was quantised."""
        features = run(self.bottom, audio)
        top = self.top_latent(self.top(features))
        parts = [self.quantizers[0](top)] if quantise else []
        if quantise:
            top = parts[0].values
        upper = self.down_up(self.down(top))
        bottom = self.bottom_latent(torch.cat([features, upper], 1))
        if quantise:
            parts.append(self.quantizers[1](bottom))
            return top, parts[1].values, together(parts, self.rates)
        return top, bottom, None

    def top_latents(self, audio: Tensor) -> Tensor:
        """As ``Levels.top_latents``."""
        return self._both(audio, False)[0]

    def _quantised(self, audio: Tensor) -> Quantised:
        quantised = self._both(audio, True)[2]
        assert quantised is not None
        return quantised

    def _sound(self, top: Tensor, bottom: Tensor) -> Tensor:
        return run(self.decoder, torch.cat([self.up(top), bottom], 1))

    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """As ``Codec.decode``."""
        self.check_codes(codes)
        first, second = self._split(codes)
        top, bottom = self.quantizers
        rate, books = self.rates[1], bottom.books
        values = top.decode(first)
        whole = second.shape[1] // books * books
        missing = rate * books - whole
        filled = F.pad(second[:, :whole], (0, 0, 0, missing))
        low = bottom.decode(rolled(filled, rate))
        there = torch.arange(rate, device=codes.device) < whole // books
        low = low * there.repeat(codes.shape[-1]).to(low.dtype)
        return cut(self._sound(values, low), length)

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``; all books are used."""
        top, bottom, quantised = self._both(self.padded(audio), quantise)
        return Coded(cut(self._sound(top, bottom), audio.shape[-1]), quantised)


class JukeboxLevel(nn.Module):
    """One of Jukebox's VQ-VAEs: ``downs`` halvings with ``depth`` dilated residual layers behind
    each, and the way back."""

    def __init__(self, channels: int, width: int, depth: int, downs: int, latent: int):
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(downs):
            inputs = channels if i == 0 else width
            layers += [nn.Conv1d(inputs, width, 4, 2, 1), *_stack(width, depth)]
        self.encoder = nn.Sequential(*layers, nn.Conv1d(width, latent, 3, padding=1))
        layers = [nn.Conv1d(latent, width, 3, padding=1)]
        for i in range(downs):
            outputs = channels if i == downs - 1 else width
            layers += [*_stack(width, depth), nn.ConvTranspose1d(width, outputs, 4, 2, 1)]
        self.decoder = nn.Sequential(*layers)
        for conv in self.modules():
            if isinstance(conv, nn.Conv1d | nn.ConvTranspose1d):
                keep_size(conv)
        for layer in self.modules():
            if isinstance(layer, Dilated):
                nn.init.zeros_(layer.last.weight)


@torch.no_grad()
def keep_size(conv: nn.Conv1d | nn.ConvTranspose1d) -> None:
    """Random weights by which what comes out is about as large as what goes in, and no bias. By
    torch's own each layer makes its input smaller by the root of three and adds a bias: behind nine
    halvings latents are a constant, with a thirtieth of its size for the music, so that all of them
    are one code."""
    weight = conv.weight
    if isinstance(conv, nn.ConvTranspose1d):  # each sample hears so many frames of all inputs
        heard = weight.shape[0] * weight.shape[2] / conv.stride[0]
    else:
        heard = weight.shape[1] * weight.shape[2]
    nn.init.normal_(weight, std=heard**-0.5)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)


class Dilated(nn.Module):
    """x + conv 1 (conv 3, dilated (x)), each behind a rectifier; of a codec that is to be trained
    x alone, at first."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.net = nn.Sequential(nn.ReLU(), wide, nn.ReLU(), nn.Conv1d(width, width, 1))

    @property
    def last(self) -> nn.Conv1d:
        """The convolution whose output is added."""
        conv = self.net[-1]
        assert isinstance(conv, nn.Conv1d)
        return conv

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, T) of the same."""
        return x + self.net(x)


def _stack(width: int, depth: int) -> list[nn.Module]:
    return [Dilated(width, 3**i) for i in range(depth)]


class JukeboxCodec(Levels):
    """Jukebox's three VQ-VAEs (Dhariwal 2020), which know nothing of one another: each level's
    codes give sound alone, the finest that is there whole is heard. ``downs``: halvings of each
    level, from the finest; published are 3, 5 and 7 at 44.1 kHz."""

    kind = "jukebox"
    levels: Any

    def __init__(
        self,
        sample_rate: int = 16_000,
        channels: int = 1,
        width: int = 32,
        depth: int = 4,
        downs: Sequence[int] = (3, 5, 7),
        latent: int = 64,
        quantizer: str = "ema",
        quantizer_options: dict[str, Any] | None = None,
    ):
        super().__init__()
        if list(downs) != sorted(set(downs)) or not downs or downs[0] < 1:
            raise InputError(f"the levels' halvings must rise from 1, not {list(downs)}")
        self.sample_rate, self.channels = sample_rate, channels
        coarse = list(reversed(downs))
        self.hop, self.rates = 2 ** coarse[0], tuple(2 ** (coarse[0] - d) for d in coarse)
        self.levels = nn.ModuleList(
            JukeboxLevel(channels, width, depth, down, latent) for down in coarse
        )
        options = quantizer_options or {}
        self.quantizers = nn.ModuleList(
            make_quantizer(quantizer, latent, **options) for _ in coarse
        )
        self.margin = None
        self._set_sizes()

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``: of the finest level."""
        level: Any = self.levels[-1]
        return level.decoder[-1].weight

    def top_latents(self, audio: Tensor) -> Tensor:
        """As ``Levels.top_latents``."""
        level: Any = self.levels[0]
        return level.encoder(audio)

    def _quantised(self, audio: Tensor) -> Quantised:
        pairs = zip(self.levels, self.quantizers, strict=True)
        return together([q(level.encoder(audio)) for level, q in pairs], self.rates)

    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """As ``Codec.decode``."""
        self.check_codes(codes)
        split = self._split(codes)
        whole = [
            i
            for i, (part, q) in enumerate(zip(split, self.quantizers, strict=True))
            if part.shape[1] == q.books * self.rates[i]
        ]
        i = whole[-1] if whole else 0
        level: Any = self.levels[i]
        values = self.quantizers[i].decode(rolled(split[i], self.rates[i]))
        return cut(level.decoder(values), length)

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``; ``levels`` has the sound of the coarser ones."""
        padded, count = self.padded(audio), audio.shape[-1]
        parts, sounds = [], []
        for level, quantizer in zip(self.levels, self.quantizers, strict=True):
            values = level.encoder(padded)
            if quantise:
                parts.append(quantizer(values))
                values = parts[-1].values
            sounds.append(cut(level.decoder(values), count))
        quantised = together(parts, self.rates) if quantise else None
        return Coded(sounds[-1], quantised, {}, tuple(sounds[:-1]))
