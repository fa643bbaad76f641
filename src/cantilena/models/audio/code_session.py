"""A code model read column by column: what changes while it is, caches above all.

Knows the model's parts and columns; does not know patterns, or how codes are chosen. The model is
only read, so any number of sessions may share it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cantilena.models.audio.code_lm import CodeLM, Signals, sinusoid
from cantilena.models.audio.code_step import CodeStep, Packed, Product
from cantilena.models.step_lm import Past


class CodeSession:
    """``rows`` sequences of at most ``columns`` columns, which advance together under conditions
    ``signals``, of as many rows each. ``packed``: the model's weights in 8 bits, by which single
    columns are read. Raises InputError as ``CodeLM.fuse``."""

    def __init__(
        self,
        model: CodeLM,
        signals: Signals,
        rows: int,
        columns: int,
        packed: Packed | None = None,
    ):
        self.model, self.rows, self.columns = model, rows, columns
        self.used = 0
        self.step = CodeStep(model, rows, packed)
        self.heads: dict[int, Product] = {}
        config, weight = model.config, model.embedding.weight
        with torch.inference_mode():
            fused = model.fuse(signals, columns)
            self.added, self.prefix = fused.added, fused.prefix
            self.cross = model.read_across(fused)
            before = 0 if self.prefix is None else self.prefix.shape[1]
            length, head = before + columns, config.width // config.heads
            self.places = sinusoid(length, config.width, weight.device).to(weight.dtype)
            shape = (2, rows, config.heads, length, head)
            self.caches = [
                torch.zeros(shape, dtype=weight.dtype, device=weight.device) for _ in model.blocks
            ]
            self.pasts = [Past(*cache) for cache in self.caches]

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
            if x.shape[1] == 1:
                for past in self.pasts:
                    past.used += 1
                return self.step.read(x[:, 0], place, self.caches, self.cross)
            return self.model.trunk(x, self.cross, self.pasts)[:, -1]

    def logits(self, hidden: Tensor) -> Tensor:
        """(B, K, card) float32 of hidden states (B, D), of any number of rows."""
        with torch.inference_mode():
            rows, config = len(hidden), self.model.config
            if rows not in self.heads:
                self.heads[rows] = self.step.head(rows)
            return self.heads[rows](hidden).reshape(rows, config.books, config.card).float()
