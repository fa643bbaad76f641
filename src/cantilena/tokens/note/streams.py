"""Streams of a piece: chords, melody, drums and the rest as note tables of their own.

Knows note tables, bar lines and chords by half bar; does not know models or Scores. Labels are
music too: chords are a track of held block chords (Jiang et al., ISMIR 2025). A task names a
reference stream and a target stream, as "melody-to-drums"; of "parts-to-others" it is drawn at
random who is in which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.score.harmony import NO_CHORD, QUALITIES, Chord
from cantilena.tokens.note import NoteScheme

CHORDS, MELODY, DRUM, ACCOMPANIMENT, ALL = "chords", "melody", "drums", "accompaniment", "all"
PARTS, OTHERS = "parts", "others"
STREAMS = (CHORDS, MELODY, DRUM, ACCOMPANIMENT, ALL, PARTS, OTHERS)
"""Block chords; the instrument that has the tune; the kit; everything but the tune; everything
that is not on the other side; any of the instruments, and all others."""
TASKS = (
    "chords-to-melody",
    "melody-to-chords",
    "all-to-drums",
    "drums-to-all",
    "melody-to-accompaniment",
    "parts-to-others",
)
"""Those of the paper, and what its ``harmonise`` and ``accompany`` are here: to a tune, and to
whatever there is."""
_NOT_APART = ({MELODY, ALL}, {ACCOMPANIMENT, ALL}, {ACCOMPANIMENT, DRUM})
CHORD_PROGRAM = 0  # piano
CHORD_ROOT = 48  # MIDI pitch of the lowest C that a block chord may begin with
CHORD_VELOCITY = 80
_BASSES = (*range(32, 40), 43)
_NO_TUNE = range(112, DRUMS)  # percussion and effects
_ALONE, _HEARD, _ENOUGH = 2.0, 1.0, 0.6
"""What always one note at a time, and bars that are played in, are worth beside two octaves of
mean pitch; from this share of the bars on further ones tell nothing."""
TUNE_ALONE, KEPT = 0.35, 0.5
"""Of "parts-to-others": chance that the parts are the tune alone, else that of each instrument to
be among them."""


@dataclass(frozen=True)
class Task:
    """``reference`` and ``target``: of ``STREAMS``."""

    reference: str
    target: str

    @classmethod
    def of(cls, name: str) -> Task:
        """The task that "melody-to-drums" names. Raises InputError."""
        reference, to, target = name.partition("-to-")
        known = reference in STREAMS and target in STREAMS
        if not to or not known or reference == target:
            raise InputError(
                f"{name!r} is no task; write two of {', '.join(STREAMS)} as in 'melody-to-drums'"
            )
        if {reference, target} & {PARTS, OTHERS} and (reference, target) != (PARTS, OTHERS):
            raise InputError(f"{name!r} is no task: {PARTS} and {OTHERS} go together")
        if {reference, target} in _NOT_APART:
            raise InputError(f"{name!r} is no task: {reference} and {target} have notes in common")
        return cls(reference, target)

    @property
    def name(self) -> str:
        """As "melody-to-drums"."""
        return f"{self.reference}-to-{self.target}"


def split(
    table: np.ndarray,
    bars: np.ndarray,
    starts: np.ndarray,
    chords: np.ndarray,
    task: Task,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The reference's and the target's note tables of a piece: (N, 5) ``table``, (B + 1,) ``bars``,
    ``starts`` and ``chords`` (S,) of its half bars. Either may be empty. ``rng`` draws the parts of
    "parts-to-others"."""
    lead = lead_instrument(table, bars)
    if task.reference == PARTS:
        chosen = np.isin(table[:, 1], some_parts(table, lead, rng or np.random.default_rng(0)))
        return table[chosen], table[~chosen]

    def stream(name: str, other: str) -> np.ndarray:
        if name == CHORDS:
            return chord_table(starts, chords, int(bars[-1]))
        part = table[:, 1]
        if name == MELODY:
            return table[part == lead]
        if name == DRUM:
            return table[part == DRUMS]
        if name == ACCOMPANIMENT:
            return table[part != lead] if lead >= 0 else table[:0]
        return table[part != DRUMS] if other == DRUM else table

    return stream(task.reference, task.target), stream(task.target, task.reference)


def some_parts(table: np.ndarray, lead: int, rng: np.random.Generator) -> list[int]:
    """Some instruments of an (N, 5) note table, one with pitches among them, and not all; none of
    a table where that cannot be. ``lead``: who has the tune, -1 for nobody."""
    there = np.unique(table[:, 1])
    if len(there) < 2 or (there == DRUMS).all():
        return []
    if lead >= 0 and rng.random() < TUNE_ALONE:
        return [lead]
    while True:
        kept = there[rng.random(len(there)) < KEPT]
        if len(kept) < len(there) and (kept != DRUMS).any():
            return kept.tolist()


def lead_instrument(table: np.ndarray, bars: np.ndarray) -> int:
    """The instrument that has the tune: no bass, one note at a time, high, heard in many bars; -1
    where none does."""
    best, lead = 0.0, -1
    for instrument in np.unique(table[:, 1]).tolist():
        if instrument in _BASSES or instrument in _NO_TUNE or instrument == DRUMS:
            continue
        own = table[table[:, 1] == instrument]
        onsets = np.unique(own[:, 0])
        heard = len(np.unique(np.searchsorted(bars, onsets, side="right"))) / max(len(bars) - 1, 1)
        worth = _ALONE * len(onsets) / len(own) + own[:, 2].mean() / 24
        worth += _HEARD * min(heard, _ENOUGH)
        if worth > best:
            best, lead = worth, instrument
    return lead


def chord_table(starts: np.ndarray, numbers: np.ndarray, end: int) -> np.ndarray:
    """(N, 5) note table of chords that are held until they change: reduced ``numbers`` (S,) of
    slots that begin at ``starts`` (S,) ticks, up to ``end``."""
    scheme, rows = NoteScheme(), []
    changes = np.flatnonzero(np.diff(numbers, prepend=-1))
    stops = [*starts[changes[1:]].tolist(), end]
    velocity = int(scheme.velocity_class(np.array([CHORD_VELOCITY]))[0])
    for k, stop in zip(changes.tolist(), stops, strict=True):
        if numbers[k] == NO_CHORD or stop <= starts[k]:
            continue
        chord = Chord.from_number(int(numbers[k]))
        length = int(scheme.duration_class(np.array([stop - int(starts[k])]))[0])
        for interval in sorted(QUALITIES[chord.quality]):
            pitch = CHORD_ROOT + chord.root + interval
            rows.append((int(starts[k]), CHORD_PROGRAM, pitch, length, velocity))
    return np.array(rows, dtype=np.int64).reshape(-1, 5)
