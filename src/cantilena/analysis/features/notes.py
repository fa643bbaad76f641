"""Notes as they would be written: what the features are counted on.

Knows bars, places in them and instruments; knows nothing of a file's tracks, their order and names,
its resolution, velocities, or how far a note's end is from where it would be written. Onsets and
ends are moved to the nearest sixteenth or triplet of their quarter, so that a performance and its
score are alike; all tracks of one instrument are one part; of a part's notes of one pitch each ends
where the next begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cantilena.analysis.grid import UNPITCHED
from cantilena.analysis.rhythm import main_metre
from cantilena.errors import InputError
from cantilena.score.score import DRUMS, Score, Track

UNITS = 12
"""Units of time in a quarter, in which sixteenths and triplets are whole numbers."""
PLACES = (0, 3, 4, 6, 8, 9, 12)
"""Sixteenths and triplets of a quarter, in units, the next quarter's first included."""
SIXTEENTHS = (0, 3, 6, 9, 12)
"""Sixteenths alone."""


@dataclass(frozen=True)
class Notes:
    """Parallel arrays of N notes in order of (time, part, pitch), in units of a twelfth of a
    quarter.

    ``time``: (N,) from the first bar line; ``bar``: (N,) from 0; ``place``: (N,) within the bar;
    ``length``: (N,) at least 1; ``pitch``: (N,) 0-127; ``part``: (N,) instruments 0-128.
    ``bar_lines``: (B + 1,) times, the last behind the last bar in which a note begins; ``beat``:
    length of the main metre's beat, a dotted one in 6/8 and its kin; ``metres``: (time, numerator,
    denominator) of each metre.
    """

    time: np.ndarray
    bar: np.ndarray
    place: np.ndarray
    length: np.ndarray
    pitch: np.ndarray
    part: np.ndarray
    bar_lines: np.ndarray
    beat: int
    metres: tuple[tuple[int, int, int], ...]

    def __len__(self) -> int:
        return len(self.time)

    @property
    def bars(self) -> int:
        """How many bars there are."""
        return len(self.bar_lines) - 1

    @property
    def pitched(self) -> np.ndarray:
        """(N,) bool: not drums, nor another instrument whose pitch is no harmony."""
        return ~np.isin(self.part, (DRUMS, *UNPITCHED))

    def select(self, keep: np.ndarray) -> Notes:
        """The Notes where ``keep``, (N,) bool or indices in rising order; bars stay."""
        names = ("time", "bar", "place", "length", "pitch", "part")
        return replace(self, **{name: getattr(self, name)[keep] for name in names})

    def score(self) -> Score:
        """The notes as a Score, for what ``analysis`` hears."""
        instruments = np.unique(self.part)
        tracks = [Track("", i % DRUMS, i == DRUMS) for i in instruments.tolist()]
        velocity = np.full(len(self), 80)
        track = np.searchsorted(instruments, self.part)
        columns = (self.time, self.length, self.pitch, velocity, track)
        end = int(self.bar_lines[-1])
        return Score.build(UNITS, tracks, *columns, metres=self.metres, end=end)


def written(score: Score, places: Sequence[int] = PLACES) -> Notes:
    """The Notes of a Score, at these ``places`` of each quarter (units, from 0 to ``UNITS``).
    Raises InputError for one without notes."""
    if not len(score):
        raise InputError("a piece without notes has no features")
    edges, tpq = score.bar_starts, score.tpq
    spans = np.maximum(_rounded(np.diff(edges), tpq), 1)
    lines = np.append(0, np.cumsum(spans))
    start = np.minimum(_snapped(score.onset, edges, lines, tpq, places), lines[-1] - 1)
    stop = _snapped(score.onset + score.duration, edges, lines, tpq, places)
    pitch, part = score.pitch, score.instrument
    order = np.lexsort((-stop, pitch, part, start))
    start, stop, pitch, part = (x[order] for x in (start, stop, pitch, part))
    rows = np.stack([start, part, pitch])
    first = np.append(True, (np.diff(rows) != 0).any(0))
    start, stop, pitch, part = (x[first] for x in (start, stop, pitch, part))
    bar = np.searchsorted(lines, start, side="right") - 1
    lines = lines[: bar[-1] + 2]
    stop = np.minimum(_without_overlap(start, stop, pitch, part), lines[-1])
    length = np.maximum(stop - start, 1)
    metre_at = np.searchsorted(edges, score.metre_tick, side="left")
    rows_of = zip(
        metre_at.tolist(), score.metre_num.tolist(), score.metre_den.tolist(), strict=True
    )
    metres = tuple((int(lines[at]), n, d) for at, n, d in rows_of if at < len(lines) - 1)
    beat = beat_length(*main_metre(score))
    return Notes(start, bar, start - lines[bar], length, pitch, part, lines, beat, metres)


def beat_length(numerator: int, denominator: int) -> int:
    """Units of a metre's beat: three of the denominator's notes in 3/8, 6/8, 9/8 and their kin,
    else one; at least 1."""
    dotted = denominator >= 8 and numerator % 3 == 0
    return max(1, round(4 * UNITS * (3 if dotted else 1) / denominator))


def _rounded(ticks: np.ndarray, tpq: int) -> np.ndarray:
    return (2 * ticks * UNITS + tpq) // (2 * tpq)


def nearest_places(ticks: np.ndarray, quarter: int, places: Sequence[int] = PLACES) -> np.ndarray:
    """(N,) the places, in units, nearest to so many ``ticks``, (N,), of a ``quarter`` of ticks, by
    whole numbers alone, so that no resolution decides a tie."""
    at = np.array(places)
    borders = at[:-1] + at[1:]  # half way between the places, in 24ths of a quarter
    return at[np.searchsorted(borders * quarter, 2 * UNITS * ticks, side="right")]


def _snapped(
    ticks: np.ndarray, edges: np.ndarray, lines: np.ndarray, tpq: int, places: Sequence[int]
) -> np.ndarray:
    """Times of ticks, each at the nearest place of its quarter. A bar's quarters count from its bar
    line."""
    bar = np.clip(np.searchsorted(edges, ticks, side="right") - 1, 0, len(edges) - 2)
    quarter, rest = np.divmod(ticks - edges[bar], tpq)
    nearest = nearest_places(rest, tpq, places)
    return np.minimum(lines[bar] + UNITS * quarter + nearest, lines[bar + 1])


def _without_overlap(
    start: np.ndarray, stop: np.ndarray, pitch: np.ndarray, part: np.ndarray
) -> np.ndarray:
    """Ends, each at most at the next start of the same part and pitch."""
    order = np.lexsort((start, pitch, part))
    same = (np.diff(part[order]) == 0) & (np.diff(pitch[order]) == 0)
    ends = stop[order]
    ends[:-1] = np.where(same, np.minimum(ends[:-1], start[order][1:]), ends[:-1])
    out = np.empty_like(ends)
    out[order] = ends
    return out
