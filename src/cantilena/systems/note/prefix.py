"""The model's prefix: the soft wishes of a Brief, and what is decided or heard of the piece.

Knows Briefs, Plans and the scheme's conditions; does not know models, or how a Plan is made.
"""

from __future__ import annotations

from collections.abc import Sequence

from cantilena.score import DRUMS
from cantilena.systems.note.plan import Plan
from cantilena.text.wishes import Brief
from cantilena.tokens.note.conditions import Conditions, Wished, conditions


def prefix(
    brief: Brief,
    plan: Plan,
    *,
    instruments: Sequence[int],
    bars: int,
    swing: bool | None,
    text: str,
) -> Conditions:
    """The Conditions of a whole piece of which ``plan`` is the new music: ``instruments``, all that
    play in it; its ``bars``; whether it swings, None where that is open; and the ``text`` that it
    is about."""
    return conditions(
        Wished(
            genres=brief.genres,
            moods=brief.moods,
            key=plan.key,
            bpm=plan.bpm,
            metre=plan.metre,
            density=plan.density,
            polyphony=plan.polyphony,
            swing=swing,
            bars=bars,
            drums=DRUMS in instruments,
            instruments=instruments,
            complete=True,
            text=text,
        )
    )
