"""Training examples of function alignment: windows of songs as a reference and a target stream.

Knows the data set's songs, tasks and what the note model reads; does not know the model, its loss
or how a run goes. A window begins at a bar line, as if both streams began there, and ends where
either is as long as it may be. The reference knows no chords, and the target those of a share of
the windows alone, as it may be told them where it is written: those of a data set are heard in all
parts, the target among them, so that a target that is told them takes less from its reference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.score.harmony import transposed_chords
from cantilena.tokens.note import NoteScheme, context
from cantilena.tokens.note.conditions import SLOTS, Conditions, Wished, conditions
from cantilena.tokens.note.context import Frame
from cantilena.tokens.note.streams import PARTS, Task, split

LEAST_NOTES = 16
"""Notes of each stream in a window that is learned from."""
_TRIES = 200
"""Windows drawn for each row of a batch before songs count as lacking one of the streams."""
_SCHEME = NoteScheme()

Arrays = dict[str, np.ndarray]


class AlignedWindows:
    """Windows of the songs of a split (``data.dataset.Songs``), of at most ``length`` steps of a
    target, ``reference_length`` steps of a reference, and ``bars`` bars; ``chords``: the share of
    them whose target is told its chords."""

    def __init__(
        self,
        songs: Any,
        task: Task,
        length: int,
        reference_length: int,
        bars: int = 16,
        chords: float = 0.0,
    ):
        self.songs, self.task, self.chords = songs, task, chords
        self.length, self.reference_length, self.bars = length, reference_length, bars
        sizes = np.array([songs.length(i) for i in range(len(songs))], dtype=np.float64)
        self.cumulative = np.cumsum(sizes / sizes.sum())
        self.pairs: dict[int, tuple[np.ndarray, np.ndarray] | None] = {}

    def draw(self, step: int, batch: int, seed: int, transpose: bool = True) -> Arrays:
        """The arrays of ``reference_arrays`` (their names behind "reference_") and of
        ``target_arrays`` for the ``batch`` windows of a step, by ``seed`` and step alone. Raises
        InputError where hardly a song has both streams."""
        rng = np.random.default_rng([seed, step])
        rows: list[Arrays] = []
        for _ in range(_TRIES * batch):
            i = min(int(np.searchsorted(self.cumulative, rng.random())), len(self.songs) - 1)
            row = self.example(i, rng, transpose)
            if row is not None:
                rows.append(row)
            if len(rows) == batch:
                return {name: _stacked([row[name] for row in rows]) for name in rows[0]}
        raise InputError(f"hardly a song has both streams of {self.task.name!r}; give other songs")

    def fixed(self, windows: int, batch: int, seed: int = 7) -> list[Arrays]:
        """Batches of the same windows at every call, none transposed."""
        return [self.draw(k, batch, seed, False) for k in range(max(1, windows // batch))]

    def example(self, i: int, rng: np.random.Generator, transpose: bool) -> Arrays | None:
        """A window of song ``i``, or None where one that was drawn has too few notes."""
        pair = self._pair(i, rng)
        if pair is None:
            return None
        reference, target = pair
        bars, meta = self.songs.bars(i), self.songs.meta(i)
        first = int(rng.integers(0, max(len(bars) - 4, 1)))
        stop = window_end(reference, target, bars, first, self)
        shift = _shift(np.concatenate(pair), rng) if transpose else 0
        sides = []
        for table in (reference, target):
            part = table[(table[:, 0] >= bars[first]) & (table[:, 0] < stop)].copy()
            part[:, 2] += shift * (part[:, 1] != DRUMS)
            sides.append(part)
        if min(len(part) for part in sides) < LEAST_NOTES:
            return None
        frame = plain_frame(bars[first:])
        told = frame
        if self.chords and rng.random() < self.chords:
            starts, chords = self.songs.chords(i)
            told = replace(frame, chord_starts=starts, chords=transposed_chords(chords, shift))
        about = {"bpm": float(meta["bpm"]), "metre": tuple(meta["metre"]), "bars": len(bars) - 1}
        out = {
            f"reference_{name}": values
            for name, values in reference_arrays(
                sides[0], frame, conditions_of(sides[0], **about)
            ).items()
        }
        return out | target_arrays(sides[1], told, conditions_of(sides[1], **about), self.length)

    def _pair(self, i: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
        """Both streams of song ``i``, None where either is hardly there; kept, unless ``rng`` has a
        say in them."""
        if i not in self.pairs:
            starts, chords = self.songs.chords(i)
            pair = split(self.songs.table(i), self.songs.bars(i), starts, chords, self.task, rng)
            enough = min(len(side) for side in pair) >= LEAST_NOTES
            if self.task.reference == PARTS:
                return pair if enough else None
            self.pairs[i] = pair if enough else None
        return self.pairs[i]


def window_end(
    reference: np.ndarray, target: np.ndarray, bars: np.ndarray, first: int, sizes: AlignedWindows
) -> int:
    """The tick (24 to a quarter) at which a window ends that begins with bar ``first``: the last of
    its bars, or earlier, where a stream would have more steps than ``sizes`` allow."""
    start, stop = int(bars[first]), int(bars[min(first + sizes.bars, len(bars) - 1)])
    for table, most in ((reference, sizes.reference_length), (target, sizes.length)):
        rows = context.extend(table[table[:, 0] >= start], _SCHEME.max_delta, start)
        if len(rows) >= most:  # a reference has a state before its first step
            stop = min(stop, int(rows[most - 1, 0]))
    return stop


def plain_frame(bars: np.ndarray) -> Frame:
    """The bars that begin at ticks ``bars`` (B,), the last one the end; without chords."""
    nothing = np.zeros(0, dtype=np.int64)
    return Frame(bars, nothing, nothing, len(bars) - 2)


def conditions_of(table: np.ndarray, bpm: float, metre: tuple[int, int], bars: int) -> Conditions:
    """What the model reads in front of a stream: tempo (quarters a minute), metre, number of bars,
    and who plays in the (N, 5) note table, the busiest first."""
    instruments, counts = np.unique(table[:, 1], return_counts=True)
    order = instruments[np.argsort(-counts, kind="stable")].tolist()
    return conditions(
        Wished(
            bpm=bpm,
            metre=metre,
            bars=bars,
            drums=DRUMS in order,
            instruments=order,
            complete=len(order) <= SLOTS,
        )
    )


def reference_arrays(table: np.ndarray, frame: Frame, front: Conditions) -> Arrays:
    """What the model reads of a reference with the note table (N, 5): its conditions ``front``, and
    ``state`` (T, F), ``ticks`` (T,) and ``there`` (T,) bool of what it knows before its first step
    and behind each; T is one more than there are steps."""
    rows = context.extend(table, _SCHEME.max_delta, int(frame.bar_starts[0]))
    state, _, _ = context.features(rows, frame, 0, len(rows) + 1)
    return {
        **_prefix(front),
        "state": np.stack(list(state.values()), -1),
        "ticks": np.append(frame.bar_starts[0], rows[:, 0]),
        "there": np.ones(len(rows) + 1, dtype=bool),
    }


def target_arrays(table: np.ndarray, frame: Frame, front: Conditions, length: int) -> Arrays:
    """What the model reads of a target, of at most ``length`` steps T: as ``reference_arrays``,
    with the ``fields`` (T, K) of its steps, the features that the heads read (``at_onset``,
    ``at_instrument``), and ``mask`` (T, K), 1 where a field is to be predicted."""
    rows = context.extend(table, _SCHEME.max_delta, int(frame.bar_starts[0]))[:length]
    state, onset, instrument = context.features(rows, frame, 0, len(rows))
    fields = np.column_stack([rows[:, 5], np.maximum(rows[:, 1:5], 0)])
    mask = np.ones(fields.shape, dtype=np.float32)
    mask[:, 1:] = fields[:, :1] < _SCHEME.rest
    return {
        **_prefix(front),
        "state": np.stack(list(state.values()), -1),
        "ticks": np.append(frame.bar_starts[0], rows[:-1, 0]),
        "fields": fields,
        "at_onset": np.stack(list(onset.values()), -1),
        "at_instrument": np.stack(list(instrument.values()), -1),
        "mask": mask,
    }


def _stacked(rows: list[np.ndarray]) -> np.ndarray:
    """(B, T, ...) of (T, ...) arrays, those shorter than the longest padded with zeros."""
    length = max(len(row) for row in rows)
    return np.stack(
        [np.pad(row, [(0, length - len(row)), *[(0, 0)] * (row.ndim - 1)]) for row in rows]
    )


def _prefix(front: Conditions) -> Arrays:
    return {"scalars": front.scalars, "slots": front.slots, "words": front.words}


def _shift(table: np.ndarray, rng: np.random.Generator) -> int:
    """A random transposition, -6..5, that keeps every pitched note within 0-127."""
    shift = int(rng.integers(-6, 6))
    pitched = table[table[:, 1] != DRUMS, 2]
    inside = not len(pitched) or (pitched.min() + shift >= 0 and pitched.max() + shift <= 127)
    return shift if inside else 0


def sides_of(batch: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of a batch's reference and of its target, by the names that the model reads."""
    first = "reference_"
    reference = {k.removeprefix(first): v for k, v in batch.items() if k.startswith(first)}
    return reference, {k: v for k, v in batch.items() if not k.startswith(first)}


def rolled(reference: dict[str, Any]) -> dict[str, Any]:
    """Each window's reference exchanged for another one's of its batch."""
    return {k: v.roll(1, 0) for k, v in reference.items()}
