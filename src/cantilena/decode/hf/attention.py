"""Attention of one position over grouped keys, without copying the keys for every head.

Knows the shapes of a ``transformers`` attention; does not know caches or music. Where several heads
share keys and values (Ainslie et al. 2023), ``transformers`` repeats these for every head before a
masked product, in many versions even for a single position, which then moves several times the
whole cache. The heads that share keys are put side by side as positions instead: the same sums.
"""

from __future__ import annotations

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
    **settings: Any,
) -> tuple[Tensor, None]:
    """(B, S, H, D) of queries (B, H, S, D) over keys and values (B, H / groups, T, D) under a mask
    (B, 1, S, T), which all heads share. More than one position, or one without a mask, attends
    as ``transformers`` has it under "sdpa"."""
    rows, heads, positions, width = query.shape
    if positions > 1 or attention_mask is None:
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        sdpa = ALL_ATTENTION_FUNCTIONS["sdpa"]
        return sdpa(module, query, key, value, attention_mask, **settings)
    packed = query.reshape(rows, key.shape[1], -1, width)
    sums = torch.nn.functional.scaled_dot_product_attention(
        packed, key, value, attn_mask=attention_mask, scale=settings.get("scaling")
    )
    return sums.reshape(rows, 1, heads, value.shape[-1]), None


def attend_grouped(config: Any) -> None:
    """Lets the models of a config attend so from now on."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, grouped)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    config._attn_implementation = NAME


def attends_grouped(config: Any) -> bool:
    """Whether the models of a config attend so."""
    return config._attn_implementation == NAME


def shares_keys(config: Any) -> bool:
    """Whether several heads share keys and values."""
    heads = getattr(config, "num_attention_heads", 1)
    return (getattr(config, "num_key_value_heads", None) or heads) != heads
