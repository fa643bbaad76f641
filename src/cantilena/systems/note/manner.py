"""What each part is to do all along: figures, articulation, register, as asked or as dances have.

Knows Briefs and planned parts; does not know how a figure is kept to (``constraints.figures``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

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
SHORT, HELD_FIGURES = ("staccato", "pizzicato"), ("pad", "drone")
"""A "staccato synth pad" is staccato: its name asks for no held notes then."""
REPEATED = frozenset({"riff", "ostinato"})
OOM_PAH = frozenset({"waltz", "polka", "march"})
"""Dances with the bass on the first beat and chords on those behind it."""
DRUM_IDIOMS = {
    **dict.fromkeys(("rock", "pop", "punk", "funk", "soul", "rnb", "country"), "backbeat"),
    **dict.fromkeys(("disco", "house", "techno", "trance", "dance"), "four on the floor"),
}
"""What drums of a genre do in four beats, as any listener knows it, where no other figure is asked
of them."""
BASS_IDIOMS = {"jazz": "walking bass"}
"""What basses of a genre do in four beats, where no other figure is asked of them."""
BAND_IDIOM = "backbeat"
"""The same of drums with a bass where no genre is named: in real bands two of three hits of the
snare stand on even beats (``cantilena evaluate realism``)."""
REGISTER = {"low": (0.0, 0.5), "middle": (0.25, 0.75), "high": (0.5, 1.0)}
"""From which to which share of a part's range a register goes."""
LEAD_ABOVE = 2
"""Semitones above the middle of the leading part's range that others may go."""
LEAST_RANGE = 10  # semitones that are left of a range
COMPASS = {MELODY: 22, BASS: 18}
"""Semitones between a tune's lowest and highest note at most, and a bass's: of real songs' leads
nine tenths of the notes lie within 15, of basses within 12 (``cantilena evaluate realism``)."""
COMPASS_AT = {MELODY: (0.5, 1.0), BASS: (0.0, 0.4)}
"""Where in what is left of its range a compass may lie, from its low end to its high one."""


def figures_of(brief: Brief, plan: Plan) -> dict[int, tuple[Figure, ...]]:
    """The figures of each instrument that has any."""
    out: dict[int, tuple[Figure, ...]] = {}
    if OOM_PAH & set(brief.genres) or any(w.value == "oom-pah" for w in brief.figures):
        beats = plan.bar_ticks // plan.beat_ticks
        oom = Figure(every=3 if beats == 3 else 2, chord=(1, 1))
        if beats >= 2 and any(p.role == BASS for p in plan.parts):
            out |= {p.instrument: (oom,) for p in plan.parts if p.role == BASS}
            for part in plan.parts:
                if part.role == HARMONY:
                    chord = (min(2, part.voices), 9)
                    pah = Figure(every=1 if beats == 3 else 2, first=1, chord=chord)
                    out[part.instrument] = (pah,)
    idiom = next((DRUM_IDIOMS[g] for g in brief.genres if g in DRUM_IDIOMS), None)
    if not brief.genres and any(p.role == BASS for p in plan.parts):
        idiom = BAND_IDIOM
    if idiom and plan.bar_ticks == 4 * plan.beat_ticks:
        out |= {p.instrument: (FIGURES[idiom],) for p in plan.parts if p.role == DRUM}
    walk = next((BASS_IDIOMS[g] for g in brief.genres if g in BASS_IDIOMS), None)
    if walk and plan.bar_ticks == 4 * plan.beat_ticks:
        out |= {p.instrument: (FIGURES[walk],) for p in plan.parts if p.role == BASS}
    idioms = [FIGURES[name] for name in (idiom, walk) if name]
    short = {w.part for w in brief.articulations if w.value in SHORT}
    for wish in (*brief.figures, *brief.articulations):
        figure = FIGURES.get(wish.value)
        if figure is None or (wish.value in HELD_FIGURES and wish.part in short):
            continue
        for part in _meant(wish.part, wish.value, plan.parts):
            if figure.chord[0] <= part.voices and (figure.drum < 0 or part.role == DRUM):
                before = out.get(part.instrument, ())
                if part.role in (DRUM, BASS):
                    before = tuple(one for one in before if one not in idioms)
                out[part.instrument] = (*before, figure)
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


def with_compass(
    parts: Sequence[PartPlan], brief: Brief, rng: np.random.Generator
) -> tuple[PartPlan, ...]:
    """The parts with tunes and basses that stay within a compass somewhere in their range: those of
    a register of their own in all of it."""
    asked = tuple(w.part for w in brief.registers)
    out = []
    for part in parts:
        spare = part.high - part.low - COMPASS.get(part.role, part.high)
        if spare > 0 and len(parts) > 1 and not named(part, asked):
            first, last = COMPASS_AT[part.role]
            low = part.low + round((first + (last - first) * rng.random()) * spare)
            part = replace(part, low=low, high=low + COMPASS[part.role])
        out.append(part)
    return tuple(out)


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
    return _under_the_lead(tuple(out), brief)


def _under_the_lead(parts: tuple[PartPlan, ...], brief: Brief) -> tuple[PartPlan, ...]:
    """The parts with those that play chords not above the range of the tune, as far as theirs
    allows that, and below its middle where one is asked to lead: a tune is heard on top."""
    leads = [p for p in parts if p.role == MELODY]
    if not leads:
        return parts
    top = max(p.high for p in leads)
    wishes = [w for w in brief.roles if w.value == "lead" and w.part]
    asked = [p for p in leads if any(named(p, (w.part,)) for w in wishes)]
    if asked:
        top = max((p.low + p.high) // 2 for p in asked) + LEAD_ABOVE
    high = {w.part for w in brief.registers if w.value == "high"}
    return tuple(
        replace(p, high=max(min(p.high, top), p.low + LEAST_RANGE))
        if p.role == HARMONY and not named(p, tuple(high))
        else p
        for p in parts
    )
