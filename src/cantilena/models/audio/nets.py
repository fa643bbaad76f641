"""The two convolutional networks that published audio distances use: VGGish and PANNs' CNN14.

Knows tensors and the names of the published checkpoints' weights; does not know files or pieces.
The layers' sizes are read off the weights, so that a small model of the same layout loads alike.

VGGish: Hershey et al., "CNN architectures for large-scale audio classification" (ICASSP 2017), in
the layout of torchvggish's ``vggish-10086976.pth``. Embeddings are taken before the last ReLU and
without the PCA of AudioSet's release, as FAD toolkits do. CNN14: Kong et al., "PANNs: Large-scale
pretrained audio neural networks for audio pattern recognition" (TASLP 2020), layout of
``Cnn14_mAP=0.431.pth``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cantilena.audio.mel import frames, hann, mel_bank
from cantilena.errors import InputError

Weights = Mapping[str, Tensor]


def _numbers(weights: Weights, pattern: str) -> list[int]:
    """The numbers that stand in the names of some weights, rising."""
    numbers = {int(m[1]) for m in (re.fullmatch(pattern, k) for k in weights) if m}
    if not numbers:
        raise InputError(f"the weights hold none named as {pattern!r}: another model's?")
    return sorted(numbers)


class VGGish(nn.Module):
    """Log-mel patches (B, 1, 96, 64) to embeddings (B, D); D is 128 in the published model."""

    RATE = 16_000

    def __init__(self, weights: Weights):
        super().__init__()
        layers: list[nn.Module] = []
        for i in _numbers(weights, r"features\.(\d+)\.weight"):
            while len(layers) < i:  # between two convolutions stand a ReLU and perhaps a pooling
                after = layers and isinstance(layers[-1], nn.Conv2d)
                layers.append(nn.ReLU() if after else nn.MaxPool2d(2, 2))
            out, into = weights[f"features.{i}.weight"].shape[:2]
            layers.append(nn.Conv2d(into, out, 3, padding=1))
        self.features = nn.Sequential(*layers, nn.ReLU(), nn.MaxPool2d(2, 2))
        dense: list[nn.Module] = []
        for i in _numbers(weights, r"embeddings\.(\d+)\.weight"):
            while len(dense) < i:
                dense.append(nn.ReLU())
            out, into = weights[f"embeddings.{i}.weight"].shape
            dense.append(nn.Linear(into, out))
        self.embeddings = nn.Sequential(*dense)
        load_weights(self, weights)

    def forward(self, patches: Tensor) -> Tensor:
        """(B, 1, 96, 64) to (B, D)."""
        x = self.features(patches)  # (B, C, 6, 4)
        return self.embeddings(x.permute(0, 2, 3, 1).flatten(1))  # channels last, as trained

    @staticmethod
    def patches(samples: np.ndarray) -> Tensor:
        """(B, 1, 96, 64) of (n,) samples at 16 kHz: 96 frames of 25 ms each 10 ms, 64 bands
        from 125 to 7,500 Hz, log(magnitude + 0.01); 0.96 s each, a shorter end left out."""
        blocks = frames(samples.astype(np.float64), 400, 160) * hann(400)
        bank = mel_bank(16_000, 512, 64, 125.0, 7500.0)
        bands = np.log(np.abs(np.fft.rfft(blocks, 512, axis=1)) @ bank + 0.01)
        if len(bands) < 96:
            bands = np.pad(bands, ((0, 96 - len(bands)), (0, 0)), constant_values=np.log(0.01))
        whole = bands[: len(bands) // 96 * 96].reshape(-1, 1, 96, 64)
        return torch.from_numpy(whole.astype(np.float32))


class Cnn14(nn.Module):
    """Samples at 32 kHz (B, n) to embeddings (B, D); D is 2,048 in the published model."""

    RATE = 32_000
    FFT, HOP = 1024, 320

    def __init__(self, weights: Weights):
        super().__init__()
        bank = weights.get("logmel_extractor.melW")
        if bank is None or bank.shape[0] != self.FFT // 2 + 1:
            raise InputError("the weights hold no 'logmel_extractor.melW' of CNN14 at 32 kHz")
        self.bank: Tensor
        self.register_buffer("bank", torch.empty_like(bank))
        self.bn0 = nn.BatchNorm2d(bank.shape[1])
        self.blocks = nn.ModuleList(
            _Block(*reversed(weights[f"conv_block{i}.conv1.weight"].shape[:2]))
            for i in _numbers(weights, r"conv_block(\d+)\.conv1\.weight")
        )
        out, into = weights["fc1.weight"].shape
        self.fc1 = nn.Linear(into, out)
        renamed = {"bank": bank}
        for name, value in weights.items():
            block = re.fullmatch(r"conv_block(\d+)\.(.+)", name)
            if block:
                renamed[f"blocks.{int(block[1]) - 1}.{block[2]}"] = value
            elif name.startswith(("bn0.", "fc1.")):
                renamed[name] = value
        load_weights(self, renamed)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, n) to (B, D): CNN14's penultimate layer."""
        window = torch.hann_window(self.FFT, device=samples.device)
        spectrum = torch.stft(
            samples, self.FFT, self.HOP, self.FFT, window, center=True, return_complex=True
        )
        power = spectrum.abs().square().transpose(1, 2)  # (B, T, F)
        bands = 10 * torch.log10(torch.clamp(power @ self.bank, min=1e-10))
        x = self.bn0(bands.transpose(1, 2)[:, :, :, None])  # (B, bands, T, 1)
        x = x.transpose(1, 3)  # (B, 1, T, bands)
        for i, block in enumerate(self.blocks):
            x = block(x, 1 if i == len(self.blocks) - 1 else 2)
        x = x.mean(3)  # (B, C, T)
        return F.relu(self.fc1(x.amax(2) + x.mean(2)))


class _Block(nn.Module):
    """Two convolutions with batch normalisation, then a mean over squares of ``pool``."""

    def __init__(self, into: int, out: int):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)

    def forward(self, x: Tensor, pool: int) -> Tensor:
        """(B, out, H / pool, W / pool) of (B, into, H, W)."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.avg_pool2d(x, pool)


def load_weights(model: nn.Module, weights: Weights) -> None:
    """Every weight of a model from those given. Raises InputError that names what is missing or of
    another shape."""
    state = model.state_dict()
    for name, value in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        if name not in weights:
            raise InputError(f"the weights lack {name!r}: another model's?")
        if weights[name].shape != value.shape:
            raise InputError(
                f"the weight {name!r} has the shape {tuple(weights[name].shape)}, not "
                f"{tuple(value.shape)}"
            )
    model.load_state_dict({k: weights.get(k, v) for k, v in state.items()})
    model.eval()
