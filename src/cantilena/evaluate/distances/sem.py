"""The standard error of the mean, which a table's "a ± b" means.

Knows numbers; does not know what was measured. A SEM speaks of independent values: over pieces it
says how far the mean of another such set would be; over subsets drawn from one set, which share
pieces, it is too small, and the tables name it apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from cantilena.errors import InputError


@dataclass(frozen=True)
class Mean:
    """``mean`` and ``spread`` (standard deviation) in the values' unit, ``sem`` (the standard
    error of ``mean``) and ``n``, how many values. ``spread`` and ``sem`` are nan for n = 1."""

    mean: float
    spread: float
    sem: float
    n: int

    def to_dict(self) -> dict[str, float | None]:
        """Plain data; None for nan, which JSON cannot hold."""
        return {k: None if v != v else v for k, v in asdict(self).items()}


def validate(values: Iterable[float]) -> np.ndarray:
    """(N,) float64 of the values. Raises InputError where there are none or one is not finite."""
    numbers = np.asarray(list(values), dtype=np.float64).reshape(-1)
    if not len(numbers):
        raise InputError("a mean needs at least one value")
    if not np.isfinite(numbers).all():
        raise InputError("a mean was asked of values that are not finite")
    return numbers


def standard_error(values: Iterable[float]) -> float:
    """s / sqrt(N), s being the standard deviation with N - 1 below the line; nan for N = 1.

    ``values``: (N,) finite numbers, N >= 1. In their unit, >= 0. Raises InputError.
    """
    numbers = validate(values)
    if len(numbers) < 2:
        return float("nan")
    return float(numbers.std(ddof=1) / np.sqrt(len(numbers)))


def mean_of(values: Iterable[float]) -> Mean:
    """The Mean of (N,) finite numbers, N >= 1. Raises InputError."""
    numbers = validate(values)
    spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else float("nan")
    return Mean(float(numbers.mean()), spread, standard_error(numbers), len(numbers))
