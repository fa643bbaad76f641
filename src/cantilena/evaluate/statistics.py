"""Distances between generated and real music, statistic by statistic.

Knows how two sets of numbers differ and how much two halves of real music differ from each other,
which is the yardstick: a distance is only large or small beside that spread. Does not know what a
statistic means (``analysis.statistics``) or how pieces come about.

After Yang & Lerch, "On the evaluation of generative models in music" (Neural Computing and
Applications, 2020), which holds distances between sets against distances within one; the distance
here is Wasserstein's first, in the statistic's own unit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.statistics import STATISTICS
from cantilena.errors import InputError
from cantilena.score.score import Score

BARS = 32
"""Bars of each piece that are measured, of generated and real ones alike."""
HALVINGS = 20
"""Random draws that a distance is the mean of."""
RATIO_LOW, RATIO_HIGH = 1e-3, 1e6
"""Where ``mean_ratio`` cuts ratios off: neither 0 nor infinity has a logarithm."""
_SHIPPED = "shipped/real_lakh_test.json"


@dataclass(frozen=True)
class Distance:
    """How far a set of pieces is from real ones in one statistic, in the statistic's own unit.

    ``mean`` and ``real_mean``: of the two sets. ``mean_difference``: mean less real_mean;
    ``mean_spread``: mean absolute difference of the means of two random halves of the real set.
    ``distance``: Wasserstein-1 between generated and real samples of ``size`` pieces each, mean
    over random draws; ``spread``: the same between halves of the real set of that size.
    ``ratio``: distance / spread; 1 is as close as real music is to itself, infinite where real
    music does not vary and the generated differs.
    """

    mean: float
    real_mean: float
    mean_difference: float
    mean_spread: float
    distance: float
    spread: float
    ratio: float
    size: int

    def to_dict(self) -> dict[str, float | None]:
        """Plain data; None for an infinite ratio, which JSON cannot hold."""
        return {**asdict(self), "ratio": self.ratio if isfinite(self.ratio) else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, float | None]) -> Distance:
        """The Distance that ``to_dict`` wrote. Raises InputError."""
        ratio = data.get("ratio")
        try:
            return cls(**{**data, "ratio": float("inf") if ratio is None else ratio})  # type: ignore[arg-type]
        except TypeError as error:
            raise InputError(f"this is no distance between statistics: {error}") from error


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Wasserstein-1 distance of two samples: the area between their distribution functions.

    ``a``: (N,), ``b``: (M,) finite numbers, N and M >= 1. Returns a number >= 0 in their unit.
    Raises InputError on an empty sample.
    """
    a, b = (np.sort(np.asarray(x, dtype=np.float64).reshape(-1)) for x in (a, b))
    if not len(a) or not len(b):
        raise InputError("a distance needs at least one number on either side")
    if len(a) == len(b):
        return float(np.abs(a - b).mean())
    grid = np.sort(np.concatenate([a, b]))
    below = [np.searchsorted(x, grid[:-1], side="right") / len(x) for x in (a, b)]
    return float((np.abs(below[0] - below[1]) * np.diff(grid)).sum())


def values_of(scores: Iterable[Score], bars: int = BARS) -> dict[str, np.ndarray]:
    """Each statistic of each Score's first ``bars`` bars: (N,) by name, nan where undefined."""
    rows = [[f(cut) for f in STATISTICS.values()] for cut in (first_bars(s, bars) for s in scores)]
    table = np.array(rows, dtype=np.float64).reshape(-1, len(STATISTICS))
    return {name: table[:, i] for i, name in enumerate(STATISTICS)}


def distance(
    generated: np.ndarray, real: np.ndarray, seed: int = 0, halvings: int = HALVINGS
) -> Distance:
    """The Distance of one statistic's values, (N,) generated and (M,) real; nan are left out.

    Both distances are taken between samples of one size, min(N, M // 2), since that between two
    finite samples of the same music shrinks as they grow. Raises InputError where fewer than 2
    generated or 4 real numbers are left.
    """
    a, b = (x[np.isfinite(x)] for x in (np.asarray(generated, float), np.asarray(real, float)))
    size = min(len(a), len(b) // 2)
    if size < 2:
        raise InputError(
            f"a distance needs at least 2 generated and 4 real pieces, not {len(a)} and {len(b)}"
        )
    rng = np.random.default_rng(seed)
    across, within, mean_gaps = np.zeros((3, halvings))
    for i in range(halvings):
        shuffled = rng.permutation(b)
        one, other = shuffled[:size], shuffled[size : 2 * size]
        sample = rng.permutation(a)[:size]
        across[i], within[i] = wasserstein(sample, one), wasserstein(one, other)
        mean_gaps[i] = abs(one.mean() - other.mean())
    apart, spread = float(across.mean()), float(within.mean())
    ratio = apart / spread if spread > 0 else float("inf") if apart > 0 else 1.0
    mean, real_mean = float(a.mean()), float(b.mean())
    return Distance(
        mean=mean,
        real_mean=real_mean,
        mean_difference=mean - real_mean,
        mean_spread=float(mean_gaps.mean()),
        distance=apart,
        spread=spread,
        ratio=ratio,
        size=size,
    )


def evaluate(
    generated: Mapping[str, np.ndarray],
    real: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
    halvings: int = HALVINGS,
) -> dict[str, Distance]:
    """The Distance of every statistic that both sets have values for.

    ``generated`` and ``real`` as ``values_of`` gives them; None takes the real songs that are
    shipped. Raises InputError where no statistic has enough values.
    """
    real = shipped() if real is None else real
    out: dict[str, Distance] = {}
    for name in STATISTICS:
        if name in generated and name in real:
            try:
                out[name] = distance(generated[name], real[name], seed, halvings)
            except InputError:
                continue
    if not out:
        raise InputError("too few pieces to compare: 2 generated and 4 real ones are the least")
    return out


def mean_ratio(distances: Mapping[str, Distance]) -> float:
    """Geometric mean of the ratios: one number for "how like real music", 1 being real music."""
    ratios = np.array([d.ratio for d in distances.values()])
    return float(np.exp(np.log(np.clip(ratios, RATIO_LOW, RATIO_HIGH)).mean()))


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "wasserstein": wasserstein,
    "mean_difference": lambda a, b: float(np.nanmean(a) - np.nanmean(b)),
}
"""Distances of two samples by name; of all, nearer 0 is better."""


# ---------------------------------------------------------------------------- files


def shipped() -> dict[str, np.ndarray]:
    """The statistics of real songs that come with the package: first 32 bars of songs of the Lakh
    MIDI data set's test split; numbers only, no notes."""
    text = files("cantilena.evaluate").joinpath(_SHIPPED).read_text(encoding="utf-8")
    return _values(json.loads(text), _SHIPPED)


def read_values(path: str | Path) -> dict[str, np.ndarray]:
    """The values that ``write_values`` wrote. Raises InputError."""
    try:
        return _values(json.loads(Path(path).read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} holds no statistics: {error}") from error


def _values(data: Any, name: str) -> dict[str, np.ndarray]:
    if not isinstance(data, dict) or not isinstance(data.get("values"), dict):
        raise InputError(f"{name!r} holds no statistics; make it with 'write_values'")
    return {k: np.array(v, dtype=np.float64) for k, v in data["values"].items()}


def values_json(values: Mapping[str, np.ndarray], what: str, bars: int = BARS) -> bytes:
    """Values as JSON: four significant figures, null for nan, and ``what`` they are of."""

    def plain(x: float) -> float | None:
        return float(f"{x:.4g}") if np.isfinite(x) else None

    songs = max((len(v) for v in values.values()), default=0)
    rows = {name: [plain(x) for x in v.tolist()] for name, v in values.items()}
    data = {"what": what, "bars": bars, "songs": songs, "values": rows}
    lines = json.dumps(data, separators=(",", ":")).replace('],"', '],\n"')
    return (lines + "\n").encode()


def write_values(
    values: Mapping[str, np.ndarray], path: str | Path, what: str, bars: int = BARS
) -> None:
    """Writes ``values_json`` to a file, whole or not at all. Raises InputError."""
    from cantilena.files import write_bytes

    write_bytes(path, values_json(values, what, bars))
