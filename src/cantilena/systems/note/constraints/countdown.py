"""The constraint of how much is played: in each bar about as many notes of a part as are planned.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does, which composes this; the
model, which reads the plan, does most of it by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cantilena.systems.note.plan import Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.grammar import INSTRUMENT, ONSET
from cantilena.tokens.note.outline import UNKNOWN_COUNT


class Countdown:
    """A part that has played the notes planned for a bar plays no more in it; a bar is left when
    all have, and not before. Parts in ``figured`` play what their figures want."""

    name = "notes of a bar"

    DONE_BIAS = -2.0
    """What an instrument loses that has played its notes, and a step that adds one to a bar in
    which all have. A logit, so that the model's will is not drowned."""

    LEFT_BIAS, MOST_LEFT = -0.5, 4
    """What a step out of the bar loses for each note that is still to come in it, of up to so
    many."""

    def __init__(self, plan: Plan, scheme: NoteScheme, figured: Iterable[int] = ()):
        self.plan, self.scheme, self.figured = plan, scheme, frozenset(figured)

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
            return out
        stop = int(self.plan.lines[bar + 1]) - piece.tick
        if any(left.values()):
            out[stop:] = self.LEFT_BIAS * min(sum(left.values()), self.MOST_LEFT)
        elif not any(p.plays(bar) for p in self.plan.parts if p.instrument in self.figured):
            out[:stop] = self.DONE_BIAS
        return out
