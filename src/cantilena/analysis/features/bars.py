"""Bars beside bars: how much of a bar comes back some bars later.

Knows sets of what is in each bar; does not know what the members mean.
"""

from __future__ import annotations

import numpy as np

from cantilena.analysis.features.notes import Notes

NAN = float("nan")
PLACES_IN_BAR = 1024
"""More than any bar's units: the stride of a bar's places in keys."""


def members(bar: np.ndarray, key: np.ndarray, bars: int) -> np.ndarray:
    """(bars, K) bool: which of the K different keys each bar holds."""
    values, column = np.unique(key, return_inverse=True)
    out = np.zeros((bars, len(values)), dtype=bool)
    out[bar, column] = True
    return out


def tones(notes: Notes) -> np.ndarray:
    """Members: (place, instrument, pitch) of each bar."""
    key = (notes.place * 129 + notes.part) * 128 + notes.pitch
    return members(notes.bar, key, notes.bars)


def rhythm(notes: Notes) -> np.ndarray:
    """Members: places with an onset in each bar."""
    return members(notes.bar, notes.place, notes.bars)


def pairs(rows: np.ndarray, lag: int) -> np.ndarray:
    """The bars that hold something, as the one ``lag`` before does."""
    filled = rows.sum(1) > 0
    return np.flatnonzero(filled[lag:] & filled[:-lag]) + lag


def likeness(rows: np.ndarray, lag: int) -> np.ndarray:
    """Jaccard likeness (0-1) of each of ``pairs`` with the bar ``lag`` before: the share of what
    either holds that both hold."""
    at = pairs(rows, lag)
    now, before = rows[at], rows[at - lag]
    return (now & before).sum(1) / np.maximum((now | before).sum(1), 1)


def mean(values: np.ndarray) -> float:
    """The mean, nan of nothing."""
    return float(values.mean()) if values.size else NAN


def same(rows: np.ndarray, lag: int) -> float:
    """Share of bars that hold exactly what the one ``lag`` before holds."""
    return mean(likeness(rows, lag) == 1)


def fresh(rows: np.ndarray) -> float:
    """Share of the bars that hold anything whose set stands in no bar before."""
    filled = rows[rows.any(1)]
    return len(np.unique(filled, axis=0)) / len(filled) if len(filled) else NAN


def run_length(rows: np.ndarray) -> float:
    """Mean number of bars in a row with exactly the same set, of those that hold anything."""
    filled = rows.any(1)
    if not filled.any():
        return NAN
    begins = np.append(True, (rows[1:] != rows[:-1]).any(1))
    return float(filled.sum() / np.count_nonzero(begins & filled))


def per_bar(notes: Notes) -> np.ndarray:
    """(bars,) number of notes."""
    return np.bincount(notes.bar, minlength=notes.bars).astype(np.float64)


def cv(values: np.ndarray) -> float:
    """Coefficient of variation: standard deviation over mean; nan where the mean is 0."""
    return float(values.std() / values.mean()) if len(values) and values.mean() else NAN


def entropy(values: np.ndarray) -> float:
    """Bits of the distribution of whole numbers; nan of nothing."""
    if not len(values):
        return NAN
    p = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(p * np.log2(p)).sum()) + 0.0


def share(condition: np.ndarray) -> float:
    """Share of True; nan of nothing."""
    return mean(condition)
