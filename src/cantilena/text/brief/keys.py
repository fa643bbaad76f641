"""The key in a text: "D minor", "in Bb", "key: F#m", "d-Moll", "la mineur", "D dorian".

Knows how keys are named in English, German and the solfège languages; does not know chords.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cantilena.score.harmony import Key
from cantilena.text.lexicon import Reading
from cantilena.text.wordlists import by_name

_MODES = by_name(
    {
        False: "major, maj, dur, lydian, mixolydian, ionian, lydisch, mixolydisch, blues",
        True: (
            "minor, min, moll, dorian, phrygian, aeolian, locrian, dorisch, phrygisch, aolisch, m"
        ),
    }
)
_SOLFEGE = {"do": "C", "ut": "C", "re": "D", "mi": "E", "fa": "F", "sol": "G", "la": "A", "si": "B"}
_MODE_WORDS = "|".join(m for m in _MODES if len(m) > 1 and m != "blues")
_NOTE = (
    r"(?P<note>[a-h])(?:(?P<sign>#|b(?=(?:min|maj|m)?[79]?(?![a-z])))|[\s-]?(?P<word>sharp|flat)\b"
    r"|(?P<ger>is|es|s)(?=[\s-]*(?:dur|moll)\b))?"
)
_COLOUR = r"(?:(?:natural|harmonic|melodic|pure|pentatonic)[\s-]+)?"
_FULL = re.compile(
    rf"(?<![\w#'/&])(?P<in>in\s+|(?:the\s+)?key\s+of\s+|key\s*[:=]?\s*)?{_NOTE}"
    rf"(?:[\s-]+{_COLOUR}(?P<mode>{_MODE_WORDS})|(?P<close>major|minor|dur|moll))\b"
    r"(?!\s*-?\s*\d|\s*(?:seventh|triad|arpeggio))(?:\s+(?:pentatonic|blues)\s+scale|\s+scale|\s+dominant"
    r"|\s+key|\s+pentatonic)?"
)
_CONTEXT = re.compile(
    r"(?<![\w'])(?:in\s+(?:the\s+)?key\s+of|the\s+key\s+of|key\s+of|key\s+is|key\s+signature\s+of"
    r"|key\s*[:=]|key|tonart|tonality\s+of|tonality|tonal\s+cent(?:er|re)\s+(?:of|on)|in|en)"
    rf"\s*[:=]?\s*{_NOTE}(?P<mode>(?:min|maj|m)?(?:7|9)?)(?![\w#'/]|-\w|\s*\+|\.\w)"
)
_SOLFEGE_KEY = re.compile(
    r"(?<!\w)(?P<note>do|ut|re|mi|fa|sol|la|si)[\s-]*"
    r"(?P<sign>#|b|diese|bemolle|bemol|diesis|sostenido)?"
    r"[\s-]*(?P<mode>majeur|mineur|maggiore|minore|mayor|menor|maior|major|minor)\b"
)
_ALONE = re.compile(
    r"(?:^|[,;|\n(])\s*(?P<note>[A-H])(?P<sign>[#b])?(?P<mode>m|min)?\s*(?=[,;\n.)]|$)"
)
_ANY = re.compile(
    r"\b(?:in\s+(?:a\s+)?|a\s+)?(?P<mode>minor|major|moll|dur)"
    r"(?:[\s-]+(?:key|mode|scale|tonality|tonart|feel|sound|chords?|harmony|harmonies|keys))\b"
    r"|\bin\s+(?P<bare>minor|major|moll|dur)\b"
)
_PITCHED = re.compile(r"\b(?:horns?|clarinets?|trumpets?|cornets?|sax\w*|whistle|harmonica)\s+$")
_WHITE_KEYS = by_name(
    {
        (2, True): "dorian, dorisch",
        (4, True): "phrygian, phrygisch",
        (5, False): "lydian, lydisch",
        (7, False): "mixolydian, mixolydisch",
        (9, True): "aeolian",
        (11, True): "locrian",
        (0, False): "ionian",
    }
)
"""Where a mode uses the white keys: what its bare name implies."""
_MODE_ALONE = re.compile(
    rf"\b(?P<mode>{'|'.join(_WHITE_KEYS)})(?:\s+(?:mode|scale|feel|dominant))?\b"
)
_NAMES_MODE = re.compile(rf"(?:{_MODE_WORDS})|[a-g][#b]?m\b")
_GERMAN = re.compile(r"\b(?:mit|und|fur|ohne|eine?|klavier|schlagzeug|tonart)\b")
_AFTER_ARTICLE = re.compile(
    r"\s*(?:key|mode|scale|chord|chords|feel|mood|third|seventh|role|change|3rd|sound|tonality|part"
    r"|hit|work|tone|melody|theme|piece|song|label|set|blues|triad|progression)\b"
)
_AFTER_BARE = re.compile(
    r"\s*(?:$|[,.;:!?)\n(|]|(?:and|with|for|at|featuring|using|by|on|is|please|bitte|mit|und|fur|"
    r"\d|that|to|slow|fast|bpm|major|time|avec|but|about)\b)"
)


_Keys = Iterator[tuple[int, int, Key, str]]
"""Keys in a text: start, end, key, how it was understood."""


def read_key(reading: Reading, home: int | None = None) -> tuple[Key, str] | None:
    """The first key of the text and how it was understood; others are left unplaced.

    ``home``: the pitch class that a mode without a tonic is taken on ("mixolydian jam on A7").
    """
    keys: list[tuple[int, int, Key, str]] = []
    for reader in (_full, _solfege, _context, _alone, _minor_symbol):
        if reader is _minor_symbol and keys:
            break
        for start, end, key, how in reader(reading):
            if reading.free(start, end):
                reading.take(start, end)
                keys.append((start, end, key, how))
    keys.sort(key=lambda f: f[0])
    if len(keys) > 1:  # "horn in F" names the instrument where another key is said
        keys = [f for f in keys if not _PITCHED.search(reading.low[: f[0]])] or keys
    for start, end, key, _ in keys[1:]:
        if key != keys[0][2]:
            reading.reject(start, end)
    if keys:
        return _in_mode(reading, keys[0])
    for m in reading.finditer(_MODE_ALONE):
        reading.take(m.start(), m.end())
        tonic, minor = _WHITE_KEYS[m.group("mode")]
        return Key(tonic if home is None else home, minor), "implied"
    for m in reading.finditer(_ANY):
        minor = (m.group("mode") or m.group("bare")) in ("minor", "moll")
        reading.take(m.start(), m.end())
        return Key(9 if minor else 0, minor), "implied"
    return None


def _in_mode(reading: Reading, match: tuple[int, int, Key, str]) -> tuple[Key, str]:
    """The key, coloured by a mode that stands apart from it: "mixolydian vibe in G"."""
    start, end, key, how = match
    if _NAMES_MODE.search(reading.low[start:end]):
        return key, how
    for m in reading.finditer(_MODE_ALONE):
        reading.take(m.start(), m.end())
        return key.in_mode(_MODES[m.group("mode")]), "implied"
    return key, how


def key_named(name: str) -> Key | None:
    """The key of a whole text such as "Bb", "d-Moll", "F# dorian", "la mineur"; else None."""
    reading = Reading(f"key: {name.strip()}")
    for reader in (_full, _solfege, _context):
        for start, end, key, _ in reader(reading):
            if end == len(reading.low) and start <= len("key: "):
                return key
    return None


def _key(m: re.Match[str], german: bool, minor: bool) -> Key:
    """The key on the tonic of a match, spelled as the text has it."""
    parts = m.groupdict()
    letter = parts["note"].upper()
    sign = parts.get("sign") or parts.get("word") or parts.get("ger") or ""
    if sign:
        alter = 1 if sign in ("#", "sharp", "is") else -1
    else:
        alter = -1 if german and letter == "B" else 0
    return Key.spelled("B" if letter == "H" else letter, alter, minor)


def _full(reading: Reading) -> _Keys:
    for m in reading.finditer(_FULL):
        mode = m.group("mode") or m.group("close")
        at = m.start("note")
        if m.group("ger") == "s" and m.group("note") not in "ae":
            continue
        article = reading.plain[at : at + 2] == "a " or (
            m.group("note") == "a" and not m.group("in") and _starts_sentence(reading, at)
        )
        rest = reading.low[m.end() :]
        if article and not m.group("sign") and not m.group("word"):
            spoken = re.search(r"\b(?:key|scale)$", m.group())
            if _AFTER_ARTICLE.match(rest) or (spoken and reading.plain[at] == "a"):
                continue
            if not m.group("in") and reading.plain[at] == "a" and not _AFTER_BARE.match(rest):
                continue
        how = "implied" if mode not in ("major", "maj", "dur", "minor", "min", "moll") else "said"
        yield m.start(), m.end(), _key(m, mode in ("dur", "moll"), _MODES[mode]), how


def _starts_sentence(reading: Reading, at: int) -> bool:
    before = reading.low[:at].rstrip()
    return not before or before[-1] in ".!?\n"


def _context(reading: Reading) -> _Keys:
    for m in reading.finditer(_CONTEXT):
        at, end = m.start("note"), m.end()
        letter, mode = reading.plain[at], m.group("mode")
        bare = not (m.group("sign") or m.group("word") or mode)
        rest = reading.low[end:]
        spoken = m.group().lstrip().startswith(("key", "tonart", "tonality", "the", "in the key"))
        if bare and (letter.islower() or letter == "A"):
            if not _AFTER_BARE.match(rest):
                continue
            if letter == "a" and not spoken and not re.match(r"\s*(?:$|[,.;!\n])", rest):
                continue
        if bare and re.match(r"\s*(?:\d|-\s*[a-z])", rest) and not spoken:
            continue
        minor = bool(re.match(r"m(?!aj)", mode)) and "M" not in reading.plain[at + 1 : end]
        german = bare and _GERMAN.search(reading.low) is not None
        yield m.start(), end, _key(m, german, minor), "said"


def _solfege(reading: Reading) -> _Keys:
    for m in reading.finditer(_SOLFEGE_KEY):
        sign = m.group("sign") or ""
        sharp = sign in ("#", "diese", "diesis", "sostenido")
        minor = m.group("mode") in ("mineur", "minore", "menor", "minor")
        alter = 1 if sharp else -1 if sign else 0
        yield m.start(), m.end(), Key.spelled(_SOLFEGE[m.group("note")], alter, minor), "said"


_MINOR_SYMBOL = re.compile(
    r"(?<![\w#])(?P<note>[A-H])(?P<sign>[#b])?m(?:in)?(?=\s*(?:[,;.:!\n)]|$|\d|(?:in|at|with)\s))"
)


def _minor_symbol(reading: Reading) -> _Keys:
    """A minor chord symbol that belongs to no progression: "techno 130bpm Fm"."""
    for m in reading.finditer(_MINOR_SYMBOL, False):
        if m.start() or m.end() == len(reading.plain) or m.group("note") != "A":
            yield m.start(), m.end(), _key(m, False, True), "said"


def _alone(reading: Reading) -> _Keys:
    """A lone "Am" or "Bb" between commas is how musicians jot the key down."""
    for m in reading.finditer(_ALONE, False):
        listed = re.match(r"[,;\s]*[A-H]\b", reading.plain[m.end() :]) or re.search(
            r"\b[A-H][,;\s]*$", reading.plain[: m.start("note")]
        )
        if not listed and (m.group("mode") or m.group("sign") or m.group("note") != "A"):
            key = _key(m, False, bool(m.group("mode")))
            yield m.start("note"), m.end(), key, "said"
