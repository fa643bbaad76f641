"""Tempo numbers and metres in a text.

Knows how they are written; does not know tempo words ("slow", "Andante"), which are phrases
(``phrases``), or lengths (``length``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cantilena.text.brief.rules import Rule, apply, first
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.terms import IN_METRES, METRES, NUMBERS
from cantilena.text.wishes import (
    MAX_TEMPO,
    MIN_TEMPO,
)

_NUM = r"(?<![\d.:/])(?<!\d,)(\d{1,3}(?:[.,]\d{1,2})?)(?![\d:/])"
_ABOUT = (
    r"(?:\b(?:around|about|approximately|approx\.?|circa|ca\.?|roughly|at|of|ungefahr|etwa|mit)\s+"
    r"|[~@]\s*){0,3}"
)
_UNIT = (
    r"(?:bpm\b|b\.p\.m\.?|beats?\s*(?:per|a|/)\s*min(?:ute)?\b|schlage\s+(?:pro|die)\s+minute"
    r"|battements?\s+par\s+minute|battiti\s+al\s+minuto|qpm\b|quarters?\s+per\s+minute)"
)
_RANGE = re.compile(
    rf"(?:between\s+|from\s+)?{_ABOUT}{_NUM}\s*(?:bpm\s*)?(?:-|–|~|to|and|bis|a)\s*{_NUM}\s*-?\s*{_UNIT}"
)
_BPM = re.compile(rf"{_ABOUT}{_NUM}\s*-?\s*{_UNIT}")
_NAMED = re.compile(
    r"\b(?:bpm|tempo|speed|mm|m\.m\.|metronome(?:\s+mark(?:ing)?)?)"
    rf"(?:\s*(?:of|is|=|:|at|around|about|set\s+to|to|~|should\s+be|be|approximately|circa|ca\.?)"
    r"){0,4}"
    rf"\s*{_NUM}(?![\s-]*(?:bars?|measures?|sec|min|/))"
)
_NOTE_IS = re.compile(
    r"(?P<dot>dotted[\s-]+|punktierte\s+)?(?<!\w)(?P<note>quarter|crotchet|half|minim|eighth|quaver"
    r"|sixteenth|semiquaver|whole|semibreve|viertel|halbe|achtel|noire|blanche|croche|q|h|1/4|1/8"
    r"|1/2|♩|♪|𝅗𝅥|𝅘𝅥|𝅘𝅥𝅮)(?:[\s-]*notes?)?(?P<after>\s*(?:\.|dotted|pointee?))?"
    rf"\s*(?:=|:|equals|\bis\b|\bat\b)\s*(?:ca\.?\s*|c\.?\s*|~\s*|circa\s*)?{_NUM}"
)
_AT = re.compile(
    rf"(?:@\s*|\bat\s+(?:about\s+|around\s+)?){_NUM}"
    r"(?!\s*(?:years?|o'clock|a\.?m|p\.?m|degrees|%|bars?|measures?|sec|min|players?|voices?|hz|st\b"
    r"|nd\b|rd\b|th\b))"
)
_LONE = re.compile(rf"(?:^|[,;|\n(]|[a-z]\s)\s*{_NUM}(?=\s*(?:$|[,;.\n)]))")
_QUARTERS = {
    **dict.fromkeys(("half", "minim", "halbe", "blanche", "h", "1/2", "𝅗𝅥"), 2.0),
    **dict.fromkeys(("eighth", "quaver", "achtel", "croche", "1/8", "♪", "𝅘𝅥𝅮"), 0.5),
    **dict.fromkeys(("sixteenth", "semiquaver"), 0.25),
    **dict.fromkeys(("whole", "semibreve"), 4.0),
}


@dataclass(frozen=True)
class Tempo:
    """Quarters per minute, and the range where the text gives one."""

    bpm: float
    span: tuple[float, float] | None = None


def _tempo(bpm: float) -> str:
    """Why a number is no tempo, "" where it may be one."""
    limits = f"{MIN_TEMPO}-{MAX_TEMPO}"
    return "" if MIN_TEMPO <= bpm <= MAX_TEMPO else f"no tempo: outside {limits} a minute"


def _note_is(reading: Reading, m: re.Match[str]) -> Tempo:
    dotted = 1.5 if m.group("dot") or m.group("after") else 1.0
    return Tempo(round(_value(m.groups()[-1]) * dotted * _QUARTERS.get(m["note"], 1.0), 3))


def _between(reading: Reading, m: re.Match[str]) -> Tempo:
    a, b = _value(m.group(1)), _value(m.group(2))
    return Tempo((a + b) / 2, (a, b))


def _no_range(reading: Reading, m: re.Match[str]) -> str:
    a, b = _value(m.group(1)), _value(m.group(2))
    return "" if MIN_TEMPO <= a < b <= MAX_TEMPO else "no range of tempi"


def _likely(low: float, high: float) -> Callable[[Reading, re.Match[str]], str]:
    """A guard: a number that nothing calls a tempo must be a likely one."""

    def guard(reading: Reading, m: re.Match[str]) -> str:
        return "" if low <= _value(m.group(1)) <= high else "a number, but hardly a tempo"

    return guard


TEMPO = (
    Rule(
        "a note value and a number",
        "tempo",
        (("dotted quarter = 60", {"tempo": 90}), ("half note = 60", {"tempo": 120})),
        _NOTE_IS,
        _note_is,
        lambda reading, m: _tempo(_note_is(reading, m).bpm),
    ),
    Rule(
        "a range of tempi",
        "tempo",
        (("80-100 bpm", {"tempo": 90}), ("between 100 and 120 beats per minute", {"tempo": 110})),
        _RANGE,
        _between,
        _no_range,
    ),
    Rule(
        "a number of beats a minute",
        "tempo",
        (("techno, 130bpm", {"tempo": 130}), ("at about 96 beats per minute", {"tempo": 96})),
        _BPM,
        lambda _, m: Tempo(_value(m.group(1))),
        lambda _, m: _tempo(_value(m.group(1))),
    ),
    Rule(
        "a number called the tempo",
        "tempo",
        (("The tempo is 77.", {"tempo": 77}), ("bpm: 96", {"tempo": 96})),
        _NAMED,
        lambda _, m: Tempo(_value(m.group(1))),
        lambda _, m: _tempo(_value(m.group(1))),
    ),
)
LONE_TEMPO = (
    Rule(
        'a number after "at"',
        "tempo",
        (("house at 124", {"tempo": 124}), ("@140", {"tempo": 140})),
        _AT,
        lambda _, m: Tempo(_value(m.group(1))),
        _likely(30, 300),
    ),
    Rule(
        "a number by itself",
        "tempo",
        (("rock, 120, drums", {"tempo": 120}), ("piano, 9", {"tempo": None})),
        _LONE,
        lambda _, m: Tempo(_value(m.group(1))),
        _likely(40, 240),
        group=1,
    ),
)
SECOND_TEMPO = Rule(
    "one tempo",
    "tempo",
    (("90 bpm then 120 bpm", {"tempo": 90, "unplaced": "120 bpm"}),),
)


def read_tempo(reading: Reading) -> Tempo | None:
    """The first tempo that is given as a number; later ones that differ are left unplaced."""
    tempos = apply(reading, TEMPO) or apply(reading, LONE_TEMPO, most=1)
    return first(reading, tempos, SECOND_TEMPO, "another tempo is said before")


def _value(number: str) -> float:
    return float(number.replace(",", "."))


_FRACTION = re.compile(
    r"(?<![\w/.:#-])(?:in\s+)?(\d{1,2})\s?/\s?(\d{1,2})(?![\w/%]|\.\d)"
    r"(?:[\s-]*(?:time(?:\s+signature)?|metre|meter|takt)\b)?"
)
_DENOMINATORS = {
    "two": 2,
    "half": 2,
    "four": 4,
    "quarter": 4,
    "eight": 8,
    "eighth": 8,
    "sixteen": 16,
}
_SPOKEN = re.compile(
    r"\b(?:in\s+)?(two|three|four|five|six|seven|nine|eleven|twelve)[\s-]"
    r"(two|half|four|quarter|eight|eighth|sixteen)s?(?:[\s-]+(time|metre|meter|feel)\b)?"
    r"(?![\s-]*(?:bars?|measures?|notes?|part|voices?|beats?|hundred|piece|violin|minutes?|sec))\b"
)
_IN_N = re.compile(
    r"\bin\s+(2|3|4|5|6|7|9|11|12|two|three|four|five|six|seven|nine|eleven|twelve)\b"
    r"(?=\s*(?:$|[,;.!?\n)(|:]|(?:and|with|for|at|time|feel|featuring|like|please|but|metre|meter"
    r"|or|\d{2,3}\s*bpm|slow|fast|moderate)\b))(?:\s+(?:time|feel|metre|meter)\b)?"
)
_TWELVE_EIGHT = re.compile(r"\b(\d{1,2})-(8|4)\s+(?:time|metre|meter|feel)\b")
_NAMES = re.compile(
    r"\b(?:in\s+)?("
    + "|".join(sorted((n.replace(" ", "[ -]") for n in METRES), key=len, reverse=True))
    + r")\b"
)


_BEAT_COUNTS = re.compile(
    r"\b(?:the\s+)?(?:beats?|bars?|metre|meter|count|time(?:\s+signature)?|pulse)"
    r"(?:\s+(?:of|in|for)\s+(?:this|the)\s+\w+)?"
    r"(?:\s+(?:counts?|counted|is|are|goes|up|in|to|of|count)){1,4}\s*[:=]?\s*"
    r"(2|3|4|5|6|7|9|11|12|two|three|four|five|six|seven|nine|eleven|twelve)\b(?!\s*[/.:-]\s*\d"
    r"|\s*(?:bars?|measures?|minutes?|seconds?|bpm|times?|of|-))"
    r"|\b(\d|two|three|four|five|six|seven)\s+beats?\s+(?:to|in|per|a)\s+(?:the\s+|a\s+|each\s+|every\s+)?"
    r"(?:bar|measure)\b"
    r"|\bbeats?\s*[:=]\s*(2|3|4|5|6|7)\b(?!\s*[/.:]\s*\d)"
)
_ODD = re.compile(
    r"\b(?:an?\s+)?(?:odd|irregular|asymmetric(?:al)?|uneven)[\s-]+(?:time\s+signatures?|metres?|meters?|times?"
    r"|takt|metrum)\b"
)


def _counted(reading: Reading, m: re.Match[str]) -> str:
    text = next(filter(None, m.groups()))
    return IN_METRES[int(text) if text.isdigit() else NUMBERS[text]]


def _no_count(reading: Reading, m: re.Match[str]) -> str:
    text = next(filter(None, m.groups()))
    beats = int(text) if text.isdigit() else NUMBERS[text]
    return "" if beats in IN_METRES else "no number of beats that a bar has"


def _metre_of(num: int, den: int) -> str:
    likely = den in (2, 4, 8, 16) and 2 <= num <= 32 and (num, den) not in ((2, 16), (4, 16))
    return f"{num}/{den}" if likely else ""


def _is_metre(num: int, den: int) -> str:
    """Why a fraction is no metre, "" where it may be one."""
    return "" if _metre_of(num, den) else "no metre that is in use"


def _beats(reading: Reading, m: re.Match[str]) -> str:
    return IN_METRES[int(m.group(1)) if m.group(1).isdigit() else NUMBERS[m.group(1)]]


METRE = (
    Rule(
        "the name of a metre",
        "metre",
        (("in waltz time", {"metre": "3/4"}), ("alla breve", {"metre": "2/2"})),
        _NAMES,
        lambda _, m: METRES[m.group(1).replace("-", " ")],
    ),
    Rule(
        "a metre as a fraction",
        "metre",
        (("rock in 7/8", {"metre": "7/8"}), ("24/7", {"metre": None})),
        _FRACTION,
        lambda _, m: _metre_of(int(m.group(1)), int(m.group(2))),
        lambda _, m: _is_metre(int(m.group(1)), int(m.group(2))),
    ),
    Rule(
        "a metre with a hyphen",
        "metre",
        (("6-8 time", {"metre": "6/8"}),),
        _TWELVE_EIGHT,
        lambda _, m: _metre_of(int(m.group(1)), int(m.group(2))),
        lambda _, m: _is_metre(int(m.group(1)), int(m.group(2))),
    ),
    Rule(
        "a metre in words",
        "metre",
        (("six-eight", {"metre": "6/8"}), ("Waltz in three-four time", {"metre": "3/4"})),
        _SPOKEN,
        lambda _, m: _metre_of(NUMBERS[m.group(1)], _DENOMINATORS[m.group(2)]),
        lambda _, m: _is_metre(NUMBERS[m.group(1)], _DENOMINATORS[m.group(2)]),
    ),
    Rule(
        "beats of a bar",
        "metre",
        (("in three", {"metre": "3/4"}), ("in 5, slow", {"metre": "5/4"})),
        _IN_N,
        _beats,
    ),
    Rule(
        "a count of beats",
        "metre",
        (
            ("The beat counts to 3.", {"metre": "3/4"}),
            ("The beat is 4.", {"metre": "4/4"}),
            ("five beats to the bar", {"metre": "5/4"}),
        ),
        _BEAT_COUNTS,
        _counted,
        _no_count,
    ),
)
ODD_METRE = Rule(
    "an odd metre", "metre", (("prog rock in an odd metre", {"metre": "7/8", "implied": "metre"}),)
)
SECOND_METRE = Rule(
    "one metre", "metre", (("3/4, later 4/4", {"metre": "3/4", "unplaced": "later, 4/4"}),)
)


def read_metre(reading: Reading) -> str | None:
    """The first metre that the text names; later ones that differ are left unplaced."""
    return first(reading, apply(reading, METRE), SECOND_METRE, "another metre is said before")


def read_odd_metre(reading: Reading) -> str | None:
    """The metre that stands for all odd ones where the text asks for one and names none."""
    metre = None
    for m in reading.finditer(_ODD):
        reading.take(*m.span(), ODD_METRE)
        metre = "7/8"
    return metre


RULES: tuple[Rule, ...] = (*TEMPO, *LONE_TEMPO, SECOND_TEMPO, *METRE, ODD_METRE, SECOND_METRE)
