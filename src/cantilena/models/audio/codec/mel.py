"""A codec of mel bands, which sound comes back from by Griffin-Lim (KaraSinger, JukeDrummer).

Knows its network; does not know its training. Its ceiling is Griffin-Lim's, which hangs on the
number of bands and hardly on the hop or the iterations: of true bands 80 give a chroma cosine of
0.93, 128 one of 0.98. Phase is lost, so that no wave can be compared: it is trained on the bands.
"""

from __future__ import annotations

import math
from math import gcd
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.errors import InputError
from cantilena.models.audio.codec.base import Codec, Coded, LatentCodec, cut
from cantilena.models.audio.codec.convnext import Trunk
from cantilena.models.audio.codec.transforms import LogMel, griffin_lim, tone_phases
from cantilena.models.audio.quantize import quantizer as make_quantizer

CENTRE, SPREAD = -6.0, 4.0
"""About the mean and spread of natural logarithms of music's bands, taken off for the network."""

TONE_ITERATIONS = 2
"""Of Griffin-Lim where a note's pitch is known: more of them lead away from it again, to 77 of 100
notes after 16."""


class BandSound(Codec):
    """Codecs of mel bands: bands as networks take them, and sound of these by Griffin-Lim."""

    bank: Tensor
    in_log10 = SPREAD / math.log(10)
    """What a difference of the networks' bands is in log10."""

    def _set_bands(self, sample_rate: int, fft: int, hop: int, bands: int, iterations: int) -> None:
        self.sample_rate, self.channels, self.iterations = sample_rate, 1, iterations
        self.mel = LogMel(sample_rate, fft, hop, bands)
        inverse = torch.linalg.pinv(self.mel.bank.double().T).float()
        self.register_buffer("bank", inverse, persistent=False)

    def _bands(self, audio: Tensor) -> Tensor:
        """(B, bands, T) as the network takes them."""
        if audio.shape[1] != 1:
            raise InputError(f"the codec takes 1 channel, not {audio.shape[1]}")
        with torch.autocast(audio.device.type, enabled=False):
            return (self.mel(audio[:, 0].float()) - CENTRE) / SPREAD

    def _magnitudes(self, bands: Tensor) -> Tensor:
        levels = (bands.float() * SPREAD + CENTRE).exp()
        return (self.bank @ levels).clamp_min(0)

    @torch.no_grad()
    def _sound(self, bands: Tensor) -> Tensor:
        return griffin_lim(self._magnitudes(bands), self.mel.stft, self.iterations)[:, None]


class MelCodec(BandSound, LatentCodec):
    """One channel of ``bands`` mel bands in frames of ``hop`` samples; ``iterations`` of
    Griffin-Lim. The rest as in the frame-rate codec."""

    kind = "mel"

    def __init__(
        self,
        sample_rate: int = 16_000,
        hop: int = 320,
        fft: int = 1024,
        bands: int = 128,
        iterations: int = 8,
        width: int = 192,
        hidden: int = 576,
        encoder_layers: int = 3,
        decoder_layers: int = 4,
        latent: int = 64,
        norm: bool = True,
        quantizer: str = "residual",
        quantizer_options: dict[str, Any] | None = None,
    ):
        super().__init__()
        self._set_bands(sample_rate, fft, hop, bands, iterations)
        self.hop, self.norm = hop, norm
        self.encoder = Trunk(bands, width, hidden, encoder_layers, latent)
        self.quantizer = make_quantizer(quantizer, latent, **(quantizer_options or {}))
        self.sizes = tuple(self.quantizer.sizes)
        self.decoder = Trunk(latent, width, hidden, decoder_layers, bands)
        lap = -(-fft // hop)
        self.period = fft // gcd(fft, hop)
        reach = self.decoder.margin + lap * (iterations + 1)
        self.margin = max(self.encoder.margin + lap, reach)

    @property
    def last(self) -> nn.Parameter:
        """As ``Codec.last``."""
        weight: Any = self.decoder.end.weight
        return weight

    def _latents(self, bands: Tensor) -> Tensor:
        latents = self.encoder(bands)
        if not self.norm:
            return latents
        return F.layer_norm(latents.transpose(1, 2), latents.shape[1:2]).transpose(1, 2)

    def analyse(self, audio: Tensor) -> Tensor:
        """As ``LatentCodec.analyse``."""
        return self._latents(self._bands(audio))

    @torch.no_grad()
    def decode_tones(self, codes: Tensor, hertz: Tensor, length: int | None = None) -> Tensor:
        """As ``decode``, of single notes whose pitches (B,) in Hz are known: sound comes back from
        the phases of tones of these pitches, which bands are too coarse to tell, and
        ``TONE_ITERATIONS`` of Griffin-Lim."""
        self.check_codes(codes)
        magnitudes = self._magnitudes(self.decoder(self.quantizer.decode(codes)))
        stft = self.mel.stft
        phases = tone_phases(hertz, magnitudes.shape[-1], stft, self.sample_rate)
        sound = griffin_lim(magnitudes, stft, TONE_ITERATIONS, phases=phases)
        return cut(sound[:, None], length)

    def synthesise(self, latents: Tensor) -> Tensor:
        """As ``LatentCodec.synthesise``, without gradients."""
        return self._sound(self.decoder(latents))

    def forward(self, audio: Tensor, quantise: bool = True, books: int | None = None) -> Coded:
        """As ``Codec.forward``; in training without sound. Terms: ``bands``, the mean absolute
        difference of log10 bands."""
        target = self._bands(self.padded(audio))
        latents = self._latents(target)
        quantised = self.quantizer(latents, books) if quantise else None
        output = self.decoder(latents if quantised is None else quantised.values)
        terms = {"bands": self.in_log10 * (output.float() - target).abs().mean()}
        sound = None if self.training else cut(self._sound(output), audio.shape[-1])
        return Coded(sound, quantised, terms)
