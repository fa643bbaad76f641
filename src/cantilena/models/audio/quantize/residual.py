"""Residual quantisation: each book has what the books before it left over (Zeghidour et al.,
*SoundStream*, 2021; Défossez et al., *High Fidelity Neural Audio Compression*, 2022; DAC).

Knows books in a row and how some are dropped in training. Does not know how a book learns.

Written here: vector-quantize-pytorch 1.32 has an estimator around each book, so that the gradient
that reaches the encoder is K times the decoder's; it refuses to decode a prefix of books unless
some were dropped in training; and dropped books have index -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cantilena.models.audio.quantize.base import (
    Quantizer,
    SingleBook,
    require,
    straight_through,
)
from cantilena.models.audio.quantize.codebook import shared
from cantilena.models.audio.quantize.registry import quantizer

INNER = ("ema", "vq", "factorised")
"""The books that can stand in a row: what they leave is a difference of vectors."""


class Row(Quantizer):
    """``layers`` in a row, each for what those before it leave. ``dropout``: how often, in
    training, only the first n books are used, n uniform from 1 to their number: for a whole batch
    (``dropout_by`` "batch", SoundStream) or each example ("example", DAC, which draws for a fixed
    share of a batch). Dropped books neither learn nor cost; their indices are still told. None is
    dropped while books wait for their start."""

    def __init__(self, dim: int, layers: Sequence[SingleBook], dropout: float, dropout_by: str):
        require(0 <= dropout <= 1, f"dropout has to be 0 to 1, not {dropout}")
        require(
            dropout_by in ("batch", "example"),
            f"dropout_by has to be batch or example, not {dropout_by!r}",
        )
        super().__init__(dim, [layer.sizes[0] for layer in layers])
        self.dropout, self.dropout_by = dropout, dropout_by
        self.layers: list[SingleBook] = nn.ModuleList(layers)  # type: ignore[assignment]

    @property
    def ready(self) -> bool:
        """False while books wait for the first batch to start from."""
        return all(layer.ready for layer in self.layers)

    def _used(self, batch: int, books: int, device: torch.device) -> Tensor:
        """(B,) how many of the books each example uses."""
        whole = torch.full((batch,), books, device=device)
        if not (self.training and self.dropout and self.ready):
            return whole
        draws = batch if self.dropout_by == "example" else 1
        fewer = torch.randint(1, books + 1, (draws,), device=device)
        used = torch.where(torch.rand(draws, device=device) < self.dropout, fewer, whole[:draws])
        return used if self.dropout_by == "example" else shared(used).expand(batch)

    def _quantise(self, z: Tensor, books: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        used = self._used(len(z), books, z.device)
        residual, total = z, torch.zeros_like(z)
        indices: list[Tensor] = []
        losses: dict[str, Tensor] = {}
        for k, layer in enumerate(self.layers[:books]):
            active = used > k
            # telling whom it learns from waits for the device, which without dropout is for nothing
            look = layer.look(residual, active if self.dropout else None)
            q = look.values if layer.projects else look.values.detach()
            residual = residual - q
            total = total + q * active[:, None, None]
            indices.append(look.indices)
            weight = active if layer.projects else active / used
            for name, loss in look.losses.items():
                losses[name] = losses.get(name, 0) + (loss * weight).mean()
        if not self.layers[0].projects:
            total = straight_through(z, total)
        return total, torch.stack(indices, dim=1), losses

    def _decode(self, indices: Tensor) -> Tensor:
        total: Tensor | None = None
        for k in range(indices.shape[1]):
            q = self.layers[k].vectors_of(indices[:, k])
            total = q if total is None else total + q
        assert total is not None  # a prefix has one book and more
        return total


class Residual(Row):
    """``books`` books of kind ``inner`` and of ``size`` codes, or one size for each, with the
    inner's ``options``.

    Values are the sum of the codes. Books that have no projection share one straight-through
    estimator, and what a book leaves is taken without gradient, so that the commitment of each
    reaches the encoder; losses are means over the books in use, as EnCodec's. With projections
    (factorised) the gradient goes through each book, and losses are added up, as DAC's.
    ``dropout`` and ``dropout_by`` as in ``Row``.
    """

    def __init__(
        self,
        dim: int,
        *,
        books: int = 8,
        size: int | Sequence[int] = 1024,
        inner: str = "ema",
        dropout: float = 0.0,
        dropout_by: str = "batch",
        **options: Any,
    ):
        sizes = [size] * books if isinstance(size, int) else list(size)
        require(
            len(sizes) == books and books >= 1, f"{books} books need {books} sizes, not {sizes}"
        )
        require(inner in INNER, f"the books of a residual can be {', '.join(INNER)}, not {inner!r}")
        layers: Any = [quantizer(inner, dim, size=size, **options) for size in sizes]
        super().__init__(dim, layers, dropout, dropout_by)


class ResidualFactorised(Residual):
    """DAC's: factorised books, of which half of a batch's examples use the first few alone, as in
    the released models."""

    def __init__(
        self,
        dim: int,
        *,
        books: int = 9,
        size: int | Sequence[int] = 1024,
        width: int = 8,
        dropout: float = 0.5,
        **options: Any,
    ):
        super().__init__(
            dim,
            books=books,
            size=size,
            inner="factorised",
            dropout=dropout,
            dropout_by="example",
            width=width,
            **options,
        )
