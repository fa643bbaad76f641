"""What a training keeps beside its weights, so that it goes on as if it had never stopped.

Knows optimisers, schedules and random generators as plain tensors and JSON; does not know what is
trained. No pickle: optimiser.safetensors, schedule.json and a rng-*.json for each process.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_json, write_json

OPTIMISER, _SCHEDULE = "optimiser.safetensors", "schedule.json"
_RATES = ("lr", "initial_lr")


def optimiser_tensors(model: nn.Module, optimisers: Sequence[Any]) -> dict[str, Tensor]:
    """The state of optimisers, each tensor by its parameter's name, a dot and its own name, as
    "blocks.0.qkv.weight.exp_avg": a parameter that is added or moved does not shift the others."""
    names = {id(p): name for name, p in model.named_parameters()}
    tensors: dict[str, Tensor] = {}
    for optimiser in optimisers:
        for parameter, values in optimiser.state.items():
            for kind, value in values.items():
                tensor = value if isinstance(value, Tensor) else torch.tensor(value)
                tensors[f"{names[id(parameter)]}.{kind}"] = tensor
    return tensors


def restore_optimisers(
    model: nn.Module, optimisers: Sequence[Any], tensors: Mapping[str, Tensor]
) -> None:
    """Puts what ``optimiser_tensors`` gave into optimisers of the same parameters. Raises
    CheckpointError where it is of other parameters."""
    names = {id(p): name for name, p in model.named_parameters()}
    states: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        name, _, kind = key.rpartition(".")
        states.setdefault(name, {})[kind] = value
    orders = [[p for g in o.param_groups for p in g["params"]] for o in optimisers]
    odd = sorted(set(states) - {names[id(p)] for order in orders for p in order})
    if odd:
        raise CheckpointError(f"the optimiser's state is of another model: {odd[0]}")
    for optimiser, order in zip(optimisers, orders, strict=True):
        state: dict[int, dict[str, Tensor]] = {}
        for i, parameter in enumerate(order):
            name = names[id(parameter)]
            if name not in states:  # a weight that had no gradient has no state
                continue
            for kind, value in states[name].items():
                if value.ndim and value.shape != parameter.shape:
                    raise CheckpointError(f"{name}.{kind} is of another shape than its weight")
            state[i] = states[name]
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})


def save_schedule(folder: Path, optimiser: Any, schedule: Any) -> None:
    """Writes where a schedule is and the rates of the optimiser's groups."""
    rates = [{k: g[k] for k in _RATES if k in g} for g in optimiser.param_groups]
    write_json(folder / _SCHEDULE, {"groups": rates, "schedule": schedule.state_dict()})


def load_schedule(folder: Path, optimiser: Any, schedule: Any) -> None:
    """Restores what ``save_schedule`` wrote. Raises CheckpointError where it does not fit."""
    try:
        data = read_json(folder / _SCHEDULE)
        for group, rates in zip(optimiser.param_groups, data["groups"], strict=True):
            group.update({k: rates[k] for k in _RATES if k in rates})
        schedule.load_state_dict(data["schedule"])
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the run in {folder.parent} cannot go on: {error}") from error


def save_rng(folder: Path, rank: int) -> None:
    """Writes the state of every random generator of this process."""
    kind, keys, place, has, gauss = np.random.get_state(legacy=True)
    states: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": [str(kind), np.asarray(keys).tolist(), int(place), int(has), float(gauss)],
        "torch": bytes(torch.get_rng_state().tolist()).hex(),
    }
    if torch.cuda.is_available():
        states["cuda"] = bytes(torch.cuda.get_rng_state().tolist()).hex()
    write_json(folder / f"rng-{rank}.json", states, indent=None)


def load_rng(folder: Path, rank: int) -> None:
    """Restores what ``save_rng`` wrote; a process that had none keeps its own. Raises
    CheckpointError where it is no such state."""
    path = folder / f"rng-{rank}.json"
    if not path.is_file():
        return
    try:
        states = read_json(path)
        version, keys, gauss = states["python"]
        random.setstate((version, tuple(keys), gauss))
        kind, table, *rest = states["numpy"]
        np.random.set_state((kind, np.array(table, dtype=np.uint32), *rest))
        torch.set_rng_state(_bytes(states["torch"]))
        if "cuda" in states and torch.cuda.is_available():
            torch.cuda.set_rng_state(_bytes(states["cuda"]))
    except (InputError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the run in {folder.parent} cannot go on: {error}") from error


def _bytes(text: str) -> Tensor:
    return torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8)
