"""The single step on a GPU, recorded once and replayed.

Knows a step model's trunk and the cache that it writes; does not know what is read. A step of a few
rows is a few hundred small kernels, and starting them costs more than running them; recorded as a
CUDA graph they start at once. Lengths seen by attention are rounded up, and each rounded length has
its graph.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cantilena.decode.hf.cache import RaggedCache, Reading

_ROUND = 256  # slots

_RECORDING = threading.Lock()
"""Held while a graph is recorded: PyTorch records on one stream that all threads share."""

Trunk = Callable[[RaggedCache, Tensor, Tensor, Tensor], Tensor]


class Steady:
    """Replays one step of all rows of one session. ``trunk``: (cache, vectors, places, mask) to
    hidden states. Where a graph cannot be recorded, steps run as elsewhere."""

    def __init__(self, trunk: Trunk):
        self.trunk = trunk
        self.graphs: dict[tuple[int, int, int], tuple[Any, ...]] = {}
        self.cache: RaggedCache | None = None
        self.works = True
        self.failure = ""  # why no graph could be recorded

    def forget(self) -> None:
        """Lets go of all graphs and of the cache that they write."""
        self.graphs, self.cache = {}, None

    def read(
        self, cache: RaggedCache, vectors: Tensor, places: Tensor, counts: list[int]
    ) -> Tensor:
        """(B, 1, D) hidden states of one more position of every row of ``cache``."""
        if cache is not self.cache:
            self.graphs, self.cache = {}, cache
        reading = cache.place(None, counts)
        address = cache.address
        if not self.works or address is None:
            return self.trunk(cache, vectors, places, reading.mask)
        seen = min(-(-reading.seen // _ROUND) * _ROUND, cache.room + 1)
        reading.mask = torch.nn.functional.pad(reading.mask, (0, seen - reading.seen))
        reading.seen = seen
        key = (seen, cache.n_rows, address)
        recorded = self.graphs.get(key)
        if recorded is None:
            try:
                with _RECORDING:
                    recorded = self._record(cache, vectors, places, reading)
            except RuntimeError as error:
                torch.cuda.synchronize()
                self.works, self.failure = False, str(error)
                cache.reading = reading
                return self.trunk(cache, vectors, places, reading.mask)
            self.graphs[key] = recorded
        graph, inputs, states = recorded
        for target, new in zip(inputs, (vectors, places, reading.index, reading.mask), strict=True):
            target.copy_(new)
        graph.replay()
        return states

    def _record(
        self, cache: RaggedCache, vectors: Tensor, places: Tensor, reading: Reading
    ) -> tuple[Any, ...]:
        """A graph of the step, the tensors it reads and the one it writes. The cache's slots that
        a rehearsal fills are those that the replay fills again."""
        inputs = tuple(t.clone() for t in (vectors, places, reading.index, reading.mask))
        static = Reading(None, inputs[2], reading.seen, inputs[3])
        cache.reading = static
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self.trunk(cache, inputs[0], inputs[1], static.mask)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # other threads, as a loader that pins memory, may go on meanwhile
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            states = self.trunk(cache, inputs[0], inputs[1], static.mask)
        return graph, inputs, states
