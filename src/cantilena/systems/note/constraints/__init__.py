"""Constraints: wishes that must hold, as biases on the next field's logits.

Knows the Plan and the piece so far; does not know text, engines or files. Each class is one wish,
under a ``name`` by which it is reported where it had to be dropped; they compose by addition, and
-inf forbids. Order of fields: onset, instrument, pitch, duration, velocity.
"""

from __future__ import annotations

from cantilena.systems.note.constraints.countdown import Countdown
from cantilena.systems.note.constraints.figures import Figure, Figures
from cantilena.systems.note.constraints.harmony import (
    KEY_WEIGHT,
    LOOSE_KEY_WEIGHT,
    Changes,
    Harmony,
)
from cantilena.systems.note.constraints.length import Close, Length
from cantilena.systems.note.constraints.lines import Lines
from cantilena.systems.note.constraints.motifs import Motifs
from cantilena.systems.note.constraints.parts import Ensemble
from cantilena.systems.note.constraints.recurrence import Recurrence
from cantilena.systems.note.constraints.texture import (
    Density,
    Kit,
    Repetition,
    Subdivision,
)
from cantilena.systems.note.constraints.tonality import Tonality
from cantilena.systems.note.constraints.voicings import Steadiness, Voicings
from cantilena.systems.note.plan import DRUM, HARMONY, Plan
from cantilena.tokens.note import NoteScheme

__all__ = [
    "Changes",
    "Close",
    "Countdown",
    "Density",
    "Ensemble",
    "Figures",
    "Harmony",
    "Kit",
    "Length",
    "Lines",
    "Motifs",
    "Recurrence",
    "Repetition",
    "Steadiness",
    "Subdivision",
    "Tonality",
    "Voicings",
    "constraints",
]


def constraints(
    plan: Plan,
    scheme: NoteScheme,
    repetition: float = 1.0,
    *,
    swing: bool | None = None,
    played: bool = False,
    hand_percussion: bool = False,
    figures: dict[int, tuple[Figure, ...]] | None = None,
    informed: bool = False,
) -> list:
    """All constraints of a Plan; where two contradict each other the earlier one holds.

    ``repetition`` is the strength of ``Repetition``, 0 for none; ``swing`` and ``played`` are
    ``Subdivision``'s, ``hand_percussion`` is ``Kit``'s;
    ``figures``: those of each instrument that has any; ``informed``: the model reads the plan.
    """
    wishes: list = [
        Length(plan, scheme),
        Close(plan, scheme),
        Ensemble(plan, scheme, informed=informed),
        Subdivision(plan, scheme, swing, played),
        Density(plan, scheme),
    ]
    if any(p.role == DRUM for p in plan.parts):
        wishes.append(Kit(hand_percussion, plan))
    if any(p.role != DRUM for p in plan.parts):
        wishes.append(Harmony(plan, scheme, KEY_WEIGHT if plan.strict_key else LOOSE_KEY_WEIGHT))
        wishes.append(Lines(plan, scheme))
        if plan.asked_chords:
            wishes.append(Changes(plan, scheme))
        if plan.asked_chords and not plan.keys:
            wishes.append(Tonality(plan, scheme))
    if figures:
        wishes.append(Figures(plan, scheme, figures))
    if any(part.bars for part in plan.parts):
        wishes.append(Recurrence(plan, scheme, informed))
        wishes.append(Motifs(plan))
        if informed:
            wishes.append(Countdown(plan, scheme, figures or ()))
        accompanied = len(plan.parts) > 1 and any(p.role == HARMONY for p in plan.parts)
        if accompanied and not plan.asked_chords:
            wishes.append(Voicings(plan, scheme, figures or ()))
            wishes.append(Steadiness(plan, scheme, figures or ()))
    if repetition:
        wishes.append(Repetition(plan, repetition))
    return wishes
