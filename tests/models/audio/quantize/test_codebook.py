"""A book against closed forms, brute force and vector-quantize-pytorch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cantilena.models.audio.quantize import quantizer
from cantilena.models.audio.quantize.base import rows_of
from cantilena.models.audio.quantize.codebook import (
    CHECK_STEPS,
    EPSILON,
    SIMILARITIES,
    kmeans,
    nearest,
)
from cantilena.models.audio.quantize.ema import EMA
from cantilena.models.audio.quantize.vq import VQ, orthogonality


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


# ---------------------------------------------------------------------------- the nearest code


def test_the_nearest_code_is_that_of_brute_force():
    rows, codes = normal(500, 6), normal(40, 6, seed=1)
    distances = (rows[:, None] - codes[None]).square().sum(dim=2)
    assert torch.equal(nearest(rows, codes), distances.argmin(dim=1))


def test_the_nearest_code_by_angle_is_that_of_brute_force():
    rows, codes = normal(500, 6), normal(40, 6, seed=1) * torch.arange(1, 41)[:, None]
    cosines = F.cosine_similarity(rows[:, None], codes[None], dim=2)
    assert torch.equal(nearest(rows, codes, cosine=True), cosines.argmax(dim=1))
    assert not torch.equal(nearest(rows, codes), cosines.argmax(dim=1))


def test_of_equal_codes_the_first_is_taken():
    assert nearest(torch.ones(3, 2), torch.zeros(4, 2)).tolist() == [0, 0, 0]


def test_many_rows_are_looked_up_in_parts(monkeypatch: pytest.MonkeyPatch):
    rows, codes = normal(97, 3), normal(8, 3, seed=1)
    whole = nearest(rows, codes)
    monkeypatch.setattr("cantilena.models.audio.quantize.codebook.SIMILARITIES", 80)
    assert torch.equal(nearest(rows, codes), whole) and SIMILARITIES > 97 * 8


# ---------------------------------------------------------------------------- k-means


def test_kmeans_is_lloyds_from_the_same_start():
    reference = pytest.importorskip("sklearn.cluster")
    rows = normal(600, 4) + 3 * normal(12, 4, seed=1)[torch.arange(600) % 12]
    for iterations in (1, 5):
        torch.manual_seed(3)
        start, _ = kmeans(rows, 12, 0)
        torch.manual_seed(3)
        codes, counts = kmeans(rows, 12, iterations)
        # sklearn moves empty centres, of which there are none here
        theirs = reference.KMeans(
            12, init=start.numpy(), n_init=1, max_iter=iterations, tol=0, algorithm="lloyd"
        ).fit(rows.numpy())
        torch.testing.assert_close(codes, torch.from_numpy(theirs.cluster_centers_))
        assert counts.tolist() == torch.bincount(nearest(rows, codes), minlength=12).tolist()


def test_kmeans_finds_clusters_that_lie_apart():
    centres = torch.eye(5).double() * 10
    rows = centres.repeat_interleave(200, dim=0) + 0.1 * normal(1000, 5)
    torch.manual_seed(0)
    errors = []
    for iterations in (0, 1, 2, 4, 8):
        torch.manual_seed(2)
        codes, _ = kmeans(rows, 40, iterations)
        errors.append(float((rows - codes[nearest(rows, codes)]).square().sum()))
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0]


def test_fewer_vectors_than_codes_are_repeated_with_a_little_noise():
    rows = normal(7, 4)
    torch.manual_seed(0)
    codes, _ = kmeans(rows, 20, 0)
    assert codes.shape == (20, 4) and len(codes.unique(dim=0)) == 20
    assert (codes - rows[nearest(codes, rows)]).norm(dim=1).max() < 0.1
    assert torch.equal(codes[:7].sort(dim=0).values, rows.sort(dim=0).values)


def test_spherical_kmeans_has_codes_of_length_1():
    codes, _ = kmeans(F.normalize(normal(200, 3), dim=1), 8, 5, cosine=True)
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(8).double())


# ---------------------------------------------------------------------------- moving averages


def ema(size: int = 5, dim: int = 3, **options: object) -> EMA:
    torch.manual_seed(0)
    q = quantizer("ema", dim, **{"size": size, "kmeans": None, "revive": 0.0, **options})
    assert isinstance(q, EMA)
    q = q.double()
    q.book.codes.copy_(normal(size, dim, seed=9))
    q.book.sums.copy_(q.book.codes)
    return q


def test_three_steps_are_the_closed_form_with_a_code_that_is_never_used():
    q = ema(decay=0.9).train()
    q.book.codes[4] = q.book.sums[4] = 1e3  # too far away to be used
    n, m, e = torch.ones(5).double(), q.book.sums.clone(), q.book.codes.clone()
    for step in range(3):
        z = normal(2, 3, 11, seed=step)
        rows = z.transpose(1, 2).reshape(-1, 3)
        which = (rows[:, None] - e[None]).square().sum(dim=2).argmin(dim=1)
        result = q(z)
        assert torch.equal(result.indices.flatten(), which)
        torch.testing.assert_close(rows_of(result.values), e[which])  # before the update
        for k in range(5):
            n[k] = 0.9 * n[k] + 0.1 * (which == k).double().sum()
            m[k] = 0.9 * m[k] + 0.1 * rows[which == k].sum(dim=0)
        for k in range(5):
            e[k] = m[k] / ((n[k] + EPSILON) / (n.sum() + 5 * EPSILON) * n.sum())
        torch.testing.assert_close(q.book.codes, e, rtol=1e-12, atol=1e-12)
    assert q.book.counts[4] == pytest.approx(0.9**3)
    torch.testing.assert_close(q.book.codes[4], torch.full((3,), 1e3).double(), rtol=1e-3, atol=0)


@pytest.mark.parametrize("cosine", [False, True])
def test_steps_are_those_of_vector_quantize_pytorch(cosine: bool):
    theirs = pytest.importorskip("vector_quantize_pytorch").VectorQuantize(
        dim=6,
        codebook_size=12,
        decay=0.95,
        eps=EPSILON,
        kmeans_init=False,
        use_cosine_sim=cosine,
        threshold_ema_dead_code=0,
        commitment_weight=0.7,
        rotation_trick=False,
    )
    q = quantizer(
        "cosine" if cosine else "ema",
        6,
        size=12,
        decay=0.95,
        commitment=0.7,
        kmeans=None,
        revive=0.0,
    )
    q.book.codes.copy_(theirs.codebook)
    q.book.sums.copy_(theirs.codebook)
    theirs.train()
    q.train()
    for step in range(4):
        z = normal(2, 6, 30, seed=step).float().requires_grad_()
        values, indices, loss = theirs(z.mT)
        (their_gradient,) = torch.autograd.grad(loss + values.square().sum(), z)
        result = q(z)
        (gradient,) = torch.autograd.grad(result.loss + result.values.square().sum(), z)
        assert torch.equal(result.indices[:, 0], indices)
        torch.testing.assert_close(result.values, values.mT, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(gradient, their_gradient, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(q.book.codes, theirs.codebook, rtol=1e-5, atol=1e-6)


def test_a_start_by_kmeans_keeps_the_length_of_codes():
    """Two references do not: their sums are means, and the next update divides those again."""
    torch.manual_seed(0)
    q = quantizer("ema", 4, size=8, kmeans=10).train()
    z = 1.5 * F.normalize(normal(4, 4, 100).float(), dim=1)
    for step in range(3):
        q(z)
        lengths = q.book.codes.norm(dim=1)
        assert lengths.min() > 1.0 and lengths.max() < 1.6, step


def test_a_code_without_vectors_stays_where_the_start_has_put_it():
    torch.manual_seed(0)
    q = quantizer("ema", 2, size=6, kmeans=3, revive=0.0).train()
    q(torch.ones(1, 2, 10))  # all vectors are one, so that five codes have none
    assert q.book.codes.isfinite().all()
    torch.testing.assert_close(q.book.codes, torch.ones(6, 2), rtol=0.02, atol=0)


# ---------------------------------------------------------------------------- codes that die


@pytest.mark.parametrize("name", ["ema", "vq", "cosine"])
def test_a_dead_code_comes_back_and_stays(name: str):
    torch.manual_seed(0)
    q = quantizer(name, 4, size=16, kmeans=5, revive=0.1, decay=0.8).train()
    optimizer = torch.optim.SGD(q.parameters(), lr=0.1) if name == "vq" else None

    def step(i: int) -> float:
        z = normal(2, 4, 200, seed=i).float()
        z = F.normalize(z + torch.tensor([3.0, 0, 0, 0])[None, :, None], dim=1)
        result = q(z)
        if optimizer:
            optimizer.zero_grad()
            result.loss.backward()
            optimizer.step()
        return float((q.book.codes[7].detach() - z.mean(dim=(0, 2))).norm())

    for i in range(2):
        step(i)
    far = -torch.ones(4) if name == "cosine" else torch.full((4,), 50.0)
    q.book.codes.data[7] = F.normalize(far, dim=0) if name == "cosine" else far
    q.book.counts[7] = 0.0
    if name != "vq":
        q.book.sums[7] = 0.0
    q.book.updates.fill_(CHECK_STEPS)
    assert step(10) < 1.0  # inside the data
    for i in range(20):
        assert step(11 + i) < 1.0
    uses = torch.bincount(q.eval()(normal(2, 4, 200, seed=50).float()).indices.flatten())
    assert len(uses) > 7 and q.book.counts[7] > 0.1 * q.book.counts.mean()


def replaced(revive: float, steps: int = 60) -> int:
    """Codes of 256 that were replaced in steps of 200 vectors, fewer than one for each code."""
    torch.manual_seed(0)
    q = quantizer("ema", 4, size=256, revive=revive).train()
    q(normal(1, 4, 400).float())
    total = 0
    original = q.book._put

    def counted(where: Tensor, codes: Tensor, counts: Tensor) -> None:
        nonlocal total
        total += len(codes)
        original(where, codes, counts)

    q.book._put = counted
    for step in range(steps):
        q(normal(1, 4, 200, seed=step).float())
    return total


def test_codes_do_not_die_at_every_step_of_a_small_batch():
    """Below 2 uses a step, as published, all codes are dead always: 0.8 is their mean here."""
    assert replaced(0.1) <= 0.2 * 256 * 60 / CHECK_STEPS
    assert replaced(0.0) == 0


def test_codes_are_not_revived_between_checks_nor_in_evaluation():
    q = ema(revive=0.5).train()
    q.book.counts[2] = 0.0
    q.book.codes[2] = q.book.sums[2] = 1e6
    for step in range(CHECK_STEPS):
        q(normal(1, 3, 40, seed=step))
        assert q.book.codes[2].abs().min() > 1e3 or q.book.counts[2] == 0
        q.eval()(normal(1, 3, 40, seed=step))
        q.train()
    q(normal(1, 3, 40, seed=99))
    assert q.book.codes[2].abs().max() < 10


def test_a_revived_code_is_a_vector_of_the_batch_and_starts_from_uniform_use():
    """From the threshold it would be dead again one step later."""
    q = ema(revive=0.5)
    q.book.counts.copy_(torch.tensor([0.0, 10, 10, 3, 17]))  # uniform use is 8
    q.book.updates.fill_(CHECK_STEPS)
    kept = q.book.codes[[1, 2, 4]].clone()
    rows = normal(40, 3)
    q.book.prepare(rows)
    assert q.book.counts.tolist() == [8, 10, 10, 8, 17]
    for k in (0, 3):
        assert (rows == q.book.codes[k]).all(dim=1).any()
        torch.testing.assert_close(q.book.sums[k], 8 * q.book.codes[k])
    assert torch.equal(q.book.codes[[1, 2, 4]], kept)


def test_more_dead_codes_than_vectors_are_not_revived_as_copies():
    q = ema(size=64, revive=0.5).train()
    q.book.counts.zero_()
    q.book.counts[0] = 1000.0
    q.book.updates.fill_(CHECK_STEPS)
    q(normal(1, 3, 10))
    assert (q.book.counts[1:] > 1).sum() == 10
    assert len(q.book.codes.unique(dim=0)) == 64


# ---------------------------------------------------------------------------- gradients and losses


@pytest.mark.parametrize("name", ["ema", "vq", "kmeans", "random-projection"])
def test_the_gradient_passes_straight_through(name: str):
    options = {"width": 2} if name == "random-projection" else {}
    q = quantizer(name, 3, size=4, **options).train()
    z = normal(2, 3, 9).float().requires_grad_()
    result = q(z)
    result.values.sum().backward()
    assert torch.equal(z.grad, torch.ones_like(z))
    assert torch.equal(result.values, q.decode(result.indices)) or name == "ema"


def test_the_gradient_of_cosine_is_that_of_the_normalised_vector():
    q = quantizer("cosine", 3, size=4, kmeans=None).eval()
    z = normal(2, 3, 9).float().requires_grad_()
    weights = normal(2, 3, 9, seed=4).float()
    (ours,) = torch.autograd.grad((q(z).values * weights).sum(), z)
    (expected,) = torch.autograd.grad((F.normalize(z, dim=1) * weights).sum(), z)
    torch.testing.assert_close(ours, expected)


def test_losses_of_vq_are_their_formulas_and_reach_what_they_should():
    torch.manual_seed(0)
    q = quantizer("vq", 3, size=6, codebook=0.7, commitment=0.3, kmeans=None)
    assert isinstance(q, VQ)
    q = q.double()
    q.book.codes.data.copy_(normal(6, 3, seed=9))
    z = normal(2, 3, 10).requires_grad_()
    losses = q(z).losses
    which = nearest(rows_of(z), q.book.codes.detach())
    error = rows_of(z) - q.book.codes.detach()[which]
    assert losses["codebook"].item() == pytest.approx(0.7 * error.square().mean().item())
    assert losses["commitment"].item() == pytest.approx(0.3 * error.square().mean().item())
    codes, encoder = q.book.codes, z
    codebook = torch.autograd.grad(
        losses["codebook"], (codes, encoder), retain_graph=True, allow_unused=True
    )
    commitment = torch.autograd.grad(losses["commitment"], (codes, encoder), allow_unused=True)
    assert codebook[1] is None and commitment[0] is None
    expected = torch.zeros(6, 3).double().index_add_(0, which, -2 * 0.7 * error / z.numel())
    torch.testing.assert_close(codebook[0], expected)
    torch.testing.assert_close(rows_of(commitment[1]), 2 * 0.3 * error / z.numel())


def test_orthogonality_is_the_published_sum():
    codes = normal(7, 5)
    unit = codes / codes.norm(dim=1, keepdim=True)
    brute = sum((float(unit[i] @ unit[j]) - (i == j)) ** 2 for i in range(7) for j in range(7))
    assert orthogonality(codes).item() == pytest.approx(brute / 49)
    assert orthogonality(3 * torch.eye(4)).item() == 0
    assert orthogonality(torch.ones(4, 4)).item() == pytest.approx(0.75)


def test_orthogonality_spreads_the_codes_and_is_weighted():
    torch.manual_seed(0)
    q = quantizer("vq", 8, size=8, codebook=0.0, orthogonal=10.0, kmeans=None, revive=0.0).train()
    q.book.codes.data.copy_(1 + 0.1 * normal(8, 8).float())
    optimizer = torch.optim.SGD(q.parameters(), lr=1.0)
    first = None
    for _ in range(100):
        loss = q(normal(1, 8, 20).float()).losses["orthogonal"]
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert first == pytest.approx(10 * 7 / 8, rel=0.05)
    assert orthogonality(q.book.codes) < 0.01


def test_orthogonality_of_a_large_book_is_that_of_some_codes():
    torch.manual_seed(0)
    q = quantizer("vq", 4, size=300, orthogonal=1.0, orthogonal_codes=5, kmeans=None).train()
    loss = q(normal(1, 4, 20).float()).losses["orthogonal"]
    (gradient,) = torch.autograd.grad(loss, q.book.codes)
    assert (gradient.abs().sum(dim=1) > 0).sum() == 5
