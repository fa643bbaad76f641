"""Runs of the note model as they were before the run format: read, and gone on with.

Knows ``state.json``, ``model.safetensors`` and an optimiser's state by its parameters' places;
writes nothing. The next state that such a run saves is of the run format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_json
from cantilena.models.checkpoint import WEIGHTS
from cantilena.models.saving import load_tensors, load_weights
from cantilena.systems.note.training import NoteOptions, note_recipe
from cantilena.systems.trainable import Recipe

_STATE, _OPTIMISER = "state.json", "optimiser.safetensors"


@dataclass(frozen=True)
class OldRun:
    """A run's folder and its ``state.json``."""

    folder: Path
    state: dict[str, Any]

    @classmethod
    def find(cls, folder: str | Path) -> OldRun | None:
        """The run of that format in a folder; None where there is none. Raises CheckpointError
        where it is damaged."""
        path = Path(folder) / _STATE
        if not path.is_file():
            return None
        try:
            state = read_json(path)
            for name, kind in (("model", dict), ("train", dict), ("step", int), ("notes", int)):
                if not isinstance(state[name], kind):
                    raise InputError(f"its {name} is {state[name]!r}")
            state.setdefault("seconds", 0.0)
        except (InputError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"the run in {folder} cannot be read: {error}") from error
        return cls(Path(folder), state)

    def recipe(self) -> Recipe:
        """Its settings. Raises CheckpointError for those of another version."""
        values = dict(self.state["train"])
        base = note_recipe()
        try:
            options = {"crop": values.pop("crop"), "weights": values.pop("weights")}
            options |= {name: values.pop(name) for name in ("compile", "valid_windows")}
            settings = {"valid_every": values.pop("valid_notes"), **values}
            return base.changed(**settings, **_options(options))
        except (InputError, KeyError, TypeError) as error:
            message = f"the run in {self.folder} is of another version: {error}"
            raise CheckpointError(message) from error

    def weights(self) -> dict[str, Tensor]:
        """Its weights. Raises CheckpointError where they are missing or damaged."""
        return load_tensors(self.folder / WEIGHTS)

    def load(self, model: nn.Module, optimisers: Sequence[Any]) -> None:
        """Puts the weights and the optimisers' state, which is by the places of parameters, into
        new ones. Raises CheckpointError where they are missing, damaged or of other sizes."""
        load_weights(model, self.weights(), self.folder)
        tensors = load_tensors(self.folder / _OPTIMISER) if optimisers else {}
        for k, optimiser in enumerate(optimisers):
            params = [p for group in optimiser.param_groups for p in group["params"]]
            for i, p in enumerate(params):
                mark = f"{k}.{i}."
                values = {n[len(mark) :]: v for n, v in tensors.items() if n.startswith(mark)}
                # fused AdamW wants its step count beside the weights, too
                optimiser.state[p] = {n: v.to(p.device) for n, v in values.items()}


def _options(data: dict[str, Any]) -> dict[str, Any]:
    options = NoteOptions.from_dict(data)
    return {name: getattr(options, name) for name in data}
