"""The arrangement of a piece: for every part and bar whether it plays, and which bar it takes up.

Knows planned parts and chords, and the arrangements counted on the training songs; does not know
models or how notes are chosen. What a bar of a part may be is in ``systems.note.recurrence``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cantilena.score import DRUMS, gm
from cantilena.systems.note.manner import leading, led, with_riffs
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.recurrence import (
    EXACT,
    FILL,
    HELD,
    NEW,
    REST,
    VARIED,
    BarPlan,
    bar_plan,
    read_counts,
)
from cantilena.systems.note.returns import corresponds, of_chords
from cantilena.systems.note.sections import SECTION
from cantilena.systems.note.shaping import (
    Rows,
    shaped,
    silent_at_the_end,
    thickened,
    with_scenes,
)
from cantilena.systems.note.spans import span_of
from cantilena.text.wishes import Brief
from cantilena.tokens.note.outline import UNKNOWN_COUNT

STARTS = (0, 0, 0, 8, 16)
"""Bars of a song at which an arrangement may begin, drawn from: mostly the song's own beginning."""
DRAWS = 30
"""Songs and beginnings that are compared before one is taken."""
LEAST_HEARD = {MELODY: 0.6, HARMONY: 0.35, BASS: 0.6, DRUM: 0.7}
"""Share of the bars in which a part is to play at least, by role; ``LONGEST_ENTRIES`` bars at the
beginning, or a quarter, do not count: parts may come in one by one."""
LONGEST_ENTRIES = 8
GENRE_FIT, LEAST_FIT = 1.5, 5.0
"""What a song of an asked genre gains, and what a part that is heard too little costs."""
USUAL_DENSITY, DENSITY_FIT = 0.3, 1.5
"""By how much the logarithm of an arrangement's notes a bar may lie apart from what such an
ensemble usually has without cost, and what each further unit costs."""
METRE_FIT = 0.8  # what a song in another number of beats costs
UNUSUAL_SIZE = 0.15  # what each part more or less than the piece has costs
SHARED, ASTRAY = 0.6, 0.4
"""What each part costs that does as another one does, and that does as one in another role."""
LONGEST_WAIT, WAIT_COST = 2, 0.3
"""Bars in which neither tune nor chords may be heard without cost, and what each further bar costs:
eight bars of drums alone are not what anybody asked for."""
LONGEST_INTRO, LATE_COST = 4, 0.1
"""Bars (or an eighth of the piece) after which the tune enters at the latest without cost, and what
each bar later costs."""
MOST_ALIKE, ALIKE_COST = 0.4, 2.0
"""Share of a tune's bars that may stand in the rhythm of the bar before without cost, and what all
of its bars would cost."""
LEAST_NOTES, THIN_COST = {MELODY: 4.5, BASS: 3.0}, 3.0
"""Notes of a part in the bars in which it plays, in the mean, from which on it is a tune (half of
the songs' tunes have more) or carries a band, and what each unit of the logarithm less costs: what
has two notes a bar is a horn section's stabs."""
LEAST_BACK, BACK_COST = 0.3, 1.5
"""Share of the bars of all parts that take up an earlier one at least without cost, and what none
would cost: a piece of which nothing comes back is not remembered."""
USUAL_EXITS, EXIT_COST = 0.4, 0.8
"""How often a part of a real song falls silent for two bars or more, in the mean
(``cantilena evaluate realism``), and what each further time costs."""
CHANCE = 1.0  # up to which noise is added to a fit, so that seeds differ
INTRO_FROM, INTRO_PARTS = 24, 4  # bars and parts of the least piece that has an intro
INTRO_LONG = 8  # bars of a long intro; others have half as many
P_INTRO, P_LONG_INTRO, P_IN_INTRO, P_LATER = 0.6, 0.4, 0.4, 0.4
"""Shares of pieces that begin with an intro without the tune, of intros of eight bars and not four,
of the other parts that play in one, and of the further parts with chords that join after eight
bars: so that as many parts are in by the second bar as in real songs (a half of them;
``cantilena evaluate realism``)."""
P_FILL = 0.7  # share of sections whose last bar has a drummer's fill
LEAST_SCALE = 0.25
"""By how much numbers of notes are multiplied at least, and by its inverse at most, to come to a
density that is asked for: a part is not to fall silent for it."""
PHRASE = 4  # bars
SHORTEST = 8  # bars: a shorter piece has no arrangement, all play all along


def arrange(
    plan: Plan, brief: Brief, arrangements: Sequence[dict], rng: np.random.Generator
) -> tuple[PartPlan, ...]:
    """The parts of a Plan (its chords and sections are set) with what they do in every bar, from an
    arrangement of training songs that suits them, and the form that the Brief asks for. In the last
    bar everybody plays whom the form does not have rest, in every bar somebody."""
    if plan.bars < SHORTEST or not arrangements:
        return plan.parts
    best: tuple[float, Rows] = (-np.inf, {})
    for _ in range(DRAWS):
        song = arrangements[int(rng.integers(len(arrangements)))]
        start = STARTS[int(rng.integers(len(STARTS)))]
        scale = _length(plan.metre) / _length(song.get("metre", plan.metre))
        rows, cost = _assigned(plan.parts, song["parts"], start, plan.bars, scale, rng)
        fit = _fit(rows, plan, song, brief) - cost + CHANCE * rng.random()
        if fit > best[0]:
            best = (fit, rows)
    rows = leading(best[1], plan.parts, brief)
    rows = _with_chords(rows, plan) if plan.asked_chords else rows
    if not brief.form:
        # songs' returns are of eights, and the rounds of a progression may be of twelve
        if plan.sections and plan.sections[0].bars % SECTION:
            rows = shaped(rows, plan.parts, plan.sections, rng)
        rows = _with_intro(rows, plan, rng)
    else:
        rows = shaped(rows, plan.parts, plan.sections, rng)
        rows = with_scenes(rows, plan.parts, brief.form)
    rows = with_riffs(rows, brief, plan)
    for change in brief.changes:
        rows = thickened(rows, plan.parts, change, span_of(change, plan))
    silent = silent_at_the_end(plan.parts, plan.sections, brief.form)
    rows = _with_fills(of_chords(_filled(rows, plan, silent), plan), plan, rng)
    rows = _counted(rows, plan.density if brief.density else None, rng)
    rows = led(rows, plan.parts, brief)
    return tuple(replace(p, bars=tuple(rows[p.instrument])) for p in plan.parts)


def arrange_form(plan: Plan, brief: Brief, rng: np.random.Generator) -> tuple[PartPlan, ...]:
    """The parts of a Plan that goes on from other music, whose sections are those of its new bars:
    all play all along, but for what the form asks for; as they are where it asks for none."""
    if not plan.sections:
        return plan.parts
    rows: Rows = {part.instrument: [BarPlan()] * plan.bars for part in plan.parts}
    rows = shaped(rows, plan.parts, plan.sections, rng)
    silent = silent_at_the_end(plan.parts, plan.sections, brief.form)
    rows = of_chords(_filled(rows, plan, silent), plan)
    return tuple(replace(p, bars=tuple(rows[p.instrument])) for p in plan.parts)


def _fit(rows: Rows, plan: Plan, song: dict[str, Any], brief: Brief) -> float:
    """How well a song's arrangement suits the parts of a Plan."""
    fit = GENRE_FIT if set(song["genres"]) & set(brief.genres) else 0.0
    mean = notes_per_bar(rows)
    if mean and plan.density:
        fit -= DENSITY_FIT * max(0.0, abs(float(np.log(mean / plan.density))) - USUAL_DENSITY)
    fit -= METRE_FIT * (song["metre"][0] != plan.metre[0])
    fit -= UNUSUAL_SIZE * abs(len(song["parts"]) - len(plan.parts))
    first = min(LONGEST_ENTRIES, plan.bars // 4)
    for part in plan.parts:
        heard = sum(bar.sounds for bar in rows[part.instrument][first:]) / (plan.bars - first)
        fit -= LEAST_FIT * max(0.0, LEAST_HEARD[part.role] - heard)
        fit -= THIN_COST * _thinness(rows[part.instrument], LEAST_NOTES.get(part.role, 0.0))
        if part.role == MELODY:
            fit -= _dullness(rows[part.instrument])
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


def _thinness(row: Sequence[BarPlan], least: float) -> float:
    """By how much the logarithm of a part's notes a bar, where it plays, lies below ``least``'s."""
    counts = [bar.notes for bar in row if bar.notes > 0]
    return max(0.0, float(np.log(least / np.mean(counts)))) if counts and least else 0.0


def _length(metre: Sequence[int]) -> float:
    return metre[0] / metre[1]


def _assigned(
    parts: Sequence[PartPlan],
    song: Sequence,
    start: int,
    bars: int,
    scale: float,
    rng: np.random.Generator,
) -> tuple[Rows, float]:
    """The bars of each part: of one of the song's parts in its role, of its family before others,
    each taken once as long as there are enough; and what it costs that there are not. Their numbers
    of notes are multiplied by ``scale``."""
    left = [tuple(row) for row in song]
    every = list(left)
    out: Rows = {}
    cost = 0.0
    for part in parts:
        same = [row for row in left if row[0] == part.role]
        same = same or [row for row in every if row[0] == part.role]
        if not same:
            same = [row for row in left if row[0] == HARMONY] or left or every
            cost += ASTRAY
        near = [row for row in same if _family(row[1]) == _family(part.instrument)]
        candidates = near or same
        row = candidates[int(rng.integers(len(candidates)))]
        if row in left:
            left.remove(row)
        else:
            cost += SHARED
        out[part.instrument] = _window(row[2], _counts_of(row, scale), start, bars)
    return out, cost


def _counts_of(row: Sequence, scale: float) -> list[int]:
    """Numbers of notes of a song's part (role, instrument, letters, notes of new bars), which
    earlier checkpoints' habits have not."""
    counts = read_counts(row[2], row[3]) if len(row) > 3 else [UNKNOWN_COUNT] * len(row[2])
    return [_scaled(n, scale) for n in counts]


def _scaled(notes: int, scale: float) -> int:
    """A number of notes multiplied; some stay some."""
    return max(round(notes * scale), 1) if notes > 0 else notes


def _family(instrument: int) -> str:
    return "drums" if instrument == DRUMS else gm.family(instrument)


def _window(letters: str, counts: list[int], start: int, bars: int) -> list[BarPlan]:
    """``bars`` bars from ``start`` on; of a song that is shorter the second half comes again and
    again."""
    start = start if len(letters) - start >= min(bars, 16) else 0
    row = list(zip(letters[start:], counts[start:], strict=True))
    while len(row) < bars:
        row += row[len(row) // 2 :]
    return [bar_plan(letter, bar, notes) for bar, (letter, notes) in enumerate(row[:bars])]


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
    some that first join when the music comes round again: pieces grow. Nobody enters later."""
    if plan.bars < INTRO_FROM or len(plan.parts) < INTRO_PARTS:
        return _entered(rows, plan)
    out = {i: list(row) for i, row in rows.items()}
    chords = [p.instrument for p in plan.parts if p.role == HARMONY]
    first = chords[int(rng.integers(len(chords)))] if chords else -1
    intro = 0
    if rng.random() < P_INTRO:
        long = plan.bars >= 4 * INTRO_LONG and rng.random() < P_LONG_INTRO
        intro = INTRO_LONG if long else INTRO_LONG // 2
        for part in plan.parts:
            waits = part.role == MELODY or rng.random() >= P_IN_INTRO
            if waits and part.instrument != first:
                out[part.instrument][:intro] = [BarPlan(REST)] * intro
    for instrument in chords:
        if instrument != first and rng.random() < P_LATER:
            out[instrument][:INTRO_LONG] = [BarPlan(REST)] * INTRO_LONG
    return _entered(out, plan)


def _entered(rows: Rows, plan: Plan) -> Rows:
    """The rows with everybody in after ``LONGEST_ENTRIES`` bars, or a third of a short piece: who
    would come later plays a phrase of four bars again and again till then."""
    latest = min(LONGEST_ENTRIES, plan.bars // 3)
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
    names = [p.instrument for p in plan.parts if p.role == HARMONY]
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


def _counted(rows: Rows, density: float | None, rng: np.random.Generator) -> Rows:
    """The rows with a number of notes for every bar: a new one that has none gets that of another
    new bar of the part, one that takes up another gets the other's. ``density``: notes a bar that
    they come to in the mean, None for what they have. Where an arrangement knows no numbers they
    stay unknown."""
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
    mean = notes_per_bar(out)
    if density is None or mean is None:
        return out
    scale = min(max(density / mean, LEAST_SCALE), 1 / LEAST_SCALE)
    return {i: [replace(b, notes=_scaled(b.notes, scale)) for b in row] for i, row in out.items()}


def notes_per_bar(rows: Mapping[int, Sequence[BarPlan]]) -> float | None:
    """The mean number of notes that are planned for a bar, None where it is not known of all."""
    counts = [b.notes for row in rows.values() for b in row]
    if not counts or UNKNOWN_COUNT in counts or not any(counts):
        return None
    return sum(counts) / len(next(iter(rows.values())))
