"""How many of torch's threads small steps take.

Knows torch's setting; does not know models. On a machine that others use too, threads that share a
product of some microseconds spend their time waiting for one another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

WORTH_SHARING = 50_000_000
"""Weights from which a step is worth sharing among threads: in float32 some 200 MB, which one core
reads in about 20 ms; a thread that lost its core to another process waits some 4 ms for it."""
Step = TypeVar("Step")


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for what torch computes in the block; as many as before behind it. A thread of
    Python that computes with torch for the first time meanwhile has one as well, and keeps it."""
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_small(model: nn.Module) -> bool:
    """Whether single steps of a model are quicker in one thread: on a CPU, with fewer weights than
    ``WORTH_SHARING``."""
    weights = list(model.parameters())
    on_cpu = all(weight.device.type == "cpu" for weight in weights)
    return on_cpu and sum(weight.numel() for weight in weights) < WORTH_SHARING


def in_one_thread(steps: Iterator[Step]) -> Iterator[Step]:
    """What ``steps`` gives, each step computed in one thread; between steps torch has as many as
    before."""
    while True:
        with one_thread():
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step


def stepwise(steps: Iterator[Step], *models: nn.Module) -> Iterator[Step]:
    """What ``steps`` of models gives, each step in one thread where all of them are small. On two
    cores of which one was busy a piece of ``musiclm`` took 49 s with two threads and 3 s with
    one."""
    return in_one_thread(steps) if all(map(is_small, models)) else steps
