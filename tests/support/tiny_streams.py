"""Random streams for adapters on a tiny note model. Needs torch."""

from __future__ import annotations

import numpy as np
import torch

from cantilena.models.step_aligned import AlignedSteps
from tiny import random_inputs, torch_inputs

T, R = 12, 17
"""Steps of a target and of a reference."""
BASE = {"system": "note", "name": "tiny", "hash": "0" * 16}


def stream(steps: int, seed: int) -> dict[str, torch.Tensor]:
    inputs = torch_inputs(random_inputs(2, steps, seed))
    rng = np.random.default_rng(seed)
    inputs["ticks"] = torch.from_numpy(np.sort(rng.integers(0, 400, (2, steps)), axis=1))
    inputs["there"] = torch.ones(2, steps, dtype=torch.bool)
    return inputs


def alone(model: AlignedSteps, target: dict[str, torch.Tensor]) -> torch.Tensor:
    names = ("scalars", "slots", "words", "state", "fields", "at_onset", "at_instrument")
    return model.base(*(target[name] for name in names))
