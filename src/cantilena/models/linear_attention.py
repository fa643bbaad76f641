"""A causal transformer trunk with linear attention, in three forms that give the same.

Knows vectors, layers and the sums that attention carries; does not know tokens, positions or heads.
Katharopoulos et al., *Transformers are RNNs* (ICML 2020): with phi = elu + 1, position i gets

    phi(q_i) sum_{j<=i} phi(k_j) v_j^T / (phi(q_i) sum_{j<=i} phi(k_j) + 1e-6)

without a division by sqrt(d). All at once it costs by the square of the length (``parallel``), in
blocks by the length (``chunked``), and one position behind a state costs always the same
(``recurrent``). Layers are post-norm, as fast-transformers has them (SymphonyNet), or pre-norm, as
fairseq has them (MuseCoco). Both have a norm behind the last layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import InputError

EPSILON = 1e-6
"""Added to the sum of weights; fast-transformers' value, as both published systems have it."""
BLOCK = 128
"""Positions of a block in the chunked form, and the most that are computed all at once."""
NORMS = ("post", "pre")
FORMS = ("parallel", "chunked", "recurrent")

Branch = Callable[[Tensor], Tensor]
"""What a bridge adds behind a layer's self-attention: positions (B, T, D) to (B, T, D)."""


@dataclass(frozen=True)
class TrunkConfig:
    """Sizes. ``inner``: the width between a layer's two linear maps. A head has width // heads
    numbers and what is left over no head has: 2,048 in 24 heads are 24 of 85, 2,040.
    ``condition``: the width of a vector that norms within layers follow, 0 for none.

    Raises InputError for another ``norm`` or more heads than numbers."""

    layers: int
    width: int
    heads: int
    inner: int
    norm: str
    dropout: float = 0.0
    condition: int = 0

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise InputError(f"a trunk's norm cannot be {self.norm!r}; known: {', '.join(NORMS)}")
        if min(self.layers, self.heads, self.inner) < 1 or self.width < self.heads:
            raise InputError(
                f"a trunk of {self.layers} layers, {self.width} wide in {self.heads} heads, cannot "
                "be: each head needs a number and each size at least 1"
            )

    @property
    def attended(self) -> int:
        """The width of queries, keys and values of all heads."""
        return self.width // self.heads * self.heads

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)


# ------------------------------------------------------------------ attention


class State(NamedTuple):
    """What attention carries from the positions before: ``sums`` (B, H, E, E) of phi(k) v^T and
    ``weights`` (B, H, E) of phi(k), both float32."""

    sums: Tensor
    weights: Tensor


def features(x: Tensor) -> Tensor:
    """phi: above 0 everywhere."""
    return F.elu(x) + 1


def parallel(q: Tensor, k: Tensor, v: Tensor, state: State) -> tuple[Tensor, State]:
    """Positions (B, H, T, E) behind ``state``, all at once; ``q`` and ``k`` are phi of queries and
    keys. Gives their outputs (B, H, T, E) and the state behind them."""
    scores = (q @ k.transpose(-1, -2)).tril()  # (B, H, T, T)
    total = scores @ v + q @ state.sums
    weight = scores.sum(-1) + (q @ state.weights[..., None])[..., 0] + EPSILON
    after = State(state.sums + k.transpose(-1, -2) @ v, state.weights + k.sum(-2))
    return total / weight[..., None], after


def chunked(
    q: Tensor, k: Tensor, v: Tensor, state: State, block: int = BLOCK
) -> tuple[Tensor, State]:
    """The same in blocks of ``block`` positions, each behind the state of those before."""
    outputs = []
    for some in zip(q.split(block, -2), k.split(block, -2), v.split(block, -2), strict=True):
        output, state = parallel(*some, state)
        outputs.append(output)
    return torch.cat(outputs, -2), state


def recurrent(q: Tensor, k: Tensor, v: Tensor, state: State) -> tuple[Tensor, State]:
    """The same, position by position."""
    outputs = []
    for i in range(q.shape[-2]):
        sums = state.sums + k[..., i, :, None] * v[..., i, None, :]
        state = State(sums, state.weights + k[..., i, :])
        total = (q[..., i, None, :] @ state.sums)[..., 0, :]
        weight = (q[..., i, :] * state.weights).sum(-1, keepdim=True) + EPSILON
        outputs.append(total / weight)
    return torch.stack(outputs, -2), state


_FORMS = {"parallel": parallel, "chunked": chunked, "recurrent": recurrent}


def form_for(length: int) -> str:
    """The form that costs least for so many positions."""
    if length == 1:
        return "recurrent"
    return "parallel" if length <= BLOCK else "chunked"


class LinearAttention(nn.Module):
    """Self-attention of one layer."""

    def __init__(self, config: TrunkConfig):
        super().__init__()
        d, e = config.width, config.attended
        self.heads, self.head = config.heads, e // config.heads
        self.query, self.key, self.value = (nn.Linear(d, e) for _ in range(3))
        self.out = nn.Linear(e, d)

    def empty(self, rows: int, device: Any = None) -> State:
        """The state before the first position."""
        size = (rows, self.heads, self.head)
        return State(
            torch.zeros(*size, self.head, device=device), torch.zeros(*size, device=device)
        )

    def forward(
        self, x: Tensor, keep: Tensor | None, state: State | None, form: str
    ) -> tuple[Tensor, State]:
        """x (B, T, D), of which only positions of ``keep`` (B, T) are read. Sums are float32
        whatever the precision of the rest: over thousands of positions 8 bits would lose them."""
        q, k, v = (
            part(x).float().unflatten(-1, (self.heads, self.head)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        if state is None:
            state = self.empty(x.shape[0], x.device)
        with torch.autocast(x.device.type, enabled=False):
            k = features(k)
            if keep is not None:
                k = k * keep[:, None, :, None]
            y, after = _FORMS[form](features(q), k, v, state)
        return self.out(y.transpose(1, 2).flatten(2).to(x.dtype)), after


# ------------------------------------------------------------------ the trunk


class ConditionalNorm(nn.LayerNorm):
    """A norm whose scale and offset follow a vector; as long as ``moved`` is zero, which it is at
    first, it is a plain one."""

    def __init__(self, width: int, condition: int):
        super().__init__(width)
        self.moved = nn.Linear(condition, 2 * width)
        nn.init.zeros_(self.moved.weight)
        nn.init.zeros_(self.moved.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (B, T, D), by a condition (B, C)."""
        scale, offset = self.moved(condition)[:, None].chunk(2, -1)
        return super().forward(x) * (1 + scale) + offset


class Layer(nn.Module):
    """Self-attention, what a bridge adds, and two linear maps with an exact GELU between."""

    def __init__(self, config: TrunkConfig):
        super().__init__()
        d = config.width
        self.pre, self.dropout = config.norm == "pre", config.dropout
        self.attention = LinearAttention(config)
        c = config.condition
        self.norm1, self.norm2 = (ConditionalNorm(d, c) if c else nn.LayerNorm(d) for _ in range(2))
        self.up, self.down = nn.Linear(d, config.inner), nn.Linear(config.inner, d)

    def forward(
        self,
        x: Tensor,
        keep: Tensor | None,
        state: State | None,
        form: str,
        branch: Branch | None,
        condition: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """x (B, T, D) to (B, T, D), and the state behind it."""
        follows = () if condition is None else (condition,)
        y, after = self.attention(self.norm1(x, *follows) if self.pre else x, keep, state, form)
        x = x + self._dropped(y)
        if not self.pre:
            x = self.norm1(x, *follows)
        if branch is not None:
            x = x + branch(x)
        y = self._dropped(F.gelu(self.up(self.norm2(x, *follows) if self.pre else x)))
        x = x + self._dropped(self.down(y))
        return (x if self.pre else self.norm2(x, *follows)), after

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class LinearTrunk(nn.Module):
    """Layers and the norm behind them."""

    def __init__(self, config: TrunkConfig):
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(
        self,
        x: Tensor,
        keep: Tensor | None = None,
        states: Sequence[State] | None = None,
        branches: Sequence[Branch] | None = None,
        form: str | None = None,
        condition: Tensor | None = None,
    ) -> tuple[Tensor, list[State]]:
        """Positions (B, T, D) to normed hidden states (B, T, D), and the state of each layer behind
        them. ``keep`` (B, T): False for positions that none may read; ``states`` and
        ``branches``, one a layer: of what stands before, and of a bridge; ``form``: one of
        ``FORMS``, by default that which costs least; ``condition`` (B, C): what norms follow, where
        the config has one. Raises InputError for another form."""
        if form is not None and form not in FORMS:
            raise InputError(f"linear attention has no form {form!r}; known: {', '.join(FORMS)}")
        form = form or form_for(x.shape[1])
        after = []
        for i, layer in enumerate(self.layers):
            state, branch = states[i] if states else None, branches[i] if branches else None
            x, state = layer(x, keep, state, form, branch, condition)
            after.append(state)
        return self.norm(x), after


def kept(states: Sequence[State], rows: Sequence[int]) -> list[State]:
    """The states of some rows of a batch."""
    return [State(state.sums[list(rows)], state.weights[list(rows)]) for state in states]
