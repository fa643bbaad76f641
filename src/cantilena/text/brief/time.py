"""Tempo numbers, metres and lengths in a text.

Knows how numbers of time are written; does not know tempo words ("slow", "Andante"), which are
phrases (``phrases``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.terms import IN_METRES, METRES, NUMBERS, SHORT
from cantilena.text.wishes import (
    MAX_BARS,
    MAX_SECONDS,
    MAX_TEMPO,
    MIN_BARS,
    MIN_SECONDS,
    MIN_TEMPO,
)
from cantilena.text.wordlists import word_set

_NUM = r"(?<![\d.,:/])(\d{1,3}(?:[.,]\d{1,2})?)(?![\d:/])"
_ABOUT = (
    r"(?:\b(?:around|about|approximately|approx\.?|circa|ca\.?|roughly|at|of|ungefahr|etwa|mit)\s+"
    r"|[~@]\s*){0,3}"
)
_UNIT = (
    r"(?:bpm\b|b\.p\.m\.?|beats?\s*(?:per|a|/)\s*min(?:ute)?\b|schlage\s+(?:pro|die)\s+minute"
    r"|battements?\s+par\s+minute|battiti\s+al\s+minuto|qpm\b|quarters?\s+per\s+minute)"
)
_RANGE = re.compile(
    rf"(?:between\s+|from\s+)?{_ABOUT}{_NUM}\s*(?:bpm\s*)?(?:-|to|and|bis|a)\s*{_NUM}\s*-?\s*{_UNIT}"
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


def read_tempo(reading: Reading) -> Tempo | None:
    """The first tempo that is given as a number; later ones that differ are left unplaced."""
    tempos: list[tuple[int, int, Tempo]] = []

    def add(m: re.Match[str], tempo: Tempo | None) -> None:
        start = m.start(1) if m.re is _LONE else m.start()
        if tempo and MIN_TEMPO <= tempo.bpm <= MAX_TEMPO and reading.free(start, m.end()):
            reading.take(start, m.end())
            tempos.append((start, m.end(), tempo))

    for m in reading.finditer(_NOTE_IS):
        dotted = 1.5 if m.group("dot") or m.group("after") else 1.0
        add(m, Tempo(round(_value(m.groups()[-1]) * dotted * _QUARTERS.get(m["note"], 1.0), 3)))
    for m in reading.finditer(_RANGE):
        a, b = _value(m.group(1)), _value(m.group(2))
        if MIN_TEMPO <= a < b <= MAX_TEMPO:
            add(m, Tempo((a + b) / 2, (a, b)))
    for pattern in (_BPM, _NAMED):
        for m in reading.finditer(pattern):
            add(m, Tempo(_value(m.group(1))))
    if not tempos:
        for pattern, low, high in ((_AT, 30, 300), (_LONE, 40, 240)):
            for m in reading.finditer(pattern):
                if not tempos and low <= _value(m.group(1)) <= high:
                    add(m, Tempo(_value(m.group(1))))
    tempos.sort(key=lambda f: f[0])
    for start, end, tempo in tempos[1:]:
        if tempo.bpm != tempos[0][2].bpm:
            reading.reject(start, end)
    return tempos[0][2] if tempos else None


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


def read_metre(reading: Reading) -> str | None:
    """The first metre that the text names; later ones that differ are left unplaced."""
    metres: list[tuple[int, int, str]] = []

    def add(m: re.Match[str], num: int, den: int) -> None:
        likely = den in (2, 4, 8, 16) and 2 <= num <= 32 and (num, den) not in ((2, 16), (4, 16))
        if likely and reading.free(m.start(), m.end()):
            reading.take(m.start(), m.end())
            metres.append((m.start(), m.end(), f"{num}/{den}"))

    for m in reading.finditer(_NAMES):
        num, den = map(int, METRES[m.group(1).replace("-", " ")].split("/"))
        add(m, num, den)
    for pattern in (_FRACTION, _TWELVE_EIGHT):
        for m in reading.finditer(pattern):
            add(m, int(m.group(1)), int(m.group(2)))
    for m in reading.finditer(_SPOKEN):
        add(m, NUMBERS[m.group(1)], _DENOMINATORS[m.group(2)])
    for m in reading.finditer(_IN_N):
        n = int(m.group(1)) if m.group(1).isdigit() else NUMBERS[m.group(1)]
        num, den = map(int, IN_METRES[n].split("/"))
        add(m, num, den)
    metres.sort()
    for start, end, metre in metres[1:]:
        if metre != metres[0][2]:
            reading.reject(start, end)
    return metres[0][2] if metres else None


_TENS = r"(?:twenty|thirty|forty|fifty|sixty)[\s-](?:one|two|three|four|five|six|seven|eight|nine)"
_COUNT = (
    rf"(?<![\w./:'])(?P<n>\d{{1,4}}(?:[.,]\d{{1,2}})?|{_TENS}"
    rf"|{'|'.join(sorted(NUMBERS, key=len, reverse=True))})"
)
_BARS = re.compile(
    rf"{_COUNT}[\s-]*(?:bars?|measures?|takte?n?|mesures?|battute|compases)\b(?:\s+long\b)?"
    r"(?![\s-]*(?:blues|intro|outro|solo|break|bridge|phrases?|drum\s+fill|fill|pickup|verse|chorus"
    r"|rest|rests|each|per))"
)
_BARS_ARE = re.compile(r"\b(?:bars|measures|takte)\s*[:=]\s*(?P<n>\d{1,4})\b")
_MINUTES = re.compile(
    rf"(?:{_COUNT}|(?P<half>\bhalf\s+an?))[\s-]*"
    r"(?:minutes?|mins?|minuten|minuti|minutos|(?<=\d)m|(?<=\d )m)\b(?!\s*=)"
    r"(?P<and>\s+and\s+a\s+half|\s+und\s+eine\s+halbe)?"
    r"(?:\s*(?:and|,|und|et)?\s*(?P<s>\d{1,2})[\s-]*(?:seconds?|secs?|sekunden?|secondes|s)\b)?"
    r"(?:\s+long\b)?"
)
_SECONDS = re.compile(
    rf"{_COUNT}[\s-]*(?:seconds?|secs?|sekunden?|sek|secondes?|secondi|segundos)\b(?:\s+long\b)?"
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
    riffs riff motif motifs bursts drums
    """
)


@dataclass(frozen=True)
class Length:
    """A length in bars, in seconds, or in both where the text gives both and they agree."""

    bars: int | None = None
    seconds: float | None = None


def read_length(
    reading: Reading, bpm: float | None = None, metre: str | None = None
) -> Length | None:
    """The first length that is given as a number. A second one of the other kind counts too
    where, at ``bpm`` (None: free to choose) and in ``metre``, both can hold; others are left
    unplaced."""
    lengths: list[tuple[int, int, Length]] = []

    def add(m: re.Match[str], length: Length) -> None:
        bars_fit = length.bars is None or MIN_BARS <= length.bars <= MAX_BARS
        seconds_fit = length.seconds is None or MIN_SECONDS <= length.seconds <= MAX_SECONDS
        if bars_fit and seconds_fit and reading.free(m.start(), m.end()):
            reading.take(m.start(), m.end())
            lengths.append((m.start(), m.end(), length))

    for m in reading.finditer(_BARS):
        count = _count(m["n"])
        if count == int(count) and m["n"] not in ("a", "the", "per"):
            add(m, Length(bars=int(count)))
    for m in reading.finditer(_BARS_ARE):
        add(m, Length(bars=int(m["n"])))
    for m in reading.finditer(_MINUTES):
        n = 0.5 if m["half"] else _count(m["n"])
        if re.fullmatch(r"\d+\s?m", m.group()) and n > 20:
            continue
        n += 0.5 if m["and"] else 0
        add(m, Length(seconds=60 * n + (int(m["s"]) if m["s"] else 0)))
    for m in reading.finditer(_HALF_MINUTE):
        add(m, Length(seconds=30.0))
    for m in reading.finditer(_SECONDS):
        if m["n"] not in ("a", "one", "first"):
            add(m, Length(seconds=float(_count(m["n"]))))
    for m in reading.finditer(_S):
        n = int(m["n"])
        if n not in _ROLAND_MACHINES and (m["long"] or n not in _DECADES):
            add(m, Length(seconds=float(m["n"])))
    for pattern in (_CLOCK, _PRIMES):
        for m in reading.finditer(pattern):
            point = re.search(r"\b(?:at|from|by|until|after|before)\s+$", reading.low[: m.start()])
            if not point:  # "a drop at 0:30" is no length
                add(m, Length(seconds=60.0 * int(m["m"]) + int(m["sec"])))
    lengths.sort(key=lambda f: f[0])
    if not lengths:
        return None
    whole = lengths[0][2]
    for start, end, length in lengths[1:]:
        both = Length(whole.bars or length.bars, whole.seconds or length.seconds)
        if length not in (whole, both) and not _agree(both, bpm, metre):
            reading.reject(start, end)
        elif length.bars is None or length.seconds is None:
            whole = both if _agree(both, bpm, metre) else whole
    return whole


def _agree(length: Length, bpm: float | None, metre: str | None) -> bool:
    """Whether bars and seconds can both hold, within a fifth; without a tempo, at a usual one."""
    if length.bars is None or length.seconds is None:
        return False
    needed = tempo_of(length, metre)
    return 0.8 < needed / bpm < 1.25 if bpm else 40 <= needed <= 240


def tempo_of(length: Length, metre: str | None) -> float:
    """The tempo, in quarters per minute, at which so many bars last so many seconds."""
    num, den = map(int, (metre or "4/4").split("/"))
    return 60.0 * (length.bars or 0) * 4 * num / den / (length.seconds or 1.0)


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
        following = words[last + 1].low if last + 1 < len(words) else ""
        if following in _NOT_LENGTH or (name == "little" and following in ("", "bit")):
            continue
        before = re.search(r"\bnot\s+(?:too\s+|very\s+|so\s+)?$", reading.low[: word.start])
        reading.take(before.start() if before else word.start, words[last].end)
        bars.append((24 if SHORT[name] > 32 else 32) if before else SHORT[name])
    return bars[0] if bars else None


def _count(text: str) -> float:
    text = text.strip()
    if text[0].isdigit():
        return float(text.replace(",", "."))
    return float(sum(NUMBERS[w] for w in re.split(r"[\s-]", text)))
