"""Onto the grid: every note of a Score gets a place that can be written.

Knows timing; does not know voices, staves or note values. For each part and each beat the grid
(eighths, sixteenths, 32nds, triplets, quintuplets, septuplets) is the one that moves the onsets
least, finer grids paying a price, as in Raphael, "Automated rhythm transcription" (ISMIR 2001).
Music that was played, and not entered, pays more: hands that are late mean no 32nds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cantilena.errors import InputError
from cantilena.score.musicxml.metre import DIVISIONS, EIGHTH, QUARTER, SHORTEST, SIXTEENTH, Bars
from cantilena.score.musicxml.straight import straightened
from cantilena.score.score import Score
from cantilena.score.swing import Swing

_TICK = DIVISIONS // 24
"""What prices and thresholds count in: a 24th of a quarter."""

# Price of an error, per tick, and of each grid: (spacing, once a cell, for each onset it is
# needed for). Chosen so that exact triplets and 32nds are recognised and rushed sixteenths are
# not taken for them; in played music it takes several onsets to tell 32nds from late sixteenths.
_ERROR = 1.5 / _TICK
_GRIDS = (
    (EIGHTH, 0.0, 0.0),
    (SIXTEENTH, 0.4, 0.0),
    (SHORTEST, 1.2, 0.9),
    (SIXTEENTH * 2 // 3, 1.5, 0.9),
)
_PLAYED_GRIDS = (*_GRIDS[:2], (SHORTEST, 3.0, 1.2), (SIXTEENTH * 2 // 3, 3.0, 1.5))


class _Tuplet(NamedTuple):
    """A grid of ``count`` places in ``cells`` eighths, its prices as above, and how many onsets
    inside it takes to tell."""

    count: int
    cells: int
    once: float
    each: float
    least: int = 1


_TRIPLET, _PLAYED_TRIPLET = _Tuplet(3, 2, 1.4, 0.2), _Tuplet(3, 2, 2.4, 0.2)
_ODD = tuple(_Tuplet(n, cells, 4.0, 0.0, n // 2 + 1) for cells in (2, 4) for n in (5, 7))
_PLAYED_ODD = tuple(odd._replace(once=9.0) for odd in _ODD)
_APART, _MERGED = 1.9 * _TICK, 6.0  # onsets so far apart are two; the price of making them one

_DISPLACED = 3.0
"""From how many times as many onsets between the eighths as on them music stands a sixteenth off:
syncopated music has about as many of both."""

_PLAYED = 0.3
"""Share of onsets off any exact place from which music counts as played."""
_EXACT = np.array([0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21, 24]) * _TICK
_EXACT = np.unique([*_EXACT, *(n * QUARTER // d for d in (5, 7) for n in range(1, d))])

_MAX_CELLS = 5_000_000  # eighths of all parts; a symphony has about 300,000

_GRACE_LENGTH = 3.1 * _TICK  # longer notes are not ornaments
_GRACE_REACH = 4.5 * _TICK  # before the note they lead to
_AFTER = 0.9 * _TICK  # notes nearer than this sound together


@dataclass(frozen=True)
class GridNotes:
    """Notes of a Score in ``DIVISIONS`` per quarter, sorted by (track, onset, pitch): arrays of
    shape (N,). ``source``: index of each in the Score. ``grace`` marks ornaments, whose ``onset``
    is that of the note they lead to and whose ``end`` equals it. No two notes share track, onset
    and pitch."""

    onset: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    track: np.ndarray
    grace: np.ndarray
    source: np.ndarray


def quantise(score: Score, bars: Bars, swing: Swing | None = None) -> GridNotes:
    """The Score's notes on the grid of ``bars``, those that ``swing`` made uneven being written
    straight. Ends are snapped to the grid that the onsets
    around them use; pitches below 12, which MusicXML cannot name, are raised an octave. Raises
    InputError for far too many parts and bars."""
    order = np.lexsort((score.pitch, score.onset, score.track))
    scale = DIVISIONS / score.tpq
    parts, track = np.unique(score.track[order], return_inverse=True)
    begin = score.onset[order] * scale
    begin = np.maximum(begin - _lag(begin), 0.0)
    finish = begin + score.duration[order] * scale
    if swing is not None:
        begin, finish = straightened(begin, finish, track, bars, swing)
    pitch = score.pitch[order]
    pitch = np.where((pitch < 12) & ~score.is_drum[order], pitch + 12, pitch)
    part = np.where(score.is_drum[order], -1, track)
    leads = _lonely_graces(begin, finish, part)
    alone = leads >= 0
    grid = _Grid(bars, len(parts), _is_played(begin, bars))
    grid.choose(begin[~alone], track[~alone])
    onset = grid.snap(begin, track)
    onset = np.where(alone, onset[leads], onset)
    end = grid.snap_ends(begin, finish, onset, track)
    grace = alone | _graces(begin, finish, onset, pitch, part)
    end = np.where(grace, onset, end)
    # Of notes that coincide, the longest is kept, and a real note rather than a grace note.
    rank = np.lexsort((-end, grace, pitch, onset, track))
    place = np.stack([track[rank], onset[rank], pitch[rank]])
    first = np.ones(len(rank), dtype=bool)
    first[1:] = (place[:, 1:] != place[:, :-1]).any(axis=0)
    keep = rank[first]
    velocity = score.velocity[order]
    track = parts[track[keep]]
    return GridNotes(
        onset[keep], end[keep], pitch[keep], velocity[keep], track, grace[keep], order[keep]
    )


def _lag(begin: np.ndarray) -> float:
    """Ticks by which nearly all onsets stand beside the grid, as in recordings whose beats were
    marked late; 0 where they do not. First beside the sixteenths, the mean of angles, each
    sixteenth a full turn; then by a whole sixteenth, where most onsets are not on eighths."""
    if len(begin) < 32:
        return 0.0
    mean = np.exp(2j * np.pi * begin / SIXTEENTH).mean()
    lag = float(np.angle(mean)) * SIXTEENTH / (2 * np.pi)
    lag = lag if abs(mean) > 0.7 and abs(lag) > _TICK else 0.0
    place = np.floor((begin - lag) / SIXTEENTH + 0.5).astype(np.int64) % 4
    first, second, third, fourth = np.bincount(place, minlength=4).tolist()
    if second + fourth > _DISPLACED * (first + third):
        lag += SIXTEENTH if second >= fourth else -SIXTEENTH
    return lag


def _is_played(begin: np.ndarray, bars: Bars) -> bool:
    """Whether the onsets are those of hands, and not exact."""
    if not len(begin):
        return False
    bar = np.clip(np.searchsorted(bars.start, begin, side="right") - 1, 0, len(bars.metre) - 1)
    place = (begin - bars.start[bar]) % QUARTER
    apart = np.abs(place[:, None] - _EXACT).min(axis=1)
    return bool((apart > _TICK / 4).mean() > _PLAYED)


class _Grid:
    """The grid of each cell of each part, arrays of shape (parts * cells,): ``step`` its spacing,
    ``origin`` where it counts from, ``span`` the length it covers, all in ticks."""

    def __init__(self, bars: Bars, parts: int, played: bool):
        starts, sizes, heads = [], [], {2: [], 4: []}
        for bar in range(len(bars.metre)):
            plan, at = bars.plan(bar), int(bars.start[bar])
            for cell, size in plan.cells:
                starts.append(at + cell)
                sizes.append(size)
                heads[2].append(cell in plan.quarters)
                heads[4].append(cell in plan.halves)
        if parts * len(starts) > _MAX_CELLS:
            raise InputError(
                f"{parts} parts of {len(bars.metre)} bars are too much to write as a score; "
                "cut the piece or leave out parts"
            )
        self.end = int(bars.start[-1])
        self.start, self.size = np.array(starts), np.array(sizes)
        self.heads = {cells: np.array(where) for cells, where in heads.items()}
        self.step = np.zeros(parts * len(starts), dtype=np.int64)
        self.origin, self.span = np.tile(self.start, parts), np.tile(self.size, parts)
        self.grids = _PLAYED_GRIDS if played else _GRIDS
        self.tuplets = (_PLAYED_TRIPLET, *_PLAYED_ODD) if played else (_TRIPLET, *_ODD)

    def cell(self, x: np.ndarray, track: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Index of the cell in time, and in ``step``."""
        i = np.clip(np.searchsorted(self.start, x, side="right") - 1, 0, len(self.start) - 1)
        return i, track * len(self.start) + i

    def choose(self, x: np.ndarray, track: np.ndarray) -> None:
        """The cheapest grid of each cell for the onsets ``x`` (by part, then time), each once."""
        new = np.ones(len(x), dtype=bool)
        new[1:] = (np.diff(x) != 0) | (np.diff(track) != 0)
        x, track = x[new], track[new]
        i, key = self.cell(x, track)
        rel, size = x - self.start[i], self.size[i]
        n = len(self.step)
        prices = np.zeros((len(self.grids), n))
        for g, (step, once, each) in enumerate(self.grids):
            near = np.minimum(np.floor(rel / step + 0.5) * step, size)
            cost = _ERROR * np.abs(rel - near) + each * (near % EIGHTH != 0)
            prices[g] = np.bincount(key, cost, n) + once
        whole = self.span == EIGHTH
        prices[3][~whole] = np.inf
        prices[0][~whole] = np.inf
        best = prices.argmin(axis=0)
        self.step = np.array([g[0] for g in self.grids])[best]
        price = prices.min(axis=0)
        for tuplet in self.tuplets:
            self._tuplets(tuplet, x, track, price)

    def _tuplets(
        self, tuplet: _Tuplet, x: np.ndarray, track: np.ndarray, price: np.ndarray
    ) -> None:
        """Takes the tuplet where it is cheaper than what its cells have; updates ``price``."""
        size = tuplet.cells * EIGHTH
        step = size // tuplet.count
        i, key = self.cell(x, track)
        within = self._since_head(tuplet.cells)[i]
        inside = within < tuplet.cells
        x, i, key, within = x[inside], i[inside], key[inside], within[inside]
        at = key - within
        rel = x - self.start[i - within]
        near = np.floor(rel / step + 0.5) * step
        cost = _ERROR * np.abs(rel - near) + tuplet.each * (near % size != 0)
        if tuplet.count > 3:
            merged = (np.diff(at) == 0) & (np.diff(near) == 0) & (np.diff(x) > _APART)
            cost[1:][merged] += _MERGED
        sums = np.bincount(at, cost, len(price)) + tuplet.once
        several = np.bincount(at, near % size != 0, len(price)) >= tuplet.least
        heads = np.flatnonzero(several)
        last = -tuplet.cells
        for head in heads[sums[heads] < self._price_of(price, heads, tuplet.cells)].tolist():
            if head < last + tuplet.cells:  # halves of a bar of three overlap
                continue
            last = head
            cells = slice(head, head + tuplet.cells)
            self.step[cells], self.span[cells] = step, size
            self.origin[cells] = self.start[head % len(self.start)]
            price[cells] = sums[head] / tuplet.cells

    def _since_head(self, cells: int) -> np.ndarray:
        """(cells in time,) how many cells ago the last group of ``cells`` eighths began."""
        i = np.arange(len(self.start))
        last = np.maximum.accumulate(np.where(self.heads[cells], i, -cells))
        return np.where(last < 0, cells, i - last)

    @staticmethod
    def _price_of(price: np.ndarray, heads: np.ndarray, cells: int) -> np.ndarray:
        padded = np.append(price, np.full(cells, np.inf))
        return sum(padded[heads + k] for k in range(cells)) + np.zeros(len(heads))

    def snap(self, x: np.ndarray, track: np.ndarray) -> np.ndarray:
        """Ticks of the nearest places on the grid, before the end of the last bar."""
        i, key = self.cell(x, track)
        step, origin = self.step[key], self.origin[key]
        near = np.floor((x - origin) / step + 0.5).astype(np.int64) * step
        place = origin + np.minimum(near, self.span[key])
        return np.where(place >= self.end, self.end - np.minimum(step, self.size[i]), place)

    def snap_ends(
        self, begin: np.ndarray, finish: np.ndarray, onset: np.ndarray, track: np.ndarray
    ) -> np.ndarray:
        """Ticks of the ends, after the onsets and at most the end of the last bar."""
        i, key = self.cell(finish, track)
        step, origin = self.step[key], self.origin[key]
        coarse = (step == EIGHTH) & (finish - begin >= 3 * EIGHTH)
        coarse &= np.abs(finish % SIXTEENTH) > 1e-6
        fine = np.where(step == EIGHTH, SIXTEENTH, step)
        step = np.where(self.size[i] < EIGHTH, SHORTEST, np.where(coarse, EIGHTH, fine))
        near = np.floor((finish - origin) / step + 0.5).astype(np.int64) * step
        end = np.minimum(origin + np.minimum(near, self.span[key]), self.end)
        i, key = self.cell(onset, track)
        least = np.where(self.size[i] < EIGHTH, SHORTEST, np.minimum(self.step[key], SIXTEENTH))
        least = np.where(self.span[key] > EIGHTH, self.step[key], least)
        return np.where(end > onset, end, np.minimum(onset + least, self.end))


def _lonely_graces(begin: np.ndarray, finish: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(N,) index of the note that each note is an ornament of, or -1: a note of a 32nd or less
    off the sixteenths, alone, after a silence or a note of an eighth at least, that leads straight
    to a longer note on a sixteenth. ``part`` is -1 where notes are drums."""
    target = np.full(len(begin), -1)
    i = np.arange(1, len(begin) - 1)
    if not len(i):
        return target
    off = np.abs(begin % SIXTEENTH - SHORTEST) <= 1.5 * _TICK
    fits = off[i] & (finish - begin <= _GRACE_LENGTH)[i] & (part[i] >= 0) & (part[i + 1] == part[i])
    lead = begin[i + 1] - begin[i]
    fits &= (lead > _AFTER) & (lead <= _GRACE_REACH) & _near_sixteenth(begin[i + 1])
    fits &= (begin[i] - begin[i - 1] >= EIGHTH) | (part[i] != part[i - 1])
    fits &= (finish - begin)[i + 1] >= SIXTEENTH
    target[i[fits]] = i[fits] + 1
    return target


def _near_sixteenth(x: np.ndarray) -> np.ndarray:
    return np.abs((x + SHORTEST) % SIXTEENTH - SHORTEST) <= 0.75 * _TICK


def _graces(
    begin: np.ndarray, finish: np.ndarray, onset: np.ndarray, pitch: np.ndarray, part: np.ndarray
) -> np.ndarray:
    """(N,) bool: a short note that falls on the place of a later one, a fourth away at most, or a
    tone when that one is short as well. ``part`` is -1 where notes are drums."""
    grace = np.zeros(len(begin), dtype=bool)
    short = np.flatnonzero((finish - begin <= _GRACE_LENGTH) & (part >= 0))
    for ahead in range(1, 9):  # more notes than this between the two make no ornament
        i = short[short + ahead < len(begin)]
        j = i + ahead
        gap, leap = begin[j] - begin[i], np.abs(pitch[j] - pitch[i])
        fits = (
            (part[j] == part[i]) & (onset[j] == onset[i]) & (gap > _AFTER) & (gap <= _GRACE_REACH)
        )
        fits &= (leap > 0) & (leap <= np.where(finish[j] - begin[j] > _GRACE_LENGTH, 5, 2))
        grace[i[fits]] = True
    return grace
