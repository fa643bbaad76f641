"""``bert-symphony``: a frozen SymphonyNet that reads a text through trained context layers.

Knows text states, a bridge and SymphonyNet's rows; does not know texts, MIDI or sampling. After
VIVYNet (poster, 2023), from whose code this differs: what is frozen is the list of
the weights that were loaded, and not what a pattern matches; SymphonyNet's norms stay in their
places and new branches have norms of their own; frozen parts keep still (no dropout); masks come
from the text's tokens; and through gates at 0 the model says at first exactly what SymphonyNet
says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cantilena.errors import InputError
from cantilena.models.bridges import Bridge, EntryConfig
from cantilena.models.checkpoint import Checkpoint, open_checkpoint
from cantilena.models.contexts import ContextConfig, Memory
from cantilena.models.hub import dtype_of
from cantilena.models.linear_attention import Branch, State
from cantilena.models.loading import of_sizes, save_network
from cantilena.models.saving import load_tensors, load_weights, placed
from cantilena.models.symphony import RowLogits, SymphonyConfig, SymphonyLM

if TYPE_CHECKING:
    from cantilena.models.encoders import TextEncoder

SYSTEM = "bert-symphony"


@dataclass(frozen=True)
class BridgeSizes:
    """What the bridge is built from: ``layers`` and ``text_width`` of the text model's states, how
    these are mixed, the ``context`` layers, the ``kind`` in which they enter and the ``heads`` of
    cross-attention."""

    layers: int
    text_width: int
    mix: str = "last"
    kind: str = "cross"
    heads: int = 8
    context: ContextConfig | None = field(default_factory=ContextConfig)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        context = None if self.context is None else self.context.to_dict()
        return {**vars(self), "context": context}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BridgeSizes:
        """The sizes ``to_dict`` wrote."""
        context = data["context"]
        return cls(**{**data, "context": None if context is None else ContextConfig(**context)})


@dataclass(frozen=True)
class Entering:
    """What a text gives to the rows that follow: the trunk's first ``states``, a ``branch`` for
    each layer, and what is ``added`` to every row; None for nothing."""

    states: Sequence[State] | None = None
    branches: Sequence[Branch] | None = None
    added: Tensor | None = None


class BertSymphony(nn.Module):
    """The model. ``encoder``: any text encoder, None where states are always passed in.
    ``music`` is frozen."""

    def __init__(self, music: SymphonyLM, sizes: BridgeSizes, encoder: TextEncoder | None = None):
        super().__init__()
        config = music.config
        self.music = music.requires_grad_(False).eval()
        self.encoder, self.sizes = encoder, sizes
        entry = EntryConfig(sizes.kind, config.layers, sizes.heads)
        self.bridge = Bridge(
            sizes.layers, sizes.text_width, config.width, sizes.mix, sizes.context, entry
        )

    def train(self, mode: bool = True) -> BertSymphony:
        """Only the bridge is ever in training mode."""
        super().train(mode)
        self.music.eval()
        return self

    def trained(self) -> list[str]:
        """Names of the weights that are trained."""
        return [name for name, parameter in self.named_parameters() if parameter.requires_grad]

    def enter(self, states: Tensor | None, mask: Tensor | None) -> Entering:
        """What a text's states (L, B, T, D) with their mask (B, T) give to the rows; nothing for no
        text."""
        if states is None or mask is None:
            return Entering()
        return self.entering(self.bridge.memory(states, mask.bool()))

    def entering(self, memory: Memory) -> Entering:
        """What memory, as ``bridge.memory`` gives it, gives to the rows."""
        entry = self.bridge.entry
        assert entry is not None
        if self.sizes.kind == "sum":
            return Entering(added=entry.summed(memory))
        if self.sizes.kind == "cross":
            return Entering(branches=entry.crossing(memory))
        behind = self.music.trunk(memory.states, memory.mask)[1]
        return Entering(states=entry.before(behind))

    def forward(
        self, rows: Tensor, text_states: Tensor | None = None, text_mask: Tensor | None = None
    ) -> RowLogits:
        """Logits of the row that follows each of ``rows`` (B, T, 6)."""
        entering = self.enter(text_states, text_mask)
        hidden, _ = self.music.hidden(rows, entering.states, entering.branches, entering.added)
        return self.music.logits(hidden)

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """States (L, B, T, D) and mask (B, T) of texts. Raises InputError without an encoder."""
        if self.encoder is None:
            raise InputError("this model has no text encoder; give it text states")
        with torch.no_grad():
            read = self.encoder.encode(texts)
        return read.states, read.mask

    # -------------------------------------------------------------- files

    def save(self, folder: str | Path, card: Mapping[str, Any] | None = None) -> Path:
        """Writes a checkpoint: the music model and the bridge; of the text model its name alone.
        ``card``: further entries. Raises InputError."""
        part = {
            "text": None if self.encoder is None else self.encoder.card,
            "music": self.music.config.to_dict(),
            "bridge": self.sizes.to_dict(),
        }
        return save_network(folder, SYSTEM, part, self.state_dict(), card)

    @classmethod
    def load(
        cls,
        place: str | Path | Checkpoint,
        device: Any = None,
        dtype: Any = None,
        text: bool = True,
    ) -> BertSymphony:
        """The model of a checkpoint. ``text``: load the text model too. Raises CheckpointError."""
        from cantilena.models.encoders import encoder_from_card

        checkpoint = open_checkpoint(place, SYSTEM)
        part, encoder = checkpoint.model, None
        if text and part.get("text"):
            encoder = encoder_from_card(part["text"], device=device, dtype=dtype)
        with of_sizes(f"the card of {checkpoint.folder} is damaged"):
            music = SymphonyLM(SymphonyConfig(**part["music"]))
            model = cls(music, BridgeSizes.from_dict(part["bridge"]), encoder)
        load_weights(model, load_tensors(checkpoint.weights), checkpoint.folder)
        return placed(model, device, dtype_of(dtype)).eval()
