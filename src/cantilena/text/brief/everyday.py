"""Words that name a genre or a mood, and mean something else where they stand.

Knows which words around such a name say so; does not know the names (``labels``, ``lexicon``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cantilena.text.brief.mentions import Item
from cantilena.text.brief.rules import Rule
from cantilena.text.labels import GENRES
from cantilena.text.lexicon import Reading
from cantilena.text.wordlists import word_set

UNMEANT = Rule(
    "a word that is no label here",
    "label",
    (
        ("a house on a hill", {"genres": None}),
        ("a fusion of samba and house", {"genres": "samba, house"}),
        ("classic blues", {"genres": "blues"}),
        ("a country house", {"genres": None}),
        ("rock garden, koto", {"genres": None}),
        ("heavy lorries pass by", {"moods": None}),
    ),
)


@dataclass(frozen=True)
class _Unmeant:
    """Words that are no genre or mood where ``before`` and ``after`` match the text around them,
    and why."""

    words: frozenset[str]
    before: re.Pattern[str]
    after: re.Pattern[str]
    why: str

    def holds(self, before: str, after: str) -> bool:
        return bool(self.before.search(before) and self.after.match(after))


def _words_of(items: Iterable[str]) -> str:
    return "|".join(sorted(items, key=len, reverse=True))


_MUSIC = (
    r"song|music|beats?|track|genre|style|tune|band|piece|groove|vibe|anthem|ballad|loop|feel|guitars?|bass|riffs?|drums?"
    r"|jam|solo|like|dj|set|mix|melody|organ|accordion|fiddle|violin|flute|harmonica|banjo|choir|orchestra"
    r"|bangers?|number|standard|arrangement|version|remix|theme|rhythm|progression|score|instrumental|opera|mass|hymn"
)
_OTHER_LABEL = _words_of(
    [n for n in GENRES if n not in ("game", "children")] + ["lullaby", "waltz"]
)
_ANY = re.compile("")
_EVERYDAY = word_set("house rock soul country game metal trap garage jungle folk pop trance")
_SOUNDS = rf"(?:\s+(?:\w+\s+)?(?:{_MUSIC}|{_OTHER_LABEL})\b)"
_ARTICLE = (
    r"\b(?:an?|the|my|our|their|his|her|this|that|old|grand|english|stately|in|at|near|of)\s+"
)
_COMPOUND = "part of a name for something else than music"


def _compound(words: str, nouns: str) -> _Unmeant:
    """Words that name a thing with one of the ``nouns`` behind them."""
    return _Unmeant(word_set(words), _ANY, re.compile(rf"[\s-]+(?:{nouns})\b"), _COMPOUND)


_COMPOUNDS = (
    _Unmeant(
        word_set("country"),
        re.compile(rf"{_ARTICLE}$"),
        re.compile(
            rf"\s+(?:houses?|clubs?|estates?|manors?|inns?|lanes?|cottages?)\b(?!{_SOUNDS})"
        ),
        _COMPOUND,
    ),
    _Unmeant(
        word_set("house houses"),
        re.compile(rf"{_ARTICLE}country\s+$"),
        re.compile(rf"(?!{_SOUNDS})"),
        _COMPOUND,
    ),
    _Unmeant(
        word_set("house"),
        re.compile(
            r"\b(?:tree|opera|full|white|green|coffee|farm|ghost|bird|doll|dolls|open|tea|town|guest"
            r"|gingerbread|safe|public|custom)[\s-]+$"
        ),
        _ANY,
        _COMPOUND,
    ),
    _Unmeant(
        word_set("house"),
        re.compile(r"\b(?:beach|summer|lake|light)[\s-]+$"),
        re.compile(rf"\s+(?!{_MUSIC}|{_OTHER_LABEL})[a-z]"),
        _COMPOUND,
    ),
    _Unmeant(
        word_set("opera"),
        _ANY,
        re.compile(r"\s+(?:houses?|glasses|tickets?)\b"),
        _COMPOUND,
    ),
    _compound(
        "rock",
        "gardens?|pools?|climb(?:ing|ers?)|bottom|faces?|formations?|salt|slides?|cliffs?",
    ),
    _compound("soul", "foods?|mates?|searching"),
    _compound(
        "metal",
        "gears?|bridges?|doors?|gates?|fences?|boxe?s?|detectors?|pipes?|plates?|sheets?|pans?|cans?|objects?",
    ),
    _compound("garage", "sales?|doors?"),
    _compound(
        "jungle",
        "gyms?|books?|cruises?|temples?|rivers?|safaris?|treks?|expeditions?|animals?|explor\\w+",
    ),
    _compound("trance", "states?"),
    _compound("pop", "arts?|corn|quiz(?:zes)?|culture"),
    _compound("folk", "tales?|lore|arts?|hero(?:es)?|medicine"),
    _compound("game", "shows?|nights?|days?|hens?|reserves?"),
    _compound("latin", "class(?:es)?|mass|texts?|words|lyrics|teachers?"),
    _Unmeant(
        word_set("trap traps"),
        re.compile(r"\b(?:bear|mouse|speed|booby|tourist|thirst|death|fire)[\s-]+$"),
        _ANY,
        _COMPOUND,
    ),
    _Unmeant(
        word_set("game"),
        re.compile(r"\b(?:board|card|ball|football|soccer|basketball|baseball|hockey)[\s-]+$"),
        _ANY,
        _COMPOUND,
    ),
    _Unmeant(
        word_set("march"),
        re.compile(r"\b(?:early|late|mid|last|next|every|in|since|until)[\s-]+$"),
        re.compile(r"(?!\s+(?:time|tempo|rhythm|style|metre|meter|form)\b)"),
        "the month",
    ),
    _Unmeant(
        word_set("march"),
        _ANY,
        re.compile(r"\s+(?:mornings?|evenings?|afternoons?|winds?|\d{1,2}(?:st|nd|rd|th)|\d{4})\b"),
        "the month",
    ),
)
_UNMEANT = (
    *_COMPOUNDS,
    _Unmeant(
        _EVERYDAY,
        re.compile(
            r"\b(?:the|my|your|his|her|our|their|this|old|haunted|empty|little|a)[\s\-'(#]+$"
        ),
        re.compile(
            rf"(?![\s\-'(#]+(?:{_MUSIC}|{_OTHER_LABEL})\b)(?!\s*(?:,|and|/|&|or)\s*(?:{_OTHER_LABEL})\b)"
        ),
        "an everyday word here",
    ),
    _Unmeant(
        _EVERYDAY,
        _ANY,
        re.compile(
            r"[\s\-'(#]+(?:on|in|at|of|by|near|where|that|is|pipes?|roads?)\b(?!\s+(?:style|bpm|[a-g][#b]?m?\b|\d|the\s+key|minor|major|three|six))"
        ),
        "an everyday word here",
    ),
    _Unmeant(
        word_set("love loves loved loving"),
        re.compile(r"\b(?:i|i'd|would|we|you|they|to|who|really|people)[\s\-'(#]+$"),
        _ANY,
        "an everyday word here",
    ),
    _Unmeant(
        word_set("reminiscent score"),
        _ANY,
        re.compile(r"\s+(?:of|for|in)\b"),
        "an everyday word here",
    ),
    _Unmeant(
        word_set("world alternative film movie"),
        _ANY,
        re.compile(rf"(?![\s\-'(#]+(?:{_MUSIC})\b)"),
        "an everyday word here",
    ),
    _Unmeant(
        word_set("chanson chansons"),
        re.compile(r"\b(?:une|la|des|les|cette|ma)\s+$"),
        re.compile(r"(?!\s+francaise)"),
        "any song, not the style",
    ),
    _Unmeant(word_set("lied"), _ANY, _ANY, "an everyday word here"),
    _Unmeant(
        word_set("blue"),
        _ANY,
        re.compile(r"[\s\-'(#]+(?:sky|ocean|sea|moon|water|eyes|note)\b"),
        "an everyday word here",
    ),
    _Unmeant(
        word_set("fusion"),
        _ANY,
        re.compile(r"\s+(?:of|between|with)\b"),
        "says that styles are joined",
    ),
    _Unmeant(
        word_set("classic traditional trad contemporary"),
        _ANY,
        re.compile(
            rf"[\s-]+(?:\w+\s+)?(?:{_OTHER_LABEL}|sounds?|beats?|synths?|drum|feel|form|way|style|era|arcade|cartoon|pieces?|tunes?)\b"
        ),
        "says how, not which style",
    ),
    _Unmeant(
        word_set("dance dances dancing"),
        re.compile(
            r"\b(?:to|time\s+to|can|will|they|we|you|people|that|who|lights?|shadows|slow|folk|round)\s+$"
        ),
        re.compile(r"(?!\s+(?:music|track|beat|pop|anthem|floor|song))"),
        "what people do, not the style",
    ),
    _Unmeant(
        word_set(
            "heavy wild raw sweet soft bright warm light smooth still cold huge thin thick busy"
        ),
        _ANY,
        re.compile(
            r"[\s-]+(?:lorr(?:y|ies)|trucks?|rain|snow|traffic|machinery|west|animals?|horses?|flowers?|air|light|day"
            r"|place|city|crowd|street|use|processing|compression|reverb|distortion|effects?|delay)\b"
        ),
        "said of something else than the music",
    ),
    _Unmeant(
        word_set("dynamic"),
        _ANY,
        re.compile(
            r"[\s-]+(?:musical\s+)?(?:landscapes?|range|contrasts?|markings?|changes?|shifts?|textures?|soundscapes?"
            r"|arrangement|interplay|structure|levels?|compression|eq)\b"
        ),
        "says how it changes",
    ),
    _Unmeant(
        word_set(
            "yoga spa meditation wellness sleep film movie trailer game anime party workout cafe"
        ),
        re.compile(
            r"\b(?:for|at|in|during|to\s+accompany)\s+(?:an?|my|our|your|the)\s+(?:\w+\s+)?$"
        ),
        re.compile(
            r"\s+(?:class|session|studio|room|teacher|treatment|centre|center|party|night|house|evening|shop|owner)\b"
        ),
        "what it is for, not its style",
    ),
)


def unmeant(it: Item, reading: Reading) -> str:
    """Why a name is an everyday word here, as the words around it say; "" where it is none."""
    if it.kind not in ("genre", "mood", "dance") or it.j - it.i > 1:
        return ""
    word = reading.words[it.i]
    for case in _UNMEANT:
        if word.low in case.words or word.form in case.words:
            before = reading.low[max(0, word.start - 40) : word.start]
            if case.holds(before, reading.low[word.end :]):
                return case.why
    return ""
