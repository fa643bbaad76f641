"""Lookup-free quantisation: the sign of each of log2 V values (Yu et al., *Language Model Beats
Diffusion: Tokenizer is Key to Visual Generation*, 2024).

Knows bits. The signs and the entropy loss are vector-quantize-pytorch's ``LFQ``, with every
setting said. The loss holds N x V probabilities, so that sizes above 2^14 need much memory.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cantilena.models.audio.quantize.base import Lookup, SingleBook, require, straight_through
from cantilena.models.audio.quantize.library import library

INVERSE_TEMPERATURE = 100.0
"""Of the softmax over codes in the entropy loss; the library's."""


class LFQ(SingleBook):
    """A projection to log2 ``size`` values, their signs, a projection back. The code's number has
    the first value's bit in its highest place.

    Losses in training: ``entropy`` x (mean H(p(z)) - ``diversity`` H(mean p)), p = softmax of
    200 z c, which may be negative; ``commitment`` x mse(sg code, z).
    """

    projects = True

    def __init__(
        self,
        dim: int,
        *,
        size: int = 1024,
        entropy: float = 0.1,
        diversity: float = 1.0,
        commitment: float = 0.25,
    ):
        require(size >= 2 and size & (size - 1) == 0, f"size has to be a power of 2, not {size}")
        super().__init__(dim, size)
        self.entropy, self.commitment = entropy, commitment
        width = size.bit_length() - 1
        self.inward, self.outward = nn.Conv1d(dim, width, 1), nn.Conv1d(width, dim, 1)
        self.signs = library("the quantizer lfq").LFQ(
            dim=width,
            codebook_size=size,
            num_codebooks=1,
            keep_num_codebooks_dim=False,
            entropy_loss_weight=entropy,
            commitment_loss_weight=commitment,
            diversity_gamma=diversity,
            codebook_scale=1.0,
            frac_per_sample_entropy=1.0,
            has_projections=False,
            soft_clamp_input_value=None,
            channel_first=False,
            experimental_softplus_entropy_loss=False,
            spherical=False,
            force_quantization_f32=False,  # the face has seen to that, on every device
            orthogonal_rotation=False,
        )

    def look(self, z: Tensor, active: Tensor | None = None) -> Lookup:
        x = self.inward(z)
        outcome, parts = self.signs(
            x.transpose(1, 2), inv_temperature=INVERSE_TEMPERATURE, return_loss_breakdown=True
        )
        indices = outcome.indices.to(torch.int64)
        entropy = parts.per_sample_entropy - self.signs.diversity_gamma * parts.batch_entropy
        losses = {
            "entropy": (self.entropy * entropy).expand(len(z)),
            "commitment": (self.commitment * parts.commitment).expand(len(z)),
        }
        q = straight_through(x, self._codes(indices).to(x.dtype))
        return Lookup(self.outward(q), indices, losses)

    def vectors_of(self, indices: Tensor) -> Tensor:
        return self.outward(self._codes(indices))

    def _codes(self, indices: Tensor) -> Tensor:
        """(B, T) indices as (B, n, T) of -1 and 1."""
        return self.signs.codebook[indices].transpose(1, 2)
