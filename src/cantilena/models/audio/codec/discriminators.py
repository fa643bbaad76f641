"""Discriminators of sound: by periods, by scales, by complex spectra whole and in bands.

Knows (B, C, N) sound, of which the mean over channels is heard where a part takes one channel; does
not know losses. Each gives, for each of its parts, the outputs of all layers, the verdict last. The
widths of the published ones are the defaults; ``width`` scales them down.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from cantilena.errors import UnknownNameError

PERIODS = (2, 3, 5, 7, 11)
BANDS = ((0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
"""Shares of the spectrum that DAC's multi-band discriminator hears one by one."""
RATES = (1, 2, 4)
"""Factors by which MSD's parts hear the sound slowed."""


def _layers(x: Tensor, convs: Sequence[nn.Module], slope: float) -> list[Tensor]:
    """The outputs of all layers, each but the last behind a leaky rectifier."""
    outputs = []
    for conv in convs[:-1]:
        x = F.leaky_relu(conv(x), slope)
        outputs.append(x)
    return [*outputs, convs[-1](x)]


class Period(nn.Module):
    """HiFi-GAN's part of MPD: the samples of one ``period`` as columns of a picture."""

    def __init__(self, period: int, width: int = 32):
        super().__init__()
        self.period = period
        sizes = [1, width, 4 * width, 16 * width, 32 * width, 32 * width]
        convs = [
            weight_norm(nn.Conv2d(a, b, (5, 1), (3 if i < 4 else 1, 1), (2, 0)))
            for i, (a, b) in enumerate(pairwise(sizes))
        ]
        convs.append(weight_norm(nn.Conv2d(sizes[-1], 1, (3, 1), 1, (1, 0))))
        self.convs = nn.ModuleList(convs)

    def forward(self, audio: Tensor) -> list[Tensor]:
        """The layers' outputs for (B, C, N) sound."""
        x = audio.mean(1, keepdim=True)
        x = F.pad(x, (0, -x.shape[-1] % self.period)).unflatten(-1, (-1, self.period))
        return _layers(x, list(self.convs), 0.1)


class Scale(nn.Module):
    """MelGAN's part of MSD: grouped convolutions over samples, of which ``rate`` are averaged."""

    def __init__(self, rate: int, width: int = 16):
        super().__init__()
        self.rate = rate
        sizes = [width, 4 * width, 16 * width, 64 * width, 64 * width]
        groups = [4, 16, 64, 256]
        convs = [weight_norm(nn.Conv1d(1, width, 15, 1, 7))]
        for a, b, group in zip(sizes, sizes[1:], groups, strict=False):
            group = min(group, a // 4) or 1
            convs.append(weight_norm(nn.Conv1d(a, b, 41, 4, 20, groups=group)))
        convs.append(weight_norm(nn.Conv1d(sizes[-1], sizes[-1], 5, 1, 2)))
        convs.append(weight_norm(nn.Conv1d(sizes[-1], 1, 3, 1, 1)))
        self.convs = nn.ModuleList(convs)

    def forward(self, audio: Tensor) -> list[Tensor]:
        """The layers' outputs for (B, C, N) sound."""
        x = audio.mean(1, keepdim=True)
        if self.rate > 1:
            x = F.avg_pool1d(x, self.rate, ceil_mode=True)
        return _layers(x, list(self.convs), 0.1)


def complex_frames(audio: Tensor, window: Tensor, hop: int) -> Tensor:
    """(B, 2 C, T, fft // 2 + 1): real and imaginary parts of the spectrum as channels."""
    fft = len(window)
    samples = F.pad(audio, (0, max(0, fft // 2 + 1 - audio.shape[-1])))
    flat = samples.flatten(0, 1)
    spectrum = torch.stft(flat, fft, hop, fft, window, normalized=True, return_complex=True)
    both = torch.stack([spectrum.real, spectrum.imag], 1).unflatten(0, (-1, audio.shape[1]))
    return both.flatten(1, 2).transpose(-1, -2)


class Spectrum(nn.Module):
    """EnCodec's part of MS-STFT: convolutions over time and frequency, dilated in time."""

    window: Tensor

    def __init__(self, fft: int, channels: int = 1, width: int = 32):
        super().__init__()
        self.register_buffer("window", torch.hann_window(fft), persistent=False)
        convs = [weight_norm(nn.Conv2d(2 * channels, width, (3, 9), padding=(1, 4)))]
        for dilation in (1, 2, 4):
            conv = nn.Conv2d(width, width, (3, 9), (1, 2), (dilation, 4), (dilation, 1))
            convs.append(weight_norm(conv))
        convs.append(weight_norm(nn.Conv2d(width, width, 3, padding=1)))
        convs.append(weight_norm(nn.Conv2d(width, 1, 3, padding=1)))
        self.convs = nn.ModuleList(convs)

    def forward(self, audio: Tensor) -> list[Tensor]:
        """The layers' outputs for (B, C, N) sound."""
        frames = complex_frames(audio, self.window, len(self.window) // 4)
        return _layers(frames, list(self.convs), 0.2)


class Bands(nn.Module):
    """DAC's part of MRD: the complex spectrum in five bands with layers of their own."""

    window: Tensor

    def __init__(self, fft: int, channels: int = 1, width: int = 32):
        super().__init__()
        self.register_buffer("window", torch.hann_window(fft), persistent=False)
        bins = fft // 2 + 1
        self.edges = [(int(low * bins), int(high * bins)) for low, high in BANDS]

        def stack() -> nn.ModuleList:
            convs = [weight_norm(nn.Conv2d(2 * channels, width, (3, 9), padding=(1, 4)))]
            for _ in range(3):
                convs.append(weight_norm(nn.Conv2d(width, width, (3, 9), (1, 2), (1, 4))))
            convs.append(weight_norm(nn.Conv2d(width, width, 3, padding=1)))
            return nn.ModuleList(convs)

        self.stacks = nn.ModuleList(stack() for _ in BANDS)
        self.verdict = weight_norm(nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, audio: Tensor) -> list[Tensor]:
        """The layers' outputs for (B, C, N) sound."""
        frames = complex_frames(audio, self.window, len(self.window) // 4)
        outputs, ends = [], []
        for (low, high), convs in zip(self.edges, self.stacks, strict=True):
            x = frames[..., low:high]
            for conv in convs:  # type: ignore[union-attr]
                x = F.leaky_relu(conv(x), 0.1)
                outputs.append(x)
            ends.append(x)
        return [*outputs, self.verdict(torch.cat(ends, -1))]


NAMES = ("period", "scale", "spectrum", "bands")


def _parts(name: str, channels: int, share: float) -> list[nn.Module]:
    """The parts of a published discriminator, ``share`` times as wide."""
    if name == "period":
        return [Period(period, max(1, round(32 * share))) for period in PERIODS]
    if name == "scale":
        return [Scale(rate, max(4, round(16 * share))) for rate in RATES]
    width = max(1, round(32 * share))
    if name == "spectrum":
        return [Spectrum(fft, channels, width) for fft in (2048, 1024, 512, 256, 128)]
    if name == "bands":
        return [Bands(fft, channels, width) for fft in (2048, 1024, 512)]
    raise UnknownNameError("discriminator", name, NAMES)


class Discriminators(nn.Module):
    """Several at once, by name: "period" (MPD), "scale" (MSD), "spectrum" (MS-STFT) and "bands"
    (MRD). What they hear has no mean, and its peak at ``PEAK``, as in DAC."""

    PEAK = 0.8

    def __init__(self, names: Sequence[str], channels: int = 1, share: float = 1.0):
        super().__init__()
        self.parts = nn.ModuleList(part for n in names for part in _parts(n, channels, share))

    def forward(self, audio: Tensor) -> list[list[Tensor]]:
        """For each part, the outputs of its layers for (B, C, N) sound."""
        audio = audio - audio.mean(-1, keepdim=True)
        peak = audio.abs().amax((1, 2), keepdim=True)
        audio = self.PEAK * audio / (peak + 1e-9)
        return [part(audio) for part in self.parts]
