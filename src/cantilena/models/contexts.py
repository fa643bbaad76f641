"""Context layers: a frozen text model's states made the memory that a music model reads.

Knows states (B, T, D) and their masks; does not know either model, nor how memory enters. A word
piece has to become many notes, so the layers may do more than project: ``linear`` and
``transformer``, as VIVYNet has them, keep the text's length; ``queries`` has a length of its own,
learned vectors that read the text (as Q-Former and Perceiver do).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import InputError


class Memory(NamedTuple):
    """``states`` (B, M, D) and their ``mask`` (B, M), False where there is none."""

    states: Tensor
    mask: Tensor


@dataclass(frozen=True)
class ContextConfig:
    """``kind``: one of ``CONTEXTS``. ``layers`` of them, ``width`` within; ``heads`` of attention,
    ``memory``: vectors that ``queries`` makes. Raises InputError for what cannot be."""

    kind: str = "queries"
    layers: int = 2
    width: int = 256
    heads: int = 8
    memory: int = 32
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.kind not in CONTEXTS:
            raise InputError(f"unknown context {self.kind!r}; known: {', '.join(CONTEXTS)}")
        if self.layers < 0 or min(self.heads, self.memory) < 1 or self.width % self.heads:
            raise InputError(
                f"a context of {self.layers} layers, {self.width} wide in {self.heads} heads, with "
                f"{self.memory} vectors, cannot be"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)


def seen(mask: Tensor) -> Tensor:
    """A mask (B, T) of what attention may look at, in which a row without any state sees all: its
    outcome is left out elsewhere, and a softmax over nothing would be no number."""
    return mask | ~mask.any(1, keepdim=True)


class LinearContext(nn.Module):
    """Each state by itself: linear layers with ReLU and a norm behind each (VIVYNet's ``linear``).
    ``layers`` of them between the first and the last."""

    def __init__(self, into: int, out: int, config: ContextConfig):
        super().__init__()
        sizes = [into, *[config.width] * (config.layers + 1), out]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.LayerNorm(b) for b in sizes[1:])
        self.dropout = config.dropout

    def forward(self, states: Tensor, mask: Tensor) -> Memory:
        """States (B, T, D) and their mask (B, T) to as many vectors."""
        for i, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            states = F.relu(layer(states))
            if i + 1 < len(self.layers):
                states = F.dropout(states, self.dropout, self.training)
            states = norm(states)
        return Memory(states, mask)


class TransformerContext(nn.Module):
    """Post-norm layers of full attention over the text (VIVYNet's ``transformer_encoder``)."""

    def __init__(self, into: int, out: int, config: ContextConfig):
        super().__init__()
        d = config.width
        self.enter, self.leave, self.dropout = nn.Linear(into, d), nn.Linear(d, out), config.dropout
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                d, config.heads, 4 * d, config.dropout, "gelu", batch_first=True
            )
            for _ in range(config.layers)
        )

    def forward(self, states: Tensor, mask: Tensor) -> Memory:
        """States (B, T, D) and their mask (B, T) to as many vectors."""
        x = F.dropout(F.relu(self.enter(states)), self.dropout, self.training)
        hidden = ~seen(mask)
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=hidden)
        return Memory(F.dropout(F.relu(self.leave(x)), self.dropout, self.training), mask)


class _QueryLayer(nn.Module):
    """One pre-norm layer: look at the text, at one another, then each by itself."""

    def __init__(self, config: ContextConfig):
        super().__init__()
        d = config.width
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(3))
        self.across, self.within = (
            nn.MultiheadAttention(d, config.heads, config.dropout, batch_first=True)
            for _ in range(2)
        )
        self.up, self.down, self.dropout = nn.Linear(d, 4 * d), nn.Linear(4 * d, d), config.dropout

    def forward(self, x: Tensor, states: Tensor, hidden: Tensor) -> Tensor:
        y = self.norms[0](x)
        x = x + self.across(y, states, states, key_padding_mask=hidden, need_weights=False)[0]
        y = self.norms[1](x)
        x = x + self.within(y, y, y, need_weights=False)[0]
        y = F.dropout(F.gelu(self.up(self.norms[2](x))), self.dropout, self.training)
        return x + F.dropout(self.down(y), self.dropout, self.training)


class QueryContext(nn.Module):
    """Learned vectors, ``memory`` in number, that read the text: one state may become many."""

    def __init__(self, into: int, out: int, config: ContextConfig):
        super().__init__()
        d = config.width
        self.queries = nn.Parameter(torch.randn(config.memory, d) * 0.02)
        self.enter, self.norm, self.leave = nn.Linear(into, d), nn.LayerNorm(d), nn.Linear(d, out)
        self.layers = nn.ModuleList(_QueryLayer(config) for _ in range(config.layers))

    def forward(self, states: Tensor, mask: Tensor) -> Memory:
        """States (B, T, D) and their mask (B, T) to ``memory`` vectors."""
        states, hidden = self.norm(self.enter(states)), ~seen(mask)
        x = self.queries.expand(len(states), -1, -1)
        for layer in self.layers:
            x = layer(x, states, hidden)
        return Memory(self.leave(x), mask.any(1, keepdim=True).expand(-1, x.shape[1]))


CONTEXTS: dict[str, type[nn.Module]] = {
    "linear": LinearContext,
    "transformer": TransformerContext,
    "queries": QueryContext,
}
"""Context layers by kind."""


def context_layers(config: ContextConfig, into: int, out: int) -> nn.Module:
    """The layers of a config, from states ``into`` wide to memory ``out`` wide."""
    return CONTEXTS[config.kind](into, out, config)
