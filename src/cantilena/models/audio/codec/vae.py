"""Continuous autoencoders (VAEs) for latent diffusion: no codes, latents of about unit size.

Knows their networks, the bottleneck and the scale of latents; does not know diffusion or training.
The networks are those of the frame-rate codec and of the mel codec.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import InputError
from cantilena.models.audio.codec.base import Codec, Coded, cut
from cantilena.models.audio.codec.convnext import Trunk
from cantilena.models.audio.codec.frame import FrameNet
from cantilena.models.audio.codec.mel import CENTRE, SPREAD
from cantilena.models.audio.codec.transforms import LogMel, griffin_lim, griffin_lim_pair

DECAY = 0.99
"""Of the latents' mean and variance over steps of training."""
STEEPNESS = 2.0
"""How much small differences of level between channels are raised for the network."""
MOST_APART = 3.5
"""Of raised differences: past what full scale beside silence gives."""
ALONE = 1 / 8
"""Of examples in training, those that are heard in the middle, or on one side alone."""


class LatentVae(Codec):
    """Mean and scale of ``latent`` dimensions a frame; a sample of them is decoded in training,
    the mean otherwise. Buffers hold each dimension's mean and variance, so that ``latents`` are of
    mean 0 and variance 1: a diffusion's schedule fails silently on others."""

    mean: Tensor
    variance: Tensor
    latent: int

    def scaled(self) -> None:
        """Makes the buffers; to be called once by ``__init__``."""
        self.register_buffer("mean", torch.zeros(self.latent, 1))
        self.register_buffer("variance", torch.ones(self.latent, 1))

    def analyse(self, audio: Tensor) -> Tensor:
        """(B, 2 D, T) of (B, C, T * hop) sound: means, and what scales are made of."""
        raise NotImplementedError

    def synthesise(self, values: Tensor) -> Tensor:
        """(B, C, T * hop) sound of unscaled latents (B, D, T)."""
        raise NotImplementedError

    def _bottleneck(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (B, D, T)."""
        return self._split(self.analyse(self.padded(audio)))

    def _split(self, output: Tensor) -> tuple[Tensor, Tensor]:
        mean, scale = output.float().chunk(2, 1)
        return mean, F.softplus(scale) + 1e-4

    def latents(self, audio: Tensor) -> Tensor:
        """(B, D, T) of (B, C, N) sound, scaled to mean 0 and variance 1 over music."""
        return (self._bottleneck(audio)[0] - self.mean) / self.variance.sqrt()

    def sound(self, latents: Tensor, length: int | None = None) -> Tensor:
        """(B, C, N) of scaled latents (B, D, T)."""
        return cut(self.synthesise(latents * self.variance.sqrt() + self.mean), length)

    def encode(self, audio: Tensor, books: int | None = None) -> Tensor:
        """Raises InputError: there are no codes."""
        raise InputError(f"the codec {self.kind!r} has no codes: its latents are continuous")

    def decode(self, codes: Tensor, length: int | None = None) -> Tensor:
        """Raises InputError: there are no codes."""
        raise InputError(f"the codec {self.kind!r} has no codes: its latents are continuous")

    def _drawn(self, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """What is decoded, and the divergence from a standard normal in nats, as a mean over frames
        and dimensions."""
        values = mean + scale * torch.randn_like(mean) if self.training else mean
        if self.training:
            self._follow(mean.detach())
        return values, (0.5 * (mean**2 + scale**2 - 1) - scale.log()).mean()

    @torch.no_grad()
    def _follow(self, mean: Tensor) -> None:
        flat = mean.transpose(0, 1).flatten(1)
        self.mean.lerp_(flat.mean(1, keepdim=True), 1 - DECAY)
        self.variance.lerp_(((flat - self.mean) ** 2).mean(1, keepdim=True), 1 - DECAY)


class VaeCodec(LatentVae):
    """Over an MDCT or STFT, phase and all; the options are the frame-rate codec's."""

    kind = "vae"

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
        self.scaled()

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        weight: Any = self.net.decoder.end.weight
        return weight

    def analyse(self, audio: Tensor) -> Tensor:
        """As ``LatentVae.analyse``."""
        return self.net.analyse(audio)

    def synthesise(self, values: Tensor) -> Tensor:
        """As ``LatentVae.synthesise``."""
        return self.net.synthesise(values)

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``. Terms: ``kl``, the divergence from a standard normal in nats, as a
        mean over frames and dimensions."""
        values, kl = self._drawn(*self._bottleneck(audio))
        return Coded(cut(self.net.synthesise(values), audio.shape[-1]), None, {"kl": kl})


class MelVaeCodec(LatentVae):
    """Over log-mel ``bands``, without phase: sound comes back by ``iterations`` of Griffin-Lim. Its
    latents are smooth in time, which a small diffusion learns sooner than phases. Of two
    ``channels`` the network takes the mean of their bands and how far they are apart; in training
    channels change places at random, and some examples are heard in the middle or on one side
    alone, as clips seldom are."""

    kind = "mel-vae"
    bank: Tensor

    def __init__(
        self,
        sample_rate: int = 16_000,
        hop: int = 320,
        fft: int = 1024,
        bands: int = 128,
        iterations: int = 32,
        width: int = 192,
        hidden: int = 576,
        encoder_layers: int = 3,
        decoder_layers: int = 4,
        latent: int = 32,
        channels: int = 1,
    ):
        super().__init__()
        if channels > 2:
            raise InputError(f"the codec 'mel-vae' has 1 or 2 channels, not {channels}")
        self.sample_rate, self.channels, self.hop = sample_rate, channels, hop
        self.latent, self.iterations = latent, iterations
        self.mel = LogMel(sample_rate, fft, hop, bands)
        inverse = torch.linalg.pinv(self.mel.bank.double().T).float()
        self.register_buffer("bank", inverse, persistent=False)
        self.encoder = Trunk(channels * bands, width, hidden, encoder_layers, 2 * latent)
        self.decoder = Trunk(latent, width, hidden, decoder_layers, channels * bands)
        self.period = fft // math.gcd(fft, hop)
        lap = -(-fft // hop)
        reach = self.decoder.margin + lap * (iterations + channels)
        self.margin = max(self.encoder.margin + lap, reach)
        self.scaled()

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        weight: Any = self.decoder.end.weight
        return weight

    def _bands(self, audio: Tensor) -> Tensor:
        """(B, C * bands, T) as the network takes them."""
        if audio.shape[1] != self.channels:
            some = "1 channel" if self.channels == 1 else f"{self.channels} channels"
            raise InputError(f"the codec takes {some}, not {audio.shape[1]}")
        with torch.autocast(audio.device.type, enabled=False):
            bands = (self.mel(audio.flatten(0, 1).float()) - CENTRE) / SPREAD
        return bands if self.channels == 1 else folded(bands.unflatten(0, (-1, 2)))

    def analyse(self, audio: Tensor) -> Tensor:
        """As ``LatentVae.analyse``."""
        return self.encoder(self._bands(audio))

    @torch.no_grad()
    def _heard(self, bands: Tensor) -> Tensor:
        if self.channels == 2:
            levels = (unfolded(bands.float()) * SPREAD + CENTRE).exp()
            magnitudes = (self.bank @ levels).clamp_min(0)
            return griffin_lim_pair(magnitudes, self.mel.stft, self.iterations)
        levels = (bands.float() * SPREAD + CENTRE).exp()
        magnitudes = (self.bank @ levels).clamp_min(0)
        return griffin_lim(magnitudes, self.mel.stft, self.iterations)[:, None]

    def synthesise(self, values: Tensor) -> Tensor:
        """As ``LatentVae.synthesise``, without gradients."""
        return self._heard(self.decoder(values))

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``; in training without sound. Terms: ``kl`` as in ``VaeCodec``;
        ``bands``, the mean absolute difference of log10 bands, or of two channels of what the
        network takes of them; of these also ``apart``, that of the differences of level between
        left and right, in dB."""
        heard = placed(audio) if self.training and self.channels == 2 else audio
        target = self._bands(F.pad(heard, (0, -audio.shape[-1] % self.hop)))
        values, kl = self._drawn(*self._split(self.encoder(target)))
        output = self.decoder(values)
        in_log10 = SPREAD / math.log(10.0)
        terms = {"kl": kl, "bands": in_log10 * (output.float() - target).abs().mean()}
        if self.channels == 2:
            off = apart(unfolded(output.float())) - apart(unfolded(target))
            terms["apart"] = 20 * in_log10 * off.abs().mean()
        sound = None if self.training else cut(self._heard(output), audio.shape[-1])
        return Coded(sound, None, terms)


# ------------------------------------------------------------------ two channels


def apart(bands: Tensor) -> Tensor:
    """(B, bands, T) left less right of bands (B, 2, bands, T)."""
    return bands[:, 0] - bands[:, 1]


def folded(bands: Tensor) -> Tensor:
    """(B, 2 * bands, T) of bands (B, 2, bands, T): their mean, and how far they are apart, small
    differences raised (an inverse hyperbolic sine): most are of some dB, where bands move by tens,
    and as they stand a small network would learn next to nothing of them."""
    half = SPREAD * apart(bands) / 2
    return torch.cat([bands.mean(1), torch.asinh(STEEPNESS * half)], 1)


def unfolded(values: Tensor) -> Tensor:
    """(B, 2, bands, T) bands of what ``folded`` gives."""
    mean, raised = values.chunk(2, 1)
    half = torch.sinh(raised.clamp(-MOST_APART, MOST_APART)) / (STEEPNESS * SPREAD)
    return torch.stack([mean + half, mean - half], 1)


def placed(audio: Tensor) -> Tensor:
    """Sound (B, 2, N) as it is heard in training: of half of the examples left and right change
    places, and of ``ALONE`` the mean of both is heard in the middle, left or right."""
    count, where = len(audio), audio.device
    swapped = (torch.rand(count, device=where) < 0.5)[:, None, None]
    audio = torch.where(swapped, audio.flip(1), audio)
    alone = (torch.rand(count, device=where) < ALONE)[:, None, None]
    sides = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], device=where)
    gains = sides[torch.randint(len(sides), (count,), device=where)][:, :, None]
    return torch.where(alone, audio.mean(1, keepdim=True) * gains, audio)
