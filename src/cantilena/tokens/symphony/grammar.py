"""The Grammar of the symphony scheme: which row may come next, whatever is wished.

Knows the vocabulary and the piece so far; does not know models or wishes. A bar is followed by its
chord, then by blocks of tracks, each once; positions rise in a block and hold a pitch once. A track
keeps its instrument, and one alone is drums. The first bar and the last hold a note.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.tokens.symphony import FIELDS
from cantilena.tokens.symphony import vocab as v
from cantilena.tokens.symphony.vocab import Vocabulary

EVENT, DURATION, TRACK, INSTRUMENT = range(4)
NEVER = -np.inf
_DRUMS = v.FIRST + DRUMS


class SymphonyPiece:
    """A piece while it is written. ``rows`` holds its rows so far."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.rows: list[tuple[int, int, int, int]] = []
        self.instruments: dict[int, int] = {}  # by track, ids of both
        self.bars = 0  # that are begun
        self.length = 0  # of the bar, in 32nds
        self.place = -1  # the position reached in the block, -1 before it
        self.track: int | None = None  # of the block
        self.played: set[int] = set()  # tracks that have a block in the bar
        self.pitches: set[int] = set()  # at the position, in the block
        self._to_last_note = 0  # rows up to the last note

    @property
    def sounds(self) -> bool:
        """Whether the bar holds a note."""
        return bool(self.played)

    def push(self, event: int, duration: int, track: int, instrument: int) -> None:
        """Appends a row."""
        self.rows.append((event, duration, track, instrument))
        vocabulary = self.vocabulary
        if event in vocabulary.length_of:
            self.bars, self.length = self.bars + 1, vocabulary.length_of[event]
            self.played = set()
        elif event == vocabulary.new_track:
            self.place, self.track = -1, None
        elif event in vocabulary.place_of:
            self.place, self.pitches = vocabulary.place_of[event], set()
        elif event in vocabulary.pitches_of:
            self.track = track
            self.instruments[track] = instrument
            self.played.add(track)
            self.pitches.update(vocabulary.pitches_of[event])
            self._to_last_note = len(self.rows)

    def whole(self) -> np.ndarray:
        """(T, 4) the rows up to the last note."""
        rows = self.rows[: self._to_last_note]
        return np.array(rows, dtype=np.int64).reshape(-1, len(FIELDS))


class SymphonyGrammar:
    """Additive masks, 0 or -inf, of each field's values."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self._events, self._bars = vocabulary.sizes[EVENT], list(vocabulary.length_of)
        self._chords = slice(vocabulary.chord, vocabulary.chord + len(v.CHORDS))
        self._holds = np.zeros((vocabulary.chord - v.FIRST, v.PITCHES), dtype=bool)
        for event, pitches in vocabulary.pitches_of.items():
            self._holds[event - v.FIRST, list(pitches)] = True

    def bias(self, field: int, piece: SymphonyPiece, chosen: Sequence[int]) -> np.ndarray:
        """(size of the field,) the mask of ``field`` given those ``chosen`` before it."""
        if field == EVENT:
            return self._next_event(piece)
        mask = np.full(self.vocabulary.sizes[field], NEVER)
        if chosen[EVENT] not in self.vocabulary.pitches_of:
            mask[v.PAD] = 0
        elif field == DURATION:
            mask[v.FIRST :] = 0
        elif field == TRACK:
            self._tracks(mask, piece)
        elif chosen[TRACK] in piece.instruments:
            mask[piece.instruments[chosen[TRACK]]] = 0
        else:
            mask[v.FIRST :] = 0
            if _DRUMS in piece.instruments.values():
                mask[_DRUMS] = NEVER
        return mask

    def forced(self, piece: SymphonyPiece) -> Sequence[int] | None:
        """Nothing is."""
        return None

    def ends(self, piece: SymphonyPiece, chosen: Sequence[int]) -> bool:
        """Whether the event is the piece's end, which is no part of it."""
        return chosen[EVENT] == v.EOS

    def _next_event(self, piece: SymphonyPiece) -> np.ndarray:
        vocabulary, mask = self.vocabulary, np.full(self._events, NEVER)
        last = piece.rows[-1][EVENT] if piece.rows else None
        if last is None:
            mask[self._bars] = 0
        elif last in vocabulary.length_of:
            mask[self._chords] = 0
        elif last == vocabulary.new_track:
            self._positions(mask, piece)
        elif last in vocabulary.place_of:
            mask[v.FIRST : vocabulary.chord] = 0
        else:  # a chord or a note
            if piece.sounds or piece.bars > 1:
                mask[self._bars] = 0
            if piece.sounds:
                mask[v.EOS] = 0
            if len(piece.played) < v.TRACKS:
                mask[vocabulary.new_track] = 0
            if last in vocabulary.pitches_of:
                self._positions(mask, piece)
                taken = self._holds[:, list(piece.pitches)].any(axis=1)
                mask[v.FIRST : vocabulary.chord][~taken] = 0
        return mask

    def _positions(self, mask: np.ndarray, piece: SymphonyPiece) -> None:
        """Later positions of the bar."""
        for place, event in self.vocabulary.position_of.items():
            if piece.place < place < piece.length:
                mask[event] = 0

    def _tracks(self, mask: np.ndarray, piece: SymphonyPiece) -> None:
        """The block's track; for its first note any that has no block in the bar yet."""
        if piece.track is not None:
            mask[piece.track] = 0
        else:
            mask[v.FIRST :] = 0
            mask[list(piece.played)] = NEVER
