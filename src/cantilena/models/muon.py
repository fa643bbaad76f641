"""Muon in the machine's own precision: momentum made orthogonal by Newton-Schulz steps.

Knows matrices and their gradients; does not know models. torch has a Muon that works in bfloat16
always; on a CPU that does not compute in it, one update took eight times as long as the forward
and backward passes together. This one takes the precision that is quick, and orthogonalises
matrices of one shape in one batch. It keeps torch's state ("momentum_buffer"), update and scale
("match_rms_adamw"), so that a run may be resumed by either.

After Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), whose
coefficients these are, with Liu et al., "Muon is scalable for LLM training" (2025), section 2.2,
for the scale.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonal(x: Tensor, steps: int = 5) -> Tensor:
    """About U V^T of each matrix U S V^T in x (B, M, N): singular values near 1, in x's dtype."""
    a, b, c = COEFFICIENTS
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, for matrices; decoupled weight decay.

    ``lr`` is on AdamW's scale: an update's root mean square is about 0.2 ``lr``. ``half``: compute
    in bfloat16. Raises ValueError for a parameter that is no matrix.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        half: bool = False,
    ):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.dtype = torch.bfloat16 if half else torch.float32
        if any(p.ndim != 2 for g in self.param_groups for p in g["params"]):
            raise ValueError("Muon is for matrices only")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    alike.setdefault(p.shape, []).append(p)
            for shape, matrices in alike.items():
                update = orthogonal(torch.stack([self._momentum(p, group) for p in matrices]))
                scale = group["lr"] * 0.2 * max(shape) ** 0.5
                for p, u in zip(matrices, update, strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(u.to(p.dtype), alpha=-scale)

    def _momentum(self, p: Tensor, group: dict[str, Any]) -> Tensor:
        state, gradient = self.state[p], p.grad
        assert gradient is not None  # ``step`` asks for these alone
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(p)
        buffer = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
        return gradient.lerp(buffer, group["momentum"]).to(self.dtype)
