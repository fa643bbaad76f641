"""What a Brief says more exactly than attributes can, as constraints on words.

Knows words, pieces and Briefs; does not know models or attributes. Metre, tempo and instruments are
said by words of their own, so they are held by leaving these alone; the length by where the end
may come. What only attributes say stays with the model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from cantilena.decode.interfaces import Constraint
from cantilena.text.report import MIN_NOTES
from cantilena.text.wishes import Brief
from cantilena.tokens.remi import vocab as v
from cantilena.tokens.remi.grammar import NEVER, RemiPiece

DEFAULT_TEMPO, DEFAULT_METRE = 120.0, (4, 4)
"""Of a bar before words say its own."""
_RANGES = {
    "s": (v.METRE, v.METRES),
    "t": (v.TEMPO, v.TEMPOS),
    "i": (v.INSTRUMENT, v.INSTRUMENTS),
}


class WordWish:
    """Only ``numbers`` of the words of a kind, wherever words of that kind may come; ``kind``: "s"
    metres, "t" tempos, "i" instruments."""

    def __init__(self, name: str, kind: str, numbers: Collection[int]):
        self.name = name
        first, count = _RANGES[kind]
        self._mask = np.zeros(v.SIZE)
        self._mask[first : first + count] = NEVER
        self._mask[[first + number for number in numbers]] = 0

    def bias(self, field: int, piece: RemiPiece, chosen: Sequence[int]) -> np.ndarray | None:
        """(1253,) the mask, which leaves words of other kinds alone."""
        return self._mask


class HeardWish:
    """Every one of ``programs`` plays: at a new position one of those begins that have had fewer
    than ``MIN_NOTES`` notes, as long as there are such."""

    name = "instruments heard"

    def __init__(self, programs: Collection[int]):
        self.programs = frozenset(programs)

    def bias(self, field: int, piece: RemiPiece, chosen: Sequence[int]) -> np.ndarray | None:
        """(1253,) the mask of instruments behind a position; None elsewhere."""
        if piece.last != "o":
            return None
        counts = dict.fromkeys(self.programs, 0)
        instrument = -1
        for word in piece.rows:
            if v.INSTRUMENT <= word < v.INSTRUMENT + v.INSTRUMENTS:
                instrument = word - v.INSTRUMENT
            elif v.VELOCITY <= word < v.VELOCITY + v.VELOCITIES and instrument in counts:
                counts[instrument] += 1
        due = [number for number, count in counts.items() if count < MIN_NOTES]
        if not due:
            return None
        mask = np.zeros(v.SIZE)
        mask[v.INSTRUMENT : v.INSTRUMENT + v.INSTRUMENTS] = NEVER
        mask[[v.INSTRUMENT + number for number in due]] = 0
        return mask


class Steady:
    """Later bars have the metre and the tempo of the first."""

    name = "steady metre and tempo"

    def bias(self, field: int, piece: RemiPiece, chosen: Sequence[int]) -> np.ndarray | None:
        """(1253,) the mask of the words that would change either; None where none can come."""
        if not piece.bars or piece.last not in ("b", "s"):
            return None
        first, count, word = (
            (v.METRE, v.METRES, piece.rows[0])
            if piece.last == "b"
            else (v.TEMPO, v.TEMPOS, piece.rows[1])
        )
        mask = np.zeros(v.SIZE)
        mask[first : first + count] = NEVER
        mask[word] = 0
        return mask


class LengthWish:
    """The piece ends with a bar line, after ``bars``, or the nearest to ``seconds``, and its last
    bar holds a note."""

    name = "length"

    def __init__(self, bars: int | None = None, seconds: float | None = None):
        self.bars, self.seconds = bars, seconds

    def bias(self, field: int, piece: RemiPiece, chosen: Sequence[int]) -> np.ndarray | None:
        """(1253,) the mask of what may follow a bar line, or may not end an empty last bar."""
        if piece.last in ("", "b"):
            if not piece.bars:
                return None
            mask = np.zeros(v.SIZE)
            if self._left(piece) <= 0:
                mask[:] = NEVER
                mask[v.END_OF_PIECE] = 0
            else:
                mask[v.END_OF_PIECE] = NEVER
            return mask
        if piece.sounds or self._left(piece) > 1:
            return None
        mask = np.zeros(v.SIZE)
        mask[v.BAR] = NEVER
        return mask

    def _left(self, piece: RemiPiece) -> int:
        """Bars that are still to be ended, the one under way among them; seconds are counted on in
        bars like the last."""
        if self.bars is not None:
            return self.bars - piece.bars
        lengths = bar_seconds(piece)
        last = lengths[-1] if lengths else _seconds(DEFAULT_METRE, DEFAULT_TEMPO)
        left = round(((self.seconds or 0.0) - sum(lengths[: piece.bars])) / last)
        return left if piece.bars else max(left, 1)


def bar_seconds(piece: RemiPiece) -> list[float]:
    """The seconds of each bar that has begun."""
    lengths: list[float] = []
    metre, tempo = DEFAULT_METRE, DEFAULT_TEMPO
    for word in piece.rows:
        if v.METRE <= word < v.METRE + v.METRES:
            metre = v.METRE_LIST[word - v.METRE]
            lengths.append(_seconds(metre, tempo))
        elif v.TEMPO <= word < v.TEMPO + v.TEMPOS:
            tempo = v.tempo_bpm(word - v.TEMPO)
            lengths[-1] = _seconds(metre, tempo)
    return lengths


def _seconds(metre: tuple[int, int], bpm: float) -> float:
    return 240.0 * metre[0] / metre[1] / bpm


def constraints_of(brief: Brief, steady: bool = True) -> tuple[Constraint[RemiPiece], ...]:
    """The constraints that a Brief asks for, those that weigh most first; ``steady``: that metre
    and tempo do not change."""
    wishes: list[Constraint[RemiPiece]] = []
    if brief.bars is not None or brief.seconds is not None:
        bars = brief.bars if brief.seconds is None else None
        wishes.append(LengthWish(bars, brief.seconds))
    if brief.metre_parts is not None:
        wishes.append(WordWish("metre", "s", (v.metre_class(*brief.metre_parts),)))
    if brief.tempo is not None:
        wishes.append(WordWish("tempo", "t", (v.tempo_class(round(60e6 / brief.tempo)),)))
    asked = set(_programs(brief)) - set(brief.excluded)
    playing = asked or set(range(v.INSTRUMENTS))
    if playing - set(brief.excluded) != set(range(v.INSTRUMENTS)):
        wishes.append(WordWish("instruments", "i", playing - set(brief.excluded)))
    if len(asked) > 1:
        wishes.append(HeardWish(asked))
    return (*wishes, Steady()) if steady else tuple(wishes)


def _programs(brief: Brief) -> Iterable[int]:
    """The best program of each instrument that is named."""
    return dict.fromkeys(i.programs[0] for i in brief.instruments if i.programs)
