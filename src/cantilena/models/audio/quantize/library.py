"""vector-quantize-pytorch, where it is asked for. Knows how it is imported and what to say where
it is not installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cantilena.errors import MissingExtraError


def library(purpose: str) -> Any:
    """The module ``vector_quantize_pytorch``. Raises MissingExtraError."""
    try:
        return import_module("vector_quantize_pytorch")
    except ImportError as error:
        raise MissingExtraError("vector-quantize-pytorch", "audio", purpose) from error
