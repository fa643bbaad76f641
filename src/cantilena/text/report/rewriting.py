"""Rows of the report for wishes that are read against what stood there: "higher", "busier".

Knows how each is measured on the notes before and after; does not know how it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from cantilena.analysis.grid import bar_metres
from cantilena.score.score import Score
from cantilena.text.brief.relative import (
    DENSITY,
    LENGTH,
    LOUDNESS,
    REGISTER,
    SYNCOPATION,
    RelativeWish,
)
from cantilena.text.report.rows import NOT_OBEYED, Row

LEAST_CHANGE = {REGISTER: 1.0, DENSITY: 1.1, LOUDNESS: 1.05, SYNCOPATION: 0.02, LENGTH: 1.1}
"""By how much a measure has to go the way that was asked: a register in semitones, a syncopation in
shares of the onsets, the others as a factor."""
_ASKED = {
    (REGISTER, 1): "higher than before",
    (REGISTER, -1): "lower than before",
    (DENSITY, 1): "busier than before",
    (DENSITY, -1): "sparser than before",
    (LOUDNESS, 1): "louder than before",
    (LOUDNESS, -1): "softer than before",
    (SYNCOPATION, 1): "more syncopated than before",
    (SYNCOPATION, -1): "less syncopated than before",
    (LENGTH, 1): "longer notes than before",
    (LENGTH, -1): "shorter notes than before",
}


def relative_rows(
    wishes: Iterable[RelativeWish], before: Score, after: Score, bars: float
) -> list[Row]:
    """A Row for each relative wish. ``before`` and ``after``: the notes that were replaced and
    those in their place, alone, in the ticks and metres of their piece; ``bars``: how many bars
    they fill. A wish of which nothing stood there cannot be measured."""
    rows = []
    for wish in wishes:
        asked = _ASKED.get((wish.kind, wish.sign), wish.words)
        if wish.kind not in _MEASURES:
            rows.append(Row(wish.kind, wish.words, NOT_OBEYED, None, None))
            continue
        label, measure, form = _MEASURES[wish.kind]
        old, new = measure(before, bars), measure(after, bars)
        if old is None or new is None:
            rows.append(Row(wish.kind, asked, "nothing to compare with", None, None))
            continue
        met = wish.sign * _change(wish.kind, old, new) >= 1.0
        achieved = f"{label} {form.format(old)} -> {form.format(new)}"
        rows.append(Row(wish.kind, asked, achieved, met, float(met)))
    return rows


def _change(kind: str, old: float, new: float) -> float:
    """A change, in units of the least that counts."""
    least = LEAST_CHANGE[kind]
    if kind in (REGISTER, SYNCOPATION):
        return (new - old) / least
    return float(np.log(max(new, 1e-9) / max(old, 1e-9)) / np.log(least))


def _register(score: Score, bars: float) -> float | None:
    pitched = score.pitch[~score.is_drum]
    return float(np.median(pitched)) if len(pitched) else None


def _density(score: Score, bars: float) -> float | None:
    return len(score) / bars


def _loudness(score: Score, bars: float) -> float | None:
    return float(score.velocity.mean()) if len(score) else None


def _length(score: Score, bars: float) -> float | None:
    pitched = score.duration[~score.is_drum]
    return float(pitched.mean()) / score.tpq if len(pitched) else None


def syncopation(score: Score) -> float | None:
    """Share (0-1) of a Score's onsets, track by track, that are syncopated: off the beat, with no
    onset of their track on the next beat. None without notes."""
    if not len(score):
        return None
    bars, num, den = bar_metres(score)
    felt = np.where((den >= 8) & (num % 3 == 0) & (num > 3), 3, 1)
    beat = np.maximum(1, np.rint(4 * score.tpq * felt / den)).astype(np.int64)
    onsets = syncopated = 0
    for track in np.unique(score.track).tolist():
        at = np.unique(score.onset[score.track == track])
        bar = np.clip(np.searchsorted(bars, at, side="right") - 1, 0, len(num) - 1)
        place = (at - bars[bar]) % beat[bar]
        following = at - place + beat[bar]
        onsets += len(at)
        syncopated += int(((place > 0) & ~np.isin(following, at)).sum())
    return syncopated / onsets


_Measure = Callable[[Score, float], "float | None"]
_MEASURES: dict[str, tuple[str, _Measure, str]] = {
    REGISTER: ("median", _register, "{:.0f}"),
    DENSITY: ("notes a bar", _density, "{:.1f}"),
    LOUDNESS: ("mean velocity", _loudness, "{:.0f}"),
    SYNCOPATION: ("syncopated onsets", lambda score, bars: syncopation(score), "{:.0%}"),
    LENGTH: ("mean length in quarters", _length, "{:.2f}"),
}
"""Of each kind: its name in words, how it is measured, and how it is written."""
