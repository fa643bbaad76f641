"""What trainings of models of sound share."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from cantilena.systems.sound import SETTINGS, blocks_decay  # noqa: E402


def test_matrices_of_blocks_alone_decay():
    block = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    model = nn.ModuleDict(
        {
            "blocks": nn.ModuleList([block]),
            "local_blocks": nn.ModuleList([nn.Linear(2, 2)]),
            "blockshead": nn.Linear(2, 5),
            "embedding": nn.Embedding(7, 2),
        }
    )
    optimiser = blocks_decay(SETTINGS, model.named_parameters())
    shapes = [[tuple(p.shape) for p in group["params"]] for group in optimiser.param_groups]
    assert shapes[0] == [(4, 3), (2, 2)] and len(shapes[1]) == 7
    decays = [group["weight_decay"] for group in optimiser.param_groups]
    assert decays == [SETTINGS.weight_decay, 0.0] and SETTINGS.weight_decay > 0
