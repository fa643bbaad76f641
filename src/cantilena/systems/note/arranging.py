"""The arrangement of a piece: for every part and bar whether it plays, and which bar it takes up.

Knows planned parts and chords, and the arrangements counted on the training songs; does not know
models or how notes are chosen. What a bar of a part may be is in ``systems.note.recurrence``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cantilena.score import DRUMS, gm
from cantilena.systems.note.manner import with_riffs
from cantilena.systems.note.plan import HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.recurrence import (
    EXACT,
    HELD,
    NEW,
    REST,
    RHYTHM,
    VARIED,
    BarPlan,
    bar_plan,
    read_counts,
)
from cantilena.systems.note.shaping import Rows, shaped, thickened, with_scenes
from cantilena.systems.note.spans import span_of
from cantilena.text.wishes import Brief
from cantilena.tokens.note.outline import UNKNOWN_COUNT

STARTS = (0, 0, 0, 8, 16)
"""Bars of a song at which an arrangement may begin, drawn from: mostly the song's own beginning."""
DRAWS = 60
"""Songs and beginnings that are compared before one is taken."""
LEAST_HEARD = {MELODY: 0.3, HARMONY: 0.1}
"""Share of the bars in which a part is to play at least; basses and drums as harmony."""
GENRE_FIT, LEAST_FIT = 1.5, 0.5
"""What a song of an asked genre gains, and what a part that is heard too little costs."""
UNUSUAL_SIZE = 0.25  # what each part more or less than the piece has costs
LONGEST_WAIT, WAIT_COST = 2, 0.2
"""Bars for which no pitched part may play without cost, and what each further bar costs: music
that begins with eight bars of drums is not what anybody asked for."""
LONGEST_INTRO, LATE_COST = 8, 0.04
"""Bars (or an eighth of the piece) after which the tune enters at the latest without cost, and what
each bar later costs."""
CHANCE = 0.7  # up to which noise is added to a fit, so that seeds differ
LEAST_SCALE = 0.25
"""By how much numbers of notes are multiplied at least, and by its inverse at most, to come to a
density that is asked for: a part is not to fall silent for it."""
SHORTEST = 8  # bars: a shorter piece has no arrangement, all play all along


def arrange(
    plan: Plan, brief: Brief, arrangements: Sequence[dict], rng: np.random.Generator
) -> tuple[PartPlan, ...]:
    """The parts of a Plan (its chords and sections are set) with what they do in every bar, from an
    arrangement of training songs that suits them, and the form that the Brief asks for. In the last
    bar everybody plays, in every bar somebody."""
    if plan.bars < SHORTEST or not arrangements:
        return plan.parts
    best: tuple[float, Rows] = (-np.inf, {})
    for _ in range(DRAWS):
        song = arrangements[int(rng.integers(len(arrangements)))]
        start = STARTS[int(rng.integers(len(STARTS)))]
        scale = _length(plan.metre) / _length(song.get("metre", plan.metre))
        rows = _assigned(plan.parts, song["parts"], start, plan.bars, scale, rng)
        fit = _fit(rows, plan, song, brief.genres) + CHANCE * rng.random()
        if fit > best[0]:
            best = (fit, rows)
    rows = best[1]
    if brief.form:
        rows = shaped(rows, plan.parts, plan.sections, rng)
        rows = with_scenes(rows, plan.parts, brief.form)
    rows = with_riffs(rows, brief, plan)
    for change in brief.changes:
        rows = thickened(rows, plan.parts, change, span_of(change, plan))
    rows = _of_chords(_filled(rows, plan), plan)
    rows = _counted(rows, plan.density if brief.density else None, rng)
    return tuple(replace(p, bars=tuple(rows[p.instrument])) for p in plan.parts)


def _fit(rows: Rows, plan: Plan, song: dict[str, Any], genres: Sequence[str]) -> float:
    """How well a song's arrangement suits the parts of a Plan."""
    fit = GENRE_FIT if set(song["genres"]) & set(genres) else 0.0
    fit -= UNUSUAL_SIZE * abs(len(song["parts"]) - len(plan.parts))
    for part in plan.parts:
        least = LEAST_HEARD.get(part.role, LEAST_HEARD[HARMONY])
        heard = sum(bar.sounds for bar in rows[part.instrument]) / plan.bars
        fit -= LEAST_FIT * max(0.0, least - heard) / least
    pitched = [row for i, row in rows.items() if i != DRUMS]
    waits = sum(not any(row[bar].sounds for row in pitched) for bar in range(plan.bars))
    fit -= WAIT_COST * max(0, waits - LONGEST_WAIT)
    for part in plan.parts:
        if part.role == MELODY:
            row = rows[part.instrument]
            enters = next((k for k, bar in enumerate(row) if bar.sounds), plan.bars)
            fit -= LATE_COST * max(0, enters - max(LONGEST_INTRO, plan.bars // 8))
    return fit


def _length(metre: Sequence[int]) -> float:
    return metre[0] / metre[1]


def _assigned(
    parts: Sequence[PartPlan],
    song: Sequence,
    start: int,
    bars: int,
    scale: float,
    rng: np.random.Generator,
) -> Rows:
    """The bars of each part: of one of the song's parts in its role, of its family before others,
    each taken once as long as there are enough. Their numbers of notes are multiplied by
    ``scale``."""
    left = [tuple(row) for row in song]
    every = list(left)
    out: Rows = {}
    for part in parts:
        same = [row for row in left if row[0] == part.role]
        same = same or [row for row in every if row[0] == part.role]
        same = same or [row for row in every if row[0] == HARMONY] or every
        near = [row for row in same if _family(row[1]) == _family(part.instrument)]
        candidates = near or same
        row = candidates[int(rng.integers(len(candidates)))]
        if row in left:
            left.remove(row)
        out[part.instrument] = _window(row[2], _counts_of(row, scale), start, bars)
    return out


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


def _filled(rows: Rows, plan: Plan) -> Rows:
    """The rows with somebody in every bar and everybody in the last one, and without references to
    bars in which the part is silent. Of chords that are asked for every bar has somebody who plays
    them."""
    out = {i: list(row) for i, row in rows.items()}
    silent = (REST, HELD)
    carriers = [part.instrument for part in plan.parts if part.role == HARMONY]
    needed = carriers if plan.asked_chords and carriers else list(out)
    fullest = max(needed, key=lambda i: sum(bar.kind not in silent for bar in out[i]))
    for bar in range(plan.bars):
        if all(out[i][bar].kind in silent for i in needed):
            out[fullest][bar] = BarPlan()
    for row in out.values():
        row[-1] = BarPlan()
        for bar, plan_of_bar in enumerate(row):
            if plan_of_bar.source >= 0 and row[plan_of_bar.source].kind in silent:
                row[bar] = BarPlan()
    return out


def _of_chords(rows: Rows, plan: Plan) -> Rows:
    """The rows where pitched parts that come back on other chords do so only in their rhythm."""
    chords: list[list[tuple[int, str]]] = [[] for _ in range(plan.bars)]
    for tick, chord in plan.chords:
        bar = min(tick // plan.bar_ticks, plan.bars - 1)
        chords[bar].append((tick % plan.bar_ticks, chord.name()))
    out: Rows = {}
    for instrument, row in rows.items():
        out[instrument] = [
            replace(b, kind=RHYTHM)
            if instrument != DRUMS and b.kind in (EXACT, VARIED) and chords[bar] != chords[b.source]
            else b
            for bar, b in enumerate(row)
        ]
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
