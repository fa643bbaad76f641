"""Changes to another key, tempo or metre: "speeds up", "slow, then fast", "switches to 6/8".

Knows how changes of tempo and metre are said (those of key: ``modulations``). They are read before
keys, tempi and metres, so that what a piece changes to is not taken for what it is in. Does not
know other changes (``changes``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cantilena.score.harmony import Key
from cantilena.text.brief.keys import key_named
from cantilena.text.brief.modulations import BECOMES, ENDS, FEW, FROM_KEY, KEYS
from cantilena.text.brief.places import either
from cantilena.text.brief.refusals import is_refused
from cantilena.text.brief.rules import Hit, Rule, apply_ahead
from cantilena.text.brief.time import Tempo, read_metre
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.terms import METRES, PACES
from cantilena.text.wishes import MAX_TEMPO, MIN_TEMPO, Change, change_words

# ------------------------------------------------------------------ tempi

_PACE = rf"(?:(?P<pace>{either(PACES)})\b(?:\s+tempo)?)"
_BPM = (
    r"(?:(?:about|around|roughly|~)\s*)?(?P<bpm>\d{2,3})"
    r"(?!\d|\s*(?:bars?|measures?|s\b|sec|min|%|hz))(?:\s*-?\s*bpm\b)?"
)
_TO_TEMPO = rf"(?:{FEW}\s+(?P<take2>to\s+(?:{_BPM}|{_PACE})))?"
_GETS = (
    r"(?:gets?|getting|becom(?:es?|ing)|grows?|growing|goes|going|gradually|slowly|increasingly|ever|wird"
    r"|steadily|turns?|turning|progressively)"
)
_FASTER = re.compile(
    r"\b(?P<take>speed(?:s|ing)?\s+up|accelerat(?:es?|ing|ion)|accelerandos?|accel\b|accelerando"
    r"|stringendo|picks?\s+up\s+(?:the\s+)?(?:speed|pace|tempo)|gathers?\s+(?:speed|pace|momentum)"
    r"|tempo\s+(?:gradually\s+|slowly\s+)?(?:increas\w+|ris(?:es|ing)|speeds\s+up)"
    r"|(?:increas\w+|rising|raises?)\s+(?:the\s+|in\s+)?(?:tempo|speed)"
    rf"|{_GETS}\s+(?:\w+\s+and\s+)?(?:(?:even|much|a\s+bit|ever|more\s+and\s+more)\s+)?(?:faster|schneller)"
    r"(?:\s+and\s+faster)?|faster\s+and\s+faster|(?:louder|bigger)\s+and\s+faster"
    r"|faster(?=\s+(?:towards?|at|near|by)\s+the\s+(?:end|finish))"
    r"|(?:immer\s+|allmahlich\s+|(?<=ende )|(?<=schluss ))schneller)\b"
    rf"{_TO_TEMPO}"
)
_SLOWER = re.compile(
    r"\b(?P<take>slow(?:s|ing)?\s+(?:right\s+)?down|decelerat(?:es?|ing|ion)|ritard(?:ando|andos|s)?"
    r"|rit\b|rall(?:entando|entandos)?\b|ritenuto|riten\b|molto\s+rit\b|calando"
    r"|tempo\s+(?:gradually\s+|slowly\s+)?(?:decreas\w+|drops|falls|falling|slows(?:\s+down)?)"
    r"|(?:decreas\w+|lower\w*)\s+(?:the\s+|in\s+)?(?:tempo|speed)\s+(?=at|towards?)"
    rf"|{_GETS}\s+(?:\w+\s+and\s+)?(?:(?:even|much|a\s+bit|ever|more\s+and\s+more)\s+)?(?:slower|langsamer)"
    r"(?:\s+and\s+slower)?|slower\s+and\s+slower|(?:softer|quieter)\s+and\s+slower"
    r"|slower(?=\s+(?:towards?|at|near|by)\s+the\s+(?:end|finish))|slow(?:er)?(?=\s+ending\b)"
    rf"|(?:immer\s+|allmahlich\s+|(?<=ende )|(?<=schluss ))langsamer)\b{_TO_TEMPO}"
)
_BECOMES_TEMPO = re.compile(
    rf"\b(?:becom(?:es?|ing)|turn(?:s|ing)?|gets?|getting|grows?|growing|(?P<ends>{ENDS})(?:\s+up)?)"
    rf"\s+(?:suddenly\s+|gradually\s+|really\s+)?{_PACE}"
)
_FROM_TEMPO = re.compile(
    rf"\bfrom\s+(?:an?\s+)?(?:{either(PACES)})(?:\s+\w+)?(?P<take2>\s+(?:in)?to\s+(?:an?\s+)?{_PACE})"
)
_SLOW_TO_FAST = re.compile(
    r"\b(?:slow(?P<take>\s+to\s+(?P<pace>fast))|fast(?P<take2>\s+to\s+(?P<pace2>slow)))\b(?!er)"
)
_THEN_TEMPO = re.compile(
    rf"\b(?:{either(PACES)})\b[^.;!?\n]{{0,30}}?(?P<take2>\b(?:then|later|before\s+becoming|before\s+getting)"
    rf"\s+(?:suddenly\s+)?{_PACE})(?=\s*(?:[,.;!?)\n]|$|and\b|again\b|at\b|in\b|with\b))"
)
_ENDS_AT = re.compile(rf"\bbpm\b[^.;!?\n]*?(?P<take2>\b(?P<ends>{ENDS})(?:\s+up)?\s+at\s+{_BPM})")
_TO_BPM = re.compile(rf"\b(?:{BECOMES}|tempo\s+change){FEW}\s+to\s+(?P<bpm>\d{{2,3}})\s*-?\s*bpm\b")
_TEMPO_CHANGES = re.compile(
    r"\b(?:tempo[\s-]+(?:changes?|shifts?|switch(?:es)?)|chang(?:es|ing)\s+(?:of\s+)?tempos?|tempowechsel)\b"
)


def _to(m: re.Match[str]) -> str:
    parts = m.groupdict()
    return " ".join((parts.get("bpm") or parts.get("pace") or parts.get("pace2") or "").split())


def _tempo(kind: str):
    def effect(reading: Reading, m: re.Match[str]) -> Change:
        return Change(kind, "end" if m.groupdict().get("ends") else "", to=_to(m))

    return effect


def _no_bpm(reading: Reading, m: re.Match[str]) -> str:
    number = m.groupdict().get("bpm")
    limits = f"{MIN_TEMPO}-{MAX_TEMPO}"
    if number and not MIN_TEMPO <= int(number) <= MAX_TEMPO:
        return f"no tempo: outside {limits} a minute"
    return ""


TEMPI: tuple[Rule[Change], ...] = (
    Rule(
        "it gets faster",
        "changes",
        (
            ("a polka that speeds up", {"changes": "accelerando"}),
            ("starts slow and gets faster", {"tempo": 68, "changes": "accelerando"}),
            (
                "70 bpm, later accelerating to 140 bpm",
                {"tempo": 70, "changes": "accelerando to 140"},
            ),
        ),
        _FASTER,
        _tempo("accelerando"),
        _no_bpm,
    ),
    Rule(
        "it gets slower",
        "changes",
        (
            ("ritardando at the end", {"changes": "ritardando (end)"}),
            ("slower towards the end", {"tempo": None, "changes": "ritardando (end)"}),
            ("it never slows down", {"changes": None}),
        ),
        _SLOWER,
        _tempo("ritardando"),
        _no_bpm,
    ),
    Rule(
        "it becomes fast or slow",
        "changes",
        (
            ("starts slow and becomes fast", {"tempo": 68, "changes": "tempo to fast"}),
            ("ends slowly", {"tempo": None, "changes": "tempo to slowly (end)"}),
        ),
        _BECOMES_TEMPO,
        _tempo("tempo"),
    ),
    Rule(
        "from one tempo word to another",
        "changes",
        (("from adagio to allegro", {"tempo": 66, "changes": "tempo to allegro"}),),
        _FROM_TEMPO,
        _tempo("tempo"),
    ),
    Rule(
        "slow to fast",
        "changes",
        (("slow to fast", {"tempo": 68, "changes": "tempo to fast"}),),
        _SLOW_TO_FAST,
        _tempo("tempo"),
    ),
    Rule(
        "one tempo word, then another",
        "changes",
        (("slow, then fast", {"tempo": 68, "changes": "tempo to fast"}),),
        _THEN_TEMPO,
        _tempo("tempo"),
    ),
    Rule(
        "the tempo at the end",
        "changes",
        (
            (
                "starts at 80 bpm and ends at 120 bpm",
                {"tempo": 80, "changes": "tempo to 120 (end)"},
            ),
        ),
        _ENDS_AT,
        _tempo("tempo"),
        _no_bpm,
    ),
    Rule(
        "a change to a tempo",
        "changes",
        (("100 bpm, switches to 140 bpm", {"tempo": 100, "changes": "tempo to 140"}),),
        _TO_BPM,
        _tempo("tempo"),
        _no_bpm,
    ),
    Rule(
        "changes of tempo",
        "changes",
        (("prog rock with tempo changes", {"changes": "tempo"}),),
        _TEMPO_CHANGES,
        _tempo("tempo"),
    ),
)

# ------------------------------------------------------------------ metres

_TO_METRE = re.compile(
    rf"\b(?:(?:{BECOMES}|modulat\w+|metre\s+change|meter\s+change){FEW}\s+(?:in)?to|becom(?:es?|ing))"
    r"\s+(?:an?\s+)?"
    rf"(?P<metre>\d{{1,2}}\s?/\s?\d{{1,2}}(?![\w/%])|{either(METRES)})(?:\s+(?:time|metre|meter|feel))?"
)
_METRE_CHANGES = re.compile(
    r"\b(?:(?:metre|meter|time[\s-]+signature)[\s-]+(?:changes?|shifts?)|"
    r"chang(?:es|ing)\s+(?:of\s+)?(?:metres?|meters?|time\s+signatures?)|taktwechsel)\b"
)


def _metre(reading: Reading, m: re.Match[str]) -> Change | None:
    metre = read_metre(Reading(m["metre"]))
    return Change("metre", to=metre) if metre else None


METRES_TO: tuple[Rule[Change], ...] = (
    Rule(
        "a change to a metre",
        "changes",
        (
            ("4/4, switches to 6/8", {"metre": "4/4", "changes": "metre to 6/8"}),
            (
                "changes to waltz time in the bridge",
                {"metre": None, "changes": "metre to 3/4 (bridge)"},
            ),
        ),
        _TO_METRE,
        _metre,
    ),
    Rule(
        "changes of metre",
        "changes",
        (("prog with time signature changes", {"changes": "metre"}),),
        _METRE_CHANGES,
        lambda reading, m: Change("metre"),
    ),
)

# ------------------------------------------------------------------ what a change starts from

FROM_BPM = Rule(
    "the tempo that a change starts from",
    "tempo",
    (("speeds up from 80 to 140 bpm", {"tempo": 80, "changes": "accelerando to 140"}),),
    re.compile(
        r"\b(?:speed\w*\s+up|accelerat\w+|accelerando|slow\w*\s+down|ritard\w*|decelerat\w+"
        r"|tempo\s+\w+)\s+(?P<take>from\s+(?:about\s+|around\s+)?(?P<bpm>\d{2,3})(?:\s*-?\s*bpm)?)"
        r"(?=\s+to\s)"
    ),
)
TURNS: tuple[Rule[Change], ...] = (*KEYS, *TEMPI, *METRES_TO)
RULES: tuple[Rule, ...] = (*TEMPI, *METRES_TO, FROM_BPM)


@dataclass
class Turns:
    """Changes to a key, a tempo or a metre, in the order of the text; and the keys, each with how
    it is understood, and the tempo that they start from."""

    changes: list[Hit[Change]]
    keys: list[Hit[tuple[Key, str]]]
    tempo: Tempo | None


def read_turns(reading: Reading) -> Turns:
    """The changes and what they start from; takes their words."""
    turns = Turns(apply_ahead(reading, TURNS, is_refused, change_words), [], None)
    for m in _origins(reading, FROM_KEY):
        if key := key_named(reading.plain[m.start("key") : m.end("key")]):
            reading.take(*m.span("take"), FROM_KEY)
            turns.keys.append(Hit(*m.span("take"), (key, "said")))
    for m in _origins(reading, FROM_BPM):
        if MIN_TEMPO <= int(m["bpm"]) <= MAX_TEMPO:
            reading.take(*m.span("take"), FROM_BPM)
            turns.tempo = turns.tempo or Tempo(float(m["bpm"]))
    return turns


def _origins(reading: Reading, rule: Rule) -> Iterator[re.Match[str]]:
    assert rule.pattern
    matches = rule.pattern.finditer(reading.low)
    return (m for m in matches if reading.free(*m.span("take")))
