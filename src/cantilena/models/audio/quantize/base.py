"""What every quantiser takes and gives.

Knows vectors (B, D, T), integers (B, K, T) and how a prefix of books is asked for. Does not know
how a code is found or learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from cantilena.errors import InputError


@dataclass(frozen=True)
class Quantised:
    """Vectors as codes.

    ``values`` (B, D, T): the codes' vectors, through which the gradient reaches the encoder.
    ``indices`` (B, K, T) int64, K the books that were used. ``losses``: scalars by name, weighted,
    to be added up. ``sizes``: codes of each of the K books.
    """

    values: Tensor
    indices: Tensor
    losses: dict[str, Tensor]
    sizes: tuple[int, ...]

    @property
    def loss(self) -> Tensor:
        """The sum of the losses, a scalar."""
        return torch.stack([*self.losses.values(), self.values.new_zeros(())]).sum()

    @cached_property
    def usage(self) -> dict[str, float]:
        """How the books are used by these codes: for each book k "perplexity/k", from 1 to its
        size, and "used/k", the share of its codes that occur; "perplexity" and "used" are means
        over books. Computed when asked for, since it waits for the device."""
        usage: dict[str, float] = {}
        for k, size in enumerate(self.sizes):
            counts = torch.bincount(self.indices[:, k].flatten(), minlength=size).double()
            share = counts / counts.sum().clamp(min=1)
            usage[f"perplexity/{k}"] = float(torch.special.entr(share).sum().exp())
            usage[f"used/{k}"] = float((counts > 0).double().mean())
        for name in ("perplexity", "used"):
            usage[name] = sum(usage[f"{name}/{k}"] for k in range(len(self.sizes)))
            usage[name] /= len(self.sizes)
        return usage


class Quantizer(nn.Module):
    """K books of codes for vectors of ``dim`` values; ``sizes`` are the books' numbers of codes.

    A subclass gives ``_quantise`` and ``_decode``. Books are updated and dropped in training mode
    only. Then an update or a dropped book may make ``decode(indices)`` differ from the values; in
    evaluation mode they are equal.
    """

    def __init__(self, dim: int, sizes: Sequence[int]):
        super().__init__()
        require(dim >= 1, f"a quantizer needs vectors of 1 value and more, not {dim}")
        require(
            len(sizes) >= 1 and min(sizes) >= 1,
            f"a quantizer needs books of 1 code and more, not {list(sizes)}",
        )
        self.dim = dim
        self.sizes = tuple(int(size) for size in sizes)

    @property
    def books(self) -> int:
        """K."""
        return len(self.sizes)

    @property
    def bits(self) -> float:
        """Bits a frame of all books together: the logarithm of the number of their choices."""
        return sum(math.log2(size) for size in self.sizes)

    def forward(self, z: Tensor, books: int | None = None) -> Quantised:
        """(B, D, T) vectors as codes of the first ``books`` books, or of all.

        It computes in float32 (float64 for such vectors), mixed precision or not, since rounded
        distances find other codes; the values have z's type. Raises InputError for another shape
        or a number of books that there is not.
        """
        books = self.books if books is None else books
        require(
            z.ndim == 3 and z.shape[1] == self.dim,
            f"vectors of shape {tuple(z.shape)} are not (B, {self.dim}, T)",
        )
        require(1 <= books <= self.books, f"books has to be 1 to {self.books}, not {books}")
        with torch.autocast(z.device.type, enabled=False):
            wide = z if z.dtype == torch.float64 else z.float()
            values, indices, losses = self._quantise(wide, books)
        return Quantised(values.to(z.dtype), indices, losses, self.sizes[:books])

    def decode(self, indices: Tensor) -> Tensor:
        """(B, k, T) indices of the first k books as vectors (B, D, T).

        Raises InputError for another shape or a code that a book does not have.
        """
        books = indices.shape[1] if indices.ndim == 3 else 0
        require(
            1 <= books <= self.books,
            f"indices of shape {tuple(indices.shape)} are not (B, K, T) of 1 to {self.books} books",
        )
        for k, size in enumerate(self.sizes[:books]):
            book = indices[:, k]
            if book.numel() and not 0 <= int(book.min()) <= int(book.max()) < size:
                wrong = int(book.max()) if int(book.max()) >= size else int(book.min())
                raise InputError(f"book {k} has codes 0 to {size - 1}, not {wrong}")
        return self._decode(indices)

    def _quantise(self, z: Tensor, books: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Values (B, D, T), indices (B, books, T) and losses of vectors (B, D, T)."""
        raise NotImplementedError

    def _decode(self, indices: Tensor) -> Tensor:
        raise NotImplementedError


@dataclass(frozen=True)
class Lookup:
    """Vectors in one book: ``values`` (B, D, T) as ``Quantised`` has them, ``indices`` (B, T), and
    the losses of each example, (B,) by name."""

    values: Tensor
    indices: Tensor
    losses: dict[str, Tensor]


class SingleBook(Quantizer):
    """A quantiser of one book, of which those of several are put together.

    ``projects``: whether its values come out of a projection that learns by their gradient. Where
    they do not, several in a row share one straight-through estimator.
    """

    projects = False

    def __init__(self, dim: int, size: int):
        super().__init__(dim, (size,))

    def look(self, z: Tensor, active: Tensor | None = None) -> Lookup:
        """The codes of (B, D, T) vectors. ``active`` (B,) bool: the examples that the book is to
        learn from, by default all."""
        raise NotImplementedError

    def vectors_of(self, indices: Tensor) -> Tensor:
        """(B, T) indices as vectors (B, D, T)."""
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """False while the codes wait for the first batch to start from."""
        return True

    def _quantise(self, z: Tensor, books: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        look = self.look(z)
        losses = {name: loss.mean() for name, loss in look.losses.items()}
        return look.values, look.indices[:, None], losses

    def _decode(self, indices: Tensor) -> Tensor:
        return self.vectors_of(indices[:, 0])


def straight_through(z: Tensor, q: Tensor) -> Tensor:
    """q, to the last bit, with the gradient of z (Bengio et al., 2013)."""
    return q.detach() + (z - z.detach())


def per_example(error: Tensor) -> Tensor:
    """(B,) means of (B, D, T)."""
    return error.mean(dim=(1, 2))


def rows_of(z: Tensor, active: Tensor | None = None) -> Tensor:
    """(N, D) detached vectors of (B, D, T), those of active examples alone."""
    z = z.detach() if active is None else z.detach()[active]
    return z.transpose(1, 2).reshape(-1, z.shape[1])


def require(condition: bool, message: str) -> None:
    """Raises InputError with the message unless the condition holds."""
    if not condition:
        raise InputError(message)
