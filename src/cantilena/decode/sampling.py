"""Choosing a value from logits: temperature, top-k, nucleus.

Knows numbers; does not know models, fields or wishes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from cantilena.errors import InputError

MOST_TEMPERATURE = 5.0
MOST_GUIDANCE = 10.0


@dataclass(frozen=True)
class Sampling:
    """How boldly a piece is sampled.

    ``temperature`` 0-5, 0 taking the likeliest value; ``top_p`` 0-1, the nucleus (Holtzman et al.
    2020); ``top_k``, 0 for no limit; ``guidance``, 1 for none: logits are
    ``without + guidance * (with - without)`` the conditions (Ho and Salimans 2022); up to
    ``best_of`` pieces are made, until one meets its Brief wholly, and the best is kept;
    ``repetition`` 0 or more: how strongly bars that already came back three times running are
    discouraged.
    """

    temperature: float = 1.0
    top_p: float = 0.97
    top_k: int = 0
    guidance: float = 1.0
    best_of: int = 3
    repetition: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= MOST_TEMPERATURE:
            raise InputError(
                f"a temperature of {self.temperature:g} is outside 0-{MOST_TEMPERATURE:g}"
            )
        if not 0 < self.top_p <= 1:
            raise InputError(f"a top-p of {self.top_p:g} is outside 0-1")
        if self.top_k < 0:
            raise InputError(f"top-k must be 0 (no limit) or more, not {self.top_k}")
        if not 0 <= self.guidance <= MOST_GUIDANCE:
            raise InputError(f"a guidance of {self.guidance:g} is outside 0-{MOST_GUIDANCE:g}")
        if not 1 <= self.best_of <= 64:
            raise InputError(f"best-of {self.best_of} is outside 1-64")
        if not 0 <= self.repetition <= 10:
            raise InputError(f"a repetition control of {self.repetition:g} is outside 0-10")

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sampling:
        """The Sampling that ``to_dict`` wrote. Raises InputError for an unknown name, and for a
        value that is no finite number, or not whole where one is counted."""
        kinds = {f.name: f.type for f in fields(cls)}
        for name, value in data.items():
            if name not in kinds:
                raise InputError(f"unknown sampling option {name!r}; known: {', '.join(kinds)}")
            whole = kinds[name] == "int"
            plain = isinstance(value, int if whole else (int, float))
            if isinstance(value, bool) or not plain or not math.isfinite(value):
                what = "a whole number" if whole else "a number"
                raise InputError(f"{name} must be {what}, not {value!r}")
        return cls(**data)


def choose(logits: np.ndarray, sampling: Sampling, u: float) -> int:
    """A value of (V,) logits (-inf forbids), by the uniform number ``u`` in 0-1."""
    if sampling.temperature == 0:
        return int(np.argmax(logits))
    # the highest is taken off first: divided by a very low temperature it would not be finite
    p = np.exp((logits - logits.max()) / max(sampling.temperature, 1e-4))
    limited = 0 < sampling.top_k < len(p)
    many = len(p) > MANY
    few = many or (limited and len(p) > FEW)
    order = _likeliest(p, sampling) if few else np.argsort(-p, kind="stable")
    ranked = p[order]
    if sampling.top_k:
        ranked = ranked[: sampling.top_k]
    total = np.cumsum(ranked)
    mass = p.sum() if many and not limited else total[-1]
    keep = int(np.searchsorted(total, sampling.top_p * mass)) + 1
    total = total[:keep]
    return int(order[min(int(np.searchsorted(total, u * total[-1], side="right")), len(total) - 1)])


MANY = 4096  # values above which only those that may be chosen are sorted
FEW = 512  # the same where top-k says how many these are


def _likeliest(p: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Indices of (V,) weights, highest first, that hold all that top-k and the nucleus can keep.

    All weights below (1 - top_p) / V of the sum are together less than what the nucleus leaves
    out, so none of them is in it.
    """
    if 0 < sampling.top_k < len(p):
        least = np.partition(p, len(p) - sampling.top_k)[len(p) - sampling.top_k]
    else:
        least = (1 - sampling.top_p) / len(p) * p.sum()
    candidates = np.flatnonzero((p >= least) & (p > 0))
    return candidates[np.argsort(-p[candidates], kind="stable")]
