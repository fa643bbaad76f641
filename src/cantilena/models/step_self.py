"""``FA_self`` on the step model: one frozen model reads a reference, then a target that looks back.

Knows attention, positions and what is trained; files and the interface are ``AlignedSteps``'. Jiang
et al. (ISMIR 2025): the target stands behind the reference, its positions begin anew, a learned
vector for each of the two segments, 0 at first, is added to the table of rotary positions, and
queries and values have LoRA (Hu et al. 2021), 0 at first as well. Two things differ here, since
steps are not frames and the frozen model is to be the beginning:

- Where the target's queries meet the reference's keys, their position is the number of the
  reference's steps up to their tick, so that what sounds together has one position, as the same
  frames have in the paper.
- A number for each head says how far it goes from attention to the target alone (0, at first) to
  that to both streams in one softmax (1, the paper's), so that at first the target is what the
  frozen model writes alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.models.aligned import NOTE_KINDS
from cantilena.models.step_aligned import AlignedSteps, Inputs, Reference
from cantilena.models.step_lm import Block, Past, StepLM, rotate


@dataclass(frozen=True)
class SelfConfig:
    """``rank`` of the updates of queries and values. Raises ValueError for one that cannot be."""

    rank: int = 64

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"updates of rank {self.rank} cannot be")


SCALE = 2.0
"""What updates are multiplied by: alpha / rank of the published adapters."""


class Update(nn.Module):
    """A learned change of low rank to what a frozen matrix gives; none at first."""

    def __init__(self, width: int, rank: int):
        super().__init__()
        self.down = nn.Linear(width, rank, bias=False)
        self.up = nn.Linear(rank, width, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return self.up(self.down(x)) * SCALE


@dataclass(frozen=True)
class Meeting:
    """What a target's steps, behind ``prefix`` positions, need to look back at a reference: tables
    (B, 1, T, D / 2H) of their positions there, and (B, 1, 1, R) bool, what is there."""

    prefix: int
    cos: Tensor
    sin: Tensor
    there: Tensor


class SelfSteps(AlignedSteps):
    """A frozen ``StepLM`` that reads a reference before the target (FA_self)."""

    kind = NOTE_KINDS["self"]
    sizes = ("rank",)
    quick = "gates"
    rate: Tensor

    def __init__(self, base: StepLM, config: SelfConfig | None = None):
        super().__init__(base)
        self.config = config or SelfConfig()
        c, rank = base.config, self.config.rank
        head = c.width // c.heads
        self.query = nn.ModuleList(Update(c.width, rank) for _ in range(c.layers))
        self.value = nn.ModuleList(Update(c.width, rank) for _ in range(c.layers))
        self.gates = nn.Parameter(torch.zeros(c.layers, c.heads))
        self.segments = nn.Parameter(torch.zeros(2, head))  # of the reference, of the target
        rate = c.rope_base ** (-torch.arange(0, head, 2, dtype=torch.float32) / head)
        self.register_buffer("rate", rate, persistent=False)

    def read(self, stream: Inputs) -> Reference:
        """As ``AlignedSteps.read``: what each layer reads of the reference, with the updates."""
        x, prefix = self.embedded(stream)
        cos, sin = self._turns(0, 0, x.shape[1])
        states = [x[:, prefix:]]
        for i in range(len(self.base.blocks) - 1):  # nobody reads what the last one gives
            x = self._block(i, x, cos, sin)
            states.append(x[:, prefix:])
        return Reference(tuple(states), stream["ticks"], stream["there"])

    def keys(self, reference: Reference) -> list[tuple[Tensor, Tensor]]:
        """As ``AlignedSteps.keys``, of each layer; positions go on where a reference was read in
        several windows."""
        first = self.base.config.prefix
        at = torch.arange(first, first + reference.ticks.shape[1], device=reference.ticks.device)
        cos, sin = self._at(at, 0)
        out = []
        for i, states in enumerate(reference.states):
            _, k, v = self._projected(i, states)
            out.append((rotate(k, cos, sin).to(v.dtype), v))
        return out

    def trunk(
        self,
        x: Tensor,
        ticks: Tensor,
        prefix: int,
        reference: Reference | None,
        keys: Sequence[tuple[Tensor, Tensor]],
        pasts: Sequence[Past] | None = None,
    ) -> Tensor:
        """As ``AlignedSteps.trunk``; without a reference, the frozen model's."""
        if reference is None:
            return self.base.trunk(x, pasts)
        cos, sin = self._turns(1, pasts[0].used if pasts else 0, x.shape[1])
        meeting = self._meeting(ticks[:, prefix:], prefix, reference)
        for i in range(len(self.base.blocks)):
            past = pasts[i] if pasts else None
            x = self._block(i, x, cos, sin, past, keys[i], meeting)
        return self.base.norm(x)

    def _block(
        self,
        i: int,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        past: Past | None = None,
        keys: tuple[Tensor, Tensor] | None = None,
        meeting: Meeting | None = None,
    ) -> Tensor:
        """As ``Block.forward`` of layer ``i``, with the updates, and beside ``keys``."""
        block: Block = self.base.blocks[i]  # type: ignore[assignment]
        bare, k, v = self._projected(i, x)
        q, k = rotate(bare, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        seen = None
        if past is not None:
            k, v, seen = past.extended(k, v)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=past is None)
        if keys is not None and meeting is not None:
            own = y[:, :, meeting.prefix :]
            both = self._both(q, bare, k, v, seen, keys, meeting)
            own = own + self.gates[i][:, None, None].to(y.dtype) * (both - own)
            y = torch.cat([y[:, :, : meeting.prefix], own], dim=2)
        x = x + block.out(y.transpose(1, 2).flatten(2))
        gate, up = block.up(block.norm2(x)).chunk(2, dim=-1)
        return x + block.down(F.silu(gate) * up)

    def _both(
        self,
        q: Tensor,
        bare: Tensor,
        k: Tensor,
        v: Tensor,
        seen: Tensor | None,
        keys: tuple[Tensor, Tensor],
        meeting: Meeting,
    ) -> Tensor:
        """Attention (B, H, T, D / H) of the target's steps to their own stream and the reference in
        one softmax: ``bare`` queries are turned as those positions ask that the reference has."""
        steps = slice(meeting.prefix, None)
        there, reference_values = keys
        far = rotate(bare[:, :, steps], meeting.cos, meeting.sin).to(v.dtype)
        scale, lowest = 1 / math.sqrt(q.shape[-1]), torch.finfo(v.dtype).min
        own = q[:, :, steps] @ k.transpose(2, 3) * scale
        if seen is None and q.shape[2] > 1:
            length = q.shape[2]
            seen = torch.ones(length, length, dtype=torch.bool, device=q.device).tril()
        if seen is not None:
            own = own.masked_fill(~seen[steps], lowest)
        other = (far @ there.transpose(2, 3) * scale).masked_fill(~meeting.there, lowest)
        share = torch.cat([own, other], dim=3).softmax(-1)
        return share[..., : k.shape[2]] @ v + share[..., k.shape[2] :] @ reference_values

    def _projected(self, i: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, H, T, D / H) of layer ``i``, not turned yet."""
        block: Block = self.base.blocks[i]  # type: ignore[assignment]
        h = block.norm1(x)
        q, k, v = block.qkv(h).chunk(3, dim=-1)
        rows = (q + self.query[i](h), k, v + self.value[i](h))
        heads = block.heads
        q, k, v = (row.unflatten(-1, (heads, -1)).transpose(1, 2) for row in rows)
        return q, k, v

    def _meeting(self, ticks: Tensor, prefix: int, reference: Reference) -> Meeting:
        before = reference.ticks[:, None, :] <= ticks[:, :, None]
        count = (before & reference.there[:, None, :]).sum(2)  # (B, T) steps up to each tick
        place = self.base.config.prefix + (count - 1).clamp(min=0)
        cos, sin = self._at(place, 1)
        return Meeting(prefix, cos[:, None], sin[:, None], reference.there[:, None, None, :])

    def _turns(self, segment: int, start: int, length: int) -> tuple[Tensor, Tensor]:
        """Tables of positions (T, D / 2H) from ``start`` on, with what the segment adds."""
        sin, cos = self.segments[segment].chunk(2)
        rows = slice(start, start + length)
        return self.base.cos[rows] + cos, self.base.sin[rows] + sin

    def _at(self, place: Tensor, segment: int) -> tuple[Tensor, Tensor]:
        """The same at any positions (...): of shape (..., D / 2H)."""
        sin, cos = self.segments[segment].chunk(2)
        angle = place[..., None].to(torch.float32) * self.rate
        return angle.cos() + cos, angle.sin() + sin
