"""Bridges: the small trained part between a frozen text model and a music model.

Knows states of shape (L, B, T, D); does not know which models are on either side. The base bridge
projects the last layer; the enhanced one first mixes all layers, the embedding layer included, by
learned softmax weights (Wu, Lee, Dun: *LLM-based Finetuning for Text to Symbolic Music
Generation*, the "enhanced" variant). Between projection and music model there may be context layers
(``models.contexts``), and gates that begin at 0 (``Entry``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import (
    CheckpointError,
    InputError,
    MissingExtraError,
    MissingWeightsError,
)
from cantilena.files import make_folder, staged_file
from cantilena.models.checkpoint import WEIGHTS, located
from cantilena.models.contexts import ContextConfig, Memory, context_layers, seen
from cantilena.models.linear_attention import State

MIXES = ("last", "layers", "normed")
"""What a bridge reads: the last layer; all of them as they are, as the paper does; or all of them,
each brought to mean 0 and variance 1 first (as ELMo's mix may be: Peters et al. 2018, section 3.2).
Pretrained Llamas have single states of a thousand times the size of others in their middle layers
(Sun et al. 2024, *Massive Activations in Large Language Models*), which drown a plain sum."""


KINDS = ("prefix", "cross", "sum")
"""How a bridge's vectors enter a music model: before its positions; by attention in every layer; or
added to every position."""


@dataclass(frozen=True)
class EntryConfig:
    """``kind``: one of ``KINDS``; ``layers`` of the music model; ``heads`` of attention to the
    memory, for ``cross`` alone. Raises InputError for another kind."""

    kind: str
    layers: int
    heads: int = 8

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"a bridge cannot be a {self.kind!r}; known: {', '.join(KINDS)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a checkpoint's card."""
        return asdict(self)


class LayerMix(nn.Module):
    """A convex sum of layers, equal at first. (L, B, T, D) -> (B, T, D). ``normed``: of layers
    whose every state has mean 0 and variance 1."""

    def __init__(self, layers: int, normed: bool = False):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(layers))
        self.normed = normed

    def weights(self) -> Tensor:
        """(L,) float32, summing to 1; the embedding layer first."""
        return self.logits.float().softmax(0)

    def forward(self, states: Tensor) -> Tensor:
        """The weighted sum, in the states' dtype."""
        if states.shape[0] != self.logits.shape[0]:
            raise InputError(
                f"a bridge over {self.logits.shape[0]} layers was given {states.shape[0]}"
            )
        if self.normed:
            states = F.layer_norm(states, states.shape[-1:])
        return torch.einsum("l,lbtd->btd", self.weights().to(states.dtype), states)


class Bridge(nn.Module):
    """Text states to vectors of a music model's width. ``mix``: one of ``MIXES``. ``context``: the
    layers in between, by default one linear map. ``entry``: how the vectors enter a frozen music
    model, where it is not the music model that says so.

    Raises InputError for another ``mix``.
    """

    def __init__(
        self,
        layers: int,
        text_width: int,
        width: int,
        mix: str = "last",
        context: ContextConfig | None = None,
        entry: EntryConfig | None = None,
    ):
        super().__init__()
        if mix not in MIXES:
            raise InputError(f"a bridge cannot mix {mix!r}; known: {', '.join(MIXES)}")
        self.mix = None if mix == "last" else LayerMix(layers, normed=mix == "normed")
        if context is None:
            self.project = nn.Linear(text_width, width)
            nn.init.normal_(self.project.weight, std=0.02)
            nn.init.zeros_(self.project.bias)
        self.context = None if context is None else context_layers(context, text_width, width)
        self.entry = None if entry is None else Entry(entry, width)

    def forward(self, states: Tensor, mask: Tensor | None = None) -> Tensor:
        """(L, B, T, text_width) -> (B, T, width), in the bridge's dtype. ``mask`` (B, T) matters to
        a context alone, which may give another number of vectors."""
        if mask is None:
            mask = torch.ones(states.shape[1:3], dtype=torch.bool, device=states.device)
        return self.memory(states, mask).states

    def memory(self, states: Tensor, mask: Tensor) -> Memory:
        """The same with the mask (B, M) of the vectors: states (L, B, T, text_width) and their mask
        (B, T), all False in rows without a text."""
        kind = next(self.parameters()).dtype
        last = states[-1].to(kind) if self.mix is None else self.mix(states.to(kind))
        if self.context is not None:
            return self.context(last, mask)
        return Memory(self.project(last), mask)


# ------------------------------------------------------------------ how memory enters


class CrossBranch(nn.Module):
    """One layer's look at the memory: softmax attention over all of it, through a gate that begins
    at 0. It has no norm behind it, so that at 0 the layer is what it was."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.gate = nn.Parameter(torch.zeros(1))

    def reading(self, memory: Memory) -> Callable[[Tensor], Tensor]:
        """What is added to positions (B, T, D), as a function of them; keys and values are made
        once. Nothing is added in rows without memory."""
        keys, values = (
            part(memory.states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.key, self.value)
        )
        mask = seen(memory.mask)[:, None, None]
        there = memory.mask.any(1)[:, None, None]

        def added(x: Tensor) -> Tensor:
            q = self.query(self.norm(x)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            y = F.scaled_dot_product_attention(q, keys, values, mask)
            return self.gate * self.out(y.transpose(1, 2).flatten(2)) * there

        return added


class Entry(nn.Module):
    """How memory enters a frozen music model, through gates that begin at 0: at first the music
    model says exactly what it says alone, whatever the text."""

    def __init__(self, config: EntryConfig, width: int):
        super().__init__()
        self.config = config
        if config.kind == "cross":
            self.branches = nn.ModuleList(
                CrossBranch(width, config.heads) for _ in range(config.layers)
            )
        else:
            gates = 1 if config.kind == "sum" else config.layers
            self.gates = nn.Parameter(torch.zeros(gates))

    def crossing(self, memory: Memory) -> list[Callable[[Tensor], Tensor]]:
        """Of kind ``cross``: what each layer adds."""
        return [branch.reading(memory) for branch in self.branches]  # type: ignore[operator]

    def summed(self, memory: Memory) -> Tensor:
        """Of kind ``sum``: what is added to every position (B, 1, D), the memory's mean."""
        mask = memory.mask[..., None].to(memory.states.dtype)
        mean = (memory.states * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
        return self.gates * mean

    def before(self, states: Sequence[State]) -> list[State]:
        """Of kind ``prefix``: the states (one a layer) that linear attention has behind the memory,
        weighed by the gates. A gate below 0 turns the values over; the weights of a mean stay
        above 0."""
        return [
            State(state.sums * gate, state.weights * gate.abs())
            for state, gate in zip(states, self.gates, strict=True)
        ]


# ------------------------------------------------------------------ what the layers weigh


def layer_weights(folder: str | Path) -> list[float]:
    """The learned weights of a checkpoint's layers, the embedding layer first, read off its
    weights without loading the models. Raises CheckpointError where it has none."""
    from safetensors import safe_open

    path = located(folder) / WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            names = [n for n in file.keys() if n.endswith(("mix.logits", "layer_weights"))]  # noqa: SIM118
            if not names:
                raise CheckpointError(f"{folder} reads the last layer only: no layer weights")
            return file.get_tensor(names[0]).float().softmax(0).tolist()
    except FileNotFoundError as e:
        raise MissingWeightsError(f"{folder} is no checkpoint: {WEIGHTS} is missing") from e
    except CheckpointError:
        raise
    except Exception as e:
        raise CheckpointError(f"the weights in {folder} cannot be read: {e}") from e


def weights_table(weights: Sequence[float]) -> str:
    """The weights as a Markdown table, a row for each layer."""
    rows = ["| layer | weight |", "|---|---:|"]
    for k, weight in enumerate(weights):
        rows.append(f"| {'embedding' if k == 0 else k} | {weight:.4f} |")
    return "\n".join(rows)


def plot_weights(weights: Sequence[float], path: str | Path, title: str = "") -> Path:
    """Draws the weights as bars beside the equal share; PNG, SVG or PDF by the path's ending.

    Raises InputError for another ending, MissingExtraError without matplotlib. The file appears
    whole or not at all.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"cannot draw {path.name}: end its name in .png, .svg or .pdf")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "train", "drawing the layers' weights") from error
    figure = Figure(figsize=(max(4.0, 0.28 * len(weights) + 1.5), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.bar(range(len(weights)), weights, color="#3b6ea5")
    axes.axhline(1 / len(weights), color="#888888", linestyle="--", linewidth=1)
    axes.annotate("equal", (len(weights) - 0.5, 1 / len(weights)), ha="right", va="bottom")
    axes.set_xlabel("layer of the text model (0: embeddings)")
    axes.set_ylabel("weight")
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    make_folder(path.parent)
    with staged_file(path) as part:
        figure.savefig(part, dpi=150, format=path.suffix.lower().lstrip("."))
    return path
