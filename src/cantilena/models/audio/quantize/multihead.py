"""Multi-head quantisation: several codes for one frame, out of one projection of it (as in
vector-quantize-pytorch's ``heads``, and Baevski et al. 2020 for shared codes).

Knows heads and projections. Does not know how a book learns. Written here for the books' sake:
see ``codebook``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cantilena.models.audio.quantize.base import Quantizer, SingleBook, require
from cantilena.models.audio.quantize.product import padded, single_book


class MultiHead(Quantizer):
    """A projection to ``heads`` x ``width`` values, a code for each head, a projection back.

    ``width``: by default dim / heads, rounded up. ``shared``: one book of ``size`` codes of kind
    ``inner`` for all heads, which learns from all of them; otherwise each its own. Losses are
    means over heads. Heads without a book in a prefix are zero before the projection back.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int = 4,
        width: int | None = None,
        size: int = 1024,
        shared: bool = False,
        inner: str = "ema",
        **options: Any,
    ):
        require(heads >= 1, f"a multi-head quantizer needs heads, not {heads}")
        super().__init__(dim, [size] * heads)
        width = -(-dim // heads) if width is None else width
        require(width >= 1, f"heads need a width of 1 and more, not {width}")
        self.width, self.shared = width, shared
        self.inward = nn.Conv1d(dim, heads * width, 1)
        self.outward = nn.Conv1d(heads * width, dim, 1)
        count = 1 if shared else heads
        parts = [single_book(inner, width, size=size, **options) for _ in range(count)]
        self.parts: list[SingleBook] = nn.ModuleList(parts)  # type: ignore[assignment]

    def _quantise(self, z: Tensor, books: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        heads = self.inward(z).unflatten(1, (-1, self.width))[:, :books]  # (B, h, d, T)
        if self.shared:
            look = self.parts[0].look(heads.flatten(0, 1))
            values = look.values.unflatten(0, (-1, books)).flatten(1, 2)
            indices = look.indices.unflatten(0, (-1, books))
            losses = {name: loss.mean() for name, loss in look.losses.items()}
            return self._out(values), indices, losses
        looks = [self.parts[k].look(heads[:, k]) for k in range(books)]
        values = torch.cat([look.values for look in looks], dim=1)
        losses = {
            name: torch.stack([look.losses[name].mean() for look in looks]).mean()
            for name in looks[0].losses
        }
        return self._out(values), torch.stack([look.indices for look in looks], dim=1), losses

    def _decode(self, indices: Tensor) -> Tensor:
        books = range(indices.shape[1])
        parts = [self.parts[0 if self.shared else k].vectors_of(indices[:, k]) for k in books]
        return self._out(torch.cat(parts, dim=1))

    def _out(self, values: Tensor) -> Tensor:
        return self.outward(padded(values, self.books * self.width))
