"""What is planned of a gap before its notes: the outline of the whole piece, the gap filled.

Knows what stands around a gap and what stood in it, and arrangements of training songs; does not
know models, or how notes are chosen. Outside of the gap the outline is what the notes there are.
Within it, who rests and how many notes a bar has is as it was, and so is what comes back within the
gap, which is the piece's form. What took up a bar outside would come out as it was: it keeps that
bar's rhythm alone, a drummer's its pattern, varied; or nothing where the words ask for something
else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.arranging import arrange_alone
from cantilena.systems.note.changes import Changes
from cantilena.systems.note.fitting import added_notes, density_wish
from cantilena.systems.note.plan import PartPlan
from cantilena.systems.note.recurrence import (
    EXACT,
    HELD,
    NEW,
    REST,
    RHYTHM,
    VARIED,
    BarPlan,
    bars_of,
)
from cantilena.systems.note.rewriting import Gap
from cantilena.text.brief.relative import DENSITY, SYNCOPATION
from cantilena.text.wishes import Brief
from cantilena.tokens.note import GRID
from cantilena.tokens.note.outline import (
    LAGS,
    MOSTLY,
    NOTHING_COMMON,
    SAME_RHYTHM,
    UNKNOWN_COUNT,
    Likeness,
    Outline,
    letter_of,
    likeness,
)

_WRITTEN = (0, 6, 8, 12, 16, 18, GRID)  # ticks of a quarter: its sixteenths and triplets
PHRASE = 4  # bars: a part that rested takes its bars over from whole phrases away first


@dataclass(frozen=True)
class GapPlan:
    """The ``outline`` of a piece with a gap filled; the gap's ``parts`` with their bars, of which
    it lies in ``first`` and those behind it; and of the span's start, its bar lines and its end
    (``lines``), the new notes ``due`` between them."""

    outline: Outline
    parts: tuple[PartPlan, ...]
    lines: np.ndarray
    due: np.ndarray
    first: int

    def silent(self, rows: Sequence[Sequence[int]], instruments: Collection[int]) -> int:
        """In how many bars of the gap some of its parts are to begin notes, and have none among
        ``rows`` (tick, instrument, ...)."""
        begun = [(row[0], row[1]) for row in rows if row[0] >= self.lines[0]]
        missing = 0
        for part in self.parts:
            if part.instrument not in instruments:
                continue
            ticks = np.array([tick for tick, instrument in begun if instrument == part.instrument])
            played = np.histogram(ticks, self.lines)[0] > 0
            own = part.bars[self.first : self.first + len(played)]
            missing += sum(_plays(bar) and not p for bar, p in zip(own, played, strict=False))
        return missing


def plan_gap(
    gap: Gap,
    change: Changes,
    brief: Brief,
    habits: dict[str, Any],
    rng: np.random.Generator,
    apart: bool = False,
) -> GapPlan:
    """The GapPlan of a Gap. ``rng`` draws the arrangement of parts that the piece has not;
    ``apart``: whether added parts are read without what stays."""
    lines = gap.frame.bar_starts
    bars = _bars_of_gap(gap)
    whole = np.concatenate([gap.table, gap.old])
    whole = whole[np.lexsort(whole[:, 2::-1].T)]
    before = _as_written(likeness(whole, lines), whole, gap, bars)
    outline = _without_old(before, gap.instruments, bars, change, brief).outline()
    factor, _ = density_wish(change, brief)
    rows: dict[int, list[BarPlan]] = {}
    for part in gap.plan.parts:
        i = part.instrument
        row = bars_of(outline, i)
        if (gap.old[:, 1] == i).any():
            row = _counted(row, gap, i, bars, factor)
        else:
            role = dict(change.roles).get(part.instrument, "")
            usual = added_notes(gap.score, part.instrument, role)
            enter = _entering
            if i in change.added and any(map(_plays, row)):  # a further part for who plays already
                enter = _entering if apart else _joining
                row = [BarPlan(REST, notes=0)] * len(row) if apart else row
            row = enter(row, gap, part, bars, usual, brief, habits, rng)
        rows[i] = row
    rows = _sounding(rows, gap, bars)
    if brief.chords:
        rows = {i: _on_chords(row, gap, i, bars) for i, row in rows.items()}
    stop = gap.plan.bars
    return GapPlan(
        _outline(outline, rows),
        tuple(replace(p, bars=tuple(rows[p.instrument][:stop])) for p in gap.plan.parts),
        np.array([gap.plan.origin, *lines[bars.start + 1 : bars.stop], gap.plan.end]),
        _due(rows, gap, bars, apart),
        bars.start,
    )


def _bars_of_gap(gap: Gap) -> range:
    """The bars that a gap lies in, wholly or not."""
    lines = gap.frame.bar_starts
    start, stop = gap.span
    first = min(max(int(np.searchsorted(lines, start, side="right")) - 1, 0), len(lines) - 2)
    return range(first, max(int(np.searchsorted(lines[:-1], stop)), first + 1))


def _as_written(before: Likeness, whole: np.ndarray, gap: Gap, bars: range) -> Likeness:
    """What bars have in common, of the new parts' bars in the gap as their notes would be written:
    a rhythm that comes back is one however loosely it was played."""
    snapped = whole.copy()
    quarter, place = np.divmod(whole[:, 0], GRID)
    nearest = np.abs(place[:, None] - np.array(_WRITTEN)).argmin(1)
    snapped[:, 0] = quarter * GRID + np.array(_WRITTEN)[nearest]
    snapped = snapped[np.lexsort(snapped[:, 2::-1].T)]
    written = likeness(snapped, gap.frame.bar_starts)
    common = before.common.copy()
    new = np.isin(before.instruments, gap.instruments)
    common[new, bars.start : bars.stop] = written.common[new, bars.start : bars.stop]
    # a note before the bar line may be written behind it: what is silent as played is so
    heard = before.counts > 0
    for k, lag in enumerate(LAGS):
        both = heard[:, lag:] & heard[:, :-lag]
        common[:, lag:, k] = np.where(both, common[:, lag:, k], NOTHING_COMMON)
    return replace(before, common=common)


def _without_old(
    before: Likeness, instruments: Sequence[int], bars: range, change: Changes, brief: Brief
) -> Likeness:
    """What bars have in common, but what the new parts' bars had in common across the gap's
    edges."""
    elsewhere = bool(
        brief.genres
        or brief.moods
        or brief.figures
        or brief.density
        or change.wish(DENSITY)
        or change.wish(SYNCOPATION)
    )
    common = before.common.copy()
    for p, instrument in enumerate(before.instruments.tolist()):
        if instrument not in instruments:
            continue
        most = MOSTLY if instrument == DRUMS else SAME_RHYTHM
        most = NOTHING_COMMON if elsewhere else most
        for k, lag in enumerate(LAGS):
            into = common[p, bars.start : min(bars.start + lag, bars.stop), k]
            if not change.lean:
                into[:] = np.minimum(into, most)
            # what is behind the gap takes up none of its new bars
            common[p, max(bars.stop, bars.start + lag) : bars.stop + lag, k] = NOTHING_COMMON
    return replace(before, common=common)


def _in_bars(table: np.ndarray, gap: Gap, instrument: int, bars: range) -> np.ndarray:
    """How many notes of an instrument begin in each of some bars."""
    onset = table[table[:, 1] == instrument, 0]
    edges = np.searchsorted(np.sort(onset), gap.frame.bar_starts[bars.start : bars.stop + 1])
    return np.diff(edges)


def _kept_in_bars(gap: Gap, bars: range) -> np.ndarray:
    """(len(bars),) bool: whether notes that stay begin in each of some bars."""
    edges = np.searchsorted(gap.table[:, 0], gap.frame.bar_starts[bars.start : bars.stop + 1])
    return np.diff(edges) > 0


def _counted(
    row: list[BarPlan], gap: Gap, instrument: int, bars: range, factor: float
) -> list[BarPlan]:
    """The row with numbers of notes as asked: the old ones multiplied, with those that are kept."""
    kept, old = (_in_bars(table, gap, instrument, bars) for table in (gap.table, gap.old))
    for bar, stay, was in zip(bars, kept.tolist(), old.tolist(), strict=True):
        row[bar] = replace(row[bar], notes=stay + (max(round(was * factor), 1) if was else 0))
    return row


def _entering(
    row: list[BarPlan],
    gap: Gap,
    part: PartPlan,
    bars: range,
    usual: float,
    brief: Brief,
    habits: dict[str, Any],
    rng: np.random.Generator,
) -> list[BarPlan]:
    """The row of a part that had no notes in the gap: as it plays where it does, or else, where it
    is new to the piece, as a part of its role does in a song, at ``usual`` notes a bar."""
    window = _nearest(row, bars)
    if window is None:
        songs = habits.get("arrangements", ())
        window = arrange_alone(part, len(bars), gap.plan.metre, usual, brief.genres, songs, rng)
        window = _from_first_to_last(window, _kept_in_bars(gap, bars))
    for bar, own in zip(bars, window, strict=True):
        row[bar] = replace(own, source=bars.start + own.source) if own.source >= 0 else own
    return row


def _from_first_to_last(window: list[BarPlan], kept: np.ndarray) -> list[BarPlan]:
    """A part that is new to a piece, playing in the first and in the last of the bars in which
    something that is ``kept`` does (and so in those between, but where it rests): of a window of a
    song it has what stood before it came in, and behind its end."""
    playing = [bar.notes for bar in window if _plays(bar)]
    if not playing or not kept.any():
        return window
    usual = sorted(playing)[len(playing) // 2]
    heard = np.flatnonzero([_plays(bar) for bar in window])
    with_music = np.flatnonzero(kept)
    before = [bar for bar in with_music if bar < heard[0]]
    behind = [bar for bar in with_music if bar > heard[-1]]
    for bar in (*before, *behind):
        window[bar] = BarPlan(NEW, notes=usual)
    return window


def _joining(
    row: list[BarPlan],
    gap: Gap,
    part: PartPlan,
    bars: range,
    usual: float,
    brief: Brief,
    habits: dict[str, Any],
    rng: np.random.Generator,
) -> list[BarPlan]:
    """The row of an instrument that plays in the piece and gets a part of its own besides, which a
    model does not tell from the other: in each bar what stays, and as many notes more as a part of
    that role has in a song. What both play together is new."""
    silent = [BarPlan(REST, notes=0)] * len(row)
    own = _entering(silent, gap, part, bars, usual, brief, habits, rng)
    kept = _in_bars(gap.table, gap, part.instrument, bars).tolist()
    for bar, stay in zip(bars, kept, strict=True):
        if _plays(own[bar]):
            row[bar] = BarPlan(NEW, notes=stay + max(own[bar].notes, 1))
    return row


def _nearest(row: Sequence[BarPlan], bars: range) -> list[BarPlan] | None:
    """As many bars elsewhere as there are ``bars``, those in which a part plays most, whole phrases
    away and near before others, as if nothing were before them; None where it plays nowhere."""
    n = len(bars)
    starts = [s for s in range(len(row) - n + 1) if s + n <= bars.start or s >= bars.stop]

    def worth(start: int) -> tuple[int, bool, int]:
        sounding = sum(_plays(bar) for bar in row[start : start + n])
        return sounding, (start - bars.start) % PHRASE == 0, -abs(start - bars.start)

    best = max(starts, key=worth, default=None)
    if best is None or not worth(best)[0]:
        usual = sorted(bar.notes for bar in row if _plays(bar))
        return [BarPlan(NEW, notes=usual[len(usual) // 2])] * n if usual else None
    return [
        replace(bar, source=bar.source - best)
        if bar.source >= best
        else replace(bar, kind=NEW if _plays(bar) else bar.kind, source=-1)
        for bar in row[best : best + n]
    ]


def _plays(bar: BarPlan) -> bool:
    """Whether notes begin in a bar."""
    return bar.kind not in (REST, HELD)


def _sounding(rows: dict[int, list[BarPlan]], gap: Gap, bars: range) -> dict[int, list[BarPlan]]:
    """The rows with somebody in every bar of a gap in which nothing is kept: who plays most."""
    start, stop = gap.span
    if ((gap.table[:, 0] >= start) & (gap.table[:, 0] < stop)).any():
        return rows

    def playing(row: Sequence[BarPlan]) -> list[int]:
        return [row[bar].notes for bar in bars if _plays(row[bar])]

    fullest = max(rows, key=lambda i: len(playing(rows[i])))
    usual = playing(rows[fullest]) or [UNKNOWN_COUNT]
    for bar in bars:
        if all(row[bar].kind == REST for row in rows.values()):
            rows[fullest][bar] = BarPlan(NEW, notes=sorted(usual)[len(usual) // 2])
    return rows


def _on_chords(row: list[BarPlan], gap: Gap, instrument: int, bars: range) -> list[BarPlan]:
    """The row where a pitched part comes back on other chords in its rhythm alone."""
    if instrument == DRUMS:
        return row
    lines, frame = gap.frame.bar_starts, gap.frame

    def chords(bar: int) -> list[tuple[int, int]]:
        slots = np.arange(*np.searchsorted(frame.chord_starts, lines[bar : bar + 2]))
        ticks = frame.chord_starts[slots] - lines[bar]
        return list(zip(ticks.tolist(), frame.chords[slots].tolist(), strict=True))

    for bar in bars:
        own = row[bar]
        if own.kind in (EXACT, VARIED) and chords(bar) != chords(own.source):
            row[bar] = replace(own, kind=RHYTHM)
    return row


def _outline(outline: Outline, rows: dict[int, list[BarPlan]]) -> Outline:
    """The Outline with the rows of new parts, those that it has not with them."""
    kept = [int(i) for i in outline.instruments if int(i) not in rows]
    every = {**{i: bars_of(outline, i) for i in kept}, **rows}
    order = sorted(every)
    letters = [
        [letter_of(b.kind, k - b.source if b.source >= 0 else 0) for k, b in enumerate(every[i])]
        for i in order
    ]
    return Outline(
        np.array(order),
        np.array(letters),
        np.array([[max(b.source, 0) for b in every[i]] for i in order]),
        np.array([[b.notes for b in every[i]] for i in order]),
    )


def _due(rows: dict[int, list[BarPlan]], gap: Gap, bars: range, apart: bool = False) -> np.ndarray:
    """New notes due in each bar of the gap; as many in each where it is not known of all parts.
    ``apart``: the rows are of new notes alone."""
    counts = np.array([[row[bar].notes for bar in bars] for row in rows.values()])
    if (counts == UNKNOWN_COUNT).any():
        lines = np.clip(gap.frame.bar_starts[bars.start : bars.stop + 1], *gap.span)
        return gap.notes * np.diff(lines) / gap.plan.bar_ticks
    kept = sum(_in_bars(gap.table, gap, instrument, bars) for instrument in rows if not apart)
    return np.maximum(counts.sum(0) - kept, 0).astype(float)
