"""How well the arrangement of a song suits a piece: who is heard enough, tunes that are tunes.

Knows rows of bars and Plans; does not know how songs are drawn (``systems.note.arranging``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, Plan
from cantilena.systems.note.recurrence import HELD, REST, BarPlan
from cantilena.systems.note.rests import rested
from cantilena.systems.note.shaping import Rows
from cantilena.text.wishes import Brief
from cantilena.tokens.note.outline import UNKNOWN_COUNT

SLOW_MOODS = frozenset({"sad", "calm", "melancholic", "solemn", "dreamy", "relaxed", "romantic"})
"""Moods whose pieces are slower and thinner."""
LONGEST_ENTRIES = 8
"""Bars at the beginning, or a quarter of the piece, in which parts may come in one by one."""
LEAST_HEARD = {MELODY: 0.6, HARMONY: 0.45, BASS: 0.6, DRUM: 0.7}
"""Share of the bars behind these in which a part is to play at least, by role."""
GENRE_FIT, LEAST_FIT = 1.5, 2.5
"""What a song of an asked genre gains, and what a part that is heard too little costs: twice that
took songs whose parts hardly rest (``benchmarks/plans_beside_songs.py``)."""
USUAL_DENSITY, DENSITY_FIT = 0.2, 3.0
"""By how much the logarithm of an arrangement's notes a bar may lie apart from what such an
ensemble usually has without cost, and what each further unit costs."""
METRE_FIT = 0.8  # what a song in another number of beats costs
UNUSUAL_SIZE = 0.15  # what each part more or less than the piece has costs
LONGEST_WAIT, WAIT_COST = 2, 0.1
"""Bars in which neither tune nor chords may be heard without cost, and what each further bar costs:
eight bars of drums alone are not what anybody asked for."""
LONGEST_INTRO, LATE_COST = 4, 0.03
"""Bars (or an eighth of the piece) after which the tune enters at the latest without cost, and what
each bar later costs."""
MOST_ALIKE, ALIKE_COST = 0.4, 2.0
"""Share of a tune's bars that may stand in the rhythm of the bar before without cost, and what all
of its bars would cost."""
LEAST_NOTES, THIN_COST = {MELODY: 4.5, BASS: 3.0}, 1.5
"""Notes of a part in the bars in which it plays, in the mean, from which on it is a tune (half of
the songs' tunes have more) or carries a band, and what each unit of the logarithm less costs: what
has two notes a bar is a horn section's stabs."""
LEAST_BACK, BACK_COST = 0.3, 1.5
"""Share of the bars of all parts that take up an earlier one at least without cost, and what none
would cost: a piece of which nothing comes back is not remembered."""
LEAST_TUNE_BACK, TUNE_BACK_COST = 0.45, 1.0
"""The same of the bars in which a tune plays: of real leads' bars 45 % take up an earlier one."""
REST_COST = 0.02  # what each bar costs in which the tune rests longer than it may
USUAL_EXITS, EXIT_COST = 0.4, 0.2
"""How often a part of a real song falls silent for two bars or more, in the mean
(``cantilena evaluate realism``), and what each further time costs."""


def suits(rows: Rows, plan: Plan, song: dict[str, Any], brief: Brief) -> float:
    """How well a song's arrangement suits the parts of a Plan: 0 where nothing is amiss, more in an
    asked genre, less for all that is."""
    fit = GENRE_FIT if set(song["genres"]) & set(brief.genres) else 0.0
    mean = notes_per_bar(rows)
    if mean and plan.density:
        fit -= DENSITY_FIT * max(0.0, abs(float(np.log(mean / plan.density))) - USUAL_DENSITY)
    fit -= METRE_FIT * (song["metre"][0] != plan.metre[0])
    fit -= UNUSUAL_SIZE * abs(len(song["parts"]) - len(plan.parts))
    first = min(LONGEST_ENTRIES, plan.bars // 4)
    for part in plan.parts:
        row = rows[part.instrument]
        heard = sum(bar.sounds for bar in row[first:]) / (plan.bars - first)
        fit -= LEAST_FIT * max(0.0, LEAST_HEARD[part.role] - heard)
        fit -= THIN_COST * _thinness(row, LEAST_NOTES.get(part.role, 0.0))
        if part.role == MELODY:
            fit -= _dullness(row) + TUNE_BACK_COST * _newness(row)
    fit -= REST_COST * rested(rows, plan)
    upper = [rows[p.instrument] for p in plan.parts if p.role in (MELODY, HARMONY)]
    waits = sum(not any(row[bar].sounds for row in upper) for bar in range(plan.bars))
    if upper:
        fit -= WAIT_COST * max(0, waits - LONGEST_WAIT)
    exits = np.mean([_exits(row) for row in rows.values()])
    fit -= EXIT_COST * max(0.0, float(exits) - USUAL_EXITS)
    back = np.mean([bar.source >= 0 for row in rows.values() for bar in row])
    return fit - BACK_COST * max(0.0, LEAST_BACK - float(back)) / LEAST_BACK


def _exits(row: Sequence[BarPlan]) -> int:
    """How often a part falls silent for two bars or more."""
    silent = [bar.kind in (REST, HELD) for bar in row]
    return sum(not a and b and c for a, b, c in zip(silent, silent[1:], silent[2:], strict=False))


def _dullness(row: Sequence[BarPlan]) -> float:
    """What a tune costs that enters late, or goes on in one rhythm."""
    enters = next((k for k, bar in enumerate(row) if bar.sounds), len(row))
    alike = sum(bar.source == k - 1 >= 0 for k, bar in enumerate(row)) / len(row)
    late = max(0, enters - max(LONGEST_INTRO, len(row) // 8))
    return LATE_COST * late + ALIKE_COST * max(0.0, alike - MOST_ALIKE)


def _newness(row: Sequence[BarPlan]) -> float:
    """How far a tune falls short of ``LEAST_TUNE_BACK``, 0-1."""
    back = [bar.source >= 0 for bar in row if bar.kind not in (REST, HELD)]
    return max(0.0, LEAST_TUNE_BACK - float(np.mean(back))) / LEAST_TUNE_BACK if back else 0.0


def _thinness(row: Sequence[BarPlan], least: float) -> float:
    """By how much the logarithm of a part's notes a bar, where it plays, lies below ``least``'s."""
    counts = [bar.notes for bar in row if bar.notes > 0]
    return max(0.0, float(np.log(least / np.mean(counts)))) if counts and least else 0.0


def notes_per_bar(rows: Mapping[int, Sequence[BarPlan]]) -> float | None:
    """The mean number of notes that are planned for a bar, None where it is not known of all."""
    counts = [b.notes for row in rows.values() for b in row]
    if not counts or UNKNOWN_COUNT in counts or not any(counts):
        return None
    return sum(counts) / len(next(iter(rows.values())))
