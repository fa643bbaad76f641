"""Examples for tuning: the paper's data in an order that depends on the seed and nothing else.

Knows data in memory and epochs; does not know the Trainer, batches or processes.
Example n of a run is the same whatever the number of processes, parts of a batch or restarts: that
is why a run goes on exactly where it was, and why two processes see what one would.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from torch.utils.data import Dataset

from cantilena.data.paper.reader import PaperSongs
from cantilena.errors import InputError
from cantilena.tokens.arrival.train import VARIANTS, variant_tokens
from cantilena.tokens.arrival.vocab import AMT

Example = dict[str, Any]


class Source(Protocol):
    """Examples by number and epoch: mappings with ``text`` and ``music`` (AMT ids, flag first)."""

    def __len__(self) -> int: ...

    def example(self, i: int, epoch: int = 0) -> Example:
        """Example ``i`` of an epoch."""
        ...


class PaperExamples:
    """A split of the paper's data as a Source. ``captions`` False gives empty texts; ``augment``
    gives a chunk another of AMT's ten variants in each epoch, chosen and drawn by ``seed``."""

    def __init__(
        self, songs: PaperSongs, captions: bool = True, augment: bool = False, seed: int = 0
    ):
        self.songs, self.captions, self.augment, self.seed = songs, captions, augment, seed

    def __len__(self) -> int:
        return len(self.songs)

    def example(self, i: int, epoch: int = 0) -> Example:
        """Example ``i`` of an epoch."""
        row = self.songs.example(i, epoch)
        music = row["tokens"]
        if self.augment:
            music = augmented(music, self.seed, i, epoch)
        return {"text": row["caption"] if self.captions else "", "music": music}


def augmented(music: np.ndarray, seed: int, i: int, epoch: int) -> np.ndarray:
    """A chunk (flag and triples) as one of AMT's variants: all ten come in turn over ten epochs,
    beginning elsewhere for each chunk. Where controls and rests make it longer than it was it is
    cut by the collator."""
    rows = np.asarray(music[1:], dtype=np.int64).reshape(-1, 3)
    notes = rows[rows[:, 2] != AMT.rest]
    if not len(notes):
        return music
    variant = VARIANTS[(epoch + i) % len(VARIANTS)]
    rng = np.random.default_rng([seed, i, epoch])
    flag = AMT.autoregress if variant == "plain" else AMT.anticipate
    return np.concatenate([[flag], variant_tokens(notes.reshape(-1), variant, rng)])


class Endless(Dataset):
    """``size`` examples of a Source, epoch after epoch, each epoch in an order of its own."""

    def __init__(self, source: Source, size: int, seed: int):
        if not len(source):
            raise InputError("there are no examples to train on")
        self.source, self.size, self.seed = source, size, seed
        self._epoch, self._order = -1, np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, n: int) -> Example:
        if not 0 <= n < self.size:
            raise IndexError(f"there is no example {n} of {self.size}")
        epoch, place = divmod(int(n), len(self.source))
        if epoch != self._epoch:
            rng = np.random.default_rng([self.seed, epoch])
            self._epoch, self._order = epoch, rng.permutation(len(self.source))
        return self.source.example(int(self._order[place]), epoch)


def valid_batches(source: Source, size: int) -> list[list[Example]]:
    """All examples of a Source's first epoch, in batches, in the order on disk."""
    examples = [source.example(i) for i in range(len(source))]
    return [examples[i : i + size] for i in range(0, len(examples), size)]
