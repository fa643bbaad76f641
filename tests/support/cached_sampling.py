"""Sampling AMT's tokens as an ordinary HuggingFace loop does: one token at a time through the model
with its own ``DynamicCache``, the published masks over all 55,028 logits, a softmax, a choice.

Written from the published description alone, for tests and benchmarks to hold the fast way
against: it shares no code with ``cantilena.decode``.
"""

from __future__ import annotations

import torch
from transformers import DynamicCache

from plain_sampling import AUTOREGRESS, REST, kinds, mask_slot


def cached_sampling(model, tokens: list[int], notes: int, greedy: bool = True) -> list[int]:
    """``tokens``, triples of a piece without controls, and up to ``notes`` more of them, the
    likeliest ones or drawn. The cache is thrown away where the window moves."""
    ids: list[int] = []  # what the cache holds
    cache = DynamicCache(config=model.config)
    tokens = list(tokens)
    for _ in range(notes):
        first = max(len(tokens) - 1017, 0)
        window = tokens[first:]
        offset = min(window[::3], default=0)
        window = [AUTOREGRESS, *(x - offset * (i % 3 == 0) for i, x in enumerate(window))]
        new: list[int] = []
        for slot in range(3):
            wanted = [*window, *new]
            if wanted[: len(ids)] != ids:
                ids, cache = [], DynamicCache(config=model.config)
            unread = torch.tensor([wanted[len(ids) :]])
            with torch.no_grad():
                logits = model(unread, past_key_values=cache, use_cache=True).logits[0, -1]
            ids = wanted
            now = tokens[-3] if tokens else 0
            mask_slot(logits, slot, now - offset, kinds(tokens))
            weights = logits.softmax(-1)
            choice = weights.argmax() if greedy else weights.multinomial(1)
            new.append(int(choice))
        if new[0] == REST:
            break
        tokens.extend([new[0] + offset, *new[1:]])
    return tokens
