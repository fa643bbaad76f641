"""What each part is to do all along: figures, articulation, register, as asked or as dances have.

Knows Briefs and planned parts; does not know how a figure is kept to (``constraints.figures``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cantilena.systems.note.constraints.figures import FIGURES, Figure
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.recurrence import EXACT, BarPlan
from cantilena.systems.note.shaping import Rows, named
from cantilena.text.wishes import Brief

USUAL_ROLES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("walking bass", "boogie bass"), (BASS,)),
    **dict.fromkeys(("four on the floor", "backbeat"), (DRUM,)),
    **dict.fromkeys(("staccato", "legato", "sustained", "plucked"), (MELODY, HARMONY)),
}
"""Who a figure is for where nobody is named; of others, whoever plays chords."""
REPEATED = frozenset({"riff", "ostinato"})
OOM_PAH = frozenset({"waltz", "polka", "march"})
"""Dances with the bass on the first beat and chords on those behind it."""
REGISTER = {"low": (0.0, 0.5), "middle": (0.25, 0.75), "high": (0.5, 1.0)}
"""From which to which share of a part's range a register goes."""
LEAST_RANGE = 10  # semitones that are left of a range


def figures_of(brief: Brief, plan: Plan) -> dict[int, tuple[Figure, ...]]:
    """The figures of each instrument that has any."""
    out: dict[int, tuple[Figure, ...]] = {}
    if OOM_PAH & set(brief.genres) or any(w.value == "oom-pah" for w in brief.figures):
        beats = plan.bar_ticks // plan.beat_ticks
        oom = Figure(every=3 if beats == 3 else 2, chord=(1, 1))
        pah = Figure(every=1 if beats == 3 else 2, first=1, chord=(2, 9))
        if beats >= 2 and any(p.role == BASS for p in plan.parts):
            out |= {p.instrument: (oom,) for p in plan.parts if p.role == BASS}
            out |= {p.instrument: (pah,) for p in plan.parts if p.role == HARMONY and p.voices > 1}
    for wish in (*brief.figures, *brief.articulations):
        figure = FIGURES.get(wish.value)
        if figure is None:
            continue
        for part in _meant(wish.part, wish.value, plan.parts):
            if figure.chord[0] <= part.voices and (figure.drum < 0 or part.role == DRUM):
                out[part.instrument] = (*out.get(part.instrument, ()), figure)
    return out


def _meant(name: str, value: str, parts: Sequence[PartPlan]) -> list[PartPlan]:
    """The parts that a figure is for."""
    if name:
        return [part for part in parts if named(part, (name,))]
    roles = USUAL_ROLES.get(value, (HARMONY,))
    return [part for part in parts if part.role in roles]


def with_riffs(rows: Rows, brief: Brief, plan: Plan) -> Rows:
    """The rows where parts with a riff or an ostinato play their section's first two bars again and
    again."""
    out = {i: list(row) for i, row in rows.items()}
    for wish in brief.figures:
        for part in _meant(wish.part, wish.value, plan.parts) if wish.value in REPEATED else ():
            row = out[part.instrument]
            for section in plan.sections:
                for bar in range(section.start + 2, section.stop):
                    if row[bar].sounds and row[bar - 2].sounds:
                        row[bar] = BarPlan(EXACT, bar - 2)
    return out


def in_registers(parts: Sequence[PartPlan], brief: Brief) -> tuple[PartPlan, ...]:
    """The parts with the share of their range that is asked for."""
    out = list(parts)
    for wish in brief.registers:
        low_share, high_share = REGISTER[wish.value]
        for k, part in enumerate(out):
            whole = not wish.part and part.role in (MELODY, HARMONY)
            if part.role == DRUM or not (whole or named(part, (wish.part,))):
                continue
            span = part.high - part.low
            low, high = part.low + round(low_share * span), part.low + round(high_share * span)
            if high - low < LEAST_RANGE:
                low = max(part.low, min(low, part.high - LEAST_RANGE))
                high = min(part.high, low + LEAST_RANGE)
            out[k] = replace(part, low=low, high=high)
    return tuple(out)
