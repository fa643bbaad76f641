"""What vector-quantize-pytorch does otherwise than we need, beside ours, by trial.

    python benchmarks/quantizer_library.py [--repeats 5]

Each line is a property for which `models/audio/quantize` has code of its own; what is taken from
the library (FSQ, LFQ) is tested against formulas in tests/models/audio/quantize/test_scalar.py.
Seconds are CPU time of one thread, medians of the repeats.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import torch
import vector_quantize_pytorch as library
from torch import Tensor, nn

from cantilena.models.audio.quantize import quantizer
from cantilena.models.audio.quantize.codebook import Codebook
from cantilena.models.audio.quantize.vq import orthogonality

STEPS = 100


def gradient_of_the_sum(values: Callable[[Tensor], Tensor], *shape: int) -> float:
    """The gradient of the sum of the values with respect to each of their inputs: 1 for one
    straight-through estimator."""
    z = torch.randn(*shape, requires_grad=True)
    values(z).sum().backward()
    assert z.grad is not None and z.grad.std() < 1e-6
    return z.grad.mean().item()


def residual_gradient() -> tuple[object, object]:
    theirs = library.ResidualVQ(
        dim=4, num_quantizers=3, codebook_size=8, decay=0.99, rotation_trick=False
    ).train()
    ours = quantizer("residual", 4, books=3, size=8).train()
    return (
        gradient_of_the_sum(lambda z: theirs(z)[0], 1, 50, 4),
        gradient_of_the_sum(lambda z: ours(z).values, 1, 4, 50),
    )


def prefix() -> tuple[object, object]:
    theirs = library.ResidualVQ(dim=4, num_quantizers=3, codebook_size=8).eval()
    ours = quantizer("residual", 4, books=3, size=8).eval()
    codes = torch.zeros(1, 2, 5, dtype=torch.int64)
    try:
        theirs.get_output_from_indices(codes.mT)
        answer = "decodes"
    except AssertionError:
        answer = "refuses"
    return answer, "decodes" if ours.decode(codes).shape == (1, 4, 5) else "refuses"


def replacements() -> tuple[object, object]:
    """Codes of 256 replaced a step, with 400 vectors a step: 1.6 uses a code on average."""
    theirs = library.VectorQuantize(
        dim=8,
        codebook_size=256,
        decay=0.99,
        kmeans_init=True,
        threshold_ema_dead_code=2,
        rotation_trick=False,
    ).train()
    ours = quantizer("ema", 8, size=256).train()
    count = {"theirs": 0, "ours": 0}
    replace, put = theirs._codebook.replace, ours.book._put

    def replace_and_count(samples: Tensor, batch_mask: Tensor, seq_mask: None = None) -> None:
        count["theirs"] += int(batch_mask.sum())
        replace(samples, batch_mask=batch_mask, seq_mask=seq_mask)

    def put_and_count(where: Tensor, codes: Tensor, counts: Tensor) -> None:
        count["ours"] += len(codes)
        put(where, codes, counts)

    first = torch.randn(1, 400, 8)
    theirs(first)
    ours(first.mT)
    theirs._codebook.replace, ours.book._put = replace_and_count, put_and_count
    for _ in range(STEPS):
        z = torch.randn(1, 400, 8)
        theirs(z)
        ours(z.mT)
    return count["theirs"] / STEPS, count["ours"] / STEPS


def evaluation() -> tuple[object, object]:
    """Whether a book that waits for its first batch is started by one in evaluation mode."""
    theirs = library.VectorQuantize(dim=4, codebook_size=8, kmeans_init=True).eval()
    ours = quantizer("ema", 4, size=8).eval()
    theirs(torch.randn(1, 100, 4))
    ours(torch.randn(1, 4, 100))
    return bool(theirs._codebook.initted), ours.ready


def weights() -> tuple[object, object]:
    """The codebook's gradient over the commitment's, asked for 1 : 0.25."""
    theirs = library.VectorQuantize(
        dim=4,
        codebook_size=8,
        learnable_codebook=True,
        ema_update=False,
        commitment_weight=0.25,
        rotation_trick=False,
    ).train()
    ours = quantizer("vq", 4, size=8, kmeans=None).train()

    def ratio(loss: Tensor, codes: Tensor, z: Tensor, indices: Tensor) -> float:
        by_code, by_vector = torch.autograd.grad(loss, (codes, z))
        summed = torch.zeros(8, 4).index_add_(0, indices.flatten(), by_vector.reshape(-1, 4))
        return float(by_code.norm() / summed.norm())

    z = torch.randn(1, 50, 4, requires_grad=True)
    _, indices, loss = theirs(z)
    result = ours(z.mT)
    return (
        ratio(loss, theirs._codebook.embed, z, indices),
        ratio(result.loss, ours.book.codes, z, result.indices),
    )


def orthogonal() -> tuple[object, object]:
    """Orthogonality after 100 steps of SGD, over that without the loss: theirs beside moving
    averages, ours beside the codebook's loss."""

    def after(build: Callable[[float], nn.Module], codes: Callable, first: bool) -> float:
        reached = []
        for weight in (10.0, 0.0):
            torch.manual_seed(0)
            q = build(weight).train()
            optimizer = torch.optim.SGD([*q.parameters(), nn.Parameter(torch.zeros(1))], lr=1.0)
            for _ in range(STEPS):
                z = torch.randn(1, 400, 8)
                loss = q(z)[2] if first else q(z.mT).loss
                optimizer.zero_grad()
                if loss.requires_grad:
                    loss.backward()
                optimizer.step()
            q(z if first else z.mT)  # what the next step's average leaves
            reached.append(orthogonality(codes(q).detach()).item())
        return reached[0] / reached[1]

    theirs = after(
        lambda weight: library.VectorQuantize(
            dim=8,
            codebook_size=8,
            decay=0.99,
            orthogonal_reg_weight=weight,
            rotation_trick=False,
        ),
        lambda q: q.codebook,
        True,
    )
    ours = after(
        lambda weight: quantizer("vq", 8, size=8, kmeans=None, orthogonal=weight),
        lambda q: q.book.codes,
        False,
    )
    return theirs, ours


def sphere() -> tuple[object, object]:
    """Standard deviation over bins, in units of their mean, of the coordinates of 2^16 random
    codes of 3 values; on a sphere they are uniform."""

    def unevenness(codes: Tensor) -> float:
        shares = torch.histc(codes.flatten(), bins=20, min=-1, max=1)
        return float(shares.std() / shares.mean())

    theirs = library.RandomProjectionQuantizer(dim=8, codebook_size=2**16, codebook_dim=3)
    ours = quantizer("random-projection", 8, size=2**16, width=3)
    return unevenness(theirs.vq.codebook), unevenness(ours.codes)


def mixed_precision() -> tuple[object, object]:
    """Share of codes that bfloat16 autocast on a CPU changes."""
    theirs = library.VectorQuantize(dim=16, codebook_size=512).eval()
    ours = quantizer("ema", 16, size=512, kmeans=None).eval()
    ours.book.codes.copy_(theirs.codebook)
    z = torch.randn(1, 5000, 16)
    exact = theirs(z)[1], ours(z.mT).indices
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = theirs(z)[1], ours(z.mT).indices
    return tuple(float((a != b).double().mean()) for a, b in zip(exact, mixed, strict=True))


def seconds(repeats: int) -> tuple[object, object]:
    """Of a training step, forward alone, over 1,500 vectors of 128 values and 1,024 codes."""
    theirs = library.VectorQuantize(
        dim=128, codebook_size=1024, decay=0.99, rotation_trick=False
    ).train()
    ours = quantizer("ema", 128, size=1024, kmeans=None).train()
    assert isinstance(ours.book, Codebook)
    z = torch.randn(1, 1500, 128)
    channels_first = z.mT.contiguous()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):  # the first is for warming up
        for q, x, row in ((theirs, z, times[0]), (ours, channels_first, times[1])):
            start = time.process_time()
            for _ in range(5):
                q(x)
            row.append((time.process_time() - start) / 5)
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    trials: dict[str, Callable[[], tuple[object, object]]] = {
        "gradient through 3 residual books, of 1": residual_gradient,
        "2 of 3 books": prefix,
        "codes of 256 replaced a step": replacements,
        "evaluation starts a book": evaluation,
        "codebook over commitment, of 4": weights,
        "orthogonality with the loss over without": orthogonal,
        "unevenness of random codes on the sphere": sphere,
        "codes that autocast on a CPU changes": mixed_precision,
        "CPU-s a training step": lambda: seconds(repeats),
    }
    print(
        f"vector-quantize-pytorch {version('vector-quantize-pytorch')}, torch {torch.__version__}"
    )
    print(f"{'':<44}{'theirs':>10}{'ours':>10}")
    for label, trial in trials.items():
        torch.manual_seed(0)
        cells = (f"{x:.4g}" if isinstance(x, float) else str(x) for x in trial())
        print(f"{label:<44}" + "".join(f"{cell:>10}" for cell in cells))


if __name__ == "__main__":
    main()
