"""Rows of new music in time: as notes on the way, as a Score, and behind an earlier piece.

Knows the scheme, ticks and Edits; does not know models or Briefs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, Track, gm
from cantilena.score.splice import released
from cantilena.systems.base import Note
from cantilena.systems.request import Edit
from cantilena.tokens.parts import parts_of
from cantilena.tokens.symphony import LOUDNESS, Header, SymphonyScheme, rows_of
from cantilena.tokens.symphony import vocab as v
from cantilena.tokens.symphony.bars import Bar, bars_of

if TYPE_CHECKING:
    from cantilena.systems.symphony.order import OrderPiece


def _no_rows() -> np.ndarray:
    return np.zeros((0, 4), dtype=np.int64)


@dataclass(frozen=True)
class Music:
    """Where new music stands: bars of ``length`` 32nds, written as ``metre``, at ``tempo``
    microseconds a quarter; behind ``base`` from its tick ``start`` on, as loud as ``velocity``,
    where there is one, whose rows are ``past`` and whose tracks' names ``names``. ``bars``: of
    the new music, where an Edit settles them."""

    length: int
    metre: tuple[int, int]
    tempo: int
    base: Score | None = None
    start: Fraction = Fraction(0)
    past: np.ndarray = field(default_factory=_no_rows)
    names: tuple[str, ...] = ()
    velocity: int = LOUDNESS
    bars: int | None = None

    @property
    def bar_seconds(self) -> float:
        """Seconds of a bar."""
        return self.length / v.GRID * self.tempo * 1e-6

    @classmethod
    def after(cls, scheme: SymphonyScheme, edit: Edit) -> Music:
        """Behind the music of an Edit, from the first bar line on at which nothing of it stands.
        Raises InputError where the scheme cannot hold it."""
        base, (first, *more) = edit.base, edit.spans
        if more:
            raise InputError("this system changes one span at a time; give one")
        bars, names = bars_of(parts_of(base))
        last, stop = bars[-1], first.ticks(base)[0]
        line = last.tick + Fraction(last.length * base.tpq, v.GRID)
        empty: list[Bar] = []
        while line < stop:
            empty.append(Bar(last.length, (), line))
            line += Fraction(last.length * base.tpq, v.GRID)
        num, den = int(base.metre_num[-1]), int(base.metre_den[-1])
        music = cls(
            last.length,
            (num, den),
            int(base.tempo_us[-1]),
            base,
            line,
            rows_of([*bars, *empty], scheme.vocabulary),
            names,
            int(np.median(base.velocity)),
        )
        end = first.seconds(base)[1]
        if end is None:
            return music
        length = end - float(base.seconds(float(line)))
        return replace(music, bars=max(1, round(length / music.bar_seconds)))

    def seconds(self, at: np.ndarray) -> np.ndarray:
        """Seconds of places in 32nds of the new music."""
        if self.base is None:
            return at / v.GRID * self.tempo * 1e-6
        return self.base.seconds(self.ticks(at) / (self.tpq // self.base.tpq))

    @property
    def tpq(self) -> int:
        """Ticks a quarter in which the base's ticks and 32nds are whole."""
        return v.GRID if self.base is None else lcm(self.base.tpq, v.GRID)

    def ticks(self, at: np.ndarray) -> np.ndarray:
        """Places in 32nds of the new music in ticks of ``tpq`` to the quarter."""
        if self.base is None:
            return at
        return round(self.start * (self.tpq // self.base.tpq)) + at * (self.tpq // v.GRID)


def kept(edit: Edit) -> Score:
    """What stays of a piece that is gone on from, with what lets go of its pedals and bends."""
    base = edit.base
    start = edit.spans[0].ticks(base)[0]
    return replace(base, controls=base.controls.joined(released(base, max(base.end, start))))


def new_score(scheme: SymphonyScheme, rows: np.ndarray, music: Music, bars: int) -> Score:
    """The Score of new rows alone, of as many ``bars``."""
    score = scheme.decode(
        rows, Header(((0, music.tempo),), dict(enumerate(music.names)), music.metre)
    )
    return replace(score, end=max(score.end, bars * music.length))


class NewNotes:
    """The notes of a piece's new rows, each once, as they are written."""

    def __init__(self, piece: OrderPiece):
        self.piece, self.row, self.bar, self.place = piece, piece.first, -1, 0

    def take(self) -> Iterator[tuple[int, int, int, int, int]]:
        """(onset and length in 32nds of the new music, pitch, track, instrument) of the rows that
        were written since the last call."""
        vocabulary, rows = self.piece.vocabulary, self.piece.rows
        for event, duration, track, instrument in rows[self.row :]:
            if event in vocabulary.length_of:
                self.bar += 1
            elif event in vocabulary.place_of:
                self.place = vocabulary.place_of[event]
            elif event in vocabulary.pitches_of:
                at = self.bar * self.piece.order.length + self.place
                length = duration - v.FIRST + 1
                for pitch in vocabulary.pitches_of[event]:
                    yield at, length, pitch, track - v.FIRST, instrument - v.FIRST
        self.row = len(rows)

    def live(self, music: Music) -> Iterator[Note]:
        """The same as they will sound."""
        before = 0 if music.base is None else music.base.n_bars
        for onset, length, pitch, _, instrument in self.take():
            start, stop = music.seconds(np.array([onset, onset + length])).tolist()
            bar = onset // music.length + 1 + before
            yield Note(start, stop - start, pitch, music.velocity, instrument, bar)


def added_score(piece: OrderPiece, music: Music) -> Score:
    """The notes of new rows on the time line of the piece that they go on from."""
    notes = list(NewNotes(piece).take())
    homes = sorted({note[3:] for note in notes})
    tracks = [
        Track(
            music.names[track] if track < len(music.names) else gm.name(instrument),
            0 if instrument == DRUMS else instrument,
            instrument == DRUMS,
        )
        for track, instrument in homes
    ]
    onset, length, pitch = np.array([n[:3] for n in notes], dtype=np.int64).reshape(-1, 3).T
    start, stop = music.ticks(onset), music.ticks(onset + length)
    return Score.build(
        music.tpq,
        tracks,
        start,
        stop - start,
        pitch,
        np.full(len(notes), music.velocity),
        [homes.index(note[3:]) for note in notes],
        end=int(music.ticks(np.array(piece.new_bars * music.length))),
    )
