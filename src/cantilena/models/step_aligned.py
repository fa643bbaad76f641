"""Function alignment on the step model: a stream of notes written beside another one, both read by
the same frozen weights.

Knows hidden states and the times of steps, and writes files, which ``models.step_adapters`` reads;
does not know what the streams are, nor fields or wishes. Jiang et al. (ISMIR 2025).
``AlignedSteps`` is what both kinds of adapter share, and ``CrossSteps`` is ``FA_cross``
(``models.step_self`` has ``FA_self``): every second layer of the target reads the reference's input
of that layer by attention, through a gate that begins at 0, so that at first the target is what the
frozen model writes alone. Unlike in the published adapters, steps are not frames: places are ticks,
which turn queries and keys (Su et al. 2021), and each head begins with a width of its own around
the present (as in ALiBi: Press et al. 2022). And the gate is not a single number but the whole
output matrix: behind a number at 0, a random matrix learns nothing until the number has taken a
sign. Nothing but the adapters is trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.models.aligned import NOTE_KINDS, SYSTEM
from cantilena.models.checkpoint import WEIGHTS, Checkpoint, save_checkpoint
from cantilena.models.saving import save_tensors
from cantilena.models.step_lm import StepLM, rotate

SHORTEST_TURN, LONGEST_TURN = 12.0, 6144.0
"""Ticks (24 to a quarter) of a whole turn of the quickest and the slowest pair: an eighth, and 64
bars of 4/4."""
NARROWEST, WIDEST = 6.0, 768.0
"""Ticks of the first widths of the heads: a sixteenth, and 8 bars of 4/4."""


@dataclass(frozen=True)
class CrossConfig:
    """Sizes. ``skip``: every how many layers the reference is read; ``inner`` width of attention,
    in ``heads`` heads. Raises ValueError for sizes that cannot be."""

    skip: int = 2
    inner: int = 256
    heads: int = 8

    def __post_init__(self) -> None:
        if self.skip < 1 or self.heads < 1 or self.inner % (2 * self.heads):
            raise ValueError(
                f"adapters {self.inner} wide in {self.heads} heads at every {self.skip}th layer "
                "cannot be"
            )


class StepAdapter(nn.Module):
    """Attention from the target's steps to all of the reference's, through a gate."""

    rate: Tensor

    def __init__(self, width: int, config: CrossConfig):
        super().__init__()
        self.heads, inner = config.heads, config.inner
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.reference_norm = nn.RMSNorm(width, eps=1e-5)
        self.query = nn.Linear(width, inner, bias=False)
        self.key_value = nn.Linear(width, 2 * inner, bias=False)
        self.gate = nn.Linear(inner, width, bias=False)
        nn.init.zeros_(self.gate.weight)
        spread = torch.linspace(math.log(NARROWEST), math.log(WIDEST), config.heads)
        self.log_width = nn.Parameter(spread)
        pairs = inner // config.heads // 2
        turn = torch.linspace(math.log(SHORTEST_TURN), math.log(LONGEST_TURN), pairs).exp()
        self.register_buffer("rate", 2 * math.pi / turn, persistent=False)

    def read(self, reference: Tensor, ticks: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, R, D / H) of the reference's states (B, R, D) at (B, R) ticks."""
        both = self.key_value(self.reference_norm(reference))
        k, v = (self._split(x) for x in both.chunk(2, dim=-1))
        return self._turned(k, ticks), v

    def forward(
        self, x: Tensor, ticks: Tensor, read: tuple[Tensor, Tensor], places: Tensor, there: Tensor
    ) -> Tensor:
        """What is added to the target's layer: of its input (B, T, D) at (B, T) ticks, and of the
        keys and values of a reference at ``places`` (B, R) ticks, where ``there`` (B, R) bool says
        that a step stands."""
        q = self._turned(self._split(self.query(self.norm(x))), ticks)
        far = (ticks[:, :, None] - places[:, None, :]).abs().to(q.dtype)  # (B, T, R)
        bias = -far[:, None] * (-self.log_width).exp()[:, None, None]
        bias = bias.masked_fill(~there[:, None, None, :], torch.finfo(q.dtype).min)
        y = F.scaled_dot_product_attention(q, *read, attn_mask=bias)
        # without a single step there is nothing to be read
        y = y * there.any(1)[:, None, None, None]
        return self.gate(y.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _turned(self, x: Tensor, ticks: Tensor) -> Tensor:
        angle = ticks[:, None, :, None].to(torch.float32) * self.rate
        return rotate(x, angle.cos(), angle.sin()).to(x.dtype)


@dataclass(frozen=True)
class Reference:
    """A stream as the adapters read it: the frozen model's input of each layer that they stand at
    (B, R, D), (B, R) ticks, and (B, R) bool, whether a step stands there."""

    states: tuple[Tensor, ...]
    ticks: Tensor
    there: Tensor


Inputs = Mapping[str, Tensor]
"""What the frozen model reads of a stream: ``scalars``, ``slots``, ``words`` and ``state`` as
``StepLM`` takes them, ``ticks`` (B, T) of the steps' states, and ``there`` (B, T) bool."""


class AlignedSteps(nn.Module):
    """A frozen ``StepLM`` with adapters, by which a target reads a reference. ``kind``: what cards
    call them; ``sizes``: the names of their config, which cards hold; ``quick``: how the names of
    the weights end that are learnt many times as fast as the others and do not decay."""

    kind: ClassVar[str]
    sizes: ClassVar[tuple[str, ...]]
    quick: ClassVar[str]
    config: Any

    def __init__(self, base: StepLM):
        super().__init__()
        # in a tuple, so that its weights are none of these: states and checkpoints have adapters
        self._base = (base.requires_grad_(False).eval(),)

    @property
    def base(self) -> StepLM:
        """The frozen model."""
        return self._base[0]

    def _apply(self, fn: Any, recurse: bool = True) -> AlignedSteps:
        """As ``Module._apply``: the base is moved and cast with the adapters."""
        self.base._apply(fn)
        return super()._apply(fn, recurse)

    def read(self, stream: Inputs) -> Reference:
        """What the adapters read of a reference: its steps must fit the model's context."""
        raise NotImplementedError

    def keys(self, reference: Reference) -> list[tuple[Tensor, Tensor]]:
        """Keys and values (B, H, R, D / H) of each layer that reads the reference."""
        raise NotImplementedError

    def trunk(
        self,
        x: Tensor,
        ticks: Tensor,
        prefix: int,
        reference: Reference | None,
        keys: Sequence[tuple[Tensor, Tensor]],
        pasts: Sequence[Any] | None = None,
    ) -> Tensor:
        """As ``StepLM.trunk``, beside a reference with its ``keys``, at (B, T) ``ticks``; the first
        ``prefix`` of the positions (B, T, D), which have no time, read none of it."""
        raise NotImplementedError

    def embedded(self, stream: Inputs) -> tuple[Tensor, int]:
        """A stream's positions (B, P + T, D) as the first layer reads them, and P, the prefix's."""
        prefix, everywhere = self.base.prefix(*(stream[n] for n in ("scalars", "slots", "words")))
        steps = self.base.state(stream["state"]) + everywhere
        return torch.cat([prefix, steps], dim=1), prefix.shape[1]

    def hidden(self, target: Inputs, reference: Reference | None) -> Tensor:
        """Hidden states (B, T, D) of a target's steps beside a reference; of None as the frozen
        model alone has them."""
        x, prefix = self.embedded(target)
        ticks = F.pad(target["ticks"], (prefix, 0))
        keys = [] if reference is None else self.keys(reference)
        return self.trunk(x, ticks, prefix, reference, keys)[:, prefix:]

    def forward(self, target: Inputs, reference: Reference | None) -> Tensor:
        """Negative log-likelihood in nats of every field, (B, T, K), of a target that holds
        ``fields``, ``at_onset`` and ``at_instrument`` as well."""
        h = self.hidden(target, reference)
        return self.base.nll(h, target["fields"], target["at_onset"], target["at_instrument"])

    def save(
        self, folder: str | Path, base: Mapping[str, Any], card: Mapping[str, Any] | None = None
    ) -> Checkpoint:
        """Writes a checkpoint of the adapters alone. ``base`` says which note model they stand on;
        ``card``: further entries. Raises InputError."""
        part = {"kind": self.kind, **asdict(self.config), "base": dict(base)}
        more = dict(card or {})
        own = {"system": SYSTEM, "name": Path(folder).resolve().name}
        model = {**part, **more.pop("model", {})}
        weights = self.state_dict()
        return save_checkpoint(
            folder, {**own, **more, "model": model}, lambda d: save_tensors(d / WEIGHTS, weights)
        )


class CrossSteps(AlignedSteps):
    """A frozen ``StepLM`` whose layers read a reference (FA_cross)."""

    kind = NOTE_KINDS["cross"]
    sizes = ("skip", "inner", "heads")
    quick = "log_width"

    def __init__(self, base: StepLM, config: CrossConfig | None = None):
        super().__init__(base)
        self.config = config or CrossConfig()
        self.layers = tuple(range(0, base.config.layers, self.config.skip))
        width = base.config.width
        self.adapters = nn.ModuleList(StepAdapter(width, self.config) for _ in self.layers)

    def read(self, stream: Inputs) -> Reference:
        """As ``AlignedSteps.read``: the frozen model's states."""
        with torch.no_grad():
            states = self.states(stream, self.layers[-1] + 1)
        return Reference(
            tuple(states[layer] for layer in self.layers), stream["ticks"], stream["there"]
        )

    def states(self, stream: Inputs, count: int) -> list[Tensor]:
        """The inputs (B, T, D) of the first ``count`` layers at a stream's steps, by the frozen
        model alone; the one behind the last layer is its normed output."""
        base = self.base
        x, prefix = self.embedded(stream)
        cos, sin = base.cos[: x.shape[1]], base.sin[: x.shape[1]]
        out = []
        for block in base.blocks[: count - 1]:
            out.append(x[:, prefix:])
            x = block(x, cos, sin)
        x = base.norm(x) if count > len(base.blocks) else x
        return [*out, x[:, prefix:]]

    def keys(self, reference: Reference) -> list[tuple[Tensor, Tensor]]:
        """As ``AlignedSteps.keys``, of each adapter."""
        return [
            adapter.read(states, reference.ticks)  # type: ignore[operator]
            for adapter, states in zip(self.adapters, reference.states, strict=True)
        ]

    def trunk(
        self,
        x: Tensor,
        ticks: Tensor,
        prefix: int,
        reference: Reference | None,
        keys: Sequence[tuple[Tensor, Tensor]],
        pasts: Sequence[Any] | None = None,
    ) -> Tensor:
        """As ``AlignedSteps.trunk``."""
        base = self.base
        start = pasts[0].used if pasts else 0
        cos, sin = base.cos[start : start + x.shape[1]], base.sin[start : start + x.shape[1]]
        for i, block in enumerate(base.blocks):
            past = pasts[i] if pasts else None
            y = block(x, cos, sin, past=past)
            if reference is not None and i in self.layers:
                k = self.layers.index(i)
                places, there = reference.ticks, reference.there
                own, at = x[:, prefix:], ticks[:, prefix:]
                added = self.adapters[k](own, at, keys[k], places, there)
                y = y + F.pad(added, (0, 0, prefix, 0))
            x = y
        return base.norm(x)
