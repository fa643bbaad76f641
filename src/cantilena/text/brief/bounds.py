"""What a length may be: one number, between two, or on one side of a limit.

Knows how lengths are joined and which words around one make it a limit; does not know how a length
itself is written (``length``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeVar

from cantilena.text.brief.rules import Hit, Rule
from cantilena.text.lexicon import Reading
from cantilena.text.wishes import MAX_BARS, MAX_SECONDS, MIN_BARS, MIN_SECONDS

MARGIN = 0.1
"""Share of a limit in seconds by which a piece aims inside it: bars do not divide every length, and
this is how far off a piece may be from seconds that are asked for (``report.SECONDS_EXACT``)."""


@dataclass(frozen=True)
class Length:
    """A length in bars, in seconds, or in both where the text gives both and they agree. Where the
    text leaves room the ranges are (least, most), and ``bars`` and ``seconds`` what to aim at."""

    bars: int | None = None
    seconds: float | None = None
    bars_range: tuple[int, int] | None = None
    seconds_range: tuple[float, float] | None = None

    @property
    def least(self) -> Length:
        """The shortest that is right."""
        bars = self.bars_range[0] if self.bars_range else self.bars
        return Length(bars, self.seconds_range[0] if self.seconds_range else self.seconds)

    @property
    def most(self) -> Length:
        """The longest that is right."""
        bars = self.bars_range[1] if self.bars_range else self.bars
        return Length(bars, self.seconds_range[1] if self.seconds_range else self.seconds)


def bars_between(least: int, most: int) -> Length:
    """So many bars; the aim is the middle."""
    return Length(bars=round((least + most) / 2), bars_range=(least, most))


def seconds_between(least: float, most: float) -> Length:
    """So many seconds; the aim is the middle."""
    return Length(seconds=(least + most) / 2, seconds_range=(least, most))


def beside(one: Length, other: Length) -> Length:
    """``one``, and of ``other`` the kind, bars or seconds, that it lacks."""
    out = one
    if one.bars is None:
        out = replace(out, bars=other.bars, bars_range=other.bars_range)
    if one.seconds is None:
        out = replace(out, seconds=other.seconds, seconds_range=other.seconds_range)
    return out


def within_both(one: Length, other: Length) -> Length | None:
    """What two ranges of one kind have in common ("at least 8 bars, at most 16"), None where they
    are no such ranges or have nothing."""
    if one.bars_range and other.bars_range:
        bars = _common(one.bars_range, other.bars_range)
        narrowed = bars_between(*bars)
        limits, wanted = (one.bars_range, other.bars_range), bars
    elif one.seconds_range and other.seconds_range:
        seconds = _common(one.seconds_range, other.seconds_range)
        narrowed = seconds_between(*seconds)
        limits, wanted = (one.seconds_range, other.seconds_range), seconds
    else:
        return None
    if wanted[0] > wanted[1]:
        return None
    inner = one if wanted == limits[0] else other if wanted == limits[1] else narrowed
    return beside(inner, one)


_Number = TypeVar("_Number", int, float)


def _common(
    one: tuple[_Number, _Number], other: tuple[_Number, _Number]
) -> tuple[_Number, _Number]:
    return max(one[0], other[0]), min(one[1], other[1])


# ------------------------------------------------------------------ limits

LIMIT = Rule(
    "a limit of a length",
    "length",
    (
        ("jazz, at most 16 bars", {"bars": 16, "bars_range": "1-16", "unplaced": None}),
        ("under 12 bars of piano", {"bars": 11, "bars_range": "1-11"}),
        ("ambient, lasting over 2 minutes", {"seconds": 133.3, "seconds_range": "120-3600"}),
        ("a loop, 30 seconds or less", {"seconds": 27.3, "seconds_range": "0.5-30"}),
    ),
)
_MOST = re.compile(
    r"\b(?P<limit>(?P<strict>under|below|(?:less|fewer|shorter)\s+than|unter|weniger\s+als|moins\s+de"
    r"|menos\s+de|meno\s+di)|at\s+(?:the\s+)?most|up\s+to|not\s+(?:to\s+)?exceed(?:ing)?"
    r"|not?\s+(?:to\s+)?(?:be\s+)?(?:longer|more|over)(?:\s+than)?"
    r"|(?:an?\s+)?max(?:imum|imal|\.)?(?:\s+length)?(?:\s+of)?:?|hochstens|langstens"
    r"|nicht\s+(?:langer|mehr)\s+als|bis\s+zu|au\s+(?:plus|maximum)|como\s+maximo|al\s+massimo)\s+$"
)
_LEAST = re.compile(
    r"\b(?P<limit>(?P<strict>(?:more|longer)\s+than|(?:mehr|langer)\s+als|plus\s+de|mas\s+de|piu\s+di)"
    r"|at\s+least|not?\s+(?:to\s+)?(?:be\s+)?(?:less|fewer|shorter|under)(?:\s+than)?"
    r"|(?:(?:an?\s+)?minim(?:um|al)|(?<![a-g#] )(?<!flat )(?<!sharp )min\.?)"
    r"(?:\s+length)?(?:\s+of)?:?|mindestens|au\s+(?:moins|minimum)"
    r"|al\s+menos|como\s+minimo|almeno|al\s+minimo)\s+$"
)
_OVER = re.compile(
    r"\b(?:lasting|lasts?|runs?|running|be|is|just|well|slightly)\s+(?P<limit>(?P<strict>over))\s+$"
)
"""As a limit: "a tune over 32 bars" has 32, "builds up over 30 seconds" is about something else."""
_OR_LESS = re.compile(
    r"\s*(?:or\s+(?:less|fewer|shorter|under)|max(?:imum)?|at\s+(?:the\s+)?most|tops"
    r"|oder\s+(?:weniger|kurzer)|ou\s+moins|o\s+menos)\b"
)
_OR_MORE = re.compile(
    r"\s*(?:(?:or\s+(?:more|longer|over)|min(?:imum)?|at\s+least|oder\s+(?:mehr|langer)"
    r"|ou\s+plus|o\s+mas)\b|\+(?!\s*\w))"
)
_BEFORE = 40  # letters; longer than any wording of a limit


def limit_of(reading: Reading, hit: Hit[Length]) -> Hit[Length] | None:
    """The words around a length that make a limit of it, as the range that they make."""
    if hit.value.bars_range or hit.value.seconds_range:
        return None
    first = max(0, hit.start - _BEFORE)
    before = reading.low[first : hit.start]
    sides = ((_MOST, _at_most), (_LEAST, _at_least), (_OVER, _at_least))
    wordings = [(m, side) for pattern, side in sides if (m := pattern.search(before))]
    strict = False
    if wordings:
        # the longest: "no less than" has "less than" in it
        m, side = min(wordings, key=lambda row: row[0].start("limit"))
        start, end, strict = first + m.start("limit"), hit.start, bool(m["strict"])
    elif m := _OR_LESS.match(reading.low, hit.end):
        start, end, side = hit.end, m.end(), _at_most
    elif m := _OR_MORE.match(reading.low, hit.end):
        start, end, side = hit.end, m.end(), _at_least
    elif "+" in reading.low[hit.start : hit.end]:  # "2+ minutes"
        start, end, side = hit.start, hit.end, _at_least
    else:
        return None
    length = side(hit.value, strict)
    return Hit(start, end, length) if length else None


def _at_most(length: Length, strict: bool) -> Length | None:
    if length.bars is not None:
        most = length.bars - strict
        return Length(most, bars_range=(MIN_BARS, most)) if most >= MIN_BARS else None
    most = length.seconds or MAX_SECONDS
    aim = round(most / (1 + MARGIN), 1)
    return Length(seconds=aim, seconds_range=(MIN_SECONDS, most)) if aim >= MIN_SECONDS else None


def _at_least(length: Length, strict: bool) -> Length | None:
    if length.bars is not None:
        least = length.bars + strict
        return Length(least, bars_range=(least, MAX_BARS)) if least <= MAX_BARS else None
    least = length.seconds or MIN_SECONDS
    aim = round(least / (1 - MARGIN), 1)
    return Length(seconds=aim, seconds_range=(least, MAX_SECONDS)) if aim <= MAX_SECONDS else None


RULES: tuple[Rule, ...] = (LIMIT,)
