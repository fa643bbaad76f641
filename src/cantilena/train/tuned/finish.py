"""The end of a tuning run: the model as the systems load it, and what its card says.

Knows weights, LoRA and what a run knows of itself; does not train (``train.tuned.trainer``), nor
know layouts (the system's ``Trainable`` does).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from cantilena.data.corpora import lakh
from cantilena.models.adapters import merge_lora
from cantilena.models.checkpoint import open_checkpoint, plain_json
from cantilena.models.tuned import parts
from cantilena.systems.trainable import Recipe
from cantilena.train.tuned.tuner import Tuner, without_ties

LICENCE = "that of the models it starts from, and of the data, apply; see 'training'"


def finish(
    tuner: Tuner, tokenizer: Any, manifest: dict[str, Any], computes: dict[str, Any]
) -> dict[str, Any]:
    """Writes a trained model as a checkpoint into the run's folder; gives its card. ``computes``:
    the run's device, precision and processes. All processes must call it; the first one writes."""
    model: Any = tuner.accelerator.unwrap_model(tuner.model)
    weights = tuner.accelerator.get_state_dict(tuner.model_wrapped)
    card = make_card(tuner.recipe, model, manifest, computes, tuner.held_out())
    card["name"] = Path(tuner.run.folder).resolve().name
    if tuner.args.process_index:
        return card
    weights = {k: v.detach().cpu() for k, v in without_ties(model, weights).items()}
    options = tuner.recipe.options
    if options.lora:  # on base weights in full: updates cannot be added to 4 bits, or to shards
        names = {k for k, p in model.named_parameters() if p.requires_grad}
        model, _ = tuner.trainable.build(tuner.recipe.changed(four_bits=False))
        model.load_state_dict({k: v for k, v in weights.items() if k in names}, strict=False)
        weights = without_ties(merge_lora(model), model.state_dict())
    model.config.use_cache = True
    folder = tuner.trainable.save(tuner.run.model, model, weights, tokenizer, card)
    return dict(open_checkpoint(folder).card)


def make_card(
    recipe: Recipe,
    model: Any,
    manifest: dict[str, Any],
    computes: dict[str, Any],
    held_out: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """What a run knows of a finished model: data and its licence, seed, settings, how it computed,
    and the last held-out losses by what they are of (nats a token; the first stands without a
    name, too)."""
    sources = {
        "music": {"corpus": "lakh", "licence": lakh.CORPUS.licence},
        "captions": manifest.get("midicaps") or "our own captioner's",
        "counts": manifest["counts"],
        "made with": manifest["recipe"],
        "verdict": manifest["verdict"],
    }
    training = {
        "recipe": recipe.to_dict(),
        "computes": computes,
        "parameters": {k: {"trainable": t, "all": n} for k, (t, n) in parts(model).items()},
        "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
    }
    first = next(iter(held_out.values()), {"loss": None, "tokens": None})
    return {
        "seed": recipe.settings.seed,
        "sources": plain_json(sources),
        "licence": LICENCE,
        "figures": {"held_out": {**first, **held_out}},
        "training": plain_json(training),
    }
