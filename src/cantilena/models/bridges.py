"""Bridges: the small trained part between a frozen text model and a music model.

Knows states of shape (L, B, T, D); does not know which models are on either side. The base bridge
projects the last layer; the enhanced one first mixes all layers, the embedding layer included, by
learned softmax weights (Wu, Lee, Dun: *LLM-based Finetuning for Text to Symbolic Music
Generation*, the "enhanced" variant).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.files import make_folder, staged_file
from cantilena.models.step_lm import StepConfig, StepLM

if TYPE_CHECKING:
    from cantilena.models.encoders import TextEncoder

MIXES = ("last", "layers")


class LayerMix(nn.Module):
    """A convex sum of layers, equal at first. (L, B, T, D) -> (B, T, D)."""

    def __init__(self, layers: int):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(layers))

    def weights(self) -> Tensor:
        """(L,) float32, summing to 1; the embedding layer first."""
        return self.logits.float().softmax(0)

    def forward(self, states: Tensor) -> Tensor:
        """The weighted sum, in the states' dtype."""
        if states.shape[0] != self.logits.shape[0]:
            raise InputError(
                f"a bridge over {self.logits.shape[0]} layers was given {states.shape[0]}"
            )
        return torch.einsum("l,lbtd->btd", self.weights().to(states.dtype), states)


class Bridge(nn.Module):
    """Text states to vectors of a music model's width. ``mix``: "last" or "layers".

    Raises InputError for another ``mix``.
    """

    def __init__(self, layers: int, text_width: int, width: int, mix: str = "last"):
        super().__init__()
        if mix not in MIXES:
            raise InputError(f"a bridge cannot mix {mix!r}; known: {', '.join(MIXES)}")
        self.mix = LayerMix(layers) if mix == "layers" else None
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

    path = Path(folder) / "model.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            names = [n for n in file.keys() if n.endswith(("mix.logits", "layer_weights"))]  # noqa: SIM118
            if not names:
                raise CheckpointError(f"{folder} reads the last layer only: no layer weights")
            return file.get_tensor(names[0]).float().softmax(0).tolist()
    except FileNotFoundError as e:
        raise CheckpointError(f"{folder} is no checkpoint: model.safetensors is missing") from e
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


# ------------------------------------------------------------------ a text model for StepLM


class PretrainedWords(nn.Module):
    """A frozen encoder in the place of ``StepLM.text``: words (B, W), of which 0 is none and the
    others are token ids + 1, to states (L, B, W, D). It has no parameters of its own."""

    def __init__(self, encoder: TextEncoder, words: int):
        super().__init__()
        self.encoder, self.n_words = encoder, words

    def words(self, texts: Sequence[str]) -> Tensor:
        """The word ids of texts, (B, W) int64, cut or padded to the model's words; an empty text
        is all 0, "not given"."""
        out = torch.zeros(len(texts), self.n_words, dtype=torch.long)
        given = [k for k, text in enumerate(texts) if text.strip()]
        if given:
            ids, mask = self.encoder.tokens([texts[k] for k in given])
            shifted = ((ids + 1) * mask)[:, : self.n_words]
            out[given, : shifted.shape[1]] = shifted
        return out

    def forward(self, words: Tensor) -> Tensor:
        """(L, B, W, D) float32 on the words' device; zero where no word is."""
        mask = words > 0
        # a row without any word still needs one key to attend to; its states are zeroed after
        seen = mask | ((~mask.any(1, keepdim=True)) & (torch.arange(words.shape[1]) == 0).to(mask))
        states = self.encoder.states((words - 1).clamp(min=0), seen)
        return (states * mask.to(states.device)[None, :, :, None]).to(words.device).float()


def step_lm_with_text(config: StepConfig, encoder: TextEncoder) -> StepLM:
    """A StepLM whose text states come from a frozen encoder, all of its layers weighed. The
    config's ``text_width`` and ``text_layers`` are the encoder's; its ``words`` stand.

    Word ids for it come from ``model.text.words(texts)``. Raises InputError where the encoder's
    context is shorter than the config's words.
    """
    if config.words > encoder.longest:
        raise InputError(
            f"{config.words} words do not fit the text encoder's context of {encoder.longest}"
        )
    bare = replace(config, text_width=encoder.width, text_layers=0, buckets=1)
    model = StepLM(bare)
    model.text = PretrainedWords(encoder, config.words)  # type: ignore[assignment]
    model.layer_weights = nn.Parameter(torch.zeros(encoder.layers))
    model.config = replace(bare, text_layers=encoder.layers - 1, buckets=config.buckets)
    return model


def save_step_lm(model: StepLM, folder: str | Path) -> Path:
    """Writes a StepLM with a pretrained text encoder: its weights, without the encoder's, and a
    card that names the encoder. Raises InputError for a StepLM with its own encoder."""
    from cantilena.models.saving import write_model

    if not isinstance(model.text, PretrainedWords):
        raise InputError("this model has its own text encoder; it is saved by its training run")
    card = {"model": model.config.to_dict(), "text": model.text.encoder.card}
    return write_model(folder, "card.json", card, model.state_dict())


def load_step_lm(folder: str | Path, device: Any = None) -> StepLM:
    """The model that ``save_step_lm`` wrote. Raises CheckpointError where files are missing or do
    not fit, or where the encoder's weights cannot be had."""
    from cantilena.models.encoders import encoder_from_card
    from cantilena.models.saving import load_weights, read_model

    card, weights = read_model(folder, "card.json")
    try:
        config, text = StepConfig.from_dict(card["model"]), card["text"]
    except KeyError as e:
        raise CheckpointError(f"{folder}/card.json does not say its {e}") from e
    model = step_lm_with_text(config, encoder_from_card(text, device=device))
    load_weights(model, weights, folder)
    return model if device is None else model.to(device)
