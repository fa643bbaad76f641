"""The constraint of how much is played: in each bar about as many notes of a part as are planned.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does, which composes this; the
model, which reads the plan, does most of it by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.systems.note.plan import Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.grammar import INSTRUMENT, ONSET


class Countdown:
    """A part that has played the notes planned for a bar plays no more in it; a bar in which all
    have is left."""

    name = "notes of a bar"

    DONE_BIAS = -2.0
    """What an instrument loses that has played its notes, and a step that adds one to a bar in
    which all have. A logit, so that the model's will is not drowned."""

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.plan, self.scheme = plan, scheme

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets within the bar, and instruments."""
        if piece.agenda is None or field not in (ONSET, INSTRUMENT):
            return None
        delta = chosen[ONSET] if field == INSTRUMENT else 0
        tick = piece.tick + delta
        if delta >= self.scheme.max_delta or tick >= self.plan.end:
            return None
        bar = piece.bar_of(tick)
        done = [p.instrument for p in piece.agenda.parts if piece.agenda.to_come(p, bar) == 0]
        if not done or (field == ONSET and len(done) < len(piece.agenda.parts)):
            return None
        out = np.zeros(self.scheme.sizes[field])
        if field == INSTRUMENT:
            out[done] = self.DONE_BIAS
        else:
            out[: int(self.plan.lines[bar + 1]) - piece.tick] = self.DONE_BIAS
        return out
