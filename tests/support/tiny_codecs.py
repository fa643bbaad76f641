"""Small codecs of every kind, with random weights, and sound for them. Needs torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from cantilena.models.audio.codec.base import Codec, codec

RATE = 16_000
BOOKS: dict[str, Any] = {"books": 3, "size": 16}
_ONE: dict[str, Any] = {"quantizer_options": {"size": 16}}
_FRAME: dict[str, Any] = {
    "hop": 16,
    "width": 16,
    "hidden": 24,
    "encoder_layers": 1,
    "decoder_layers": 2,
}
_NET: dict[str, Any] = {"latent": 8, "quantizer_options": BOOKS}
_SEANET = {**_NET, "filters": 4, "strides": (2, 4)}
OPTIONS: dict[str, dict[str, Any]] = {
    "frame": {**_NET, **_FRAME},
    "seanet": {**_SEANET, "lstm": 0},
    "dac": {**_NET, "filters": 4, "decoder_width": 16, "strides": (2, 5)},
    "mel": {
        **_NET,
        "hop": 16,
        "fft": 64,
        "bands": 10,
        "iterations": 2,
        "width": 16,
        "hidden": 24,
        "encoder_layers": 1,
        "decoder_layers": 1,
    },
    "mel-levels": {
        "step": 16,
        "fft": 64,
        "bands": 10,
        "iterations": 2,
        "width": 16,
        "hidden": 24,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "latent": 8,
        "phonemes": ["a", "m", "u:"],
        **_ONE,
    },
    "vqvae2": {"filters": 4, "strides": (2, 2), "latent": 8, "units": 1, **_ONE},
    "jukebox": {"width": 4, "depth": 1, "downs": (1, 2, 3), "latent": 8, **_ONE},
    "slow": {"filters": 4, "strides": (2, 4), "slow": 3, "units": 1},
    "vae": {**_FRAME, "latent": 4},
    "mel-vae": {**_FRAME, "fft": 64, "bands": 10, "iterations": 2, "latent": 4},
}
"""The options of each kind of codec, by which it is small."""


def tiny(kind: str, seed: int = 0, **options: Any) -> Codec:
    """A small codec, ready for use, whose books have been begun on noise."""
    torch.manual_seed(seed)
    model = codec(kind, **{**OPTIONS[kind], **options})
    model.train()
    model(noise(2, model.channels, 100 * model.hop))
    return model.eval()


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    """Gaussian noise of a loudness of 0.1."""
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tones(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """(n,) float32: three tones that swell and fade."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    parts = [
        np.sin(2 * np.pi * rng.uniform(100, 1_500) * time) * (1 + np.sin(rng.uniform(1, 9) * time))
        for _ in range(3)
    ]
    return (0.1 * np.sum(parts, axis=0)).astype(np.float32)


@dataclass
class FakeClip:
    samples: np.ndarray
    stems: ClassVar[Mapping[str, np.ndarray]] = {}

    def heard(self, channels: int) -> np.ndarray:
        return np.repeat(self.samples[None], channels, 0)


class FakeClips:
    """Clips in memory, with the face of a data set's split."""

    def __init__(self, sounds: Sequence[np.ndarray]):
        self.sounds = list(sounds)

    def __len__(self) -> int:
        return len(self.sounds)

    def clip(self, i: int) -> FakeClip:
        return FakeClip(self.sounds[i])

    def order(self, epoch: int, seed: int | None) -> np.ndarray:
        return np.random.default_rng((epoch, seed or 0)).permutation(len(self))
