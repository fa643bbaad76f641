"""Features as words, and words as a bag: what a language model or a classifier reads of sound.

Knows features (B, D, T) and quantisers of one book, as ``kmeans`` and ``random-projection``. Does
not know how features come out of sound.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cantilena.models.audio.quantize.base import Quantizer, require


def stack_frames(features: Tensor, count: int) -> Tensor:
    """(B, D, T) features as (B, count * D, T // count): each ``count`` frames one, the first
    frame's values first; frames that are left over are cut. Raises InputError for no frame."""
    require(
        1 <= count <= features.shape[2],
        f"{features.shape[2]} frames cannot be stacked by {count}",
    )
    whole = features[:, :, : features.shape[2] // count * count]
    return whole.unflatten(2, (-1, count)).permute(0, 3, 1, 2).flatten(1, 2)


@torch.no_grad()
def tokens(quantizer: Quantizer, features: Tensor) -> Tensor:
    """(B, T) int64: the word of each frame of features (B, D, T). The quantiser, which is to have
    one book and to be in evaluation mode, does not learn. Raises InputError otherwise."""
    require(quantizer.books == 1, f"words need a quantizer of 1 book, not of {quantizer.books}")
    require(not quantizer.training, "words need a quantizer in evaluation mode: call eval()")
    return quantizer(features).indices[:, 0]


def bag(words: Tensor, size: int) -> Tensor:
    """(B, V) float32: the share that each of ``size`` words has in each row (B, T). Raises
    InputError for a word that is not below the size."""
    require(
        not words.numel() or 0 <= int(words.min()) <= int(words.max()) < size,
        f"words have to be 0 to {size - 1}",
    )
    counts = torch.zeros(len(words), size, device=words.device)
    counts.scatter_add_(1, words, torch.ones(words.shape, device=words.device))
    return counts / max(words.shape[1], 1)
