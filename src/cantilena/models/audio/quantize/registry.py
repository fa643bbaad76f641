"""The quantisers by name. Knows where each is; imports one when it is asked for."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from cantilena.errors import InputError, UnknownNameError
from cantilena.models.audio.quantize.base import Quantizer

_HERE = "cantilena.models.audio.quantize"

QUANTIZERS: dict[str, str] = {
    "vq": f"{_HERE}.vq:VQ",
    "ema": f"{_HERE}.ema:EMA",
    "cosine": f"{_HERE}.cosine:Cosine",
    "factorised": f"{_HERE}.factorised:Factorised",
    "residual": f"{_HERE}.residual:Residual",
    "residual-factorised": f"{_HERE}.residual:ResidualFactorised",
    "residual-fsq": f"{_HERE}.residual_fsq:ResidualFSQ",
    "product": f"{_HERE}.product:Product",
    "grouped-residual": f"{_HERE}.grouped:GroupedResidual",
    "multi-head": f"{_HERE}.multihead:MultiHead",
    "fsq": f"{_HERE}.fsq:FSQ",
    "lfq": f"{_HERE}.lfq:LFQ",
    "kmeans": f"{_HERE}.kmeans:KMeans",
    "random-projection": f"{_HERE}.random_projection:RandomProjection",
}
"""Every quantiser by name, as "module:class"."""


def quantizer(name: str, dim: int, **options: Any) -> Quantizer:
    """A new quantiser of vectors of ``dim`` values.

    Raises UnknownNameError, InputError for options that it does not have or cannot take, and
    MissingExtraError where it needs a library that is not installed.
    """
    if name not in QUANTIZERS:
        raise UnknownNameError("quantizer", name, QUANTIZERS)
    module, _, kind = QUANTIZERS[name].partition(":")
    build = getattr(import_module(module), kind)
    try:
        inspect.signature(build).bind(dim, **options)
    except TypeError as error:
        names = ", ".join(p for p in inspect.signature(build).parameters if p != "dim")
        raise InputError(f"the quantizer {name} has the options {names}: {error}") from error
    return build(dim, **options)
