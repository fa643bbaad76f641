"""What each part is to do all along: figures, articulation, register, as asked or as dances have.

Knows Briefs and planned parts; does not know how a figure is kept to (``constraints.figures``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cantilena.score import gm
from cantilena.systems.note.constraints.figures import (
    BACKBEAT,
    BOSSA,
    FIGURES,
    FOUR_ON_THE_FLOOR,
    ONE_DROP,
    SAMBA,
    Figure,
)
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
DRUM_IDIOMS: dict[str, tuple[Figure, ...]] = {
    **dict.fromkeys(("rock", "pop", "punk", "metal", "funk", "soul", "rnb", "country"), BACKBEAT),
    **dict.fromkeys(("blues", "hip hop", "lofi"), BACKBEAT),
    **dict.fromkeys(("disco", "house", "techno", "trance", "dance"), FOUR_ON_THE_FLOOR),
    "reggae": ONE_DROP,
    "bossa nova": BOSSA,
    "samba": SAMBA,
}
"""What drums of a genre do in four beats, where no other figure is asked of them. Of the bars of
drummers of the Groove MIDI Dataset the snare is on two and four in 79 and 77 % (blues), 78 and 63 %
(hip hop), 80 and 78 % (soul), 80 and 77 % (country), 73 and 61 % (funk); the kick of bossa nova on
its four places in 76, 45, 69 and 53 %; of samba on the beats in 85-98 %, the hi-hat between them in
81-89 %; of reggae on three in 67 %, and snare or stick there in 42 %. All else is as any listener
knows it."""
BASS_IDIOMS = {"jazz": (FIGURES["walking bass"],)}
"""The same of basses."""
BAND_IDIOM = BACKBEAT
"""The same of drums with a bass where no genre is named: in real bands two of three hits of the
snare stand on even beats (``cantilena evaluate realism``)."""
CHORDS_HELD = {"accompaniment": 1.0, "background": 2.0}
"""How long the chords are at least, in quarters, of parts that are asked to accompany or to stay in
the background and of which nothing else is said."""
REGISTER = {"low": (0.0, 0.5), "middle": (0.25, 0.75), "high": (0.5, 1.0)}
"""From which to which share of a part's range a register goes."""
CHORDS_ABOVE = 3
"""Semitones above the middle of a tune's range that chords may go: leads of songs lie 4 semitones
above the highest note that begins with theirs (``cantilena evaluate realism``), and tunes cling to
the low end of theirs, so that with eight a flute was heard in the midst of the piano."""
LEAD_ABOVE = 7
"""Semitones above the lowest note of a part that is asked to lead that others may go: about a third
of its compass."""
LEAD_RAISED, LEAD_OVER, LEAD_COMPASS = 4, 2, 17
"""Semitones by which the low end of a part that is asked to lead is raised; that it lies above the
middle of others at least; and that it has then (see ``COMPASS``)."""
LEAST_LINE = 4
"""Notes a bar that who goes with a part that is asked to lead may have."""
LEAD_HEARD, LEAD_NOTES, BREATH = 0.65, 3, 4
"""Share of the bars in which who is asked to lead plays at least, notes of a new bar that it has
there, and of how many bars it may rest in the last."""
BASS_BELOW = 12
"""Semitones above the lowest note of a part that is asked to play the bass from which others go."""
LEAST_RANGE = 10  # semitones that are left of a range
COMPASS = {MELODY: 22, BASS: 18}
"""Semitones between a tune's lowest and highest note at most, and a bass's: of real songs' leads
nine tenths of the notes lie within 15, of basses within 12 (``cantilena evaluate realism``)."""
COMPASS_AT = {MELODY: (0.65, 1.0), BASS: (0.0, 0.15)}
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
        out |= {p.instrument: idiom for p in plan.parts if p.role == DRUM}
    walk = next((BASS_IDIOMS[g] for g in brief.genres if g in BASS_IDIOMS), None)
    if walk and plan.bar_ticks == 4 * plan.beat_ticks:
        out |= {p.instrument: walk for p in plan.parts if p.role == BASS}
    idioms = (*(idiom or ()), *(walk or ()))
    out |= {i: (figure,) for i, figure in _accompanying(brief, plan).items() if i not in out}
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


def _accompanying(brief: Brief, plan: Plan) -> dict[int, Figure]:
    """Chords that are held, of parts that play chords and are asked to: those of whom a figure, an
    articulation or another role is said do what that says."""
    others = {w.part for w in (*brief.figures, *brief.articulations)}
    others |= {w.part for w in brief.roles if w.value not in CHORDS_HELD}
    out: dict[int, Figure] = {}
    for wish in brief.roles:
        if wish.value in CHORDS_HELD and wish.part and wish.part not in others:
            for part in _meant(wish.part, wish.value, plan.parts):
                if part.role == HARMONY:
                    chord = (min(2, part.voices), 9)
                    out[part.instrument] = Figure(chord=chord, shortest=CHORDS_HELD[wish.value])
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


def leading(rows: Rows, parts: Sequence[PartPlan], brief: Brief) -> Rows:
    """The rows where a part that is asked to lead, and would be heard in few bars, rests only
    between phrases of four bars and in the first of them."""
    out = {i: list(row) for i, row in rows.items()}
    for part in parts:
        row = out[part.instrument]
        few = sum(bar.sounds for bar in row) < LEAD_HEARD * len(row)
        if part.role == MELODY and few and _is_asked(part, "lead", brief):
            for k in range(BREATH, len(row)):
                if not row[k].sounds and k % BREATH != BREATH - 1:
                    row[k] = BarPlan()
    return out


def led(rows: Rows, parts: Sequence[PartPlan], brief: Brief) -> Rows:
    """The rows where a part is asked to lead with notes enough for a line, and with others of one
    voice that have no more in a bar than it has in the mean: whoever has most of the notes is heard
    as the tune."""
    leads = [p.instrument for p in parts if p.role == MELODY and _is_asked(p, "lead", brief)]
    out = rows | {
        i: [replace(b, notes=max(b.notes, LEAD_NOTES) if b.notes > 0 else b.notes) for b in rows[i]]
        for i in leads
    }
    counts = [bar.notes for i in leads for bar in out[i] if bar.notes > 0]
    if not counts:
        return rows
    most = max(LEAST_LINE, round(float(np.mean(counts))))
    lines = [p.instrument for p in parts if p.role == HARMONY and p.voices == 1]
    return out | {i: [replace(b, notes=min(b.notes, most)) for b in out[i]] for i in lines}


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
            middle = sum(gm.playable(part.instrument)) // 2
            if wish.value == "high":
                low = max(low, min(middle, high - LEAST_RANGE))
            elif wish.value == "low":
                high = min(high, max(middle, low + LEAST_RANGE))
            if high - low < LEAST_RANGE:
                low = max(part.low, min(low, part.high - LEAST_RANGE))
                high = min(part.high, low + LEAST_RANGE)
            out[k] = replace(part, low=low, high=high)
    parts = _over_the_bass(_under_the_lead(tuple(out), brief), brief)
    return _on_top(parts, brief)


def _is_asked(part: PartPlan, role: str, brief: Brief) -> bool:
    """Whether a part is asked by its name to play a role."""
    return any(w.value == role and w.part and named(part, (w.part,)) for w in brief.roles)


def _on_top(parts: tuple[PartPlan, ...], brief: Brief) -> tuple[PartPlan, ...]:
    """The parts with who is asked to lead, in no register of its own, above all that play chords
    (of whom some cannot go lower, and some are asked to play high), as far as it can go: in a
    smaller compass, since tunes cling to the low end of theirs."""
    own = tuple(w.part for w in brief.registers)
    others = [p for p in parts if p.role == HARMONY]
    out = []
    for part in parts:
        leads = part.role == MELODY and _is_asked(part, "lead", brief) and not named(part, own)
        if leads and others:
            highest = max((p.low + p.high) // 2 for p in others)
            top = gm.playable(part.instrument)[1]
            low = max(part.low + LEAD_RAISED, min(highest + LEAD_OVER, top - LEAD_COMPASS))
            low = min(low, top - LEAST_RANGE)
            part = replace(part, low=low, high=min(max(part.high, low + LEAD_COMPASS), top))
        out.append(part)
    return tuple(out)


def _under_the_lead(parts: tuple[PartPlan, ...], brief: Brief) -> tuple[PartPlan, ...]:
    """The parts with those that play chords not far above the middle of the tune's range, as far as
    theirs allows that, and about its low end where one is asked to lead: a tune is heard on top."""
    leads = [p for p in parts if p.role == MELODY]
    if not leads:
        return parts
    top = max((p.low + p.high) // 2 for p in leads) + CHORDS_ABOVE
    asked = [p for p in leads if _is_asked(p, "lead", brief)]
    if asked:
        top = max(p.low for p in asked) + LEAD_ABOVE
    high = {w.part for w in brief.registers if w.value == "high"}
    return tuple(
        replace(p, high=max(min(p.high, top), p.low + LEAST_RANGE))
        if p.role == HARMONY and not named(p, tuple(high))
        else p
        for p in parts
    )


def _over_the_bass(parts: tuple[PartPlan, ...], brief: Brief) -> tuple[PartPlan, ...]:
    """The parts with those that do not play the bass above its low end, as far as their ranges
    allow that, where one is asked to play it."""
    basses = [p for p in parts if p.role == BASS and _is_asked(p, "bass", brief)]
    if not basses:
        return parts
    bottom = min(p.low for p in basses) + BASS_BELOW
    return tuple(
        replace(p, low=min(max(p.low, bottom), p.high - LEAST_RANGE))
        if p.role in (MELODY, HARMONY) and p.low < bottom
        else p
        for p in parts
    )
