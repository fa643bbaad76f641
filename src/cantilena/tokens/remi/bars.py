"""A piece as bars of positions: what REMIGEN says, before it is words.

Knows parts and Scores; does not know ids. Twelve positions make a quarter; onsets and ends are
rounded to the nearest, halves to even. Empty bars at both ends are taken away.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.tokens.parts import Parts, need_notes, on_grid
from cantilena.tokens.remi import vocab as v

MAX_BARS = 100_000

Note = tuple[int, int, int, int, int]
"""Position in the piece, instrument (128 drums), pitch, length in positions, velocity."""


@dataclass(frozen=True)
class Bars:
    """``starts`` (B,): where bars begin, in positions, from 0; ``end``: behind the last onset.
    ``metres`` (B,): their metre (numerator, denominator). ``tempos``: (position, class), by
    position, the first at 0. ``notes``: by position, instrument and then pitch, length and
    velocity classes, falling."""

    starts: tuple[int, ...]
    end: int
    metres: tuple[tuple[int, int], ...]
    tempos: tuple[tuple[int, int], ...]
    notes: tuple[Note, ...]

    def tempo_at(self, position: int) -> int:
        """The tempo class in force at a position."""
        return self.tempos[bisect_right(self.tempos, (position, v.TEMPOS)) - 1][1]


def bars_of(parts: Parts) -> Bars:
    """The bars of a piece. Raises InputError for one without notes, with a bar shorter than a
    position, a metre that has no word, or too many bars."""
    need_notes(parts)
    notes = _notes(parts)
    end = notes[-1][0] + 1
    metres = _changes([(tick, v.reduced(n, d)) for tick, n, d in parts.metres], parts.tpq, (4, 4))
    tempos = _changes([(tick, v.tempo_class(us)) for tick, us in parts.tempos], parts.tpq, 35)
    starts: list[int] = []
    bar_metres: list[tuple[int, int]] = []
    at, change, metre = 0, 0, (4, 4)
    while at < end:
        while change < len(metres) and metres[change][0] <= at:
            metre, change = metres[change][1], change + 1
        starts.append(at)
        bar_metres.append(metre)
        length = v.bar_positions(metre)
        if length < 1:
            raise InputError(f"a bar of {metre[0]}/{metre[1]} is shorter than a 48th note")
        at += length
        if len(starts) > MAX_BARS:
            raise InputError(f"the piece has more than {MAX_BARS:,} bars")
    first = bisect_right(starts, notes[0][0]) - 1
    origin = starts[first]
    kept = [(max(tick - origin, 0), value) for tick, value in tempos]
    unique = dict(kept)  # of several at the start, the last is in force
    return Bars(
        tuple(start - origin for start in starts[first:]),
        end - origin,
        tuple(bar_metres[first:]),
        tuple(sorted(unique.items())),
        tuple((note[0] - origin, *note[1:]) for note in notes),
    )


def _notes(parts: Parts) -> list[Note]:
    notes: list[Note] = []
    for part in parts.parts:
        instrument = DRUMS if part.is_drum else part.program
        starts, ends, pitches, velocities = part.notes.T.tolist()
        begin = on_grid(starts, parts.tpq, v.GRID)
        stop = on_grid(ends, parts.tpq, v.GRID)
        for at, end, pitch, velocity in zip(begin, stop, pitches, velocities, strict=True):
            notes.append((at, instrument, pitch, max(1, end - at), velocity))

    def order(note: Note) -> tuple[int, int, int, int, int]:
        at, instrument, pitch, length, velocity = note
        return at, instrument, -pitch, -v.length_class(length), -(velocity // 4)

    return sorted(notes, key=order)


def _changes(rows: list, tpq: int, default: object) -> list:
    """(position, value) by position, the last of one position kept, with ``default`` at 0 where
    nothing stands there."""
    positions = on_grid((tick for tick, _ in rows), tpq, v.GRID)
    changes = {0: default}
    changes.update(zip(positions, (value for _, value in rows), strict=True))
    return sorted(changes.items(), key=lambda row: row[0])


def key_of(bars: Bars) -> tuple[bool | None, int]:
    """Whether a piece is in major (None without pitched notes), and the semitones by which it is
    moved to C major or A minor, within the pitches that there are.

    A scale is counted by how many notes belong to it less those that do not. A major key and its
    relative minor count the same; the one whose tonic is struck more often is taken. Several majors
    may count the same too: the published code compares the first two of all keys then.
    """
    return key_of_pitches([note[2] for note in bars.notes if note[1] != DRUMS])


def key_of_pitches(pitches: Sequence[int]) -> tuple[bool | None, int]:
    """``key_of`` the pitches of all notes but drums."""
    if not len(pitches):
        return None, 0
    counts = np.bincount(np.array(pitches) % 12, minlength=12)
    scale = np.array([1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, 1])
    majors = np.array([np.roll(scale, tonic) @ counts for tonic in range(12)])
    minors = np.roll(majors, 9)  # natural minors have the notes of the major a sixth below
    both = np.concatenate([majors, minors])
    one, other = np.flatnonzero(both == both.max())[:2].tolist()
    is_major = bool(counts[one % 12] >= counts[other % 12])
    key = one if is_major else other
    shift = -key if key < 12 else 21 - key
    while shift + min(pitches) < 0:
        shift += 12
    while shift + max(pitches) > 127:
        shift -= 12
    return is_major, shift if shift + min(pitches) >= 0 else 0


def in_common_key(bars: Bars) -> Bars:
    """The piece moved to C major or A minor, as the published training reads it."""
    return shifted(bars, key_of(bars)[1])


def shifted(bars: Bars, shift: int) -> Bars:
    """The piece with all notes but drums moved by ``shift`` semitones."""
    moved = (
        (at, instrument, pitch + (shift if instrument != DRUMS else 0), *rest)
        for at, instrument, pitch, *rest in bars.notes
    )
    return replace(bars, notes=tuple(moved))
