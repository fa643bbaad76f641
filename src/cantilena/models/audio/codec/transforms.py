"""Sound to frames and back, as torch modules that gradients pass: MDCT, STFT, mel.

Knows (B, N) samples and frames; does not know codecs or files. All take a whole number of hops and
give as many frames, and undo themselves up to rounding. Tables are computed in float64: a cosine
table in float32 would leave errors of 2e-4.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.audio.mel import slaney_bank
from cantilena.errors import InputError


def dct4(size: int) -> Tensor:
    """(size, size) float32: the orthonormal DCT-IV, which is its own inverse."""
    place = np.arange(size) + 0.5
    table = np.sqrt(2 / size) * np.cos(np.pi / size * np.outer(place, place))
    return torch.from_numpy(table.astype(np.float32))


class Mdct(nn.Module):
    """The modified discrete cosine transform with a sine window of two hops, as an orthonormal
    lapped transform: neighbouring hops are rotated into one another, then each is transformed by a
    DCT-IV. The outer edges are not lapped, so that T hops are T frames, and all of the sound comes
    back. ``hop`` is even."""

    table: Tensor
    cosine: Tensor
    sine: Tensor

    def __init__(self, hop: int):
        super().__init__()
        if hop < 2 or hop % 2:
            raise InputError(f"an MDCT's hop must be an even number of samples, not {hop}")
        self.hop = hop
        angle = np.pi / (2 * hop) * (np.arange(hop // 2) + hop // 2 + 0.5)
        self.register_buffer("table", dct4(hop), persistent=False)
        self.register_buffer("cosine", torch.from_numpy(np.sin(angle)).float(), persistent=False)
        self.register_buffer("sine", torch.from_numpy(np.cos(angle)).float(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, hop, T) coefficients of (B, T * hop) samples."""
        blocks = self._lapped(samples.unflatten(-1, (-1, self.hop)), 1.0)
        return (blocks @ self.table).transpose(-1, -2)

    def inverse(self, coefficients: Tensor) -> Tensor:
        """(B, T * hop) samples of (B, hop, T) coefficients."""
        blocks = coefficients.transpose(-1, -2) @ self.table
        return self._lapped(blocks, -1.0).flatten(-2)

    def _lapped(self, blocks: Tensor, sign: float) -> Tensor:
        """(B, T, hop) blocks, the pairs of samples at the same distance from each inner edge turned
        by the window's angle; ``sign`` -1: turned back."""
        half = self.hop // 2
        before, after = blocks[:, :-1, half:].flip(-1), blocks[:, 1:, :half]
        turned_before = self.cosine * before - sign * self.sine * after
        turned_after = self.cosine * after + sign * self.sine * before
        first = torch.cat([blocks[:, :1, :half], turned_after], 1)
        second = torch.cat([turned_before.flip(-1), blocks[:, -1:, half:]], 1)
        return torch.cat([first, second], -1)


class Stft(nn.Module):
    """The short-time Fourier transform with a Hann window of ``fft`` samples, frames standing
    around the middles of the hops: T hops are T frames. ``fft`` - ``hop`` is even and ``fft`` at
    least two hops, so that every sample lies in a window."""

    window: Tensor

    def __init__(self, fft: int, hop: int):
        super().__init__()
        if fft < 2 * hop or (fft - hop) % 2:
            raise InputError(f"a window of {fft} samples does not go with a hop of {hop}")
        self.fft, self.hop, self.pad = fft, hop, (fft - hop) // 2
        window = torch.hann_window(fft, dtype=torch.float64).float()
        self.register_buffer("window", window, persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, fft // 2 + 1, T) complex spectrum of (B, T * hop) samples."""
        padded = F.pad(samples, (self.pad, self.pad))
        frames = padded.unfold(-1, self.fft, self.hop) * self.window
        return torch.fft.rfft(frames).transpose(-1, -2)

    def inverse(self, spectrum: Tensor) -> Tensor:
        """(B, T * hop) samples of (B, fft // 2 + 1, T) complex spectra: the overlap-add nearest to
        them."""
        frames = torch.fft.irfft(spectrum.transpose(-1, -2), self.fft) * self.window
        count = frames.shape[-2]
        weights = (self.window**2).expand(1, count, self.fft)
        summed, shares = self._added(frames), self._added(weights)
        return (summed / shares.clamp_min(1e-8))[..., self.pad : self.pad + count * self.hop]

    def _added(self, frames: Tensor) -> Tensor:
        """(B, ...) frames laid over one another, each a hop behind the one before."""
        total = (frames.shape[-2] - 1) * self.hop + self.fft
        columns = frames.transpose(-1, -2)
        return F.fold(columns, (1, total), (1, self.fft), stride=(1, self.hop))[:, 0, 0]


class LogMel(nn.Module):
    """Natural logarithms of magnitudes in mel bands (Slaney's triangles, of area 1), not below
    ``floor``."""

    bank: Tensor

    def __init__(self, rate: int, fft: int, hop: int, bands: int, floor: float = 1e-5):
        super().__init__()
        self.stft, self.floor = Stft(fft, hop), floor
        bank = torch.from_numpy(slaney_bank(rate, fft, bands)).float()
        self.register_buffer("bank", bank, persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, bands, T) of (B, T * hop) samples."""
        magnitudes = self.stft(samples).abs()
        return (self.bank.T @ magnitudes).clamp_min(self.floor).log()


def griffin_lim(
    magnitudes: Tensor,
    stft: Stft,
    iterations: int = 8,
    momentum: float = 0.99,
    phases: Tensor | None = None,
) -> Tensor:
    """(B, T * hop) samples whose spectrum has nearly the magnitudes (B, fft // 2 + 1, T): phases
    are those of the sound made so far, with the momentum of fast Griffin-Lim (Perraudin 2013). The
    first phases, complex numbers of size 1, are ``phases``, or advance as each bin's own frequency,
    so that the same magnitudes give the same sound."""
    newest = _bins_phases(magnitudes, stft) if phases is None else phases
    before = torch.zeros_like(newest)
    for _ in range(iterations):
        consistent = stft(stft.inverse(magnitudes * newest))
        moved = consistent - momentum / (1 + momentum) * before
        newest, before = moved / moved.abs().clamp_min(1e-16), consistent
    return stft.inverse(magnitudes * newest)


def griffin_lim_pair(magnitudes: Tensor, stft: Stft, iterations: int = 8) -> Tensor:
    """(B, 2, T * hop) samples of left and right whose spectra have nearly the magnitudes (B, 2,
    fft // 2 + 1, T). Phases are found for the mean of both, which both then begin with; the last
    quarter of the iterations is each channel's own. Phases found apart from the start come out as
    others, so that what is in the middle would sound from everywhere."""
    own = iterations // 4
    mean = griffin_lim(magnitudes.mean(1), stft, max(0, iterations - own - 1))
    spectra = stft(mean)
    phases = (spectra / spectra.abs().clamp_min(1e-12))[:, None].expand(-1, 2, -1, -1)
    both = griffin_lim(magnitudes.flatten(0, 1), stft, own, phases=phases.flatten(0, 1))
    return both.unflatten(0, (-1, 2))


def _bins_phases(magnitudes: Tensor, stft: Stft) -> Tensor:
    """Phases that advance as each bin's own frequency."""
    bins, count = magnitudes.shape[-2:]
    step = 2 * math.pi * stft.hop / stft.fft
    bin_numbers = torch.arange(bins, device=magnitudes.device)[:, None]
    frame_numbers = torch.arange(count, device=magnitudes.device)
    turns = (bin_numbers * frame_numbers % stft.fft).float() * step
    return torch.polar(torch.ones_like(turns), turns).expand_as(magnitudes)


SPREAD_PHASES = 0.7
"""Radians that a harmonic's phase is off, times the square of its number: together they then make
no pulses, which would sound harsh."""


def tone_phases(hertz: Tensor, count: int, stft: Stft, sample_rate: int) -> Tensor:
    """(B, fft // 2 + 1, count) complex numbers of size 1: the phases of tones of ``hertz`` (B,)
    with all harmonics below half the sample rate, over ``count`` frames."""
    time = torch.arange(count * stft.hop, device=hertz.device, dtype=torch.float64) / sample_rate
    rows = []
    for frequency in hertz.double().tolist():
        tone = torch.zeros_like(time)
        for number in range(1, max(1, math.ceil(sample_rate / 2 / frequency) - 1) + 1):
            tone += torch.sin(2 * math.pi * frequency * number * time + SPREAD_PHASES * number**2)
        rows.append(tone.float())
    spectra = stft(torch.stack(rows))
    return spectra / spectra.abs().clamp_min(1e-16)
