"""The constraint of voicings: a part that plays chords strikes a chord as it struck it before.

Knows the Plan's chords and the piece so far, as ``systems.note.constraints`` does, which composes
this. What comes back is left alone, and so are parts that have figures.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from cantilena.systems.note.plan import HARMONY, Plan
from cantilena.systems.note.recurrence import EXACT, VARIED
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.grammar import INSTRUMENT, ONSET, PITCH

Voicing = tuple[int, ...]
"""Pitches that a part strikes together, from the lowest up."""


class Voicings:
    """Under a chord that a part has struck before, it leans on striking it with the same pitches;
    under another, on the same intervals above the lowest note, as far as these are tones of that
    chord. Of the chords that real parts strike 63 % have been struck before in the piece with the
    same pitches, without this 55 % had; they have 9 shapes in 32 bars, without this they had 15 (48
    bands of the songs that models learn from; ``benchmarks/chords_struck.py``)."""

    name = "voicings"

    FIRST_BIAS, NEXT_BIAS = 0.5, 2.0
    """What a pitch gains with which a known voicing begins, and one with which it goes on."""
    SHAPE_BIAS = 1.0
    """What a tone of a chord that was not struck yet gains, with which a known shape goes on."""
    WHOLE_BIAS = 1.5
    """What another note of the part gains where a known voicing is not whole yet, and loses where
    it is and no known one goes on."""

    def __init__(self, plan: Plan, scheme: NoteScheme, figured: Collection[int] = ()) -> None:
        self.scheme = scheme
        self.parts = {p.instrument: p for p in plan.parts if p.role == HARMONY and p.voices > 1}
        self.kinds = {i: [bar.kind for bar in part.bars] for i, part in self.parts.items()}
        for instrument in figured:
            self.parts.pop(instrument, None)
        self.ticks = [tick for tick, _ in plan.chords]
        self.chords = [chord for _, chord in plan.chords]
        self.struck: dict[int, dict[str, set[Voicing]]] = {i: defaultdict(set) for i in self.parts}
        self.shapes: dict[int, set[Voicing]] = {i: set() for i in self.parts}
        self.rows_read = 0

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases the pitches of parts with chords, and whether they strike another note."""
        if not self.parts:
            return None
        if field == ONSET:
            self._update(piece)
            gain = self._wholeness(piece)
            if gain <= 0:  # others may want to join
                return None
            out = np.zeros(self.scheme.sizes[ONSET])
            out[0] = gain
            return out
        if field == INSTRUMENT and chosen[ONSET] == 0 and piece.rows:
            gain = self._wholeness(piece)
            if not gain:
                return None
            out = np.zeros(self.scheme.sizes[INSTRUMENT])
            out[piece.rows[-1][1]] = gain
            return out
        if field != PITCH or chosen[INSTRUMENT] not in self.parts:
            return None
        tick = piece.tick + chosen[ONSET]
        if not self._is_free(piece, chosen[INSTRUMENT], tick):
            return None
        return self._pitches(chosen[INSTRUMENT], tick, _at(piece, chosen[INSTRUMENT], tick))

    def _update(self, piece: Tracker) -> None:
        """Takes up the voicings of onsets that are behind."""
        rows = piece.rows
        while self.rows_read < len(rows):
            tick, instrument = rows[self.rows_read][:2]
            stop = self.rows_read + 1
            while stop < len(rows) and rows[stop][:2] == (tick, instrument):
                stop += 1
            if stop == len(rows):  # may go on
                return
            voicing = tuple(row[2] for row in rows[self.rows_read : stop])
            if instrument in self.parts and len(voicing) > 1:
                self.struck[instrument][self._chord(tick)].add(voicing)
                self.shapes[instrument].add(tuple(p - voicing[0] for p in voicing))
            self.rows_read = stop

    def _chord(self, tick: int) -> str:
        slot = bisect_right(self.ticks, tick) - 1
        return self.chords[slot].name() if slot >= 0 else ""

    def _is_free(self, piece: Tracker, instrument: int, tick: int) -> bool:
        """Whether the part's bar is no return of an earlier one's pitches."""
        kinds, bar = self.kinds[instrument], piece.bar_of(tick)
        return bar >= len(kinds) or kinds[bar] not in (EXACT, VARIED)

    def _wholeness(self, piece: Tracker) -> float:
        """What another note of the part that struck last gains."""
        if not piece.rows or piece.rows[-1][1] not in self.parts:
            return 0.0
        tick, instrument = piece.rows[-1][:2]
        if not self._is_free(piece, instrument, tick):
            return 0.0
        begun = _at(piece, instrument, tick)
        n = len(begun)
        known = self.struck[instrument].get(self._chord(tick), ())
        known = [v for v in known if v[:n] == begun]
        if not known and n > 1:
            begun = tuple(p - begun[0] for p in begun)
            known = [v for v in self.shapes[instrument] if v[:n] == begun]
        if not known:
            return 0.0
        whole, longer = begun in known, any(len(v) > n for v in known)
        return 0.0 if whole and longer else self.WHOLE_BIAS if longer else -self.WHOLE_BIAS

    def _pitches(self, instrument: int, tick: int, begun: Voicing) -> np.ndarray | None:
        """(128,) what pitches gain behind those that are struck already."""
        n = len(begun)
        known = self.struck[instrument].get(self._chord(tick), ())
        after = {v[n] for v in known if len(v) > n and v[:n] == begun}
        gain = self.NEXT_BIAS if n else self.FIRST_BIAS
        if not after and n:
            shape = tuple(p - begun[0] for p in begun)
            slot = bisect_right(self.ticks, tick) - 1
            tones = self.chords[slot].pitch_classes if slot >= 0 else range(12)
            after = {
                begun[0] + v[n] for v in self.shapes[instrument] if len(v) > n and v[:n] == shape
            }
            after = {p for p in after if p < PITCHES and p % 12 in tones}
            gain = self.SHAPE_BIAS
        if not after:
            return None
        out = np.zeros(PITCHES)
        out[list(after)] = gain
        return out


class Steadiness:
    """In a new bar parts with chords keep to the places at which they struck one or two bars
    before, so that an accompaniment has a figure while its chords move on."""

    name = "steady accompaniment"

    SAME_BIAS, OTHER_BIAS = 0.8, -0.6
    """What such a part gains at a place at which it struck one or two bars before, and loses at
    another, where it struck in these bars at all."""
    LAGS = (1, 2)  # bars

    def __init__(self, plan: Plan, scheme: NoteScheme, figured: Collection[int] = ()) -> None:
        self.scheme = scheme
        names = [p.instrument for p in plan.parts if p.role == HARMONY]
        self.parts = [i for i in names if i not in figured]

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases instruments."""
        if field != INSTRUMENT or piece.agenda is None:
            return None
        tick = piece.tick + chosen[ONSET]
        bar = piece.bar_of(tick)
        out = np.zeros(self.scheme.sizes[INSTRUMENT])
        for instrument in self.parts:
            part = piece.agenda.by_instrument.get(instrument)
            if part is None or not piece.agenda.is_new(instrument, bar):
                continue
            played = there = False
            for lag in self.LAGS[:bar]:
                start, stop = piece.bars[bar - lag], piece.bars[bar - lag + 1]
                place = start + tick - piece.bars[bar]
                played |= part.before(start) < part.before(stop)
                there |= place < stop and part.before(place) < part.before(place + 1)
            if played:
                out[instrument] = self.SAME_BIAS if there else self.OTHER_BIAS
        return out


def _at(piece: Tracker, instrument: int, tick: int) -> Voicing:
    """The pitches that a part has struck at a tick already."""
    out: list[int] = []
    for row in reversed(piece.rows):
        if row[:2] != (tick, instrument):
            break
        out.append(row[2])
    return tuple(reversed(out))
