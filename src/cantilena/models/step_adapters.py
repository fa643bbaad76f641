"""Checkpoints of adapters of function alignment on a note model: opened, and put on their base.

Knows both kinds of adapter and what cards say of them; does not know where a base is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError
from cantilena.models.aligned import NOTE_KINDS, SYSTEM
from cantilena.models.checkpoint import Checkpoint, open_checkpoint
from cantilena.models.loading import of_sizes
from cantilena.models.saving import load_tensors, load_weights
from cantilena.models.step_aligned import AlignedSteps, CrossConfig, CrossSteps
from cantilena.models.step_lm import StepLM
from cantilena.models.step_self import SelfConfig, SelfSteps

KINDS: dict[str, tuple[type[Any], type[Any]]] = {
    CrossSteps.kind: (CrossSteps, CrossConfig),
    SelfSteps.kind: (SelfSteps, SelfConfig),
}
"""The adapters and their configs, by what cards call them."""


def open_adapters(place: str | Path | Checkpoint) -> Checkpoint:
    """The checkpoint of adapters on a note model. Raises CheckpointError, which says so for those
    on a model of frames."""
    checkpoint = open_checkpoint(place, SYSTEM)
    model = checkpoint.model
    kind, base = model.get("kind"), model.get("base")
    if kind in ("cross", "self"):
        raise CheckpointError(
            f"{checkpoint.folder} holds an adapter on a model of frames ({kind}), not on the note "
            "model"
        )
    if (
        kind not in NOTE_KINDS.values()
        or not isinstance(base, dict)
        or not isinstance(base.get("hash"), str)
    ):
        raise CheckpointError(
            f"the card of {checkpoint.folder} is damaged: it names no note model that its adapters "
            "stand on"
        )
    return checkpoint


def load_adapters(checkpoint: Checkpoint, base: StepLM) -> AlignedSteps:
    """Adapters on their base. Raises CheckpointError where they do not fit it."""
    adapters, config = KINDS[str(checkpoint.model["kind"])]
    sizes = {name: checkpoint.model.get(name) for name in adapters.sizes}
    with of_sizes(f"the card of {checkpoint.folder} is damaged"):
        model = adapters(base, config(**sizes))
    load_weights(model, load_tensors(checkpoint.weights), checkpoint.folder)
    return model.eval()
