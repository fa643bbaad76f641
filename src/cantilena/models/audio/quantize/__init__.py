"""Quantisers: frames of vectors as integers and back, by name.

Knows vectors (B, D, T) and integers (B, K, T). Does not know audio, encoders or language models.
docs/quantizers.md has a table of them: how each learns, where it is from, what it was tested
against. What is asked of vector-quantize-pytorch and what is written here, and why, stands in each
module and is tried out in benchmarks/quantizer_library.py.
"""

from __future__ import annotations

from cantilena.models.audio.quantize.base import Quantised, Quantizer
from cantilena.models.audio.quantize.registry import QUANTIZERS, quantizer

__all__ = ["QUANTIZERS", "Quantised", "Quantizer", "quantizer"]
