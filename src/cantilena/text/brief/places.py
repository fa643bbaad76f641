"""Where in a piece something happens: "at the end", "in the last chorus", "halfway".

Knows how places are named around other words; does not know what happens there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cantilena.text.lexicon.sections import LISTED, MIDDLE, PLACES, SECTIONS


def either(words: Iterable[str]) -> str:
    """A pattern of any of some phrases, the longest first; spaces and hyphens are alike."""
    phrases = sorted(words, key=len, reverse=True)
    return "|".join(
        re.escape(p).replace(r"\ ", r"[\s-]+").replace(r"\-", r"[\s-]?") for p in phrases
    )


_ELSEWHERE = ("solo", "solos", "drop", "breakdown", "build-up")
_NAMES = {**SECTIONS, **{k: v for k, v in LISTED.items() if v in _ELSEWHERE}}
_WHICH = r"(?:(?P<which>last|final|first|second|third|every|each)\s+)?"
_AT = (
    r"(?:right\s+)?(?:at|in|on|by|near|for|during|until|till|to|into|towards?|throughout|from|before"
    r"|around|about|within|leading\s+(?:up\s+)?to|right\s+before|am|im|zum|gegen|zu|in\s+der|bis\s+zum"
    r"|a\s+la|a\s+l'|au|vers|jusqu'a|dans|al|hacia|hasta|en|alla|all'|verso|nel|nella)"
)
_THE = r"(?:\s*(?:the|its|a|an|each|every|la|le|les|el|il|l'|das|der|die|dem|den)\b\s*)?"
_PLACE = (
    rf"(?:(?P<at>{_AT})\s*{_THE}\s*(?:{_WHICH}(?P<section>{either(_NAMES)})|(?P<place>{either(PLACES)}))\b"
    r"|(?P<half>half[\s-]?way(?:\s+through)?|mid[\s-]?way(?:\s+through)?))"
    r"(?:\s+of\s+(?:the|this|my)\s+(?:song|piece|track|tune|music))?"
)
_AFTER = re.compile(
    rf"[\s(-]*(?:and\s+\w+er\s+)?(?:(?!and\b|then\b|but\b|with\b)[\w'-]+\s+){{0,3}}?{_PLACE}"
)
_BEFORE = re.compile(
    rf"(?:^|[.;!?\n,(]|\b(?:and|then|but|wird|werden)\b)\s*{_PLACE}\s*,?\s*(?:(?!and\b|then\b|with\b)[\w'-]+\s+){{0,6}}$"
)
_NOUNS = ("ending", "opening", "beginning", "finish", "finale", "start", "end", *MIDDLE)
_SECTION = rf"{_WHICH}(?:(?P<section>{either(_NAMES)})|(?P<place>{either(_NOUNS)}))"
_SAID_OF = re.compile(
    rf"\b{_SECTION}(?:\s+(?:is|goes|gets|becomes|played|should\s+be|will\s+be|starts?|ends?)|\s*[:(])?"
    r"\s+(?:(?:very|really|a|bit|quite|much|suddenly|in|the)\s+){0,2}$"
)
_BEFORE_SECTION = re.compile(rf"\s+(?!(?:{either(LISTED)})\b){_SECTION}\b")
_LONGEST = 90
"""Letters before a word within which its place is looked for."""


@dataclass(frozen=True)
class Place:
    """Where: "start", "middle", "end" or the name of a section; letters ``start`` to ``end``
    (exclusive) of the text say so."""

    where: str
    start: int
    end: int


def place_of(low: str, start: int, end: int) -> Place | None:
    """The place that the text in lower case names for the words from ``start`` to ``end``: after
    them ("fades at the end", "loud chorus"), or at the beginning of their clause ("at the end it
    fades", "the chorus is loud")."""
    first = max(0, start - _LONGEST)
    m = (
        _AFTER.match(low, end)
        or _BEFORE_SECTION.match(low, end)
        or next(iter(reversed(list(_BEFORE.finditer(low, first, start)))), None)
        or _SAID_OF.search(low, first, start)
    )
    return Place(_where(m), *_span(m)) if m else None


def _span(m: re.Match[str]) -> tuple[int, int]:
    names = ("at", "which", "section", "place", "half")
    spans = [m.span(g) for g in names if m.groupdict().get(g)]
    return spans[0][0], spans[-1][1]


def _where(m: re.Match[str]) -> str:
    parts = m.groupdict()
    if parts.get("half"):
        return "middle"
    if parts.get("place"):
        return PLACES[_normal(m["place"])]
    name = _NAMES[_normal(m["section"])]
    last = m["which"] in ("last", "final")
    return f"last {name}" if last else name


_BY_LETTERS = {re.sub(r"[\s-]", "", k): k for k in (*_NAMES, *PLACES)}


def _normal(words: str) -> str:
    return _BY_LETTERS[re.sub(r"[\s-]", "", words)]
