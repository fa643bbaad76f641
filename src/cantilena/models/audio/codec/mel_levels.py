"""Mel bands as codes of levels that depend on each other, the coarsest tied to phonemes
(KaraSinger, Liao et al. 2022).

Knows its network, and logits of phonemes by coarse frame; does not know words, nor the loss by
which logits learn (``models.audio.ctc``). Frames of the levels are 1, 2 and 4 in one of the
coarsest: its column holds T M M B B B B. As in VQ-VAE-2 a level is quantised with what the coarser
ones say beside it, and the decoder hears all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import InputError
from cantilena.models.audio.codec.base import Coded, cut
from cantilena.models.audio.codec.convnext import Block, Trunk
from cantilena.models.audio.codec.levels import Levels, rolled, together
from cantilena.models.audio.codec.mel import BandSound
from cantilena.models.audio.quantize import Quantised
from cantilena.models.audio.quantize import quantizer as make_quantizer

STEP = 2
"""Frames of a level in one of the next coarser."""


class _Blocks(nn.Module):
    """(B, D, T) of the same through ConvNeXt blocks."""

    def __init__(self, width: int, hidden: int, layers: int):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, hidden, 1 / layers) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return x.transpose(1, 2)


def longer(x: Tensor, times: int) -> Tensor:
    """(B, D, T * times): each frame so many times."""
    return x.repeat_interleave(times, -1)


class MelLevelsCodec(BandSound, Levels):
    """One channel of ``bands`` mel bands in frames of ``step`` samples, which are the finest
    level's; ``levels`` of them, each of frames twice as long. ``phonemes``: what the coarsest
    frames' logits are of, behind "none" (number 0); without any there are no logits."""

    kind = "mel-levels"
    bank: Tensor

    def __init__(
        self,
        sample_rate: int = 16_000,
        step: int = 256,
        fft: int = 1024,
        bands: int = 80,
        iterations: int = 16,
        levels: int = 3,
        width: int = 96,
        hidden: int = 256,
        encoder_layers: int = 2,
        decoder_layers: int = 3,
        latent: int = 64,
        phonemes: Sequence[str] = (),
        quantizer: str = "ema",
        quantizer_options: dict[str, Any] | None = None,
    ):
        super().__init__()
        if levels < 1 or min(encoder_layers, decoder_layers) < 1:
            raise InputError("a codec of levels has one or more, and layers in each")
        if len(set(phonemes)) < len(phonemes):
            raise InputError("a phoneme is named twice")
        self._set_bands(sample_rate, fft, step, bands, iterations)
        self.rates = tuple(STEP**i for i in range(levels))
        self.hop, self.phonemes = step * self.rates[-1], tuple(phonemes)
        self.encoder = Trunk(bands, width, hidden, encoder_layers, width)
        self.downs = nn.ModuleList(
            nn.Sequential(nn.Conv1d(width, width, STEP, STEP), _Blocks(width, hidden, 1))
            for _ in range(levels - 1)
        )
        # of level i: features, and the codes of the i levels above it
        self.latents = nn.ModuleList(
            nn.Conv1d(width + i * latent, latent, 1) for i in range(levels)
        )
        options = {"size": 256, **(quantizer_options or {})}
        self.quantizers = nn.ModuleList(
            make_quantizer(quantizer, latent, **options) for _ in range(levels)
        )
        self.decoder = Trunk(levels * latent, width, hidden, decoder_layers, bands)
        self.head = nn.Conv1d(latent, len(self.phonemes) + 1, 1) if self.phonemes else None
        self.latent, self.margin = latent, None
        self._set_sizes()

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        weight: Any = self.decoder.end.weight
        return weight

    def _levels(self, bands: Tensor, quantise: bool = True) -> tuple[list[Tensor], list[Quantised]]:
        """Values of each level, the coarsest first, and what was quantised."""
        features = [self.encoder(bands)]
        for down in self.downs:
            features.insert(0, down(features[0]))
        values: list[Tensor] = []
        parts: list[Quantised] = []
        for i, (own, rate) in enumerate(zip(features, self.rates, strict=True)):
            above = [longer(v, rate // r) for v, r in zip(values, self.rates[:i], strict=True)]
            x = self.latents[i](torch.cat([own, *above], 1))
            x = F.layer_norm(x.transpose(1, 2), x.shape[1:2]).transpose(1, 2)
            if quantise:
                parts.append(self.quantizers[i](x))
                x = parts[-1].values
            values.append(x)
        return values, parts

    def top_latents(self, audio: Tensor) -> Tensor:
        """As ``Levels.top_latents``."""
        return self._levels(self._bands(audio), False)[0][0]

    def _decoded(self, values: Sequence[Tensor]) -> Tensor:
        """Bands of each level's values."""
        last = self.rates[-1]
        pairs = zip(values, self.rates, strict=True)
        return self.decoder(torch.cat([longer(v, last // r) for v, r in pairs], 1))

    def _quantised(self, audio: Tensor) -> Quantised:
        return together(self._levels(self._bands(audio))[1], self.rates)

    def values(self, codes: Tensor) -> list[Tensor]:
        """(B, latent, T * rate) of each level of codes (B, k, T); zeros for a level that is not
        there whole."""
        self.check_codes(codes)
        out = []
        for part, q, rate in zip(self._split(codes), self.quantizers, self.rates, strict=True):
            if part.shape[1] == q.books * rate:
                out.append(q.decode(rolled(part, rate)))
            else:
                shape = (len(codes), self.latent, codes.shape[-1] * rate)
                out.append(self.decoder.end.weight.new_zeros(shape))
        return out

    def logits(self, codes: Tensor) -> Tensor:
        """(B, T, phonemes + 1) of the coarsest codes in (B, k, T). Raises InputError where the
        codec knows no phonemes."""
        if self.head is None:
            raise InputError("this codec was trained without phonemes")
        return self.head(self.values(codes)[0]).transpose(1, 2)

    def bands_of(self, codes: Tensor) -> Tensor:
        """(B, bands, T * finest rate) as the decoder makes them of codes (B, k, T)."""
        return self._decoded(self.values(codes))

    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """As ``Codec.decode``."""
        return cut(self._sound(self.bands_of(codes)), length)

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``; in training without sound, all books being used. Terms: ``bands``,
        the mean absolute difference of log10 bands. ``labels``: logits of phonemes."""
        target = self._bands(self.padded(audio))
        values, parts = self._levels(target, quantise)
        output = self._decoded(values)
        terms = {"bands": self.in_log10 * (output.float() - target).abs().mean()}
        labels = None if self.head is None else self.head(values[0]).transpose(1, 2)
        sound = None if self.training else cut(self._sound(output), audio.shape[-1])
        quantised = together(parts, self.rates) if quantise else None
        return Coded(sound, quantised, terms, labels=labels)
