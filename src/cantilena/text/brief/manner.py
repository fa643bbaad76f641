"""How music is played, by part or as a whole: articulation, register, and what returns.

Knows which words mean this where they stand; does not know loudness (``loudness``) or what changes
in the course of a piece (``changes``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cantilena.text.brief.mentions import Item, span
from cantilena.text.brief.owner import NAME, Mentions
from cantilena.text.brief.places import either
from cantilena.text.brief.refusals import is_refused
from cantilena.text.brief.rules import Hit, Rule, apply_again
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.manners import (
    ARTICULATION_WORDS,
    NO_PITCH,
    OF_MUSIC,
    REGISTER_WORDS,
    REPETITION_WORDS,
)
from cantilena.text.lexicon.stopwords import STOP
from cantilena.text.wishes import PartWish


def by_key(table: dict[str, str]) -> dict[str, str]:
    """A table with its words as ``key`` has them."""
    return {key(words): value for words, value in table.items()}


def key(words: str) -> str:
    """Words without spaces and hyphens: "palm-muted" and "palm muted" are alike."""
    return re.sub(r"[\s-]", "", words)


_NEXT_WORD = re.compile(r"[\s-]+(?P<word>[\w'-]+)")


def stranger(reading: Reading, end: int) -> str:
    """The word right after letter ``end`` where it is none of music: "village" in "a quiet
    village"; else ""."""
    m = _NEXT_WORD.match(reading.low, end)
    if m is None or not reading.free(m.start("word"), m.end()):
        return ""
    return "" if m["word"] in STOP or m["word"] in OF_MUSIC else m["word"]


def part_wishes(reading: Reading, hit: Hit[str], owners: Iterable[str]) -> Iterator[PartWish]:
    """The wish for each of some parts (``owners``) that a hit asks for; takes its words."""
    rule = hit.rule
    for part in owners:
        if rule:
            reading.take(hit.start, hit.end, rule, f"{part}: {hit.value}" if part else hit.value)
        yield PartWish(part, hit.value)


_ARTICULATION, _REGISTER = by_key(ARTICULATION_WORDS), by_key(REGISTER_WORDS)
_REPETITION = by_key(REPETITION_WORDS)


# ------------------------------------------------------------------ articulation

_PLAYED = re.compile(rf"(?<![\w/-])(?P<word>{either(ARTICULATION_WORDS)})\b")
_OTHER_SENSE: dict[str, tuple[str, str]] = {
    "muted": (r"(?!)", r"[\s-]+(?:colou?rs?|palette|moods?|tones|light|feeling)\b"),
    "slides": (
        r"\b(?:water|photo|powerpoint|presentation)\s+$",
        r"\s+(?:show|deck|rule|presentation|under|into)\b",
    ),
    "bends": (
        r"\b(?:genre|mind|time|gender|river|road)[\s-]+$",
        r"\s+(?:the\s+)?(?:rules|genres?)\b",
    ),
    "bowed": (r"\b(?:he|she|they|head)\s+$", r"\s+(?:down|head|to)\b"),
    "sustained": (r"(?!)", r"\s+(?:tension|energy|interest|effort|attention)\b"),
}


def _articulated(reading: Reading, m: re.Match[str]) -> str:
    return _ARTICULATION[key(m["word"])]


def _no_articulation(reading: Reading, m: re.Match[str]) -> str:
    value = _articulated(reading, m)
    before, after = _OTHER_SENSE.get(value, ("(?!)", "(?!)"))
    head, rest = reading.low[max(0, m.start() - 20) : m.start()], reading.low[m.end() :]
    if re.search(before, head) or re.match(after, rest):
        return "an everyday word here"
    bare = m["word"] in ("slide", "sustaining")
    slide = re.match(r"\s+(?:guitars?|bass|steel|solos?|licks?|notes?|riffs?|up|down)\b", rest)
    return "an everyday word here" if bare and not slide else ""


ARTICULATION: tuple[Rule[str], ...] = (
    Rule(
        "a word for articulation",
        "articulations",
        (
            ("pizzicato strings", {"articulations": "pizzicato strings: pizzicato"}),
            ("muted trumpet", {"articulations": "muted trumpet: muted"}),
            ("legato cello, staccato", {"articulations": "cello: legato, staccato"}),
            ("the harp plays trills", {"articulations": "harp: trills"}),
            ("muted colours", {"articulations": None}),
            ("no staccato", {"articulations": None}),
        ),
        _PLAYED,
        _articulated,
        _no_articulation,
    ),
)


def read_articulations(reading: Reading, items: list[Item], mentions: Mentions) -> list[PartWish]:
    """Wishes for articulation."""
    paces = [span(reading, it) for it in items if it.kind == "pace"]
    wishes: list[PartWish] = []
    for hit in apply_again(reading, ARTICULATION, is_refused):
        if any(a <= hit.start and hit.end <= b for a, b in paces):
            continue  # "andante sostenuto" is a tempo
        wishes += part_wishes(reading, hit, mentions.owners(hit.start, hit.end))
    return wishes


# ------------------------------------------------------------------ register

_WORD = rf"(?P<word>{either(REGISTER_WORDS)})"
_IN_REGISTER = re.compile(
    rf"(?:\b(?:in|im|on|at|dans|en|nel)\s+)?(?:\b(?:the|its|their|a|an|his|her|el|le|un|der|il)\s+)?"
    rf"(?:\b(?:very|extremely|really|quite|rather)\s+)?\b{_WORD}[\s-]+(?:(?:vocal|piano|string)\s+)?"
    r"(?:registers?|registro|register|range(?!\s+of)|tessitura|octaves?|pitch(?:es)?|lage)\b"
    r"|\b(?:registro|registre|tessitura)\s+(?P<latin>grave|graves|bajo|medio|agudo|aigu|acuto|alto|basso)\b"
)
_PITCHED = re.compile(rf"\b{_WORD}[\s-]+(?:pitched|notes|tones)\b(?!\s+per)")
_OCTAVE = re.compile(
    r"\b(?:an?|one|two)\s+octaves?\s+(?P<way>higher|up|above|lower|down|below)\b"
    r"|\b(?:way\s+|high\s+)?(?P<up>up\s+high|high\s+up|down\s+low|low\s+down)\b"
)
_BEFORE_NAME = re.compile(
    rf"\b(?:(?:very|really|extremely|soaring)\s+)?(?P<word>low|lower|deep|deeper|high|higher|upper|tiefe[rns]?|hohe[rns]?)[\s-]+"
    rf"(?P<gap>(?:(?!{NAME})[\w-]+\s+){{0,2}}){NAME}"
)
_UP = {"higher": "high", "up": "high", "above": "high", "uphigh": "high", "highup": "high"}
_LATIN = {"grave": "low", "graves": "low", "bajo": "low", "basso": "low", "medio": "middle"}
_NO_GAP = re.compile(r"\b(?:and|or|with|in|on|for|of|to|the|a|an|by|over|from)\b")


def _register(reading: Reading, m: re.Match[str]) -> str:
    parts = m.groupdict()
    if parts.get("latin"):
        return _LATIN.get(m["latin"], "high")
    return _REGISTER[key(m["word"])]


REGISTER: tuple[Rule[str], ...] = (
    Rule(
        "a register",
        "registers",
        (
            ("flute in the upper register", {"registers": "flute: high"}),
            ("in a low register", {"registers": "low"}),
            ("a piano in the middle register", {"registers": "piano: middle"}),
        ),
        _IN_REGISTER,
        _register,
    ),
    Rule(
        "high or low notes",
        "registers",
        (
            ("high-pitched synth", {"registers": "synth: high"}),
            ("deep notes", {"registers": "low"}),
        ),
        _PITCHED,
        _register,
    ),
    Rule(
        "an octave higher or lower",
        "registers",
        (("the flute plays an octave higher", {"registers": "flute: high"}),),
        _OCTAVE,
        lambda reading, m: _UP.get(key(m["way"] or m["up"]), "low"),
    ),
)
HIGH_PART = Rule(
    "a high or low part",
    "registers",
    (
        ("low strings and deep bass", {"registers": "strings: low, bass: low"}),
        ("soaring high violins", {"registers": "violin: high"}),
    ),
)


def read_registers(reading: Reading, items: list[Item], mentions: Mentions) -> list[PartWish]:
    """Wishes for a register."""
    rows: list[tuple[int, list[PartWish]]] = []
    hits = apply_again(reading, REGISTER, is_refused)
    for hit in hits:
        wishes = list(part_wishes(reading, hit, mentions.owners(hit.start, hit.end)))
        rows.append((hit.start, wishes))
    names = [span(reading, it) for it in items if it.kind in ("genre", "dance", "pace", "mood")]
    for m in _BEFORE_NAME.finditer(mentions.low):
        start, end = m.span("word")
        other = set(re.findall(r"\w+", m["gap"])) & NO_PITCH or _NO_GAP.search(m["gap"])
        part_of = any(a <= start < b and b - a > end - start for a, b in names)
        twice = any(hit.start < end and start < hit.end for hit in hits)
        mention = mentions.at(m.end() - 1)
        if other or part_of or twice or mention is None or is_refused(mentions.low, start):
            continue
        hit = Hit(start, end, _REGISTER[m["word"]], HIGH_PART)
        rows.append((start, list(part_wishes(reading, hit, mention.names))))
    return [wish for _, wishes in sorted(rows, key=lambda row: row[0]) for wish in wishes]


# ------------------------------------------------------------------ what returns

_RETURNS = re.compile(rf"(?<![\w/])(?P<word>{either(REPETITION_WORDS)})\b")
_REPEATED = re.compile(
    r"\b(?:recurring|repeating|repeated|repetitive|looping)\s+(?:[\w-]+\s+){1,2}?"
    r"(?:riffs?|themes?|patterns?|phrases?|melod(?:y|ies)|figures?|motifs?|lines?|hooks?|arpeggios?)\b"
    r"|\b(?:riffs?|themes?|patterns?|phrases?|melody|figures?|lines?)\s+(?:that\s+)?(?:repeats?|recurs?|returns?|keeps?\s+(?:returning|repeating|coming\s+back))\b"
)
_NO_RETURN = re.compile(r"\s+(?:up|me|line\s+and\s+sinker|pedals?|stations?|diuretic|hands?)\b")
_NO_RETURN_BEFORE = re.compile(
    r"\b(?:feedback|off\s+the|captain|fruity|in\s+the|boxing|time|effects)\s+$"
)


def _returns(reading: Reading, m: re.Match[str]) -> str:
    return _REPETITION[key(m["word"])]


def _no_return(reading: Reading, m: re.Match[str]) -> str:
    if _NO_RETURN.match(reading.low, m.end()) or _NO_RETURN_BEFORE.search(
        reading.low, max(0, m.start() - 20), m.start()
    ):
        return "an everyday word here"
    if m["word"] in ("endless", "endlessly", "never ending", "never-ending"):
        other = stranger(reading, m.end())
        return f"said of {other!r}, not of the music" if other else ""
    return ""


REPETITION: tuple[Rule[str], ...] = (
    Rule(
        "a pattern that returns",
        "repetition",
        (("a repeating bass riff", {"repetition": "motif"}),),
        _REPEATED,
        lambda reading, m: "motif",
    ),
    Rule(
        "what returns",
        "repetition",
        (
            ("pop with a catchy hook", {"repetition": "hook"}),
            ("a seamless loop", {"repetition": "endless"}),
            ("a lofi loop", {"repetition": "loop"}),
            ("no ending", {"repetition": "endless"}),
            ("through-composed", {"repetition": "through-composed"}),
            ("theme and variations", {"repetition": "varied"}),
            ("endless oceans", {"repetition": None}),
        ),
        _RETURNS,
        _returns,
        _no_return,
    ),
)


def read_repetition(reading: Reading) -> tuple[str, ...]:
    """What is asked to return, and how, in the order of the text."""
    hits = apply_again(reading, REPETITION, is_refused)
    for hit in hits:
        if hit.rule:
            reading.take(hit.start, hit.end, hit.rule, hit.value)
    return tuple(dict.fromkeys(hit.value for hit in hits))


RULES: tuple[Rule, ...] = (*ARTICULATION, *REGISTER, HIGH_PART, *REPETITION)
