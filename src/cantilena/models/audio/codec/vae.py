"""A continuous autoencoder (VAE) for latent diffusion: no codes, latents of about unit size.

Knows its network, its bottleneck and the scale of its latents; does not know diffusion or training.
The network is the frame-rate codec's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import InputError
from cantilena.models.audio.codec.base import Codec, Coded, cut
from cantilena.models.audio.codec.frame import FrameNet

DECAY = 0.99
"""Of the latents' mean and variance over steps of training."""


class VaeCodec(Codec):
    """Mean and scale of ``latent`` dimensions a frame; a sample of them is decoded in training,
    the mean otherwise. Buffers hold each dimension's mean and variance, so that ``latents`` are of
    mean 0 and variance 1: a diffusion's schedule fails silently on others."""

    kind = "vae"
    mean: Tensor
    variance: Tensor

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
        latent: int = 32,
    ):
        super().__init__()
        self.sample_rate, self.channels, self.hop = sample_rate, channels, hop
        self.latent = latent
        sizes = (channels, hop, transform, width, hidden, encoder_layers, decoder_layers)
        self.net = FrameNet(*sizes, 2 * latent, latent)
        self.margin = self.net.margin
        self.register_buffer("mean", torch.zeros(latent, 1))
        self.register_buffer("variance", torch.ones(latent, 1))

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        weight: Any = self.net.decoder.end.weight
        return weight

    def _bottleneck(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (B, D, T)."""
        mean, scale = self.net.analyse(self.padded(audio)).float().chunk(2, 1)
        return mean, F.softplus(scale) + 1e-4

    def latents(self, audio: Tensor) -> Tensor:
        """(B, D, T) of (B, C, N) sound, scaled to mean 0 and variance 1 over music."""
        return (self._bottleneck(audio)[0] - self.mean) / self.variance.sqrt()

    def sound(self, latents: Tensor, length: int | None = None) -> Tensor:
        """(B, C, N) of scaled latents (B, D, T)."""
        return cut(self.net.synthesise(latents * self.variance.sqrt() + self.mean), length)

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """Raises InputError: there are no codes."""
        raise InputError("the codec 'vae' has no codes: its latents are continuous")

    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """Raises InputError: there are no codes."""
        raise InputError("the codec 'vae' has no codes: its latents are continuous")

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``. Terms: ``kl``, the divergence from a standard normal in nats, as a
        mean over frames and dimensions."""
        mean, scale = self._bottleneck(audio)
        values = mean + scale * torch.randn_like(mean) if self.training else mean
        if self.training:
            self._follow(mean.detach())
        kl = 0.5 * (mean**2 + scale**2 - 1) - scale.log()
        sound = cut(self.net.synthesise(values), audio.shape[-1])
        return Coded(sound, None, {"kl": kl.mean()})

    @torch.no_grad()
    def _follow(self, mean: Tensor) -> None:
        flat = mean.transpose(0, 1).flatten(1)
        self.mean.lerp_(flat.mean(1, keepdim=True), 1 - DECAY)
        self.variance.lerp_(((flat - self.mean) ** 2).mean(1, keepdim=True), 1 - DECAY)
