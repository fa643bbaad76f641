"""The remi scheme: REMIGEN2, MuseCoco's encoding, and REMIGEN, which repeats the tempo.

Knows parts, Scores and words; does not know models. A bar says its metre and tempo; each onset its
position, each instrument its number, each note its pitch, length and velocity; ``b-1`` ends the
bar. What is read of a piece is in ``bars``, what words mean in ``vocab``, attributes in
``attributes``, and which word may come next in ``grammar``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, Track, gm
from cantilena.tokens.parts import parts_of
from cantilena.tokens.remi import vocab as v
from cantilena.tokens.remi.bars import Bars, Note, bars_of

PREFIX_FORM = 1 + v.PREFIX_WORDS + 1
"""Words before the music of a whole sequence: ``</s>``, the attributes, ``<sep>``."""


@dataclass(frozen=True)
class Header:
    """What stands beside the words: part names by instrument (128 drums)."""

    names: dict[int, str] = field(default_factory=dict)


def words_of(bars: Bars, repeat_tempo: bool = False) -> np.ndarray:
    """(T,) the words of a piece: REMIGEN2, or REMIGEN where ``repeat_tempo``."""
    words: list[int] = []
    bar = at = instrument = -1
    for note in bars.notes:
        while bar + 1 < len(bars.starts) and note[0] >= bars.starts[bar + 1]:
            if bar >= 0:
                words.append(v.BAR)
            bar += 1
            words.append(v.METRE + v.metre_class(*bars.metres[bar]))
            if not repeat_tempo:
                words.append(v.TEMPO + bars.tempo_at(bars.starts[bar]))
        if note[0] != at:
            at, instrument = note[0], -1
            words.append(v.POSITION + at - bars.starts[bar])
            if repeat_tempo:
                words.append(v.TEMPO + bars.tempo_at(at))
        if note[1] != instrument:
            instrument = note[1]
            words.append(v.INSTRUMENT + instrument)
        words += _note_words(note)
    return np.array([*words, v.BAR], dtype=np.int64)


def _note_words(note: Note) -> tuple[int, int, int]:
    _, instrument, pitch, length, velocity = note
    return (
        v.PITCH + pitch + (v.DRUM_PITCH if instrument == DRUMS else 0),
        v.LENGTH + v.length_class(length),
        v.VELOCITY + velocity // 4,
    )


@dataclass
class Reading:
    """What words say: ``notes`` (position, instrument, pitch, length, velocity), ``metres`` and
    ``tempos`` where they change, by position, and where bars end."""

    notes: list[Note] = field(default_factory=list)
    metres: list[tuple[int, tuple[int, int]]] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    bar_ends: list[int] = field(default_factory=list)


def read_words(words: np.ndarray) -> Reading:
    """What the words of a piece say, up to its end. Raises InputError on words that are not in
    order: no metre first, a length without a pitch, a note without a position or an instrument."""
    result = Reading()
    start, length, at, instrument = 0, 0, -1, -1
    waiting: list[int] = []  # a note's words so far
    for word in np.asarray(words, dtype=np.int64).tolist():
        if word == v.END_OF_PIECE:
            break
        kind = v.kind_of(word)
        if bool(waiting) != (kind in "dv") or (kind == "v") != (len(waiting) == 2):
            raise InputError(f"word {word} breaks a note, which is pitch, length and velocity")
        if kind != "s" and not length:
            raise InputError("the words of a piece begin with a metre")
        number = v.number_of(word)
        if kind == "b":
            start, at, instrument = start + length, -1, -1
            result.bar_ends.append(start)
        elif kind == "s":
            length = v.bar_positions(v.METRE_LIST[number])
            result.metres.append((start, v.METRE_LIST[number]))
        elif kind == "o":
            at, instrument = start + number, -1
        elif kind == "t":
            result.tempos.append((max(at, start), number))
        elif kind == "i":
            instrument = number
        elif kind == "v":
            result.notes.append(_note(at, instrument, waiting[0], waiting[1], number))
            waiting = []
        else:
            waiting.append(number)
    if waiting:
        raise InputError("the last note is not whole")
    return result


def reading_of(bars: Bars) -> Reading:
    """A piece as its words would be read, but with changes of tempo where they stand, which
    REMIGEN2 says a bar later."""
    metres = list(zip(bars.starts, bars.metres, strict=True))
    last = bars.starts[-1] + v.bar_positions(bars.metres[-1])
    return Reading(list(bars.notes), metres, list(bars.tempos), [*bars.starts[1:], last])


def _note(at: int, instrument: int, pitch: int, length: int, velocity: int) -> Note:
    if at < 0 or instrument < 0:
        raise InputError("a note stands before its position or its instrument")
    if (pitch >= v.DRUM_PITCH) != (instrument == DRUMS):
        raise InputError("a drum's pitch stands at another instrument, or the other way round")
    if length >= len(v.LENGTH_STARTS):
        raise InputError(f"there is no length {length}")
    positions = max(1, int(v.LENGTH_STARTS[length]))
    return at, instrument, pitch % v.DRUM_PITCH, positions, 4 * velocity + 2


@dataclass(frozen=True)
class RemiScheme:
    """Score to words and back. A step is one word; the attributes' prefix is no part of them.
    ``repeat_tempo``: REMIGEN, not REMIGEN2."""

    repeat_tempo: bool = False

    @property
    def sizes(self) -> tuple[int]:
        """Number of words."""
        return (v.SIZE,)

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as plain data, to be saved with a checkpoint."""
        return {"scheme": "remi", "grid": v.GRID, "repeat_tempo": self.repeat_tempo}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RemiScheme:
        """The scheme a checkpoint was saved with. Raises InputError if it is another scheme."""
        if data.get("scheme") != "remi" or data.get("grid") != v.GRID:
            raise InputError(f"not a remi scheme on a grid of {v.GRID}: {data.get('scheme')!r}")
        if not isinstance(data.get("repeat_tempo"), bool):
            raise InputError("the remi scheme is not complete: repeat_tempo is true or false")
        return cls(data["repeat_tempo"])

    def encode(self, score: Score) -> tuple[np.ndarray, Header]:
        """(T, 1) words without a prefix, and the Header. Notes that are the same in all that words
        say are one. Raises InputError for a Score without notes, or one whose bars have no words
        (``bars_of``)."""
        bars = bars_of(parts_of(score))
        unique: dict[tuple[int, ...], Note] = {}
        for note in bars.notes:
            unique.setdefault((*note[:2], *_note_words(note)), note)
        bars = Bars(bars.starts, bars.end, bars.metres, bars.tempos, tuple(unique.values()))
        names: dict[int, str] = {}
        for track in score.tracks:
            names.setdefault(track.instrument, track.name)
        return words_of(bars, self.repeat_tempo)[:, None], Header(names)

    def decode(self, steps: np.ndarray, header: Header | None = None) -> Score:
        """The Score of (T, 1) words, up to ``</s>``. Raises InputError on words that break the
        scheme."""
        steps = np.asarray(steps, dtype=np.int64)
        if steps.ndim != 2 or steps.shape[1] != 1:
            raise InputError(f"steps have one field each, not the shape {steps.shape}")
        reading, names = read_words(steps[:, 0]), (header or Header()).names
        rows = np.array(reading.notes, dtype=np.int64).reshape(-1, 5)
        instruments = np.unique(rows[:, 1])
        tracks = [
            Track(names.get(i, gm.name(i)), 0 if i == DRUMS else i, i == DRUMS)
            for i in instruments.tolist()
        ]
        return Score.build(
            v.GRID,
            tracks,
            rows[:, 0],
            rows[:, 3],
            rows[:, 2],
            rows[:, 4],
            np.searchsorted(instruments, rows[:, 1]),
            [(at, round(60e6 / v.tempo_bpm(number))) for at, number in reading.tempos],
            [(at, *metre) for at, metre in reading.metres],
        )

    def quantise(self, score: Score) -> Score:
        """The Score this scheme can say; quantising twice changes nothing."""
        return self.decode(*self.encode(score))
