"""How far sound is from sound, as training sees it: waves, spectra, mel bands, adversaries.

Knows (B, C, N) sound; does not know codecs, quantizers or runs. Each published recipe's numbers
stand in ``MELS``. What is not said otherwise is a mean over all elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.audio.mel import slaney_bank

Maps = Sequence[Sequence[Tensor]]
"""Of a discriminator's parts: their layers' outputs, the last being the verdict."""


# ------------------------------------------------------------------ waves


def wave_l1(output: Tensor, target: Tensor) -> Tensor:
    """The mean absolute difference of samples (B, C, N), a scalar."""
    return (output - target).abs().mean()


def relative_wave_l1(output: Tensor, target: Tensor) -> Tensor:
    """The mean absolute difference of samples (B, C, N) as a share of the mean absolute sample of
    each item, a scalar, so that soft music weighs as much as loud; items that are all but silent
    count as at -80 dB."""
    error = (output - target).abs().mean((1, 2))
    return (error / target.abs().mean((1, 2)).clamp_min(1e-4)).mean()


def si_sdr(output: Tensor, target: Tensor) -> Tensor:
    """(B,) scale-invariant signal-to-distortion ratio in dB (Le Roux 2019), of signals without
    their means: of the part of ``output`` that is ``target`` to the rest of it."""
    output = (output - output.mean(-1, keepdim=True)).flatten(1)
    target = (target - target.mean(-1, keepdim=True)).flatten(1)
    energy = (target * target).sum(-1, keepdim=True).clamp_min(1e-12)
    part = (output * target).sum(-1, keepdim=True) / energy * target
    rest = output - part
    ratio = (part**2).sum(-1).clamp_min(1e-12) / (rest**2).sum(-1).clamp_min(1e-12)
    return 10 * ratio.log10()


# ------------------------------------------------------------------ spectra


def magnitudes(audio: Tensor, fft: int, hop: int, window: Tensor) -> Tensor:
    """(B * C, fft // 2 + 1, T) of (B, C, N) sound; windows shorter than ``fft`` are centred. Sound
    shorter than half a window is filled with silence."""
    samples = audio.flatten(0, 1).float()
    short = fft // 2 + 1 - samples.shape[-1]
    if short > 0:
        samples = F.pad(samples, (0, short))
    spectrum = torch.stft(samples, fft, hop, len(window), window, return_complex=True)
    return (spectrum.real**2 + spectrum.imag**2).clamp_min(1e-14).sqrt()


@dataclass(frozen=True)
class MelSpec:
    """A multi-scale mel distance. ``windows`` in samples, each with a hop of a quarter and as many
    ``bands``; magnitudes are raised to ``power`` (2: power). ``plain``: weight of the L1 of the
    bands; ``log``: of that of their log10 above ``floor``, a mean absolute difference or, with
    ``square``, a mean square; ``root``: times the root of half the window, and that of the L2 norm
    of each frame (SoundStream)."""

    windows: tuple[int, ...]
    bands: tuple[int, ...]
    power: float = 1.0
    plain: float = 0.0
    log: float = 1.0
    floor: float = 1e-5
    square: bool = False
    root: bool = False


MELS: dict[str, MelSpec] = {
    "short": MelSpec((2048, 512, 128), (80, 40, 10)),
    "dac": MelSpec((32, 64, 128, 256, 512, 1024, 2048), (5, 10, 20, 40, 80, 160, 320)),
    "encodec": MelSpec(
        (64, 128, 256, 512, 1024), (64,) * 5, power=2.0, plain=1.0, log=1.0, square=True
    ),
    "soundstream": MelSpec(
        (64, 128, 256, 512, 1024, 2048), (64,) * 6, plain=1.0, log=1.0, root=True
    ),
}
"""The published ones; "short" is a cheap one, a third of the cost of "dac"."""


class MultiScaleMel(nn.Module):
    """A distance of mel spectrograms, the mean over windows of several lengths."""

    def __init__(self, rate: int, spec: MelSpec):
        super().__init__()
        self.spec = spec
        for window, bands in zip(spec.windows, spec.bands, strict=True):
            bank = torch.from_numpy(slaney_bank(rate, window, bands)).float()
            self.register_buffer(f"bank_{window}", bank.T.contiguous(), persistent=False)
            self.register_buffer(f"hann_{window}", torch.hann_window(window), persistent=False)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """The distance of (B, C, N) sound from other."""
        parts = [self._at(window, output, target) for window in self.spec.windows]
        return torch.stack(parts).mean()

    def bands(self, window: int, audio: Tensor) -> Tensor:
        """(B * C, bands, T) of sound, by one of the windows."""
        spectrum = magnitudes(audio, window, window // 4, getattr(self, f"hann_{window}"))
        return getattr(self, f"bank_{window}") @ spectrum**self.spec.power

    def _at(self, window: int, output: Tensor, target: Tensor) -> Tensor:
        spec = self.spec
        a, b = self.bands(window, output), self.bands(window, target)
        total = spec.plain * (a - b).abs().mean() if spec.plain else a.new_zeros(())
        difference = a.clamp_min(spec.floor).log10() - b.clamp_min(spec.floor).log10()
        if spec.root:
            rows = (difference**2).mean(1).clamp_min(1e-14).sqrt()
            return total + spec.log * (window / 2) ** 0.5 * rows.mean()
        distance = difference**2 if spec.square else difference.abs()
        return total + spec.log * distance.mean()


def with_sides(sound: Tensor) -> Tensor:
    """(B, 4, N) of two channels (B, 2, N): left, right, their mean and half their difference, so
    that a spectral distance hears how wide the sound is (Stable Audio's sum and difference); other
    numbers of channels as they are."""
    if sound.shape[1] != 2:
        return sound
    left, right = sound.unbind(1)
    return torch.stack([left, right, (left + right) / 2, (left - right) / 2], 1)


class MultiScaleStft(nn.Module):
    """The distance of magnitudes as Jukebox has it: the mean, over windows, of the norm of their
    difference as a share of the target's norm (spectral convergence), and of the L1 of log10."""

    def __init__(
        self,
        ffts: Sequence[int] = (2048, 1024, 512),
        hops: Sequence[int] = (240, 120, 50),
        windows: Sequence[int] = (1200, 600, 240),
    ):
        super().__init__()
        self.sizes = tuple(zip(ffts, hops, windows, strict=True))
        for _, _, window in self.sizes:
            self.register_buffer(f"hann_{window}", torch.hann_window(window), persistent=False)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """The distance of (B, C, N) sound from other."""
        total = output.new_zeros(())
        for fft, hop, window in self.sizes:
            hann = getattr(self, f"hann_{window}")
            a, b = (magnitudes(x, fft, hop, hann) for x in (output, target))
            norm = (b**2).sum((1, 2)).clamp_min(1e-8).sqrt()
            share = ((a - b) ** 2).sum((1, 2)).clamp_min(1e-14).sqrt() / norm
            logs = (a.clamp_min(1e-5).log10() - b.clamp_min(1e-5).log10()).abs().mean()
            total = total + share.mean() + logs
        return total / len(self.sizes)


def largest_squares(output: Tensor, target: Tensor, count: int = 2048) -> Tensor:
    """The mean of the ``count`` largest squared errors of each item of (B, C, N), a scalar:
    Jukebox's "Linf"."""
    squares = ((output - target) ** 2).flatten(1)
    return squares.topk(min(count, squares.shape[1]), dim=1).values.mean()


# ------------------------------------------------------------------ adversaries


def discriminator_loss(real: Maps, fake: Maps, form: str) -> Tensor:
    """What the discriminators are trained by, the mean over them: "hinge" or "squares" (least
    squares)."""
    parts = []
    for r, f in zip(real, fake, strict=True):
        if form == "hinge":
            parts.append(F.relu(1 - r[-1]).mean() + F.relu(1 + f[-1]).mean())
        else:
            parts.append(((1 - r[-1]) ** 2).mean() + (f[-1] ** 2).mean())
    return torch.stack(parts).mean()


def adversarial_loss(fake: Maps, form: str) -> Tensor:
    """What the codec is trained by, a scalar: that its sound is taken for real. ``form`` as in
    ``discriminator_loss``."""
    if form == "hinge":
        return torch.stack([-f[-1].mean() for f in fake]).mean()
    return torch.stack([((1 - f[-1]) ** 2).mean() for f in fake]).mean()


def feature_loss(real: Maps, fake: Maps, relative: bool = False) -> Tensor:
    """The mean L1 of the discriminators' layers between real and made sound, verdicts left out;
    ``relative``: as shares of the real ones' mean size (EnCodec's paper)."""
    parts = []
    for r, f in zip(real, fake, strict=True):
        for a, b in zip(r[:-1], f[:-1], strict=True):
            distance = (a.detach() - b).abs().mean()
            parts.append(distance / a.detach().abs().mean() if relative else distance)
    return torch.stack(parts).mean()
