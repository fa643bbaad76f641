"""A book of vectors: the nearest one, the start by k-means, the update, codes that are revived.

Knows rows (N, D) and codes (V, D). Does not know losses or gradients.

Written here and not taken from vector-quantize-pytorch 1.32, whose ``VectorQuantize`` updates
books as exactly. There the threshold below which a code is dead is a number of uses and not a
share; what a revived code starts from is that threshold, so that it dies again at the next step
(some 90 replacements a step in a book of 256); and a forward pass in evaluation mode starts a book
from the batch that is evaluated. benchmarks/quantizer_library.py shows each.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.models.audio.quantize.base import require

EPSILON = 1e-5
"""Added to each count before it divides (van den Oord et al. 2017, as all copies have it)."""
CHECK_STEPS = 5
"""Updates between two looks for dead codes; this and the next are moshi's."""
REVIVED = 1.0
"""The use that a revived code starts from, as a share of uniform use."""
TILE_NOISE = 0.01
"""Standard deviation of what tells copies of a vector apart, where a batch has fewer vectors than
the book has codes: over sqrt(D), as in Jukebox, but in units of the batch's root mean square."""
SIMILARITIES = 2**24
"""Entries of the matrix of N x V similarities that is held at a time: 64 MiB in float32."""


@torch.no_grad()
def nearest(rows: Tensor, codes: Tensor, cosine: bool = False) -> Tensor:
    """(N,) int64: for each row (N, D) the code (V, D) of least distance, or of greatest cosine;
    the first of equal ones."""
    if cosine:
        rows, codes = F.normalize(rows, dim=1), F.normalize(codes, dim=1)
        bias = codes.new_zeros(len(codes))
    else:  # |z - e|^2 / 2 = |z|^2 / 2 - (z e - |e|^2 / 2)
        bias = codes.square().sum(dim=1) / -2
    chunk = max(SIMILARITIES // len(codes), 1)
    which = [torch.addmm(bias, part, codes.T).argmax(dim=1) for part in rows.split(chunk)]
    return torch.cat(which)


def tally(rows: Tensor, which: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """How many of rows (N, D) each code has, (V,), and their sum, (V, D)."""
    counts = torch.bincount(which, minlength=size).to(rows.dtype)
    return counts, rows.new_zeros(size, rows.shape[1]).index_add_(0, which, rows)


@torch.no_grad()
def kmeans(rows: Tensor, size: int, iterations: int, cosine: bool = False) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from random rows (N, D): codes (V, D), and how many rows each has, (V,).

    A code that no row is nearest to stays where it is. With 0 iterations the codes are random
    rows. Fewer rows than codes are repeated with a little noise.
    """
    require(len(rows) >= 1, "codes cannot be started from no vectors")
    codes = rows[torch.randperm(len(rows), device=rows.device)[:size]]
    if len(codes) < size:
        tiles = codes.repeat(-(-size // len(codes)), 1)[len(codes) : size]
        spread = TILE_NOISE / rows.shape[1] ** 0.5 * rows.square().mean().sqrt()
        codes = torch.cat([codes, tiles + spread * torch.randn_like(tiles)])
    for _ in range(iterations):
        counts, sums = tally(rows, nearest(rows, codes, cosine), size)
        means = sums / counts.clamp(min=1)[:, None]
        codes = torch.where(counts[:, None] > 0, means, codes)
        if cosine:
            codes = F.normalize(codes, dim=1)
    return codes, tally(rows, nearest(rows, codes, cosine), size)[0]


class Codebook(nn.Module):
    """V codes of D values, from ``codes`` (V, D), and how they are used.

    ``kmeans``: iterations of the start on the first batch of a training, 0 for random vectors of
    it, None to begin with ``codes``. ``decay`` of the moving averages. ``revive``: a code that is
    used less than this share of uniform use becomes a random vector of the batch; 0 for never.
    ``average``: the codes are moving averages of their vectors; otherwise a parameter. ``cosine``:
    they are found by angle, and averages of them have length 1.

    All that goes on in training is in the state: counts, sums, whether the start was made and how
    many updates there were.
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor
    started: Tensor
    updates: Tensor

    def __init__(
        self,
        codes: Tensor,
        *,
        kmeans: int | None,
        decay: float,
        revive: float,
        average: bool,
        cosine: bool = False,
    ):
        super().__init__()
        require(0 <= decay < 1, f"decay has to be 0 or more and below 1, not {decay}")
        require(0 <= revive < 1, f"revive has to be 0 or more and below 1, not {revive}")
        require(kmeans is None or kmeans >= 0, f"kmeans has to be 0 or more, not {kmeans}")
        self.kmeans, self.decay, self.revive = kmeans, decay, revive
        self.average, self.cosine = average, cosine
        codes = F.normalize(codes, dim=1) if cosine and average else codes
        if average:
            self.register_buffer("codes", codes)
            self.register_buffer("sums", codes.clone())
        else:
            self.codes = nn.Parameter(codes)
        self.register_buffer("counts", torch.ones(len(codes)))
        self.register_buffer("started", torch.tensor(kmeans is None))
        self.register_buffer("updates", torch.tensor(0))

    @property
    def unit(self) -> bool:
        """Whether all codes have length 1."""
        return self.cosine and self.average

    def nearest(self, rows: Tensor) -> Tensor:
        """(N,) int64: the code of each row (N, D)."""
        return nearest(rows, self.codes.to(rows.dtype), self.cosine)

    @torch.no_grad()
    def prepare(self, rows: Tensor) -> None:
        """Before a batch of a training is looked up: starts the book from its first rows (N, D),
        and every ``CHECK_STEPS`` updates revives the codes that have died."""
        if not self.started:
            codes, counts = kmeans(rows, len(self.codes), self.kmeans or 0, self.unit)
            # one vector for a code that has none, so that its mean is not zero over zero
            self._put(slice(None), shared(codes), shared(counts.clamp(min=1)))
            self.started.fill_(True)
        elif self.revive and self.updates % CHECK_STEPS == 0 and self.updates > 0:
            self._revive(rows)

    def _revive(self, rows: Tensor) -> None:
        """Not more codes than there are rows, so that no two are the same."""
        uniform = self.counts.mean()
        dead = torch.nonzero(self.counts < self.revive * uniform)[:, 0]
        if not len(dead) or not len(rows):
            return
        dead = shared(dead[torch.randperm(len(dead), device=dead.device)][: len(rows)])
        vectors = rows[torch.randperm(len(rows), device=rows.device)[: len(dead)]]
        self._put(dead, shared(vectors), (REVIVED * uniform).expand(len(dead)))

    def _put(self, where: Tensor | slice, codes: Tensor, counts: Tensor) -> None:
        """Puts codes in the place of others, with all that is averaged of them."""
        codes = F.normalize(codes, dim=1) if self.unit else codes
        self.codes.data[where] = codes.to(self.codes.dtype)
        self.counts[where] = counts.to(self.counts.dtype)
        if self.average:
            self.sums[where] = (codes * counts[:, None]).to(self.sums.dtype)

    @torch.no_grad()
    def update(self, rows: Tensor, which: Tensor) -> None:
        """One step of the moving averages, by rows (N, D) of codes ``which`` (N,); none where no
        process has any rows, as of a book that is dropped."""
        rows = F.normalize(rows, dim=1) if self.unit else rows
        counts, sums = tally(rows, which, len(self.codes))
        counts = summed(counts).to(self.counts.dtype)
        some = counts.sum() > 0
        weight = (1 - self.decay) * some.to(self.counts.dtype)
        self.counts.lerp_(counts, weight)
        self.updates += some
        if self.average:
            self.sums.lerp_(summed(sums).to(self.sums.dtype), weight)
            total = self.counts.sum()
            smooth = (self.counts + EPSILON) / (total + len(self.counts) * EPSILON) * total
            means = self.sums / smooth[:, None]
            self.codes.copy_(F.normalize(means, dim=1) if self.unit else means)


def several_processes() -> bool:
    """Whether a training runs in more than one process."""
    distributed = torch.distributed
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def summed(tensor: Tensor) -> Tensor:
    """The sum of a tensor of any shape over the processes of a training, in place."""
    if several_processes():
        torch.distributed.all_reduce(tensor)
    return tensor


def shared(tensor: Tensor) -> Tensor:
    """What the first process of a training has, of any shape, for all of them."""
    if several_processes():
        tensor = tensor.contiguous()
        torch.distributed.broadcast(tensor, 0)
    return tensor
