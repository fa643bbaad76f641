"""Choosing where the logits are: many rows at once, on the device that computed them.

Knows tensors, masks and ``Sampling``; does not know models or music. On a CPU ``decode.sampling``
chooses row by row. On a GPU that would mean copying the logits of all rows to the host at each
token, and sorting them there one after the other, which takes longer than the model itself; here
the masks go to the device, which are made while the model is still computing, and only the values
chosen come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from cantilena.decode.sampling import Sampling


class Drawer:
    """Draws values of rows of logits on ``device``. Buffers are kept from step to step."""

    def __init__(self, device: torch.device):
        self.device = device
        self.pinned = device.type == "cuda"
        self.buffers: dict[int, Tensor] = {}

    def masks(self, biases: Iterable[np.ndarray | None], count: int, wide: int) -> Tensor | None:
        """(count, wide) float32 of a bias for each row, None standing for zeros; None where no row
        has one. Biases are taken one at a time, so that they can be made as they are taken. The
        next masks of this width are written over these: draw first."""
        rows: np.ndarray | None = None
        for k, bias in enumerate(biases):
            if bias is not None and rows is None:
                rows = self._buffer(count, wide).numpy()
                rows[:k] = 0.0
            if rows is not None:
                rows[k] = 0.0 if bias is None else bias
        if rows is None:
            return None
        return self.buffers[wide][:count].to(self.device, non_blocking=True)

    def _buffer(self, count: int, wide: int) -> Tensor:
        buffer = self.buffers.get(wide)
        if buffer is None or len(buffer) < count:
            buffer = self.buffers[wide] = torch.empty((count, wide), pin_memory=self.pinned)
        return buffer

    def draw(
        self,
        logits: Tensor,
        mask: Tensor | None,
        samplings: Sequence[Sampling],
        numbers: Sequence[float],
    ) -> list[int]:
        """A value of each row of (B, V) logits under its mask, by ``samplings`` and the uniform
        ``numbers`` in 0-1, as ``decode.sampling.choose`` would choose it."""
        how = [(s.temperature, s.top_p, float(s.top_k)) for s in samplings]
        rows = [(*row, u) for row, u in zip(how, numbers, strict=True)]
        table = torch.tensor(rows, dtype=torch.float64, pin_memory=self.pinned)
        table = table.to(self.device, non_blocking=True)
        logits = logits.float()
        if mask is not None:
            logits = logits + mask
        return _chosen(logits, *table.unbind(1)).tolist()


def _chosen(logits: Tensor, heat: Tensor, top_p: Tensor, top_k: Tensor, u: Tensor) -> Tensor:
    """(B,) values of (B, V) logits; the others are (B,) each."""
    size = logits.shape[1]
    highest, likeliest = logits.max(1, keepdim=True)
    # the highest is taken off first: divided by a very low temperature it would not be finite
    p = ((logits - highest) / heat.clamp(min=1e-4)[:, None].float()).exp()
    ranked, order = p.sort(dim=1, descending=True, stable=True)
    total = ranked.cumsum(1, dtype=torch.float64)
    most = torch.where(top_k > 0, top_k, size).clamp(max=size).long()[:, None]
    mass = total.gather(1, most - 1)
    keep = ((total < top_p[:, None] * mass).sum(1, keepdim=True) + 1).minimum(most)
    goal = u[:, None] * total.gather(1, keep - 1)
    at = (total <= goal).sum(1, keepdim=True).minimum(keep - 1)
    drawn = order.gather(1, at)
    return torch.where(heat[:, None] > 0, drawn, likeliest)[:, 0]
