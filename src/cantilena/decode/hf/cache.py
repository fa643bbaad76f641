"""Keys and values of sequences of unequal length that advance together.

Knows tensors and row numbers; does not know music, prompts or which model fills it. Each row is
written from its own end on, so rows that start with prompts of different lengths, or read a
different number of tokens in a step, need no padding inside: what stands beyond a row's end is
never seen and is written over. A ``transformers`` model takes it for its cache, with a mask and
positions that ``Reading`` works out.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

_ROUND = 64  # lengths seen by attention are rounded up to this, so that few shapes occur


@dataclass
class Reading:
    """Where a chunk of (b, S) positions goes. ``rows`` (b,) or None for all rows in order;
    ``index`` (b, S) slots to write, the spare slot for padding; ``seen`` slots attention sees;
    ``mask`` (b, 1, S, seen) bool, True where a position may look."""

    rows: Tensor | None
    index: Tensor
    seen: int
    mask: Tensor


class RaggedLayer(CacheLayerMixin):
    """One layer's keys and values, (B, H, room + 1, D) each; the last slot takes padding."""

    is_compileable = True
    is_sliding = False

    def __init__(self, owner: RaggedCache):
        super().__init__()
        self.owner = owner

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocates the layer for all rows, in the shape and kind of the first states."""
        _, heads, _, width = key_states.shape
        shape = (self.owner.n_rows, heads, self.owner.room + 1, width)
        self.keys, self.values = key_states.new_zeros(shape), value_states.new_zeros(shape)
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Writes (b, H, S, D) states where the owner's reading says; gives what may be seen."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        reading, keys, values = self.owner.reading, self.keys, self.values
        assert reading is not None and keys is not None and values is not None
        rows = self.owner.everyone if reading.rows is None else reading.rows
        keys[rows[:, None], :, reading.index] = key_states.transpose(1, 2)
        values[rows[:, None], :, reading.index] = value_states.transpose(1, 2)
        keys, values = keys[:, :, : reading.seen], values[:, :, : reading.seen]
        return (keys, values) if reading.rows is None else (keys[rows], values[rows])

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(slots seen, first slot)."""
        return (self.owner.reading.seen if self.owner.reading else query_length), 0

    def get_seq_length(self) -> int:
        """The longest row; positions are always given, so models only look for 0 or more."""
        return max(self.owner.used, default=0)

    def get_max_length(self) -> int:
        """Slots of a row."""
        return self.owner.room


class RaggedCache(Cache):
    """The cache of ``rows`` sequences with ``room`` slots each, for a model of ``layers`` layers.
    ``used``: slots filled, by row."""

    def __init__(self, rows: int, room: int, layers: int, device: torch.device):
        self.n_rows, self.room, self.device = rows, room, device
        self.used = [0] * rows
        self.everyone = torch.arange(rows, device=device)
        self.reading: Reading | None = None
        # weakly held: a circle would keep a cache's memory, gigabytes on a GPU, until the collector
        # of garbage comes round
        owner = weakref.proxy(self)
        super().__init__(layers=[RaggedLayer(owner) for _ in range(layers)])

    @property
    def address(self) -> int | None:
        """Where the first layer's keys lie in memory; None before anything was written."""
        keys = getattr(self.layers[0], "keys", None)
        return None if keys is None else keys.data_ptr()

    def place(self, rows: list[int] | None, counts: list[int], whole: bool = False) -> Reading:
        """The reading of ``counts[i]`` (0 or more) new positions for the i-th of ``rows``.
        ``whole`` lets attention see all slots, so that shapes never change. Raises ValueError
        where a row has no room left."""
        chosen = range(self.n_rows) if rows is None else rows
        start = [self.used[r] for r in chosen]
        ends = [s + n for s, n in zip(start, counts, strict=True)]
        if max(ends) > self.room:
            raise ValueError(f"a row of {self.room} positions cannot hold {max(ends)}")
        wide = max(1, *counts)
        first = torch.tensor(start, device=self.device)[:, None]
        step = torch.arange(wide, device=self.device)[None]
        real = step < torch.tensor(counts, device=self.device)[:, None]
        index = torch.where(real, first + step, self.room)
        rounded = -(-max(1, *ends) // _ROUND) * _ROUND
        seen = self.room + 1 if whole else min(rounded, self.room + 1)
        # padding looks at what its row has, so that no position has nothing to look at
        reach = torch.where(real, first + step, (first - 1).clamp(min=0))
        mask = torch.arange(seen, device=self.device)[None, None] <= reach[:, :, None]
        picked = None if rows is None else torch.tensor(rows, device=self.device)
        self.reading = Reading(picked, index, seen, mask[:, None])
        return self.reading

    def wrote(self, rows: list[int] | None, counts: list[int]) -> None:
        """Moves the ends of rows after a chunk was read."""
        chosen = range(self.n_rows) if rows is None else rows
        for r, n in zip(chosen, counts, strict=True):
            self.used[r] += n

    def rewind(self, row: int, used: int) -> None:
        """Forgets what a row holds beyond its first ``used`` slots."""
        self.used[row] = min(used, self.used[row])

    def keep(self, rows: list[int]) -> None:
        """Drops all rows but these, which are numbered anew in this order."""
        picked = torch.tensor(rows, device=self.device)
        for layer in self.layers:
            if isinstance(layer, RaggedLayer) and layer.keys is not None:
                layer.keys, layer.values = layer.keys[picked], layer.values[picked]  # type: ignore
        self.used = [self.used[r] for r in rows]
        self.n_rows = len(rows)
        self.everyone = torch.arange(len(rows), device=self.device)
