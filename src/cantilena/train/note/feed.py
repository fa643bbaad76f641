"""The training batches of a run, in their order, made by processes of their own where that helps.

Knows crops and processes; does not know the model. The batch of a step depends on the seed and the
step alone, so the number of processes changes nothing but the speed, and a run that is resumed goes
on with the batches it would have had.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cantilena.systems.note.training import stack
from cantilena.train.note.crops import Crops

_ENDLESS = 2**40


class _Steps(Dataset):
    """The batch of every step: integers in 16 bits, a quarter of what has to be handed on."""

    def __init__(self, crops: Crops, size: int, seed: int):
        self.crops, self.size, self.seed = crops, size, seed

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, step])
        batch = stack([self.crops.draw(rng) for _ in range(self.size)])
        small = {n: a.astype(np.int16) if a.dtype == np.int64 else a for n, a in batch.items()}
        return {name: torch.from_numpy(array) for name, array in small.items()}


def _alone(_: int) -> None:
    """In a process that makes batches: one thread, and Ctrl-C is left to the training."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def feed(
    crops: Crops, size: int, seed: int, step: int = 0, workers: int = 0, pin: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Endless batches of ``size`` examples (``ARRAYS`` and ``GUESSED``; integers as int16)
    from ``step`` on, made ahead by ``workers`` processes (0: made when asked for). ``pin`` puts
    them where a GPU copies them from meanwhile."""
    ahead: dict[str, Any] = {"prefetch_factor": 4, "worker_init_fn": _alone} if workers else {}
    return iter(
        DataLoader(
            _Steps(crops, size, seed),
            sampler=range(step, _ENDLESS),
            **{"batch_size": None, "num_workers": workers, "pin_memory": pin, **ahead},
        )
    )
