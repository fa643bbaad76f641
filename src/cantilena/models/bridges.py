"""Bridges: the small trained part between a frozen text model and a music model.

Knows states of shape (L, B, T, D); does not know which models are on either side. The base bridge
projects the last layer; the enhanced one first mixes all layers, the embedding layer included, by
learned softmax weights (Wu, Lee, Dun: *LLM-based Finetuning for Text to Symbolic Music
Generation*, the "enhanced" variant).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.files import make_folder, staged_file
from cantilena.models.checkpoint import WEIGHTS, located

MIXES = ("last", "layers", "normed")
"""What a bridge reads: the last layer; all of them as they are, as the paper does; or all of them,
each brought to mean 0 and variance 1 first (as ELMo's mix may be: Peters et al. 2018, section 3.2).
Pretrained Llamas have single states of a thousand times the size of others in their middle layers
(Sun et al. 2024, *Massive Activations in Large Language Models*), which drown a plain sum."""


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
    """Text states to vectors of a music model's width. ``mix``: one of ``MIXES``.

    Raises InputError for another ``mix``.
    """

    def __init__(self, layers: int, text_width: int, width: int, mix: str = "last"):
        super().__init__()
        if mix not in MIXES:
            raise InputError(f"a bridge cannot mix {mix!r}; known: {', '.join(MIXES)}")
        self.mix = None if mix == "last" else LayerMix(layers, normed=mix == "normed")
        self.project = nn.Linear(text_width, width)
        nn.init.normal_(self.project.weight, std=0.02)
        nn.init.zeros_(self.project.bias)

    def forward(self, states: Tensor) -> Tensor:
        """(L, B, T, text_width) -> (B, T, width), in the bridge's dtype."""
        kind = self.project.weight.dtype
        last = states[-1].to(kind) if self.mix is None else self.mix(states.to(kind))
        return self.project(last)


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
        raise CheckpointError(f"{folder} is no checkpoint: {WEIGHTS} is missing") from e
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

    Raises InputError for another ending. The file appears whole or not at all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"cannot draw {path.name}: end its name in .png, .svg or .pdf")
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
