"""MuseCoco's first stage on a frozen text model: learnt queries read its states, a head each.

Knows text encoders, context layers and shapes; does not know what attributes or their values mean,
nor texts. The published model (``models.text_attributes``) trains a whole BERT, in whose input its
queries stand. Here the text model stays as it is, so that any encoder will do, the built-in
hashed words too, and a checkpoint holds the queries and heads alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cantilena.errors import InputError
from cantilena.models.bridges import Bridge
from cantilena.models.checkpoint import Checkpoint, open_checkpoint
from cantilena.models.contexts import ContextConfig
from cantilena.models.encoders import TextEncoder, encoder_from_card
from cantilena.models.hub import dtype_of
from cantilena.models.loading import of_sizes, save_network
from cantilena.models.saving import load_tensors, load_weights, placed
from cantilena.models.text_attributes import SYSTEM

MIX = "layers"
"""Of the text model: all its layers are read, by learnt weights."""


@dataclass(frozen=True)
class QuerySizes:
    """``layers`` in which queries of ``width`` numbers read the text, in ``heads`` of attention."""

    layers: int = 2
    width: int = 128
    heads: int = 4
    dropout: float = 0.1


class FrozenTextToAttributes(nn.Module):
    """The model. ``encoder``: any text encoder, which is neither trained nor saved; ``values``: how
    many each attribute has. Raises InputError without attributes."""

    def __init__(self, encoder: TextEncoder, values: Sequence[int], sizes: QuerySizes):
        super().__init__()
        if not values or min(values) < 2:
            raise InputError("give at least 1 attribute, and for each at least 2 values")
        self.encoder, self.sizes = encoder, sizes
        context = ContextConfig(
            "queries", sizes.layers, sizes.width, sizes.heads, len(values), sizes.dropout
        )
        self.bridge = Bridge(encoder.layers, encoder.width, sizes.width, MIX, context)
        self.heads = nn.ModuleList(nn.Linear(sizes.width, n) for n in values)

    @property
    def values(self) -> list[int]:
        """How many values each attribute has."""
        return [head.out_features for head in self.heads]  # type: ignore[misc]

    def forward(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """Logits (B, values), one an attribute, of the encoder's tokens (B, T) and their mask."""
        with torch.no_grad():
            states = self.encoder.states(ids, mask)
        memory = self.bridge.memory(states, mask.bool()).states
        return [head(memory[:, k]) for k, head in enumerate(self.heads)]

    # -------------------------------------------------------------- files

    def save(self, folder: str | Path, card: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint: queries and heads, and of the text model its name alone. ``card``:
        further entries. Raises InputError."""
        part = {"text": self.encoder.card, "values": self.values, "queries": vars(self.sizes)}
        return save_network(folder, SYSTEM, part, self.state_dict(), card)

    @classmethod
    def load(
        cls, place: str | Path | Checkpoint, device: Any = None, dtype: Any = None
    ) -> FrozenTextToAttributes:
        """The model of a checkpoint, with its text model. Raises CheckpointError, and InputError
        where a package's text model has not been fetched."""
        checkpoint = open_checkpoint(place, SYSTEM)
        with of_sizes(f"the card of {checkpoint.folder} is damaged"):
            text = dict(checkpoint.model["text"])
        encoder = encoder_from_card(text, device=device, dtype=dtype)
        with of_sizes(f"the card of {checkpoint.folder} is damaged"):
            sizes = QuerySizes(**checkpoint.model["queries"])
            model = cls(encoder, checkpoint.model["values"], sizes)
        load_weights(model, load_tensors(checkpoint.weights), checkpoint.folder)
        return placed(model, device, dtype_of(dtype)).eval()


def is_frozen(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint's text model is a frozen one, and not in the checkpoint."""
    return "queries" in checkpoint.model
