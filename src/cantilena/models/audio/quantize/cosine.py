"""Vector quantisation by angle: vectors and codes on the unit sphere, codes by moving averages
(Yu et al., *Vector-quantized Image Modeling with Improved VQGAN*, 2022, for the sphere).

Knows vectors and codes; what a vector's length says is lost. DAC's way, which keeps the lengths of
codes and learns them by a loss in few dimensions, is ``factorised``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cantilena.models.audio.quantize.base import require
from cantilena.models.audio.quantize.book import CodebookQuantizer
from cantilena.models.audio.quantize.codebook import Codebook


class Cosine(CodebookQuantizer):
    """The code at the least angle, of length 1. The gradient reaches the vector through its
    normalisation. Loss: ``commitment`` x mse(sg code, z / |z|)."""

    def __init__(
        self,
        dim: int,
        *,
        size: int = 1024,
        decay: float = 0.99,
        commitment: float = 1.0,
        kmeans: int | None = 10,
        revive: float = 0.1,
    ):
        require(size >= 1, f"a book needs codes, not {size}")
        book = Codebook(
            torch.randn(size, dim),
            kmeans=kmeans,
            decay=decay,
            revive=revive,
            average=True,
            cosine=True,
        )
        super().__init__(dim, book, commitment)

    def point(self, z: Tensor) -> Tensor:
        return F.normalize(z, dim=1)
