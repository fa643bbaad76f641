"""A Brief as tables of tests write it."""

from __future__ import annotations

from cantilena.text.report.arrangement import part_wish_words
from cantilena.text.wishes import PART_WISHES, Brief, Instrument, change_words, section_words

FIELDS = (
    "instruments",
    "only",
    "excluded",
    "tempo",
    "key",
    "metre",
    "chords",
    "chord_beats",
    "genres",
    "moods",
    "bars",
    "bars_range",
    "seconds",
    "seconds_range",
    "swing",
    "timing",
    "density",
    "roles",
    "figures",
    "articulations",
    "registers",
    "loudness",
    "form",
    "changes",
    "repetition",
    "unplaced",
)


def players(instruments: tuple[Instrument, ...]) -> str:
    return ", ".join(i.name + (f"*{i.count}" if i.count > 1 else "") for i in instruments)


def plain(brief: Brief) -> dict:
    """The fields that are set, written as in the table."""
    fields: dict = {}
    for field in FIELDS:
        value = getattr(brief, field)
        if value == getattr(Brief(), field):
            continue
        if field == "instruments":
            value = players(value)
        elif field == "excluded":
            value = "voices only" if len(value) > 100 else list(value)
        elif field == "chords":
            value = " ".join(value)
        elif field in PART_WISHES:
            value = ", ".join(map(part_wish_words, value))
        elif field == "form":
            value = ", ".join(map(section_words, value))
        elif field == "changes":
            value = ", ".join(map(change_words, value))
        elif field in ("bars_range", "seconds_range"):
            value = f"{value[0]:g}-{value[1]:g}"
        elif isinstance(value, tuple):
            value = ", ".join(value)
        fields[field] = value
    implied = (f for f, how in brief.how.items() if how == "implied" and f != "tempo_range")
    if text := " ".join(sorted(implied)):
        fields["implied"] = text
    return fields
