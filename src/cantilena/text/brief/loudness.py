"""Loudness in a text, by part or as a whole: "soft pads", "fortissimo", "ends quietly".

Knows words for loudness, and which only name a style ("soft rock"); a loudness that is said of a
place in the piece becomes a change. Does not know how loudness changes gradually (``changes``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cantilena.text.brief.changes import DYNAMIC_RANGE, placed
from cantilena.text.brief.manner import by_key, key, part_wishes, stranger
from cantilena.text.brief.mentions import Item, span
from cantilena.text.brief.owner import NAME, Mentions
from cantilena.text.brief.places import either, place_of
from cantilena.text.brief.refusals import is_refused
from cantilena.text.brief.rules import Hit, Rule, apply_again
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.manners import LIGHT, LOUDNESS_WORDS, MARKS, PIECES
from cantilena.text.wishes import Change, PartWish

_LOUDNESS = by_key(LOUDNESS_WORDS)
_LOUD = re.compile(rf"(?<![\w/#-])(?P<word>{either(LOUDNESS_WORDS)})(?![\w/#])")
_DYNAMICS = re.compile(
    rf"\b(?:dynamics?|dynamik|loudness|volume|nuances?|marked)\s*(?:is|are|:|=|of|should\s+be)?\s*"
    rf"(?P<word>{either(MARKS)}|low|high|soft|quiet|loud)(?![\w/#])"
)
_LIGHT = re.compile(rf"\b(?:{'|'.join(sorted(LIGHT))})\b")
_DYNAMIC_WORDS = {
    **by_key(MARKS),
    "low": "soft",
    "high": "loud",
    "soft": "soft",
    "quiet": "soft",
    "loud": "loud",
}


def _loud(reading: Reading, m: re.Match[str]) -> str:
    return _LOUDNESS[key(m["word"])]


def _no_loudness(reading: Reading, m: re.Match[str]) -> str:
    if re.match(r"[\s-]+(?:enough|speakers?|mouthed|er\b)", reading.low[m.end() : m.end() + 12]):
        return "an everyday word here"
    other = stranger(reading, m.end())
    return f"said of {other!r}, not of the music" if other else ""


LOUDNESS: tuple[Rule[str], ...] = (
    Rule(
        "a dynamic that is called one",
        "loudness",
        (("dynamics: p", {"loudness": "soft"}),),
        _DYNAMICS,
        lambda reading, m: _DYNAMIC_WORDS[key(m["word"])],
    ),
    Rule(
        "a word for loudness",
        "loudness",
        (
            ("fortissimo brass", {"loudness": "brass: very loud"}),
            ("a quiet choir in the background", {"loudness": "choir: soft", "moods": "calm"}),
            ("soft rock", {"loudness": None}),
            ("a quiet village", {"loudness": None, "moods": "calm"}),
            ("ends quietly", {"loudness": None, "changes": "loudness to soft (end)"}),
            ("ends in a big fortissimo", {"changes": "loudness to very loud (end)"}),
            (
                "quiet verse, loud chorus",
                {"changes": "loudness to soft (verse), loudness to loud (chorus)"},
            ),
            ("never gets loud", {"loudness": None, "changes": None}),
        ),
        _LOUD,
        _loud,
        _no_loudness,
    ),
)
ITALIAN = Rule(
    "a dynamic in Italian",
    "loudness",
    (
        ("mezzo forte strings", {"instruments": "strings", "loudness": "strings: medium"}),
        ("sotto voce", {"instruments": None, "loudness": "soft"}),
    ),
)
_ITALIAN = re.compile(r"\b(?:mezzo[\s-]+(?:forte|piano)|sotto\s+voce|mezza\s+voce)\b")
LIGHTLY = Rule(
    "a light part",
    "loudness",
    (("light percussion", {"loudness": "percussion: soft"}),),
)
_VERB = re.compile(
    r"\b(?:(?P<start>starts?|starting|begins?|beginning|opens?|opening)"
    r"|(?P<end>ends?|ending|finish(?:es|ing)?|closes?|closing|concludes?)"
    r"|(?P<turn>becom(?:es?|ing)|gets?|getting|turns?|grows?|goes|then|later))\s+(?:off\s+|out\s+|up\s+)?"
    r"(?P<with>(?:with|on|in)\s+(?:[\w'-]+\s+){0,4})?"
    r"(?:(?:very|really|rather|suddenly|quite|and|slow|slowly|calm|gently)\s+){0,2}$"
)
_TO = re.compile(r"\bfrom\s+[\w\s-]{1,20}\s+to\s+$")


def take_dynamics(reading: Reading) -> None:
    """Takes dynamics that hold the name of an instrument or a voice, so that none is read there."""
    for m in reading.finditer(_ITALIAN):
        reading.take(*m.span(), ITALIAN)


def _style(reading: Reading, hit: Hit[str], items: list[Item]) -> str:
    """The name of a style that a word for loudness belongs to: "soft rock"; else ""."""
    for it in items:
        start, end = span(reading, it)
        if it.kind not in ("genre", "dance"):
            continue
        if start < hit.end and hit.start < end:
            return reading.low[start:end]
        if reading.low[hit.start : hit.end] != "soft":
            continue  # "loud rock" is no style
        near = start >= hit.end and not reading.low[hit.end : start].strip(" -")
        if near and reading.low[start:end] not in PIECES:
            return reading.low[start:end]
    return ""


def read_loudness(
    reading: Reading, items: list[Item], mentions: Mentions
) -> tuple[list[PartWish], list[Hit[Change]]]:
    """Wishes for loudness, and changes of it: those that are said of a place in the piece."""
    wishes: list[PartWish] = []
    changes: list[Hit[Change]] = []
    for hit in _hits_of_loudness(reading, mentions):
        rule = hit.rule or LOUDNESS[1]
        if style := _style(reading, hit, items):
            reading.put_aside(hit.start, hit.end, rule, f"part of the name of a style, {style!r}")
            continue
        owners = mentions.owners(hit.start, hit.end)
        verb = _VERB.search(reading.low, max(0, hit.start - 50), hit.start)
        place = place_of(reading.low, hit.start, hit.end)
        if verb or place or _TO.search(reading.low, max(0, hit.start - 40), hit.start):
            where = next((w for w in ("start", "end") if verb and verb[w]), "")
            start = verb.start() if verb else hit.start
            alone = verb and not verb["with"]
            for part in _subjects(mentions, start) if alone else owners:
                change = Change("loudness", where, part, hit.value)
                changes += placed(reading, Hit(start, hit.end, change, rule), mentions)
        else:
            wishes += list(part_wishes(reading, hit, owners))
    return wishes, changes


def _subjects(mentions: Mentions, start: int) -> tuple[str, ...]:
    """Who begins or ends so, where it is named right before."""
    before = [m for m in mentions.named if m.end <= start]
    close = before and not mentions.low[before[-1].end : start].strip()
    return mentions.preceding(before[-1], commas=False) if close else ("",)


def _hits_of_loudness(reading: Reading, mentions: Mentions) -> Iterator[Hit[str]]:
    ranges = [m.span() for m in DYNAMIC_RANGE.finditer(reading.low)]
    for hit in apply_again(reading, LOUDNESS, is_refused):
        if not any(a <= hit.start and hit.end <= b for a, b in ranges):
            yield hit
    for m in _LIGHT.finditer(mentions.low):
        gap = re.match(rf"\s+(?:[\w-]+\s+)?{NAME}", mentions.low[m.end() : m.end() + 30])
        if gap and not is_refused(mentions.low, m.start()):
            yield Hit(*m.span(), "soft", LIGHTLY)


RULES: tuple[Rule, ...] = (*LOUDNESS, ITALIAN, LIGHTLY)
