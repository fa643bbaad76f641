"""musicnn: a convolutional network that tags music, in torch, from its TensorFlow checkpoint.

Knows samples, log-mel patches and the published checkpoint's names; does not know where files come
from. Pons & Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging"
(ISMIR 2019, late-breaking). The package ``musicnn`` 0.1.0 (ISC) holds the weights of two: trained
on MagnaTagATune (MTT) and on the Million Song Dataset (MSD). Layers' sizes are read off the
weights, so that a small model of the same layout loads alike.

The published code rounds mel bands to float16 and takes the logarithm in it, where bands with a
power of 6.6 or more become infinite; here they are float32.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.audio.mel import frames, hann, slaney_bank
from cantilena.errors import InputError
from cantilena.models.audio.nets import load_weights

FFT, HOP, BANDS = 512, 256, 96
PATCH = 187
"""Frames of a patch, 3 s."""
FRONT, CONVOLUTIONS = 5, 8
"""Convolutions over the patch (two timbral, three temporal), and with those over their features."""
EPSILON = 1e-3  # of tf.layers.batch_normalization


class Musicnn(nn.Module):
    """Patches (B, T, 96) to embeddings (B, D), the penultimate layer, and logits of tags (B, K);
    T is 187 in training, D 200 and K 50 in the published models; the tags' names are in the
    package's ``configuration.py``. ``weights``: the checkpoint's tensors by TensorFlow's names.
    Raises InputError for another model's."""

    RATE = 16_000

    def __init__(self, weights: Mapping[str, np.ndarray]):
        super().__init__()
        state = _renamed(weights)
        self.bn_input = nn.BatchNorm2d(1, EPSILON)
        kernels = (state[f"convs.{i}.conv.weight"] for i in range(CONVOLUTIONS))
        self.convs = nn.ModuleList(_Convolution(*kernel.shape) for kernel in kernels)
        units, into = state["dense.weight"].shape
        self.bn_pooled = nn.BatchNorm1d(into, EPSILON)
        self.dense = nn.Linear(into, units)
        self.bn_dense = nn.BatchNorm1d(units, EPSILON)
        self.output = nn.Linear(units, len(state["output.weight"]))
        load_weights(self, state)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, 96) to (B, D) and (B, K)."""
        x = self.bn_input(patches[:, None])
        front = torch.cat([conv(x).amax(3) for conv in self.convs[:FRONT]], 1)  # (B, C, T)
        features, layers = front, [front]
        for i, conv in enumerate(self.convs[FRONT:]):
            new = conv(features.transpose(1, 2)[:, None])[..., 0]
            features = new + features if i else new
            layers.append(features)
        dense = torch.cat(layers, 1)
        pooled = torch.stack([dense.amax(2), dense.mean(2)], 2).flatten(1)  # in turns, as trained
        embeddings = self.bn_dense(F.relu(self.dense(self.bn_pooled(pooled))))
        return embeddings, self.output(embeddings)

    @staticmethod
    def patches(samples: np.ndarray) -> Tensor:
        """(B, 187, 96) of (n,) samples at 16 kHz, n >= 1: 3 s each, one after another; a shorter
        end is left out, and what is shorter than a patch is repeated to fill one."""
        bands = log_bands(samples)
        if len(bands) < PATCH:
            bands = np.tile(bands, (-(-PATCH // len(bands)), 1))[:PATCH]
        whole = bands[: len(bands) // PATCH * PATCH]
        return torch.from_numpy(whole.reshape(-1, PATCH, BANDS))


def log_bands(samples: np.ndarray) -> np.ndarray:
    """(T, 96) float32 of (n,) samples at 16 kHz: log10(1 + 10,000 x) of the power x in bands, as
    librosa's ``melspectrogram`` gives it, with the ends mirrored, as it did when musicnn was
    trained; T is n // 256 + 1."""
    padded = np.pad(np.asarray(samples, np.float32), FFT // 2, mode="reflect")
    bank = slaney_bank(Musicnn.RATE, FFT, BANDS)
    spectrum = np.fft.rfft(frames(padded, FFT, HOP) * hann(FFT), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.log10(10_000.0 * (power @ bank) + 1.0).astype(np.float32)


class _Convolution(nn.Module):
    """Convolution that keeps the length in time and none of the border in frequency, ReLU, batch
    normalisation."""

    def __init__(self, out: int, into: int, time: int, width: int):
        super().__init__()
        before = (time - 1) // 2
        self.padding = (0, 0, before, time - 1 - before)  # TensorFlow's "same"
        self.conv = nn.Conv2d(into, out, (time, width))
        self.bn = nn.BatchNorm2d(out, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, F) to (B, out, T, F - width + 1)."""
        return self.bn(F.relu(self.conv(F.pad(x, self.padding))))


def _renamed(weights: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """The checkpoint's tensors by our names and in torch's order of axes. Raises InputError."""
    state: dict[str, Tensor] = {}

    def put(ours: str, theirs: str, axes: tuple[int, ...] | None = None) -> None:
        if theirs not in weights:
            raise InputError(f"the weights lack {theirs!r}: another model's?")
        value = weights[theirs]
        if axes is not None and value.ndim != len(axes):
            raise InputError(f"the weight {theirs!r} has the shape {value.shape}: another model's?")
        value = value if axes is None else value.transpose(axes)
        state[ours] = torch.from_numpy(np.ascontiguousarray(value))

    def put_norm(ours: str, number: int) -> None:
        theirs = f"batch_normalization_{number}" if number else "batch_normalization"
        names = ("weight", "bias", "running_mean", "running_var")
        for name, of in zip(
            names, ("gamma", "beta", "moving_mean", "moving_variance"), strict=True
        ):
            put(f"{ours}.{name}", f"{theirs}/{of}")

    put_norm("bn_input", 0)
    for i in range(CONVOLUTIONS):
        theirs = f"conv2d_{i}" if i else "conv2d"
        put(f"convs.{i}.conv.weight", f"{theirs}/kernel", (3, 2, 0, 1))
        put(f"convs.{i}.conv.bias", f"{theirs}/bias")
        put_norm(f"convs.{i}.bn", i + 1)
    for ours, theirs in (("dense", "dense"), ("output", "dense_1")):
        put(f"{ours}.weight", f"{theirs}/kernel", (1, 0))
        put(f"{ours}.bias", f"{theirs}/bias")
    put_norm("bn_pooled", CONVOLUTIONS + 1)
    put_norm("bn_dense", CONVOLUTIONS + 2)
    return state
