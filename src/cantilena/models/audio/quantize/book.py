"""A quantiser of one codebook: look up, compare, update.

Knows vectors (B, D, T) and a ``Codebook``. Does not know which losses its kinds have.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from cantilena.models.audio.quantize.base import (
    Lookup,
    SingleBook,
    per_example,
    rows_of,
    straight_through,
)
from cantilena.models.audio.quantize.codebook import Codebook


class CodebookQuantizer(SingleBook):
    """The nearest code of ``book``. Loss: ``commitment`` x mse(sg code, z)."""

    def __init__(self, dim: int, book: Codebook, commitment: float):
        super().__init__(dim, len(book.codes))
        self.book, self.commitment = book, commitment

    @property
    def ready(self) -> bool:
        return bool(self.book.started)

    def look(self, z: Tensor, active: Tensor | None = None) -> Lookup:
        point = self.point(z)
        if self.training:
            self.book.prepare(rows_of(point))
        which = self.book.nearest(rows_of(point)).view(z.shape[0], z.shape[2])
        q = self.vectors_of(which).to(z.dtype)
        losses = self.losses(point, q)
        if self.training:
            counted = which if active is None else which[active]
            self.book.update(rows_of(point, active), counted.flatten())
        return Lookup(straight_through(point, q), which, losses)

    def point(self, z: Tensor) -> Tensor:
        """(B, D, T) what is compared with the codes, of vectors (B, D, T)."""
        return z

    def losses(self, point: Tensor, q: Tensor) -> dict[str, Tensor]:
        """The losses (B,) by name of points and their codes (B, D, T)."""
        return {"commitment": self.commitment * per_example((q.detach() - point).square())}

    def vectors_of(self, indices: Tensor) -> Tensor:
        return F.embedding(indices, self.book.codes).transpose(1, 2)
