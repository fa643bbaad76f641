"""Weights of losses against one another: fixed, by their gradients (EnCodec), adaptive (VQGAN).

Knows losses of one sound as scalars with gradients; does not know what they measure.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

ADAPTIVE_SCALE, ADAPTIVE_LIMIT = 0.8, 1e4
"""VQGAN's factor of the adaptive weight, and the most that it can be before."""


class Balancer(nn.Module):
    """EnCodec's balancer: the gradients of all losses with respect to the sound are scaled so that
    each has a share of the whole that is its weight's, whatever its own size.

    Norms are means over items, averaged over steps with ``decay``; both sums are buffers, so that a
    run that goes on has them. ``total``: the norm of the whole gradient. A weight of 0 leaves a
    loss out."""

    sums: Tensor
    counts: Tensor

    def __init__(self, weights: Mapping[str, float], decay: float = 0.999, total: float = 1.0):
        super().__init__()
        self.weights = {name: float(weight) for name, weight in weights.items()}
        self.decay, self.total = decay, total
        self.register_buffer("sums", torch.zeros(len(self.weights)))
        self.register_buffer("counts", torch.zeros(len(self.weights)))

    def gradient(self, losses: Mapping[str, Tensor], sound: Tensor) -> Tensor:
        """The gradient (B, C, N) that ``sound`` (B, C, N) is to have, of those losses (scalars)
        that are there; their graphs are kept. Its shares are of the weights of those there."""
        active = {k: v for k, v in losses.items() if self.weights.get(k, 0.0) > 0}
        whole = sum(self.weights[name] for name in active)
        gradient = torch.zeros_like(sound)
        places = {name: i for i, name in enumerate(self.weights)}
        for name, loss in active.items():
            (each,) = torch.autograd.grad(loss, [sound], retain_graph=True)
            norm = each.flatten(1).norm(dim=1).mean()
            i = places[name]
            self.sums[i] = self.decay * self.sums[i] + norm
            self.counts[i] = self.decay * self.counts[i] + 1
            share = self.total * self.weights[name] / whole
            gradient += share * each / (self.sums[i] / self.counts[i]).clamp_min(1e-12)
        return gradient

    def forward(self, losses: Mapping[str, Tensor], sound: Tensor) -> Tensor:
        """A scalar whose gradient with respect to ``sound`` is ``gradient``: to be added to what
        goes around the balancer, as the commitment does. Its value says nothing."""
        return (self.gradient(losses, sound).detach() * sound).sum()


def weighted(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The sum, a scalar, of those losses (scalars) that have a weight, at least one."""
    parts = [weights[name] * loss for name, loss in losses.items() if weights.get(name)]
    return torch.stack(parts).sum()


def adaptive_weight(reconstruction: Tensor, adversarial: Tensor, last: nn.Parameter) -> Tensor:
    """VQGAN's weight of the adversary, a scalar of two: by how much the gradient of the
    reconstruction with respect to the ``last`` weight is larger than the adversary's, so that they
    pull alike."""
    (a,) = torch.autograd.grad(reconstruction, [last], retain_graph=True)
    (b,) = torch.autograd.grad(adversarial, [last], retain_graph=True)
    ratio = a.norm() / (b.norm() + 1e-4)
    return ADAPTIVE_SCALE * ratio.clamp(0.0, ADAPTIVE_LIMIT).detach()
