"""The code language model: a causal transformer over columns of K codes, as MusicGen's decoder.

Knows integers, columns and states of conditions; does not know patterns (what stands in a column),
codecs, texts or scores. A column is the sum of K embeddings; K heads give the next one, each its
book's, independent of one another. Copet et al., "Simple and controllable music generation"
(NeurIPS 2023), as audiocraft computes it: pre-norm blocks of self-attention, cross-attention and a
GELU layer, no biases in them, sinusoidal positions. ``models.audio.musicgen`` reads published
weights.

Conditions enter in one of four ways (``FUSES``). What a model has of them, and how, is a table in
its config.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.models.step_lm import Past

FUSES = ("sum", "interpolate", "prepend", "cross")
"""How a condition's states enter: added to the columns, one state each (or one for all); stretched
to the columns' number and added (audiocraft's ``input_interpolate``); put before the columns; read
by cross-attention."""

PERIOD = 10_000.0
"""Of the slowest position, over 2 pi; audiocraft's ``max_period``."""
CUT = 3.0
"""Standard deviations at which first weights are cut off, as in audiocraft."""


@dataclass(frozen=True)
class ConditionConfig:
    """A condition: the ``width`` of its states, how it is ``fuse``-d, and whether it is
    ``project``-ed to the model's width by a linear layer (else it must have that width). Where
    ``length`` is above 0, states are repeated and cut to so many, as MusicGen does a melody's."""

    width: int
    fuse: str
    project: bool = True
    length: int = 0

    def __post_init__(self) -> None:
        if self.fuse not in FUSES:
            raise InputError(
                f"a condition cannot be fused by {self.fuse!r}; known: {', '.join(FUSES)}"
            )


@dataclass(frozen=True)
class CodeConfig:
    """Sizes of a code model: ``books`` (K) of ``card`` values each, which ``card`` itself is none
    of: it marks what a column does not hold. ``hidden`` is the width between a block's two linear
    layers. ``conditions`` by name; of several that are prepended, the first stands in front."""

    books: int
    card: int
    width: int = 1024
    heads: int = 16
    layers: int = 24
    hidden: int = 4096
    dropout: float = 0.0
    conditions: Mapping[str, ConditionConfig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % 2:
            raise InputError(f"a width of {self.width} does not divide into {self.heads} heads")

    @property
    def crossed(self) -> bool:
        """Whether blocks have a cross-attention."""
        return any(condition.fuse == "cross" for condition in self.conditions.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CodeConfig:
        """The config ``to_dict`` wrote. Raises CheckpointError where it is none."""
        try:
            conditions = {
                name: ConditionConfig(**entry) for name, entry in data["conditions"].items()
            }
            return cls(**{**data, "conditions": conditions})
        except (TypeError, KeyError, AttributeError, InputError) as error:
            raise CheckpointError(f"the code model's config does not fit: {error}") from error


class Signal(NamedTuple):
    """A condition's ``states`` (B, T, D) and their ``mask`` (B, T), False where there is none."""

    states: Tensor
    mask: Tensor


Signals = Mapping[str, Signal]
"""Conditions by name. One that is left out is not given, which a model must have learned."""


class Fused(NamedTuple):
    """Conditions on their places: what is ``added`` to columns (B, S or 1, D), the ``prefix``
    (B, P, D), and what is read by cross-attention (B, C, D) with its mask (B, C); None for
    nothing."""

    added: Tensor | None = None
    prefix: Tensor | None = None
    cross: Tensor | None = None
    cross_mask: Tensor | None = None


def sinusoid(length: int, width: int, device: Any = None) -> Tensor:
    """(length, width) positions: cosines, then sines."""
    half = width // 2
    step = -math.log(PERIOD) / max(half - 1, 1)
    rate = torch.exp(torch.arange(half, dtype=torch.float32, device=device) * step)
    place = torch.arange(length, dtype=torch.float32, device=device)
    angle = place[:, None] * rate
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def _split(x: Tensor, heads: int) -> Tensor:
    """(B, T, D) -> (B, H, T, D / H)."""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _joined(x: Tensor) -> Tensor:
    """(B, H, T, D / H) -> (B, T, D)."""
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


def _left_out(x: Tensor, share: float) -> Tensor:
    """x with a share of its values left out."""
    return F.dropout(x, share) if share else x


class CrossPast(NamedTuple):
    """What one layer's cross-attention reads: keys and values (B, H, C, D / H), and which of them
    (B, 1, 1, C), None for all."""

    keys: Tensor
    values: Tensor
    mask: Tensor | None


class Cross(nn.Module):
    """Attention from columns to a condition's states."""

    def __init__(self, config: CodeConfig):
        super().__init__()
        d = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.norm = nn.LayerNorm(d)
        self.q = nn.Linear(d, d, bias=False)
        self.kv = nn.Linear(d, 2 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)

    def past(self, states: Tensor, mask: Tensor | None) -> CrossPast:
        """Keys and values of states (B, C, D) with their mask (B, C). Rows without any state may
        look at all of them: as these are zero, they add nothing."""
        keys, values = self.kv(states).chunk(2, dim=-1)
        seen = None
        if mask is not None and not bool(mask.all()):
            seen = (mask | ~mask.any(1, keepdim=True))[:, None, None]
        return CrossPast(_split(keys, self.heads), _split(values, self.heads), seen)

    def forward(self, x: Tensor, past: CrossPast) -> Tensor:
        """What is added to columns (B, T, D)."""
        q = _split(self.q(self.norm(x)), self.heads)
        drop = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, past.keys, past.values, past.mask, drop)
        return _left_out(self.out(_joined(y)), drop)


class Block(nn.Module):
    """One pre-norm layer."""

    def __init__(self, config: CodeConfig):
        super().__init__()
        d = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.norm1 = nn.LayerNorm(d)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.cross = Cross(config) if config.crossed else None
        self.norm2 = nn.LayerNorm(d)
        self.up = nn.Linear(d, config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, d, bias=False)

    def forward(
        self, x: Tensor, past: Past | None = None, cross: CrossPast | None = None
    ) -> Tensor:
        """x (B, T, D) -> (B, T, D). With ``past`` they stand behind the positions that it holds,
        see these as well, and are taken up by it."""
        q, k, v = (_split(y, self.heads) for y in self.qkv(self.norm1(x)).chunk(3, dim=-1))
        drop = self.dropout if self.training else 0.0
        if past is None:
            y = F.scaled_dot_product_attention(q, k, v, None, drop, is_causal=True)
        else:
            k, v, seen = past.extended(k, v)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = x + _left_out(self.out(_joined(y)), drop)
        if self.cross is not None and cross is not None:
            x = x + self.cross(x, cross)
        y = _left_out(F.gelu(self.up(self.norm2(x))), drop)
        return x + _left_out(self.down(y), drop)


class CodeLM(nn.Module):
    """The model. Its embeddings are one table, its heads one matrix, books one after the other."""

    offset: Tensor

    def __init__(self, config: CodeConfig):
        super().__init__()
        self.config = config
        d = config.width
        self.embedding = nn.Embedding(config.books * (config.card + 1), d)
        self.conditions = nn.ModuleDict(
            {
                name: nn.Linear(one.width, d) if one.project else nn.Identity()
                for name, one in config.conditions.items()
            }
        )
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, config.books * config.card, bias=False)
        offset = torch.arange(config.books) * (config.card + 1)
        self.register_buffer("offset", offset[:, None], persistent=False)
        self._init()

    def _init(self) -> None:
        """audiocraft's first weights: a cut normal of deviation 1 / sqrt(inputs), in the blocks
        over sqrt(2 * the layer's number); queries, keys and values of self-attention as torch's
        linear layers begin."""
        for table in (self.embedding, self.head):
            _cut_normal(table.weight, self.config.width)
        for number, block in enumerate(self.blocks, 1):
            for name, module in block.named_modules():
                if isinstance(module, nn.Linear) and name not in ("qkv", "cross.q", "cross.kv"):
                    _cut_normal(module.weight, module.in_features * 2 * number)

    # -------------------------------------------------------------- conditions

    def fuse(self, signals: Signals, columns: int) -> Fused:
        """Conditions on their places beside so many columns. Raises InputError for a condition
        that the model does not have, of another width, or that is to be added and has neither one
        state for each column nor one for all."""
        placed: dict[str, list[Signal]] = {fuse: [] for fuse in FUSES}
        for name in signals:
            if name not in self.config.conditions:
                names = ", ".join(self.config.conditions) or "none"
                raise InputError(f"the model has no condition {name!r}; it has: {names}")
        for name, condition in self.config.conditions.items():
            if name in signals:
                placed[condition.fuse].append(self._projected(name, signals[name]))
        added = [signal.states for signal in placed["sum"]]
        for states in added:
            if states.shape[1] not in (1, columns):
                raise InputError(
                    f"a condition to be added has {states.shape[1]} states for {columns} columns"
                )
        added += [_stretched(signal.states, columns) for signal in placed["interpolate"]]
        before, cross = placed["prepend"], placed["cross"]
        return Fused(
            sum(added[1:], added[0]) if added else None,
            torch.cat([signal.states for signal in before], 1) if before else None,
            torch.cat([signal.states for signal in cross], 1) if cross else None,
            torch.cat([signal.mask for signal in cross], 1) if cross else None,
        )

    def _projected(self, name: str, signal: Signal) -> Signal:
        condition = self.config.conditions[name]
        states, mask = signal
        if states.shape[-1] != condition.width:
            raise InputError(
                f"the condition {name!r} has a width of {condition.width}, not {states.shape[-1]}"
            )
        mask = mask.to(self.embedding.weight.device)
        states = self.conditions[name](states.to(self.embedding.weight)) * mask[..., None]
        if condition.length:
            times = math.ceil(condition.length / states.shape[1])
            states = states.repeat(1, times, 1)[:, : condition.length]
            mask = mask.repeat(1, times)[:, : condition.length]
        return Signal(states, mask)

    def read_across(self, fused: Fused) -> list[CrossPast | None]:
        """What the cross-attention of each layer reads; None where there is nothing."""
        if fused.cross is None:
            return [None] * len(self.blocks)
        crosses = [module for module in self.modules() if isinstance(module, Cross)]
        return [cross.past(fused.cross, fused.cross_mask) for cross in crosses]

    # -------------------------------------------------------------- columns

    def embed(self, columns: Tensor) -> Tensor:
        """(B, K, S) codes, ``card`` where there is none, to (B, S, D)."""
        b, k, s = columns.shape
        index = (columns + self.offset).transpose(1, 2).reshape(b * s, k)
        return self.embedding(index).sum(1).view(b, s, -1)

    def trunk(
        self,
        x: Tensor,
        cross: Sequence[CrossPast | None],
        pasts: Sequence[Past] | None = None,
    ) -> Tensor:
        """Positions (B, T, D), their places added, to normed hidden states; behind those that
        ``pasts``, one a layer, hold."""
        for number, block in enumerate(self.blocks):
            x = block(x, pasts[number] if pasts else None, cross[number])
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) to (..., K, card)."""
        return self.head(hidden).unflatten(-1, (self.config.books, self.config.card))

    def forward(self, columns: Tensor, signals: Signals | None = None) -> Tensor:
        """Logits (B, K, S, card) of the column that follows each of ``columns`` (B, K, S)."""
        fused = self.fuse(signals or {}, columns.shape[2])
        x = self.embed(columns)
        if fused.added is not None:
            x = x + fused.added
        if fused.prefix is not None:
            x = torch.cat([fused.prefix, x], dim=1)
        x = x + sinusoid(x.shape[1], x.shape[2], x.device).to(x.dtype)
        hidden = self.trunk(x, self.read_across(fused))[:, -columns.shape[2] :]
        return self.logits(hidden).transpose(1, 2)


def nats_by_book(logits: Tensor, sequence: Tensor, mask: Tensor) -> Tensor:
    """(K,) mean nats that each book's codes cost: logits (B, K, S, card) at a column are about the
    column behind it, of ``sequence`` (B, K, S), where ``mask`` (K, S) says that it has a code. 0
    for a book without any."""
    books = []
    for k, there in enumerate(mask[:, 1:]):
        row, target = logits[:, k, :-1][:, there], sequence[:, k, 1:][:, there]
        total = F.cross_entropy(row.flatten(0, 1).float(), target.flatten(), reduction="sum")
        books.append(total / max(target.numel(), 1))
    return torch.stack(books)


def _stretched(states: Tensor, columns: int) -> Tensor:
    """(B, T, D) to (B, columns, D), each column taking the state nearest to it."""
    return F.interpolate(states.transpose(1, 2), size=columns).transpose(1, 2)


def _cut_normal(weight: Tensor, fan: float) -> None:
    """First weights of deviation 1 / sqrt(``fan``)."""
    std = 1 / math.sqrt(fan)
    nn.init.trunc_normal_(weight, std=std, a=-CUT * std, b=CUT * std)
