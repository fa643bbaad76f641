"""A form that is asked for, in an arrangement: who plays in its sections, and what comes back.

Knows sections, parts and their bars; does not know texts, chords or models. What is said of kinds
of sections is what textbooks of arrangement say (an intro without the tune, a bridge that thins
out, a break without drums), not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan
from cantilena.systems.note.recurrence import (
    EXACT,
    HELD,
    NEW,
    REST,
    RHYTHM,
    VARIED,
    BarPlan,
    scaled,
)
from cantilena.systems.note.sections import SCENES, SectionPlan, scene_bars
from cantilena.text.wishes import Change, Section

Rows = dict[int, list[BarPlan]]

RESTING: dict[str, tuple[tuple[str, float, float], ...]] = {
    "intro": ((MELODY, 0.0, 1.0), (DRUM, 0.0, 0.5)),
    "outro": ((MELODY, 0.5, 1.0),),
    "coda": (),
    "build-up": ((MELODY, 0.0, 1.0), (BASS, 0.0, 0.5)),
    "breakdown": ((DRUM, 0.0, 1.0), (BASS, 0.0, 1.0)),
    "break": ((DRUM, 0.0, 1.0),),
    "bridge": ((DRUM, 0.0, 0.5),),
    "interlude": ((MELODY, 0.0, 1.0),),
}
"""Who rests in a section of a name, and from which to which share of it."""
FULL = frozenset({"chorus", "drop", "refrain", "finale", "climax", "hook", "head"})
"""Sections in which everybody plays."""
FULLER, MOST_FULLER = 1.15, 2.0
"""Notes of these sections to those of others that are no intro or the like, at least, and by how
much numbers of notes are multiplied at most for it."""
LEAST_PLAYING = 3  # parts of a piece from which on a section's rests apply
AGAIN = {
    MELODY: {EXACT: 0.35, VARIED: 0.45, RHYTHM: 0.2},
    HARMONY: {EXACT: 0.55, VARIED: 0.45, RHYTHM: 0.0},
    BASS: {EXACT: 0.6, VARIED: 0.4, RHYTHM: 0.0},
    DRUM: {EXACT: 0.55, VARIED: 0.45, RHYTHM: 0.0},
}
"""How a section comes back, by role: what it is drawn as for a part."""


def shaped(
    rows: Rows,
    parts: Sequence[PartPlan],
    sections: Sequence[SectionPlan],
    rng: np.random.Generator,
) -> Rows:
    """The rows of an arrangement with the sections of an asked form: each that comes back takes up
    its first, bar by bar, but for a drummer's fill in its last, and parts that rested all through
    the first have come in; parts rest where the section's name or the text has them rest."""
    out = {i: list(row) for i, row in rows.items()}
    firsts: dict[str, SectionPlan] = {}
    for section in sections:
        first = firsts.setdefault(section.letter, section)
        for part in parts:
            row = out[part.instrument]
            rests = _rests(part, parts, section)
            kinds = list(AGAIN[part.role])
            kind = str(rng.choice(kinds, p=list(AGAIN[part.role].values())))
            again = first is not section
            tacet = not any(row[bar].sounds for bar in range(first.start, first.stop))
            for k in range(section.bars):
                bar = section.start + k
                if rests is not None and rests[0] <= k / section.bars < rests[1]:
                    row[bar] = BarPlan(REST)
                elif again and not tacet and k < first.bars:
                    row[bar] = _again(row, bar, first.start + k, kind)
                elif (row[bar].kind == REST and (_must_play(section) or (again and tacet))) or (
                    not _within(row[bar], section)
                ):
                    row[bar] = BarPlan(NEW)
            if part.role == DRUM and section.bars >= 4 and row[section.stop - 1].sounds:
                row[section.stop - 1] = BarPlan(NEW)
        _fill(out, parts, section)
    return out


def with_scenes(rows: Rows, parts: Sequence[PartPlan], form: Sequence[Section]) -> Rows:
    """The rows where a piece of named sections begins or ends with the parts that a text says."""
    out = {i: list(row) for i, row in rows.items()}
    if all(s.name in SCENES for s in form):
        return out  # they are its sections
    bars = len(next(iter(out.values()), []))
    length = scene_bars(bars)
    for scene in form:
        spans = {"start": range(length), "end": range(bars - length, bars)}
        if scene.name in spans and scene.parts:
            for part in parts:
                row = out[part.instrument]
                if named(part, scene.parts):
                    _play(row, spans[scene.name])
                else:
                    _set(row, spans[scene.name], BarPlan(REST))
    return out


def fuller(rows: Rows, sections: Sequence[SectionPlan]) -> Rows:
    """The rows, whose bars have numbers of notes, with more of them in choruses and their like that
    would have too few beside verses: nobody wants a song that sinks there."""

    def mean(some: Sequence[SectionPlan]) -> float:
        bars = [k for section in some for k in range(section.start, section.stop)]
        return sum(max(row[k].notes, 0) for row in rows.values() for k in bars) / max(len(bars), 1)

    full = [section for section in sections if section.letter in FULL]
    beside = mean([s for s in sections if s.letter not in FULL and s.letter not in RESTING])
    if not full or not mean(full) or mean(full) >= FULLER * beside:
        return rows
    scale = min(FULLER * beside / mean(full), MOST_FULLER)
    bars = {k for section in full for k in range(section.start, section.stop)}
    return {
        i: [replace(b, notes=scaled(b.notes, scale)) if k in bars else b for k, b in enumerate(row)]
        for i, row in rows.items()
    }


def silent_at_the_end(
    parts: Sequence[PartPlan], sections: Sequence[SectionPlan], form: Sequence[Section]
) -> frozenset[int]:
    """The instruments that do not play in the last bar, since a form ends with others."""
    ends = [s.parts for s in form if s.name == "end"] + [s.parts for s in sections[-1:]]
    names = next(filter(None, ends), ())
    silent = frozenset(part.instrument for part in parts if names and not named(part, names))
    return silent if len(silent) < len(parts) else frozenset()


def _fill(rows: Rows, parts: Sequence[PartPlan], section: SectionPlan) -> None:
    """Has somebody play in bars of a section that would have neither tune nor chords, or no note
    that begins: of those who may, who plays chords before others."""
    order = sorted(parts, key=lambda part: _FILLERS.index(part.role))
    for bar in range(section.start, section.stop):
        share = (bar - section.start) / section.bars
        heard = [part for part in parts if _heard(rows[part.instrument], bar)]
        begun = any(row[bar].kind not in (REST, HELD) for row in rows.values())
        if begun and any(part.role in (HARMONY, MELODY) for part in heard):
            continue
        for part in order:
            rests = _rests(part, parts, section)
            if rests is None or not rests[0] <= share < rests[1]:
                if part not in heard or not begun:
                    rows[part.instrument][bar] = BarPlan(NEW)
                break


def _heard(row: Sequence[BarPlan], bar: int) -> bool:
    """Whether a part begins notes in a bar, or holds one from a bar before."""
    while bar > 0 and row[bar].kind == HELD:
        bar -= 1
    return row[bar].kind not in (REST, HELD)


_FILLERS = (HARMONY, MELODY, BASS, DRUM)


def _rests(
    part: PartPlan, parts: Sequence[PartPlan], section: SectionPlan
) -> tuple[float, float] | None:
    """From which to which share of a section a part rests."""
    if section.parts:
        return None if named(part, section.parts) else (0.0, 1.0)
    if len(parts) < LEAST_PLAYING:
        return None
    spans = [(a, b) for role, a, b in RESTING.get(section.letter, ()) if role == part.role]
    return spans[0] if spans else None


def bars_before_tune(parts: Sequence[PartPlan], sections: Sequence[SectionPlan]) -> int:
    """How many bars of a form go by before a section in which somebody with a tune may play."""
    tunes = [part for part in parts if part.role == MELODY]
    for section in sections:
        rests = [_rests(part, parts, section) for part in tunes]
        if any(span is None or span[0] > 0 for span in rests):
            return section.start
    return 0


def named(part: PartPlan, names: Sequence[str]) -> bool:
    """Whether one of the names is the part's own, or says what it does."""
    functions = {MELODY: "melody", BASS: "bass", DRUM: "drums", HARMONY: "accompaniment"}
    return part.name.lower() in names or functions[part.role] in names


def _must_play(section: SectionPlan) -> bool:
    return section.letter in FULL or bool(section.parts)


def _again(row: list[BarPlan], bar: int, source: int, kind: str) -> BarPlan:
    if not row[source].sounds:
        return BarPlan(REST) if row[source].kind == REST else row[source]
    return BarPlan(kind, source)


def _within(bar: BarPlan, section: SectionPlan) -> bool:
    """Whether a bar takes up nothing, or a bar of its own section."""
    return bar.source < 0 or bar.source >= section.start


ORDER = {HARMONY: 0, MELODY: 1, BASS: 2, DRUM: 3}
"""In what order parts come in where music builds up, and from the last on leave where it thins."""


def thickened(rows: Rows, parts: Sequence[PartPlan], change: Change, span: tuple[int, int]) -> Rows:
    """The rows with parts that come in one after another where the music is to grow fuller or build
    up, that leave where it is to thin out, that stop for a break, and that all play from a drop
    on, after a break. ``span``: the change's bars (first, behind the last)."""
    start, stop = span
    out = {i: list(row) for i, row in rows.items()}
    length = stop - start
    order = sorted(parts, key=lambda part: ORDER[part.role])
    for k, part in enumerate(order):
        row = out[part.instrument]
        if change.kind in ("fuller", "build") and len(parts) > 1:
            enters = start + int(FULL_BY * k * length / len(order))
            _set(row, range(start, enters), BarPlan(REST))
            _play(row, range(enters, stop))
        elif change.kind == "thinner" and len(parts) > 1:
            leaves = stop - k * length // len(order)
            _set(row, range(leaves, stop), BarPlan(REST))
        elif change.kind == "break" and part.role in (DRUM, BASS):
            _set(row, range(start, stop), BarPlan(REST))
        elif change.kind == "drop":
            if part.role in (DRUM, BASS) and len(parts) > 2:
                _set(row, range(max(0, start - BREAK), start), BarPlan(REST))
            _play(row, range(start, stop))
    return out


FULL_BY = 0.7
"""Share of a span by which all parts are in, where it builds up."""
BREAK = 2  # bars for which drums and bass stop before a drop


def _set(row: list[BarPlan], bars: range, bar: BarPlan) -> None:
    for k in bars:
        row[k] = bar


def _play(row: list[BarPlan], bars: range) -> None:
    """Has a part play where it rested."""
    for k in bars:
        if row[k].kind in (REST, HELD):
            row[k] = BarPlan(NEW)
