"""What each part of a piece takes over from a training song: one of its parts' bars.

Knows planned parts and songs as rows of letters and numbers; does not know how well a song suits
(``systems.note.suiting``), sections or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cantilena.score import DRUMS, gm
from cantilena.systems.note.casting import BOWED, STRUCK
from cantilena.systems.note.plan import HARMONY, MELODY, PartPlan
from cantilena.systems.note.recurrence import HELD, REST, BarPlan, bar_plan, read_counts, scaled
from cantilena.systems.note.shaping import Rows
from cantilena.tokens.note.outline import UNKNOWN_COUNT

MOST_ALONE = 4
"""Bars of a song's beginning at most that are left out where nothing takes them up later: upbeats,
counts, and introductions of which nothing comes back."""
SHARED, ASTRAY = 0.6, 0.4
"""What it costs a song's fit that a part takes what another part takes, or what a part in another
role plays."""
MOST_OF_A_LINE = 16
"""Notes at most, to a whole note, of a player of one note at a time: nineteen of twenty bars of
winds and bowed strings of the training songs have no more, be they tunes or not."""
MOST_OF_A_SLOW_TUNE = 8
"""The same of tunes that are slow by their mood: eighths. A sad waltz was now and then all of
sixteenths."""
MOST_STRUCK = 8
"""The same of timpani and their like: nine of ten bars of timpani of the training songs."""
LONG_NOTES = 4
"""Notes of a bar up to which they may last through the next one."""
STRAY = 1 / 3
"""Share of its usual notes up to which a bar between silent ones is left out: with it a bass of one
note in two of eight bars had begun to play."""
CHORD_SIZE = 2
"""Notes that a part with chords begins together, in the mean (``harmony_chord_size`` of ``cantilena
evaluate realism``)."""


def bar_length(metre: Sequence[int]) -> float:
    """A bar of a metre in whole notes."""
    return metre[0] / metre[1]


def first_kept(rows: Sequence[str]) -> int:
    """The bar of a song, by the letters of its parts, with which a piece may begin: the first that
    some part takes up later, or one of the first bars where none of these is."""
    taken = {
        plan.source for row in rows for plan in (bar_plan(x, bar) for bar, x in enumerate(row))
    }
    return next((bar for bar in range(MOST_ALONE + 1) if bar in taken), 0)


def assigned(
    parts: Sequence[PartPlan],
    song: Sequence[Sequence[Any]],
    start: int,
    bars: int,
    scale: float,
    rng: np.random.Generator,
    past: int = 0,
) -> tuple[Rows, float]:
    """The ``bars`` bars of each part, from bar ``start`` of one of the song's parts, and what it
    costs the song's fit that these do not suffice. A part takes one in its role, of its family
    before others, and where it plays one note at a time such a part before chords; each is taken
    once as long as there are enough. Numbers of notes are multiplied by ``scale``; ``past`` bars
    of the piece are before them. ``song``: rows as ``_counts_of`` has them."""
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
        lines = [row for row in same if _is_line(part) and _is_single(row[1])]
        candidates = near or lines or same
        row = candidates[int(rng.integers(len(candidates)))]
        if row in left:
            left.remove(row)
        else:
            cost += SHARED
        window = _window(row[2], _counts_of(row, part, scale), start, bars, past)
        out[part.instrument] = _struck(_without_strays(window), part)
    return out, cost


def _without_strays(row: list[BarPlan]) -> list[BarPlan]:
    """The row without bars of hardly a note between silent ones: a part that plays no more than
    that is not heard, and has not come in."""
    counts = [max(bar.notes, 0) for bar in row]
    played = [n for n in counts if n]
    most = STRAY * float(np.median(played)) if played else 0.0
    before, behind = [0, *counts[:-1]], [*counts[1:], 0]
    stray = [
        0 < n <= most and not any(beside) for n, *beside in zip(counts, before, behind, strict=True)
    ]
    out: list[BarPlan] = []
    silent = False
    for bar, alone in zip(row, stray, strict=True):
        silent = alone or (silent and bar.kind == HELD)  # what is held from it goes with it
        out.append(BarPlan(REST, notes=0) if silent else bar)
    return out


def _struck(row: list[BarPlan], part: PartPlan) -> list[BarPlan]:
    """The row with a few notes in bars that only hold what is struck before them, where that is no
    single long chord: a model holds nothing else so long, and the bar would be silent."""
    notes = 1 if _is_line(part) else CHORD_SIZE
    out: list[BarPlan] = []
    for bar in row:
        before = out[-1].notes if out else 0
        held = bar.kind == HELD and bar.notes != UNKNOWN_COUNT
        out.append(BarPlan(notes=notes) if held and not 0 < before <= LONG_NOTES else bar)
    return out


def within_reach(
    rows: Rows, parts: Sequence[PartPlan], metre: Sequence[int], slow: bool = False
) -> Rows:
    """The rows in which parts of one note at a time have no more of them than such parts play;
    tunes of ``slow`` pieces no more than eighths."""
    out = dict(rows)
    for part in filter(_is_line, parts):
        of_one = MOST_STRUCK if part.instrument in STRUCK else MOST_OF_A_LINE
        if slow and part.role == MELODY:
            of_one = MOST_OF_A_SLOW_TUNE
        most = round(of_one * bar_length(metre) * _divided(part))
        out[part.instrument] = [replace(b, notes=min(b.notes, most)) for b in rows[part.instrument]]
    return out


def _counts_of(row: Sequence[Any], part: PartPlan, scale: float) -> list[int]:
    """Numbers of notes of a song's part (role, instrument, letters, notes of new bars), which
    earlier checkpoints' habits have not, as ``part`` may play them: of each chord a part of one
    note at a time plays one, and of a line several players more, as they divide."""
    if len(row) <= 3:
        return [UNKNOWN_COUNT] * len(row[2])
    if _is_line(part) and row[0] == HARMONY and not _is_single(row[1]):
        scale /= CHORD_SIZE
    if _is_line(part):
        scale *= _divided(part)
    return [scaled(n, scale) for n in read_counts(row[2], row[3])]


def _is_single(instrument: int) -> bool:
    """Whether an instrument plays one note at a time."""
    return instrument in gm.MONOPHONIC or instrument in BOWED


def _is_line(part: PartPlan) -> bool:
    """Whether each player of a part has one note at a time."""
    return part.instrument != DRUMS and part.voices <= part.players


def _divided(part: PartPlan) -> float:
    """Notes of a part to those of one of its players, who divide on half of its onsets."""
    return (1 + part.players) / 2


def _family(instrument: int) -> str:
    return "drums" if instrument == DRUMS else gm.family(instrument)


def _window(letters: str, counts: list[int], start: int, bars: int, past: int = 0) -> list[BarPlan]:
    """``bars`` bars from ``start`` on, behind ``past`` others; of a song that is shorter the second
    half comes again and again."""
    start = start if len(letters) - start >= min(bars, 16) else 0
    row = list(zip(letters[start:], counts[start:], strict=True))
    while len(row) < bars:
        row += row[len(row) // 2 :]
    return [bar_plan(letter, past + k, notes) for k, (letter, notes) in enumerate(row[:bars])]
