"""Group-residual quantisation: the vector cut into parts, books in a row for each (Yang et al.,
*HiFi-Codec*, 2023).

Knows the order of books: first the first book of every group, then the second of every group, so
that a prefix refines all groups alike. Does not know how a book learns.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cantilena.models.audio.quantize.base import Quantizer, require
from cantilena.models.audio.quantize.residual import Residual


class GroupedResidual(Quantizer):
    """``groups`` parts of equal width, each with ``layers`` books in a row of ``size`` codes: book
    l * groups + g is layer l of group g. HiFi-Codec's books are 2 x 2 and learn by a loss; it
    gives that loss 10 times the weight. Losses are means over groups; a group that a prefix does
    not reach is zero. ``inner`` and ``options``: as in ``Residual``."""

    def __init__(
        self,
        dim: int,
        *,
        groups: int = 2,
        layers: int = 2,
        size: int = 1024,
        inner: str = "vq",
        **options: Any,
    ):
        require(
            groups >= 1 and dim % groups == 0, f"{dim} values cannot be cut into {groups} groups"
        )
        super().__init__(dim, [size] * (groups * layers))
        rows = [
            Residual(dim // groups, books=layers, size=size, inner=inner, **options)
            for _ in range(groups)
        ]
        self.groups: list[Residual] = nn.ModuleList(rows)  # type: ignore[assignment]

    def _quantise(self, z: Tensor, books: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        count = len(self.groups)
        values, losses = [], {}
        indices = z.new_zeros(len(z), books, z.shape[2], dtype=torch.int64)
        for g, (group, part) in enumerate(zip(self.groups, z.chunk(count, dim=1), strict=True)):
            if g >= books:
                values.append(torch.zeros_like(part))
                continue
            result = group(part, len(range(g, books, count)))
            values.append(result.values)
            indices[:, g::count] = result.indices
            for name, loss in result.losses.items():
                losses[name] = losses.get(name, 0) + loss / min(count, books)
        return torch.cat(values, dim=1), indices, losses

    def _decode(self, indices: Tensor) -> Tensor:
        values = []
        for g, group in enumerate(self.groups):
            part = indices[:, g :: len(self.groups)]
            empty = (len(indices), group.dim, indices.shape[2])
            values.append(group.decode(part) if part.shape[1] else values[0].new_zeros(empty))
        return torch.cat(values, dim=1)
