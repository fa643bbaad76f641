"""What every quantiser of the registry has to hold."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import Tensor

from cantilena.errors import InputError, MissingExtraError, UnknownNameError
from cantilena.models.audio.quantize import QUANTIZERS, Quantised, Quantizer, quantizer

DIM = 6

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "vq": ("vq", {"size": 16}),
    "vq from its own codes": ("vq", {"size": 16, "kmeans": None, "orthogonal": 10.0}),
    "ema": ("ema", {"size": 16}),
    "cosine": ("cosine", {"size": 16}),
    "factorised": ("factorised", {"size": 16, "width": 4}),
    "residual": ("residual", {"books": 3, "size": (16, 8, 4)}),
    "residual with dropout": ("residual", {"books": 3, "size": 8, "inner": "vq", "dropout": 0.5}),
    "residual-factorised": ("residual-factorised", {"books": 3, "size": 16, "width": 4}),
    "residual-fsq": ("residual-fsq", {"books": 3, "levels": (5, 3)}),
    "residual-fsq, dropped": ("residual-fsq", {"levels": (4,) * DIM, "dropout": 0.5}),
    "product": ("product", {"groups": 3, "size": 8}),
    "product of angles": ("product", {"groups": 2, "size": 8, "inner": "cosine"}),
    "grouped-residual": ("grouped-residual", {"groups": 2, "layers": 3, "size": 8}),
    "multi-head": ("multi-head", {"heads": 3, "size": 8}),
    "multi-head, one book": ("multi-head", {"heads": 5, "size": 8, "shared": True}),
    "fsq": ("fsq", {"levels": (5, 4, 3)}),
    "fsq without projection": ("fsq", {"levels": (3,) * DIM}),
    "lfq": ("lfq", {"size": 16}),
    "kmeans": ("kmeans", {"size": 16}),
    "random-projection": ("random-projection", {"size": 16, "width": 4}),
}
LIBRARY = {"fsq", "lfq"}
"""Those that ask for vector-quantize-pytorch."""

every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            marks=pytest.mark.skipif(
                name in LIBRARY and not find_spec("vector_quantize_pytorch"),
                reason="vector-quantize-pytorch is not installed",
            ),
        )
        for case, (name, _) in CASES.items()
    ],
)


def build(case: str, seed: int = 0) -> Quantizer:
    name, options = CASES[case]
    torch.manual_seed(seed)
    return quantizer(name, DIM, **options)


def vectors(batch: int = 3, frames: int = 20, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(batch, DIM, frames, generator=generator)


def trained(case: str, steps: int = 6) -> Quantizer:
    """A quantiser that has started, learned, and looked for dead codes once."""
    q = build(case).train()
    for step in range(steps):
        step_of(q, step)
    return q


def step_of(q: Quantizer, step: int) -> Quantised:
    """One step of a training, whose randomness is the step's."""
    torch.manual_seed(step)
    z = vectors(seed=step).requires_grad_()
    result = q(z)
    (result.loss + (result.values - z.detach()).square().mean()).backward()
    with torch.no_grad():
        for parameter in q.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
                parameter.grad = None
    return result


def test_every_quantiser_has_a_case():
    assert {name for name, _ in CASES.values()} == set(QUANTIZERS)


@every_case
@pytest.mark.parametrize("frames", [1, 20])
@pytest.mark.parametrize("training", [True, False])
def test_shapes(case: str, frames: int, training: bool):
    q = trained(case).train(training)
    result = q(vectors(frames=frames))
    assert result.values.shape == (3, DIM, frames) and result.values.dtype == torch.float32
    assert result.indices.shape == (3, q.books, frames) and result.indices.dtype == torch.int64
    for k, size in enumerate(q.sizes):
        assert result.indices[:, k].min() >= 0 and result.indices[:, k].max() < size
    assert all(loss.shape == () and torch.isfinite(loss) for loss in result.losses.values())
    assert result.loss.item() == pytest.approx(sum(v.item() for v in result.losses.values()))
    assert q.bits == pytest.approx(sum(torch.tensor(q.sizes).double().log2().tolist()))


@every_case
def test_indices_of_any_prefix_decode_to_the_values(case: str):
    q = trained(case).eval()
    z = vectors(seed=99)
    whole = q(z)
    for books in range(1, q.books + 1):
        prefix = q(z, books)
        assert prefix.indices.shape == (3, books, 20) and prefix.sizes == q.sizes[:books]
        assert torch.equal(prefix.indices, whole.indices[:, :books])
        torch.testing.assert_close(q.decode(prefix.indices), prefix.values, rtol=1e-5, atol=1e-6)
    assert torch.equal(prefix.values, whole.values)


@every_case
def test_codes_tell_vectors_apart(case: str):
    q = trained(case).eval()
    result = q(vectors(frames=50))
    assert result.usage["perplexity"] > 2
    assert result.values.std(dim=2).mean() > 1e-3


@every_case
@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_reaches_the_encoder(case: str, training: bool):
    q = trained(case).train(training)
    z = vectors().requires_grad_()
    weights = vectors(seed=5)
    (q(z).values * weights).sum().backward()
    assert z.grad is not None and torch.isfinite(z.grad).all()
    assert (z.grad.abs().sum(dim=1) > 0).all()


@every_case
def test_what_is_saved_goes_on_as_if_nothing_had_happened(case: str):
    q = trained(case)
    copy = build(case, seed=7)
    copy.load_state_dict(q.state_dict())
    for step in range(6, 13):
        mine, theirs = step_of(q, step), step_of(copy, step)
        assert torch.equal(mine.indices, theirs.indices)
        assert torch.equal(mine.values, theirs.values)
    for name, value in q.state_dict().items():
        assert torch.equal(value, copy.state_dict()[name]), name


@every_case
def test_evaluation_changes_nothing_and_repeats(case: str):
    q = trained(case).eval()
    before = {name: value.clone() for name, value in q.state_dict().items()}
    first, second = q(vectors()), q(vectors())
    assert torch.equal(first.indices, second.indices)
    for name, value in q.state_dict().items():
        assert torch.equal(value, before[name]), name


@every_case
def test_what_waits_for_its_first_batch_is_not_started_by_evaluation(case: str):
    q = build(case).eval()
    before = {name: value.clone() for name, value in q.state_dict().items()}
    if case == "kmeans":
        with pytest.raises(InputError, match="fit them"):
            q(vectors())
    else:
        q(vectors())
    for name, value in q.state_dict().items():
        assert torch.equal(value, before[name]), name


@every_case
def test_mixed_precision_finds_the_same_codes(case: str):
    q = trained(case).eval()
    z = vectors(frames=300)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(q(z).indices, q(z.clone()).indices)
        mixed = q(z)
    assert torch.equal(mixed.indices, q(z).indices)
    half = q(z.bfloat16())
    assert half.values.dtype == torch.bfloat16
    assert torch.equal(half.indices, q(z.bfloat16().float()).indices)


@every_case
def test_what_does_not_fit_is_refused(case: str):
    q = trained(case).eval()
    for bad in (torch.zeros(2, DIM + 1, 5), torch.zeros(DIM, 5)):
        with pytest.raises(InputError, match="are not"):
            q(bad)
    for books in (0, q.books + 1):
        with pytest.raises(InputError, match=f"1 to {q.books}"):
            q(vectors(), books)
        with pytest.raises(InputError, match=f"1 to {q.books} books"):
            q.decode(torch.zeros(1, books, 4, dtype=torch.int64))
    for book in range(q.books):
        for wrong in (-1, q.sizes[book]):
            indices = torch.zeros(1, q.books, 4, dtype=torch.int64)
            indices[0, book, 2] = wrong
            with pytest.raises(InputError, match=f"book {book} has codes .* not {wrong}"):
                q.decode(indices)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_an_option_that_is_not_there_is_refused_and_the_others_named(name: str):
    with pytest.raises(InputError, match=r"options .*no_such"):
        quantizer(name, DIM, no_such=1)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UnknownNameError, match="residual-factorised"):
        quantizer("no such", DIM)


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_a_missing_library_is_said_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "vector_quantize_pytorch", None)
    with pytest.raises(MissingExtraError, match="vector-quantize-pytorch"):
        quantizer(name, DIM)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ema", {"size": 0}, "not 0"),
        ("ema", {"decay": 1.0}, "decay"),
        ("vq", {"revive": 1.0}, "revive"),
        ("vq", {"kmeans": -1}, "kmeans"),
        ("factorised", {"width": 0}, "width"),
        ("residual", {"books": 3, "size": (8, 8)}, "3 sizes"),
        ("residual", {"inner": "cosine"}, "ema, vq, factorised"),
        ("residual", {"dropout": 2.0}, "0 to 1"),
        ("residual", {"dropout_by": "frame"}, "batch or example"),
        ("product", {"groups": 5}, "cut into 5"),
        ("product", {"inner": "residual"}, "one book"),
        ("grouped-residual", {"groups": 5}, "cut into 5"),
        ("multi-head", {"heads": 0}, "heads"),
        ("fsq", {"levels": (8, 2)}, "3 and more"),
        ("residual-fsq", {"levels": (5, 2)}, "3 and more"),
        ("residual-fsq", {"books": 11}, "finer than 32 bits"),
        ("residual-fsq", {"dropout": 2.0}, "0 to 1"),
        ("lfq", {"size": 12}, "power of 2"),
        ("random-projection", {"width": DIM + 1}, "width"),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        quantizer(name, DIM, **options)


def test_usage_is_the_perplexity_and_share_of_codes():
    uniform = torch.arange(8).repeat(3)[None]
    one = torch.zeros(1, 24, dtype=torch.int64)
    indices = torch.stack([uniform, one], dim=1)
    usage = Quantised(torch.zeros(1, 2, 24), indices, {}, (8, 4)).usage
    assert usage["perplexity/0"] == pytest.approx(8) and usage["used/0"] == 1
    assert usage["perplexity/1"] == pytest.approx(1) and usage["used/1"] == 0.25
    assert usage["perplexity"] == pytest.approx(4.5) and usage["used"] == pytest.approx(0.625)
