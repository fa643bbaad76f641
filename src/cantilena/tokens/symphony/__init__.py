"""The symphony scheme: SymphonyNet's rows of event, duration, track and instrument.

Knows parts, Scores, rows and their places; does not know models. A bar is a row with its length, a
row with its chord, and for each track that plays a block: "new track", then for each onset its
position and its notes. Rows that are no notes carry padding in the last three fields. Velocity,
tempo and metre are not said; tempo stands in the Header.

What is read of a piece is in ``bars``, words in ``vocab``, the chord of a bar in ``chords``, merged
pitches in ``bpe``, and what may come next in ``grammar``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS, Score, Track, gm
from cantilena.tokens.parts import parts_of
from cantilena.tokens.symphony import vocab as v
from cantilena.tokens.symphony.bars import Bar, Note, bars_of
from cantilena.tokens.symphony.bpe import merged
from cantilena.tokens.symphony.chords import chord_of
from cantilena.tokens.symphony.vocab import Pitches, Vocabulary, read_vocabulary

__all__ = [
    "Header",
    "Places",
    "SymphonyScheme",
    "Vocabulary",
    "bars_of_rows",
    "pitch_sets",
    "places_of",
    "read_vocabulary",
    "rows_of",
]

FIELDS = ("event", "duration", "track", "instrument")
LOUDNESS = 80  # velocity of decoded notes, which rows do not say
_CHORD_IDS = {chord: i for i, chord in enumerate(v.CHORDS)}


@dataclass(frozen=True)
class Header:
    """What stands beside the rows: tempos in 32nds, part names by track, and how a ``metre``
    (numerator, denominator) is written where rows tell no more than a bar's length."""

    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    names: dict[int, str] = field(default_factory=dict)
    metre: tuple[int, int] | None = None


def rows_of(bars: Sequence[Bar], vocabulary: Vocabulary) -> np.ndarray:
    """(T, 4) int64 rows of bars. Raises InputError where the vocabulary has no word for a bar's
    length or a position."""
    rows: list[tuple[int, int, int, int]] = []

    def mark(event: int | None, what: str) -> None:
        if event is None:
            raise InputError(f"the symphony vocabulary has no word for {what}")
        rows.append((event, v.PAD, v.PAD, v.PAD))

    for bar in bars:
        mark(vocabulary.bar_of.get(bar.length), f"a bar of {bar.length} 32nds")
        pitched = ((n.onset, n.length, n.pitch) for n in bar.notes if n.instrument != DRUMS)
        mark(vocabulary.chord + _CHORD_IDS[chord_of(pitched, bar.length)], "a chord")
        for block in _blocks(bar.notes):
            mark(vocabulary.new_track, "a track")
            for onset, notes in block.items():
                mark(vocabulary.position_of.get(onset), f"the position {onset} in a bar")
                track, instrument = v.FIRST + notes[0].track, v.FIRST + notes[0].instrument
                for token, length in _tokens(notes, vocabulary):
                    event = vocabulary.token_of[token]
                    rows.append((event, v.FIRST + length - 1, track, instrument))
    return np.array(rows, dtype=np.int64).reshape(-1, len(FIELDS))


def _blocks(notes: Sequence[Note]) -> Iterator[dict[int, list[Note]]]:
    """The notes of each track by onset. Tracks come in the order of a Python set of their numbers,
    as in the published data; nothing is meant by it."""
    by_track: dict[int, dict[int, list[Note]]] = {}
    for note in sorted(notes, key=lambda n: n.track):
        by_track.setdefault(note.track, {}).setdefault(note.onset, []).append(note)
    return (by_track[track] for track in set(by_track))


def _tokens(notes: Sequence[Note], vocabulary: Vocabulary) -> Iterator[tuple[Pitches, int]]:
    """Tokens and lengths of the notes of one track and onset: where there are merges, by length,
    the first seen first."""
    if not vocabulary.merges:
        return (((note.pitch,), note.length) for note in notes)
    return (
        (token, length)
        for length, pitches in _by_length(notes).items()
        for token in merged(pitches, vocabulary.merges)
    )


def _by_length(notes: Sequence[Note]) -> dict[int, list[int]]:
    sets: dict[int, list[int]] = defaultdict(list)
    for note in notes:
        sets[note.length].append(note.pitch)
    return sets


def pitch_sets(bars: Sequence[Bar]) -> Iterator[list[int]]:
    """The sets of pitches that the music BPE learns from (``bpe.learn``): the notes of each track
    that begin together and are equally long, where there are two or more."""
    for bar in bars:
        for block in _blocks(bar.notes):
            for notes in block.values():
                yield from (p for p in _by_length(notes).values() if len(p) > 1)


class Places:
    """The places of rows, one after the other: what the model reads beside them. A block's first
    row has 1, its j-th position 2j and the notes there 2j + 1; bars and chords have 0. Bar k, from
    1, has 3k - 2, its chord 3k - 1 and all else 3k."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.bar, self.onsets = 0, 0

    def push(self, event: int) -> tuple[int, int]:
        """(within its block, by bars) of the next row, by its event."""
        vocabulary = self.vocabulary
        if event in vocabulary.length_of:
            self.bar += 1
            return 0, 3 * self.bar - 2
        if 0 <= event - vocabulary.chord < len(v.CHORDS):
            return 0, 3 * self.bar - 1
        if event == vocabulary.new_track:
            self.onsets = 0
            return 1, 3 * self.bar
        at_position = event in vocabulary.place_of
        self.onsets += at_position
        return 2 * self.onsets + (not at_position), 3 * self.bar


def places_of(rows: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """(T, 2) the ``Places`` of (T, 4) rows of a piece from its first bar on."""
    places = Places(vocabulary)
    pairs = [places.push(event) for event in np.asarray(rows)[:, 0].tolist()]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def bars_of_rows(rows: np.ndarray, vocabulary: Vocabulary) -> tuple[Bar, ...]:
    """The bars that (T, 4) rows say, up to the end of the piece; an instrument that a track has
    later than another is another part's. Raises InputError on rows that are not in order."""
    bars: list[Bar] = []
    notes: list[Note] = []
    length, place = 0, -1
    for event, *rest in np.asarray(rows, dtype=np.int64).tolist():
        if event == v.EOS:
            break
        if event in vocabulary.length_of:
            if length:
                bars.append(Bar(length, tuple(sorted(notes))))
            length, place, notes = vocabulary.length_of[event], -1, []
            continue
        if not length:
            raise InputError("the rows of a piece begin with a bar")
        if event in vocabulary.place_of:
            place = vocabulary.place_of[event]
            if place >= length:
                raise InputError(f"the position {place} stands in a bar of {length} 32nds")
        elif event in vocabulary.pitches_of:
            notes += _notes(vocabulary.pitches_of[event], place, rest)
        elif event == vocabulary.new_track:
            place = -1
        elif not 0 <= event - vocabulary.chord < len(v.CHORDS):
            raise InputError(f"event {event} is none of the symphony vocabulary's")
    return (*bars, Bar(length, tuple(sorted(notes)))) if length else ()


def _notes(pitches: Pitches, place: int, rest: list[int]) -> list[Note]:
    length, track, instrument = (number - v.FIRST for number in rest)
    if place < 0:
        raise InputError("a note stands before the position of its track")
    if not (0 <= length < v.LENGTHS and 0 <= track < v.TRACKS and 0 <= instrument <= DRUMS):
        raise InputError("a note has no duration, track or instrument")
    return [Note(place, track, instrument, pitch, length + 1) for pitch in pitches]


@dataclass(frozen=True)
class SymphonyScheme:
    """Score to rows and back. A step is one row."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Number of classes of each field."""
        return self.vocabulary.sizes

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as plain data, to be saved with a checkpoint."""
        return {"scheme": "symphony", "grid": v.GRID, **self.vocabulary.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SymphonyScheme:
        """The scheme a checkpoint was saved with. Raises InputError if it is another scheme."""
        if data.get("scheme") != "symphony" or data.get("grid") != v.GRID:
            raise InputError(f"not a symphony scheme of 32nds: {data.get('scheme')!r}")
        return cls(Vocabulary.from_dict(data))

    def encode(self, score: Score) -> tuple[np.ndarray, Header]:
        """(T, 4) rows, without an end, and the Header. Notes of one track, onset and pitch are one,
        the longest. Raises InputError for a Score without notes, with more than 40 parts, or with
        bars that the vocabulary has no word for."""
        bars, names = bars_of(parts_of(score))
        header = Header(_tempos(score, bars), dict(enumerate(names)))
        return rows_of(bars, self.vocabulary), header

    def decode(self, steps: np.ndarray, header: Header | None = None) -> Score:
        """The Score of (T, 4) rows. Raises InputError on rows that break the scheme."""
        steps = np.asarray(steps, dtype=np.int64)
        if steps.ndim != 2 or steps.shape[1] != len(FIELDS):
            raise InputError(f"steps have {len(FIELDS)} fields each, not the shape {steps.shape}")
        header = header or Header()
        bars = bars_of_rows(steps, self.vocabulary)
        starts = np.cumsum([0, *(bar.length for bar in bars)]).tolist()
        notes = [
            (start + n.onset, n.length, n.pitch, LOUDNESS, (n.track, n.instrument))
            for start, bar in zip(starts, bars, strict=False)
            for n in bar.notes
        ]
        homes = sorted({note[-1] for note in notes})
        tracks = [
            Track(
                header.names.get(number, gm.name(instrument)),
                0 if instrument == DRUMS else instrument,
                instrument == DRUMS,
            )
            for number, instrument in homes
        ]
        columns = np.array([note[:-1] for note in notes], dtype=np.int64).reshape(-1, 4).T
        metres = [
            (start, *_metre(bar.length, header.metre))
            for start, bar in zip(starts, bars, strict=False)
        ]
        part = [homes.index(note[-1]) for note in notes]
        onset, length, pitch, velocity = columns
        return Score.build(
            v.GRID,
            tracks,
            onset,
            length,
            pitch,
            velocity,
            part,
            header.tempos,
            metres,
            end=starts[-1],
        )

    def quantise(self, score: Score) -> Score:
        """The Score this scheme can say; quantising twice changes nothing."""
        return self.decode(*self.encode(score))


def _tempos(score: Score, bars: Sequence[Bar]) -> tuple[tuple[int, int], ...]:
    """The tempos of a Score in 32nds from its first bar on."""
    ticks = [bar.tick for bar in bars]
    starts = np.cumsum([0, *(bar.length for bar in bars)]).tolist()
    tempos: dict[int, int] = {}
    for tick, us in zip(score.tempo_tick.tolist(), score.tempo_us.tolist(), strict=True):
        bar = bisect_right(ticks, tick) - 1
        inside = round((tick - ticks[max(bar, 0)]) * v.GRID / score.tpq)
        at = starts[bar] + min(inside, bars[bar].length) if bar >= 0 else 0
        tempos[at] = us
    return tuple(sorted((at, us) for at, us in tempos.items() if at < starts[-1]))


def _metre(length: int, usual: tuple[int, int] | None) -> tuple[int, int]:
    """The metre of a bar of so many 32nds: the ``usual`` one where it is as long, else in quarters
    where it can be."""
    if usual is not None and 32 * usual[0] == length * usual[1]:
        return usual
    metre = Fraction(length, 32)
    factor = max(1, 4 // metre.denominator)
    return metre.numerator * factor, metre.denominator * factor
