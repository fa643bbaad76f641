"""Residual finite scalar quantisation: each value rounded again and again, each time more finely
(Parker et al., *Scaling Transformers for Low-Bitrate High-Quality Speech Coding*, 2024, has several
roundings of one latent; books in a row are SoundStream's).

Knows levels and how fine each book is. No book is learnt and none can collapse.

Written here: vector-quantize-pytorch 1.32's ``ResidualFSQ`` scales book k by levels^-k, less than
what the book before leaves, (levels - 1)^-k, so that ends are cut off; and it refuses to decode a
prefix of books unless some were dropped in training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cantilena.models.audio.quantize.base import Lookup, SingleBook, require
from cantilena.models.audio.quantize.residual import Row

FINEST = 2**20
"""Steps of a value in -1 to 1 at most: float32 tells 2^24 apart."""


class Rounding(SingleBook):
    """Values in -``scale`` to ``scale``, one for each of ``levels``, rounded to so many evenly
    spaced ones, the ends among them. The code's number has the first value's in its least place."""

    places: Tensor
    tops: Tensor
    scale: Tensor

    def __init__(self, levels: Sequence[int], book: int):
        super().__init__(len(levels), math.prod(levels))
        tops = torch.tensor(levels) - 1
        places = [math.prod(levels[:i]) for i in range(len(levels))]
        self.register_buffer("tops", tops[:, None], persistent=False)
        self.register_buffer("places", torch.tensor(places)[:, None], persistent=False)
        self.register_buffer("scale", (tops[:, None].double() ** -book).float(), persistent=False)

    def look(self, z: Tensor, active: Tensor | None = None) -> Lookup:
        """As ``SingleBook.look``; there is nothing to learn."""
        place = ((z / self.scale + 1) * (self.tops / 2)).round()
        place = torch.minimum(place.clamp_min(0), self.tops).to(torch.int64)
        indices = (place * self.places).sum(1)
        return Lookup(self.vectors_of(indices).to(z.dtype), indices, {})

    def vectors_of(self, indices: Tensor) -> Tensor:
        """As ``SingleBook.vectors_of``."""
        place = indices[:, None] // self.places % (self.tops + 1)
        return (place * (2 / self.tops) - 1) * self.scale


class ResidualFSQ(Row):
    """A projection to one value for each of ``levels``, bounded by tanh, ``books`` roundings in a
    row, and a projection back; none where there are as many values already. Of a value with L
    levels book k rounds what is left to steps of 2 / (L - 1)^k, so that k books leave at most
    (L - 1)^-k. All share one straight-through estimator. ``dropout``, ``dropout_by`` as in
    ``Row``."""

    def __init__(
        self,
        dim: int,
        *,
        levels: Sequence[int] = (5, 5, 5, 5),
        books: int = 4,
        dropout: float = 0.0,
        dropout_by: str = "batch",
    ):
        require(
            isinstance(levels, Sequence) and len(levels) >= 1 and min(levels) >= 3,
            f"levels have to be 3 and more, one for each value, not {levels!r}",
        )
        require(books >= 1, f"a residual needs 1 book and more, not {books}")
        require(
            (max(levels) - 1) ** books <= FINEST,
            f"{books} books of {max(levels)} levels are finer than 32 bits tell apart; take fewer",
        )
        layers = [Rounding(levels, book) for book in range(books)]
        super().__init__(dim, layers, dropout, dropout_by)
        width = len(levels)
        self.inward = nn.Conv1d(dim, width, 1) if width != dim else nn.Identity()
        self.outward = nn.Conv1d(width, dim, 1) if width != dim else nn.Identity()

    def _quantise(self, z: Tensor, books: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        values, indices, losses = super()._quantise(torch.tanh(self.inward(z)), books)
        return self.outward(values), indices, losses

    def _decode(self, indices: Tensor) -> Tensor:
        return self.outward(super()._decode(indices))
