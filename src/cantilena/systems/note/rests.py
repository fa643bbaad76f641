"""How long a tune may rest: when it comes in, and for how many bars nobody plays it.

Knows rows of bars and Plans; does not know songs, texts or models.
"""

from __future__ import annotations

import numpy as np

from cantilena.systems.note.plan import MELODY, Plan
from cantilena.systems.note.recurrence import HELD, NEW, REST, RHYTHM, BarPlan
from cantilena.systems.note.returns import corresponds
from cantilena.systems.note.shaping import Rows
from cantilena.tokens.note.outline import UNKNOWN_COUNT

IN_BY = 2
"""Bars that may pass before the tune comes in: in half of real songs none or one does (``entry`` of
the same count as ``LONGEST_REST``)."""
LONGEST_REST = ((4, 3), (8, 7), (99, 8))
"""Bars for which the tune rests at most, in an ensemble of up to so many parts: nine of ten of 800
held-out songs' leads rest no longer between their first note and their last in 32 bars
(``lead_longest_rest`` of ``analysis.features``, without the bars before and after)."""
SHARE_OF_REST = 8
"""A shorter piece rests for an eighth of its bars at most: in 16 bars nine of ten leads rest for
two, in ensembles of any size."""
PHRASE = 4  # bars after which what takes the place of a rest comes back


def longest_rest(parts: int, bars: int) -> int:
    """Bars at most for which the tune of so many ``parts`` may rest in a piece of ``bars`` bars."""
    most = next(longest for size, longest in LONGEST_REST if parts <= size)
    return max(1, min(most, bars // SHARE_OF_REST))


def rested(rows: Rows, plan: Plan, first: int = 0) -> int:
    """Bars from ``first`` on in which the tune rests longer than it may."""
    return sum(stop - start for start, stop in _over(_tunes(rows, plan), plan, first))


def sung(rows: Rows, plan: Plan, first: int = 0) -> Rows:
    """The rows with a tune that is in for good ``IN_BY`` bars behind ``first`` and rests no longer
    than it may from there on: who has most of it goes on with new bars of its usual number of
    notes, which come back in their rhythm after a phrase."""
    tunes = _tunes(rows, plan)
    if not tunes:
        return rows
    out = {i: list(row) for i, row in rows.items()}
    singer = max(tunes, key=lambda i: sum(map(_sings, rows[i])))
    counts = [bar.notes for bar in rows[singer] if bar.notes > 0]
    usual = round(float(np.median(counts))) if counts else UNKNOWN_COUNT
    for start, stop in _over(tunes, plan, first):
        for bar in range(start, stop):
            again = bar - PHRASE >= start and corresponds(bar, bar - PHRASE, plan)
            out[singer][bar] = BarPlan(RHYTHM, bar - PHRASE) if again else BarPlan(NEW, notes=usual)
    return out


def _tunes(rows: Rows, plan: Plan) -> Rows:
    return {p.instrument: rows[p.instrument] for p in plan.parts if p.role == MELODY}


def _sings(bar: BarPlan) -> bool:
    return bar.kind not in (REST, HELD)


def _over(tunes: Rows, plan: Plan, first: int) -> list[tuple[int, int]]:
    """The bars (first, behind the last) of each rest that are too many: its last ones."""
    if not tunes:
        return []
    allowed = longest_rest(len(plan.parts), plan.bars)
    out, start = [], first
    for bar in range(first, plan.bars + 1):
        if bar < plan.bars and not any(_sings(row[bar]) for row in tunes.values()):
            continue
        enters = first + IN_BY
        due = enters if start < enters else start + allowed
        if due < bar:
            out.append((due, bar))
        start = bar + 1
    return out
