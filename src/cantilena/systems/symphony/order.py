"""Orders for a SymphonyNet, the piece while it is written, and the grammar that holds both.

Knows rows and what of a Brief rows can say: bars and their length, chords of bars, who plays. Does
not know models, sampling or Scores. An Order is part of the grammar, which never gives way; what
else a Brief asks for is not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.score.harmony import Chord, parse_chord
from cantilena.tokens.symphony import vocab as v
from cantilena.tokens.symphony.grammar import (
    DURATION,
    EVENT,
    INSTRUMENT,
    NEVER,
    TRACK,
    SymphonyGrammar,
    SymphonyPiece,
)
from cantilena.tokens.symphony.vocab import Vocabulary

MOST_ROWS = 512
"""Of a bar, at which it is ended: twice those of the fullest bar of 40 songs of Lakh (249)."""
MOST_PLAYERS = 12
"""Tracks at most where nobody says who plays: nine in ten songs of Lakh have fewer."""

_QUALITIES = {
    "": "M",
    "m": "m",
    "7": "D7",
    "maj7": "M7",
    "m7": "m7",
    "dim": "o",
    "m7b5": "/o7",
    "aug": "+",
    "sus4": "sus4",
}
"""Of the scheme, by the reduced qualities of ``score.harmony``."""


@dataclass(frozen=True)
class Order:
    """``bars`` of new music, each of ``length`` 32nds; ``chords``: of each new bar, () where none
    are asked for; ``players``: how many tracks of each instrument (0-128) may play, None for
    anybody but ``excluded``; ``due``: instruments that begin in the first new bar. ``past`` (T, 4):
    rows that are gone on from."""

    bars: int
    length: int
    chords: tuple[str, ...] = ()
    players: Mapping[int, int] | None = None
    due: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()
    past: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), dtype=np.int64))

    def check(self, vocabulary: Vocabulary) -> None:
        """Raises InputError for an order that cannot be written with a vocabulary."""
        if self.length not in vocabulary.bar_of:
            raise InputError(
                f"this model has no word for a bar of {self.length} 32nds; ask for another metre, "
                "as 4/4"
            )
        if self.players is not None and not set(self.players) - self.excluded:
            raise InputError("no instrument may play: all that are asked for are excluded")
        if set(range(v.INSTRUMENTS)) <= self.excluded:
            raise InputError("no instrument may play: all are excluded")


def chord_word(chord: Chord) -> str:
    """A chord symbol's name in the scheme, the nearest that it has."""
    have = {interval % 12 for interval in chord.intervals}
    quality = _QUALITIES[chord.quality]
    if quality == "sus4" and 5 not in have:
        quality = "sus2"
    if quality == "o" and 9 in have:
        quality = "o7"
    return v.NAMES[chord.root] + quality


def bar_chords(
    symbols: Sequence[str], beats: float | None, bars: int, length: int
) -> tuple[str, ...]:
    """The chord with which each of ``bars`` bars of ``length`` 32nds begins, of symbols that go
    round, each for ``beats`` quarters or, by default, a bar; () of none."""
    if not symbols:
        return ()
    words = [chord_word(parse_chord(symbol)) for symbol in symbols]
    held = length if beats is None else max(1, round(beats * v.GRID))
    return tuple(words[bar * length // held % len(words)] for bar in range(bars))


class OrderPiece(SymphonyPiece):
    """A piece of an Order while it is written; its past stands in it from the start."""

    def __init__(self, vocabulary: Vocabulary, order: Order):
        super().__init__(vocabulary)
        self.order = order
        for row in order.past.tolist():
            self.push(*row)
        self.first = len(self.rows)  # its first new row
        self.old_bars = self.bars
        self.bar_rows = 0  # of the bar that is being written

    @property
    def new_bars(self) -> int:
        """Bars that are begun behind the past."""
        return self.bars - self.old_bars

    def push(self, event: int, duration: int, track: int, instrument: int) -> None:
        """Appends a row."""
        super().push(event, duration, track, instrument)
        self.bar_rows = 1 if event in self.vocabulary.length_of else self.bar_rows + 1

    def new_rows(self) -> np.ndarray:
        """(T, 4) the rows behind the past, up to the last note."""
        return self.whole()[self.first :]

    def due(self) -> frozenset[int]:
        """Instruments that are still to begin."""
        if self.new_bars != 1 or len(self.instruments) >= v.TRACKS:
            return frozenset()
        return self.order.due - {number - v.FIRST for number in self.instruments.values()}

    def may_begin(self) -> set[int]:
        """Instruments (0-128) of which a further track may begin."""
        if len(self.instruments) >= v.TRACKS:
            return set()
        playing = Counter(number - v.FIRST for number in self.instruments.values())
        players = self.order.players
        if players is None:
            full = self.new_bars > 0 and len(self.instruments) >= MOST_PLAYERS
            begin = set() if full else set(range(v.INSTRUMENTS))
        else:
            begin = {number for number, most in players.items() if playing[number] < most}
        return begin - self.order.excluded - ({DRUMS} if playing[DRUMS] else set())

    def playable(self) -> bool:
        """Whether anybody may have a block in this bar."""
        return any(map(self.may_play, self.instruments)) or bool(self.may_begin())

    def may_play(self, track: int) -> bool:
        """Whether a track that has begun may have a block in this bar."""
        number = self.instruments[track] - v.FIRST
        players = self.order.players
        wanted = players is None or number in players
        return wanted and number not in self.order.excluded and track not in self.played


class OrderGrammar(SymphonyGrammar):
    """The scheme's grammar, and what orders ask for."""

    def bias(self, field: int, piece: OrderPiece, chosen: Sequence[int]) -> np.ndarray:  # type: ignore[override]
        """(size of the field,) the mask of ``field``, behind those ``chosen`` before it."""
        mask = super().bias(field, piece, chosen)
        if field == EVENT:
            self._ordered(mask, piece)
        elif chosen[EVENT] not in self.vocabulary.pitches_of:
            return mask
        elif field == DURATION:
            left = (piece.order.bars - piece.new_bars + 1) * piece.order.length - piece.place
            mask[v.FIRST + left :] = NEVER  # no note outlasts the piece
        elif field == TRACK and piece.track is None:
            self._players(mask, piece)
        elif field == INSTRUMENT and chosen[TRACK] not in piece.instruments:
            begin = piece.due() & piece.may_begin() or piece.may_begin()
            mask[[n for n in range(v.FIRST, len(mask)) if n - v.FIRST not in begin]] = NEVER
        return mask

    def ends(self, piece: OrderPiece, chosen: Sequence[int]) -> bool:  # type: ignore[override]
        """Whether the event is the piece's end, or begins a bar behind the last one."""
        over = piece.new_bars == piece.order.bars and chosen[EVENT] in self.vocabulary.length_of
        return over or super().ends(piece, chosen)

    def _ordered(self, mask: np.ndarray, piece: OrderPiece) -> None:
        """The order's bars, chords and end, of the events that may come."""
        order, vocabulary = piece.order, self.vocabulary
        bar = vocabulary.bar_of[order.length]
        if not piece.new_bars:
            mask[:] = NEVER
            mask[bar] = 0
            return
        last = piece.rows[-1][EVENT]
        if last in vocabulary.length_of:
            if order.chords:
                chord = v.CHORDS.index(order.chords[piece.new_bars - 1])
                mask[self._chords] = NEVER
                mask[vocabulary.chord + chord] = 0
            return
        over, due = piece.new_bars == order.bars, piece.due()
        # A model that sees no end here says where it would begin a further bar.
        line = np.isfinite(mask[v.EOS if over else bar]) and not due
        mask[self._bars] = NEVER
        mask[bar] = 0 if line else NEVER
        if not over or due:
            mask[v.EOS] = NEVER
        if not piece.playable():
            mask[vocabulary.new_track] = NEVER
        if piece.bar_rows >= MOST_ROWS and line:
            kept = mask[bar], mask[v.EOS]
            mask[:] = NEVER
            mask[bar], mask[v.EOS] = kept

    def _players(self, mask: np.ndarray, piece: OrderPiece) -> None:
        """The tracks that may have the block that begins."""
        begin, due = piece.may_begin(), piece.due()
        old = {track for track in piece.instruments if piece.may_play(track)}
        for track in range(v.FIRST, len(mask)):
            fresh = track not in piece.instruments
            if not (begin if fresh else track in old and not (due & begin)):
                mask[track] = NEVER
