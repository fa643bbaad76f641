"""RoFormer layers, as far as function alignment's models need them.

Knows vectors, rotary positions, what attention remembers, and two places where something may be
added; does not know frames, words or adapters. Su et al., *RoFormer* (2021), in the layout of
``transformers``: post-norm, an exact GELU, positions that turn pairs of neighbouring numbers, names
of weights as there. A table of positions has sines, then cosines; the published models' tables are
weights like others, which must be read and not computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import InputError

EPSILON = 1e-12
"""Of the norms, as in transformers' RoFormer."""
PERIOD = 10_000.0
"""Of the slowest pair, over 2 pi."""


@dataclass(frozen=True)
class RoFormerConfig:
    """Sizes; ``positions``: rows of the table. Raises InputError for heads that do not divide the
    width into an even number each."""

    layers: int
    width: int
    heads: int
    inner: int
    positions: int = 1536
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width // self.heads % 2:
            raise InputError(
                f"a width of {self.width} in {self.heads} heads gives no even number to each"
            )


Branch = Callable[[Tensor], Tensor]
"""Of a layer's input (B, T, D), what an adapter adds to its attention (B, T, D)."""


class Past(NamedTuple):
    """What a layer's attention remembers: keys and values (B, H, T, E)."""

    keys: Tensor
    values: Tensor


def sinusoid(positions: int, width: int) -> Tensor:
    """(positions, width) table: sines, then cosines."""
    rate = PERIOD ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = torch.arange(positions, dtype=torch.float64)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], 1).float()


def rotated(x: Tensor, turns: Tensor) -> Tensor:
    """Vectors (B, H, T, E) turned by rows (T, E) of a table of positions, pair by pair."""
    sin, cos = (part.repeat_interleave(2, -1) for part in turns.to(x.dtype).chunk(2, -1))
    turned = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * cos + turned * sin


class _Attention(nn.Module):
    def __init__(self, config: RoFormerConfig):
        super().__init__()
        d = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.query, self.key, self.value = (nn.Linear(d, d) for _ in range(3))

    def forward(
        self, x: Tensor, turns: Tensor, mask: Tensor | None, past: Past | None
    ) -> tuple[Tensor, Past]:
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        q, k = rotated(q, turns), rotated(k, turns)
        if past is not None:
            k, v = torch.cat([past.keys, k], 2), torch.cat([past.values, v], 2)
        drop = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, mask, drop)
        return y.transpose(1, 2).flatten(2), Past(k, v)


class _Output(nn.Module):
    def __init__(self, into: int, config: RoFormerConfig):
        super().__init__()
        self.dense = nn.Linear(into, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, eps=EPSILON)
        self.dropout = config.dropout

    def forward(self, x: Tensor, residual: Tensor, added: Tensor | None = None) -> Tensor:
        x = F.dropout(self.dense(x), self.dropout, self.training)
        if added is not None:
            x = x + added
        return self.LayerNorm(x + residual)


class Layer(nn.Module):
    """One layer. ``added`` goes in before the norm behind attention."""

    def __init__(self, config: RoFormerConfig):
        super().__init__()
        self.attention = nn.ModuleDict(
            {"self": _Attention(config), "output": _Output(config.width, config)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.width, config.inner)})
        self.output = _Output(config.inner, config)

    def forward(
        self,
        x: Tensor,
        turns: Tensor,
        mask: Tensor | None,
        past: Past | None = None,
        added: Tensor | None = None,
    ) -> tuple[Tensor, Past]:
        """x (B, T, D) to (B, T, D) and what is remembered. ``mask``: which keys are seen,
        broadcast to (B, H, T, keys); None for all."""
        y, after = self.attention["self"](x, turns, mask, past)
        x = self.attention["output"](y, x, added)
        return self.output(F.gelu(self.intermediate["dense"](x)), x), after


class Places(nn.Module):
    """The table of positions (N, E)."""

    def __init__(self, positions: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(sinusoid(positions, width), requires_grad=False)


class RoFormer(nn.Module):
    """Layers and their table of positions."""

    def __init__(self, config: RoFormerConfig):
        super().__init__()
        self.config = config
        self.embed_positions = Places(config.positions, config.width // config.heads)
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.layers))

    def turns(self, first: int, length: int) -> Tensor:
        """Rows (length, E) of the table. Raises InputError where it has not so many."""
        if first + length > len(self.embed_positions.weight):
            rows = len(self.embed_positions.weight)
            raise InputError(f"{first + length} positions do not fit the model's {rows}")
        return self.embed_positions.weight[first : first + length]

    def forward(
        self,
        x: Tensor,
        causal: bool,
        pasts: Sequence[Past] | None = None,
        turns: Tensor | None = None,
        keep: Tensor | None = None,
        branches: Sequence[Branch | None] | None = None,
        inputs: list[Tensor] | None = None,
    ) -> tuple[Tensor, list[Past]]:
        """x (B, T, D) behind what ``pasts``, one a layer, remember, to (B, T, D) and what is
        remembered then. ``turns`` (T, E): rows for the positions, by default the next ones of the
        table; ``keep`` (B, T): False for positions that none may see; ``branches``, one a layer:
        of a layer's input, what is added behind its attention; ``inputs`` takes up what each layer
        reads. Raises InputError for more positions than the table has."""
        before = pasts[0].keys.shape[2] if pasts else 0
        if turns is None:
            turns = self.turns(before, x.shape[1])
        mask = None if keep is None else keep[:, None, None, :]
        if causal and x.shape[1] > 1:
            size = (x.shape[1], before + x.shape[1])
            behind = torch.ones(size, dtype=torch.bool, device=x.device).tril(before)
            mask = behind if mask is None else behind & mask
        after = []
        for i, layer in enumerate(self.layer):
            branch = branches[i] if branches else None
            added = None if branch is None else branch(x)
            if inputs is not None:
                inputs.append(x)
            x, past = layer(x, turns, mask, pasts[i] if pasts else None, added)
            after.append(past)
        return x, after
