"""Product quantisation: the vector cut into parts, a book for each (Jégou et al. 2011; Baevski et
al., *vq-wav2vec*, 2020, for codes that are learned).

Knows parts of vectors. Does not know how a book learns.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cantilena.errors import InputError
from cantilena.models.audio.quantize.base import Quantizer, SingleBook, require
from cantilena.models.audio.quantize.registry import quantizer


class Product(Quantizer):
    """``groups`` parts of equal width, each with a book of ``size`` codes of kind ``inner`` with
    its ``options``. Losses are means over all elements. Parts without a book in a prefix are
    zero."""

    def __init__(
        self, dim: int, *, groups: int = 2, size: int = 1024, inner: str = "ema", **options: Any
    ):
        require(
            groups >= 1 and dim % groups == 0, f"{dim} values cannot be cut into {groups} groups"
        )
        super().__init__(dim, [size] * groups)
        parts = [single_book(inner, dim // groups, size=size, **options) for _ in range(groups)]
        self.parts: list[SingleBook] = nn.ModuleList(parts)  # type: ignore[assignment]

    def _quantise(self, z: Tensor, books: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        looks = [
            part.look(piece)
            for part, piece in zip(
                self.parts[:books], z.chunk(len(self.parts), dim=1), strict=False
            )
        ]
        values = torch.cat([look.values for look in looks], dim=1)
        losses = {
            name: torch.stack([look.losses[name].mean() for look in looks]).mean()
            for name in looks[0].losses
        }
        indices = torch.stack([look.indices for look in looks], dim=1)
        return padded(values, self.dim), indices, losses

    def _decode(self, indices: Tensor) -> Tensor:
        parts = [self.parts[k].vectors_of(indices[:, k]) for k in range(indices.shape[1])]
        return padded(torch.cat(parts, dim=1), self.dim)


def single_book(inner: str, dim: int, **options: Any) -> SingleBook:
    """A quantiser of one book by name. Raises InputError for one of several."""
    book = quantizer(inner, dim, **options)
    if not isinstance(book, SingleBook):
        raise InputError(f"a part has one book, as vq, ema or cosine have, not {inner}'s")
    return book


def padded(values: Tensor, dim: int) -> Tensor:
    """(B, d, T) values with zeros behind them, (B, D, T)."""
    missing = dim - values.shape[1]
    return torch.cat([values, values.new_zeros(len(values), missing, values.shape[2])], dim=1)
