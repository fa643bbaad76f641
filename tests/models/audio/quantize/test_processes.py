"""Books of a training in several processes stay one book."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
import torch.distributed
import torch.multiprocessing

from cantilena.models.audio.quantize import quantizer

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available() or not torch.distributed.is_gloo_available(),
    reason="torch cannot talk between processes here",
)

SECONDS = 60
"""Long past what two processes need that do not wait for each other."""


def train(rank: int, folder: str) -> None:
    """Seven steps on vectors of this process's own, with a look for dead codes among them; with
    no decay the counts are those of the last step."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    torch.manual_seed(rank)
    q = quantizer("residual", 4, books=2, size=24, decay=0.0, revive=0.5, dropout=0.5).train()
    for _ in range(7):
        q(torch.randn(2, 4, 30))
    torch.save(q.state_dict(), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_have_the_same_books_and_learn_from_both(tmp_path: Path):
    processes = torch.multiprocessing.start_processes(
        train, args=(str(tmp_path),), nprocs=2, join=False, start_method="fork"
    )
    assert processes is not None
    try:
        end = time.monotonic() + SECONDS
        while not processes.join(timeout=1):  # true when all have ended
            assert time.monotonic() < end, "the processes wait for each other"
    finally:
        for process in processes.processes:
            process.kill()
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    assert first["layers.0.book.counts"].sum() == 2 * 2 * 30
