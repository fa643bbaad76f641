"""Onto the grid: every note of a Score gets a place that can be written.

Knows timing; does not know voices, staves or note values. For each part and each beat the grid
(eighths, sixteenths, 32nds, eighth triplets, sixteenth triplets) is the one that moves the onsets
least, finer grids paying a price, as in Raphael, "Automated rhythm transcription" (ISMIR 2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cantilena.errors import InputError
from cantilena.score.musicxml.metre import DIVISIONS, Bars
from cantilena.score.score import Score

# Price of an error, per tick, and of each grid: (spacing, once a cell, for each onset it is
# needed for). Chosen so that exact triplets and 32nds are recognised and rushed sixteenths are
# not taken for them.
_ERROR = 1.5
_GRIDS = ((12, 0.0, 0.0), (6, 0.4, 0.0), (3, 1.2, 0.9), (4, 1.5, 0.9))
_TRIPLET = (8, 1.4, 0.2)

_MAX_CELLS = 5_000_000  # eighths of all parts; a symphony has about 300,000

_GRACE_LENGTH = 3.1  # ticks; longer notes are not ornaments
_GRACE_REACH = 4.5  # ticks before the note they lead to


@dataclass(frozen=True)
class GridNotes:
    """Notes of a Score in ``DIVISIONS`` per quarter, sorted by (track, onset, pitch): arrays of
    shape (N,). ``grace`` marks ornaments, whose ``onset`` is that of the note they lead to and
    whose ``end`` equals it. No two notes share track, onset and pitch."""

    onset: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    track: np.ndarray
    grace: np.ndarray


def quantise(score: Score, bars: Bars) -> GridNotes:
    """The Score's notes on the grid of ``bars``. Ends are snapped to the grid that the onsets
    around them use; pitches below 12, which MusicXML cannot name, are raised an octave. Raises
    InputError for far too many parts and bars."""
    order = np.lexsort((score.pitch, score.onset, score.track))
    scale = DIVISIONS / score.tpq
    parts, track = np.unique(score.track[order], return_inverse=True)
    begin = score.onset[order] * scale
    begin = np.maximum(begin - _lag(begin), 0.0)
    finish = begin + score.duration[order] * scale
    pitch = score.pitch[order]
    pitch = np.where((pitch < 12) & ~score.is_drum[order], pitch + 12, pitch)
    part = np.where(score.is_drum[order], -1, track)
    leads = _lonely_graces(begin, finish, part)
    alone = leads >= 0
    grid = _Grid(bars, len(parts))
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
    return GridNotes(onset[keep], end[keep], pitch[keep], velocity[keep], track, grace[keep])


def _lag(begin: np.ndarray) -> float:
    """Ticks by which nearly all onsets stand beside the sixteenths, as in recordings whose beats
    were marked late; 0 where they do not. The mean of angles, each sixteenth a full turn."""
    if len(begin) < 32:
        return 0.0
    mean = np.exp(2j * np.pi * begin / 6).mean()
    lag = float(np.angle(mean)) * 3 / np.pi
    return lag if abs(mean) > 0.7 and abs(lag) > 1 else 0.0


class _Grid:
    """The grid of each cell of each part: ``step`` (parts * cells,), in ticks."""

    def __init__(self, bars: Bars, parts: int):
        starts, sizes, pairs = [], [], []
        for bar in range(len(bars.metre)):
            plan, at = bars.plan(bar), int(bars.start[bar])
            for cell, size in plan.cells:
                starts.append(at + cell)
                sizes.append(size)
                pairs.append(cell in plan.quarters)
        if parts * len(starts) > _MAX_CELLS:
            raise InputError(
                f"{parts} parts of {len(bars.metre)} bars are too much to write as a score; "
                "cut the piece or leave out parts"
            )
        self.end = int(bars.start[-1])
        self.start, self.size, self.pair = np.array(starts), np.array(sizes), np.array(pairs)
        self.step = np.zeros(parts * len(starts), dtype=np.int64)

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
        prices = np.zeros((len(_GRIDS), n))
        for g, (step, once, each) in enumerate(_GRIDS):
            near = np.minimum(np.floor(rel / step + 0.5) * step, size)
            cost = _ERROR * np.abs(rel - near) + each * (near % 12 != 0)
            prices[g] = np.bincount(key, cost, n) + once
        whole = np.tile(self.size, len(self.step) // len(self.size)) == 12
        prices[3][~whole] = np.inf
        prices[0][~whole] = np.inf
        best = prices.argmin(axis=0)
        self.step = np.array([g[0] for g in _GRIDS])[best]
        self._triplets(x, track, prices.min(axis=0))

    def _triplets(self, x: np.ndarray, track: np.ndarray, price: np.ndarray) -> None:
        """Eighth triplets, where they are cheaper than the two halves of the beat are."""
        i, key = self.cell(x, track)
        second = (i > 0) & self.pair[np.maximum(i - 1, 0)]
        head = np.where(second, i - 1, i)
        inside = self.pair[head]
        rel = (x - self.start[head])[inside]
        step, once, each = _TRIPLET
        near = np.floor(rel / step + 0.5) * step
        cost = _ERROR * np.abs(rel - near) + each * (near % 24 != 0)
        at = (key - second)[inside]
        sums = np.bincount(at, cost, len(price)) + once
        tiled = np.tile(self.pair, len(price) // len(self.pair))
        other = np.append(price[1:], np.inf)
        pairs = np.flatnonzero(tiled & (sums < price + other))
        self.step[pairs] = self.step[pairs + 1] = step

    def snap(self, x: np.ndarray, track: np.ndarray) -> np.ndarray:
        """Ticks of the nearest places on the grid, before the end of the last bar."""
        i, key = self.cell(x, track)
        step = self.step[key]
        origin, size = self._frame(i, step)
        near = np.minimum(np.floor((x - origin) / step + 0.5).astype(np.int64) * step, size)
        place = origin + near
        return np.where(place >= self.end, self.end - np.minimum(step, self.size[i]), place)

    def _frame(self, i: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the grid around cell i counts from, and the length it covers."""
        second = (step == 8) & ~self.pair[i]
        origin = self.start[np.where(second, i - 1, i)]
        return origin, np.where(step == 8, 24, self.size[i])

    def snap_ends(
        self, begin: np.ndarray, finish: np.ndarray, onset: np.ndarray, track: np.ndarray
    ) -> np.ndarray:
        """Ticks of the ends, after the onsets and at most the end of the last bar."""
        i, key = self.cell(finish, track)
        step = self.step[key]
        coarse = (step == 12) & (finish - begin >= 36) & (np.abs(finish % 6) > 1e-6)
        fine = np.where(step == 12, 6, step)
        step = np.where(self.size[i] < 12, 3, np.where(coarse, 12, fine))
        origin, size = self._frame(i, step)
        near = np.minimum(np.floor((finish - origin) / step + 0.5).astype(np.int64) * step, size)
        end = np.minimum(origin + near, self.end)
        i, key = self.cell(onset, track)
        least = np.where(self.size[i] < 12, 3, np.minimum(self.step[key], 6))
        least = np.where(self.step[key] == 8, 8, least)
        return np.where(end > onset, end, np.minimum(onset + least, self.end))


def _lonely_graces(begin: np.ndarray, finish: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(N,) index of the note that each note is an ornament of, or -1: a note of a 32nd or less
    off the sixteenths, alone, after a silence or a note of an eighth at least, that leads straight
    to a longer note on a sixteenth. ``part`` is -1 where notes are drums."""
    target = np.full(len(begin), -1)
    i = np.arange(1, len(begin) - 1)
    if not len(i):
        return target
    off = np.abs(begin % 6 - 3) <= 1.5
    fits = off[i] & (finish - begin <= 3.1)[i] & (part[i] >= 0) & (part[i + 1] == part[i])
    lead = begin[i + 1] - begin[i]
    fits &= (lead > 0.9) & (lead <= _GRACE_REACH) & (np.abs((begin[i + 1] + 3) % 6 - 3) <= 0.75)
    fits &= (begin[i] - begin[i - 1] >= 12) | (part[i] != part[i - 1])
    fits &= (finish - begin)[i + 1] >= 6
    target[i[fits]] = i[fits] + 1
    return target


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
        fits = (part[j] == part[i]) & (onset[j] == onset[i]) & (gap > 0.9) & (gap <= _GRACE_REACH)
        fits &= (leap > 0) & (leap <= np.where(finish[j] - begin[j] > _GRACE_LENGTH, 5, 2))
        grace[i[fits]] = True
    return grace
