"""The single step on a GPU, recorded once and replayed.

Knows a step model's trunk and its cache; does not know what is read. A step of a few rows is a few
hundred small kernels, and starting them costs more than running them; recorded as a CUDA graph
they start at once. Lengths seen by attention are rounded up, and each rounded length has its graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from cantilena.decode.hf.engine import HFStepModel

_ROUND = 256


class Steady:
    """Replays one step of all rows. Where a graph cannot be recorded, steps run as elsewhere."""

    def __init__(self, model: HFStepModel):
        self.model = model
        self.graphs: dict[int, tuple[Any, ...]] = {}
        self.cache: Any = None
        self.works = True
        self.said = ""  # why no graph could be recorded

    def forget(self) -> None:
        """Lets go of all graphs and of the cache that they write."""
        self.graphs, self.cache = {}, None

    def read(self, vectors: Tensor, places: Tensor, counts: list[int]) -> Tensor:
        """(B, 1, D) hidden states of one more position of every row."""
        model = self.model
        cache = model.cache
        if cache is not self.cache or cache.n_rows != len(vectors):
            self.graphs, self.cache = {}, cache
        reading = cache.place(None, counts)
        if not self.works or cache.layers[0].keys is None:
            return model.trunk(vectors, places, reading.mask)
        seen = min(-(-reading.seen // _ROUND) * _ROUND, cache.room + 1)
        reading.mask = torch.nn.functional.pad(reading.mask, (0, seen - reading.seen))
        reading.seen = seen
        key = (seen, cache.n_rows, cache.layers[0].keys.data_ptr())
        known = self.graphs.get(hash(key))
        if known is None:
            try:
                known = self._record(vectors, places, reading)
            except RuntimeError as error:
                torch.cuda.synchronize()
                self.works, self.said = False, str(error)
                cache.reading = reading
                return model.trunk(vectors, places, reading.mask)
            self.graphs[hash(key)] = known
        graph, given, found = known
        for held, new in zip(given, (vectors, places, reading.index, reading.mask), strict=True):
            held.copy_(new)
        graph.replay()
        return found

    def _record(self, vectors: Tensor, places: Tensor, reading: Any) -> tuple[Any, ...]:
        """A graph of the step, the tensors it reads and the one it writes. The cache's slots that
        a rehearsal fills are those that the replay fills again."""
        from cantilena.decode.hf.cache import Reading

        model = self.model
        given = tuple(t.clone() for t in (vectors, places, reading.index, reading.mask))
        held = Reading(None, given[2], reading.seen, given[3])
        model.cache.reading = held
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                model.trunk(given[0], given[1], held.mask)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # other threads, as a loader that pins memory, may go on meanwhile
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            found = model.trunk(given[0], given[1], held.mask)
        return graph, given, found
