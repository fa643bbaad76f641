"""Learned position embeddings that may be left out.

Knows one embedding table; does not know models.
"""

from __future__ import annotations

from torch import Tensor, nn


class Places(nn.Embedding):
    """Position embeddings: what a position gave before, and nothing at -1."""

    def forward(self, input: Tensor) -> Tensor:
        """(...) int -> (..., D), zero where ``input`` is negative."""
        vectors = super().forward(input.clamp(min=0))
        return vectors * (input >= 0).unsqueeze(-1).to(vectors.dtype)
