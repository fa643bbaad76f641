"""What a tuning run keeps beside its weights, so that it goes on as if it had never stopped.

Knows optimisers, schedules and random generators as plain tensors and JSON; does not know models.
No pickle: optimiser.safetensors, optimiser.json and a rng-*.json for each process.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from cantilena.errors import CheckpointError
from cantilena.files import write_json
from cantilena.models.saving import save_tensors

TENSORS, PLAIN = "optimiser.safetensors", "optimiser.json"


def save_optimiser(folder: Path, optimiser: Any, schedule: Any) -> None:
    """Writes an optimiser's and a schedule's state."""
    state = optimiser.state_dict()
    flat, plain = {}, {}
    for i, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                flat[f"{i}.{name}"] = value
            else:
                plain[f"{i}.{name}"] = value
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / TENSORS, flat)
    groups = {"groups": state["param_groups"], "plain": plain, "schedule": schedule.state_dict()}
    write_json(folder / PLAIN, groups)


def load_optimiser(folder: Path, optimiser: Any, schedule: Any) -> None:
    """Puts the state that ``save_optimiser`` wrote into new ones of the same parameters. Raises
    CheckpointError where it is missing, damaged or of other parameters."""
    try:
        flat = load_file(folder / TENSORS)
        plain = json.loads((folder / PLAIN).read_text(encoding="utf-8"))
        state: dict[int, dict[str, Any]] = {}
        for name, value in {**flat, **plain["plain"]}.items():
            i, _, key = name.partition(".")
            state.setdefault(int(i), {})[key] = value
        optimiser.load_state_dict({"state": state, "param_groups": plain["groups"]})
        schedule.load_state_dict(plain["schedule"])
    except Exception as error:
        raise CheckpointError(f"the run in {folder} cannot go on: {error}") from error


def save_rng(folder: Path, rank: int) -> None:
    """Writes the state of every random generator of this process."""
    kind, keys, place, has, gauss = np.random.get_state(legacy=True)
    found: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": [str(kind), np.asarray(keys).tolist(), int(place), int(has), float(gauss)],
        "torch": bytes(torch.get_rng_state().tolist()).hex(),
    }
    if torch.cuda.is_available():
        found["cuda"] = bytes(torch.cuda.get_rng_state().tolist()).hex()
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"rng-{rank}.json", found)


def load_rng(folder: Path, rank: int) -> None:
    """Restores what ``save_rng`` wrote; a process that had none keeps its own."""
    path = folder / f"rng-{rank}.json"
    if not path.is_file():
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    version, keys, gauss = found["python"]
    random.setstate((version, tuple(keys), gauss))
    kind, table, *rest = found["numpy"]
    np.random.set_state((kind, np.array(table, dtype=np.uint32), *rest))
    torch.set_rng_state(_bytes(found["torch"]))
    if "cuda" in found and torch.cuda.is_available():
        torch.cuda.set_rng_state(_bytes(found["cuda"]))


def _bytes(text: str) -> Tensor:
    return torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8)


def last_checkpoint(folder: str | Path) -> tuple[Path, int] | None:
    """The newest whole checkpoint of a run and its step. Of one that was being written when the
    run was killed the state, which is written last, is missing or cut: it is passed over."""
    steps = {p: p.name.rpartition("-")[2] for p in Path(folder).glob("checkpoint-*")}
    for path in sorted((p for p, s in steps.items() if s.isdigit()), key=lambda p: -int(steps[p])):
        try:
            state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            return path, int(state["global_step"])
        except (OSError, ValueError, KeyError):
            continue
    return None
