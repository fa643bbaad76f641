"""Residual FSQ against brute force and its closed form."""

from __future__ import annotations

import itertools

import pytest
import torch

from cantilena.models.audio.quantize import quantizer


def bounded(*shape: int, seed: int = 0) -> torch.Tensor:
    """Vectors whose tanh covers -1 to 1."""
    generator = torch.Generator().manual_seed(seed)
    return 1.5 * torch.randn(*shape, generator=generator)


@pytest.mark.parametrize("levels", [(5,), (3, 4), (8, 3, 6)])
def test_each_book_takes_the_nearest_of_all_codes_to_what_is_left(levels: tuple[int, ...]):
    q = quantizer("residual-fsq", len(levels), levels=levels, books=3).eval()
    z = bounded(2, len(levels), 40)
    result = q(z)
    left = torch.tanh(z).mT.flatten(0, 1).double()  # (N, n)
    for book in range(3):
        grids = [[(2 * j / (n - 1) - 1) * (n - 1.0) ** -book for j in range(n)] for n in levels]
        # the first value's place is the least, product's last
        codes = [row[::-1] for row in itertools.product(*grids[::-1])]
        table = torch.tensor(codes, dtype=torch.float64)
        nearest = (left[:, None] - table).square().sum(-1).argmin(1)
        assert torch.equal(result.indices[:, book].flatten(), nearest)
        left = left - table[nearest]
        for j, n in enumerate(levels):
            assert left[:, j].abs().max() <= (n - 1.0) ** -(book + 1) + 1e-6
    whole = (torch.tanh(z).mT.flatten(0, 1).double() - left).float()
    torch.testing.assert_close(result.values.mT.flatten(0, 1), whole, rtol=1e-5, atol=1e-6)
    assert result.losses == {} and q.sizes == (len(codes),) * 3


def test_the_gradient_is_that_of_the_bound_once():
    q = quantizer("residual-fsq", 2, levels=(5, 5), books=4)
    z = bounded(1, 2, 20).requires_grad_()
    q(z).values.sum().backward()
    torch.testing.assert_close(z.grad, 1 - torch.tanh(z.detach()).square())


def test_more_books_are_nearer_by_the_levels_each_time():
    q = quantizer("residual-fsq", 1, levels=(5,), books=6).eval()
    z = bounded(1, 1, 2000)
    error = [float((q(z, k).values - torch.tanh(z)).abs().mean()) for k in range(1, 7)]
    for before, after in itertools.pairwise(error):
        assert 3 < before / after < 5
