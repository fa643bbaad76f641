"""The bars of a written score, and how each metre divides into groups, beats and parts of beats.

Knows metres; does not know notes. All lengths are in ``DIVISIONS`` per quarter note.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cantilena.errors import InputError
from cantilena.score.score import Score

DIVISIONS = 840
"""Ticks per quarter of everything written: holds 32nds and tuplets of 3, 5, 6 and 7."""

HALF, QUARTER, EIGHTH = 2 * DIVISIONS, DIVISIONS, DIVISIONS // 2
SIXTEENTH, SHORTEST = DIVISIONS // 4, DIVISIONS // 8
"""Ticks of the note values; the shortest is a 32nd, and bar lines stand on multiples of it."""

MAX_BARS = 20_000
DEEPEST = 9  # the level of a tick that begins no part of any beat

# Units (of the metre's denominator) per group, where grouping by twos and threes is not obvious.
_GROUPS = {2: (1, 1), 3: (1, 1, 1), 4: (2, 2), 6: (3, 3), 9: (3, 3, 3), 12: (6, 6)}
_GROUPS |= {5: (3, 2), 7: (2, 2, 3), 8: (3, 3, 2), 10: (3, 3, 2, 2), 11: (3, 3, 3, 2)}


@dataclass(frozen=True)
class Bars:
    """``start``: (B + 1,) ticks of the bar lines, all multiples of ``SHORTEST``, the last one the
    end;
    ``metre``: (numerator, denominator) of each of the B bars, the denominator a power of 2;
    ``upbeat``: the first bar is the end of one, in the metre of the next."""

    start: np.ndarray
    metre: tuple[tuple[int, int], ...]
    upbeat: bool = False

    def plan(self, bar: int) -> Plan:
        """How bar ``bar`` divides."""
        length = int(self.start[bar + 1] - self.start[bar])
        if self.upbeat and bar == 0:
            return plan_upbeat(*self.metre[0], length)
        return plan_bar(*self.metre[bar], length)

    def number(self, bar: int) -> int:
        """What bar ``bar`` is called: an upbeat 0, the first full bar 1."""
        return bar + (not self.upbeat)

    def nearest(self, tick: float) -> int:
        """The bar (0..B) whose start is nearest to a tick."""
        return int(np.argmin(np.abs(self.start - tick)))


@dataclass(frozen=True, eq=False)
class Plan:
    """How one bar divides.

    ``level[t]``: how strong tick t of the bar is, 0 the bar line, ``DEEPEST`` nothing begins;
    ``nodes``: (start, end) of the bar, its groups, beats and parts of beats; ``strict``: group
    boundaries that only whole groups may cross; ``beams``: (start, end) of the groups that beams
    join; ``cells``: (start, length), the stretches with a grid of their own; ``quarters``: starts
    of quarters of two such cells, which may be triplets; ``halves``: starts of half notes which
    may be quarter triplets; ``whole``: whether it is as long as its metre says.
    """

    length: int
    level: tuple[int, ...]
    nodes: frozenset[tuple[int, int]]
    strict: frozenset[int]
    beams: tuple[tuple[int, int], ...]
    cells: tuple[tuple[int, int], ...]
    quarters: frozenset[int]
    halves: frozenset[int]
    whole: bool = True
    # Equal by identity, which makes it a cheap key of caches; ``plan_bar`` gives one per metre.


def lay_bars(score: Score) -> Bars:
    """The Score's bars on the written grid. Bars that vanish by rounding are left out.

    Raises InputError when there are more than ``MAX_BARS``.
    """
    ticks = score.bar_starts
    if len(ticks) > MAX_BARS:
        raise InputError(f"{len(ticks) - 1} bars are too many to write as a score; cut the piece")
    at = np.floor(ticks * (QUARTER // SHORTEST / score.tpq) + 0.5).astype(np.int64) * SHORTEST
    which = np.searchsorted(score.metre_tick, ticks[:-1], side="right") - 1
    keep = np.flatnonzero(np.diff(at) > 0)
    if not len(keep):
        return Bars(np.array([0, 4 * QUARTER]), ((4, 4),))
    start = np.append(at[keep], at[-1])
    metres = []
    for i in keep.tolist():
        num, den = int(score.metre_num[which[i]]), int(score.metre_den[which[i]])
        if den & (den - 1):  # such metres cannot be written: the nearest count of 32nds can
            num, den = int(at[i + 1] - at[i]) // SHORTEST, 32
        metres.append((num, den))
    length = np.diff(start[:3])
    upbeat = (
        len(score.metre_tick) > 1
        and len(metres) > 1
        and int(ticks[1]) == int(score.metre_tick[1])
        and length[0] < length[1] == _full_length(*metres[1])
    )
    if upbeat:
        metres[0] = metres[1]
    return Bars(start, tuple(metres), bool(upbeat))


def _full_length(num: int, den: int) -> int:
    return num * (4 * QUARTER // den if den <= 32 else SHORTEST)


def _group(n: int, unit: int) -> tuple[int, ...]:
    if n == 6 and unit >= HALF:
        return (2, 2, 2)
    if n == 7 and unit >= QUARTER:
        return (4, 3)
    if n == 8 and unit >= QUARTER:
        return (4, 4)
    if n in _GROUPS:
        return _GROUPS[n]
    if n % 3 == 0:
        return (3,) * (n // 3)
    return (2,) * (n // 2 - n % 2) + (3,) * (n % 2)


class _Tree:
    """Collects what a bar divides into, from the whole down to 32nds."""

    def __init__(self, unit: int, length: int):
        self.unit, self.length = unit, length
        self.level = [DEEPEST] * (length + 1)
        self.nodes: set[tuple[int, int]] = set()
        self.beams: list[tuple[int, int]] = []
        self.uneven: set[int] = set()

    def grow(self, start: int, size: int, level: int, beamed: bool, ternary: bool) -> None:
        end = start + size
        if start >= self.length:
            return
        for edge in (start, min(end, self.length)):
            self.level[edge] = min(self.level[edge], level)
        if end <= self.length:
            self.nodes.add((start, end))
        if not beamed and size <= 3 * EIGHTH:
            self.beams.append((start, min(end, self.length)))
            beamed = True
        units = size // self.unit if size % self.unit == 0 else 0
        if units > 1:
            parts = [p * self.unit for p in _group(units, self.unit)]
        elif size % SIXTEENTH == 0:
            parts = [size // 2] * 2
        else:
            return
        groups = len(set(parts)) > 1 or (level == 0 and max(parts) % (3 * self.unit) == 0)
        groups = groups or (ternary and max(parts) % (3 * self.unit) == 0)
        at = start
        for part in parts:
            if groups:
                self.uneven.add(at)
            self.grow(at, part, level + 1, beamed, groups)
            at += part


@lru_cache(maxsize=256)
def plan_bar(num: int, den: int, length: int) -> Plan:
    """The Plan of a bar of ``num``/``den`` that lasts ``length`` ticks (less when a change of
    metre cuts it short)."""
    unit = 4 * QUARTER // den if den <= 32 else SHORTEST
    size = max(num * unit, -(-length // unit) * unit)
    tree = _Tree(unit, length)
    tree.grow(0, size, 0, False, False)
    tree.level[0] = tree.level[length] = 0
    nodes = frozenset(tree.nodes | {(0, length)})
    quarters = frozenset(
        a for a, b in nodes if b - a == QUARTER and {(a, a + EIGHTH), (a + EIGHTH, b)} <= nodes
    )
    halves = {a for a, b in nodes if b - a == HALF}
    if not halves:
        halves = {a for a in quarters if a + QUARTER in quarters}
    halves &= {a for a in quarters if a + QUARTER in quarters}
    return Plan(
        length,
        tuple(tree.level),
        nodes,
        frozenset(tree.uneven - {0}),
        tuple(tree.beams),
        _cells(length, nodes),
        quarters,
        frozenset(halves),
        length == _full_length(num, den),
    )


@lru_cache(maxsize=256)
def plan_upbeat(num: int, den: int, length: int) -> Plan:
    """The Plan of the last ``length`` ticks, less than all, of a bar of ``num``/``den``."""
    whole = plan_bar(num, den, _full_length(num, den))
    cut = whole.length - length
    nodes = frozenset({(a - cut, b - cut) for a, b in whole.nodes if a >= cut} | {(0, length)})
    return Plan(
        length,
        whole.level[cut:],
        nodes,
        frozenset(x - cut for x in whole.strict if x > cut),
        tuple((max(a - cut, 0), b - cut) for a, b in whole.beams if b > cut),
        _cells(length, nodes),
        frozenset(x - cut for x in whole.quarters if x >= cut),
        frozenset(x - cut for x in whole.halves if x >= cut),
        False,
    )


def _cells(length: int, nodes: frozenset[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Eighths where the metre has them, and what is left between, at most a sixteenth each."""
    cells, at = [], 0
    while at < length:
        size = SIXTEENTH
        if (at, at + EIGHTH) in nodes:
            size = EIGHTH
        elif (at + SHORTEST, at + SHORTEST + EIGHTH) in nodes:
            size = SHORTEST
        cells.append((at, min(size, length - at)))
        at += cells[-1][1]
    return tuple(cells)
