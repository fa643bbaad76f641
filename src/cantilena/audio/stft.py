"""The short-time Fourier transform and its inverse, and phase found for magnitudes, in numpy.

Knows samples and frames; does not know mel bands (``mel``), models or files. Frames are centred, as
torch's and librosa's are by default: frame t stands around sample t * hop.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cantilena.audio.mel import hann, validate
from cantilena.errors import InputError

CHUNK = 600
"""Frames that are transformed at a time, so that temporary arrays stay small."""
_LEAST_WINDOW = 1e-8
"""Sum of squared windows below which a sample stood under no frame."""


def stft(samples: np.ndarray, fft: int = 1024, hop: int = 256, reflect: bool = False) -> np.ndarray:
    """(fft // 2 + 1, T) complex64 spectra of (n,) samples under Hann windows of ``fft`` samples,
    T = n // hop + 1. The ends are continued by zeros, as librosa does, or, as torch does, by their
    reflection (``reflect``, which takes more than fft // 2 samples). Raises InputError for samples
    that are not sound or too few, and for sizes that are none (``check_sizes``)."""
    check_sizes(fft, hop)
    samples = validate(samples)
    if reflect and len(samples) <= fft // 2:
        raise InputError(f"{len(samples)} samples cannot be reflected over {fft // 2}")
    samples = np.pad(samples, fft // 2, mode="reflect" if reflect else "constant")
    count = (len(samples) - fft) // hop + 1
    frames = np.lib.stride_tricks.sliding_window_view(samples, fft)[::hop]
    spectra = np.empty((fft // 2 + 1, count), dtype=np.complex64)
    for span in _spans(count):
        spectra[:, span] = np.fft.rfft(frames[span] * hann(fft), axis=1).T
    return spectra


def istft(spectra: np.ndarray, hop: int = 256, length: int | None = None) -> np.ndarray:
    """(n,) float32 samples of (fft // 2 + 1, T) spectra: the sound whose ``stft`` is nearest to
    them. ``length`` is n where it is known, else (T - 1) * hop. Raises InputError."""
    spectra = np.asarray(spectra)
    if spectra.ndim != 2 or len(spectra) < 2 or not spectra.shape[1]:
        raise InputError(f"spectra must have the shape (fft // 2 + 1, T), not {spectra.shape}")
    fft, count = 2 * (len(spectra) - 1), spectra.shape[1]
    check_sizes(fft, hop)
    window = hann(fft)
    total = np.zeros((count - 1) * hop + fft)
    weight = np.zeros_like(total)
    for span in _spans(count):
        frames = np.fft.irfft(spectra[:, span], fft, axis=0).T * window
        for i, frame in enumerate(frames, span.start):
            total[i * hop : i * hop + fft] += frame
            weight[i * hop : i * hop + fft] += window**2
    heard = weight > _LEAST_WINDOW
    total[heard] /= weight[heard]
    n = (count - 1) * hop if length is None else length
    out = np.zeros(n, dtype=np.float32)
    inside = total[fft // 2 : fft // 2 + n]
    out[: len(inside)] = inside
    return out


def griffin_lim(
    magnitude: np.ndarray,
    hop: int = 256,
    iterations: int = 32,
    length: int | None = None,
    momentum: float = 0.99,
    seed: int = 0,
) -> np.ndarray:
    """(n,) float32 samples whose ``stft`` has about the magnitudes (fft // 2 + 1, T) >= 0.

    The fast Griffin-Lim algorithm (Perraudin, Balazs and Soendergaard 2013): random phases by
    ``seed``, then ``iterations`` times the sound of the spectra and the phases of that sound,
    each step lengthened by ``momentum`` (0: the algorithm of Griffin and Lim, 1984). Raises
    InputError."""
    magnitude = np.asarray(magnitude, dtype=np.float32)
    if not np.isfinite(magnitude).all() or magnitude.min(initial=0.0) < 0:
        raise InputError("magnitudes must be finite numbers from 0 on")
    if not 0 <= momentum < 1 or iterations < 0:
        raise InputError("momentum must be from 0 to below 1, iterations 0 or more")
    n = (magnitude.shape[-1] - 1) * hop if length is None else length
    fft = 2 * (len(magnitude) - 1)
    turn = np.random.default_rng(seed).uniform(0, 2 * np.pi, magnitude.shape)
    spectra = (magnitude * np.exp(1j * turn)).astype(np.complex64)
    before = np.zeros_like(spectra)
    for _ in range(iterations):
        consistent = _fitted(stft(istft(spectra, hop, n), fft, hop), magnitude.shape[1])
        ahead = consistent + np.float32(momentum) * (consistent - before)
        before = consistent
        size = np.abs(ahead)
        spectra = magnitude * np.divide(ahead, size, out=np.ones_like(ahead), where=size > 0)
    return istft(spectra, hop, n)


def mel_magnitude(mel: np.ndarray, bank: np.ndarray, iterations: int = 100) -> np.ndarray:
    """(F, T) magnitudes >= 0 whose bands come nearest to (bands, T) ``mel`` magnitudes under a
    ``bank`` (F, bands), by the multiplicative rule for non-negative least squares (Lee and
    Seung 2001): what ``griffin_lim`` takes where a model gives mel bands. Raises InputError."""
    bank, mel = np.asarray(bank, dtype=np.float64), np.asarray(mel, dtype=np.float64)
    if bank.ndim != 2 or mel.ndim != 2 or bank.shape[1] != len(mel):
        raise InputError(f"a bank of shape {bank.shape} does not fit {mel.shape} mel magnitudes")
    if not np.isfinite(mel).all() or mel.min(initial=0.0) < 0:
        raise InputError("mel magnitudes must be finite numbers from 0 on")
    target = bank @ mel
    gram = bank @ bank.T
    result = bank @ (mel / np.maximum(bank.sum(0), 1e-12)[:, None])
    for _ in range(iterations):
        result *= target / np.maximum(gram @ result, 1e-12)
    return result.astype(np.float32)


def check_sizes(fft: int, hop: int) -> None:
    """Raises InputError where ``fft`` is no even number from 2 on, or ``hop`` is not within it."""
    if fft < 2 or fft % 2:
        raise InputError(f"a frame must have an even number of samples, not {fft}")
    if not 1 <= hop <= fft // 2:
        raise InputError(f"the hop must be 1 to {fft // 2} (half a frame), not {hop}")


def _spans(count: int) -> Iterator[slice]:
    for start in range(0, count, CHUNK):
        yield slice(start, min(count, start + CHUNK))


def _fitted(spectra: np.ndarray, count: int) -> np.ndarray:
    """The spectra with ``count`` frames: cut, or followed by silence."""
    if spectra.shape[1] >= count:
        return spectra[:, :count]
    return np.pad(spectra, ((0, 0), (0, count - spectra.shape[1])))
