"""Words and sound as the same few tokens: a small joint embedding with a residual quantiser, as
MusicLM has MuLan's.

Knows hashed words, features of sound and vectors of ``dim`` numbers; does not know codecs, clips or
stages. Its text tower is a bag of words and pairs of words, its sound tower reads what a clip is
like on the whole, both are trained to agree on pairs of a caption and a clip (CLIP's loss), and one
residual quantiser reads either. A music model learns from tokens of sound and of captions, and is
asked by tokens of words.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.models.audio.quantize import quantizer
from cantilena.tokens.note.conditions import pieces

_FIRST_SCALE = 2.66
"""ln(1 / 0.07), CLIP's."""
_MOST_SCALE = 4.6
"""ln 100."""


@dataclass(frozen=True)
class WordsConfig:
    """``buckets`` of hashed words, each a vector of ``width``; ``features`` numbers that say what a
    clip is like; ``dim`` of the joint embedding; ``books`` (the number of tokens) of ``size``
    values."""

    buckets: int = 1024
    width: int = 48
    features: int = 192
    hidden: int = 96
    dim: int = 48
    books: int = 12
    size: int = 32

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class Words(nn.Module):
    """The two towers and the quantiser. ``tokens_of_text`` is the face that a music model needs."""

    def __init__(self, config: WordsConfig):
        super().__init__()
        self.config = config
        self.table = nn.EmbeddingBag(config.buckets, config.width, mode="mean")
        self.text = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, config.dim))
        self.sound = nn.Sequential(
            nn.LayerNorm(config.features),
            nn.Linear(config.features, config.hidden),
            nn.GELU(),
            nn.Linear(config.hidden, config.dim),
        )
        self.scale = nn.Parameter(torch.tensor(_FIRST_SCALE))
        sizes = {"books": config.books, "size": config.size, "inner": "ema", "dropout": 0.0}
        self.quantizer: Any = quantizer("residual", config.dim, **sizes)

    # ------------------------------------------------------------------ towers

    def hashed(self, text: str) -> list[int]:
        """Places in the table of a text's words and pairs of words; one for a text without any."""
        words = list(pieces(text))
        both = words + [f"{a} {b}" for a, b in pairwise(words)]
        return [zlib.crc32(word.encode()) % self.config.buckets for word in both] or [0]

    def text_vectors(self, texts: Sequence[str]) -> Tensor:
        """(B, dim) of length 1."""
        rows = [self.hashed(text) for text in texts]
        return self.bag_vectors(rows)

    def bag_vectors(self, rows: Sequence[Sequence[int]]) -> Tensor:
        """(B, dim) of length 1, of bags of hashed words, none of which is empty."""
        flat = torch.tensor([word for row in rows for word in row])
        starts = torch.tensor([0, *(len(row) for row in rows)])[:-1].cumsum(0)
        return F.normalize(self.text(self.table(flat, starts)), dim=1)

    def sound_vectors(self, features: Tensor) -> Tensor:
        """(B, dim) of length 1, of features (B, features)."""
        return F.normalize(self.sound(features), dim=1)

    def loss(self, text: Tensor, sound: Tensor, same: Tensor) -> Tensor:
        """CLIP's, of vectors (B, dim) each; ``same`` (B, B): pairs that belong together, of whose
        captions all are right."""
        logits = self.scale.clamp(max=_MOST_SCALE).exp() * text @ sound.T
        target = same.float() / same.sum(1, keepdim=True)
        one = F.cross_entropy(logits, target)
        return (one + F.cross_entropy(logits.T, target.T / target.T.sum(1, keepdim=True))) / 2

    # ------------------------------------------------------------------ tokens

    @torch.no_grad()
    def fit_quantizer(self, vectors: Tensor) -> None:
        """Books on vectors (N, dim), each by k-means on what those before it leave."""
        self.quantizer.train()
        self.quantizer(vectors.T[None])
        self.quantizer.eval()

    @torch.no_grad()
    def tokens(self, vectors: Tensor) -> Tensor:
        """(B, books) int64 of vectors (B, dim)."""
        return self.quantizer(vectors.T[None]).indices[0].T

    def tokens_of_text(self, texts: Sequence[str]) -> Tensor:
        """(B, books) int64."""
        with torch.no_grad():
            return self.tokens(self.text_vectors(texts))

    def tokens_of_sound(self, features: Tensor) -> Tensor:
        """(B, books) int64 of features (B, features)."""
        with torch.no_grad():
            return self.tokens(self.sound_vectors(features))

    @torch.no_grad()
    def states(self, tokens: Tensor) -> Tensor:
        """(B, books, dim): the vector of each token, in units of the embedding's numbers. Their sum
        over the books is the quantised embedding."""
        layers = self.quantizer.layers
        rows = tokens[:, :, None, None].unbind(1)
        vectors = [layer.decode(row)[:, :, 0] for layer, row in zip(layers, rows, strict=True)]
        return torch.stack(vectors, dim=1) * self.config.dim**0.5
