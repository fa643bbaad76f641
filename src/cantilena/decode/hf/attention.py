"""Attention of one position over grouped keys, without copying the keys for every head.

Knows the shapes of a ``transformers`` attention; does not know caches or music. Where several heads
share keys and values (Ainslie et al. 2023), ``transformers`` repeats these for every head before a
masked product, in many versions even for a single position, which then moves several times the
whole cache. The heads that share keys are put side by side as positions instead: the same sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

NAME = "cantilena-grouped"


def grouped(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **how: Any,
) -> tuple[Tensor, None]:
    """(B, 1, H, D) of queries (B, H, 1, D) over keys and values (B, H / groups, T, D) under a mask
    (B, 1, 1, T), which all heads share."""
    rows, heads, _, width = query.shape
    packed = query.reshape(rows, key.shape[1], -1, width)
    found = torch.nn.functional.scaled_dot_product_attention(
        packed, key, value, attn_mask=attention_mask, scale=how.get("scaling")
    )
    return found.reshape(rows, 1, heads, value.shape[-1]), None


@contextmanager
def attending(config: Any) -> Iterator[None]:
    """Lets the models of a config attend so meanwhile; their masks must be given, (B, 1, 1, T)."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, grouped)
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def shares_keys(config: Any) -> bool:
    """Whether several heads share keys and values."""
    heads = getattr(config, "num_attention_heads", 1)
    return (getattr(config, "num_key_value_heads", None) or heads) != heads
