"""Spelling: which letter and accidental a pitch gets, and which accidentals are printed.

Knows the line of fifths; does not know rhythm. A pitch class is spelled by the name nearest, on
the line of fifths, to the key and to what sounds around it: the pitch variance rule of Temperley,
*The Cognition of Basic Musical Structures* (2001), ch. 5. A chromatic note that moves on by a
semitone leans towards the note it leads to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from cantilena.score.musicxml.grid import GridNotes
from cantilena.score.musicxml.metre import HALF, SHORTEST, Bars

_WINDOW = HALF  # ticks of music that are spelled alike
_KEY_WEIGHT = 0.6  # of the key's centre against that of the notes around
_LEAN = 1.6  # fifths by which a move of a semitone shifts the centre of its pitch class
_LOWEST, _HIGHEST = -8, 13  # F flat .. F double sharp on the line of fifths, C = 0
_LETTERS = "FCGDAEB"
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Name(NamedTuple):
    """A spelled pitch: letter, semitones of its accidental (-2..2), octave (C4 is middle C)."""

    step: str
    alter: int
    octave: int


def key_of_bars(bars: Bars, keys: Iterable[tuple[float, int, int]]) -> tuple[tuple[int, int], ...]:
    """(fifths, minor) of each bar, of ``keys`` (tick, fifths, minor), each moved to the nearest
    bar line. Before the first, C major's signature."""
    signatures = [(0, 0)] * len(bars.metre)
    for tick, fifths, minor in keys:
        at = 0 if tick <= 0 else bars.nearest(tick)
        signatures[at:] = [(fifths, minor)] * (len(signatures) - at)
    return tuple(signatures)


class Speller:
    """Names for the pitches of one score, the same in all parts at the same time."""

    def __init__(
        self, notes: GridNotes, pitched: np.ndarray, bars: Bars, keys: tuple[tuple[int, int], ...]
    ):
        """``pitched``: (N,) bool, notes to be spelled; ``keys``: (fifths, minor) per bar."""
        onset, end = notes.onset[pitched], notes.end[pitched]
        pc = notes.pitch[pitched] % 12
        windows = int(bars.start[-1]) // _WINDOW + 1
        where = onset // _WINDOW
        weight = np.sqrt(np.maximum(end - onset, SHORTEST).astype(float))
        present = np.zeros((windows, 12))
        np.add.at(present, (where, pc), weight)
        middles = np.arange(windows) * _WINDOW + _WINDOW // 2
        bar = np.clip(np.searchsorted(bars.start, middles, "right") - 1, 0, len(keys) - 1)
        signature = np.array(keys, dtype=float)[bar]
        centre = signature[:, 0] + np.where(signature[:, 1] == 1, 3.2, 2.0)
        lean = np.clip(_spread(_leanings(notes, pitched, windows)), -1, 1) * _LEAN
        around = _spread(present)
        fifths = _nearest(centre[:, None] + lean)
        for _ in range(2):
            total = around.sum(axis=1)
            mean = _spread((present * fifths).sum(axis=1)[:, None])[:, 0] / np.maximum(total, 1e-9)
            local = np.where(total > 0, mean, centre)
            blend = _KEY_WEIGHT * centre + (1 - _KEY_WEIGHT) * local
            fifths = _nearest(blend[:, None] + lean)
        self._fifths: list[list[int]] = fifths.tolist()

    def name(self, pitch: int, onset: int) -> Name:
        """How ``pitch`` (12..127) is written that sounds from tick ``onset``."""
        fifths = self._fifths[onset // _WINDOW][pitch % 12]
        return _name(pitch, fifths)


def _name(pitch: int, fifths: int) -> Name:
    step = _LETTERS[(fifths + 1) % 7]
    alter = (fifths + 1) // 7
    octave = (pitch - alter - _NATURAL[step]) // 12 - 1
    if octave < 0 or octave > 9:
        return _name(pitch, (7 * (pitch % 12) + 1) % 12 - 1)
    return Name(step, alter, octave)


def _nearest(centre: np.ndarray) -> np.ndarray:
    """(W, 12) place on the line of fifths of each pitch class, nearest to ``centre`` (W, 12)."""
    base = 7 * np.arange(12) % 12
    place = base + 12 * np.floor((centre + 6.0 - base) / 12)
    place = np.where(place > _HIGHEST, place - 12, np.where(place < _LOWEST, place + 12, place))
    return place.astype(np.int64)


def _leanings(notes: GridNotes, pitched: np.ndarray, windows: int) -> np.ndarray:
    """(W, 12) how much a pitch class rises (positive) or falls by a semitone to the next note of
    its part, counted."""
    where = np.flatnonzero(pitched)
    i, j = where[:-1], where[1:]
    step = notes.pitch[j] - notes.pitch[i]
    follows = (notes.track[j] == notes.track[i]) & (notes.onset[j] > notes.onset[i])
    move = np.where(follows & (np.abs(step) == 1), step, 0)
    votes = np.zeros((windows, 12))
    np.add.at(votes, (notes.onset[i] // _WINDOW, notes.pitch[i] % 12), move)
    return votes


def _spread(x: np.ndarray) -> np.ndarray:
    """Each window (row) with half of either neighbour."""
    out = x.astype(float)
    out[1:] += 0.5 * x[:-1]
    out[:-1] += 0.5 * x[1:]
    return out


class Accidentals:
    """Which accidentals one staff shows, bar by bar: a sign holds for its line to the bar's end."""

    _SIGNS = ("flat-flat", "flat", "natural", "sharp", "double-sharp")
    _SHARPS = "FCGDAEB"

    def __init__(self) -> None:
        self._signature: dict[str, int] = {}
        self._now: dict[tuple[str, int], int] = {}

    def start_bar(self, fifths: int) -> None:
        """Forgets the bar before; ``fifths`` is the key signature."""
        order = self._SHARPS[:fifths] if fifths > 0 else self._SHARPS[::-1][:-fifths]
        self._signature = dict.fromkeys(order, 1 if fifths > 0 else -1)
        self._now.clear()

    def sign(self, name: Name) -> str:
        """The sign to print before a note, or "" for none. Call in the order of time."""
        line = (name.step, name.octave)
        if self._now.get(line, self._signature.get(name.step, 0)) == name.alter:
            return ""
        self._now[line] = name.alter
        return self._SIGNS[name.alter + 2]
