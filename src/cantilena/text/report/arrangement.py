"""Rows of the report for wishes about the arrangement: who does what, and what happens when.

Knows how these wishes are put in words. They are listed as read: nothing here is measured.
"""

from __future__ import annotations

from collections.abc import Iterable

from cantilena.text.report.rows import NOT_MEASURED, NOT_OBEYED, Row
from cantilena.text.wishes import PART_WISHES, Brief, PartWish, change_words, section_words

OBEYED_ROLES = frozenset({"lead", "bass", "drums"})
"""Roles that casting gives to who is asked to play them; whether that is heard is not measured."""


def arrangement_rows(brief: Brief) -> list[Row]:
    """A Row for each of these wishes that the Brief has, none of them measured."""
    rows: list[Row] = []
    for name in PART_WISHES:
        wishes: tuple[PartWish, ...] = getattr(brief, name)
        if name == "roles":
            obeyed = [w for w in wishes if w.value in OBEYED_ROLES]
            rows += _rows(name, map(part_wish_words, obeyed), NOT_MEASURED)
            wishes = tuple(w for w in wishes if w.value not in OBEYED_ROLES)
        rows += _rows(name, map(part_wish_words, wishes))
    rows += _rows("form", [", ".join(map(section_words, brief.form))] if brief.form else [])
    rows += _rows("changes", map(change_words, brief.changes))
    return rows + _rows("repetition", brief.repetition)


def _rows(name: str, wishes: Iterable[str], achieved: str = NOT_OBEYED) -> list[Row]:
    asked = "; ".join(wishes)
    return [Row(name, asked, achieved, None, None)] if asked else []


def part_wish_words(wish: PartWish) -> str:
    """A wish about a part: "flute: lead", or "loud" where the whole music is meant."""
    return f"{wish.part}: {wish.value}" if wish.part else wish.value
