"""Which earlier bar a part takes up where the chords are others than in the song it comes from.

Knows rows of bars, chords and sections of a Plan; does not know songs or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import HARMONY, MELODY, Plan
from cantilena.systems.note.recurrence import (
    EXACT,
    HELD,
    NEW,
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

PHRASE, BEGINNING = 4, 2  # bars of a phrase, and of its beginning, by which a tune is recognised
LEAST_BACK = 0.3
"""Share of a tune's bars that take up earlier ones from which on it is left alone. In the middle
song's arrangement a sixth of them do, as what a singer varies counts as new there; but of the turns
of three intervals in real leads two in five have come before, of composed ones without this one in
four (``lead_new_triples`` of ``cantilena evaluate realism``)."""

ALIKE = 0.25  # share by which bars of one rhythm may differ in their number of notes


def of_chords(rows: Rows, plan: Plan) -> Rows:
    """The rows where pitched parts take up bars of the same chords, as songs do whose chords come
    round: one that would come back on other chords, or that comes back in its rhythm alone, takes
    up a bar of that rhythm that has its chords, and where there is none only the rhythm."""
    chords: list[list[tuple[int, str]]] = [[] for _ in range(plan.bars)]
    for tick, chord in plan.chords:
        bar = min(int(np.searchsorted(plan.lines, tick, side="right")), plan.bars) - 1
        chords[bar].append((tick - int(plan.lines[bar]), chord.name()))
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


def remembered(rows: Rows, plan: Plan) -> Rows:
    """The rows with tunes that are remembered, where too few of their bars take up earlier ones: in
    a section that comes back its first phrase does, which begins as it was and goes on varied, and
    the second phrase of others begins in the rhythm of the first."""
    out = dict(rows)
    for part in plan.parts:
        row = rows[part.instrument]
        if part.role != MELODY or sum(b.source >= 0 for b in row) >= LEAST_BACK * len(row):
            continue
        new = out[part.instrument] = list(row)
        firsts: dict[str, int] = {}
        for section in plan.sections:
            first = firsts.setdefault(section.letter, section.start)
            again = first < section.start
            sources = range(first, first + (PHRASE if again else BEGINNING))
            start = section.start if again else section.start + PHRASE
            for bar, source in zip(range(start, section.stop), sources, strict=False):
                if row[bar].kind == NEW and new[source].kind not in (REST, HELD):
                    kind = EXACT if bar < start + BEGINNING else VARIED
                    new[bar] = BarPlan(kind if again else RHYTHM, source)
    return out


def steady(rows: Rows, plan: Plan) -> Rows:
    """The rows where chords keep the rhythm of two bars before as long as they have as many notes,
    and tunes and who plays alone do so in the second half of a phrase: in songs two of three onsets
    of chords and more than a half of a lead's stood there two bars before (``harmony_rhythm_2`` and
    ``lead_rhythm_2`` of ``cantilena evaluate realism``), also where nothing comes back exactly
    enough to be called a return."""
    out = dict(rows)
    starts = [section.start for section in plan.sections] or [0]
    for part in plan.parts:
        if part.role not in (MELODY, HARMONY):
            continue
        new = out[part.instrument] = list(rows[part.instrument])
        for bar in range(starts[0] + 2, plan.bars):
            place = (bar - max(start for start in starts if start <= bar)) % PHRASE
            goes_with = part.role == HARMONY and len(plan.parts) > 1
            due = goes_with or place >= PHRASE // 2
            if due and corresponds(bar, bar - 2, plan):
                new[bar] = _as_before(new[bar], new[bar - 2], bar - 2)
    return out


def _as_before(bar: BarPlan, before: BarPlan, source: int) -> BarPlan:
    """A bar in the rhythm of another one, if it is new and about as full."""
    alike = abs(bar.notes - before.notes) <= ALIKE * max(bar.notes, before.notes)
    sings = before.kind not in (REST, HELD) and bar.notes > 0
    return replace(bar, kind=RHYTHM, source=source) if bar.kind == NEW and sings and alike else bar


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
