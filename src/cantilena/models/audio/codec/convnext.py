"""ConvNeXt over frames (Liu et al. 2022, in one dimension as in Vocos, Siuzdak 2023).

Knows (B, D, T) features; does not know what they are of. All of it runs at the frame rate, as dense
products of matrices, which CPUs do best.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

KERNEL = 7
"""Frames that a block's depthwise convolution sees."""


class Block(nn.Module):
    """x + scale * MLP(norm(depthwise convolution of x))."""

    def __init__(self, width: int, hidden: int, scale: float):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.rise = nn.Linear(width, hidden)
        self.fall = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) of the same."""
        mixed = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return x + self.scale * self.fall(nn.functional.gelu(self.rise(self.norm(mixed))))


class Trunk(nn.Module):
    """(B, D, T) features to (B, out, T): a linear map, ``layers`` blocks, a norm and a linear map.
    ``margin``: frames on either side that a frame hangs on."""

    def __init__(self, features: int, width: int, hidden: int, layers: int, out: int):
        super().__init__()
        self.margin = layers * (KERNEL // 2)
        self.begin = nn.Linear(features, width)
        self.first = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, hidden, 1 / layers) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.end = nn.Linear(width, out)

    def forward(self, features: Tensor) -> Tensor:
        """(B, out, T) of (B, features, T)."""
        x = self.first(self.begin(features.transpose(1, 2)))
        for block in self.blocks:
            x = block(x)
        return self.end(self.norm(x)).transpose(1, 2)
