"""How loud a piece is: by part, by section, and how that changes in its course.

Knows asked loudness and changes, sections and ticks; does not know models: it moves the velocities
that a model chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cantilena.systems.note.plan import PartPlan, Plan
from cantilena.systems.note.shaping import named
from cantilena.systems.note.spans import span_of
from cantilena.text.wishes import Brief

LEVELS = {"very soft": 30, "soft": 48, "medium": 70, "loud": 97, "very loud": 114}
"""Mean velocity (1-127) of what is asked to be so loud: about the middles of the ranges that
notation programs give pp, p, mf, f and ff."""
USUAL = 91
"""Mean velocity of composed notes (of 16 pieces of six kinds)."""
EVENED = 0.35
"""What is left of a note's distance from the mean where a loudness is asked for, so that "soft" has
no fortissimo in it."""
MOST_APART = 8
"""Velocities by which a note may lie apart from the loudness asked for: however soft a model plays
a part, its mean then lies within what the word means (``text.report.listening``)."""
QUIETEST, LOUDEST = 8, 127
SECTION_OFFSETS = {
    **dict.fromkeys(("intro", "outro", "coda", "interlude"), -8),
    **dict.fromkeys(("bridge", "breakdown", "break"), -6),
    **dict.fromkeys(("chorus", "refrain", "drop", "finale"), 7),
}
"""Velocities by which the sections of an asked form are louder, as their arrangements are."""
SWELL = 24
"""Velocities by which a crescendo begins below and ends above what stands there."""
FADE = 0.85
"""Share of the loudness that a fade takes away."""
SWELLS = {"crescendo": 1, "build": 1, "diminuendo": -1}
FADES = {"fade in": 1, "fade out": -1}


@dataclass(frozen=True)
class Dynamics:
    """Moves velocities: ``targets``: mean velocities asked for, by instrument, as (first tick, tick
    behind the last, velocity), of which the last that holds counts; ``offsets``: what is added, at
    ``edges`` (ticks), and in between on a line; ``factors``: what it is multiplied by, alike; each
    by instrument."""

    targets: dict[int, list[tuple[float, float, float]]]
    edges: np.ndarray
    offsets: dict[int, np.ndarray]
    factors: dict[int, np.ndarray]

    def velocity(self, tick: int, instrument: int, velocity: int) -> int:
        """The velocity (1-127) of a note whose model chose ``velocity``."""
        value = float(velocity)
        rows = self.targets.get(instrument, ())
        levels = [level for first, behind, level in rows if first <= tick < behind]
        if levels:
            apart = EVENED * (value - USUAL)
            value = levels[-1] + min(max(apart, -MOST_APART), MOST_APART)
        if instrument in self.offsets:
            value += float(np.interp(tick, self.edges, self.offsets[instrument]))
        if instrument in self.factors:
            value *= float(np.interp(tick, self.edges, self.factors[instrument]))
        if value == velocity:
            return velocity
        return int(np.clip(round(value), QUIETEST, LOUDEST))


def plan_dynamics(brief: Brief, plan: Plan) -> Dynamics | None:
    """The Dynamics that a Brief asks for; None where it asks for none."""
    targets: dict[int, list[tuple[float, float, float]]] = {}
    for wish in sorted(brief.loudness, key=lambda w: bool(w.part)):  # parts outrank the whole
        for part in _meant(wish.part, plan.parts):
            targets.setdefault(part.instrument, []).append((0, np.inf, LEVELS[wish.value]))
    # two values a bar line: what ends there and what begins, a tick apart
    lines = plan.lines
    edges = np.sort(np.concatenate([lines, lines[1:] - 1])).astype(np.float64)
    offsets = {p.instrument: np.zeros(len(edges)) for p in plan.parts}
    factors = {p.instrument: np.ones(len(edges)) for p in plan.parts}
    if brief.form:
        for section in plan.sections:
            inside = _inside(edges, lines[section.start], lines[section.stop])
            for row in offsets.values():
                row[inside] += SECTION_OFFSETS.get(section.letter, 0)
    for change in brief.changes:
        start, stop = span_of(change, plan)
        first, last = float(lines[start]), float(lines[stop])
        along = np.clip((edges - first) / max(last - first, 1.0), 0.0, 1.0)
        inside = _inside(edges, first, last)
        for part in _meant(change.part, plan.parts):
            row, factor = offsets[part.instrument], factors[part.instrument]
            if change.kind in SWELLS:
                row[inside] += SWELLS[change.kind] * SWELL * (2 * along[inside] - 1)
            elif change.kind in FADES:
                left = along if FADES[change.kind] > 0 else 1 - along
                factor[inside] *= 1 - FADE * (1 - left[inside])
            elif change.kind == "loudness" and change.to in LEVELS:
                level = (first, np.inf if stop == plan.bars else last, LEVELS[change.to])
                targets.setdefault(part.instrument, []).append(level)
    moved = {i: row for i, row in offsets.items() if row.any()}
    faded = {i: row for i, row in factors.items() if (row != 1).any()}
    if not targets and not moved and not faded:
        return None
    return Dynamics(targets, edges, moved, faded)


def _inside(edges: np.ndarray, first: float, last: float) -> np.ndarray:
    return (edges >= first) & (edges < last) | (edges == last) & (last == edges[-1])


def _meant(name: str, parts: Sequence[PartPlan]) -> list[PartPlan]:
    """The parts that a wish is about: that of a name, those of a function, or all."""
    return [part for part in parts if not name or named(part, (name,))]
