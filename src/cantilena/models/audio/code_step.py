"""One column through a code model, computed from its weights: what a session reads most.

Knows the model's parts and the session's caches; does not know conditions, or how codes are chosen.
It gives what the modules give up to the order of sums. A step of some rows is all overhead and
reading of weights, so no module is called, keys and values are written at once, and each product
takes the form that is quickest for so few rows. Which form that is depends on shapes alone, so that
a piece is the same in every run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cantilena.models.audio.code_lm import CodeLM, CrossPast

Product = Callable[[Tensor], Tensor]
Norm = tuple[Sequence[int], Tensor, Tensor, float]
Packed = Mapping[str, Any]
"""Weights in 8 bits, by their names in the model."""

FEW_ROWS = 4
"""From so many rows on torch's linear layer is the quickest on a CPU (measured on an EPYC)."""
LARGE = 1 << 18
"""Values of a weight from which on two or three rows are quicker as columns."""


def packed_weights(model: CodeLM) -> Packed:
    """The weights of a step in 8 bits: symmetric, one scale for each output. Raises RuntimeError,
    or AttributeError, where torch has no such kernels."""
    parts = {name: part for name, part in model.named_modules() if isinstance(part, nn.Linear)}
    with torch.inference_mode():
        return {
            name: _packed(part.weight)
            for name, part in parts.items()
            if name == "head" or (name.startswith("blocks.") and not name.endswith("cross.kv"))
        }


def _packed(weight: Tensor) -> Any:
    scale = (weight.float().abs().amax(1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    zero = torch.zeros(len(weight), dtype=torch.int64)
    with warnings.catch_warnings():  # torch will drop these tensors, and has no other way as quick
        warnings.simplefilter("ignore", UserWarning)
        rounded = torch.quantize_per_channel(weight.float(), scale.double(), zero, 0, torch.qint8)
    return torch.ops.quantized.linear_prepack(rounded, None)


class _Layer(NamedTuple):
    norm1: Norm
    qkv: Product
    out: Product
    cross_norm: Norm
    cross_q: Product
    cross_out: Product
    norm2: Norm
    up: Product
    down: Product


class CodeStep:
    """Reads one column of each of ``rows`` sequences. The model is only read; it must not learn
    meanwhile. ``packed``: its weights in 8 bits, which are read in place of its own."""

    def __init__(self, model: CodeLM, rows: int, packed: Packed | None = None):
        self.heads = model.config.heads
        self.norm = _norm(model.norm)

        def product(name: str, rows: int = rows) -> Product:
            if packed is not None:
                return partial(_by_row, weight=packed[name])
            return _product(model.get_parameter(f"{name}.weight"), rows)

        self.layers = [
            _Layer(
                _norm(block.norm1),
                product(f"blocks.{i}.qkv"),
                product(f"blocks.{i}.out"),
                _norm(block.cross.norm if block.cross else block.norm1),
                product(f"blocks.{i}.cross.q") if block.cross else _nothing,
                product(f"blocks.{i}.cross.out") if block.cross else _nothing,
                _norm(block.norm2),
                product(f"blocks.{i}.up"),
                product(f"blocks.{i}.down"),
            )
            for i, block in enumerate(model.blocks)
        ]
        self.head = partial(product, "head")

    def read(
        self,
        x: Tensor,
        place: int,
        caches: Sequence[Tensor],
        across: Sequence[CrossPast | None],
    ) -> Tensor:
        """(B, D) last hidden states of (B, D), which stand at ``place``; keys and values are
        written to ``caches`` (2, B, H, length, D / H), one a layer."""
        rows, width = x.shape
        for layer, cache, cross in zip(self.layers, caches, across, strict=True):
            y = layer.qkv(F.layer_norm(x, *layer.norm1)).view(rows, 3, self.heads, -1)
            cache[:, :, :, place] = y[:, 1:].transpose(0, 1)
            keys, values = cache[:, :, :, : place + 1]
            y = F.scaled_dot_product_attention(y[:, 0, :, None], keys, values)
            x = x + layer.out(y.reshape(rows, width))
            if cross is not None:
                q = layer.cross_q(F.layer_norm(x, *layer.cross_norm)).view(rows, self.heads, 1, -1)
                y = F.scaled_dot_product_attention(q, cross.keys, cross.values, cross.mask)
                x = x + layer.cross_out(y.reshape(rows, width))
            x = x + layer.down(F.gelu(layer.up(F.layer_norm(x, *layer.norm2))))
        return F.layer_norm(x, *self.norm)


def _norm(norm: Any) -> Norm:
    return norm.normalized_shape, norm.weight, norm.bias, norm.eps


def _nothing(x: Tensor) -> Tensor:
    """In place of a cross-attention's products in a model that has none."""
    return x


def _product(weight: Tensor, rows: int) -> Product:
    """(rows, inputs) to (rows, outputs) by a weight (outputs, inputs)."""
    outputs, inputs = weight.shape
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and rows < FEW_ROWS:
        if rows > 1 and weight.numel() >= LARGE:
            return lambda x: torch.mm(weight, x.t()).t().contiguous()
        if outputs >= inputs:
            transposed = weight.t().contiguous()
            return lambda x: torch.mm(x, transposed)
    return lambda x: F.linear(x, weight)


def _by_row(x: Tensor, weight: Any) -> Tensor:
    """A product in 8 bits: values are rounded row by row, so that no row depends on another. They
    have 7 bits, as sums of 8 overflow on machines without VNNI."""
    return torch.cat([torch.ops.quantized.linear_dynamic(row, weight, True) for row in x.split(1)])
