"""Sampling AMT's tokens as an ordinary HuggingFace loop does: one token at a time through the model
with its own ``DynamicCache``, the published masks over all logits, a softmax, a choice.

Written from the published description alone, for tests and benchmarks to hold the fast way
against: it shares no code with ``cantilena.decode``.
"""

from __future__ import annotations

import inspect

import torch
from transformers import DynamicCache

from plain_sampling import AUTOREGRESS, REST, kinds, mask_slot


def cached_sampling(model, tokens: list[int], notes: int, offset: int = 0) -> list[int]:
    """``tokens``, triples of a piece without controls, and up to ``notes`` more of them, the
    likeliest. ``offset``: the model's id of the first token, words standing before. The cache is
    thrown away where the window moves."""
    ids: list[int] = []  # what the cache holds
    cache = DynamicCache(config=model.config)
    parameters = inspect.signature(model.base_model.forward).parameters
    name = "cache" if "cache" in parameters else "past_key_values"
    tokens = list(tokens)
    for _ in range(notes):
        first = max(len(tokens) - 1017, 0)
        window = tokens[first:]
        shift = min(window[::3], default=0)
        window = [AUTOREGRESS, *(x - shift * (i % 3 == 0) for i, x in enumerate(window))]
        new: list[int] = []
        for slot in range(3):
            wanted = [*window, *new]
            if wanted[: len(ids)] != ids:
                ids, cache = [], DynamicCache(config=model.config)
            unread = torch.tensor([wanted[len(ids) :]]) + offset
            with torch.no_grad():
                logits = model(unread, **{name: cache}, use_cache=True).logits[0, -1]
            ids = wanted
            now = tokens[-3] if tokens else 0
            logits[:offset] = -torch.inf
            mask_slot(logits[offset:], slot, now - shift, kinds(tokens))
            new.append(int(logits.softmax(-1).argmax()) - offset)
        if new[0] == REST:
            break
        tokens.extend([new[0] + shift, *new[1:]])
    return tokens
