"""Our Muon against torch's, and what its updates are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cantilena.models.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 24)])
def test_singular_values_come_near_one(shape: tuple[int, int]):
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(0))
    s = torch.linalg.svdvals(orthogonal(x))
    assert float(s.median()) > 0.6 and float(s.max()) < 1.3  # one near 0 is slow to come
    u, _, v = torch.linalg.svd(x, full_matrices=False)
    near = (orthogonal(x) * (u @ v)).sum((-2, -1)) / min(shape)
    assert float(near.min()) > 0.75  # the directions are kept


def both(steps: int = 4) -> list[list[torch.Tensor]]:
    """Weights after the same gradients, by torch's Muon and by ours."""
    found = []
    for ours in (False, True):
        generator = torch.Generator().manual_seed(3)
        shapes = [(12, 6), (6, 12), (6, 6), (12, 6)]
        weights = [torch.nn.Parameter(torch.randn(s, generator=generator)) for s in shapes]
        if ours:
            optimiser: torch.optim.Optimizer = Muon(weights, lr=0.02, weight_decay=0.1)
        else:
            optimiser = torch.optim.Muon(
                weights, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
            )
        for _ in range(steps):
            for p in weights:
                p.grad = torch.randn(p.shape, generator=generator)
            optimiser.step()
        found.append([p.detach() for p in weights])
    return found


def test_it_is_torchs_but_for_the_precision():
    for theirs, ours in zip(*both(), strict=True):
        assert torch.allclose(theirs, ours, atol=3e-3)  # theirs is rounded to 8 bits of mantissa


def test_only_matrices_and_only_those_with_a_gradient():
    with pytest.raises(ValueError, match="matrices"):
        Muon([torch.nn.Parameter(torch.zeros(3))], lr=0.1)
    still, moved = torch.nn.Parameter(torch.ones(3, 3)), torch.nn.Parameter(torch.ones(3, 3))
    moved.grad = torch.eye(3)
    Muon([still, moved], lr=0.1).step()
    assert np.array_equal(still.detach().numpy(), np.ones((3, 3)))
    assert not torch.equal(moved, still)
