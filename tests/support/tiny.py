"""A tiny note model with random weights, as a run that can be exported. Needs torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from cantilena.files import write_json
from cantilena.models.saving import save_tensors
from cantilena.models.step_lm import StepConfig, StepLM
from cantilena.systems.note.training import note_config, note_recipe, with_plan
from cantilena.tokens.note import NoteScheme, conditions, context
from cantilena.train.run import Run
from makers import HABITS

SIZES = {
    "width": 64,
    "layers": 2,
    "heads": 2,
    "hidden": 96,
    "head_hidden": 64,
    "text_width": 32,
    "text_layers": 1,
    "context": 160,
}


def tiny_config(**sizes: int) -> StepConfig:
    """The note system's config with tiny sizes."""
    return note_config(**{**SIZES, **sizes})


def tiny_model(seed: int = 0, std: float = 0.08, planned: bool = False, **sizes: int) -> StepLM:
    """A model whose random weights are large enough for its outputs to depend on its inputs;
    ``planned``: it reads a plan."""
    torch.manual_seed(seed)
    config = tiny_config(**sizes)
    model = StepLM(with_plan(config) if planned else config)
    for p in model.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=std)
    return model.eval().requires_grad_(False)


def write_run(folder: Path, seed: int = 0, planned: bool = False, **sizes: int) -> Path:
    """A run's folder as ``train.note.loop.Training`` leaves it."""
    model = tiny_model(seed, planned=planned, **sizes)
    run = Run(folder)
    run.write(note_recipe(), "", {})
    counts = {"model": model.config.to_dict(), "scheme": NoteScheme().to_dict()}
    with run.saving(0, 1) as stage:
        save_tensors(stage / "model.safetensors", model.state_dict())
        write_json(stage / "state.json", {**counts, "step": 0, "notes": 0, "seconds": 0.0})
    write_json(folder / "habits.json", HABITS)
    write_json(folder / "data.json", {"made up": {"songs": 0, "notes": 0}})
    return folder


def random_inputs(batch: int, steps: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random features, fields and conditions in the model's ranges."""
    rng = np.random.default_rng(seed)

    def draw(sizes, *shape: int) -> np.ndarray:
        return np.stack([rng.integers(0, n, shape) for n in sizes], axis=-1)

    return {
        "scalars": draw(conditions.SCALARS.values(), batch),
        "slots": rng.integers(0, conditions.NO_INSTRUMENT + 1, (batch, conditions.SLOTS)),
        "words": rng.integers(0, conditions.BUCKETS, (batch, conditions.WORDS)),
        "state": draw(context.STATE.values(), batch, steps),
        "fields": draw(NoteScheme().sizes, batch, steps),
        "at_onset": draw(context.AT_ONSET.values(), batch, steps),
        "at_instrument": draw(context.AT_INSTRUMENT.values(), batch, steps),
    }


def torch_inputs(given: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The same as tensors."""
    return {name: torch.from_numpy(values) for name, values in given.items()}
