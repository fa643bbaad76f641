"""Factorised codes: looked up in few dimensions by angle, as DAC has them (Kumar et al.,
*High-Fidelity Audio Compression with Improved RVQGAN*, 2023, after ViT-VQGAN).

Knows vectors and codes. Both sides are normalised for the lookup only: the value is the code with
its length, and losses compare values as they are. Written here: vector-quantize-pytorch 1.32
refuses cosine together with codes that learn by a loss.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from cantilena.models.audio.quantize.base import Lookup, SingleBook, require
from cantilena.models.audio.quantize.vq import VQ


class Factorised(SingleBook):
    """A projection to ``width`` values, the code of ``size`` at the least angle, a projection
    back; the projections learn by the decoder's gradient. Losses: VQ's, in ``width``
    dimensions. ``kmeans``, ``revive``, ``decay``: as in ``Codebook``; DAC needs none."""

    projects = True

    def __init__(
        self,
        dim: int,
        *,
        size: int = 1024,
        width: int = 8,
        codebook: float = 1.0,
        commitment: float = 0.25,
        kmeans: int | None = None,
        revive: float = 0.0,
        decay: float = 0.99,
    ):
        super().__init__(dim, size)
        require(width >= 1, f"codes need a width of 1 and more, not {width}")
        self.inward = weight_norm(nn.Conv1d(dim, width, 1))
        self.outward = weight_norm(nn.Conv1d(width, dim, 1))
        self.vq = VQ(
            width,
            size=size,
            codebook=codebook,
            commitment=commitment,
            kmeans=kmeans,
            revive=revive,
            decay=decay,
        )
        self.vq.book.cosine = True
        nn.init.normal_(self.vq.book.codes)

    @property
    def ready(self) -> bool:
        return self.vq.ready

    def look(self, z: Tensor, active: Tensor | None = None) -> Lookup:
        look = self.vq.look(self.inward(z), active)
        return Lookup(self.outward(look.values), look.indices, look.losses)

    def vectors_of(self, indices: Tensor) -> Tensor:
        return self.outward(self.vq.vectors_of(indices))
