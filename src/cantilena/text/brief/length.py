"""Lengths in a text, in bars, minutes and seconds.

Knows how lengths are written and what else such numbers and words may mean; does not know tempi
and metres (``time``), nor limits (``bounds``).
"""

from __future__ import annotations

import re
from dataclasses import replace

from cantilena.text.brief.bounds import (
    LIMIT,
    Length,
    bars_between,
    beside,
    limit_of,
    seconds_between,
    within_both,
)
from cantilena.text.brief.rules import Rule, apply
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.terms import NUMBERS, SHORT
from cantilena.text.wishes import MAX_BARS, MAX_SECONDS, MIN_BARS, MIN_SECONDS
from cantilena.text.wordlists import word_set

_TENS = r"(?:twenty|thirty|forty|fifty|sixty)[\s-](?:one|two|three|four|five|six|seven|eight|nine)"
_COUNT = (
    rf"(?<![\w./:'])(?P<n>\d{{1,4}}(?:[.,]\d{{1,2}})?|{_TENS}"
    rf"|{'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
)
_BARS = re.compile(
    rf"{_COUNT}[\s+-]*(?:bars?|measures?|takte?n?|mesures?|battute|compases)\b(?:\s+long\b)?"
)
SOLO_OF = (
    r"\s+(?!(?:and|or|in|at|over|by|for|with|after|before|on|from|then|of|is|section|part)\b)\w"
)
"""What follows "solo" where it says that one plays alone: "solo violin"."""
_OF_A_SECTION = re.compile(
    rf"[\s-]*(?:drum\s+|piano\s+|guitar\s+)?(blues|fade\w*|crescendo|silence|pause|gap|delay|reverb|tail|build\w*|drop|intro|outro|solo(?!{SOLO_OF})|break|bridge|phrases?|drum\s+fill|fill|pickup|verse|chorus"
    r"|rests?|each|per)"
)
_BARS_ARE = re.compile(r"\b(?:bars|measures|takte)\s*[:=]\s*(?P<n>\d{1,4})\b")
_MINUTES = re.compile(
    rf"(?:{_COUNT}|(?P<half>\bhalf\s+an?))[\s+-]*"
    r"(?:minutes?|mins?|minuten|minuti|minutos|(?<=\d)m|(?<=\d )m)\b(?!\s*=)"
    r"(?P<and>\s+and\s+a\s+half|\s+und\s+eine\s+halbe)?"
    r"(?:\s*(?:and|,|und|et)?\s*(?P<s>\d{1,2})[\s-]*(?:seconds?|secs?|sekunden?|secondes|s)\b)?"
    r"(?:\s+long\b)?"
)
_SECONDS = re.compile(
    rf"{_COUNT}[\s+-]*(?:seconds?|secs?|sekunden?|sek|secondes?|secondi|segundos)\b(?:\s+long\b)?"
)
_S = re.compile(
    r"(?<!the )(?<![\w.'])(?P<n>\d{1,3})\s?s\b(?P<long>\s+(?:long|clip|loop|track|of))?"
)
_ROLAND_MACHINES = frozenset({303, 606, 707, 808, 909})
"""Roland's bass synthesizer and drum machines: "808s" are sounds, not seconds."""
_DECADES = frozenset({0, 50, 60, 70, 80, 90})
"""Decades: "80s" is a style, and seconds only in "80s long"."""
_CLOCK = re.compile(
    r"(?<![\w:.])(?P<m>\d{1,2}):(?P<sec>[0-5]\d)(?![\w:])(?:\s*(?:min(?:utes)?|long)\b)?"
)
_PRIMES = re.compile(r"(?<![\w.])(?P<m>\d{1,2})'\s?(?P<sec>[0-5]\d)(?:''|\")")
_HALF_MINUTE = re.compile(r"\bhalbe\s+minute\b")
_NOT_LENGTH = word_set(
    """
    notes note phrases phrase tones chords sustained held reverb echo ago time lines pauses tail
    decay breaths melodies day night road journey way lost bit distance live drive delay delays
    reverbs intro outro introduction solo haired winter rests strings bows girl boy fills stabs
    riffs riff motif motifs bursts drums licks lick figure figures arpeggio arpeggios arpeggiated
    chord harmony harmonies techniques technique range hits hit plucks pluck swells swell passages
    passage runs run phrase pads pad line bass vocals vocal attack decays fade fades crescendo break
    breaks section sections pause silence staccato legato echoes drone drones melody melodies
    version hair samples sample chops lines transitions transition build buildup buildups riser
    verse chorus bridge drop coda ending
    """
)


def _lasts(length: Length) -> str:
    """Why a length is none that can be asked for, "" where it is one."""
    if length.bars is not None and not MIN_BARS <= length.bars <= MAX_BARS:
        return f"no length: outside {MIN_BARS}-{MAX_BARS} bars"
    if length.seconds is not None and not MIN_SECONDS <= length.seconds <= MAX_SECONDS:
        return f"no length: outside {MIN_SECONDS}-{MAX_SECONDS} seconds"
    return ""


def _some_bars(reading: Reading, m: re.Match[str]) -> Length:
    return Length(bars=int(_count(m["n"])))


def _no_bars(reading: Reading, m: re.Match[str]) -> str:
    if m["n"] in ("a", "the", "per") or _count(m["n"]) != int(_count(m["n"])):
        return "no number of bars"
    of = _OF_A_SECTION.match(reading.low, m.end())
    if of:
        return f"bars of something else ({of.group(1)}), not of the piece"
    if _is_point(reading, m):
        return _AT_POINT
    return _lasts(_some_bars(reading, m))


def _minutes(reading: Reading, m: re.Match[str]) -> Length:
    n = (0.5 if m["half"] else _count(m["n"])) + (0.5 if m["and"] else 0)
    return Length(seconds=60 * n + (int(m["s"]) if m["s"] else 0))


def _no_minutes(reading: Reading, m: re.Match[str]) -> str:
    if re.fullmatch(r"\d+\s?m", m.group()) and _count(m["n"]) > 20:
        return "metres or something else, hardly minutes"
    cased = reading.plain[m.start() : m.end()]
    of = re.match(r"\s+(?:of|long)\b", reading.low[m.end() :])
    if re.fullmatch(r"[a-h]min", m.group()) or (re.fullmatch(r"A\s+min", cased) and not of):
        return "a key or a chord, no minute"
    if _is_point(reading, m):
        return _AT_POINT
    return _lasts(_minutes(reading, m))


def _no_seconds(reading: Reading, m: re.Match[str]) -> str:
    if m["n"] in ("a", "one", "first"):
        return "a second is no length of a piece"
    of = _OF_A_SECTION.match(reading.low, m.end())
    if of:
        return f"seconds of something else ({of.group(1)}), not of the piece"
    if _is_point(reading, m):
        return _AT_POINT
    return _lasts(Length(seconds=_count(m["n"])))


def _no_s(reading: Reading, m: re.Match[str]) -> str:
    n = int(m["n"])
    if n in _ROLAND_MACHINES:
        return "a machine by Roland"
    if not m["long"] and n in _DECADES:
        return "a decade"
    return _lasts(Length(seconds=n))


def _clock(reading: Reading, m: re.Match[str]) -> Length:
    return Length(seconds=60.0 * int(m["m"]) + int(m["sec"]))


def _no_clock(reading: Reading, m: re.Match[str]) -> str:
    return _AT_POINT if _is_point(reading, m) else _lasts(_clock(reading, m))


_POINT = re.compile(
    r"\b(?:at|from|by|until|till|up\s+to|after|before|during|since|first|last|next|final|opening"
    r"|closing|every|nach|bis|vor|hasta|jusqu'a)\s+(?:the\s+|about\s+|around\s+|bar\s+)*"
    r"(?:first\s+|last\s+|mark\s+of\s+)?$"
)
_POINT_AFTER = re.compile(
    r"\s*-?\s*(?:marks?\b|in(?=\s*[,.;]|\s*$)|into\b|later\b|point\b|onwards?\b)"
)
_ENDS = re.compile(r"\b(?:ends?|ending|stops?|stopping|finish\w*|is\s+over)\s+(?:after|at|by)\s+$")
_UP_TO = re.compile(
    r"(?:(?:^|[,;:(])\s*|\b(?:of|for|be|lasting|lasts?|runs?|length|long|piece|track|loop|song|tune|cue)\s+)"
    r"up\s+to\s+$"
)
"""As a limit: "builds up to 30 seconds" ends at a point."""
_AT_POINT = "a point in time, not a length"


def _is_point(reading: Reading, m: re.Match[str]) -> bool:
    """Whether a time is one within the piece: "until 9.5 seconds", "at the 30 second mark"."""
    before = reading.low[max(0, m.start() - 40) : m.start()]
    if _ENDS.search(before) or _UP_TO.search(before):
        return False
    return bool(_POINT.search(before) or _POINT_AFTER.match(reading.low, m.end()))


_ARTICLES = ("a", "an", "ein", "eine", "einen", "un", "une")
_N = (
    r"(?<![\w./:'])(?:\d{1,4}(?:[.,]\d{1,2})?|"
    + "|".join(sorted({*NUMBERS} - {*_ARTICLES}, key=len, reverse=True))
    + ")"
)
_BAR_UNITS = r"bars?|measures?|takten?|mesures?|battute|compases"
_MINUTE_UNITS = r"minutes?|mins?|minuten?|minuti|minutos"
_SECOND_UNITS = r"seconds?|secs?|s|sekunden|secondes|secondi|segundos"
_RANGE = re.compile(
    rf"(?P<open>(?:between|from|zwischen|entre)\s+)?(?P<low>{_N})"
    rf"(?:[\s-]*(?:(?P<low_bars>{_BAR_UNITS})|(?P<low_minutes>{_MINUTE_UNITS})|(?P<low_seconds>{_SECOND_UNITS})))?"
    rf"\s*(?P<joint>-|–|—|~|\b(?:to|or|and|bis|a|oder|und|et|y)\b)\s*(?P<high>{_N}|an?(?=\s+min))[\s-]*"
    rf"(?:(?P<bars>{_BAR_UNITS})|(?P<minutes>{_MINUTE_UNITS})|(?P<seconds>{_SECOND_UNITS}))\b(?:\s+long\b)?"
)
_TIMELINE = re.compile(
    r"(?<![\w:.])(\d{1,2}):([0-6]\d)\s*(?:-|–|~|to)\s*(\d{1,2}):([0-6]\d)(?![\w:])"
)


def _unit(m: re.Match[str], which: str) -> float | None:
    """Seconds of the unit of a range's end (``which``: "" or "low_"), 0 of bars, None of none."""
    units = {"bars": 0.0, "minutes": 60.0, "seconds": 1.0}
    return next((value for name, value in units.items() if m[which + name]), None)


def _limits(m: re.Match[str]) -> tuple[float, float]:
    """Least and most, in bars or in seconds."""
    unit, low_unit = _unit(m, ""), _unit(m, "low_")
    low_unit = unit if low_unit is None else low_unit
    return _count(m["low"]) * (low_unit or 1), _count(m["high"]) * (unit or 1)


def _range(reading: Reading, m: re.Match[str]) -> Length:
    """A range, whose middle is aimed at; of two lengths with "or" in bars the first."""
    low, high = _limits(m)
    if not m["bars"]:
        return seconds_between(low, high)
    length = bars_between(int(low), int(high))
    return replace(length, bars=int(low)) if m["joint"] in ("or", "oder") else length


def _no_range(reading: Reading, m: re.Match[str]) -> str:
    low, high = _limits(m)
    unit, low_unit = _unit(m, ""), _unit(m, "low_")
    if low_unit is not None and (low_unit == 0) != (unit == 0):
        return "bars and time are no range"
    sum_of_both = m["joint"] in ("and", "und", "et", "y") and low_unit is not None
    if low >= high or (sum_of_both and not m["open"]):
        return "no range"
    if m["bars"] and (of := _OF_A_SECTION.match(reading.low, m.end())):
        return f"bars of something else ({of.group(1)}), not of the piece"
    if (m["open"] or "").startswith("from") and not m["bars"]:
        return "from one point in time to another"
    if m["seconds"] == "s" and {low, high} <= _DECADES and not m.group().endswith("long"):
        return "decades"
    return _AT_POINT if _is_point(reading, m) else _lasts(_range(reading, m))


def _ends(m: re.Match[str]) -> tuple[float, float]:
    a, b, c, d = (int(n) for n in m.groups())
    return 60.0 * a + b, 60.0 * c + d


def _timeline(reading: Reading, m: re.Match[str]) -> Length:
    """Where the last section of a list of sections ends; of a range alone the middle."""
    spans = [_ends(n) for n in _TIMELINE.finditer(reading.low)]
    if any(start == 0 for start, _ in spans):
        return Length(seconds=max(e for _, e in spans))
    return seconds_between(*spans[0])


def _no_timeline(reading: Reading, m: re.Match[str]) -> str:
    spans = [_ends(n) for n in _TIMELINE.finditer(reading.low)]
    if all(start for start, _ in spans) and (len(spans) > 1 or _is_point(reading, m)):
        return "a section, not the piece"
    return _lasts(_timeline(reading, m))


_EASTERN = re.compile(r"(?<![\w./:])(?P<n>\d{1,4})\s*(?P<of>秒|分钟|分鐘|分間|分)")


def _eastern(reading: Reading, m: re.Match[str]) -> Length:
    return Length(seconds=float(m["n"]) * (1 if m["of"] == "秒" else 60))


LENGTH = (
    Rule(
        "a range of lengths",
        "length",
        (
            ("piano, 8 to 12 bars", {"bars": 10, "bars_range": "8-12", "unplaced": None}),
            ("Lasting for 16 ~ 30 seconds", {"seconds": 23, "seconds_range": "16-30"}),
            ("60-70s pop", {"seconds": None}),
        ),
        _RANGE,
        _range,
        _no_range,
    ),
    Rule(
        "sections by their times",
        "length",
        (
            ("calm (0:00-0:20), then loud (0:20-0:50)", {"seconds": 50}),
            ("pop, 1:00-2:00", {"seconds": 90, "seconds_range": "60-120"}),
        ),
        _TIMELINE,
        _timeline,
        _no_timeline,
    ),
    Rule(
        "a number of bars",
        "length",
        (
            ("waltz, 16 bars", {"bars": 16}),
            ("a 4-bar drum fill", {"bars": None}),
            ("a 99-bar solo violin piece", {"bars": 99}),
        ),
        _BARS,
        _some_bars,
        _no_bars,
    ),
    Rule(
        "bars: a number",
        "length",
        (("bars: 24", {"bars": 24}),),
        _BARS_ARE,
        _some_bars,
        lambda reading, m: _lasts(_some_bars(reading, m)),
    ),
    Rule(
        "a number of minutes",
        "length",
        (("2 minutes 30 seconds of techno", {"seconds": 150}),),
        _MINUTES,
        _minutes,
        _no_minutes,
    ),
    Rule(
        "half a minute",
        "length",
        (("eine halbe Minute Jazz", {"seconds": 30}),),
        _HALF_MINUTE,
        lambda _, m: Length(seconds=30.0),
    ),
    Rule(
        "a number of seconds",
        "length",
        (
            ("45 seconds of piano", {"seconds": 45}),
            ("it grows until 9.5 seconds", {"seconds": None}),
            ("a drop at the 30 second mark", {"seconds": None}),
        ),
        _SECONDS,
        lambda _, m: Length(seconds=float(_count(m["n"]))),
        _no_seconds,
    ),
    Rule(
        "a number and 秒 or 分",
        "length",
        (("30秒のジャズ", {"seconds": 30}), ("2分 ピアノ", {"seconds": 120})),
        _EASTERN,
        _eastern,
        lambda reading, m: _lasts(_eastern(reading, m)),
    ),
    Rule(
        'seconds as "s"',
        "length",
        (("jazz, 30s", {"seconds": 30}), ("80s pop", {"seconds": None})),
        _S,
        lambda _, m: Length(seconds=float(m["n"])),
        _no_s,
    ),
    Rule(
        "minutes and seconds with a colon",
        "length",
        (("1:30 of chiptune", {"seconds": 90}), ("a drop at 0:30", {"seconds": None})),
        _CLOCK,
        _clock,
        _no_clock,
    ),
    Rule(
        "minutes and seconds with strokes",
        "length",
        (("jazz, 1'30''", {"seconds": 90}),),
        _PRIMES,
        _clock,
        _no_clock,
    ),
)
SECOND_LENGTH = Rule(
    "one length",
    "length",
    (("30 seconds, no, 2 minutes", {"seconds": 30, "unplaced": "no, 2 minutes"}),),
)


def read_length(
    reading: Reading, bpm: float | None = None, metre: str | None = None
) -> Length | None:
    """The first length that is given as a number. A second one of the other kind counts too
    where, at ``bpm`` (None: free to choose) and in ``metre``, both can hold, and a second range of
    the same kind narrows the first; others are left unplaced."""
    whole: Length | None = None
    for hit in apply(reading, LENGTH):
        limit = limit_of(reading, hit)
        length = limit.value if limit else hit.value
        joined = length if whole is None else _joined(whole, length, bpm, metre)
        if joined is None:
            reading.reject(hit.start, hit.end, SECOND_LENGTH, "another length is said before")
        elif limit:
            reading.take(limit.start, limit.end, LIMIT)
        whole = joined or whole
    return whole


def _joined(one: Length, other: Length, bpm: float | None, metre: str | None) -> Length | None:
    """Both lengths as one, None where they contradict each other."""
    if narrowed := within_both(one, other):
        return narrowed
    both = beside(one, other)
    if _agree(both, bpm, metre):
        return both
    return one if other == one else None


def _agree(length: Length, bpm: float | None, metre: str | None) -> bool:
    """Whether bars and seconds can both hold, within a fifth; without a tempo, at a usual one."""
    if length.bars is None or length.seconds is None:
        return False
    slowest, fastest = tempos_of(length, metre)
    if bpm is None:
        return slowest <= 240 and fastest >= 40
    return slowest / bpm < 1.25 and fastest / bpm > 0.8


def tempo_of(length: Length, metre: str | None) -> float:
    """The tempo, in quarters per minute, at which so many bars last so many seconds."""
    num, den = map(int, (metre or "4/4").split("/"))
    return 60.0 * (length.bars or 0) * 4 * num / den / (length.seconds or 1.0)


def tempos_of(length: Length, metre: str | None) -> tuple[float, float]:
    """The slowest and the fastest tempo at which some of the bars last some of the seconds."""
    least, most = length.least, length.most
    slowest = tempo_of(Length(least.bars, most.seconds), metre)
    return slowest, tempo_of(Length(most.bars, least.seconds), metre)


SHORT_WORD = Rule(
    "a word of length",
    "length",
    (
        ("a short waltz", {"bars": 8}),
        ("a waltz with long notes", {"bars": None}),
        ("short oboe licks", {"bars": None}),
        ("jazz with extended chords", {"bars": None}),
    ),
)


def _other_noun(reading: Reading, name: str, last: int) -> str:
    """What the word of length that ends with word ``last`` is said of, where it is not the
    piece: "short oboe licks", "radio jingle"."""
    words = reading.words
    if name == "jingle":
        before = words[last - 1].low if last else ""
        after = words[last + 1].low if last + 1 < len(words) else ""
        return before if before in ("radio", "tv", "ad") else after if after == "bells" else ""
    for word in words[last + 1 : last + 4]:
        if not word.joined or word.low in _NOUNS_OF_PIECES:
            return ""
        if word.low in _NOT_LENGTH:
            return word.low
    return ""


_NOUNS_OF_PIECES = word_set(
    """
    song piece track tune music loop composition clip waltz and with of for in that but or to by on
    """
)


def read_short(reading: Reading) -> int | None:
    """Bars that the first word such as "short" stands for; takes all such words."""
    words, bars = reading.words, []
    for i, word in enumerate(words):
        if not reading.free(word.start, word.end):
            continue
        pair = f"{word.low} {words[i + 1].low}" if i + 1 < len(words) else ""
        name, last = (pair, i + 1) if pair in SHORT else (word.low, i)
        if name not in SHORT or not reading.free(word.start, words[last].end):
            continue
        other = _other_noun(reading, name, last)
        if other:
            why = f"said of {other}, not of the piece"
            reading.put_aside(word.start, words[last].end, SHORT_WORD, why)
            continue
        before = re.search(r"\bnot\s+(?:too\s+|very\s+|so\s+)?$", reading.low[: word.start])
        start = before.start() if before else word.start
        reading.take(start, words[last].end, SHORT_WORD)
        bars.append((24 if SHORT[name] > 32 else 32) if before else SHORT[name])
    return bars[0] if bars else None


def _count(text: str) -> float:
    text = text.strip()
    if text[0].isdigit():
        return float(text.replace(",", "."))
    return float(sum(NUMBERS[w] for w in re.split(r"[\s-]", text)))


RULES: tuple[Rule, ...] = (*LENGTH, SECOND_LENGTH, SHORT_WORD)
