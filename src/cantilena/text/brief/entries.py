"""Who plays when: "starts with solo piano, then strings join, ends with the full band".

Knows the words for beginning, joining and ending; does not know names of sections (``form``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cantilena.text.brief.owner import NAME, Mention, Mentions
from cantilena.text.brief.places import place_of
from cantilena.text.brief.refusals import is_refused
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading
from cantilena.text.wishes import Section

BEGINS = Rule(
    "who begins",
    "form",
    (("begins with a harp and a flute", {"form": "start (harp, flute)"}),),
)
JOINS = Rule(
    "who joins",
    "form",
    (
        (
            "starts with solo piano, then strings join",
            {"form": "start (piano), middle (strings)"},
        ),
        ("the choir comes in at the end", {"form": "end (choir)"}),
        ("strings join in the chorus", {"form": "chorus (strings)"}),
    ),
)
ENDS = Rule(
    "who ends",
    "form",
    (
        ("piano and drums, ends with the piano", {"form": "end (piano)"}),
        ("harp and flute, finally everyone plays", {"form": "end (harp, flute)"}),
    ),
)
RULES: tuple[Rule, ...] = (BEGINS, JOINS, ENDS)

_WORDS = rf"(?:(?!{NAME}|(?:and|but|or)\b)[\w'-]+\s+)"
_WHO = rf"(?P<who>{NAME}+)"
_ALL = (
    r"(?P<all>everything|everyone|everybody|tutti|all\s+(?:the\s+)?(?:instruments|parts|players)"
    rf"|all\s+together|(?:full|whole|entire|complete)\s+(?:{NAME}+|band|orchestra|ensemble|group))"
)
_PLAYERS = rf"{_WORDS}{{0,4}}?(?:{_ALL}|{_WHO})"
_WITH = r"(?:with|on|by|mit|avec|con)\s+"
_BEGINS = re.compile(
    r"\b(?P<verb>starts?|starting|begins?|beginning|opens?|opening|kicks?\s+off|beginnt|startet|commence"
    rf"|empieza)\s+(?:off\s+|out\s+)?{_WORDS}{{0,2}}?{_WITH}{_PLAYERS}"
)
_ENDS = re.compile(
    r"\b(?P<verb>(?:ends?|ending|finish(?:es|ing)?|closes?|closing|concludes?|endet|termine|termina)\s+"
    rf"(?:up\s+)?{_WORDS}{{0,2}}?{_WITH[:-3]}|finally|at\s+last),?\s+{_PLAYERS}"
)
_JOINS = re.compile(
    rf"{_WHO}(?:\s+(?:and|or)\s+)?(?:\s+(?!and\b|or\b|but\b)[\w'-]+){{0,2}}?\s+"
    r"(?P<verb>joins?(?:\s+in\b(?!\s+(?:the|at|on|for)\b))?|joining|enters?|entering|comes?\s+in|coming\s+in|kicks?\s+in"
    r"|sets?\s+in|(?:is|are|gets?)\s+(?:slowly\s+|gradually\s+|then\s+)?added|takes?\s+over|setzt\s+ein"
    r"|setzen\s+ein|entrent|entran)\b"
)
_JOINED = re.compile(
    rf"\b(?P<verb>joined\s+by|followed\s+by|then(?:\s+add)?|later)\s+{_WORDS}{{0,3}}?{_WHO}"
)


@dataclass(frozen=True)
class Entry:
    """Who (``parts``) plays from a place on: "start", "middle", "end" or a section's name."""

    where: str
    parts: tuple[str, ...]


def read_entries(reading: Reading, mentions: Mentions, everyone: tuple[str, ...]) -> list[Entry]:
    """Who is asked to begin, to join and to end. ``everyone``: all asked instruments."""
    rows: list[tuple[int, Entry]] = []
    for rule, pattern, where in ((BEGINS, _BEGINS, "start"), (ENDS, _ENDS, "end")):
        for m in pattern.finditer(mentions.low):
            if is_refused(mentions.low, m.start()):
                continue
            mention = mentions.at(m.start("who")) if m["who"] else None
            parts = _together(mentions, mention) if mention else everyone
            if parts and not any(entry.where == where for _, entry in rows):
                reading.take(*m.span("verb"), rule, ", ".join(parts))
                rows.append((m.start(), Entry(where, parts)))
    starts = any(entry.where == "start" for _, entry in rows)
    last = max((at for at, entry in rows if entry.where == "end"), default=len(reading.low))
    taken = {entry.parts for _, entry in rows}
    for pattern in (_JOINS, _JOINED):
        for m in pattern.finditer(mentions.low):
            mention = mentions.at(m.start("who"))
            if mention is None or is_refused(mentions.low, m.start()):
                continue
            if pattern is _JOINED and not (starts and m.start() < last):
                continue
            ahead = pattern is _JOINED
            parts = _together(mentions, mention) if ahead else mentions.preceding(mention, False)
            place = place_of(reading.low, *m.span())
            where = place.where if place and place.where != "start" else "middle"
            if parts not in taken:
                taken.add(parts)
                reading.take(*m.span("verb"), JOINS, ", ".join(parts))
                if place:
                    reading.take(place.start, place.end, JOINS)
                rows.append((m.start(), Entry(where, parts)))
    return [entry for _, entry in sorted(rows, key=lambda row: row[0])]


def _together(mentions: Mentions, mention: Mention) -> tuple[str, ...]:
    """The parts of a mention and of those listed behind it, before the next "then"."""
    listed = mentions.following(mention)
    n = mentions.named.index(mention) + len(listed)
    last = mentions.named[n - 1] if n <= len(mentions.named) else mention
    then = _THEN.search(mentions.low, mention.end, last.start)
    return mention.names if then else listed


_THEN = re.compile(r"\b(?:then|later|before|next)\b")


def with_entries(form: Sequence[Section], entries: Sequence[Entry]) -> tuple[Section, ...]:
    """The sections and who enters in them; those that begin, join and end in sections of their
    own, "start", "middle" and "end", where no section is named for it."""
    sections = list(form)
    own: dict[str, list[Section]] = {"start": [], "middle": [], "end": []}
    for entry in entries:
        name = entry.where.removeprefix("last ")
        n = next((n for n, s in enumerate(sections) if s.name == name), None)
        if n is not None:
            sections[n] = replace(sections[n], parts=sections[n].parts or entry.parts)
        elif name in own:
            own[name].append(Section(name, parts=entry.parts))
    if own["start"] and sections and sections[0].parts == own["start"][0].parts:
        own["start"] = []  # "starts with a piano intro"
    return (*own["start"], *sections, *own["middle"], *own["end"])
