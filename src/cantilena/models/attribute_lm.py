"""MuseCoco's second stage: attribute words, a separator, and music word by word.

Knows ids, the network, its positions and its published layout; does not know what words mean, nor
how they are chosen. Lu et al., *MuseCoco: Generating Symbolic Music from Text* (2023). A sequence
is the end word, one word for each attribute, the separator and the music. Words before the
separator have no position. The paper compares two other ways of control with that prefix: the
attributes' words as one vector, added to each word's or moving the norms within layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.models.checkpoint import Checkpoint
from cantilena.models.foreign import Foreign, count, size
from cantilena.models.hub import dtype_of
from cantilena.models.linear_attention import Branch, LinearTrunk, State, TrunkConfig
from cantilena.models.loading import fill, load_network, of_sizes, save_network
from cantilena.models.saving import placed

SYSTEM = "attributes"
PAD, END = 1, 2
"""fairseq's own words; END also stands before the attributes."""
SEPARATOR = 984
"""In the published vocabulary: line 981 of its dict.txt, counted behind fairseq's own four."""
PERIOD = 10_000.0
"""Of the slowest position, over 2 pi; fairseq's sinusoid."""
CONTROLS = ("prefix", "embedding", "norm")
"""How attributes are read: as words in front, added to each word, or by conditional norms."""
_FIRST = PAD + 1  # fairseq counts positions from behind the padding's
_HEADS = {1024: 12, 2048: 24}  # of the published sizes, where a file does not say its own

_LAYER = {
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.out": "self_attn.out_proj",
    "norm1": "self_attn_layer_norm",
    "norm2": "final_layer_norm",
    "up": "fc1",
    "down": "fc2",
}


@dataclass(frozen=True)
class AttributeConfig:
    """Sizes. ``words``: the vocabulary, attribute words among them; ``separator``: the word
    between attributes and music. ``compatible``: positions as the published inference has them, of
    which each is one too early, so that the last attribute has the first one; else as trained.
    ``control``: of ``CONTROLS``; the published models have a prefix.

    Raises InputError for a separator that is no word, an odd width or another control."""

    words: int = 1253
    layers: int = 16
    width: int = 1024
    heads: int = 12
    inner: int = 4096
    dropout: float = 0.1
    separator: int = SEPARATOR
    compatible: bool = False
    control: str = "prefix"

    def __post_init__(self) -> None:
        if not 0 <= self.separator < self.words:
            raise InputError(f"a separator of {self.separator} is none of {self.words} words")
        if self.width % 2 or self.width < 4:
            raise InputError(f"sinusoidal positions need an even width from 4, not {self.width}")
        if self.control not in CONTROLS:
            choices = ", ".join(CONTROLS)
            raise InputError(f"attributes are not read by {self.control!r}; known: {choices}")

    @property
    def trunk(self) -> TrunkConfig:
        """Of the layers."""
        condition = self.width if self.control == "norm" else 0
        sizes = (self.layers, self.width, self.heads, self.inner)
        return TrunkConfig(*sizes, "pre", self.dropout, condition)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)


SIZES = {
    "xl": AttributeConfig(),
    "1billion": AttributeConfig(layers=24, width=2048, heads=24, inner=8192),
}
"""By their names in the code; the paper calls them large and xlarge. Only the second was
published."""


def sinusoid(positions: Tensor, width: int) -> Tensor:
    """(..., width) float32 of positions (...): sines, then cosines, and zero for position 0."""
    half = width // 2
    step = -math.log(PERIOD) / (half - 1)
    rate = torch.exp(torch.arange(half, dtype=torch.float32, device=positions.device) * step)
    angle = (positions + _FIRST - 1).float()[..., None] * rate
    return torch.cat([angle.sin(), angle.cos()], -1) * (positions > 0)[..., None]


class AttributeLM(nn.Module):
    """The model."""

    def __init__(self, config: AttributeConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.words, config.width)
        self.trunk = LinearTrunk(config.trunk)
        self.head = nn.Linear(config.width, config.words, bias=False)
        for table in (self.embedding, self.head):
            nn.init.normal_(table.weight, std=config.width**-0.5)  # fairseq's
        if config.control != "prefix":
            self.mixed = nn.Linear(config.width, config.width)

    def positions(self, ids: Tensor, before: Tensor | None = None) -> Tensor:
        """Positions (B, T) of ids (B, T): 0, which has none, before the separator, 1 at it and so
        on. ``before`` (B,): the position of the word that stands in front, 0 for none yet. In
        ``compatible`` mode the word before the separator has position 1."""
        start = before if before is not None else ids.new_zeros(len(ids))
        ahead = 1 if self.config.compatible else 0
        opened = torch.zeros_like(ids, dtype=torch.bool)
        opened[:, : ids.shape[1] - ahead] = ids[:, ahead:] == self.config.separator
        opened = (opened.cumsum(1) > 0) | (start > 0)[:, None]
        return opened.long().cumsum(1) + start[:, None] * opened

    def separator_place(self, ids: Tensor) -> int:
        """The index in T of the first separator of ids (B, T), the same in all rows."""
        return int((ids[0] == self.config.separator).nonzero()[0, 0])

    def split(self, ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """What is read word by word of whole beginnings (B, T), whose separators stand at the same
        place, and the vector (B, D) that the attributes become; of a prefix all words, and None.
        """
        if self.config.control == "prefix":
            return ids, None
        place = self.separator_place(ids)
        words = self.embedding(ids[:, 1:place])
        return ids[:, place:], self.mixed(words.sum(1))

    def hidden(
        self,
        ids: Tensor,
        states: Sequence[State] | None = None,
        before: Tensor | None = None,
        branches: Sequence[Branch] | None = None,
        form: str | None = None,
        condition: Tensor | None = None,
    ) -> tuple[Tensor, list[State]]:
        """Ids (B, T) to normed hidden states (B, T, D), and the trunk's states behind them.
        ``before``: as in ``positions``, where words stand in front (``states``); ``condition``:
        that of ``split``, where there is one, whose ids are read then."""
        x = self.embedding(ids) * math.sqrt(self.config.width)
        there = ids != PAD
        place = self.positions(ids, before) * there
        x = x + sinusoid(place, self.config.width).to(x.dtype)
        if condition is not None and self.config.control == "embedding":
            return self.trunk(x + condition[:, None], there, states, branches, form)
        return self.trunk(x, there, states, branches, form, condition)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (B, T, words) of the word that follows each of ``ids`` (B, T), which are whole
        beginnings; 0 for words that are not read one by one."""
        read, condition = self.split(ids)
        logits = self.head(self.hidden(read, condition=condition)[0])
        return F.pad(logits, (0, 0, ids.shape[1] - read.shape[1], 0))

    # -------------------------------------------------------------- files

    def save(self, folder: str | Path, card: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint. ``card``: further entries. Raises InputError."""
        return save_network(folder, SYSTEM, self.config.to_dict(), self.state_dict(), card)

    @classmethod
    def load(
        cls,
        place: str | Path | Checkpoint,
        device: Any = None,
        dtype: Any = None,
        compatible: bool = False,
    ) -> AttributeLM:
        """The model of a checkpoint's folder, or of the published file. Raises CheckpointError."""

        def of_card(part: Mapping[str, Any]) -> AttributeLM:
            return cls(AttributeConfig(**{**part, "compatible": compatible}))

        model = load_network(place, SYSTEM, of_card, lambda file: from_published(file, compatible))
        return placed(model, device, dtype_of(dtype)).eval()


def from_published(foreign: Foreign, compatible: bool = False) -> AttributeLM:
    """The model with MuseCoco's published weights. Raises CheckpointError where they are not
    whole, or nothing says how many heads they have."""
    weights, settings = foreign.weights, foreign.settings
    width = size(weights, "decoder.embed_tokens.weight", 1)
    heads = settings.get("decoder_attention_heads", _HEADS.get(width))
    if not isinstance(heads, int):
        raise CheckpointError(f"{foreign.path} does not say how many heads a width of {width} has")
    with of_sizes(f"the sizes in {foreign.path} cannot be"):
        config = AttributeConfig(
            words=size(weights, "decoder.embed_tokens.weight"),
            layers=count(weights, r"decoder\.layers\.(\d+)\."),
            width=width,
            heads=heads,
            inner=size(weights, "decoder.layers.0.fc1.weight"),
            dropout=float(settings.get("dropout", 0.1)),
            compatible=compatible,
        )
        model = AttributeLM(config)
    fill(model, foreign, published_names(config))
    return model.eval()


def published_names(config: AttributeConfig) -> dict[str, str]:
    """Our names of weights and the published ones. The published layout has two numbers more,
    which nothing reads: ``decoder.version`` and ``decoder.embed_positions._float_tensor``."""
    names = {
        "embedding.weight": "decoder.embed_tokens.weight",
        "head.weight": "decoder.output_projection.weight",
    }
    for part in ("weight", "bias"):
        names[f"trunk.norm.{part}"] = f"decoder.layer_norm.{part}"
        for layer in range(config.layers):
            for ours, theirs in _LAYER.items():
                there = f"decoder.layers.{layer}.{theirs}.{part}"
                names[f"trunk.layers.{layer}.{ours}.{part}"] = there
    return names
