"""Pieces under way of a few notes, for tests of constraints.

Knows Plans and Trackers; does not know what a constraint makes of them.
"""

from __future__ import annotations

from cantilena.systems.note.plan import Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme

SCHEME = NoteScheme()


def piece(plan: Plan, *notes: tuple[int, int, int]) -> Tracker:
    """A Tracker with notes (tick, instrument, pitch) of an eighth."""
    tracker = Tracker(plan.frame, SCHEME.max_delta, plan.outline)
    for tick, instrument, pitch in notes:
        tracker.push(tick - tracker.tick, instrument, pitch, 6, 4)
    return tracker
