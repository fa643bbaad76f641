"""Finite scalar quantisation: each of a few values rounded to its own number of levels (Mentzer et
al., *Finite Scalar Quantization: VQ-VAE Made Simple*, 2023).

Knows levels. No book, no losses, nothing that can collapse. The rounding and the numbering are
vector-quantize-pytorch's ``FSQ``, with every setting said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cantilena.models.audio.quantize.base import Lookup, SingleBook, require, straight_through
from cantilena.models.audio.quantize.library import library


class FSQ(SingleBook):
    """A projection to one value for each of ``levels``, bounded by tanh and rounded to so many
    levels, and a projection back; none where there are as many values already. The code's number
    has the first value's level in its least place. 8, 5, 5, 5 make 1,000 codes; the paper has
    8, 6, 5 for 2^8, 7, 5, 5, 5, 5 for 2^12, 8, 8, 8, 6, 5 for 2^14 and 8, 8, 8, 5, 5, 5 for 2^16.
    """

    def __init__(self, dim: int, *, levels: Sequence[int] = (8, 5, 5, 5)):
        require(
            len(levels) >= 1 and min(levels) >= 3,
            f"levels have to be 3 and more, one for each value, not {list(levels)}",
        )
        super().__init__(dim, math.prod(levels))
        width = len(levels)
        self.projects = width != dim
        self.inward = nn.Conv1d(dim, width, 1) if self.projects else nn.Identity()
        self.outward = nn.Conv1d(width, dim, 1) if self.projects else nn.Identity()
        self.rounding = library("the quantizer fsq").FSQ(
            levels=list(levels),
            dim=width,
            num_codebooks=1,
            keep_num_codebooks_dim=False,
            channel_first=False,
            return_indices=True,
            force_quantization_f32=False,  # the face has seen to that, on every device
            preserve_symmetry=False,  # the paper's bound
            noise_dropout=0.0,
            bound_hard_clamp=False,
            orthogonal_rotation=False,
        )

    def look(self, z: Tensor, active: Tensor | None = None) -> Lookup:
        rounded, indices = self.rounding(self.inward(z).transpose(1, 2))
        indices = indices.to(torch.int64)
        q = straight_through(rounded, self._codes(indices).to(rounded.dtype))
        return Lookup(self.outward(q.transpose(1, 2)), indices, {})

    def vectors_of(self, indices: Tensor) -> Tensor:
        return self.outward(self._codes(indices).transpose(1, 2))

    def _codes(self, indices: Tensor) -> Tensor:
        """(B, T) indices as (B, T, n) values in -1 to 1."""
        return self.rounding.implicit_codebook[indices]
