"""The processes of a tuning run: how many there are, and what they agree on.

Knows the variables by which torchrun and accelerate tell a process which it is; does not know
models or runs, and imports torch only where processes speak to each other.
"""

from __future__ import annotations

import os
from typing import Any


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes and prints."""
    return int(os.environ.get("RANK", "0")) == 0


def left_alone() -> str:
    """What to tell who asked accelerate for several processes and got one; empty for others.

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
    if world() == 1:
        return value
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState(cpu=not gpu)  # connects them, as the Trainer would do it
    return broadcast_object_list([value])[0]
