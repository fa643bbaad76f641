"""In which precision a device trains: bfloat16 where that is quick, else float32.

Knows devices; does not know models or runs.
"""

from __future__ import annotations

import time
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn


@cache
def half_is_quick(device: str) -> bool:
    """Whether bfloat16 is the quicker precision. On a CPU that is tried out once, on a layer's
    forward and backward pass: with AMX it is, with AVX-512 alone it may be half slower, without
    it is some 30 times slower."""
    if device != "cpu":
        return True
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    inner = nn.Sequential(nn.Linear(256, 1408, bias=False), nn.Linear(1408, 256, bias=False))
    x = torch.zeros(8, 512, 256)
    took: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(10):
        half = bool(turn % 2)
        begun = time.perf_counter()
        with torch.enable_grad():  # it may be asked where gradients are off, as in measuring
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                y = F.silu(inner(x))
            y.float().sum().backward()
        took[half].append(time.perf_counter() - begun)
    # casts, norms and sums around the products are slower in it: it has to win clearly
    return min(took[True]) < 0.6 * min(took[False])


def uses_half(precision: str, device: str) -> bool:
    """Whether a run of ``precision`` ("auto", "float32" or "bfloat16") computes in bfloat16."""
    return half_is_quick(device) if precision == "auto" else precision == "bfloat16"


def mixed(device: str, precision: str = "auto") -> torch.autocast:
    """The context in which a run of ``precision`` computes."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=uses_half(precision, device))
