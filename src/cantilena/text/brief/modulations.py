"""Changes of key in a text: "modulates to E major", "up a tone", "ends in C major".

Knows how they are said and what key they start from; does not know the key of the piece (``keys``).
"""

from __future__ import annotations

import re

from cantilena.text.brief.keys import key_named
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading
from cantilena.text.wishes import Change

FEW = r"(?:\s+(?!and\b|with\b|but\b)[\w'-]+){0,6}?"
BECOMES = (
    r"(?:chang\w+|shift\w*|switch\w*|mov(?:es?|ing)|goes|going|turn(?:s|ing)?|jump\w*"
    r"|transition\w*)"
)
ENDS = r"(?:ends?|ending|finish(?:es|ing)?|closes?|closing|concludes?|concluding)"

_MODE = r"(?:major|minor|maj|min|dur|moll|dorian|phrygian|lydian|mixolydian)"
_TONIC = r"[a-h](?:#|b(?![a-z])|[\s-]?(?:sharp|flat)\b|(?:is|es|s)(?=[\s-]?(?:dur|moll)))?"
_SURE_KEY = rf"(?<![\w#]){_TONIC}[\s-]*{_MODE}\b"
_ANY_KEY = rf"(?<![\w#])(?:{_TONIC}[\s-]*{_MODE}|{_TONIC}m?)(?![\w#])"
_RELATED = r"(?:the\s+|its\s+)?(?P<related>(?:relative|parallel)\s+(?:major|minor))(?:\s+key)?"
_MODULATES = (
    r"(?:key[\s-]+changes?|chang\w+\s+(?:the\s+|of\s+)?keys?|modulat(?:e|es|ing|ion|ions|ed)"
    r"|moduliert|module|modula|transpos(?:e|es|ed|ing|ition)|shifts?\s+keys?|tonartwechsel)"
)
_TO_KEY = re.compile(
    rf"\b(?P<take>{_MODULATES}){FEW}\s+(?P<take2>(?:in)?(?:to|nach|en|a|vers)\s+"
    rf"(?:the\s+key\s+of\s+)?(?:(?P<key>{_ANY_KEY})|{_RELATED}))"
)
_GOES_TO_KEY = re.compile(
    rf"(?:\b(?P<take>{BECOMES}|resolv(?:es?|ing)){FEW}|{_SURE_KEY}(?:,?\s+(?:then|later|and\s+then))?)"
    rf"\s+(?P<take2>(?:in)?to\s+(?:the\s+key\s+of\s+)?(?:(?P<key>{_SURE_KEY})|{_RELATED}))"
)
_ENDS_IN_KEY = re.compile(
    rf"\b(?P<ends>{ENDS}){FEW}\s+in\s+(?:the\s+key\s+of\s+)?(?:(?P<key>{_SURE_KEY}|(?<![\w#]){_TONIC}(?=\s*(?:[,.;!?)\n]|$)))|{_RELATED})"
)
_IN_RELATED = re.compile(rf"\b(?:in|to|into)\s+{_RELATED}")
_LATER_KEY = re.compile(
    rf"\b(?:then|later|(?:bridge|chorus|outro|coda|middle\s+section|b[\s-]section|trio)"
    rf"(?:\s+(?:is|goes|played|set))?)\s+(?P<take2>(?:in|into|to)\s+(?P<key>{_SURE_KEY}|(?<![\w#]){_TONIC}m?(?=\s*(?:[,.;!?)\n]|$))))"
)
_EARLIER_KEY = re.compile(rf"{_SURE_KEY}|\b(?:in|key)\s+{_ANY_KEY}")
_STEP = (
    r"(?P<way>up|down|higher|lower)?\s*(?:by\s+)?(?P<n>an?|one|two|three|a\s+minor|a\s+major|a\s+perfect"
    r"|\d|half\s+an?|one\s+half)[\s-]+(?P<unit>semi-?tones?|half[\s-]?(?:steps?|tones?)"
    r"|whole[\s-]?(?:tones?|steps?)|tones?|steps?|second|third|fourth|fifth)"
    r"(?:\s+(?P<after>up|down|higher|lower))?\b"
)
_BY_STEP = re.compile(
    rf"\b(?:{_MODULATES}|{BECOMES}|lifts?|steps?|rises?|raises?|goes|key)(?:\s+(?!and\b|with\b)[\w'-]+)"
    rf"{{0,4}}?\s+{_STEP}"
)
_KEY_CHANGES = re.compile(
    rf"\b(?:{_MODULATES}|truck[\s-]+driver'?s?(?:\s+modulation|\s+gear\s+change)?)\b"
    r"(?:\s+(?P<way>upwards?|up|downwards?|down))?"
    r"(?!\s*(?:wheel|effects?|synth\w*|depth|index|matrix|source|pedals?))"
)
_EFFECT = re.compile(r"\b(?:ring|fm|frequency|pitch|pulse[\s-]width|amplitude|filter|lfo)[\s-]+$")


def _key(reading: Reading, m: re.Match[str]) -> Change | None:
    where = "end" if "ends" in m.re.groupindex else ""
    if related := m.groupdict().get("related"):
        return Change("key", where, to=" ".join(related.split()))
    key = key_named(reading.plain[m.start("key") : m.end("key")])
    return Change("key", where, to=key.name) if key else None


def _no_key(reading: Reading, m: re.Match[str]) -> str:
    at = m.start("key") if "key" in m.re.groupindex else -1
    if at >= 0 and reading.plain[at : at + 2] == "a ":
        return "an article, not a key"
    bare = at >= 0 and not re.search(_MODE, m["key"])
    if bare and reading.plain[at].islower():
        return "a letter or an article, not a key"
    return ""


def _no_second_key(reading: Reading, m: re.Match[str]) -> str:
    before = _EARLIER_KEY.search(reading.low, 0, m.start("take2"))
    return _no_key(reading, m) if before else "the first key of the text"


def _by_step(reading: Reading, m: re.Match[str]) -> Change | None:
    ways = {"higher": "up", "lower": "down"}
    way = m["way"] or m["after"]
    if way is None:
        return None
    return Change("key", to=" ".join(f"{ways.get(way, way)} {m['n']} {m['unit']}".split()))


def _no_modulation(reading: Reading, m: re.Match[str]) -> str:
    effect = _EFFECT.search(reading.low, max(0, m.start() - 20), m.start())
    return "modulation of a sound" if effect else ""


def _some_key(reading: Reading, m: re.Match[str]) -> Change:
    way = (m["way"] or "").removesuffix("s").removesuffix("ward")
    return Change("key", to=way)


KEYS: tuple[Rule[Change], ...] = (
    Rule(
        "a change to a key",
        "changes",
        (
            ("modulates to D major", {"key": None, "changes": "key to D major"}),
            (
                "pop in C, key change to D major in the last chorus",
                {"key": "C major", "changes": "key to D major (last chorus)"},
            ),
        ),
        _TO_KEY,
        _key,
        _no_key,
    ),
    Rule(
        "a move to a key",
        "changes",
        (
            ("from A minor to C major", {"key": "A minor", "changes": "key to C major"}),
            ("moves to the relative minor", {"changes": "key to relative minor"}),
            ("moves to a minor key", {"changes": None}),
        ),
        _GOES_TO_KEY,
        _key,
        _no_key,
    ),
    Rule(
        "the key at the end",
        "changes",
        (
            (
                "starts in C minor, ends in C major",
                {"key": "C minor", "changes": "key to C major (end)"},
            ),
        ),
        _ENDS_IN_KEY,
        _key,
        _no_key,
    ),
    Rule(
        "the key of a later section",
        "changes",
        (
            (
                "verse in A minor, chorus in C major",
                {"key": "A minor", "changes": "key to C major (chorus)"},
            ),
            ("a chorus in C major", {"key": "C major", "changes": None}),
        ),
        _LATER_KEY,
        _key,
        _no_second_key,
    ),
    Rule(
        "a related key",
        "changes",
        (
            (
                "in C major, the bridge in the relative minor",
                {"changes": "key to relative minor (bridge)"},
            ),
        ),
        _IN_RELATED,
        _key,
    ),
    Rule(
        "a change of key by an interval",
        "changes",
        (
            ("modulates up a tone", {"changes": "key up a tone"}),
            (
                "key change a half step up before the last chorus",
                {"changes": "key up a half step (last chorus)"},
            ),
        ),
        _BY_STEP,
        _by_step,
    ),
    Rule(
        "a change of key",
        "changes",
        (
            ("pop with a key change at the end", {"changes": "key (end)"}),
            ("no key change", {"changes": None}),
            ("ring modulation", {"changes": None}),
        ),
        _KEY_CHANGES,
        _some_key,
        _no_modulation,
    ),
)
FROM_KEY = Rule(
    "the key that a change starts from",
    "key",
    (("key change from D to E", {"key": "D major", "changes": "key to E major"}),),
    re.compile(rf"\b{_MODULATES}{FEW}\s+(?P<take>from\s+(?P<key>{_ANY_KEY}))(?=\s+(?:in)?to\s)"),
)
RULES: tuple[Rule, ...] = (*KEYS, FROM_KEY)
