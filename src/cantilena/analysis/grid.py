"""Slots of metrical time and what sounds in them: the raster beneath the other analyses.

Knows bars, half bars, beats and piano rolls; does not know chords, keys or forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cantilena.errors import UnknownNameError
from cantilena.score import gm
from cantilena.score.score import Score

DIVISIONS = ("bar", "half", "beat")
UNPITCHED = (113, *range(115, 129))
"""Instruments whose pitch is no harmony: drums, and General MIDI's agogo, woodblock, toms, cymbal
and sound effects."""


def pitched(score: Score) -> np.ndarray:
    """(N,) bool: the note takes part in harmony (its instrument is not ``UNPITCHED``)."""
    return ~np.isin(score.instrument, UNPITCHED)


def played_by(score: Score) -> str:
    """Who has notes in a piece, as "drums, taiko drum and woodblock"; "" where nobody has."""
    names = [gm.name(i) for i in np.unique(score.instrument)[::-1].tolist()]
    *first, last = names or [""]
    return f"{', '.join(first)} and {last}" if first else last


def bar_metres(score: Score) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(B + 1,) bar starts, (B,) numerators and (B,) denominators of the bars."""
    bars = score.bar_starts
    at = np.searchsorted(score.metre_tick, bars[:-1], side="right") - 1
    return bars, score.metre_num[at], score.metre_den[at]


def slot_edges(score: Score, per: str = "half") -> np.ndarray:
    """(S + 1,) rising ticks: where slots start, and the last one's end (the last bar line).

    - "bar": one slot a bar.
    - "half": a bar with an even numerator that lasts three quarters or more (4/4, 2/2, 6/4,
      6/8, 12/8) is two slots; any other (3/4, 2/4, 5/4, 9/8) is one.
    - "beat": one slot a beat: a dotted one in 6/8, 9/8, 12/8 and their kin, else the
      denominator's note; a bar of 3/8 or 3/16 is one beat.

    A bar cut short by a change of metre keeps the slots that start within it. Raises
    UnknownNameError.
    """
    if per not in DIVISIONS:
        raise UnknownNameError("division of the bar", per, DIVISIONS)
    bars, num, den = bar_metres(score)
    if per == "bar":
        return bars
    if per == "half":
        parts = np.where((num % 2 == 0) & (4 * num >= 3 * den), 2, 1)
    else:
        parts = np.where((den >= 8) & (num % 3 == 0), num // 3, num)
    full = np.maximum(np.rint(4 * score.tpq * num / den), 1)
    bar = np.repeat(np.arange(len(parts)), parts)
    k = np.arange(len(bar)) - np.repeat(np.cumsum(parts) - parts, parts)
    starts = bars[bar] + np.rint(full[bar] * k / parts[bar]).astype(np.int64)
    starts = np.unique(starts[starts < bars[bar + 1]])
    return np.append(starts, bars[-1])


class Roll(NamedTuple):
    """Counts of notes sounding: ``active`` (P, S * cells) ints, row 0 being pitch ``lowest``."""

    active: np.ndarray
    lowest: int
    cells: int


def piano_roll(score: Score, edges: np.ndarray, cells: int) -> Roll:
    """What sounds in each of ``cells`` equal parts of each slot, unpitched notes excluded.

    ``edges``: (S + 1,) rising ticks; what sounds outside them is left out. Starts and ends of
    notes are rounded to cells; a note sounds in at least one. P covers the pitches found only
    (P >= 1).
    """
    n = (len(edges) - 1) * cells
    keep = pitched(score) & (score.onset < edges[-1])
    keep &= score.onset + score.duration > edges[0]
    pitch, onset = score.pitch[keep], score.onset[keep]
    if not len(pitch):
        return Roll(np.zeros((1, n), dtype=np.int64), 60, cells)
    first = np.minimum(_cell(onset, edges, cells), n - 1)
    last = np.clip(_cell(onset + score.duration[keep], edges, cells), first + 1, n)
    low = int(pitch.min())
    height, row = int(pitch.max()) - low + 1, (pitch - low) * (n + 1)
    change = np.bincount(row + first, minlength=height * (n + 1))
    change -= np.bincount(row + last, minlength=height * (n + 1))
    return Roll(change.reshape(height, n + 1).cumsum(1)[:, :n], low, cells)


def _cell(ticks: np.ndarray, edges: np.ndarray, cells: int) -> np.ndarray:
    """Number of the cell border nearest to each tick, ticks outside the edges moved to them."""
    ticks = np.clip(ticks, edges[0], edges[-1])
    slot = np.clip(np.searchsorted(edges, ticks, side="right") - 1, 0, len(edges) - 2)
    part = (ticks - edges[slot]) / (edges[slot + 1] - edges[slot])
    return slot * cells + np.rint(part * cells).astype(np.int64)


def windows(edges: np.ndarray, slots: int = 2048) -> Iterator[np.ndarray]:
    """The edges in runs of at most ``slots`` slots, so that a roll of a piece of any length fits
    in memory one run at a time."""
    for i in range(0, len(edges) - 1, slots):
        yield edges[i : i + slots + 1]


def chroma(roll: Roll) -> np.ndarray:
    """(S, 12) note-cells of each pitch class in each slot."""
    slots = roll.active.reshape(len(roll.active), -1, roll.cells).sum(2)
    out = np.zeros((slots.shape[1], 12))
    for row in range(min(12, len(slots))):
        out[:, (roll.lowest + row) % 12] = slots[row::12].sum(0)
    return out


def bass_chroma(roll: Roll) -> np.ndarray:
    """(S, 12) cells in which each pitch class is the lowest that sounds."""
    sounding = roll.active > 0
    lowest = (sounding.argmax(0) + roll.lowest) % 12
    n = len(lowest) // roll.cells
    flat = np.repeat(np.arange(n), roll.cells) * 12 + lowest
    return np.bincount(flat[sounding.any(0)], minlength=n * 12).reshape(n, 12).astype(np.float64)


def most_at_once(roll: Roll) -> np.ndarray:
    """(S,) the most pitch classes that sound in one cell of each slot."""
    classes = np.zeros((12, roll.active.shape[1]), dtype=bool)
    for row in range(min(12, len(roll.active))):
        classes[(roll.lowest + row) % 12] = (roll.active[row::12] > 0).any(0)
    return classes.sum(0).reshape(-1, roll.cells).max(1)
