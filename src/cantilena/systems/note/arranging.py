"""The arrangement of a piece: for every part and bar whether it plays, and which bar it takes up.

Knows planned parts and chords, and the arrangements counted on the training songs; does not know
models or how notes are chosen. What a bar of a part may be is in ``systems.note.recurrence``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.borrowing import (
    assigned,
    bar_length,
    first_kept,
    within_reach,
)
from cantilena.systems.note.casting import STRUCK
from cantilena.systems.note.manner import leading, led, with_riffs
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan, Progression
from cantilena.systems.note.recurrence import (
    EXACT,
    FILL,
    HELD,
    NEW,
    REST,
    VARIED,
    BarPlan,
    scaled,
)
from cantilena.systems.note.rests import sung
from cantilena.systems.note.returns import chord_numbers, corresponds, of_chords, on_same_chords
from cantilena.systems.note.sections import SECTION
from cantilena.systems.note.shaping import (
    Rows,
    bars_before_tune,
    fuller,
    shaped,
    silent_at_the_end,
    thickened,
    with_scenes,
)
from cantilena.systems.note.spans import span_of
from cantilena.systems.note.suiting import (
    GENRE_FIT,
    LEAST_FIT,
    LEAST_HEARD,
    METRE_FIT,
    SLOW_MOODS,
    notes_per_bar,
    suits,
)
from cantilena.text.wishes import Brief, Change
from cantilena.tokens.note.outline import UNKNOWN_COUNT

STARTS = (0, 0, 0, 8, 16)
"""Bars of a song at which an arrangement may begin, drawn from: mostly the song's own beginning."""
LATER_STARTS = (8, 16, 24, 32)
"""The same where the piece has begun already."""
LAST_HEARD = 16
"""Bars with notes before the new ones over which a part's density is measured."""
DRAWS = 60
"""Songs and beginnings that are compared before one is taken."""
LATEST_ENTRY = 12
"""Bars after which everybody has come in, or a quarter of a shorter piece."""
OTHER_PARTS, ENOUGH = 2, 20
"""Parts more or less of the songs that are compared, and of how many such songs one is taken
whatever others there are: who plays in a song of one part plays all the time."""
RETURN_FIT = 2.0
"""What it gains where all bars that come back in their pitches have the chords of those that they
take up: else only their rhythm comes back."""
CHANCE = 1.0  # up to which noise is added to a fit, so that seeds differ
INTRO_FROM, INTRO_PARTS = 24, 4  # bars and parts of the least piece that has an intro
INTRO_LONG = 8  # bars of a long intro; others have half as many
P_INTRO, P_LONG_INTRO, P_IN_INTRO, P_LATER, P_LATER_STILL, P_OUT = 0.55, 0.4, 0.65, 0.7, 0.4, 0.9
"""Shares of pieces that begin with an intro without the tune; of intros of eight bars and not four;
of the other parts that play in one; of the further parts with chords that join after eight bars; of
these, in pieces of more parts, that do so after sixteen; and that rest in a section. So parts come
in about as in real songs, in the mean after 15 % of 32 bars, and everybody plays in a fourth of the
bars, in songs in a sixth (``cantilena evaluate realism``)."""
HEARD_ENOUGH = 0.45  # share of the bars in which a part that joins later or rests plays at least
P_HALF = 0.4  # share of such rests that are the second half of a section
P_FILL = 0.8  # share of sections whose last bar has a drummer's fill
WRITTEN = {MELODY: 0.77, HARMONY: 0.85, BASS: 0.73, DRUM: 1.13}
"""Notes that are written of those that are planned for a part, by its role (80 pieces for training
songs' wishes)."""
UNUSUAL_DENSITY = 0.35
"""By how much the logarithm of an arrangement's notes a bar may lie apart from what is drawn for
the piece, where no density is asked for: a nocturne was now and then all of sixteenths."""
LEAST_SCALE = 0.25
"""By how much numbers of notes are multiplied at least, and by its inverse at most, to come to a
density that is asked for: a part is not to fall silent for it."""
PHRASE = 4  # bars that a part plays again and again until it would come in
SHORTEST = 8  # bars: a shorter piece has no arrangement, all play all along


def arrange(
    plan: Plan,
    brief: Brief,
    arrangements: Sequence[dict],
    rng: np.random.Generator,
    past: Rows | None = None,
    progressions: Sequence[Progression] = (),
) -> Plan:
    """A Plan (its sections are set) with what its parts do in every bar, from an arrangement of
    training songs that suits them, and the form that the Brief asks for; of some ``progressions``,
    if there are any, it has the one on which most of what comes back can. In the last bar everybody
    plays whom the form does not have rest, in every bar somebody. ``past``: of music that is gone
    on from, the parts' first bars; then the later bars of songs are taken, which may take up
    those."""
    if not arrangements or (plan.bars < SHORTEST and past is None):
        return plan
    rows, chords = _drawn(plan, brief, arrangements, rng, past, progressions or (plan.chords,))
    plan = replace(plan, chords=chords)
    rows = leading(rows, plan.parts, brief)
    rows = _with_chords(rows, plan) if plan.asked_chords else rows
    if past is not None:
        rows = sung(_as_dense(rows, past), plan, len(next(iter(past.values()))))
    elif not brief.form:
        # songs' returns are of eights, and the rounds of a progression may be of twelve
        if plan.sections and plan.sections[0].bars % SECTION:
            rows = shaped(rows, plan.parts, plan.sections, rng)
        rows = _with_intro(rows, plan, rng)
    if brief.form:
        rows = sung(rows, plan, bars_before_tune(plan.parts, plan.sections))
        rows = shaped(rows, plan.parts, plan.sections, rng)
        rows = with_scenes(rows, plan.parts, brief.form)
    rows = with_riffs(rows, brief, plan)
    for change in brief.changes:
        rows = thickened(rows, plan.parts, change, _span(change, plan, past))
    silent = silent_at_the_end(plan.parts, plan.sections, brief.form)
    rows = _with_fills(of_chords(_filled(rows, plan, silent), plan), plan, rng)
    # what goes on is as dense as what it goes on from
    density = plan.density if brief.density or past is None else None
    rows = fuller(_counted(rows, rng), plan.sections)
    rows = _of_density(rows, density, 0.0 if brief.density else UNUSUAL_DENSITY)
    rows = _as_written(rows, plan.parts)
    slow = bool(SLOW_MOODS & set(brief.moods)) and brief.density != "dense"
    rows = led(within_reach(rows, plan.parts, plan.metre, slow), plan.parts, brief)
    if past is not None:
        rows = {i: past[i] + row[len(past[i]) :] for i, row in rows.items()}
    return replace(plan, parts=_with_bars(plan.parts, rows))


def _with_bars(parts: Sequence[PartPlan], rows: Rows) -> tuple[PartPlan, ...]:
    return tuple(replace(part, bars=tuple(rows[part.instrument])) for part in parts)


def _drawn(
    plan: Plan,
    brief: Brief,
    arrangements: Sequence[dict],
    rng: np.random.Generator,
    past: Rows | None,
    progressions: Sequence[Progression],
) -> tuple[Rows, Progression]:
    """The rows of the song that suits best, behind the ``past``, and the chords that suit them."""
    n = 0 if past is None else len(next(iter(past.values())))
    starts = STARTS if past is None else LATER_STARTS
    new = replace(plan, bars=plan.bars - n)
    pool = _of_such_ensembles(arrangements, plan.parts)
    chords = [chord_numbers(plan, progression) for progression in progressions]
    best: tuple[float, Rows, Progression] = (-np.inf, {}, progressions[0])
    for _ in range(DRAWS):
        song = pool[int(rng.integers(len(pool)))]
        start = starts[int(rng.integers(len(starts)))] or first_kept([p[2] for p in song["parts"]])
        scale = bar_length(plan.metre) / bar_length(song.get("metre", plan.metre))
        rows, cost = assigned(plan.parts, song["parts"], start, new.bars, scale, rng, n)
        alone = {i: [_without(bar, n) for bar in row] for i, row in rows.items()} if n else rows
        fit = suits(alone, new, song, brief) - cost + CHANCE * rng.random()
        rows = rows if past is None else {i: past[i] + row for i, row in rows.items()}
        shares = on_same_chords(rows, chords)
        share = max(shares)
        if fit + RETURN_FIT * share > best[0]:
            best = (fit + RETURN_FIT * share, rows, progressions[shares.index(share)])
    return best[1:]


def _of_such_ensembles(arrangements: Sequence[dict], parts: Sequence[PartPlan]) -> Sequence[dict]:
    """The arrangements for about as many parts, with drums or without as these; all where there are
    few."""
    drums = any(part.role == DRUM for part in parts)
    alike = [
        song
        for song in arrangements
        if abs(len(song["parts"]) - len(parts)) <= OTHER_PARTS
        and any(part[0] == DRUM for part in song["parts"]) == drums
    ]
    return alike if len(alike) >= ENOUGH else arrangements


def _without(bar: BarPlan, past: int) -> BarPlan:
    """A bar as if the first bars of the piece were not there."""
    return replace(bar, source=max(bar.source - past, -1))


def _as_dense(rows: Rows, past: Rows) -> Rows:
    """The rows with new bars that have as many notes in the mean as the part's last ones had."""
    out: Rows = {}
    for instrument, row in rows.items():
        n = len(past[instrument])
        before = [b.notes for b in past[instrument] if b.notes > 0][-LAST_HEARD:]
        new = [b.notes for b in row[n:] if b.notes > 0]
        scale = float(np.mean(before) / np.mean(new)) if before and new else 1.0
        scale = min(max(scale, LEAST_SCALE), 1 / LEAST_SCALE)
        out[instrument] = row[:n] + [replace(b, notes=scaled(b.notes, scale)) for b in row[n:]]
    return out


def _span(change: Change, plan: Plan, past: Rows | None) -> tuple[int, int]:
    """The bars in which a change takes place; of music that goes on, of its new ones."""
    if past is None:
        return span_of(change, plan)
    n = len(next(iter(past.values())))
    sections = tuple(replace(section, start=section.start - n) for section in plan.sections)
    start, stop = span_of(change, replace(plan, bars=plan.bars - n, sections=sections))
    return start + n, stop + n


def arrange_form(plan: Plan, brief: Brief, rng: np.random.Generator) -> tuple[PartPlan, ...]:
    """The parts of a Plan that goes on from other music, whose sections are those of its new bars:
    all play all along, but for what the form asks for; as they are where it asks for none."""
    if not plan.sections:
        return plan.parts
    rows: Rows = {part.instrument: [BarPlan()] * plan.bars for part in plan.parts}
    rows = shaped(rows, plan.parts, plan.sections, rng)
    silent = silent_at_the_end(plan.parts, plan.sections, brief.form)
    return _with_bars(plan.parts, of_chords(_filled(rows, plan, silent), plan))


def arrange_alone(
    part: PartPlan,
    bars: int,
    metre: Sequence[int],
    usual: float,
    genres: Collection[str],
    arrangements: Sequence[dict],
    rng: np.random.Generator,
) -> list[BarPlan]:
    """The ``bars`` of a part that joins a piece, as a part of its role plays in a training song,
    with ``usual`` notes in a bar in which it plays."""
    best: tuple[float, list[BarPlan]] = (-np.inf, [BarPlan()] * bars)
    for _ in range(DRAWS if arrangements else 0):
        song = arrangements[int(rng.integers(len(arrangements)))]
        start = STARTS[int(rng.integers(len(STARTS)))]
        rows, cost = assigned((part,), song["parts"], start, bars, 1.0, rng)
        row = rows[part.instrument]
        heard = sum(bar.sounds for bar in row) / bars
        fit = GENRE_FIT if set(song["genres"]) & set(genres) else 0.0
        fit -= cost + METRE_FIT * (song["metre"][0] != metre[0])
        fit -= LEAST_FIT * max(0.0, LEAST_HEARD[part.role] - heard)
        fit += CHANCE * rng.random()
        if fit > best[0]:
            best = (fit, row)
    row = [
        BarPlan() if b.source >= 0 and best[1][b.source].kind in (REST, HELD) else b
        for b in best[1]
    ]
    if all(bar.kind in (REST, HELD) for bar in row):
        row = [BarPlan()] * bars
    row = _counted({part.instrument: row}, rng)[part.instrument]
    counts = [bar.notes for bar in row if bar.notes > 0]
    scale = usual / float(np.mean(counts)) if counts else 1.0
    row = [
        replace(b, notes=scaled(b.notes, scale) if counts else max(round(usual), 1)) for b in row
    ]
    return within_reach({part.instrument: row}, (part,), metre)[part.instrument]


def _filled(rows: Rows, plan: Plan, silent_last: Collection[int] = ()) -> Rows:
    """The rows with somebody in every bar and everybody but ``silent_last`` (instruments) in the
    last one, and without references to bars in which the part is silent: the first that was to take
    up such a bar is new, and the others take up that one."""
    out = {i: list(row) for i, row in rows.items()}
    silent = (REST, HELD)
    fullest = max(out, key=lambda i: sum(bar.kind not in silent for bar in out[i]))
    for bar in range(plan.bars):
        if all(row[bar].kind in silent for row in out.values()):
            out[fullest][bar] = BarPlan()
    for instrument, row in out.items():
        if instrument not in silent_last:
            row[-1] = BarPlan()
        instead: dict[int, int] = {}  # of a bar that is silent: the one that was to take it up
        for bar, plan_of_bar in enumerate(row):
            source = plan_of_bar.source
            if source >= 0 and row[source].kind in silent:
                row[bar] = BarPlan()
                if source in instead and corresponds(bar, instead[source], plan):
                    row[bar] = replace(plan_of_bar, source=instead[source])
                instead.setdefault(source, bar)
    return out


def _with_intro(rows: Rows, plan: Plan, rng: np.random.Generator) -> Rows:
    """The rows with parts that wait through an intro, in most pieces that are long enough, and then
    some that first join when the music comes round again: pieces grow."""
    rows = _entered(rows, plan)
    if plan.bars < INTRO_FROM or len(plan.parts) < INTRO_PARTS:
        return sung(rows, plan)
    out = {i: list(row) for i, row in rows.items()}
    chords = [p.instrument for p in plan.parts if p.role == HARMONY and p.instrument not in STRUCK]
    first = chords[int(rng.integers(len(chords)))] if chords else -1
    intro = 0
    if rng.random() < P_INTRO:
        long = plan.bars >= 4 * INTRO_LONG and rng.random() < P_LONG_INTRO
        intro = INTRO_LONG if long else INTRO_LONG // 2
        for part in plan.parts:
            waits = part.role == MELODY or rng.random() >= P_IN_INTRO
            if waits and part.instrument != first:
                out[part.instrument][:intro] = [BarPlan(REST)] * intro
    rested: frozenset[int] = frozenset()
    for instrument in chords:
        if instrument == first:
            continue
        joins = _joins(plan, rng)
        if _heard(out[instrument][joins:]) >= HEARD_ENOUGH * plan.bars:
            out[instrument][:joins] = [BarPlan(REST)] * joins
        if joins <= INTRO_LONG and rng.random() < P_OUT:
            row, now = _without_a_section(out[instrument], plan, rested, rng)
            if _heard(row) >= HEARD_ENOUGH * plan.bars:
                out[instrument], rested = row, now
    for bar in range(intro if chords else 0):  # somebody has to play the intro
        if out[first][bar].kind in (REST, HELD):
            out[first][bar] = BarPlan()
    return sung(out, plan, intro)


def _heard(row: Sequence[BarPlan]) -> int:
    """In how many bars of a row the part plays."""
    return sum(bar.kind not in (REST, HELD) for bar in row)


def _joins(plan: Plan, rng: np.random.Generator) -> int:
    """The bar in which a further part with chords joins."""
    if rng.random() >= P_LATER:
        return 0
    twice = plan.bars >= 4 * INTRO_LONG and len(plan.parts) > INTRO_PARTS
    return 2 * INTRO_LONG if twice and rng.random() < P_LATER_STILL else INTRO_LONG


def _without_a_section(
    row: list[BarPlan], plan: Plan, rested: frozenset[int], rng: np.random.Generator
) -> tuple[list[BarPlan], frozenset[int]]:
    """The row of a part that rests in one of the sections between the first and the last, or in its
    second half, if possible in none in which (``rested``, first bars) another does, and those bars
    with its own."""
    inner = [s for s in plan.sections[1:-1] if s.start not in rested] or plan.sections[1:-1]
    if not inner:
        return row, rested
    out = inner[int(rng.integers(len(inner)))]
    start = out.stop - out.bars // 2 if rng.random() < P_HALF else out.start
    row = [BarPlan(REST) if start <= k < out.stop else bar for k, bar in enumerate(row)]
    return row, rested | {out.start}


def _entered(rows: Rows, plan: Plan) -> Rows:
    """The rows with everybody in after ``LATEST_ENTRY`` bars, or a quarter of a short piece: who
    would come later plays a phrase of four bars again and again till then."""
    latest = min(LATEST_ENTRY, plan.bars // 4)
    out: Rows = {}
    for instrument, row in rows.items():
        enters = next((k for k, bar in enumerate(row) if bar.kind not in (REST, HELD)), len(row))
        waits = range(latest, max(enters, latest))
        phrase = [BarPlan(EXACT, k - PHRASE) if k >= latest + PHRASE else BarPlan() for k in waits]
        out[instrument] = [*row[:latest], *phrase, *row[latest + len(phrase) :]]
    return out


def _with_chords(rows: Rows, plan: Plan) -> Rows:
    """The rows with somebody who plays chords in every bar, as chords that are asked for are to be
    heard in each: who plays them most."""
    names = [p.instrument for p in plan.parts if p.role == HARMONY and p.instrument not in STRUCK]
    if not names:
        return rows
    silent = (REST, HELD)
    fullest = max(names, key=lambda i: sum(bar.kind not in silent for bar in rows[i]))
    row = [
        BarPlan() if all(rows[i][bar].kind in silent for i in names) else rows[fullest][bar]
        for bar in range(plan.bars)
    ]
    return {**rows, fullest: row}


def _with_fills(rows: Rows, plan: Plan, rng: np.random.Generator) -> Rows:
    """The rows with fills at the ends of sections, where drums play that long. The bar behind one
    begins with a crash, which others that take it up are not to repeat: these do so loosely."""
    out = {i: list(row) for i, row in rows.items()}
    row = out.get(DRUMS, [])
    starts = {section.start for section in plan.sections[1:]}
    for bar, plan_of_bar in enumerate(row):
        if plan_of_bar.kind == EXACT and plan_of_bar.source in starts and bar not in starts:
            row[bar] = replace(plan_of_bar, kind=VARIED)
    for section in plan.sections[:-1]:
        last = section.stop - 1
        if row and section.bars >= 4 and rng.random() < P_FILL and row[last].sounds:
            row[last] = BarPlan(FILL)
    return out


def _as_written(rows: Rows, parts: Sequence[PartPlan]) -> Rows:
    """The rows with so many notes planned that those are written which they have."""
    return {
        p.instrument: [
            replace(b, notes=scaled(b.notes, 1 / WRITTEN[p.role])) for b in rows[p.instrument]
        ]
        for p in parts
    }


def _counted(rows: Rows, rng: np.random.Generator) -> Rows:
    """The rows with a number of notes for every bar: a new one that has none gets that of another
    new bar of the part, one that takes up another gets the other's. Where an arrangement knows no
    numbers they stay unknown."""
    out: Rows = {}
    for instrument, row in rows.items():
        usual = [b.notes for b in row if b.kind == NEW and b.notes > 0]
        usual = usual or [b.notes for b in row if b.notes > 0]
        counts: list[int] = []
        for bar in row:
            if not usual:
                counts.append(UNKNOWN_COUNT)
            elif bar.source >= 0:
                counts.append(counts[bar.source])
            elif bar.kind in (REST, HELD):
                counts.append(0)
            else:
                counts.append(bar.notes if bar.notes > 0 else int(rng.choice(usual)))
        out[instrument] = [replace(b, notes=n) for b, n in zip(row, counts, strict=True)]
    return out


def _of_density(rows: Rows, density: float | None, away: float) -> Rows:
    """The rows with numbers of notes whose mean, notes a bar, lies ``away`` from ``density`` at
    most, by its logarithm; as they are with None, or where some are unknown."""
    mean = notes_per_bar(rows)
    if density is None or mean is None:
        return rows
    goal = min(max(mean, density * np.exp(-away)), density * np.exp(away))
    scale = float(min(max(goal / mean, LEAST_SCALE), 1 / LEAST_SCALE))
    return {i: [replace(b, notes=scaled(b.notes, scale)) for b in row] for i, row in rows.items()}
