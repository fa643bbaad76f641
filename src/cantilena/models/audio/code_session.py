"""A code model read column by column: what changes while it is, caches above all.

Knows the model's parts and columns; does not know patterns, or how codes are chosen. The model is
only read, so any number of sessions may share it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cantilena.models.audio.code_lm import CodeLM, Signals, sinusoid
from cantilena.models.step_lm import Past


class CodeSession:
    """``rows`` sequences of at most ``columns`` columns, which advance together under conditions
    ``signals``, of as many rows each. Raises InputError as ``CodeLM.fuse``."""

    def __init__(self, model: CodeLM, signals: Signals, rows: int, columns: int):
        self.model, self.rows, self.columns = model, rows, columns
        self.used = 0
        config, weight = model.config, model.embedding.weight
        with torch.inference_mode():
            fused = model.fuse(signals, columns)
            self.added, self.prefix = fused.added, fused.prefix
            self.cross = model.read_across(fused)
            before = 0 if self.prefix is None else self.prefix.shape[1]
            length, head = before + columns, config.width // config.heads
            self.places = sinusoid(length, config.width, weight.device).to(weight.dtype)
            shape = (2, rows, config.heads, length, head)
            self.pasts = [
                Past(*torch.zeros(shape, dtype=weight.dtype, device=weight.device))
                for _ in model.blocks
            ]

    def read(self, columns: Tensor) -> Tensor:
        """(B, D) last hidden states after reading further columns (B, K, n), n at least 1."""
        with torch.inference_mode():
            x = self.model.embed(columns)
            start, self.used = self.used, self.used + x.shape[1]
            if self.added is not None:
                one = self.added.shape[1] == 1
                x = x + (self.added if one else self.added[:, start : self.used])
            if start == 0 and self.prefix is not None:
                x = torch.cat([self.prefix, x], dim=1)
            place = self.pasts[0].used
            x = x + self.places[place : place + x.shape[1]]
            return self.model.trunk(x, self.cross, self.pasts)[:, -1]

    def logits(self, hidden: Tensor) -> Tensor:
        """(B, K, card) float32 of hidden states (B, D)."""
        with torch.inference_mode():
            return self.model.logits(hidden).float()
