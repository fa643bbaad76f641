"""Random projection: tokens without any training (Chiu et al., *Self-supervised learning with
random-projection quantizer for speech recognition*, 2022, BEST-RQ).

Knows features as vectors; does not know which. The cheap stand-in for semantic tokens where no
pretrained network can be had: four stacked log-mel frames give 25 a second of 100.

Written here: the codes of vector-quantize-pytorch's ``RandomProjectionQuantizer`` are not normal
but points of a cube, its tokens cannot be decoded, and it starts from the global random state.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cantilena.models.audio.quantize.base import (
    Lookup,
    SingleBook,
    require,
    rows_of,
    straight_through,
)
from cantilena.models.audio.quantize.codebook import nearest


class RandomProjection(SingleBook):
    """The vector normed to mean 0 and variance 1, projected to ``width`` values by a random
    matrix, and there the nearest by angle of ``size`` random codes. Nothing learns; ``seed``
    says which matrix and codes, and the same seed gives the same tokens.

    Values are the least vectors whose projection is the code: a direction, without the loudness
    that norming took away.
    """

    projection: Tensor
    codes: Tensor

    def __init__(self, dim: int, *, size: int = 1024, width: int = 16, seed: int = 0):
        super().__init__(dim, size)
        require(1 <= width <= dim, f"width has to be 1 to {dim}, not {width}")
        generator = torch.Generator().manual_seed(seed)
        xavier = (2 / (dim + width)) ** 0.5
        self.register_buffer("projection", xavier * torch.randn(dim, width, generator=generator))
        codes = F.normalize(torch.randn(size, width, generator=generator), dim=1)
        self.register_buffer("codes", codes)

    def look(self, z: Tensor, active: Tensor | None = None) -> Lookup:
        rows = F.layer_norm(rows_of(z), (self.dim,))
        which = nearest(rows @ self.projection.to(rows.dtype), self.codes.to(rows.dtype), True)
        which = which.view(z.shape[0], z.shape[2])
        return Lookup(straight_through(z, self.vectors_of(which).to(z.dtype)), which, {})

    def vectors_of(self, indices: Tensor) -> Tensor:
        vectors = self.codes @ torch.linalg.pinv(self.projection)
        return F.embedding(indices, vectors).transpose(1, 2)
