"""Note values: how stretches of sound and silence in one bar are written.

Knows durations, ties, tuplets, rests and beams; does not know pitches. The rules are those of
Gould, *Behind Bars* (2011), ch. 6: a note may hide a beat only where it starts on a stronger one
or is a plain syncopation; rests never do.
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import groupby
from typing import NamedTuple

from cantilena.score.musicxml.metre import DEEPEST, EIGHTH, HALF, QUARTER, SHORTEST, SIXTEENTH, Plan

_VALUES = {8 * QUARTER: ("breve", 0), 4 * QUARTER: ("whole", 0), HALF: ("half", 0)}
_VALUES |= {QUARTER: ("quarter", 0), EIGHTH: ("eighth", 0), SIXTEENTH: ("16th", 0)}
_VALUES |= {SHORTEST: ("32nd", 0), 6 * QUARTER: ("whole", 1), 3 * QUARTER: ("half", 1)}
_VALUES |= {3 * EIGHTH: ("quarter", 1), 3 * SIXTEENTH: ("eighth", 1), 3 * SHORTEST: ("16th", 1)}
_FLAGS = {"eighth": 1, "16th": 2, "32nd": 3}
_KINDS = ("32nd", "16th", "eighth", "quarter", "half", "whole")


class Tuplet(NamedTuple):
    """``actual`` notes of kind ``unit`` in the time of ``normal``, ``size`` ticks in all."""

    size: int
    actual: int
    normal: int
    unit: str

    @property
    def values(self) -> dict[int, tuple[str, int]]:
        """(kind, dots) of the lengths, in ticks, that one note in it can have."""
        return _values_in(self)


@cache
def _values_in(tuplet: Tuplet) -> dict[int, tuple[str, int]]:
    """From half the unit, where a tuplet of 3 divides so, to four of it."""
    at, size = _KINDS.index(tuplet.unit), tuplet.size // tuplet.actual
    values = {size: (_KINDS[at], 0), 2 * size: (_KINDS[at + 1], 0)}
    if tuplet.actual == 3 and tuplet.unit != "16th":
        values |= {size // 2: (_KINDS[at - 1], 0), 3 * size // 2: (_KINDS[at], 1)}
    if tuplet.actual > 3:
        values |= {3 * size: (_KINDS[at + 1], 1), 4 * size: (_KINDS[at + 2], 0)}
    return {length: values[length] for length in sorted(values) if length < tuplet.size}


_HALF, _BEAT = Tuplet(EIGHTH, 3, 2, "16th"), Tuplet(QUARTER, 3, 2, "eighth")
_SIX, _WIDE = Tuplet(QUARTER, 6, 4, "16th"), Tuplet(HALF, 3, 2, "quarter")
_ODD = {n: Tuplet(QUARTER, n, 4, "16th") for n in (5, 7)}
_WIDE_ODD = {n: Tuplet(HALF, n, 4, "eighth") for n in (5, 7)}


class Stretch(NamedTuple):
    """Sound or silence from ``start`` to ``end`` ticks of the bar."""

    start: int
    end: int
    sounds: bool


class Piece(NamedTuple):
    """One written note or rest: part of stretch number ``stretch``; ``first`` and ``last`` say
    whether it is where that one starts and ends. ``opens`` and ``closes`` are the ends of its
    ``tuplet``, ``bracket`` whether that needs one. ``beams`` are MusicXML's words, one a
    level."""

    stretch: int
    start: int
    length: int
    kind: str
    dots: int
    first: bool
    last: bool
    tuplet: Tuplet | None = None
    opens: bool = False
    closes: bool = False
    bracket: bool = False
    beams: tuple[str, ...] = ()


_Value = tuple[int, int, str, int, Tuplet | None]  # start, end, kind, dots, tuplet


@lru_cache(maxsize=8192)
def notate(stretches: tuple[Stretch, ...], plan: Plan) -> tuple[Piece, ...]:
    """The stretches, which fill the bar of ``plan`` end to end, as written notes and rests."""
    tuplets = _tuplets({s.start for s in stretches} | {plan.length}, plan)
    pieces: list[Piece] = []
    for number, (start, end, sounds) in enumerate(stretches):
        values = _fill(start, end, sounds, tuplets, plan)
        for i, (a, b, kind, dots, tuplet) in enumerate(values):
            pieces.append(Piece(number, a, b - a, kind, dots, i == 0, i == len(values) - 1, tuplet))
    sounding = [s.sounds for s in stretches]
    return _close(_beam(pieces, sounding, tuplets, plan), tuplets)


def _tuplets(edges: set[int], plan: Plan) -> dict[int, Tuplet]:
    """Each tuplet that the edges of stretches ask for, by its start."""
    tuplets: dict[int, Tuplet] = {}
    for cell, size in plan.cells:
        thirds = {cell + EIGHTH // 3, cell + 2 * EIGHTH // 3}
        if size == EIGHTH and thirds & edges:
            tuplets[cell] = _HALF
    for q in plan.quarters:
        inside = sorted(e - q for e in edges if q < e < q + QUARTER)
        odd = [r for r in inside if r % SHORTEST]
        if not odd:
            continue
        count = _odd_count(inside, QUARTER)
        if count:
            tuplets[q] = _ODD[count]
            continue
        both = odd[0] < EIGHTH < odd[-1] and EIGHTH not in inside
        six = q in tuplets and q + EIGHTH in tuplets and len(odd) >= 3
        if both or six or all(r % (QUARTER // 3) == 0 for r in inside):
            tuplets.pop(q + EIGHTH, None)
            tuplets[q] = _SIX if six else _BEAT
    for h in sorted(plan.halves):
        inside = [e - h for e in edges if h < e < h + HALF]
        if tuplets.get(h - QUARTER, _HALF).size == HALF:  # halves of a bar of three overlap
            continue
        wide = _wide(inside, tuplets.get(h), tuplets.get(h + QUARTER))
        if wide:
            tuplets.pop(h + QUARTER, None)
            tuplets[h] = wide
    return tuplets


def _odd_count(inside: list[int], size: int) -> int:
    """5 or 7 where all places divide ``size`` ticks so, else 0."""
    return next((n for n in _ODD if inside and all(r * n % size == 0 for r in inside)), 0)


def _wide(inside: list[int], first: Tuplet | None, second: Tuplet | None) -> Tuplet | None:
    """The tuplet of a half note that takes the place of those of its quarters, or None.
    ``inside``: the edges in it, from its start."""
    if not inside or QUARTER in inside:
        return None
    count = _odd_count(inside, HALF)
    if count:
        return _WIDE_ODD[count]
    if any(r % (QUARTER // 3) for r in inside):
        return None
    plain = all(r % (HALF // 3) == 0 for r in inside)
    return _WIDE if plain or first == second == _BEAT else None


def _fill(
    start: int, end: int, sounds: bool, tuplets: dict[int, Tuplet], plan: Plan
) -> list[_Value]:
    """(start, end, kind, dots, tuplet) of the values that fill one stretch."""
    out: list[_Value] = []
    at = start
    for cell in [*sorted(tuplets), plan.length]:
        tuplet = tuplets.get(cell)
        if at < min(end, cell):
            _plain(at, min(end, cell), sounds, plan, out)
            at = min(end, cell)
        if tuplet and at < end and cell <= at < cell + tuplet.size:
            stop = min(end, cell + tuplet.size)
            _in_tuplet(at, stop, cell, tuplet, sounds, out)
            at = stop
    return out


def _in_tuplet(a: int, b: int, cell: int, tuplet: Tuplet, sounds: bool, out: list[_Value]) -> None:
    values = tuplet.values
    value = values.get(b - a)
    if value and (sounds or value[1] == 0):
        out.append((a, b, *value, tuplet))
        return
    unit = 2 * min(values)
    x = cell + ((a - cell) // unit + 1) * unit if (a - cell) % unit else a + unit
    if (a - cell) % unit == 0 and sounds:  # the longest value first
        x = a + max(v for v, (_, dots) in values.items() if v < b - a and not dots)
    _in_tuplet(a, x, cell, tuplet, sounds, out)
    _in_tuplet(x, b, cell, tuplet, sounds, out)


def _plain(a: int, b: int, sounds: bool, plan: Plan, out: list[_Value]) -> None:
    """Splits [a, b) where the metre asks for it."""
    level = plan.level
    fits = _note_fits if sounds else _rest_fits
    while a < b:
        inside = [x for x in range(a + SHORTEST, b, SHORTEST) if level[x] < DEEPEST]
        value = _VALUES.get(b - a)
        if value and (not inside or fits(a, b, inside, plan)):
            out.append((a, b, *value, None))
            return
        if not inside:  # an odd remainder of a bar cut short
            x = max(a + v for v in _VALUES if a + v < b)
        else:
            strongest = min(level[x] for x in inside)
            at = [x for x in inside if level[x] == strongest]
            x = at[0]
            if level[a] <= strongest and sounds:
                x = next((y for y in reversed(at) if _single(a, y, plan)), x)
        _plain(a, x, sounds, plan, out)
        a = x


def _single(a: int, b: int, plan: Plan) -> bool:
    inside = [x for x in range(a + SHORTEST, b, SHORTEST) if plan.level[x] < DEEPEST]
    return b - a in _VALUES and (not inside or _note_fits(a, b, inside, plan))


def _note_fits(a: int, b: int, inside: list[int], plan: Plan) -> bool:
    """Whether one note may cross the parts of beats ``inside``."""
    level, whole = plan.level, plan.strict | {0, plan.length}
    if any(x in plan.strict for x in inside) and not (a in whole and b in whole):
        return False
    strongest = min(level[x] for x in inside)
    if level[a] <= strongest:
        return True
    crossed = sum(level[x] == strongest for x in inside)
    near = level[a] == strongest + 1 and level[b] <= strongest + 1
    return near and crossed == 1 and strongest > 0


def _rest_fits(a: int, b: int, inside: list[int], plan: Plan) -> bool:
    """Rests fill whole beats or parts of them, or the first two thirds of a dotted beat."""
    if (a, b) in plan.nodes:
        return True
    size = b - a
    return (a, a + 3 * size // 2) in plan.nodes and len(inside) == 1 and size == QUARTER


def _groups(pieces: list[Piece], sounding: list[bool], plan: Plan) -> dict[int, int]:
    """The beam group (its start) of each group's start: pairs of beats that hold nothing but four
    eighths become one."""
    groups = {a: a for a, _ in plan.beams}
    eighths: dict[int, int] = {}
    for p in pieces:
        if p.kind == "eighth" and not p.dots and not p.tuplet and sounding[p.stretch]:
            at = p.start - p.start % EIGHTH
            eighths[at] = eighths.get(at, 0) + 1
    for a, b in plan.nodes:
        four = (a + r * EIGHTH in eighths for r in range(4))
        if b - a == HALF and a in plan.quarters and all(four):
            groups[a + QUARTER] = a
    return groups


def _beam(
    pieces: list[Piece], sounding: list[bool], tuplets: dict[int, Tuplet], plan: Plan
) -> list[Piece]:
    groups = _groups(pieces, sounding, plan)
    starts = sorted(groups)
    wide = [(a, a + HALF) for a, tuplet in tuplets.items() if tuplet.size == HALF]
    runs: list[list[int]] = [[]]
    joined: int | None = None
    out = list(pieces)
    for i, p in enumerate(pieces):
        flags = _FLAGS.get(p.kind, 0) if sounding[p.stretch] else 0
        start = max((g for g in starts if g <= p.start), default=0)
        group = next((-1 - a for a, b in wide if a <= p.start < b), groups.get(start, 0))
        if runs[-1] and (not flags or group != joined):
            runs.append([])
        if flags:
            runs[-1].append(i)
            joined = group
    for run in runs:
        for part in _nested(run, pieces, tuplets):
            _join(part, out)
    return out


def _nested(run: list[int], pieces: list[Piece], tuplets: dict[int, Tuplet]) -> list[list[int]]:
    """The run, cut at the edges of a tuplet that it holds a part of and goes beyond: beams and
    tuplets lie within one another or apart."""
    parts = [run]
    for cell, tuplet in tuplets.items():
        within = {i for i, p in enumerate(pieces) if cell <= p.start < cell + tuplet.size}
        cut: list[list[int]] = []
        for part in parts:
            crosses = within & {*part} and within - {*part} and {*part} - within
            split = groupby(part, within.__contains__) if crosses else [(True, part)]
            cut += [list(members) for _, members in split]
        parts = cut
    return parts


def _join(run: list[int], pieces: list[Piece]) -> None:
    """Beams for a run of neighbours; a single note keeps its flag."""
    if len(run) < 2:
        return
    flags = [_FLAGS[pieces[i].kind] for i in run]
    for n, i in enumerate(run):
        words = []
        for depth in range(1, flags[n] + 1):
            before = n > 0 and flags[n - 1] >= depth
            after = n + 1 < len(run) and flags[n + 1] >= depth
            if before and after:
                words.append("continue")
            elif before or after:
                words.append("end" if before else "begin")
            else:
                words.append("forward hook" if n == 0 else "backward hook")
        pieces[i] = pieces[i]._replace(beams=tuple(words))


def _close(pieces: list[Piece], tuplets: dict[int, Tuplet]) -> tuple[Piece, ...]:
    """Marks where tuplets open and close, with a bracket where no beam shows them."""
    out = list(pieces)
    for cell, tuplet in tuplets.items():
        within = [i for i, p in enumerate(out) if cell <= p.start < cell + tuplet.size]
        beams = [out[i].beams[:1] for i in within]
        plain = beams[0] == ("begin",) and beams[-1] == ("end",) and all(beams)
        one = plain and ("end",) not in beams[:-1]
        for i in within:
            out[i] = out[i]._replace(bracket=not one)
        out[within[0]] = out[within[0]]._replace(opens=True)
        out[within[-1]] = out[within[-1]]._replace(closes=True)
    return tuple(out)
