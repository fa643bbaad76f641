"""What changes in the course of a piece: "builds up", "fades out", "softer towards the end".

Knows how such changes are said, and whose and where they are; does not know changes of key, tempo
and metre (``turns``), or who joins (``entries``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cantilena.text.brief.mentions import Item, span
from cantilena.text.brief.owner import NAME, Mentions
from cantilena.text.brief.places import place_of
from cantilena.text.brief.refusals import is_refused
from cantilena.text.brief.rules import Hit, Rule, apply_again
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.manners import LOUDNESS_WORDS
from cantilena.text.wishes import Change, change_words

_GETS = r"(?:gets?|getting|becom(?:es?|ing)|grow(?:s|ing)?|turn(?:s|ing)?|goes|going|wird|werden)"
_SLOWLY = (
    r"(?:gradually|slowly|steadily|progressively|increasingly|ever|always|immer|allmahlich|suddenly|much|even"
    r"|more\s+and\s+more)"
)
_MORE = (
    rf"(?:{_GETS}\s+(?:{_SLOWLY}\s+)?|{_SLOWLY}\s+|\w+\s+and\s+"
    r"|(?:langsamer|schneller)\s+und\s+|(?<=ende )|(?<=schluss ))"
)
_TOWARDS = r"(?=\s+(?:towards?|at|by|near|until|in|as|over|for)\s+)"
_LOUDER = r"(?:louder|lauter|stronger)"
_SOFTER = r"(?:softer|quieter|leiser)"

_CRESCENDO = re.compile(
    r"\b(?:crescendos?|crescendoing|crescendi|cresc|"
    rf"{_MORE}{_LOUDER}(?:\s+and\s+{_LOUDER})?|{_LOUDER}\s+and\s+{_LOUDER}"
    rf"|{_LOUDER}{_TOWARDS}|(?:increas\w+|ris(?:es?|ing)|grow(?:s|ing)?|builds?|building|swell\w*)\s+in\s+(?:volume|loudness|dynamics)"
    r"|(?:volume|loudness|dynamics)\s+(?:\w+\s+)?(?:increas\w+|ris\w+|grows?|builds?|swells?)"
    r"|increas\w+\s+(?:the\s+)?(?:volume|loudness)|swells?|swelling|increasingly\s+loud)\b"
)
_DIMINUENDO = re.compile(
    r"\b(?:diminuendos?|diminuendi|decrescendos?|decresc|morendo|perdendosi|"
    rf"{_MORE}{_SOFTER}(?:\s+and\s+{_SOFTER})?|{_SOFTER}\s+and\s+{_SOFTER}"
    rf"|{_SOFTER}{_TOWARDS}|(?:dies?|dying|quiets?|quieten\w*|calms?)\s+(?:away|down)(?=\b)"
    r"|(?:volume|loudness|dynamics)\s+(?:\w+\s+)?(?:decreas\w+|falls?|drops?|sinks?)"
    r"|(?:decreas\w+|falls?|drops?)\s+in\s+(?:volume|loudness)|taper(?:s|ing)?\s+off)\b"
)
DYNAMIC_RANGE = re.compile(
    r"(?<![\w#/])(?:dynamics?\s*:?\s+)?(?:from\s+)?(?P<a>ppp|pp|p|mp|mf|f|ff|fff|pianissimo|piano|forte|fortissimo|mezzo[\s-](?:forte|piano))"
    r"\s*(?:to|->|\u2192|-|\u2013|bis|a|up\s+to|down\s+to)\s*"
    r"(?P<b>ppp|pp|p|mp|mf|ff|fff|f|pianissimo|piano|forte|fortissimo|mezzo[\s-](?:forte|piano))(?![\w#/])"
)
_FADE_IN = re.compile(
    r"\b(?:fad(?:es?|ing)[\s-]+(?:slowly\s+|gradually\s+)?(?:in|up)\b|fade-?ins?\b|emerges?\s+from\s+silence)"
)
_FADE_OUT = re.compile(
    r"\b(?:fad(?:es?|ing)[\s-]+(?:slowly\s+|gradually\s+)?(?:out|away|off)\b|fade-?outs?\b"
    r"|fad(?:es?|ing)\s+(?:in)?to\s+(?:silence|nothing|black|nothingness)|ausblenden|blendet\s+aus"
    r"|fad(?:es?|ing)(?=\s+(?:at|towards?|near)\s+the\s+end)|(?:long|slow|gentle|gradual|final)\s+fade\b(?!\s+in)"
    r"|(?:dissolves?|disappears?)\s+into\s+silence|fondu|fading(?=\s+(?:end|ending|outro)))"
)
_BUILD = re.compile(
    rf"\b(?:(?:{_SLOWLY}\s+)?(?:builds?|building)(?:\s+(?:{_SLOWLY}|it))?\s+up\b|build-?ups?\b|risers?\b"
    rf"|(?:builds?|building)\s+(?:{_SLOWLY}\s+)?(?:(?:in)?to(?:wards?)?|in\s+(?:intensity|energy|tension|power))\b"
    rf"|(?:builds?|building)\s+(?:{_SLOWLY}(?!\s+up)\b|(?:more\s+)?(?:tension|intensity|energy|momentum|suspense|anticipation)\b)"
    rf"|{_SLOWLY}\s+(?:builds?|building|intensif\w+)\b|(?:that|which|it|music|song|track|piece)\s+builds\b"
    r"|(?:slow|gradual|long|big|tense|epic)\s+build\b|(?:grow(?:s|ing)?|increas\w+|ris(?:es?|ing))\s+in\s+(?:intensity|energy|tension)\b"
    r"|(?:rising|mounting|growing)\s+(?:tension|intensity|energy)\b|intensif(?:y|ies|ying)\b|steigert\s+sich|steigerung)"
    r"(?:\s+(?:tension|intensity|energy|momentum|suspense)\b)?(?:\s*(?:to|towards?|into)?\s+(?:a|an|the)\s+(?:\w+\s+){0,2}?(?:climax|peak|crescendo|finale|drop|explosion)\b)?"
)
_DROP = re.compile(
    r"(?:\b(?:an?|the|then|that|big|huge|massive|heavy|bass|beat|first|second|final|hard|epic|dubstep|edm|filthy|insane"
    r"|and|with|after|before|main|two|trap|last|has|great|killer|sudden|into|each|every|explosive|powerful)\s+|^\s*|[,;>/+-]\s*)"
    r"(?P<what>drops?)\b(?!\s*(?:out|the|in\b|off|of\b|d\b|c\b|tun\w+|it|down|to|a\b|away|everything|all|from))"
    r"|\b(?P<beat>(?:beat|bass|track|song|it)\s+drops)\b"
)
_BREAK = re.compile(
    r"\b(?P<what>break-?downs?|breaks\s+down|breakdown|(?:drum|drums|percussion|bass|guitar|piano|solo|sax|a\s+cappella|rhythmic|stop-time)\s+breaks?"
    r"|(?<=\ba )break|(?<=\bthe )break|(?<=\bshort )break|stop-?time)\b"
    r"(?!\s*(?:the|it|of\s+day|from|up|free|beats?|dance|dancing|your|my|room))"
)
_FULLER = re.compile(
    rf"\b(?:more\s+and\s+more\s+(?:instruments?|voices|parts|players|layers|sounds)(?:\s+(?:join\w*(?:\s+in)?|enter\w*|come\s+in|are\s+added))?"
    r"|(?:instruments?|voices|parts|layers|players)\s+(?:are\s+)?(?:gradually|slowly|one\s+by\s+one)?\s*(?:joins?|joining|enters?|entering|added|come\s+in|build\s+up|stack\s+up|pile\s+up)(?:\s+in)?(?:\s+one\s+by\s+one)?"
    r"|(?:adds?|adding|gradually\s+adds?)\s+(?:more\s+)?(?:layers|instruments)|layer\s+(?:by|upon|after|on)\s+layer|instrument\s+by\s+instrument"
    rf"|{_GETS}\s+(?:{_SLOWLY}\s+)?(?:fuller|denser|bigger|thicker|richer|busier|more\s+complex)(?:\s+and\s+(?:fuller|denser|bigger|thicker|richer))?"
    r"|(?:fuller|denser|bigger|thicker)\s+and\s+(?:fuller|denser|bigger|thicker)|(?:texture|arrangement)\s+(?:thickens|grows|fills\s+out)"
    r"|fuller(?=\s+(?:towards?|at|by|near)\b))"
)
_THINNER = re.compile(
    rf"\b(?:strip(?:s|ped|ping)?[\s-]+(?:back|down|away){_TOWARDS}|strips?\s+(?:back|down|away)|thins?\s+out|thinning\s+out|drop(?:s|ping)?\s+out|falls?\s+away"
    rf"|{_GETS}\s+(?:{_SLOWLY}\s+)?(?:sparser|thinner|emptier|sparse|thin|simpler)(?:\s+and\s+(?:sparser|thinner|emptier))?"
    r"|(?:instruments?|voices|layers)\s+(?:gradually\s+|slowly\s+)?(?:drop\s+(?:out|away)|disappear|leave|fade\s+away)(?:\s+one\s+by\s+one)?"
    r"|sparser(?=\s+(?:towards?|at|by|near)\b)|(?:sparse|minimal|bare)(?=\s+(?:at|towards?|by)\s+the\s+(?:end|start|beginning)\b))"
)
_ENERGY = re.compile(
    r"\b(?:changes?\s+(?:of|in)\s+mood|mood\s+(?:changes?|shifts?|swings?)|changing\s+moods?|stimmungswechsel)\b"
)

_MARK_LOUDNESS = {
    "ppp": (0, "very soft"),
    "pp": (1, "very soft"),
    "pianissimo": (1, "very soft"),
    "p": (2, "soft"),
    "piano": (2, "soft"),
    "mp": (3, "medium"),
    "mezzo piano": (3, "medium"),
    "mf": (4, "medium"),
    "mezzo forte": (4, "medium"),
    "f": (5, "loud"),
    "forte": (5, "loud"),
    "ff": (6, "very loud"),
    "fortissimo": (6, "very loud"),
    "fff": (7, "very loud"),
}


def _plain(kind: str):
    return lambda reading, m: Change(kind)


def _from_to(reading: Reading, m: re.Match[str]) -> Change | None:
    (a, _), (b, to) = (_MARK_LOUDNESS[re.sub(r"[\s-]+", " ", m[g])] for g in "ab")
    return Change("crescendo" if b > a else "diminuendo", to=to) if a != b else None


def _no_marks(reading: Reading, m: re.Match[str]) -> str:
    score = re.search(r"dynamics|ppp?|fff?|m[pf]|issimo|mezzo", m.group())
    return "" if score else "letters, or an instrument; nothing says a dynamic"


def _rule(kind: str, name: str, pattern: re.Pattern[str], *examples: tuple[str, dict]) -> Rule:
    return Rule(name, "changes", examples, pattern, _plain(kind))


CHANGES: tuple[Rule[Change], ...] = (
    Rule(
        "from one dynamic to another",
        "changes",
        (
            ("strings, pp to ff", {"changes": "crescendo to very loud"}),
            ("from p to f", {"changes": None}),
        ),
        DYNAMIC_RANGE,
        _from_to,
        _no_marks,
    ),
    _rule(
        "fade in",
        "it fades in",
        _FADE_IN,
        ("ambient, fades in slowly", {"changes": "fade in"}),
        ("a fade-in at the start", {"changes": "fade in (start)"}),
    ),
    _rule(
        "fade out",
        "it fades out",
        _FADE_OUT,
        ("fades out at the end", {"changes": "fade out (end)", "unplaced": None}),
        ("the guitar fades out", {"changes": "guitar: fade out"}),
        ("no fade-out", {"changes": None}),
    ),
    _rule(
        "crescendo",
        "it gets louder",
        _CRESCENDO,
        ("crescendo until the end", {"changes": "crescendo (end)"}),
        ("gradually gets louder", {"changes": "crescendo"}),
        ("crescendo in the strings", {"changes": "strings: crescendo"}),
    ),
    _rule(
        "diminuendo",
        "it gets softer",
        _DIMINUENDO,
        ("softer towards the end", {"changes": "diminuendo (end)"}),
        ("quieter and quieter", {"changes": "diminuendo"}),
    ),
    _rule(
        "build",
        "it builds up",
        _BUILD,
        ("trance with a long build-up", {"changes": "build", "bars": None}),
        ("don't build up", {"changes": None}),
    ),
    Rule(
        "a drop",
        "changes",
        (
            ("a drop after the build-up", {"changes": "drop, build"}),
            ("the beat drops", {"changes": "drop"}),
        ),
        _DROP,
        _plain("drop"),
    ),
    Rule(
        "a break",
        "changes",
        (
            ("a breakdown in the middle", {"changes": "break (middle)"}),
            ("a short drum break", {"changes": "break"}),
        ),
        _BREAK,
        _plain("break"),
        group="what",
    ),
    _rule(
        "fuller",
        "more and more play",
        _FULLER,
        ("more and more instruments", {"changes": "fuller"}),
        ("it gets bigger and bigger", {"changes": "fuller"}),
    ),
    _rule(
        "thinner",
        "fewer play",
        _THINNER,
        ("stripped back at the end", {"density": "sparse", "changes": "thinner (end)"}),
        ("the drums drop out in the bridge", {"changes": "drums: thinner (bridge)"}),
    ),
    _rule("mood", "changes of mood", _ENERGY, ("many mood changes", {"changes": "mood"})),
)
MOOD = Rule(
    "from one mood to another",
    "changes",
    (
        ("from sad to hopeful", {"moods": "sad, hopeful", "changes": "mood to hopeful"}),
        ("a calm piece that becomes dark", {"changes": "mood to dark"}),
        ("ends on a hopeful note", {"changes": "mood to hopeful (end)"}),
    ),
)
RULES: tuple[Rule, ...] = (*CHANGES, MOOD)

_PARTS_OWN = frozenset({"crescendo", "diminuendo", "fade in", "fade out", "thinner", "fuller"})
"""Changes that one part may make by itself."""
_SUBJECT = re.compile(
    rf"{NAME}(?:\s+(?:parts?|lines?|section))?\s+(?:(?:that|which|slowly|gradually|then|finally|suddenly|also"
    r"|all|starts?\s+to|begins?\s+to|to|are|is|gets?|getting|keeps?|will|should|can)\s+){0,3}$"
)
_OF_THE_WHOLE = re.compile(
    rf"\b(?:with|featuring|for|on|by|of)\b[^.;:]*{NAME}\s+(?:that|which)\s+(?:\w+\s+){{0,2}}$"
)
"""A clause about the piece: "a tune with guitars that gets softer"."""
_OBJECT = re.compile(
    rf"(?:\s+(?:of|in|on|by|from|for)(?:\s+the)?(?:\s+(?!{NAME})\w+)?)?\s+(?P<who>{NAME}+)"
)


def read_changes(
    reading: Reading, turns: Iterable[Hit[Change]], items: Iterable[Item], mentions: Mentions
) -> list[Hit[Change]]:
    """All changes of the text, each with its part and its place. ``turns``: those of
    key, tempo and metre."""
    more = [*apply_again(reading, CHANGES, is_refused), *_moods(reading, items)]
    rows = [(hit, False) for hit in turns] + [(hit, True) for hit in more]
    return [change for hit, free in rows for change in placed(reading, hit, mentions, take=free)]


def placed(
    reading: Reading, hit: Hit[Change], mentions: Mentions, take: bool = True
) -> Iterator[Hit[Change]]:
    """A change with the place and the parts that the words around it name; takes the words of the
    place, and those of the change where ``take`` is true."""
    change, rule = hit.value, hit.rule or MOOD
    place = None if change.where else place_of(reading.low, hit.start, hit.end)
    if place:
        change = replace(change, where=place.where)
        reading.take(place.start, place.end, rule, change_words(change))
    if take:
        reading.take(hit.start, hit.end, rule, change_words(change))
    parts = _owners(mentions, hit) if change.kind in _PARTS_OWN and not change.part else ()
    for part in parts or (change.part,):
        yield replace(hit, value=replace(change, part=part))


def _owners(mentions: Mentions, hit: Hit[Change]) -> tuple[str, ...]:
    low = mentions.low
    after = _OBJECT.match(low, hit.end)
    if after and (mention := mentions.at(after.start("who"))):
        return mentions.following(mention, commas=False)
    subject = _SUBJECT.search(low, max(0, hit.start - 60), hit.start)
    if subject and not _OF_THE_WHOLE.search(low, max(0, hit.start - 60), hit.start):
        mention = next(m for m in reversed(mentions.named) if m.end <= hit.start)
        return mentions.preceding(mention, commas=False)
    return ()


_BECOMES = re.compile(
    r"\b(?P<verb>becom(?:es?|ing)|turn(?:s|ing)?(?:\s+(?:in)?to)?|grow(?:s|ing)?|gets?|getting"
    r"|(?:shift|chang|mov|transition|evolv|switch|go|brighten|transform)\w*(?:\s+[\w'-]+){0,2}?\s+(?:in)?to(?:wards?)?"
    r"|then|before\s+becoming|giving\s+way\s+to|gives\s+way\s+to"
    r"|(?P<ends>ends?(?:\s+up)?|ending|finish\w*|closes?|concludes?)(?:\s+(?:on|in|with))?)\s+"
    r"(?:(?:an?|the|more|very|really|suddenly|gradually|something|and|quite|much)\s+){0,3}$"
)
_FROM = re.compile(r"\b(?:from|von)\s+(?:an?\s+|the\s+)?$")
_TO = re.compile(
    r"\s*,?\s*(?:\w+\s+){0,2}?(?:in)?(?:to|zu|nach)(?:wards?)?\s+(?:an?\s+|more\s+|the\s+)*"
)


def _moods(reading: Reading, items: Iterable[Item]) -> Iterator[Hit[Change]]:
    moods = [it for it in items if it.kind == "mood" and not it.refused]
    for n, it in enumerate(moods):
        start, end = span(reading, it)
        m = _BECOMES.search(reading.low, max(0, start - 60), start)
        last = moods[n - 1] if n else None
        a, b = span(reading, last) if last else (0, 0)
        pair = last and _FROM.search(reading.low[:a][-30:]) and _TO.fullmatch(reading.low, b, start)
        loudness = reading.low[start:end] in LOUDNESS_WORDS
        if not (m or pair) or loudness or is_refused(reading.low, start):
            continue
        if m and m["verb"] in ("then", "turn", "get") and n == 0:
            continue
        first = m.start() if m and not pair else start
        rest = _NOTE.match(reading.low, end)
        yield Hit(
            first,
            rest.end() if rest else end,
            Change("mood", "end" if m and m["ends"] else "", to=str(it.value)),
        )


_NOTE = re.compile(r"\s+(?:note|mood|ending|feeling|feel|chord)\b")
