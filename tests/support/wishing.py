"""A Constraint over AMT's tokens, as our systems have none: their wishes are the Grammar's."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from cantilena.systems.arrival.piece import NOTE, ArrivalPiece


class Instruments:
    """Only these instruments, where that leaves any."""

    name = "instruments"

    def __init__(self, playing: Collection[int]):
        self.playing = list(playing)

    def bias(self, field: int, piece: ArrivalPiece, chosen: Sequence[int]) -> np.ndarray | None:
        if piece.slot != NOTE:
            return None
        v = piece.vocabulary
        mask = np.full(v.instruments, -np.inf)
        mask[self.playing] = 0
        return np.append(np.repeat(mask, v.pitches), 0.0)
