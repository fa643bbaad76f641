"""Optimisers' state by the names of parameters."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from cantilena.errors import CheckpointError  # noqa: E402
from cantilena.train.state import optimiser_tensors, restore_optimisers  # noqa: E402


def trained(names: str, steps: int) -> tuple[nn.ModuleDict, torch.optim.Optimizer]:
    """Layers made and trained in the order of ``names``."""
    torch.manual_seed(0)
    model = nn.ModuleDict({name: nn.Linear(2, ord(name) - ord("a") + 2) for name in names})
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    for step in range(steps):
        for k, name in enumerate("abc"):
            if name in names:
                model[name](torch.full((1, 2), 1.0 + step + k)).square().sum().backward()
        optimiser.step()
        optimiser.zero_grad()
    return model, optimiser


def test_a_state_follows_its_names_in_whatever_order():
    model, optimiser = trained("abc", 3)
    tensors = optimiser_tensors(model, [optimiser])
    assert "a.weight.exp_avg" in tensors
    other, fresh = trained("cab", 0)
    restore_optimisers(other, [fresh], tensors)
    again = optimiser_tensors(other, [fresh])
    assert set(again) == set(tensors)
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)
    for name in "abc":
        assert fresh.state[other[name].weight]["exp_avg"].shape == other[name].weight.shape


def test_a_state_of_another_model_is_refused():
    tensors = optimiser_tensors(*_one(trained("abc", 1)))
    model, optimiser = trained("ab", 0)
    with pytest.raises(CheckpointError, match="another model: c"):
        restore_optimisers(model, [optimiser], tensors)
    model, optimiser = trained("abc", 0)
    tensors["a.weight.exp_avg"] = torch.zeros(7, 7)
    with pytest.raises(CheckpointError, match=r"a\.weight\.exp_avg is of another shape"):
        restore_optimisers(model, [optimiser], tensors)


def _one(pair: tuple) -> tuple:
    return pair[0], [pair[1]]
