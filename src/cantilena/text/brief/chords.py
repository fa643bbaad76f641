"""Chord progressions in a text: symbols, spelled-out names, roman numerals, named progressions.

Knows how people write progressions and which letters are not chords; does not know keys in a
text (``keys``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm

from cantilena.errors import BriefError
from cantilena.score.harmony import Key, parse_chord
from cantilena.text.brief.degrees import NAMED, NAMED_PATTERNS, ROMAN, is_minor, realise
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading
from cantilena.text.wordlists import word_set


@dataclass(frozen=True)
class Progression:
    """Chord symbols, each lasting ``bars`` of a bar, and whether they were spelled by the text
    ("said") or follow from degrees or a name ("implied"). ``genre`` and ``length`` (bars) are
    what a named form implies."""

    chords: tuple[str, ...]
    bars: Fraction = Fraction(1)
    how: str = "said"
    minor: bool | None = None
    genre: str = ""
    length: int | None = None


_SUFFIX = (
    r"(?:maj(?:or)?|Maj|MAJ|min(?:or)?|Min|mi|ma|m|M|-(?=\d|[\s,|)]|$)|dim|dom|aug"
    r"|\+(?![A-Ga-g])|°|o(?=\d|\b)|ø|Δ|△|\^)?"
    r"(?:13|11|9|7|69|6/9|6|5|4|2)?M?"
    r"(?:sus(?:24|2|94|9|4)?|(?:add|omit|no)[#b]?(?:13|11|[2-79])|alt|(?:maj|Maj|ma|M|Δ|△|\^)(?:7|9|11|13)"
    r"|[#b+-](?:4|5|6|9|11|13)|\([A-Za-z#+,\s\d-]{1,16}\)){0,4}"
)
_SYMBOL = re.compile(
    rf"(?<![\w#'&/.°])(?P<root>[A-Ha-h])(?P<acc>[#b]?)(?P<suffix>{_SUFFIX})"
    r"(?:/(?P<bass>[A-Ha-h])(?P<bacc>[#b]?))?(?![\w#'°+]|/[\w]|-(?:sharp|flat|major|minor|[A-Z]\w"
    r"*\s+string))"
)
_SPELLED = re.compile(
    r"(?<![\w#'&/])(?P<root>[A-H])(?P<acc>#|b|[\s-]?(?:sharp|flat))?"
    r"(?:[\s-](?P<kind>major|minor|maj|min|half[\s-]diminished|diminished|dim|augmented|aug|dominant))?"
    r"(?:[\s-](?P<seven>7th|7|seventh|seven|9th|9|ninth|nine|sixth|six))?(?!\w)"
    r"(?:(?<=[a-z]{3})|(?<=\s[79])|(?<=[79]th))",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"(?:[\s,;|>·•→~–—%:\"'`-]|/(?=[\s|])|&(?=\s)|\+(?=\s)|\b(?:and|then|to|und|et|y|back|followed|by"
    r"|into|through|moving|going|goes|resolving|resolves|leading|ending|dann|nach|x\d+)\b)+"
)
_CALLED_BEFORE = re.compile(
    r"(?:\b(?:chords?|progressions?|changes|akkorde?n?|akkordfolge|accords?|acordes|accordi|vamps?"
    r"|vamping|loop(?:ing)?|harmony|harmonies|harmonic\s+sequence|turnaround|sequence|over|between"
    r"|cycle|cycling)"
    r"(?:\s+(?:this|song|piece|track|tune|music|composition|entire|main|it|it's|harmonized|is|are|of|like|in|the|uses?|using|following|follows?|goes|sequence|progressions?|on"
    r"|alternat(?:es?|ing)|mainly|such|as|including|includes|featuring|consists?|that|through"
    r"|around|between|and|chords?|with|from|moves?|cycles?|simple|by|changes?|primarily"
    r"|a|an|pattern|loop|shifting|repeating|centered|characterized))*"
    r"\s*[:=]?\s*[\"'(\[|:]*\s*)$"
)
_CALLED_AFTER = re.compile(
    r"^[\"')\]|:,\s]*(?:power\s+)?(?:chords?|progressions?|vamps?|loop|turnaround|changes|akkorde?"
    r"|drone)\b"
)
_NOT_CHORDS = re.compile(
    r"\b(?:notes?|tuning|tuned\s+to|sections?|parts?|form|forms|vitamin|grade|class|drop|option"
    r"|plan|string|strings|pitches|tones?|structure|type|group|team|side|ending\s+on|ends?\s+on"
    r"|ends?\s+with|low|high|middle)\s*[:=]?\s*(?:an?\s+)?[\"'(\[]*\s*$"
)
_NOT_AFTER = re.compile(r"\s*(?:tuning|sections?|parts?|form|notes?|major|minor)\b")
_IN = re.compile(r"(?:\bin|\bkey(?:\s+of|\s+is)?|key\s*[:=])\s*$")
_KINDS = {
    "major": "",
    "maj": "",
    "minor": "m",
    "min": "m",
    "half diminished": "m7b5",
    "diminished": "dim",
    "dim": "dim",
    "augmented": "aug",
    "aug": "aug",
    "dominant": "",
}


_SEVENS = {"7": "7", "7th": "7", "sev": "7", "9": "9", "9th": "9", "nin": "9", "six": "6"}
_QUOTED = re.compile(r"[\"'`]([A-H](?:[#b]|[\s-](?:sharp|flat))?[^\s\"'`,;]{0,9})[\"'`]")
"""A chord in quotes, as those of a list often are."""


@dataclass(frozen=True)
class _Candidate:
    """A possible chord: its span, symbol and weight (2: surely a chord, 1: likely, 0: a letter that
    may be one, -1: spelled out, as "A minor"). ``small``: written with a small letter."""

    start: int
    end: int
    symbol: str
    weight: int
    small: bool = False


SYMBOLS = Rule(
    "chord symbols",
    "chords",
    (
        ("lofi, Dm9 G13 Cmaj7", {"chords": "Dm9 G13 Cmaj7"}),
        ("chords: A minor, F major", {"chords": "Am F"}),
        ("the notes C, D and E", {"chords": None}),
    ),
)
NUMERALS = Rule("roman numerals", "chords", (("ii-V-I in Bb", {"chords": "Cm F Bb"}),))
DIGITS = Rule("degrees as digits", "chords", (("2-5-1 in C, jazz", {"chords": "Dm7 G7 Cmaj7"}),))
BY_NAME = Rule(
    "a progression with a name",
    "chords",
    (("andalusian cadence in E minor", {"chords": "Em D C B"}),),
)
SECOND = Rule(
    "one progression",
    "chords",
    (
        (
            "verse: C G Am F, chorus: F G C",
            {"chords": "C G Am F", "unplaced": "F G C"},
        ),
    ),
)
RULES: tuple[Rule, ...] = (SYMBOLS, NUMERALS, DIGITS, BY_NAME, SECOND)
_BEFORE = "another progression stands before"


def read_chords(reading: Reading, key: Key | None, jazzy: bool) -> Progression | None:
    """The first progression of the text; later ones are left unplaced. Takes their spans."""
    progressions: list[Progression] = []
    for run in _runs(reading, list(_candidates(reading))):
        start, end = run[0].start, run[-1].end
        if progressions:
            reading.reject(start, end, SECOND, _BEFORE)
        else:
            progressions.append(_in_bars(reading, run))
            again = re.match(r"[\s|:(]*(?:x\s?\d+|\d+\s?x)\b", reading.low[end:])
            reading.take(start, end + (again.end() if again else 0), SYMBOLS)
    for rule, reader in ((NUMERALS, _romans), (DIGITS, _digits), (BY_NAME, _named)):
        for progression, start, end in reader(reading, key, jazzy):
            if progressions and reader is _named and progressions[0].how == "said":
                continue
            if progressions:
                reading.reject(start, end, SECOND, _BEFORE)
            else:
                progressions.append(progression)
                reading.take(start, end, rule)
    return progressions[0] if progressions else None


def chord_symbols(text: str) -> tuple[str, ...]:
    """Every symbol of a text that holds nothing else. Raises BriefError naming what is no chord."""
    reading = Reading(text)
    chords: list[str] = []
    at = 0
    while at < len(reading.plain):
        gap = _BETWEEN.match(reading.plain, at)
        at = gap.end() if gap else at
        if at >= len(reading.plain):
            break
        m = _SPELLED.match(reading.plain, at) or _SYMBOL.match(reading.plain, at)
        candidate = _candidate(m) if m else None
        if m is None or candidate is None:
            word = reading.text[at:].split()[0] if reading.text[at:].split() else ""
            parse_chord(word)
            raise BriefError(f"{word!r} is not a chord symbol; write it as in Dm7, G13 or C/E")
        chords.append(candidate.symbol)
        at = m.end()
    return tuple(chords)


def _candidates(reading: Reading) -> list[_Candidate]:
    plain = _QUOTED.sub(r" \1 ", reading.plain)

    def free(pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        return (m for m in pattern.finditer(plain) if reading.free(*m.span()))

    spelled = (_spelled_candidate(m) for m in free(_SPELLED))
    candidates = [candidate for candidate in spelled if candidate]
    spans = {(f.start, f.end) for f in candidates}
    for m in free(_SYMBOL):
        if not any(a < m.end() and m.start() < b for a, b in spans):
            candidate = _candidate(m)
            if candidate is not None:
                candidates.append(candidate)
    return sorted(candidates, key=lambda f: f.start)


def _spelled_candidate(m: re.Match[str]) -> _Candidate | None:
    """A spelled-out chord ("A minor"), which may also name a key: ``_sure`` decides."""
    candidate = _candidate(m)
    return candidate if candidate and m.group("root").isupper() else None


def _candidate(m: re.Match[str]) -> _Candidate | None:
    parts = m.groupdict()
    root, acc = parts["root"], (parts.get("acc") or "").strip(" -")
    acc = {"sharp": "#", "flat": "b"}.get(acc.lower(), acc)
    spelled = "kind" in parts
    if spelled:
        seven = _SEVENS.get((parts["seven"] or "")[:3].lower(), "")
        kind = (parts["kind"] or "dominant").lower().replace("-", " ")
        seven = "" if kind == "half diminished" else seven
        sevenths = kind in ("major", "maj") and seven and seven != "6"
        suffix = ("maj" if sevenths else _KINDS[kind]) + seven
    else:
        suffix = parts["suffix"]
    letter = "B" if root in "Hh" else root.upper()
    bass = parts.get("bass")
    if bass and bass.islower() and root.isupper():
        return None
    slash = f"/{'B' if bass in 'Hh' else bass.upper()}{parts['bacc']}" if bass else ""
    symbol = f"{letter}{acc}{suffix}{slash}"
    try:
        parse_chord(symbol)
    except BriefError:
        return None
    if spelled:
        weight = -1
    elif re.search(r"7|9|11|13|6|maj|dim|sus|add|alt|aug|[°øΔ△^]", suffix):
        weight = 2
    elif suffix in ("2", "4", "5"):
        weight = 0
    else:
        weight = 1 if suffix or slash or acc else 0
    return _Candidate(m.start(), m.end(), symbol, weight, root.islower() and not spelled)


def _runs(reading: Reading, candidates: list[_Candidate]) -> list[list[_Candidate]]:
    """Candidates gathered into runs, and only those runs that mean chords."""
    runs: list[list[_Candidate]] = []
    for f in candidates:
        last = runs[-1] if runs else None
        if (
            last
            and last[-1].small == f.small
            and _BETWEEN.fullmatch(reading.low, last[-1].end, f.start)
            and ((last[-1].weight < 0) == (f.weight < 0) or _led(reading, last[-1], f))
        ):
            last.append(f)
        else:
            runs.append([f])
    sure: list[list[_Candidate]] = []
    for run in runs:
        good = _sure(reading, run)
        if good:
            sure.append(good)
        elif len(run) > 1 or abs(run[0].weight) > 0:
            reading.put_aside(run[0].start, run[-1].end, SYMBOLS, "letters or a key, not chords")
    return sure


def _led(reading: Reading, a: _Candidate, b: _Candidate) -> bool:
    """Whether a spelled-out chord and a symbol belong together: "A minor then E7", but not the
    key before its chords, "A minor: Am7 D7"."""
    return re.search(r"\w|->|→", reading.low[a.end : b.start]) is not None


def _sure(reading: Reading, run: list[_Candidate]) -> list[_Candidate]:
    """The part of a run that is a progression; empty where none of it is."""
    low = reading.low
    if run[-1].symbol == "A" and re.match(r"\s+[a-z]", reading.plain[run[-1].end :]):
        run = run[:-1]  # the article that opens the next sentence
    if not run:
        return []
    before, after = low[max(0, run[0].start - 120) : run[0].start], low[run[-1].end :][:40]
    called = bool(_CALLED_BEFORE.search(before)) or bool(_CALLED_AFTER.search(after))
    called = called or low[: run[0].start].rstrip().endswith("|")
    if _IN.search(before) and len(run) == 1:
        return []
    if _IN.search(before) and not called and (run[0].weight < 2 or len(run) == 1):
        gap = low[run[0].end : run[1].start] if len(run) > 1 else ","
        if len(run) < 3 or "," in gap or gap.strip() in ("and", "to"):
            run = run[1:] if len(run) > 3 else []
    if run and run[0].symbol == "A" and len(run) > 1 and _letter_first(low, run):
        run = run[1:]
    if not run or (not called and (_NOT_CHORDS.search(before) or _NOT_AFTER.match(after))):
        return []
    weights = [f.weight for f in run]
    if min(weights) < 0:
        return run if called or len(run) >= 3 or max(weights) == 2 else []
    if run[0].small:
        good = (len(run) >= 3 and max(weights) > 0) or (max(weights) == 2 and len(run) >= 2)
        return run if good or (called and (len(run) >= 2 or max(weights) > 0)) else []
    if called:
        return (
            run
            if len(run) > 1 or max(weights) > 0 or run[0].symbol != "A" or _CLOSED.match(after)
            else []
        )
    if len(run) == 1:
        return run if weights[0] == 2 else []
    letters = [f.symbol for f in run]
    if max(weights) == 0:
        form = set(letters) <= set("ABC") and letters[0] == "A"
        pitches = any(c[-1].isdigit() for c in letters)
        return run if len(run) >= 3 and not form and not pitches else []
    return run


_CLOSED = re.compile(r"[\"'`]?\s*(?:[.,;)\n]|$)")


def _letter_first(low: str, run: list[_Candidate]) -> bool:
    """Whether the A of "A Dm9 vamp" is an article and no chord."""
    return (
        low[run[0].end : run[1].start].isspace()
        and (run[0].start == 0 or low[: run[0].start].rstrip()[-1:] in ".!?")
        and len(run) == 2
    )


def _in_bars(reading: Reading, run: list[_Candidate]) -> Progression:
    """Chords and their length, which bar lines give where there are any."""
    symbols = [f.symbol for f in run]
    gaps = [reading.low[a.end : b.start] for a, b in pairwise(run)]
    if not any("|" in g for g in gaps):
        return Progression(tuple(symbols))
    bars: list[list[str]] = [[symbols[0]]]
    for gap, symbol in zip(gaps, symbols[1:], strict=True):
        for repeat in re.findall(r"%", gap):
            bars.append([bars[-1][-1]] if repeat else [])
        if "|" in gap:
            bars.append([symbol])
        else:
            bars[-1].append(symbol)
    tail = re.match(r"(?:\s*\|\s*%)+", reading.low[run[-1].end :])
    for _ in range(tail.group().count("%") if tail else 0):
        bars.append([bars[-1][-1]])
    if max(map(len, bars)) > 8:
        return Progression(tuple(symbols))
    slots = lcm(*map(len, bars))
    out = [bar[i * len(bar) // slots] for bar in bars for i in range(slots)]
    return Progression(tuple(out), Fraction(1, slots))


_ROMAN_RUN = re.compile(
    rf"{ROMAN.pattern}(?:(?:[\s,|>→–—-]|\bto\b)+{ROMAN.pattern})+".replace("?P<acc>", "")
    .replace("?P<num>", "")
    .replace("?P<suffix>", "")
    .replace("?P<of>", "")
)
_DIGIT_RUN = re.compile(r"(?<![\w#/.-])[1-7](?:\s*-\s*[1-7]){2,}(?![\w/-]|\.\d)")
_DIGITS_KNOWN = word_set(
    """
    251 145 1564 6415 1645 4536 1625 36251 1451 1415 2516 451 4156 154 6251 1465 1456 1545
    """
)
_Read = Iterator[tuple[Progression, int, int]]


def _romans(reading: Reading, key: Key | None, jazzy: bool) -> _Read:
    """Runs of roman numerals, as (Progression, start, end)."""
    for m in reading.finditer(_ROMAN_RUN, False):
        tokens = list(ROMAN.finditer(m.group()))
        texts = [t.group() for t in tokens]
        if texts in (["I", "II", "III"], ["I", "II"], ["I", "II", "III", "IV"]):
            continue
        before, after = (
            reading.low[max(0, m.start() - 120) : m.start()],
            reading.low[m.end() :][:40],
        )
        called = _CALLED_BEFORE.search(before) or _CALLED_AFTER.search(after)
        if len(texts) < 3 and not called and (" " in m.group() or not {*texts} - {"I", "i"}):
            continue
        minor = is_minor(key, texts)
        in_bars = "|" in m.group()
        symbols = realise(tokens, key or Key(0, minor), jazzy)
        if in_bars:
            run = [
                _Candidate(t.start() + m.start(), t.end() + m.start(), c, 1)
                for t, c in zip(tokens, symbols, strict=True)
            ]
            yield _with(_in_bars(reading, run), minor), m.start(), m.end()
        else:
            yield Progression(tuple(symbols), how="implied", minor=minor), m.start(), m.end()


def _with(progression: Progression, minor: bool) -> Progression:
    return Progression(progression.chords, progression.bars, "implied", minor)


def _digits(reading: Reading, key: Key | None, jazzy: bool) -> _Read:
    """Degrees as digits ("2-5-1"), as (Progression, start, end)."""
    for m in reading.finditer(_DIGIT_RUN):
        digits = re.sub(r"\D", "", m.group())
        called = _CALLED_AFTER.search(reading.low[m.end() :][:40]) or _CALLED_BEFORE.search(
            reading.low[: m.start()]
        )
        if not called and digits not in _DIGITS_KNOWN:
            continue
        minor = bool(key and key.minor)
        names = "i iio III iv V VI VII" if minor else "I ii iii IV V vi viio"
        text = " ".join(names.split()[int(d) - 1] for d in digits)
        chords = realise(list(ROMAN.finditer(text)), key or Key(0), jazzy)
        yield Progression(tuple(chords), how="implied", minor=minor), m.start(), m.end()


def _named(reading: Reading, key: Key | None, jazzy: bool) -> _Read:
    """Progressions that have a name, as (Progression, start, end)."""
    for pattern, numerals, genre, bars in NAMED_PATTERNS:
        for m in reading.finditer(pattern):
            two = numerals.startswith("2:")
            text = numerals.removeprefix("2:")
            minor = bool(key and key.minor) or is_minor(None, text.split())
            if genre == "blues" and bars == 12 and key and key.minor:
                text = NAMED[0][1]
            tokens = list(ROMAN.finditer(text))
            chords = realise(tokens, key or Key(0, minor), False)
            part = Fraction(1, 2) if two else Fraction(1)
            yield (
                Progression(tuple(chords), part, "implied", minor, genre, bars),
                m.start(),
                m.end(),
            )
