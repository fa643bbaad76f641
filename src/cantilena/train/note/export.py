"""From a run of the note model to a checkpoint that composes without torch.

Knows a run's folder and what a card says of it; does not know how the network is written
(``systems.note.training``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_bytes, read_json
from cantilena.models.checkpoint import plain_json
from cantilena.models.step_lm import StepConfig
from cantilena.systems.note.training import NoteTraining
from cantilena.train.note.habits import DATA, HABITS
from cantilena.train.note.loop import run_weights
from cantilena.train.note.measure import FIGURES
from cantilena.train.run import Run


def export(run: str | Path, out: str | Path) -> Path:
    """Writes the checkpoint of a run: its weights, ``habits.json`` and the card (vocabulary,
    config, training, data with licences, held-out figures where they were measured). Raises
    CheckpointError when the folder holds no run, InputError where ``out`` cannot be written."""
    run = Path(run)
    state, weights, recipe = run_weights(run)
    try:
        habits = read_bytes(run / HABITS, None, "the habits of a run")
        sources = read_json(run / DATA)
        figures = read_json(run / FIGURES) if (run / FIGURES).exists() else {}
    except InputError as error:
        raise CheckpointError(f"the run in {run} cannot be exported: {error}") from error
    training: dict[str, Any] = {
        "notes_seen": state["notes"],
        "steps": state["step"],
        "seconds": round(state["seconds"]),
        "recipe": plain_json(recipe.to_dict()),
        "computes": Run(run).computes(),
    }
    if state.get("before"):  # of the checkpoint whose weights the run began with
        training["before"] = state["before"]
    card = {
        "scheme": state["scheme"],
        "seed": recipe.settings.seed,
        "bits_per_note": figures.get("test", {}).get("full", {}).get("all"),
        "figures": figures,
        "sources": sources,
        "training": training,
    }
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    config = StepConfig.from_dict(state["model"])
    return NoteTraining().save(Path(out), config, arrays, habits, card)
