"""The constraint of how much is played: in each bar about as many notes of a part as are planned.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does, which composes this; the
model, which reads the plan, does most of it by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cantilena.systems.note.constraints.parts import joining
from cantilena.systems.note.plan import MELODY, Plan
from cantilena.systems.note.recurrence import FILL
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import GRID, NoteScheme
from cantilena.tokens.note.grammar import INSTRUMENT, ONSET
from cantilena.tokens.note.outline import UNKNOWN_COUNT


class Countdown:
    """A part that has played the notes planned for a bar plays no more in it; a bar is left when
    all have, and not before. Parts in ``figured`` play what their figures want."""

    name = "notes of a bar"

    DONE_BIAS = -2.0
    """What an instrument loses that has played its notes, and a step that adds one to a bar in
    which all have. A logit, so that the model's will is not drowned."""

    EARLY_BIAS, EARLY = -1.0, 1.0
    """What a tune loses for each note that it is ahead of an even course through the bar, beyond
    so many: of real leads a fifth of the notes begin on the first half beat, without this a quarter
    did, and the ends of bars were empty (``cantilena evaluate realism``)."""

    LATE_BIAS, LATE = 15.0, 0.25
    """What a part gains for each bar beyond so many of a bar in which it has played nothing yet of
    what is planned: else bars stay empty, and with them all that take them up."""

    BEHIND_BIAS, SLACK = 0.8, 0.25
    """What a part gains for each note that it is behind an even course, beyond one, or this share
    of its bar's notes."""

    MOST_BEHIND = 5.0
    """Notes behind that count at most: a part that cannot catch up any more lets the bar go."""

    LEFT_BIAS, MOST_LEFT, ROOM = -0.5, 4, GRID // 4
    """What a step out of the bar loses for each note that is still to come in it, of up to so
    many, and the ticks that each of them needs: where there is no room left for them they are not
    crowded in before the bar line. Out of the last bar, which closes, a step loses nothing."""

    EMPTY_BIAS = -8.0
    """What such a step loses beside that while a part has begun none of the notes planned for a new
    bar and there is room for one: a part that louder ones crowd out is silent in all bars that were
    to take up that one, too."""

    def __init__(self, plan: Plan, scheme: NoteScheme, figured: Iterable[int] = ()):
        self.plan, self.scheme, self.figured = plan, scheme, frozenset(figured)
        self.tunes = {p.instrument for p in plan.parts if p.role == MELODY} - self.figured
        self.paced = {p.instrument for p in plan.parts} - self.figured
        self.fills = {p.instrument: [bar.kind == FILL for bar in p.bars] for p in plan.parts}

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets within the bar, and instruments."""
        if piece.agenda is None or field not in (ONSET, INSTRUMENT):
            return None
        delta = chosen[ONSET] if field == INSTRUMENT else 0
        tick = piece.tick + delta
        if delta >= self.scheme.max_delta or tick >= self.plan.end:
            return None
        bar = piece.bar_of(tick)
        left = {p.instrument: piece.agenda.to_come(p, bar) for p in piece.agenda.parts}
        if UNKNOWN_COUNT in left.values():
            return None
        out = np.zeros(self.scheme.sizes[field])
        if field == INSTRUMENT:
            done = {instrument for instrument, notes in left.items() if not notes}
            out[list(done - self.figured)] = self.DONE_BIAS
            for instrument in self.paced:
                out[instrument] += self._pace(piece, instrument, bar, tick)
            return out
        late = [p.instrument for p in joining(self.plan, piece) if p.instrument in self.paced]
        if piece.rows and late:  # who comes last in the order of an onset can only join it
            out[0] += max(0.0, max(self._pace(piece, i, bar, tick) for i in late))
        stop = int(self.plan.lines[bar + 1]) - piece.tick
        if any(left.values()):
            room = 0 if bar == self.plan.bars - 1 else (stop - 1) // self.ROOM
            out[stop:] = self.LEFT_BIAS * min(sum(left.values()), self.MOST_LEFT, room)
            if room and any(self._is_empty(piece, i, bar) for i in self.paced if left.get(i)):
                out[stop:] += self.EMPTY_BIAS
        elif not any(p.plays(bar) for p in self.plan.parts if p.instrument in self.figured):
            out[:stop] = self.DONE_BIAS
        return out

    def _pace(self, piece: Tracker, instrument: int, bar: int, tick: int) -> float:
        """What a part gains at ``tick`` of a new bar that has played fewer notes than are due, or
        none; what a tune loses that has played more."""
        if piece.agenda is None or not self._is_new(piece, instrument, bar):
            return 0.0
        part = piece.agenda.by_instrument[instrument]
        start, stop = int(self.plan.lines[bar]), int(self.plan.lines[bar + 1])
        share = (tick - start) / (stop - start)
        played = len(part.rows) - part.before(start)
        left = piece.agenda.to_come(part, bar)
        late = self.LATE_BIAS * max(0.0, share - self.LATE) if left and not played else 0.0
        ahead = played - (played + left) * share
        if ahead > 0:
            return self.EARLY_BIAS * max(0.0, ahead - self.EARLY) * (instrument in self.tunes)
        behind = -ahead - max(1.0, self.SLACK * (played + left))
        return late + self.BEHIND_BIAS * min(max(0.0, behind), self.MOST_BEHIND)

    def _is_new(self, piece: Tracker, instrument: int, bar: int) -> bool:
        """Whether a part plays anew in a bar that is no drummer's fill."""
        is_new = piece.agenda is not None and piece.agenda.is_new(instrument, bar)
        return is_new and not self.fills[instrument][bar]

    def _is_empty(self, piece: Tracker, instrument: int, bar: int) -> bool:
        """Whether a part has begun no note of a new bar."""
        if piece.agenda is None or not self._is_new(piece, instrument, bar):
            return False
        part = piece.agenda.by_instrument[instrument]
        return len(part.rows) == part.before(int(self.plan.lines[bar]))
