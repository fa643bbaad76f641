"""A run's adapters in half the size, to be passed on.

Knows tensors and cards; does not know networks.
"""

from __future__ import annotations

from pathlib import Path

from cantilena.errors import InputError
from cantilena.models.checkpoint import WEIGHTS, Checkpoint, save_checkpoint
from cantilena.models.saving import load_tensors, save_tensors
from cantilena.models.step_adapters import open_adapters
from cantilena.systems.aligned.base import base_entry, base_of


def export_adapters(run: str | Path, folder: str | Path) -> Checkpoint:
    """Writes the adapters of a run, or of its checkpoint, with weights in float16, for the base
    that they stand on here. Raises CheckpointError, and InputError for adapters in float16."""
    adapters = open_adapters(run)
    tensors = load_tensors(adapters.weights)
    if all(tensor.itemsize == 2 for tensor in tensors.values()):
        raise InputError(f"{str(run)!r} is exported already")
    half = {name: tensor.half() for name, tensor in tensors.items()}
    names = ("system", "scheme", "model", "sources", "licence", "figures", "seed", "training")
    card = {name: adapters.card[name] for name in names} | {"name": Path(folder).resolve().name}
    card["model"] = {**adapters.model, "base": base_entry(base_of(adapters))}
    return save_checkpoint(folder, card, lambda stage: save_tensors(stage / WEIGHTS, half))
