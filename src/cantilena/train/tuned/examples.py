"""Examples for tuning: the paper's data in an order that depends on the seed and nothing else.

Knows data in memory, epochs and batches of a single model; does not know the Trainer or processes.
Example n of a run is the same whatever the number of processes, parts of a batch or restarts: that
is why a run goes on exactly where it was, and why two processes see what one would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from cantilena.data.paper.reader import PaperSongs
from cantilena.errors import InputError
from cantilena.tokens.arrival.train import VARIANTS, variant_tokens
from cantilena.tokens.arrival.vocab import AMT
from cantilena.train.tuned.collate import IGNORED, padded, whole_triples

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
        found = self.songs.example(i, epoch)
        music = found["tokens"]
        if self.augment:
            music = augmented(music, self.seed, i, epoch)
        return {"text": found["caption"] if self.captions else "", "music": music}


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


def held_batches(source: Source, size: int) -> list[list[Example]]:
    """All examples of a Source's first epoch, in batches, in the order on disk."""
    found = [source.example(i) for i in range(len(source))]
    return [found[i : i + size] for i in range(0, len(found), size)]


# ------------------------------------------------------------------ batches of a model alone


@dataclass
class MusicCollator:
    """Batches for a music model alone: ``input_ids``, ``attention_mask``, ``labels`` (B, T). The
    flag is given, not predicted."""

    context: int = AMT.context

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """The batch."""
        music = [whole_triples(e["music"], self.context) for e in examples]
        ids = padded(music, 0)
        return {
            "input_ids": ids,
            "attention_mask": padded([[1] * len(row) for row in music], 0),
            "labels": padded([[IGNORED, *row[1:]] for row in music], IGNORED),
        }


@dataclass
class TextCollator:
    """Batches for a text model alone: each caption with the tokenizer's own specials and its end,
    cut to ``context``, several in a row where ``pack`` is set, blind to each other."""

    tokenizer: Any
    context: int = 256
    pack: bool = True

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """The batch: ``input_ids``, ``labels``, and ``position_ids`` or ``attention_mask``."""
        end = self.tokenizer.eos_token_id
        rows = []
        for example in examples:
            ids = [int(k) for k in self.tokenizer(example["text"], verbose=False)["input_ids"]]
            if end is not None and (not ids or ids[-1] != end):
                ids.append(int(end))
            rows.append(ids[: self.context])
        if not self.pack:
            return {
                "input_ids": padded(rows, 0),
                "attention_mask": padded([[1] * len(row) for row in rows], 0),
                "labels": padded([[IGNORED, *row[1:]] for row in rows], IGNORED),
            }
        bins = packed([len(row) for row in rows], self.context)
        ids = [[k for i in some for k in rows[i]] for some in bins]
        labels = [[k for i in some for k in (IGNORED, *rows[i][1:])] for some in bins]
        places = [[k for i in some for k in range(len(rows[i]))] for some in bins]
        wide = max(map(len, ids))
        for row in places:  # padding is one more example that nothing is asked of
            row.extend(range(wide - len(row)))
        return {
            "input_ids": padded(ids, 0),
            "labels": padded(labels, IGNORED),
            "position_ids": padded(places, 0),
        }


def packed(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Which of some rows share a row of ``room`` tokens: longest first, each where it fits first.
    A row longer than ``room`` stands alone."""
    bins: list[tuple[list[int], int]] = []
    for k in sorted(range(len(lengths)), key=lambda k: -lengths[k]):
        for i, (some, used) in enumerate(bins):
            if used + lengths[k] <= room:
                bins[i] = ([*some, k], used + lengths[k])
                break
        else:
            bins.append(([k], lengths[k]))
    return [some for some, _ in bins]
