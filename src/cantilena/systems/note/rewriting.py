"""A span of a piece to be written anew: what is kept around it, who plays in it, and its Plan.

Knows Scores, Edits and Plans; does not know the model. The kept notes are read by the model on its
grid, as far as it can say them; in the piece they stay as they are (``systems.note.joining``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cantilena.analysis import chord_slots, density, find_key, polyphony
from cantilena.analysis.recognition import recognised_slots
from cantilena.errors import InputError
from cantilena.score import Score
from cantilena.score.harmony import Chord, Key, parse_chord
from cantilena.score.splice import inside, without
from cantilena.systems.note.casting import asked_programs
from cantilena.systems.note.changes import CHOSEN, HEARD, Changes
from cantilena.systems.note.choosing import FOLLOWING
from cantilena.systems.note.fitting import (
    as_played_by,
    new_parts,
    notes_due,
    notes_of_tracks,
    plan_instruments,
)
from cantilena.systems.note.harmonising import harmonise
from cantilena.systems.note.plan import PartPlan, Plan
from cantilena.systems.request import Edit
from cantilena.text.wishes import Brief
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.context import Frame


@dataclass(frozen=True)
class Gap:
    """A span of a Score to be filled.

    ``score``: the piece as it stands; ``start`` and ``stop``: its ticks; ``anew``: the tracks whose
    notes in the span are replaced; ``plan``: the new music's, from ``plan.origin`` to ``plan.end``
    (grid ticks), with the parts that play it; ``frame``: the whole piece's; ``past``: steps before
    the span; ``kept``: (N, 5) notes in it and behind it that stay, as far as they are to be read;
    ``table``: (N, 5) all notes that stay; ``old``: (N, 5) those that are replaced; ``notes``: new
    notes due a bar; ``slack``: by which share there may be more or fewer; ``everyone``: all
    instruments of the piece; ``ends``: the piece ends with the span."""

    score: Score
    start: int
    stop: int
    anew: frozenset[int]
    plan: Plan
    frame: Frame
    past: tuple[tuple[int, ...], ...]
    kept: np.ndarray
    table: np.ndarray
    old: np.ndarray
    notes: float
    slack: float
    everyone: tuple[int, ...]
    ends: bool

    @property
    def span(self) -> tuple[int, int]:
        """Start and stop in grid ticks."""
        return self.plan.origin, self.plan.end

    @property
    def instruments(self) -> tuple[int, ...]:
        """Those that play the new music."""
        return tuple(part.instrument for part in self.plan.parts)


def spans_of(edit: Edit) -> list[tuple[int, int]]:
    """The spans of an Edit in ticks of its Score, up to its last bar line. Raises InputError where
    nothing is within them."""
    line = int(edit.base.bar_starts[-1])
    spans = []
    for span in edit.spans:
        start, stop = span.ticks(edit.base)
        stop = line if stop is None else min(stop, line)
        if start < stop:
            spans.append((start, stop))
    if not spans:
        raise InputError(f"the piece ends at bar {edit.base.n_bars}; nothing is within the span")
    return spans


def gap(
    score: Score,
    span: tuple[int, int],
    change: Changes,
    brief: Brief,
    scheme: NoteScheme,
    habits: dict[str, Any],
    chord_bars: int = 0,
) -> Gap:
    """The Gap of a ``span`` (ticks of ``score``). ``chord_bars``: bars of asked chords that earlier
    spans have had. Raises InputError where nobody is to play in it."""
    anew = _tracks(score, span, change, brief)
    lines = grid(score.bar_starts, score.tpq)
    origin, end = (int(t) for t in grid(np.array(span), score.tpq))
    end = max(end, origin + 1)
    plan_lines = (*np.unique(lines[lines < end]).tolist(), end)
    plan = Plan(
        new_parts(score, span, anew, change, brief, habits),
        score.bpm,
        _metre_at(score, span[0]),
        _key(brief, scheme.quantise(score)),
        len(plan_lines) - 1,
        (),
        origin=origin,
        bar_starts=plan_lines,
        asked_chords=bool(brief.chords or change.harmony),
    )
    numbers, starts = _chords(score, plan.key, change, brief, habits)
    plan, frame = _harmony(plan, numbers, grid(starts, score.tpq), lines, brief, chord_bars)
    rest = without(score, [span], change.tracks)
    table, old = scheme.table(rest), scheme.table(notes_of_tracks(score, span, anew))
    past, kept = table[table[:, 0] < origin], table[table[:, 0] >= origin]
    kept = kept[: int((kept[:, 0] < end).sum()) + FOLLOWING]
    per_bar, slack = notes_due(score, span, anew, change, brief, plan)
    everyone = tuple(dict.fromkeys([*plan_instruments(score, change), *_names(plan.parts)]))
    return Gap(
        score,
        *span,
        anew,
        replace(plan, density=density(score), polyphony=polyphony(score)),
        frame,
        tuple(tuple(row) for row in scheme.steps(past, end=False).tolist()),
        kept,
        table,
        as_played_by(old, plan.parts, change),
        per_bar,
        slack,
        everyone,
        change.tracks is None and span[1] >= int(score.bar_starts[-1]),
    )


def _tracks(score: Score, span: tuple[int, int], change: Changes, brief: Brief) -> frozenset[int]:
    """The tracks whose parts play the new music: those named, else those that play in the span (of
    a rest: all), as far as the Brief's instruments are not the whole list."""
    if change.tracks is not None:
        return change.tracks
    playing = inside(score.onset, score.track, [span])
    tracks = frozenset(score.track[playing].tolist()) or frozenset(score.track.tolist())
    if brief.only and brief.instruments:
        wanted = {i for i, _ in asked_programs(brief)}
        tracks = frozenset(t for t in tracks if score.tracks[t].instrument in wanted)
    return tracks


def grid(ticks: np.ndarray, tpq: int) -> np.ndarray:
    """Ticks of a Score moved to the grid, as the scheme moves its notes."""
    return (np.asarray(ticks, dtype=np.int64) * (2 * GRID) + tpq) // (2 * tpq)


def _names(parts: tuple[PartPlan, ...]) -> list[int]:
    return [part.instrument for part in parts]


def _metre_at(score: Score, tick: int) -> tuple[int, int]:
    at = int(np.searchsorted(score.metre_tick, tick, side="right")) - 1
    return int(score.metre_num[at]), int(score.metre_den[at])


def _key(brief: Brief, score: Score) -> Key:
    if brief.key:
        return Key.from_name(brief.key)
    key, _ = find_key(score)
    return key or Key(0)


# ---------------------------------------------------------------------------- harmony


def _chords(
    score: Score, key: Key, change: Changes, brief: Brief, habits: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """The chord of each half bar: (S,) reduced numbers and (S,) start ticks."""
    if change.harmony == CHOSEN:
        return harmonise(score, key, habits, brief.genres)
    if change.harmony == HEARD:
        return recognised_slots(score, "half")
    return chord_slots(score, per="half")


def _harmony(
    plan: Plan,
    numbers: np.ndarray,
    slots: np.ndarray,
    lines: np.ndarray,
    brief: Brief,
    chord_bars: int,
) -> tuple[Plan, Frame]:
    """The Plan with its chords, and the Frame of the whole piece: the chords ``numbers`` of the
    half bars at ``slots`` (grid ticks), within the span those that are asked for, from its first
    bar on."""
    heard = [(int(t), Chord.from_number(int(n))) for n, t in zip(numbers, slots, strict=True) if n]
    asked = _asked(plan, brief, chord_bars)
    if plan.asked_chords and not asked:  # each is struck when it is due: no middle of a bar is
        heard = [
            (t, c) for k, (t, c) in enumerate(heard) if t in lines or not k or c != heard[k - 1][1]
        ]
    if asked:
        heard = [(t, c) for t, c in heard if not plan.origin <= t < plan.end]
    chords = tuple(sorted([*heard, *asked], key=lambda pair: pair[0]))
    ticks = np.array([t for t, _ in chords], dtype=np.int64)
    slots = np.unique(slots)
    classes = np.zeros(len(slots), dtype=np.int64)
    where = np.searchsorted(ticks, slots, side="right") - 1
    for i, k in enumerate(where.tolist()):
        silent = not asked and not numbers[min(i, len(numbers) - 1)]
        classes[i] = 0 if k < 0 or silent else chords[k][1].number
    bars = np.unique(lines)
    if len(bars) < 2:
        bars = np.array([0, max(1, int(lines[-1]))])
    return replace(plan, chords=chords), Frame(bars, slots, classes, len(bars) - 2)


def _asked(plan: Plan, brief: Brief, chord_bars: int) -> list[tuple[int, Chord]]:
    """The asked progression over the span: a chord a bar, or as long as the Brief says."""
    symbols = [parse_chord(c) for c in brief.chords]
    if not symbols:
        return []
    if brief.chord_beats:
        length = max(1, round(brief.chord_beats * GRID))
        first = round(chord_bars * plan.bar_ticks / length)
        ticks = list(range(plan.origin, plan.end, length))
    else:
        first = chord_bars
        ticks = [plan.origin, *(int(t) for t in plan.lines if plan.origin < t < plan.end)]
    return [(t, symbols[(first + k) % len(symbols)]) for k, t in enumerate(ticks)]
