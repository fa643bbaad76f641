"""Quantisers of several books against brute force, closed forms and transformers' DAC."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cantilena.models.audio.quantize import Quantizer, quantizer
from cantilena.models.audio.quantize.base import rows_of
from cantilena.models.audio.quantize.codebook import nearest
from cantilena.models.audio.quantize.residual import Residual


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def residual(inner: str = "ema", books: int = 3, size: int = 8, **options: object) -> Residual:
    """A double residual quantiser that has started from a batch."""
    torch.manual_seed(0)
    q = quantizer("residual", 4, books=books, size=size, inner=inner, **options).double().train()
    assert isinstance(q, Residual)
    q(normal(4, 4, 60))
    return q


# ---------------------------------------------------------------------------- residual


@pytest.mark.parametrize("inner", ["ema", "vq"])
def test_each_book_has_what_the_books_before_left(inner: str):
    q = residual(inner).eval()
    z = normal(2, 4, 30, seed=1)
    rest, total = rows_of(z), torch.zeros(60, 4).double()
    result = q(z)
    for k in range(3):
        codes = q.layers[k].book.codes.detach()
        which = (rest[:, None] - codes[None]).square().sum(dim=2).argmin(dim=1)
        assert torch.equal(result.indices[:, k].flatten(), which)
        rest, total = rest - codes[which], total + codes[which]
        torch.testing.assert_close(rows_of(q.decode(result.indices[:, : k + 1])), total)
    torch.testing.assert_close(rows_of(result.values), total)


def test_what_is_left_falls_book_by_book_on_what_was_learned():
    q = residual(books=6, size=16, kmeans=10)
    z = normal(4, 4, 60)
    for _ in range(5):
        q(z)
    q.eval()
    errors = [float((z - q(z, k).values).square().mean()) for k in range(1, 7)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.6 * z.square().mean() and errors[5] < 0.1 * errors[0]


def test_every_book_starts_on_the_residual_of_the_books_before():
    torch.manual_seed(0)
    q = quantizer("residual", 4, books=3, size=8, dropout=1.0)
    assert isinstance(q, Residual)
    assert not q.ready
    z = 5 * normal(4, 4, 60).float()
    assert (q.train()(z).indices.flatten(0, 1).unique(dim=1).shape[1]) > 1
    assert q.ready
    lengths = [float(layer.book.codes.norm(dim=1).mean()) for layer in q.layers]
    assert lengths[0] > 1.3 * lengths[1] > 1.3 * lengths[2] > 0.1


@pytest.mark.parametrize("inner", ["ema", "vq"])
def test_one_estimator_stands_around_the_sum(inner: str):
    """With one around each book the gradient would be three times as large."""
    q = residual(inner)
    z = normal(2, 4, 30, seed=1).requires_grad_()
    q(z).values.sum().backward()
    assert torch.equal(z.grad, torch.ones_like(z))


@pytest.mark.parametrize("inner", ["ema", "vq"])
def test_the_commitment_of_a_later_book_reaches_the_encoder(inner: str):
    """The gradient is that of finite differences, and for book 2 alone 2 (rest - code) / n."""
    q = residual(inner).eval()
    z = normal(1, 4, 5, seed=1).requires_grad_()
    for layer, weight in zip(q.layers, (0.0, 0.6, 0.0), strict=True):
        layer.commitment = weight
    loss = q(z).losses["commitment"]
    (gradient,) = torch.autograd.grad(loss, z)
    step = 1e-6
    for i, t in itertools.product(range(4), range(5)):
        bump = torch.zeros_like(z)
        bump[0, i, t] = step
        with torch.no_grad():
            up, down = q(z + bump).losses["commitment"], q(z - bump).losses["commitment"]
        assert gradient[0, i, t].item() == pytest.approx((up - down).item() / step / 2, abs=1e-8)
    rest = z.detach() - q(z.detach(), 2).values
    torch.testing.assert_close(gradient, 0.6 / 3 * 2 * rest / z.numel())
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("inner", ["ema", "vq", "factorised"])
def test_dropped_books_neither_count_nor_cost_nor_learn(
    inner: str, monkeypatch: pytest.MonkeyPatch
):
    q = residual(inner, kmeans=5, revive=0.0, dropout=0.5)
    monkeypatch.setattr(q, "_used", lambda *_: torch.tensor([1, 3, 2]))
    z = normal(3, 4, 25, seed=1)
    books = [getattr(layer, "vq", layer).book for layer in q.layers]
    before = [book.counts.clone() for book in books]
    q.eval()
    monkeypatch.undo()
    prefixes = [q(z, k).values for k in (1, 2, 3)]
    losses = [q(z[i : i + 1], k).losses["commitment"] for i, k in enumerate((1, 3, 2))]
    monkeypatch.setattr(q, "_used", lambda *_: torch.tensor([1, 3, 2]))
    result = q.train()(z)
    for i, k in enumerate((1, 3, 2)):
        torch.testing.assert_close(result.values[i], prefixes[k - 1][i])
    assert result.indices.shape == (3, 3, 25) and result.indices.min() >= 0
    torch.testing.assert_close(result.losses["commitment"], torch.stack(losses).mean())
    for k, (book, old) in enumerate(zip(books, before, strict=True)):
        active = torch.tensor([1, 3, 2]) > k
        counts = torch.bincount(result.indices[active, k].flatten(), minlength=8)
        torch.testing.assert_close(book.counts, 0.99 * old + 0.01 * counts)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_a_book_that_no_example_uses_stays_as_it_is(decay: float, monkeypatch: pytest.MonkeyPatch):
    q = residual(decay=decay, revive=0.0, dropout=0.5)
    q(normal(3, 4, 25, seed=1))
    monkeypatch.setattr(q, "_used", lambda *_: torch.tensor([1, 1, 1]))
    before = {name: value.clone() for name, value in q.layers[2].state_dict().items()}
    for step in range(3):
        q(normal(3, 4, 25, seed=step))
    for name, value in q.layers[2].state_dict().items():
        torch.testing.assert_close(value, before[name])
    assert q.layers[0].book.updates == 5


@pytest.mark.parametrize("by", ["batch", "example"])
def test_how_many_books_are_used_is_drawn_by_batch_or_example(by: str):
    q = residual(books=4, dropout=0.5, dropout_by=by)
    torch.manual_seed(0)
    drawn = torch.stack([q._used(8, 4, torch.device("cpu")) for _ in range(500)])
    same = (drawn == drawn[:, :1]).all(dim=1)
    assert same.all() if by == "batch" else same.double().mean() < 0.1
    shares = torch.bincount(drawn.flatten(), minlength=5) / drawn.numel()
    expected = torch.tensor([0, 0.125, 0.125, 0.125, 0.625])
    torch.testing.assert_close(shares, expected, atol=0.07, rtol=0)
    assert (q.eval()._used(8, 4, torch.device("cpu")) == 4).all()


def test_none_is_dropped_before_the_start():
    torch.manual_seed(0)
    q = quantizer("residual", 4, books=4, size=8, dropout=1.0).train()
    assert isinstance(q, Residual)
    assert all((q._used(8, 4, torch.device("cpu")) == 4).all() for _ in range(20))


def test_books_of_unequal_sizes():
    q = quantizer("residual", 4, books=3, size=[16, 4, 2])
    assert q.sizes == (16, 4, 2) and q.bits == pytest.approx(4 + 2 + 1)


# ---------------------------------------------------------------------------- DAC


def test_factorised_books_in_a_row_are_transformers_dac():
    dac = pytest.importorskip("transformers.models.dac.modeling_dac")
    config = pytest.importorskip("transformers").DacConfig(
        n_codebooks=3, codebook_size=32, codebook_dim=5, hidden_size=12, quantizer_dropout=0.0
    )
    torch.manual_seed(0)
    theirs = dac.DacResidualVectorQuantizer(config)
    q = quantizer("residual-factorised", 12, books=3, size=32, width=5, dropout=0.0)
    assert isinstance(q, Residual)
    for ours, layer in zip(q.layers, theirs.quantizers, strict=True):
        ours.inward.weight, ours.inward.bias = layer.in_proj.weight.detach(), layer.in_proj.bias
        ours.outward.weight, ours.outward.bias = layer.out_proj.weight.detach(), layer.out_proj.bias
        ours.vq.book.codes = layer.codebook.weight
    z = normal(2, 12, 40).float().requires_grad_()
    values, codes, _, commitment, codebook = theirs(z)
    result = q(z)
    assert torch.equal(result.indices, codes)
    torch.testing.assert_close(result.values, values)
    torch.testing.assert_close(result.losses["codebook"], codebook.mean())
    torch.testing.assert_close(result.losses["commitment"], 0.25 * commitment.mean())
    weights = normal(2, 12, 40, seed=3).float()
    their_loss = (values * weights).sum() + codebook.mean() + 0.25 * commitment.mean()
    (expected,) = torch.autograd.grad(their_loss, z, retain_graph=True)
    (gradient,) = torch.autograd.grad((result.values * weights).sum() + result.loss, z)
    torch.testing.assert_close(gradient, expected)


def test_a_factorised_code_is_found_by_angle_and_keeps_its_length():
    torch.manual_seed(0)
    q = quantizer("factorised", 6, size=9, width=3)
    lengths = torch.arange(1.0, 10)[:, None]
    q.vq.book.codes.data.copy_(lengths * F.normalize(q.vq.book.codes.data, dim=1))
    z = normal(2, 6, 30).float()
    point = rows_of(q.inward(z))
    codes = q.vq.book.codes.detach()
    which = F.cosine_similarity(point[:, None], codes[None], dim=2).argmax(dim=1)
    result = q(z)
    assert torch.equal(result.indices.flatten(), which)
    assert not torch.equal(nearest(point, codes), which)
    expected = q.outward(codes[which].view(2, 30, 3).mT)
    torch.testing.assert_close(result.values, expected)
    error = (point - codes[which]).square().mean()
    torch.testing.assert_close(result.losses["codebook"], error)
    torch.testing.assert_close(result.losses["commitment"], 0.25 * error)


# ---------------------------------------------------------------------------- parts


def test_a_product_is_the_nearest_of_all_pairs_of_codes():
    torch.manual_seed(0)
    q = quantizer("product", 6, groups=3, size=5, inner="ema", kmeans=None).double().eval()
    for k, part in enumerate(q.parts):
        part.book.codes.copy_(normal(5, 2, seed=k))
    cells = list(itertools.product(range(5), repeat=3))
    codes = torch.stack(
        [torch.cat([q.parts[g].book.codes[i] for g, i in enumerate(cell)]) for cell in cells]
    )
    assert len(codes) == 5**3
    z = normal(2, 6, 40)
    best = (rows_of(z)[:, None] - codes[None]).square().sum(dim=2).argmin(dim=1)
    result = q(z)
    assert [tuple(row) for row in rows_of(result.indices).tolist()] == [cells[i] for i in best]
    torch.testing.assert_close(rows_of(result.values), codes[best])
    assert result.loss.item() == pytest.approx((z - result.values).square().mean().item())
    prefix = q(z, 2).values
    assert torch.equal(prefix[:, :4], result.values[:, :4]) and not prefix[:, 4:].any()


def test_grouped_residual_has_its_books_layer_by_layer():
    torch.manual_seed(0)
    q = quantizer("grouped-residual", 6, groups=2, layers=3, size=8, inner="ema").double().train()
    z = normal(4, 6, 50)
    q(z)
    q.eval()
    result = q(z)
    halves = [q.groups[0](z[:, :3]), q.groups[1](z[:, 3:])]
    for layer, group in itertools.product(range(3), range(2)):
        book = result.indices[:, 2 * layer + group]
        assert torch.equal(book, halves[group].indices[:, layer])
    torch.testing.assert_close(result.values, torch.cat([half.values for half in halves], dim=1))
    mean = (halves[0].loss + halves[1].loss) / 2
    torch.testing.assert_close(result.loss, mean)
    first, third = q(z, 1).values, q(z, 3).values
    assert not first[:, 3:].any()
    torch.testing.assert_close(third[:, :3], q.groups[0](z[:, :3], 2).values)
    torch.testing.assert_close(third[:, 3:], q.groups[1](z[:, 3:], 1).values)


def heads_of(q: Quantizer, z: Tensor, heads: int) -> list[Tensor]:
    return [rows_of(part) for part in q.inward(z).chunk(heads, dim=1)]


@pytest.mark.parametrize("shared", [False, True])
def test_heads_are_quantised_each_by_its_book_or_all_by_one(shared: bool):
    torch.manual_seed(0)
    q = quantizer("multi-head", 5, heads=3, width=2, size=7, shared=shared, kmeans=None).double()
    for k, part in enumerate(q.parts):
        part.book.codes.copy_(normal(7, 2, seed=k))
        part.book.sums.copy_(part.book.codes)
    assert len(q.parts) == (1 if shared else 3)
    z = normal(2, 5, 20)
    result = q.eval()(z)
    values = []
    for k, head in enumerate(heads_of(q, z, 3)):
        codes = q.parts[0 if shared else k].book.codes
        which = (head[:, None] - codes[None]).square().sum(dim=2).argmin(dim=1)
        assert torch.equal(result.indices[:, k].flatten(), which)
        values.append(codes[which].view(2, 20, 2).mT)
    torch.testing.assert_close(result.values, q.outward(torch.cat(values, dim=1)))
    error = q.inward(z) - torch.cat(values, dim=1)
    torch.testing.assert_close(result.loss, error.square().mean())


def test_a_shared_book_learns_from_all_heads():
    torch.manual_seed(0)
    q = quantizer("multi-head", 5, heads=3, size=7, shared=True, decay=0.0, revive=0.0).train()
    q(normal(2, 5, 20).float())
    result = q(normal(2, 5, 20, seed=1).float())
    counts = torch.bincount(result.indices.flatten(), minlength=7)
    assert q.parts[0].book.counts.tolist() == counts.tolist() and counts.sum() == 120
