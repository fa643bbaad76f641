"""The processes of a tuning run: how many there are, and what they agree on.

Knows the variables by which torchrun and accelerate tell a process which it is; does not know
models or runs, and imports torch only where processes speak to each other.
"""

from __future__ import annotations

import atexit
import os
from functools import cache
from typing import Any


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes and prints."""
    return int(os.environ.get("RANK", "0")) == 0


def launch_warning() -> str:
    """The warning where accelerate was asked for several processes and started one; else empty.

    Without several GPUs ``accelerate launch --num_processes 4`` starts one process: it sets where
    the processes would meet (MASTER_ADDR), and no WORLD_SIZE."""
    launched = "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_ADDR" in os.environ
    if not launched or "WORLD_SIZE" in os.environ:
        return ""
    return (
        "one process trains: 'accelerate launch' was asked for several, which it starts only over "
        "several GPUs; 'torchrun --nproc_per_node N -m cantilena finetune ...' starts N anywhere"
    )


def agreed(value: Any, gpu: bool) -> Any:
    """The first process's ``value``, in every process. ``gpu``: whether they train on GPUs."""
    return value if world() == 1 else _gathered(value, gpu)[0]


def any_of(value: bool, gpu: bool) -> bool:
    """Whether ``value`` is true in any process, in every process."""
    return value if world() == 1 else any(_gathered(value, gpu))


def _gathered(value: Any, gpu: bool) -> list[Any]:
    """The value of each process, in the order of their ranks."""
    from accelerate.utils import gather_object

    _connect(gpu)
    return gather_object([value])


@cache
def _connect(gpu: bool) -> None:
    """Connects the processes, as the Trainer would do it, until this one ends: one that ends while
    gloo's threads still run is at times aborted."""
    import torch.distributed
    from accelerate import PartialState

    PartialState(cpu=not gpu)
    atexit.register(torch.distributed.destroy_process_group)
