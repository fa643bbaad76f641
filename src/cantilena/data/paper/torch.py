"""The text-to-symbolic paper's data as torch datasets.

Knows torch's two kinds of dataset and the workers of a DataLoader; all else is ``paper_reader``'s.
Imports torch: import it within what needs it. Examples are plain data with ``tokens`` a (L,) int64
tensor; putting them together to batches is the training's affair.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from cantilena.data.paper.reader import PaperData, PaperSongs


def _tensors(example: dict[str, Any]) -> dict[str, Any]:
    return {**example, "tokens": torch.from_numpy(example["tokens"])}


class PaperMap(Dataset):
    """A split in memory, by number. Call ``set_epoch`` before each epoch: the chunks rotate by it
    (accelerate does so where the sampler has no epoch of its own)."""

    def __init__(self, songs: PaperSongs, epoch: int = 0):
        self.songs, self.epoch = songs, epoch

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose chunks are given from now on."""
        self.epoch = int(epoch)

    def __len__(self) -> int:
        return len(self.songs)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return _tensors(self.songs.example(int(i), self.epoch))


class PaperIterable(IterableDataset):
    """One epoch of a split as a stream, for DataLoaders with any number of workers.

    ``rank`` of ``world`` processes takes every ``world``-th example, and its workers share that
    evenly; leave both alone where accelerate divides the batches itself. ``resume`` skips what a
    stopped epoch has had, without reading it.
    """

    def __init__(
        self,
        data: PaperData,
        seed: int | None = 0,
        rank: int = 0,
        world: int = 1,
        even: bool = True,
    ):
        self.data, self.seed, self.rank, self.world, self.even = data, seed, rank, world, even
        self.epoch = self.batches = 0
        self.batch_size = 1

    def set_epoch(self, epoch: int) -> None:
        """The epoch that iterating gives, from its start, or from where ``resume`` has put it."""
        if epoch != self.epoch:
            self.epoch, self.batches = int(epoch), 0

    def resume(self, epoch: int, batches: int, batch_size: int) -> None:
        """The next iteration goes on in ``epoch`` after so many batches that this rank has had, in
        a DataLoader of the same batch size and number of workers."""
        self.epoch, self.batches, self.batch_size = int(epoch), int(batches), int(batch_size)

    def __len__(self) -> int:
        """Examples of this rank in an epoch."""
        whole, more = divmod(len(self.data), self.world)
        return whole + (0 if self.even else int(self.rank < more))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        # a DataLoader takes whole batches from its workers in turn
        had = -(-max(self.batches - worker, 0) // workers)
        parts, part = self.world * workers, self.rank + self.world * worker
        size = len(self.data) - (len(self.data) % self.world if self.even else 0)
        own = max(0, -(-(size - part) // parts))
        found = self.data.stream(self.epoch, self.seed, part, parts, had * self.batch_size)
        for _, example in zip(range(max(0, own - had * self.batch_size)), found, strict=False):
            yield _tensors(example)
