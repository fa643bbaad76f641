"""In which precision a device trains: bfloat16 where it has instructions for it, else float32.

Knows devices; does not know models or runs.
"""

from __future__ import annotations

import torch


def half_is_quick(device: str) -> bool:
    """Whether bfloat16 is the quicker precision: on a GPU, and on a CPU whose instructions multiply
    it (AMX tiles or AVX512-BF16). The instructions decide and no trial does, so that the same
    machine gives the same losses whatever else it has to do.

    On two cores of a Zen 4 (AVX512-BF16 without AMX) training steps of Llamas of width 256 and 640
    took 0.4-0.8 times float32's, their feed-forward layers alone 0.4-0.6 times. Where AVX-512 or
    less has to emulate it, it is slower than float32, up to some 30 times."""
    if device != "cpu":
        return True
    units = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return bool(torch.backends.mkldnn.is_available() and units)


def precision_of(precision: str, device: str, before: str | None = None) -> str:
    """ "float32" or "bfloat16", in which a run of ``precision`` (or "auto") computes on a device.
    ``before``: what the run has computed in so far on such a device, which "auto" keeps."""
    if precision != "auto":
        return precision
    return before or ("bfloat16" if half_is_quick(device) else "float32")


def uses_half(precision: str, device: str) -> bool:
    """Whether ``precision`` ("auto", "float32" or "bfloat16") is bfloat16 on a device."""
    return precision_of(precision, device) == "bfloat16"


def mixed(device: str, precision: str = "auto") -> torch.autocast:
    """The context in which a run of ``precision`` computes."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=uses_half(precision, device))
