"""What an Edit, its options and its text ask to be changed, as data.

Knows Edits, Briefs and instruments; does not know Plans, models, or how it is met.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cantilena.errors import InputError
from cantilena.systems.note.casting import asked_programs
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY
from cantilena.systems.request import Edit
from cantilena.text.brief.relative import RelativeWish, relative_wishes
from cantilena.text.wishes import Brief

HEARD, CHOSEN = "heard", "chosen"
"""Where chords come from: recognised in what stands there, or chosen for a melody that has none."""
ROLES = (MELODY, HARMONY, BASS, DRUM)


@dataclass(frozen=True)
class Changes:
    """What an Edit and its options ask for: ``tracks`` written anew (None: all); ``added``
    instruments (0-128), each a part of its own; ``replaced``: old instrument to new one; ``lean``
    towards what stood there, 0 for none; the ``relative`` wishes of the text; the ``roles`` (of
    ``plan``) of instruments that are added; and where the chords come from that new parts are held
    to: ``HEARD``, ``CHOSEN`` or "", as they are heard and loosely."""

    tracks: frozenset[int] | None
    added: tuple[int, ...] = ()
    replaced: tuple[tuple[int, int], ...] = ()
    lean: float = 0.0
    relative: tuple[RelativeWish, ...] = ()
    roles: tuple[tuple[int, str], ...] = ()
    harmony: str = ""

    def wish(self, kind: str) -> RelativeWish | None:
        """The relative wish of a kind."""
        return next((wish for wish in self.relative if wish.kind == kind), None)


def changes(edit: Edit, brief: Brief, options: dict[str, Any]) -> Changes:
    """What is to be changed. Instruments that the Brief names and the piece has not are added,
    besides those of the option "add"."""
    added = [int(i) for i in str(options.get("add", "")).split(",") if i]
    harmony = str(options.get("harmony", ""))
    if harmony not in ("", HEARD, CHOSEN):
        raise InputError(f"the harmony is {HEARD!r} or {CHOSEN!r}, not {harmony!r}")
    roles = [r.split("=") for r in str(options.get("roles", "")).split(",") if r]
    for _, role in roles:
        if role not in ROLES:
            raise InputError(f"{role!r} is no role of a part; there are {', '.join(ROLES)}")
    pairs = [p.split("=") for p in str(options.get("replace", "")).split(",") if p]
    replaced = tuple((int(old), int(new)) for old, new in pairs)
    there = {track.instrument for track in edit.base.tracks}
    taken = {*there, *added, *(new for _, new in replaced)}
    for _, instrument in asked_programs(brief):
        if not taken & set(instrument.programs):
            free = [p for p in instrument.programs if p not in brief.excluded]
            added += free[:1]
            taken |= set(free[:1])
    return Changes(
        edit.tracks,
        tuple(dict.fromkeys(added)),
        replaced,
        float(options.get("lean", 0.0)),
        relative_wishes(brief.text),
        tuple((int(instrument), role) for instrument, role in roles),
        harmony,
    )
