"""The note scheme: a step is one note with five fields, on a grid of 24 to the quarter.

Knows Scores and integers; does not know models, text or wishes. Tempo, metre, keys and part names
are not steps: they stand in the Header beside the steps, so that every decoded file has a true
tempo map and bars.

Fields of a step: onset (class: ticks since the step before, or REST, or END), instrument (0-127,
128 drums), pitch, duration class, velocity class. Steps are sorted by (onset, instrument, pitch);
within one onset instrument and pitch can only rise, so no note is ever written twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, Track, gm

GRID = 24  # ticks per quarter
PITCHES = 128
FIELDS = ("onset", "instrument", "pitch", "duration", "velocity")

DURATIONS = (
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    9,
    10,
    12,
    14,
    16,
    18,
    21,
    24,
    28,
    30,
    32,
    36,
    42,
    48,
    54,
    60,
    66,
    72,
    84,
    96,
    120,
    144,
    192,
    288,
    384,
)
"""Ticks. Like the velocities they were set by what quantisation loses (``docs/note-model.md``): a
note's length is off by 5 % on average."""
VELOCITIES = (20, 36, 50, 62, 74, 88, 102, 118)
"""A note's velocity is off by 4 on average."""


@dataclass(frozen=True)
class Header:
    """What stands beside the steps: maps in grid ticks, part names by instrument, the end."""

    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    metres: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)
    keys: tuple[tuple[int, int, int], ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    end: int = 0


@dataclass(frozen=True)
class NoteScheme:
    """Score to steps and back. ``max_delta`` ticks is the longest step of time; a longer gap takes
    REST steps of ``max_delta`` each. ``durations`` (ticks) and ``velocities`` (1-127) are the
    values of their classes; the nearest is taken, durations by ratio."""

    max_delta: int = 192
    durations: tuple[int, ...] = DURATIONS
    velocities: tuple[int, ...] = VELOCITIES

    @property
    def rest(self) -> int:
        """Onset class of a REST: ``max_delta`` ticks pass and no note sounds."""
        return self.max_delta

    @property
    def end(self) -> int:
        """Onset class that ends the piece."""
        return self.max_delta + 1

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """Number of classes of each field."""
        return (self.max_delta + 2, DRUMS + 1, PITCHES, len(self.durations), len(self.velocities))

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as plain data, to be saved with a checkpoint."""
        return {"scheme": "note", "grid": GRID, **asdict(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> NoteScheme:
        """The scheme a checkpoint was saved with. Raises InputError if it is another scheme."""
        if data.get("scheme") != "note" or data.get("grid") != GRID:
            raise InputError(f"not a note scheme on a grid of {GRID}: {data.get('scheme')!r}")
        try:
            return cls(data["max_delta"], tuple(data["durations"]), tuple(data["velocities"]))
        except (KeyError, TypeError) as e:
            raise InputError(f"the note scheme is not complete: {e}") from e

    def duration_class(self, ticks: np.ndarray) -> np.ndarray:
        """Nearest duration class, by ratio, of durations in grid ticks."""
        values = np.array(self.durations, dtype=np.float64)
        edges = np.sqrt(values[1:] * values[:-1])
        return np.searchsorted(edges, np.asarray(ticks, dtype=np.float64), side="left")

    def velocity_class(self, velocity: np.ndarray) -> np.ndarray:
        """Nearest velocity class of velocities 1-127."""
        values = np.array(self.velocities, dtype=np.float64)
        edges = (values[1:] + values[:-1]) / 2
        return np.searchsorted(edges, np.asarray(velocity, dtype=np.float64), side="left")

    def table(self, score: Score) -> np.ndarray:
        """(N, 5) int64: onset in grid ticks, instrument, pitch, duration class, velocity class;
        sorted by the first three, notes equal in all three merged (longest, loudest kept)."""
        onset = _to_grid(score.onset, score.tpq)
        length = np.maximum(1, _to_grid(score.onset + score.duration, score.tpq) - onset)
        rows = np.stack(
            [
                onset,
                score.instrument,
                score.pitch,
                self.duration_class(length),
                self.velocity_class(score.velocity),
            ],
            axis=1,
        )
        return _merged(rows)

    def quantise(self, score: Score) -> Score:
        """The Score this scheme can say: what ``decode(*encode(score))`` gives back."""
        return self.from_table(self.table(score), self.header(score))

    def header(self, score: Score) -> Header:
        """The Header of a Score, its ticks moved to the grid."""

        def grid(tick: int) -> int:
            return int(_to_grid(np.array([tick]), score.tpq)[0])

        names: dict[int, str] = {}
        for track in score.tracks:
            names.setdefault(track.instrument, track.name)
        tempos = zip(score.tempo_tick, score.tempo_us, strict=True)
        metres = zip(score.metre_tick, score.metre_num, score.metre_den, strict=True)
        keys = zip(score.key_tick, score.key_fifths, score.key_minor, strict=True)
        return Header(
            tuple((grid(t), int(us)) for t, us in tempos),
            tuple((grid(t), int(n), int(d)) for t, n, d in metres),
            tuple((grid(t), int(f), int(m)) for t, f, m in keys),
            names,
            grid(score.end),
        )

    def from_table(self, table: np.ndarray, header: Header) -> Score:
        """The Score of a note table: a part for each instrument, lowest number first."""
        instruments = np.unique(table[:, 1])
        tracks = [
            Track(header.names.get(i, gm.name(i)), 0 if i == DRUMS else i, i == DRUMS)
            for i in instruments.tolist()
        ]
        return Score.build(
            GRID,
            tracks,
            table[:, 0],
            np.array(self.durations)[table[:, 3]],
            table[:, 2],
            np.array(self.velocities)[table[:, 4]],
            np.searchsorted(instruments, table[:, 1]),
            header.tempos,
            header.metres,
            header.keys,
            header.end,
        )

    def steps(self, table: np.ndarray, end: bool = True) -> np.ndarray:
        """(T, 5) steps of a note table; REST and END steps carry 0 in the other fields."""
        delta = np.diff(table[:, 0], prepend=0)
        rests = delta // self.max_delta
        note_rows = np.cumsum(rests + 1) - 1
        total = int(note_rows[-1]) + 1 if len(note_rows) else 0
        out = np.zeros((total + end, 5), dtype=np.int64)
        out[:, 0] = self.rest
        out[note_rows] = np.column_stack([delta % self.max_delta, table[:, 1:]])
        if end:
            out[-1, 0] = self.end
        return out

    def encode(self, score: Score) -> tuple[np.ndarray, Header]:
        """(T, 5) steps, END included, and the Header."""
        return self.steps(self.table(score)), self.header(score)

    def untable(self, steps: np.ndarray) -> np.ndarray:
        """(N, 5) note table of (T, 5) steps; reads up to END. Raises InputError on values outside
        the vocabulary, of another shape, or on pitch that does not rise as the scheme demands."""
        steps = np.asarray(steps, dtype=np.int64)
        if steps.ndim != 2 or steps.shape[1] != len(FIELDS):
            raise InputError(f"steps have {len(FIELDS)} fields each, not the shape {steps.shape}")
        if len(steps) and ((steps < 0) | (steps >= np.array(self.sizes))).any():
            raise InputError("a step holds a value outside the note scheme's vocabulary")
        ends = np.flatnonzero(steps[:, 0] == self.end)
        steps = steps[: ends[0]] if len(ends) else steps
        ticks = np.cumsum(steps[:, 0])  # a REST's class is its length in ticks
        notes = steps[:, 0] != self.rest
        table = np.column_stack([ticks, steps[:, 1:]])[notes]
        if (np.diff(_sort_keys(table)) <= 0).any():
            raise InputError("notes on one onset must rise by instrument and pitch")
        return table

    def decode(self, steps: np.ndarray, header: Header) -> Score:
        """The Score of (T, 5) steps. Raises InputError on steps that break the scheme."""
        return self.from_table(self.untable(steps), header)


def _to_grid(ticks: np.ndarray, tpq: int) -> np.ndarray:
    """Ticks moved to the grid, halves up."""
    return (np.asarray(ticks, dtype=np.int64) * (2 * GRID) + tpq) // (2 * tpq)


def _sort_keys(table: np.ndarray) -> np.ndarray:
    """(N,) int64 by which notes are in order of onset, instrument, pitch."""
    return (table[:, 0] * (DRUMS + 1) + table[:, 1]) * PITCHES + table[:, 2]


def _merged(rows: np.ndarray) -> np.ndarray:
    """Rows in order, those of one onset, instrument and pitch made one: the longest, loudest."""
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    _, first, group = np.unique(_sort_keys(rows), return_index=True, return_inverse=True)
    out = rows[first]
    np.maximum.at(out[:, 3], group, rows[:, 3])
    np.maximum.at(out[:, 4], group, rows[:, 4])
    return out
