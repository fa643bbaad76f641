"""Columns of codes written under lyrics, one at a time.

Knows phonemes and codes as numbers, and when a piece is over; does not know words, Requests or
sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from cantilena.decode.sampling import Sampling, choose
from cantilena.models.audio.karasinger import KaraLM
from cantilena.models.threads import stepwise

SAMPLING = Sampling(temperature=0.9, top_p=0.9, top_k=0, guidance=1.0, best_of=1, repetition=0.0)
ENDS = 0.5
"""How likely a column is the last, or how much attention the last phoneme has, where it counts."""
HOLD = 12
"""Columns for which the last phoneme is sung at most."""
MOST = 8
"""Columns of a phoneme at most, so that every piece ends."""
TAIL = 4
"""Columns besides."""


@dataclass(frozen=True)
class KaraOrder:
    """What is written: ``lyrics``, numbers of phonemes (none: no lyrics); ``frames``: columns of
    the piece, whose lyrics begin again where they are over (None: they are sung once); by a
    ``seed`` and a ``sampling``."""

    lyrics: tuple[int, ...]
    frames: int | None = None
    seed: int = 0
    sampling: Sampling = SAMPLING


class KaraWriting:
    """The writing of an order; ``codes``: its own (K, T) so far."""

    def __init__(self, model: KaraLM, order: KaraOrder):
        self.model, self.order = model, order
        self.columns: list[list[int]] = []
        self.turns = 0
        """How often the lyrics were sung to their end."""
        lyrics = order.lyrics or (model.config.nothing,)
        self.total = order.frames or MOST * len(lyrics) + TAIL

    @property
    def codes(self) -> list[np.ndarray]:
        """The codes so far, as those of one piece."""
        rows = np.array(self.columns, dtype=np.int64)
        return [rows.reshape(-1, len(self.model.config.sizes)).T]

    @property
    def ready(self) -> np.ndarray:
        """The codes so far (K, T), none of which changes any more."""
        return self.codes[0]

    def steps(self) -> Iterator[tuple[int, int]]:
        """Writes column by column; yields how many are done, and how many there will be at most."""
        yield from stepwise(self._steps(), self.model)

    @torch.inference_mode()
    def _steps(self) -> Iterator[tuple[int, int]]:
        model, order = self.model, self.order
        device = model.begin.device
        lyrics = order.lyrics or (model.config.nothing,)
        read = model.read(torch.tensor([lyrics], device=device))
        rng = np.random.default_rng([order.seed, 23])

        def value(logits: np.ndarray) -> int:
            return choose(logits, order.sampling, float(rng.random()))

        while len(self.columns) < self.total:
            place, before, held = model.start(read), model.begin[None], 0
            for _ in range(MOST * len(lyrics) + TAIL):
                place = model.step(read, place, before)
                codes, before, last = model.write(place, value)
                self.columns.append(codes)
                yield len(self.columns), self.total
                held += bool(order.lyrics) and float(place.weights[0, -1]) > ENDS
                over = held >= HOLD or (held > 0 and last > ENDS)
                if len(self.columns) >= self.total or over:
                    break
            self.turns += 1
            if order.frames is None:
                break

    def run(self) -> np.ndarray:
        """Writes everything; gives the codes (K, T)."""
        for _ in self.steps():
            pass
        return self.codes[0]
