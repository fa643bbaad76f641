"""The constraint of what comes back: bars that take up an earlier one do so, part by part.

Knows the Plan's bars and the piece so far, as ``systems.note.constraints`` does, which composes
this; does not know where they come from (``systems.note.arranging``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cantilena.systems.note.constraints.filling import lock_value
from cantilena.systems.note.constraints.parts import joining
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.recurrence import EXACT, HELD, RHYTHM, VARIED
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, ONSET, PITCH, VELOCITY

TIME_BIAS = {EXACT: 7.0, RHYTHM: 3.5, VARIED: 0.2, HELD: 3.0}
"""What a step loses that passes over a note which is to come back, or adds one where none stood,
and an instrument gains whose note is due. Added to logits."""
NOTE_BIAS = {EXACT: 7.0, RHYTHM: 0.0, VARIED: 0.0, HELD: 0.0}
"""What pitch, length and loudness of the note that is due gain."""
INFORMED_TIME = {EXACT: 6.0, RHYTHM: 5.0, VARIED: 0.3, HELD: 2.0}
INFORMED_NOTE = {EXACT: 6.0, RHYTHM: 0.0, VARIED: 0.2, HELD: 0.0}
"""The same for a model that reads the plan: it leans there by itself."""


@dataclass(frozen=True)
class _Return:
    """How a part comes back in one bar: ``kind`` of return and ``lag`` in ticks."""

    kind: str
    lag: int


class Recurrence:
    """In a bar that takes up an earlier one each part plays what it played there: exactly, mostly,
    or in its rhythm alone. It strikes no note where it had none, and leaves none out. ``informed``:
    the model reads the plan; ``lengths``: what the length of the note due gains where its rhythm
    alone comes back. Of pieces whose tracker follows no outline it says nothing."""

    name = "repeats"

    def __init__(
        self, plan: Plan, scheme: NoteScheme, informed: bool = False, lengths: float = 0.0
    ):
        self.plan, self.scheme, self.lengths = plan, scheme, lengths
        self.time = INFORMED_TIME if informed else TIME_BIAS
        self.note = INFORMED_NOTE if informed else NOTE_BIAS
        self.returns: dict[int, list[_Return | None]] = {}
        lines = plan.lines.tolist()
        for part in plan.parts:
            row: list[_Return | None] = [None] * plan.bars
            for bar, plan_of_bar in enumerate(part.bars):
                if plan_of_bar.source >= 0:
                    lag = lines[bar] - lines[plan_of_bar.source]
                    row[bar] = _Return(plan_of_bar.kind, lag)
                elif plan_of_bar.kind == HELD:
                    row[bar] = _Return(HELD, 0)
            self.returns[part.instrument] = row
        self.edges = lines

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Leans towards what is due."""
        if not piece.rows or piece.agenda is None:
            return None
        due = piece.agenda.due()
        if field == ONSET:
            return self._onsets(piece, due)
        if chosen[ONSET] >= self.scheme.max_delta:
            return None
        tick = piece.tick + chosen[ONSET]
        if field == INSTRUMENT:
            return self._instruments(piece, tick, due)
        returns = self.returns.get(chosen[INSTRUMENT])
        if not returns or chosen[INSTRUMENT] not in due or due[chosen[INSTRUMENT]][0] != tick:
            return None
        row = due[chosen[INSTRUMENT]][1]
        back = returns[piece.bar_of(tick)]
        strength = self.note[back.kind] if back else 0.0
        if field == DURATION and back and back.kind == RHYTHM:
            strength = self.lengths
        elif field != PITCH and chosen[PITCH] != row[2]:
            return None
        if not strength:
            return None
        out = np.zeros(PITCHES if field == PITCH else self.scheme.sizes[field])
        out[row[{PITCH: 2, DURATION: 3, VELOCITY: 4}[field]]] = strength
        return out

    def _onsets(
        self, piece: Tracker, due: dict[int, tuple[int, tuple[int, ...]]]
    ) -> np.ndarray | None:
        bar, longest = piece.bar_of(piece.tick), self.scheme.max_delta
        out = np.zeros(self.scheme.sizes[ONSET])
        first, free, least = longest, False, 99.0
        for part in self.plan.parts:
            i = part.instrument
            back = self._return(piece, i, bar)
            if back is None:
                free |= part.plays(bar)
            else:
                least = min(least, self.time[back.kind])
            if i in due and due[i][0] < self.plan.end:
                delta = due[i][0] - piece.tick
                first = min(first, delta)
                then = self._return(piece, i, piece.bar_of(due[i][0]))
                if then and delta < longest:
                    out[delta + 1 : longest + 1] -= self.time[then.kind]
        here = {part.instrument for part in joining(self.plan, piece)}
        wanted = {
            i
            for i in here
            if self._return(piece, i, bar) is None or (i in due and due[i][0] == piece.tick)
        }
        if here and not wanted:  # all who could join would add what did not stand there
            out[0] -= least
        if not free and least < 99.0:
            early = min(first, self.edges[bar + 1] - piece.tick)
            kept = lock_value(piece, self.scheme, ())
            out[:early] -= least
            if kept is not None and kept < early:
                out[kept] += least  # a note that stays is none that these parts add
        return out

    def _return(self, piece: Tracker, instrument: int, bar: int) -> _Return | None:
        """How a part comes back in a bar; not where the bar that it was to take up stayed empty."""
        new = piece.agenda is not None and piece.agenda.is_new(instrument, bar)
        return None if new else self.returns[instrument][bar]

    def _instruments(
        self, piece: Tracker, tick: int, due: dict[int, tuple[int, tuple[int, ...]]]
    ) -> np.ndarray:
        out = np.zeros(self.scheme.sizes[INSTRUMENT])
        for instrument in self.returns:
            back = self._return(piece, instrument, piece.bar_of(tick))
            if back is None:
                continue
            if instrument in due and due[instrument][0] == tick:
                out[instrument + 1 :] -= self.time[back.kind]
            else:
                out[instrument] -= self.time[back.kind]
        return out
