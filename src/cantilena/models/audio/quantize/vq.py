"""Vector quantisation whose codes learn by a loss (van den Oord et al., *Neural Discrete
Representation Learning*, 2017), with orthogonal regularisation (Shin et al. 2021) if asked for.

Knows vectors and codes. Written here: vector-quantize-pytorch 1.32 has one weight for the
codebook's and the commitment's loss, and its orthogonal loss, beside moving averages, is written
over by them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cantilena.models.audio.quantize.base import per_example, require
from cantilena.models.audio.quantize.book import CodebookQuantizer
from cantilena.models.audio.quantize.codebook import Codebook


class VQ(CodebookQuantizer):
    """The nearest of ``size`` codes. Losses: ``codebook`` x mse(code, sg z) and ``commitment`` x
    mse(sg code, z), means over all elements; ``orthogonal`` x ``orthogonality`` of at most
    ``orthogonal_codes`` random codes.

    ``kmeans``, ``revive``: as in ``Codebook``; ``decay`` is that of the codes' use.
    """

    def __init__(
        self,
        dim: int,
        *,
        size: int = 1024,
        codebook: float = 1.0,
        commitment: float = 0.25,
        kmeans: int | None = 10,
        revive: float = 0.1,
        decay: float = 0.99,
        orthogonal: float = 0.0,
        orthogonal_codes: int = 256,
    ):
        require(orthogonal_codes >= 1, f"orthogonal_codes has to be 1+, not {orthogonal_codes}")
        book = Codebook(
            small_codes(size, dim), kmeans=kmeans, decay=decay, revive=revive, average=False
        )
        super().__init__(dim, book, commitment)
        self.codebook = codebook
        self.orthogonal, self.orthogonal_codes = orthogonal, orthogonal_codes

    def losses(self, point: Tensor, q: Tensor) -> dict[str, Tensor]:
        losses = super().losses(point, q)
        losses["codebook"] = self.codebook * per_example((q - point.detach()).square())
        if self.orthogonal:
            chosen = torch.randperm(self.sizes[0], device=q.device)[: self.orthogonal_codes]
            loss = self.orthogonal * orthogonality(self.book.codes[chosen])
            losses["orthogonal"] = loss.expand(len(q))
        return losses


def small_codes(size: int, dim: int) -> Tensor:
    """(V, D) codes, uniform within 1 / V of zero: where no k-means starts them, as in HiFi-Codec
    and the VQ-VAE's own code."""
    require(size >= 1 and dim >= 1, f"a book needs codes and values, not {size} of {dim}")
    return torch.empty(size, dim).uniform_(-1 / size, 1 / size)


def orthogonality(codes: Tensor) -> Tensor:
    """|E E^T - 1|^2 / V^2 of codes (V, D), each divided by its length: from 0, where all are
    orthogonal, to (V - 1) / V, where all are one."""
    unit = F.normalize(codes, dim=1)
    error = unit @ unit.T - torch.eye(len(unit), device=unit.device, dtype=unit.dtype)
    return error.square().sum() / len(unit) ** 2
