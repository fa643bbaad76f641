"""The end of a tuning run: the model in the layout that its system loads, and its card.

Knows models, weights and what a card says; does not train (``train.tuned.trainer``).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cantilena.data.corpora import lakh
from cantilena.files import write_json
from cantilena.models.adapters import merge_lora
from cantilena.models.plain_lm import PlainLM
from cantilena.models.saving import save_tensors, ties
from cantilena.train.tuned.recipes import TuneConfig
from cantilena.train.tuned.starts import build, parts

CARD = "card.json"
SYSTEM_OF = {"AmtPrefix": "amt-prefix", "LlamaMusic": "llama-music"}


def without_ties(model: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Weights without the second names of shared tensors, which ``load`` does without."""
    second = ties(model)
    return {k: v for k, v in state.items() if k not in second}


def finish(
    trainer: Any, config: TuneConfig, tokenizer: Any, folder: Path, manifest: dict[str, Any]
) -> dict[str, Any]:
    """Writes a trained model as the systems load it, and its card, which it gives. All processes
    must call it; the first one writes."""
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    losses = [row for row in trainer.state.log_history if "eval_loss" in row]
    card = make_card(config, model, manifest, losses[-1] if losses else {})
    if trainer.args.process_index:
        return card
    state = {k: v.detach().cpu() for k, v in without_ties(model, state).items()}
    if config.lora:  # on base weights in full: updates cannot be added to 4 bits, or to shards
        names = {k for k, p in model.named_parameters() if p.requires_grad}
        model, _ = build(replace(config, four_bits=False))
        model.load_state_dict({k: v for k, v in state.items() if k in names}, strict=False)
        state = without_ties(merge_lora(model), model.state_dict())
    model.config.use_cache = True
    save(model, state, tokenizer, folder)
    write_json(folder / CARD, card)
    return card


def save(model: Any, state: dict[str, Any], tokenizer: Any, folder: Path) -> None:
    """Writes weights in the layout that the model's system loads."""
    if isinstance(model, PlainLM):
        model.save(folder, state)
        if tokenizer is not None:
            tokenizer.save_pretrained(folder)
        return
    if tokenizer is not None:
        tokenizer.save_pretrained(folder / "tokenizer")
    save_tensors(folder / "model.safetensors", state)
    old = {"system": model.part() and SYSTEM_OF[type(model).__name__]}
    write_json(
        folder / "cantilena.json", {**old, "vocabulary": model.vocabulary.to_dict(), **model.part()}
    )


def make_card(
    config: TuneConfig, model: Any, manifest: dict[str, Any], held: dict[str, Any]
) -> dict[str, Any]:
    """What a finished model says of itself: settings, data and its licence, seed, held-out loss
    (nats a token; of music alone where the system writes music)."""
    captions = manifest.get("midicaps")
    return {
        "system": config.system,
        "seed": config.seed,
        "recipe": config.to_dict(),
        "data": {
            "music": {"corpus": "lakh", "licence": lakh.CORPUS.licence},
            "captions": captions or "our own captioner's",
            "counts": manifest["counts"],
            "made with": manifest["recipe"],
            "verdict": manifest["verdict"],
        },
        "licence": "that of the models it starts from, and of the data, apply; see 'recipe'",
        "held_out": {"loss": held.get("eval_loss"), "tokens": held.get("eval_tokens")},
        "parameters": {k: {"trainable": t, "all": n} for k, (t, n) in parts(model).items()},
        "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
    }
