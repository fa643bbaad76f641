"""Which earlier bar a part takes up where the chords are others than in the song it comes from.

Knows rows of bars, chords and sections of a Plan; does not know songs or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import Plan, Progression
from cantilena.systems.note.recurrence import (
    EXACT,
    HELD,
    REST,
    RHYTHM,
    VARIED,
    BarPlan,
)
from cantilena.systems.note.sections import SECTION
from cantilena.systems.note.shaping import Rows

CHORD_LAGS = (4, 8, 2, 16)
"""Bars back at which a bar on the same chords is looked for, in this order: of the lags that a
model reads those at which chords come round."""


def of_chords(rows: Rows, plan: Plan) -> Rows:
    """The rows where pitched parts take up bars of the same chords, as songs do whose chords come
    round: one that would come back on other chords, or that comes back in its rhythm alone, takes
    up a bar of that rhythm that has its chords, and where there is none only the rhythm."""
    chords = _by_bar(plan)
    out: Rows = {}
    for instrument, row in rows.items():
        new = out[instrument] = list(row)
        rhythms = _rhythms(row)
        for bar, asked in enumerate(row):
            if instrument == DRUMS or asked.source < 0:
                continue
            if asked.kind != RHYTHM and chords[bar] == chords[asked.source]:
                continue
            sources = [
                bar - lag
                for lag in CHORD_LAGS
                if lag <= bar
                and chords[bar - lag] == chords[bar]
                and rhythms[bar - lag] == rhythms[bar]
                and row[bar - lag].kind not in (REST, HELD)
                and corresponds(bar, bar - lag, plan)
            ]
            if sources:
                kind = VARIED if asked.kind == VARIED else EXACT
                new[bar] = replace(asked, kind=kind, source=sources[0])
            else:
                new[bar] = replace(asked, kind=RHYTHM)
    return out


def chord_numbers(plan: Plan, progression: Progression) -> np.ndarray:
    """(B,) a number for each bar of a Plan by the chords that a progression has in it."""
    names: dict[tuple[tuple[int, str], ...], int] = {}
    by_bar = _by_bar(replace(plan, chords=progression))
    return np.array([names.setdefault(tuple(bar), len(names)) for bar in by_bar])


def on_same_chords(rows: Rows, progressions: Sequence[np.ndarray]) -> list[float]:
    """For each of some progressions (``chord_numbers``), of the bars of pitched parts that return
    in their pitches, the share whose chords are then those of the bar that they take up; 0 where
    none returns. On others only their rhythm can (``of_chords``)."""
    pairs = [
        (bar, asked.source)
        for instrument, row in rows.items()
        for bar, asked in enumerate(row)
        if instrument != DRUMS and asked.source >= 0 and asked.kind != RHYTHM
    ]
    if not pairs:
        return [0.0] * len(progressions)
    bars, sources = np.array(pairs).T
    return [float((number[bars] == number[sources]).mean()) for number in progressions]


def _by_bar(plan: Plan) -> list[list[tuple[int, str]]]:
    """The chords of each bar, as places in it and names."""
    chords: list[list[tuple[int, str]]] = [[] for _ in range(plan.bars)]
    for tick, chord in plan.chords:
        bar = min(int(np.searchsorted(plan.lines, tick, side="right")), plan.bars) - 1
        chords[bar].append((tick - int(plan.lines[bar]), chord.name()))
    return chords


def _rhythms(row: Sequence[BarPlan]) -> list[int]:
    """For each bar of a part the first that had its rhythm."""
    out: list[int] = []
    for bar, plan_of_bar in enumerate(row):
        out.append(out[plan_of_bar.source] if plan_of_bar.source >= 0 else bar)
    return out


def corresponds(bar: int, source: int, plan: Plan) -> bool:
    """Whether a bar may take up another one: where sections are not of eights, as those of a blues,
    only within its section or at the same place of another."""
    if not plan.sections or plan.sections[0].bars % SECTION == 0:
        return True
    starts = [max(s.start for s in plan.sections if s.start <= k) for k in (bar, source)]
    return starts[0] == starts[1] or bar - starts[0] == source - starts[1]
