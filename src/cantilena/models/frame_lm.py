"""The base of function alignment: a language model of frames, each a short row of words.

Knows ids, the network and its published layout; does not know what words mean, MIDI, or how words
are chosen. Jiang et al., *Function alignment* (ISMIR 2025): a local encoder reads a frame's words
into one vector, a global decoder reads the vectors of the frames before, and a local decoder writes
the next frame's words from what it gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import InputError
from cantilena.models.checkpoint import Checkpoint
from cantilena.models.foreign import Foreign, count, size
from cantilena.models.hub import dtype_of
from cantilena.models.loading import load_network, of_sizes, save_network
from cantilena.models.roformer import Branch, Past, RoFormer, RoFormerConfig
from cantilena.models.saving import load_weights, placed

SYSTEM = "frames"
PLACES = 32
"""Words of a frame that the published model always reads, padding among them."""


@dataclass(frozen=True)
class FrameConfig:
    """Sizes; by default those of the published model (size 1). The last three of the ``words`` are
    the begin of a frame, its end, and padding.

    ``masked``: padding is not attended to, so that a frame may have any number of places. The
    published model attends to it, and a frame's vector then depends on padding to 32 places.
    Raises InputError for sizes that cannot be."""

    words: int = 3331
    width: int = 768
    layers: int = 12
    heads: int = 12
    inner: int = 3072
    local_layers: int = 3
    local_heads: int = 8
    local_inner: int = 768
    positions: int = 1536
    local_positions: int = 1536
    masked: bool = False
    dropout: float = 0.1

    model_type = "roformer"  # by which models.adapters knows the layers to adapt

    def __post_init__(self) -> None:
        if self.words < 4:
            raise InputError(f"{self.words} words leave none beside begin, end and padding")

    @property
    def begin(self) -> int:
        """The word before a frame."""
        return self.words - 3

    @property
    def end(self) -> int:
        """The last word of a frame."""
        return self.words - 2

    @property
    def pad(self) -> int:
        """What stands behind the last word."""
        return self.words - 1

    @property
    def whole(self) -> RoFormerConfig:
        """Of the global decoder."""
        sizes = (self.layers, self.width, self.heads, self.inner)
        return RoFormerConfig(*sizes, self.positions, self.dropout)

    @property
    def local(self) -> RoFormerConfig:
        """Of the local encoder and decoder."""
        sizes = (self.local_layers, self.width, self.local_heads, self.local_inner)
        return RoFormerConfig(*sizes, self.local_positions, self.dropout)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)


class FrameLM(nn.Module):
    """The model. Its weights have their published names."""

    def __init__(self, config: FrameConfig):
        super().__init__()
        self.config = config
        self.global_sos = nn.Parameter(torch.randn(config.width))
        self.model = RoFormer(config.whole)
        self.local_embedding = nn.Embedding(config.words, config.width)
        self.local_encoder, self.local_decoder = RoFormer(config.local), RoFormer(config.local)
        self.final_decoder = nn.Linear(config.width, config.words)

    def vectors(self, words: Tensor) -> Tensor:
        """Frames (B, T, P) to vectors (B, T, D). Raises InputError for a frame of more than 32
        places, or, unless ``masked``, of fewer."""
        places = words.shape[-1]
        if places > PLACES or (places < PLACES and not self.config.masked):
            most = "at most" if self.config.masked else "exactly"
            raise InputError(f"a frame has {places} places where the model reads {most} {PLACES}")
        flat = F.pad(words.flatten(0, 1), (1, 0), value=self.config.begin)
        keep = flat != self.config.pad if self.config.masked else None
        x, _ = self.local_encoder(self.local_embedding(flat), causal=False, keep=keep)
        return x[:, 0].unflatten(0, words.shape[:2])

    def shifted(self, vectors: Tensor) -> Tensor:
        """The frame before each of vectors (B, T, D), a learned one before the first."""
        start = self.global_sos.expand(len(vectors), 1, -1).to(vectors.dtype)
        return torch.cat([start, vectors[:, :-1]], 1)

    def tell(self, hidden: Tensor, words: Tensor) -> Tensor:
        """Logits (B, T, P, words) of each word of frames (B, T, P), given what the global decoder
        says (B, T, D) and the words before it in its frame."""
        before = self.local_embedding(words[..., :-1])
        x = torch.cat([hidden[:, :, None], before], 2).flatten(0, 1)
        y, _ = self.local_decoder(x, causal=True)
        return self.final_decoder(y).unflatten(0, words.shape[:2])

    def forward(self, words: Tensor) -> Tensor:
        """Logits (B, T, P, words) of frames (B, T, P) given the frames before each."""
        hidden, _ = self.model(self.shifted(self.vectors(words)), causal=True)
        return self.tell(hidden, words)

    def step(
        self,
        vectors: Tensor | None,
        pasts: Sequence[Past] | None = None,
        branches: Sequence[Branch | None] | None = None,
        turns: Tensor | None = None,
    ) -> tuple[Tensor, list[Past]]:
        """What the global decoder says (B, D) of the frame behind frames (B, T, D) as ``vectors``
        gives them, which stand behind those that ``pasts`` remember. Without ``pasts`` the learned
        vector comes first, and ``vectors`` may be None. ``branches`` and ``turns``: as in
        ``RoFormer.forward``."""
        x = vectors
        if pasts is None:
            rows = 1 if vectors is None else len(vectors)
            start = self.global_sos.expand(rows, 1, -1)
            x = start if vectors is None else torch.cat([start, vectors], 1)
        if x is None:
            raise InputError("a frame's vector is needed behind frames that are remembered")
        hidden, after = self.model(x, True, pasts, turns, branches=branches)
        return hidden[:, -1], after

    def word_step(
        self, x: Tensor, pasts: Sequence[Past] | None = None
    ) -> tuple[Tensor, list[Past]]:
        """Logits (B, words) of a frame's next word. ``x`` (B, D) is what ``step`` says, for the
        first word, then (B,) the word before."""
        if not x.is_floating_point():
            x = self.local_embedding(x)
        y, after = self.local_decoder(x[:, None], True, pasts)
        return self.final_decoder(y[:, 0]), after

    # -------------------------------------------------------------- files

    def save(self, folder: str | Path, card: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint. ``card``: further entries. Raises InputError."""
        return save_network(folder, SYSTEM, self.config.to_dict(), self.state_dict(), card)

    @classmethod
    def load(cls, place: str | Path | Checkpoint, device: Any = None, dtype: Any = None) -> FrameLM:
        """The model of a checkpoint's folder, or of the published file. Raises CheckpointError."""
        model = load_network(place, SYSTEM, lambda part: cls(FrameConfig(**part)), from_published)
        return placed(model, device, dtype_of(dtype)).eval()


def nats(logits: Tensor, words: Tensor, pad: int) -> Tensor:
    """Mean nats of a word of frames (B, T, P) under logits (B, T, P, words), padding left out."""
    return F.cross_entropy(logits.flatten(0, 2).float(), words.flatten(), ignore_index=pad)


def from_published(foreign: Foreign) -> FrameLM:
    """The model with the published base's weights. Raises CheckpointError where they are not
    whole."""
    weights = foreign.weights
    width = size(weights, "global_sos")
    tables = {part: f"{part}.embed_positions.weight" for part in ("model", "local_encoder")}
    inner = "{}.layer.0.intermediate.dense.weight"
    with of_sizes(f"the sizes in {foreign.path} cannot be"):
        config = FrameConfig(
            words=size(weights, "local_embedding.weight"),
            width=width,
            layers=count(weights, r"model\.layer\.(\d+)\."),
            heads=width // size(weights, tables["model"], 1),
            inner=size(weights, inner.format("model")),
            local_layers=count(weights, r"local_encoder\.layer\.(\d+)\."),
            local_heads=width // size(weights, tables["local_encoder"], 1),
            local_inner=size(weights, inner.format("local_encoder")),
            positions=size(weights, tables["model"]),
            local_positions=size(weights, tables["local_encoder"]),
        )
        model = FrameLM(config)
    load_weights(model, weights, foreign.path)
    return model.eval()
