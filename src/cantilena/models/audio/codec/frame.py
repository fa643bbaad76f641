"""The frame-rate codec: a transform into frames, ConvNeXt over them, a quantizer, and back.

Knows its network; does not know its training. No layer works on samples, so that a step of training
costs a fraction of a SEANet's: at equal CPU time it hears four to seven times as much. Two
transforms: "mdct", whose coefficients are regressed as they are, phase and all, and "stft", with
magnitudes and phases as in Vocos (Siuzdak 2023).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import InputError, UnknownNameError
from cantilena.models.audio.codec.base import LatentCodec
from cantilena.models.audio.codec.convnext import Trunk
from cantilena.models.audio.codec.transforms import Mdct, Stft
from cantilena.models.audio.quantize import quantizer as make_quantizer

TRANSFORMS = ("mdct", "stft")
TINY = 1e-4
"""Magnitude (full scale being 1) below which a coefficient's logarithm falls no further: -80 dB."""
POWER = 0.4
"""To which the network sees signed coefficients raised: soft ones stand out beside loud ones."""
LOUDEST = 6.0
"""Limit of the natural logarithm of a coefficient's size, past all that full scale gives."""


class FrameNet(nn.Module):
    """Sound to (B, latent, T) and (B, inner, T) to sound. ``width``, ``hidden``: of the ConvNeXt
    blocks, ``encoder_layers`` of them before and ``decoder_layers`` behind."""

    def __init__(
        self,
        channels: int,
        hop: int,
        transform: str,
        width: int,
        hidden: int,
        encoder_layers: int,
        decoder_layers: int,
        latent: int,
        inner: int,
    ):
        super().__init__()
        if transform not in TRANSFORMS:
            raise UnknownNameError("transform", transform, TRANSFORMS)
        self.channels = channels
        self.transform = Mdct(hop) if transform == "mdct" else Stft(4 * hop, hop)
        bins = hop if transform == "mdct" else 2 * hop + 1
        features = bins * channels * (2 if transform == "mdct" else 3)
        self.encoder = Trunk(features, width, hidden, encoder_layers, latent)
        self.decoder = Trunk(inner, width, hidden, decoder_layers, 2 * bins * channels)
        lap = 1 if transform == "mdct" else 2
        self.margin = max(self.encoder.margin, self.decoder.margin) + lap

    def analyse(self, audio: Tensor) -> Tensor:
        """(B, latent, T) of (B, C, T * hop) sound."""
        if audio.shape[1] != self.channels:
            raise InputError(f"the codec takes {self.channels} channels, not {audio.shape[1]}")
        with torch.autocast(audio.device.type, enabled=False):
            frames = self.transform(audio.flatten(0, 1).float())
        if isinstance(self.transform, Mdct):
            sizes = frames.abs()
            parts = [frames.sign() * sizes**POWER, _log(sizes)]
        else:
            sizes = frames.abs().clamp_min(1e-8)
            parts = [_log(sizes), frames.real / sizes, frames.imag / sizes]
        features = torch.cat(parts, 1).unflatten(0, (-1, self.channels)).flatten(1, 2)
        return self.encoder(features)

    def synthesise(self, latents: Tensor) -> Tensor:
        """(B, C, T * hop) sound of (B, inner, T)."""
        outputs = self.decoder(latents).float()
        outputs = outputs.unflatten(1, (self.channels, -1)).flatten(0, 1)
        first, second = outputs.chunk(2, 1)
        with torch.autocast(outputs.device.type, enabled=False):
            sizes = second.clamp_max(LOUDEST).exp()
            if isinstance(self.transform, Mdct):
                samples = self.transform.inverse(first.tanh() * sizes)
            else:
                samples = self.transform.inverse(torch.polar(sizes, first))
        return samples.unflatten(0, (-1, self.channels))


class FrameCodec(LatentCodec):
    """Sound at ``sample_rate`` Hz in frames of ``hop`` samples, over ``latent`` dimensions, which
    are normed without weights where ``norm`` is set: without, an MDCT codec's books fell to three
    codes in use. The rest as in ``FrameNet``."""

    kind = "frame"

    def __init__(
        self,
        sample_rate: int = 16_000,
        channels: int = 1,
        hop: int = 320,
        transform: str = "mdct",
        width: int = 256,
        hidden: int = 768,
        encoder_layers: int = 3,
        decoder_layers: int = 5,
        latent: int = 128,
        norm: bool = True,
        quantizer: str = "residual",
        quantizer_options: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.sample_rate, self.channels, self.hop = sample_rate, channels, hop
        self.norm = norm
        sizes = (channels, hop, transform, width, hidden, encoder_layers, decoder_layers)
        self.net = FrameNet(*sizes, latent, latent)
        self.quantizer = make_quantizer(quantizer, latent, **(quantizer_options or {}))
        self.sizes = tuple(self.quantizer.sizes)
        self.margin = self.net.margin

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        weight: Any = self.net.decoder.end.weight
        return weight

    def analyse(self, audio: Tensor) -> Tensor:
        """As ``LatentCodec.analyse``."""
        latents = self.net.analyse(audio)
        if not self.norm:
            return latents
        return F.layer_norm(latents.transpose(1, 2), latents.shape[1:2]).transpose(1, 2)

    def synthesise(self, latents: Tensor) -> Tensor:
        """As ``LatentCodec.synthesise``."""
        return self.net.synthesise(latents)


def _log(sizes: Tensor) -> Tensor:
    """Logarithms of magnitudes, scaled to about -1 to 1 for what music has."""
    return (sizes + TINY).log() / 5 + 1
