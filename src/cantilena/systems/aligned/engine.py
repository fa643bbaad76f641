"""The note model in the loop beside a reference: an engine, its session and its stepper.

Knows vectors, ticks and what is read of a reference; does not know wishes or Requests. The stepper
hands each position's tick on as one more number of its vector, which the session takes off again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.decode.interfaces import Job
from cantilena.models.checkpoint import Checkpoint
from cantilena.systems.aligned.examples import reference_arrays
from cantilena.systems.note.choosing import Listening
from cantilena.systems.note.torch_engine import TorchEngine, TorchSession
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note.conditions import Conditions
from cantilena.tokens.note.context import Frame

if TYPE_CHECKING:
    from cantilena.models.step_aligned import Reference


class AlignedEngine(TorchEngine):
    """A note model with adapters. Raises as ``TorchEngine`` does, and CheckpointError where the
    adapters do not fit."""

    def __init__(
        self, adapters: Checkpoint, base: Checkpoint, threads: int = 2, device: str | None = None
    ):
        from cantilena.models.step_adapters import load_adapters

        super().__init__(base, threads, device)
        self.adapters = load_adapters(adapters, self.network).to(self.device)

    def read(self, table: np.ndarray, frame: Frame, front: Conditions) -> Reference | None:
        """What the adapters read of a reference's (N, 5) note table in a ``frame`` of bars, behind
        its conditions ``front``; None where it has no notes. One that is longer than the model's
        context is read in the ``windows`` of it."""
        if not len(table):
            return None
        arrays = reference_arrays(table, frame, front)
        spans = windows(len(arrays["ticks"]), self.network.config.context)
        return _joined([self._window(arrays, *span) for span in spans])

    def _window(self, arrays: dict[str, np.ndarray], first: int, stop: int, fresh: int) -> Any:
        import torch

        from cantilena.models.step_aligned import Reference

        stream = {
            name: self.tensor(
                values[first:stop] if name in ("state", "ticks", "there") else values
            )[None]
            for name, values in arrays.items()
        }
        with torch.inference_mode():
            read = self.adapters.read(stream)
        states = tuple(x[:, fresh:] for x in read.states)
        return Reference(states, read.ticks[:, fresh:], read.there[:, fresh:])


def windows(length: int, context: int) -> Iterator[tuple[int, int, int]]:
    """Windows of up to ``context`` of ``length`` steps, which overlap by half: the first step, the
    one behind the last, and how many at the beginning the window before has read already, with more
    before them."""
    start, stop = 0, 0
    while stop < length:
        first, stop = start, min(start + context, length)
        yield first, stop, 0 if first == 0 else context // 2
        start += context // 2


def _joined(parts: Sequence[Reference]) -> Reference:
    import torch

    from cantilena.models.step_aligned import Reference

    layers = zip(*(part.states for part in parts), strict=True)
    return Reference(
        tuple(torch.cat(layer, 1) for layer in layers),
        torch.cat([part.ticks for part in parts], 1),
        torch.cat([part.there for part in parts], 1),
    )


class AlignedSession(TorchSession):
    """The caches of B sequences of equal length that read one reference."""

    def __init__(self, engine: AlignedEngine, rows: int, reference: Reference):
        super().__init__(engine, rows)
        import torch

        from cantilena.models.step_aligned import Reference

        self.aligned = engine
        with torch.inference_mode():
            self.keys = [
                (k.expand(rows, -1, -1, -1), v.expand(rows, -1, -1, -1))
                for k, v in engine.adapters.keys(reference)
            ]
        self.reference = Reference(
            (), reference.ticks.expand(rows, -1), reference.there.expand(rows, -1)
        )

    def run(self, x: np.ndarray) -> np.ndarray:
        """As ``TorchSession.run``, of positions (B, S, D + 1), the last number their tick."""
        import torch

        vectors = self.aligned.tensor(x[..., :-1].astype(np.float32, copy=False))
        ticks = self.aligned.tensor(x[..., -1].round().astype(np.int64))
        prefix = 0 if self.used else self.aligned.n_prefix
        with torch.inference_mode():
            hidden = self.aligned.adapters.trunk(
                vectors, ticks, prefix, self.reference, self.keys, self.pasts
            )
        return hidden[:, -1].cpu().numpy()


class AlignedStepper(Listening):
    """Leads the model through pieces that are written beside one reference."""

    def __init__(
        self,
        engine: AlignedEngine,
        jobs: Sequence[Job[Tracker, Conditions]],
        reference: Reference,
    ):
        super().__init__(engine, jobs)
        self.prefix = np.pad(self.prefix, ((0, 0), (0, 0), (0, 1)))
        self.session = AlignedSession(engine, len(self.prefix), reference)

    def _state(self, trackers: Sequence[Tracker]) -> np.ndarray:
        ticks = self._both(np.array([[tracker.tick] for tracker in trackers], dtype=np.float64))
        return np.concatenate([super()._state(trackers), ticks], axis=1)
