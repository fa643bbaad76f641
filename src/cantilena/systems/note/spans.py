"""Where in a piece a change takes place, in bars.

Knows places as texts name them, and sections; does not know what changes there.
"""

from __future__ import annotations

from cantilena.systems.note.plan import Plan
from cantilena.text.wishes import Change

MOMENTS = {"fade in": 4, "fade out": 4, "ritardando": 2, "accelerando": 4}
"""Bars that a change takes where nobody says where; of others it is the whole piece."""
EARLY = frozenset({"fade in"})
LASTING = frozenset({"loudness", "tempo", "key", "metre", "mood"})
"""Changes that hold from their beginning on."""


def span_of(change: Change, plan: Plan) -> tuple[int, int]:
    """The bars (first, behind the last) in which a change takes place: the section that it names,
    or a start, middle or end; else where such changes usually do."""
    bars = plan.bars
    where = change.where.removeprefix("last ").removeprefix("first ")
    sections = [s for s in plan.sections if where in (s.name, s.letter)]
    if change.where and sections:
        stop = bars if change.kind in LASTING and change.kind != "loudness" else sections[-1].stop
        return sections[-1].start, stop
    quarter = max(1, min(bars // 4, 8))
    length = min(MOMENTS.get(change.kind, quarter), bars)
    if change.where == "start":
        return 0, length
    if change.where == "middle":
        start = max(0, bars // 2 - (0 if change.kind in LASTING else length // 2))
        return start, bars if change.kind in LASTING else min(bars, start + length)
    if change.where == "end" or change.kind in ("fade out", "ritardando"):
        return bars - length, bars
    if change.kind in EARLY:
        return 0, length
    return (bars // 2, bars) if change.kind in LASTING else (0, bars)
