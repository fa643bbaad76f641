"""A joint embedding: sound and texts as vectors in one space, by two towers, and how they learn.

Knows mel bands (``joint_input``), hashed words or a frozen text model's states, and the losses of
CLAP (Wu et al., ICASSP 2023) and MuLan (Huang et al., ISMIR 2022); does not know clips, captions
or files. ``joint_plain`` computes the same in numpy. Published CLAPs have the same face
(``models.audio.clap``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.models.audio.joint_input import BANDS, PROFILE, STATISTICS

FIRST_SCALE, LARGEST_SCALE = math.log(1 / 0.07), math.log(100.0)
"""Logarithm of what cosines are multiplied by, at first and at most, as in CLIP and CLAP."""
STEM = (16, 32)
"""Channels of the two convolutions that halve bands and frames."""
NOISE = 0.3
"""Deviation of what is added to statistics in training, in units of their own."""
KERNEL = 7
"""Frames that a block sees at once, 80 ms each."""


@dataclass(frozen=True)
class JointConfig:
    """``dim``: of the common space; ``width`` and ``layers`` of the tower of sound; ``buckets`` and
    ``word_width`` of the hashed words' table, or ``text_width``, the width of a frozen text model's
    states (0: hashed words); ``hidden`` of the tower of texts; ``profile``: values that the profile
    of pulse and harmony is read by (0: it is not read). ``tower`` of sound: "convolutions" over mel
    bands, or "statistics" of them with the profile, which a hidden layer of ``width`` reads."""

    dim: int = 128
    width: int = 128
    layers: int = 4
    buckets: int = 4096
    word_width: int = 64
    text_width: int = 0
    hidden: int = 256
    dropout: float = 0.1
    profile: int = 0
    tower: str = "convolutions"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> JointConfig:
        """What ``to_dict`` wrote. Raises TypeError."""
        return cls(**data)


class Block(nn.Module):
    """ConvNeXt's block in one dimension: frames mix within a channel, then channels within a
    frame."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.frames = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W)."""
        y = self.norm(self.frames(x.transpose(1, 2)).transpose(1, 2))
        return x + self.dropout(self.down(gelu(self.up(y))))


def gelu(x: Tensor) -> Tensor:
    """By the hyperbolic tangent, as numpy has no error function."""
    return F.gelu(x, approximate="tanh")


class AudioTower(nn.Module):
    """Mel bands to vectors: two convolutions over bands and frames, blocks over frames, mean and
    deviation over time, beside which the profile may stand."""

    def __init__(self, config: JointConfig):
        super().__init__()
        one, two = STEM
        self.stem1 = nn.Conv2d(1, one, 5, stride=2, padding=2)
        self.stem2 = nn.Conv2d(one, two, 3, stride=2, padding=1)
        self.inner = nn.Linear(two * BANDS // 4, config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.dropout) for _ in range(config.layers)
        )
        if config.profile:
            self.profile = nn.Linear(PROFILE, config.profile)
        self.norm = nn.LayerNorm(2 * config.width + config.profile)
        self.out = nn.Linear(2 * config.width + config.profile, config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, bands: Tensor, profile: Tensor | None = None) -> Tensor:
        """(B, dim) of (B, T, BANDS), and of (B, PROFILE) where that is read."""
        x = gelu(self.stem2(gelu(self.stem1(bands[:, None]))))
        x = self.inner(x.permute(0, 2, 1, 3).flatten(2))
        for block in self.blocks:
            x = block(x)
        x = x.float()
        parts = [x.mean(1), x.var(1, unbiased=False).add(1e-6).sqrt()]
        if profile is not None:
            parts.append(gelu(self.profile(profile)).float())
        return self.out(self.dropout(self.norm(torch.cat(parts, dim=1))))


class StatisticsTower(nn.Module):
    """Statistics of mel bands and the profile to vectors, by one hidden layer: a hundredth of the
    work of convolutions. Values are less their mean over their deviation in the training."""

    def __init__(self, config: JointConfig):
        super().__init__()
        size = STATISTICS + PROFILE
        self.scale = nn.BatchNorm1d(size, affine=False)
        self.up, self.out = nn.Linear(size, config.width), nn.Linear(config.width, config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, statistics: Tensor, profile: Tensor) -> Tensor:
        """(B, dim) of (B, STATISTICS) and (B, PROFILE)."""
        x = self.scale(torch.cat([statistics, profile], dim=1).float()).clamp(-4, 4)
        if self.training:
            x = x + NOISE * torch.randn_like(x)
        return self.out(self.dropout(gelu(self.up(x))))


class TextTower(nn.Module):
    """Hashed words, or the mean of a text model's states, to vectors."""

    def __init__(self, config: JointConfig):
        super().__init__()
        width = config.text_width or config.word_width
        if not config.text_width:
            self.words = nn.Embedding(config.buckets, width, padding_idx=0)
            nn.init.normal_(self.words.weight)
            with torch.no_grad():
                self.words.weight[0] = 0.0  # of where a text has no more words
        self.norm = nn.LayerNorm(width)
        self.up, self.out = nn.Linear(width, config.hidden), nn.Linear(config.hidden, config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, text: Tensor) -> Tensor:
        """(B, dim) of (B, WORDS) hashes, or of (B, text_width) mean states."""
        if text.is_floating_point():
            x = text
        else:
            count = (text > 0).sum(1, keepdim=True).clamp(min=1)
            x = self.words(text).sum(1) / count.sqrt()
        return self.out(self.dropout(gelu(self.up(self.norm(x)))))


class Joint(nn.Module):
    """Both towers, and the two scales of cosines: of sound to texts, and of texts to sound. It
    learns by ``kind`` of loss, "clap" or "mulan"."""

    def __init__(self, config: JointConfig, kind: str = "clap"):
        super().__init__()
        self.config, self.kind = config, kind
        tower = StatisticsTower if config.tower == "statistics" else AudioTower
        self.audio, self.text = tower(config), TextTower(config)
        self.scales = nn.Parameter(torch.full((2,), FIRST_SCALE))

    def of_audio(self, bands: Tensor, profile: Tensor | None = None) -> Tensor:
        """(B, dim) unit vectors of (B, T, BANDS), or of (B, STATISTICS) where the tower reads
        these, and of (B, PROFILE), which stands aside where the model does not read it."""
        reads = self.config.profile or self.config.tower == "statistics"
        vectors = self.audio(bands, profile if reads else None)
        return F.normalize(vectors.float(), dim=1)

    def of_text(self, text: Tensor) -> Tensor:
        """(B, dim) unit vectors, of what ``TextTower`` takes."""
        return F.normalize(self.text(text).float(), dim=1)

    def loss(self, audio: Tensor, text: Tensor, same: Tensor) -> Tensor:
        """``clap_loss`` or ``mulan_loss`` of unit vectors (B, dim); ``same`` (B, B) bool: which
        texts are alike."""
        scales = self.scales.clamp(max=LARGEST_SCALE).exp()
        if self.kind == "mulan":
            return mulan_loss(audio, text, scales[0], same)
        return clap_loss(audio, text, scales, same)


def _logits(audio: Tensor, text: Tensor, scale: Tensor, same: Tensor) -> Tensor:
    """(B, B) scaled cosines of B sounds and B texts; pairs that belong together but are not each
    other's, ``same`` (B, B) bool, are left out, as they are no negatives. They are left out after
    they are scaled: the gradient of a scale that has multiplied infinity is none."""
    others = same & ~torch.eye(len(audio), dtype=torch.bool, device=audio.device)
    return (scale * (audio @ text.T)).masked_fill(others, -torch.inf)


def clap_loss(audio: Tensor, text: Tensor, scales: Tensor, same: Tensor) -> Tensor:
    """CLAP's: the cross-entropy of a sound's own text among all, and of a text's own sound, the
    mean of both; ``scales`` (2,) multiply the cosines."""
    own = torch.arange(len(audio), device=audio.device)
    rows = _logits(audio, text, scales[0], same), _logits(text, audio, scales[1], same.T)
    return torch.stack([F.cross_entropy(logits, own) for logits in rows]).mean()


def mulan_loss(audio: Tensor, text: Tensor, scale: Tensor, same: Tensor) -> Tensor:
    """MuLan's: minus the logarithm of h(i, i) over the sum of h(i, j) and h(j, i) of all j but i, h
    being the exponential of a scaled cosine; the pair itself is not among its negatives."""
    logits = _logits(audio, text, scale, same)
    eye = torch.eye(len(audio), dtype=torch.bool, device=audio.device)
    rest = logits.masked_fill(eye, -torch.inf)
    return (torch.cat([rest, rest.T], 1).logsumexp(1) - logits.diagonal()).mean()
