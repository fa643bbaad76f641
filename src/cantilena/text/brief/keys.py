"""The key in a text: "D minor", "in Bb", "key: F#m", "d-Moll", "la mineur", "D dorian".

Knows how keys are named in English, German and the solfège languages; does not know chords.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cantilena.score.harmony import Key
from cantilena.text.brief.rules import Hit, Rule, apply
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
_EXTENSION = (
    r"\s*-?\s*(?:6|7|9|11|13)(?!\d|/|\s*[/:-]?\s*(?:bars?|measures?|takte?|bpm|min|sec|beats?)\b)"
)
"""What makes a key's name a chord's: "C minor 7", and not "C minor 7/8" or "C minor 9 bars"."""
_FULL = re.compile(
    rf"(?<![\w#'/&])(?P<in>in\s+|(?:the\s+)?key\s+of\s+|key\s*[:=]?\s*)?{_NOTE}"
    rf"(?:[\s-]+{_COLOUR}(?P<mode>{_MODE_WORDS})|(?P<close>major|minor|dur|moll))\b"
    rf"(?!{_EXTENSION}|\s*(?:seventh|triad|arpeggio))(?:\s+(?:pentatonic|blues)\s+scale|\s+scale|\s+dominant"
    r"|\s+key|\s+pentatonic)?"
)
_CONTEXT = re.compile(
    r"(?<![\w'])(?:in\s+(?:the\s+)?key\s+of|the\s+key\s+of|key\s+of|key\s+is|key\s+signature\s+of"
    r"|key\s*[:=]|key|tonart|tonality\s+of|tonality|tonal\s+cent(?:er|re)\s+(?:of|on)|in|en)"
    rf"(?:\s*[:=]\s*|\s+){_NOTE}(?P<mode>(?:min|maj|m)?(?:7|9)?)(?![\w#'/]|-\w|\s*\+|\.\w)"
)
_PIECE = (
    r"(?:song|piece|track|tune|music|composition|work|recording|melody|arrangement|loop|clip|excerpt"
    r"|audio|performance|instrumental|jam)"
)
_SPOKEN = re.compile(
    r"(?<!\w)(?:(?:the\s+|its\s+)?(?:key|tonality|tonic|tonart)(?:\s+signature)?"
    rf"(?:\s+(?:of|for|in)\s+(?:this|the|that|our)\s+(?:\w+\s+)?{_PIECE})?"
    r"(?:\s*[:=-]\s*|\s+(?:is|of|in|being|should\s+be|will\s+be|would\s+be|set\s+to|on)\b){0,2}\s*"
    rf"|(?:this|the)\s+{_PIECE}\s+is\s+(?:set\s+|written\s+|played\s+)?in\s+)"
    r"(?P<note>[a-h])(?:(?P<sign>#|b(?![a-z]|\s*[a-z]*\s*(?:sharp|flat))|b(?=m|maj|min))"
    r"|[\s-]?(?P<word>sharp|flat)\b)?"
    r"(?:[\s-]*(?P<mode>major|minor|maj|min|dur|moll|mi|ma)|(?P<m>m))?(?![\w#'/]|\s*\+|\.\w)"
    r"(?:[\s-]+(?:key|scale)\b)?"
)
_SOLFEGE_KEY = re.compile(
    r"(?<!\w)(?P<note>do|ut|re|mi|fa|sol|la|si)[\s-]*"
    r"(?P<sign>#|b|diese|bemolle|bemol|diesis|sostenido)?"
    r"[\s-]*(?P<mode>majeur|mineur|maggiore|minore|mayor|menor|maior|major|minor)\b"
)
_ALONE = re.compile(
    r"(?:^|[,;|\n(])\s*(?P<key>(?P<note>[A-H])(?P<sign>[#b])?(?P<mode>m|min)?)\s*(?=[,;\n.)]|$)"
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


_Said = tuple[Key, str]
"""A key and how it was understood: "said" or "implied"."""


def read_spoken(reading: Reading) -> list[Hit[_Said]]:
    """Keys that the text calls a key, so that no chord is read there."""
    return apply(reading, (SPOKEN,))


def read_key(
    reading: Reading, home: int | None = None, spoken: Sequence[Hit[_Said]] = ()
) -> _Said | None:
    """The first key of the text and how it was understood; others are left unplaced.

    ``home``: the pitch class that a mode without a tonic is taken on ("mixolydian jam on A7").
    ``spoken``: what ``read_spoken`` gave.
    """
    keys = sorted([*spoken, *apply(reading, KEY)], key=lambda hit: hit.start)
    keys = keys or apply(reading, (MINOR_SYMBOL,))
    if len(keys) > 1:  # "horn in F" names the instrument where another key is said
        named = [f for f in keys if not _PITCHED.search(reading.low[: f.start])] or keys
    else:
        named = keys
    for hit in named[1:]:
        if hit.value[0] != named[0].value[0]:
            reading.reject(hit.start, hit.end, SECOND_KEY, "another key is said before")
    if named:
        return _in_mode(reading, named[0])
    for m in reading.finditer(_MODE_ALONE):
        reading.take(m.start(), m.end(), MODE)
        tonic, minor = _WHITE_KEYS[m.group("mode")]
        return Key(tonic if home is None else home, minor), "implied"
    for m in reading.finditer(_ANY):
        minor = (m.group("mode") or m.group("bare")) in ("minor", "moll")
        reading.take(m.start(), m.end(), ANY_KEY)
        return Key(9 if minor else 0, minor), "implied"
    return None


def _in_mode(reading: Reading, hit: Hit[_Said]) -> _Said:
    """The key, coloured by a mode that stands apart from it: "mixolydian vibe in G"."""
    if _NAMES_MODE.search(reading.low[hit.start : hit.end]):
        return hit.value
    for m in reading.finditer(_MODE_ALONE):
        reading.take(m.start(), m.end(), MODE)
        return hit.value[0].in_mode(_MODES[m.group("mode")]), "implied"
    return hit.value


def key_named(name: str) -> Key | None:
    """The key of a whole text such as "Bb", "d-Moll", "F# dorian", "la mineur"; else None."""
    reading = Reading(f"key: {name.strip()}")
    for hit in apply(reading, (FULL, SOLFEGE, CONTEXT, SPOKEN)):
        if hit.end == len(reading.low) and hit.start <= len("key: "):
            return hit.value[0]
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


def _full(reading: Reading, m: re.Match[str]) -> _Said:
    mode = m.group("mode") or m.group("close")
    how = "implied" if mode not in ("major", "maj", "dur", "minor", "min", "moll") else "said"
    return _key(m, mode in ("dur", "moll"), _MODES[mode]), how


def _no_full(reading: Reading, m: re.Match[str]) -> str:
    at = m.start("note")
    if m.group("ger") == "s" and m.group("note") not in "ae":
        return "no name of a note"
    article = reading.plain[at : at + 2] == "a " or (
        m.group("note") == "a" and not m.group("in") and _starts_sentence(reading, at)
    )
    rest = reading.low[m.end() :]
    if article and not m.group("sign") and not m.group("word"):
        spoken = re.search(r"\b(?:key|scale)$", m.group())
        if _AFTER_ARTICLE.match(rest) or (spoken and reading.plain[at] == "a"):
            return _ARTICLE
        if not m.group("in") and reading.plain[at] == "a" and not _AFTER_BARE.match(rest):
            return _ARTICLE
    return ""


_ARTICLE = '"a" is the article here, not the note'


def _starts_sentence(reading: Reading, at: int) -> bool:
    before = reading.low[:at].rstrip()
    return not before or before[-1] in ".!?\n"


def _no_context(reading: Reading, m: re.Match[str]) -> str:
    at, end = m.start("note"), m.end()
    letter, mode = reading.plain[at], m.group("mode")
    bare = not (m.group("sign") or m.group("word") or mode)
    rest = reading.low[end:]
    spoken = m.group().lstrip().startswith(("key", "tonart", "tonality", "the", "in the key"))
    if bare and (letter.islower() or letter == "A"):
        if not _AFTER_BARE.match(rest):
            return "a letter or an article, not a key"
        if letter == "a" and not spoken and not re.match(r"\s*(?:$|[,.;!\n])", rest):
            return _ARTICLE
    if bare and re.match(r"\s*(?:\d|-\s*[a-z])", rest) and not spoken:
        return "the letter belongs to what follows it"
    return ""


def _context(reading: Reading, m: re.Match[str]) -> _Said:
    bare = not (m.group("sign") or m.group("word") or m.group("mode"))
    small = "M" not in reading.plain[m.start("note") + 1 : m.end()]
    minor = small and re.match(r"m(?!aj)", m.group("mode")) is not None
    german = bare and _GERMAN.search(m.string) is not None
    return _key(m, german, minor), "said"


def _solfege(reading: Reading, m: re.Match[str]) -> _Said:
    sign = m.group("sign") or ""
    alter = 1 if sign in ("#", "diese", "diesis", "sostenido") else -1 if sign else 0
    minor = m.group("mode") in ("mineur", "minore", "menor", "minor")
    return Key.spelled(_SOLFEGE[m.group("note")], alter, minor), "said"


_MINOR_SYMBOL = re.compile(
    r"(?<![\w#])(?P<note>[A-H])(?P<sign>[#b])?m(?:in)?(?=\s*(?:[,;.:!\n)]|$|\d|(?:in|at|with)\s))"
)


def _no_symbol(reading: Reading, m: re.Match[str]) -> str:
    sure = m.start() or m.end() == len(reading.plain) or m.group("note") != "A"
    return "" if sure else '"Am" may be the verb here'


def _no_lone_key(reading: Reading, m: re.Match[str]) -> str:
    listed = re.match(r"[,;\s]*[A-H]\b", reading.plain[m.end() :]) or re.search(
        r"\b[A-H][,;\s]*$", reading.plain[: m.start("note")]
    )
    if listed:
        return "one of several letters"
    if not (m.group("mode") or m.group("sign") or m.group("note") != "A"):
        return _ARTICLE
    return ""


def _no_spoken(reading: Reading, m: re.Match[str]) -> str:
    if m.group("sign") or m.group("word") or m.group("mode") or m.group("m"):
        return ""
    at, rest = m.start("note"), reading.low[m.end() :]
    if reading.plain[at].islower() and not _AFTER_BARE.match(rest):
        return "a letter or an article, not a key"
    if reading.plain[at] == "A" and re.match(r"\s+[a-z]", rest) and not _AFTER_BARE.match(rest):
        return _ARTICLE
    return "a mode follows" if _AFTER_NOTE.match(rest) else ""


_AFTER_NOTE = re.compile(
    rf"[\s-]*(?:{_MODE_WORDS}|is|es|natural|harmonic|melodic|blues|pentatonic)\b|\s*[,-]\s*[a-h][#b]?\b"
)


def _spoken(reading: Reading, m: re.Match[str]) -> _Said:
    mode = m.group("mode") or ("m" if m.group("m") else "")
    capital = reading.plain[m.start("m")] == "M" if m.group("m") else False
    german = mode in ("dur", "moll") or (not mode and _GERMAN.search(reading.low) is not None)
    minor = mode in ("minor", "min", "moll", "mi", "m") and not capital
    return _key(m, german, minor), "said"


SPOKEN: Rule[_Said] = Rule(
    "a key that is called one",
    "key",
    (
        ("The key of this song is Fmaj.", {"key": "F major", "chords": None}),
        ("Key-G, slow", {"key": "G major"}),
        ("key of CM", {"key": "C major"}),
        ("the key is A min", {"key": "A minor"}),
        ("the key is a mystery", {"key": None}),
    ),
    _SPOKEN,
    _spoken,
    _no_spoken,
)
FULL = Rule(
    "a note and a mode",
    "key",
    (
        ("a song in F# minor", {"key": "F# minor"}),
        ("Walzer, es-Moll", {"key": "Eb minor"}),
        ("a minor setback", {"key": None}),
    ),
    _FULL,
    _full,
    _no_full,
)
SOLFEGE = Rule(
    "a key in solfège",
    "key",
    (("valse en si bémol majeur", {"key": "Bb major"}),),
    _SOLFEGE_KEY,
    _solfege,
)
CONTEXT = Rule(
    "a note where a key is spoken of",
    "key",
    (("blues in E", {"key": "E major"}), ("rock in F#m, loud", {"key": "F# minor"})),
    _CONTEXT,
    _context,
    _no_context,
)
ALONE: Rule[_Said] = Rule(
    "a note between commas",
    "key",
    (("rock, Bb, drums", {"key": "Bb major"}), ("sections A, B, A", {"key": None})),
    _ALONE,
    lambda _, m: (_key(m, False, bool(m.group("mode"))), "said"),
    _no_lone_key,
    group="key",
    cased=True,
)
_EASTERN = re.compile(
    r"(?:(?<![\w])(?P<note>[a-g])\s*(?P<sign>[#b])?|(?P<kana>(?:嬰|変)?[イロハニホヘト]))\s*"
    r"(?:(?P<major>大调|大調|長調|メジャー)|小调|小調|短調|マイナー)"
)
_KANA = dict(zip("イロハニホヘト", "ABCDEFG", strict=True))


def _eastern(reading: Reading, m: re.Match[str]) -> _Said:
    minor = not m["major"]
    if not m["kana"]:
        return _key(m, False, minor), "said"
    alter = {"嬰": 1, "変": -1}.get(m["kana"][0], 0)
    return Key.spelled(_KANA[m["kana"][-1]], alter, minor), "said"


EASTERN: Rule[_Said] = Rule(
    "a key in Japanese or Chinese",
    "key",
    (("D小调 钢琴", {"key": "D minor"}), ("嬰ハ短調のピアノ曲", {"key": "C# minor"})),
    _EASTERN,
    _eastern,
)
KEY: tuple[Rule[_Said], ...] = (FULL, SOLFEGE, CONTEXT, ALONE, EASTERN)
MINOR_SYMBOL: Rule[_Said] = Rule(
    "a minor chord by itself",
    "key",
    (("techno 130bpm Fm", {"key": "F minor"}),),
    _MINOR_SYMBOL,
    lambda _, m: (_key(m, False, True), "said"),
    _no_symbol,
    cased=True,
)
MODE = Rule(
    "a mode",
    "key",
    (("dorian funk", {"key": "D minor"}), ("mixolydian feel in G", {"key": "G major"})),
)
ANY_KEY = Rule("major or minor alone", "key", (("minor key, slow", {"key": "A minor"}),))
SECOND_KEY = Rule(
    "one key", "key", (("C major, F major", {"key": "C major", "unplaced": "F major"}),)
)
RULES: tuple[Rule, ...] = (SPOKEN, *KEY, MINOR_SYMBOL, MODE, ANY_KEY, SECOND_KEY)
