"""FSQ and LFQ against their formulas by brute force."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cantilena.models.audio.quantize import quantizer

pytest.importorskip("vector_quantize_pytorch")


def grid(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(*shape, generator=generator)


def fsq_by_hand(x: Tensor, levels: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """(N, n) codes and (N,) indices of values (N, n), one at a time."""
    codes = torch.zeros_like(x)
    indices = torch.zeros(len(x), dtype=torch.int64)
    for row in range(len(x)):
        place = 1
        for j, level in enumerate(levels):
            half = (level - 1) * (1 + 1e-3) / 2
            offset = 0.5 if level % 2 == 0 else 0.0
            bounded = math.tanh(float(x[row, j]) + math.atanh(offset / half)) * half - offset
            codes[row, j] = round(bounded) / (level // 2)
            indices[row] += (round(bounded) + level // 2) * place
            place *= level
    return codes, indices


@pytest.mark.parametrize("levels", [(8, 5, 5, 5), (3, 4), (7, 5, 5, 5, 5)])
def test_fsq_is_the_published_rounding(levels: tuple[int, ...]):
    q = quantizer("fsq", len(levels), levels=levels)
    z = grid(2, len(levels), 50)
    codes, indices = fsq_by_hand(z.mT.flatten(0, 1), levels)
    result = q(z)
    assert torch.equal(result.indices.flatten(), indices)
    torch.testing.assert_close(result.values.mT.flatten(0, 1), codes)
    assert result.losses == {} and result.loss == 0


def test_all_1000_codes_of_fsq_go_round():
    q = quantizer("fsq", 4, levels=(8, 5, 5, 5))
    assert q.sizes == (1000,)
    every = torch.arange(1000)[None, None]
    codes = q.decode(every)
    assert len(codes[0].T.unique(dim=0)) == 1000
    # atanh of a level's place undoes the bound
    half = torch.tensor([7.0, 4, 4, 4])[:, None] * 1.001 / 2
    offset = torch.tensor([0.5, 0, 0, 0])[:, None]
    place = codes * torch.tensor([4.0, 2, 2, 2])[:, None]
    z = torch.atanh((place + offset) / half) - torch.atanh(offset / half)
    assert torch.equal(q(z).indices, every)


def test_even_and_odd_levels_are_as_published():
    codes = quantizer("fsq", 2, levels=(4, 5)).decode(torch.arange(20)[None, None])[0]
    assert codes[0].unique().tolist() == [-1, -0.5, 0, 0.5]
    assert codes[1].unique().tolist() == [-1, -0.5, 0, 0.5, 1]


def test_the_gradient_of_fsq_is_that_of_its_bound():
    q = quantizer("fsq", 1, levels=(5,))
    z = grid(1, 1, 20).requires_grad_()
    q(z).values.sum().backward()
    half = 4 * 1.001 / 2
    torch.testing.assert_close(z.grad, (1 - torch.tanh(z.detach()).square()) * half / 2)


def lfq(**options: float):
    torch.manual_seed(0)
    return quantizer("lfq", 6, size=16, **options)


def test_the_index_of_lfq_is_its_bits():
    q = lfq().eval()
    z = grid(2, 6, 40)
    bits = q.inward(z) > 0
    expected = sum(bits[:, i].long() * 2 ** (3 - i) for i in range(4))
    result = q(z)
    assert torch.equal(result.indices[:, 0], expected)
    torch.testing.assert_close(result.values, q.outward(2.0 * bits - 1))
    assert len(q.decode(torch.arange(16)[None, None])[0].T.unique(dim=0)) == 16


def test_the_losses_of_lfq_are_brute_force_over_all_codes():
    q = lfq(entropy=0.2, diversity=0.7, commitment=0.3).train()
    torch.nn.init.zeros_(q.inward.bias)  # values near zero, where codes are likely alike
    z = 0.005 * grid(2, 6, 9)
    x = q.inward(z).detach().mT.flatten(0, 1).double()
    probability = torch.zeros(18, 16).double()
    for n in range(18):
        for code in range(16):
            c = [1.0 if code >> (3 - i) & 1 else -1.0 for i in range(4)]
            probability[n, code] = 200 * sum(a * float(b) for a, b in zip(c, x[n], strict=True))
    probability = probability.softmax(dim=1)
    each = sum(float(torch.special.entr(p).sum()) for p in probability) / 18
    mean = float(torch.special.entr(probability.mean(dim=0)).sum())
    assert each > 0.5 and mean > 2
    losses = q(z).losses
    assert losses["entropy"].item() == pytest.approx(0.2 * (each - 0.7 * mean), rel=1e-3)
    error = (x - x.sign()).square().mean().item()
    assert losses["commitment"].item() == pytest.approx(0.3 * error, rel=1e-5)


def test_the_gradient_of_lfq_passes_straight_through():
    q = lfq().train()
    z = grid(1, 6, 8).requires_grad_()
    weights = grid(1, 6, 8, seed=2)
    (ours,) = torch.autograd.grad((q(z).values * weights).sum(), z)
    (expected,) = torch.autograd.grad((q.outward(q.inward(z)) * weights).sum(), z)
    torch.testing.assert_close(ours, expected)
