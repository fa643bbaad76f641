"""What a name of an instrument means beside others: which mentions are parts of their own.

Knows short names that take up a part named before, adjectives that share a noun, "or", voices of
counterpoint and lists that end "drum and bass"; does not know refusals (``refusals``) or
line-ups (``parts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Phrasebook, Reading
from cantilena.text.lexicon.ensembles import Ensemble
from cantilena.text.lexicon.terms import NUMBERS
from cantilena.text.wishes import Instrument
from cantilena.text.wordlists import split_names, word_set


@dataclass(frozen=True)
class Item:
    """A phrase of a table in the text: words ``i`` to ``j`` (exclusive), its kind ("instrument",
    "ensemble", "genre", "mood", "pace", "dance", "swing", "timing", "density"), its value, and
    whether the text refuses it, or names it as the exception from a refusal."""

    i: int
    j: int
    kind: str
    value: object
    refused: bool = False
    excepted: bool = False


def span(reading: Reading, it: Item) -> tuple[int, int]:
    """Where in the text an item stands."""
    return reading.words[it.i].start, reading.words[it.j - 1].end


def gap(reading: Reading, a: Item, b: Item) -> str:
    """The text between two items, in lower case."""
    return reading.low[reading.words[a.j - 1].end : reading.words[b.i].start]


# ------------------------------------------------------------------ two adjectives, one noun

SHARED = Rule(
    "two adjectives, one noun",
    "instruments",
    (
        ("slap and fretless bass", {"instruments": "slap bass, fretless bass"}),
        (
            "alto, tenor and baritone saxes",
            {"instruments": "alto saxophone, tenor saxophone, baritone saxophone"},
        ),
    ),
)
_NOUNS = word_set(
    "bass piano organ drum drums string strings horn guitar synth flute trumpet sax choir vocal"
)
"""What stands for itself before "and": "upright bass and jazz guitar" has no bass guitar."""
_ANDS = word_set("and und et or y e")
_AND = re.compile(r"\s*(?:,\s*(?:and\s+)?|\b(?:and|und|et|or|y|e)\b|&|/)\s*")


def with_shared_nouns(
    reading: Reading, items: list[Item], book: Phrasebook[Instrument | Ensemble]
) -> list[Item]:
    """The items and those whose noun stands once for several: "soprano and tenor saxophones"."""
    words, more = reading.words, []
    for it in items:
        if it.kind != "instrument" or it.j - it.i < 2:
            continue
        noun = " ".join(w.form for w in words[it.i + 1 : it.j])
        at = it.i
        while at:
            before = at - 2 if words[at - 1].low in _ANDS else at - 1
            if before < 0 or words[before].low in _NOUNS:
                break
            between = reading.low[words[before].end : words[at].start]
            name = f"{words[before].form} {noun}"
            value = book.get(name) or book.get(name.removesuffix("s")) or book.get(name + "s")
            if not _AND.fullmatch(between) or not isinstance(value, Instrument):
                break
            at = before
            if value != it.value:
                more.append(Item(at, at + 1, "instrument", value))
    starts = {new.i for new in more}
    for new in more:
        start, end = span(reading, new)
        reading.put_aside(start, end, SHARED, "its noun stands behind the next adjective")
    alone = (it for it in items if not (it.i in starts and it.j == it.i + 1))
    return sorted([*alone, *more], key=lambda it: (it.i, it.j))


# ------------------------------------------------------------------ drum and bass

LIST_END = Rule(
    "drum and bass at the end of a list",
    "instruments",
    (
        ("organ, guitar, drum and bass", {"instruments": "organ, guitar, drums, bass"}),
        ("a trio of piano, drum and bass", {"genres": None}),
    ),
)
_DRUM_AND_BASS = re.compile(r"drum\W+(?:and|n|&|'n'|und|et|y|e)\W+bass")
_STYLE = re.compile(
    r"\s*(?:beat|track|groove|tempo|song|style|music|tune|rhythm|at\s+\d|\d{2,3}\s*bpm)"
)


def ends_a_list(reading: Reading, it: Item, items: Iterable[Item]) -> bool:
    """Whether the genre drum and bass is the end of a list of instruments."""
    start, end = span(reading, it)
    if not _DRUM_AND_BASS.fullmatch(reading.low[start:end]) or _STYLE.match(reading.low, end):
        return False
    before = (o for o in items if o.kind == "instrument" and o.j <= it.i)
    return any(re.fullmatch(r"\s*(?:,|with|and|&|\+)\s*", gap(reading, o, it)) for o in before)


# ------------------------------------------------------------------ voices that are parts; vibes

COUNTERPOINT = Rule(
    "voices of counterpoint",
    "instruments",
    (
        ("a three-voice fugue for organ", {"instruments": "organ"}),
        ("two voices, a koto and a djembe", {"instruments": "koto, percussion"}),
    ),
)
_POLYPHONY = re.compile(
    r"\b(?:fug(?:ue|ues|al|ato|e|en)|inventions?|sinfonias?|canons?|canonic|counterpoint|contrapuntal|polyphon\w+|imitati\w+"
    r"|two-part|three-part|voice[\s-]leading|ricercar\w*)\b"
)
_SUNG = re.compile(
    r"\b(?:sing|sings|singing|sung|singers?|vocals?|vocalists?|lyrics?|choir|choral|chor|female|male|sopranos?|human"
    r"|wordless|words|aahs?|oohs?|cappella|capella|satb|mezzo|mass|motet|madrigals?|chorale|hymn)\b"
)
_LEADING = word_set(
    """
    lead single upper lower inner outer middle top independent main unbroken contrapuntal
    instrumental accompanying melodic separate distinct
    """
)


def is_line(reading: Reading, it: Item, named: list[Item]) -> bool:
    """Whether "voice" or "voices" means a line of the texture, not a singer. ``named``: the
    instruments of the text."""
    word = reading.words[it.i]
    if it.j - it.i > 1 or word.low not in ("voice", "voices", "voiced", "stimmen", "voix", "voci"):
        return False
    low = reading.low
    if _SUNG.search(low):
        return False
    others = [o for o in named if o.value != it.value]
    # a comma parts the word from the one before: in "synth lead, voices" nothing leads
    before = reading.words[it.i - 1] if it.i and word.joined else None
    number = (
        NUMBERS.get(before.low, int(before.low) if before.low.isdecimal() else 0) if before else 0
    )
    hyphen = before is not None and low[before.end : word.start] == "-"
    if re.match(r"[\s-]*leading\b", low[word.end :]):
        return True
    if number and (hyphen or _POLYPHONY.search(low)):
        return bool(_POLYPHONY.search(low) or others)
    if before is not None and before.low in _LEADING and others:
        return True
    led = re.search(
        r"\b(?:for|fur|pour|per|para)\s+(?:\w+\s+)?$", low[: before.start if before else 0] + " "
    )
    return number >= 2 and number == len(others) and not led


VIBES = Rule(
    "vibes as a mood",
    "instruments",
    (("funk with summer vibes", {"instruments": None}),),
)
_ON_VIBES = word_set(
    """
    the on with for and a solo jazz two plus featuring of includes including electric bowed or by to
    but add adds have has use uses using your my no without
    """
)


def is_vibe(reading: Reading, it: Item) -> bool:
    """Whether "vibes" means a mood: "summer vibes", not "bass and vibes"."""
    word = reading.words[it.i]
    if word.low != "vibes" or it.j - it.i > 1 or not it.i or not word.joined:
        return False
    of = re.match(r"\s+of\b", reading.low[word.end :]) is not None
    return reading.words[it.i - 1].low not in _ON_VIBES or of


# ------------------------------------------------------------------ a bass that is no instrument

BASS_OF_ANOTHER = Rule(
    "the bass that another part plays",
    "instruments",
    (
        ("clarinet, bass line on tuba", {"instruments": "clarinet, tuba"}),
        ("The tuba plays the bass, the oboe a tune.", {"instruments": "tuba, oboe"}),
        ("piano with an Alberti bass", {"instruments": "piano"}),
    ),
)
_BASS_LINE = re.compile(r"(?:walking\s+)?bass(?:es|\s?lines?|\s+(?:parts?|notes?))?")
_BASS_ON = re.compile(
    r"(?:\s+(?:is|are|being))?(?:\s+(?:played|carried|performed|provided|handled|taken|given))?"
    r"\s+(?:on|by|in)\s+(?:the\s+|an?\s+)?(?:[\w-]+\s+)?"
)
_PLAYS_BASS = re.compile(
    r"\s+(?:(?:that|which|who|will|can|should|also)\s+)*(?:plays?|playing|takes?|taking|carr(?:y|ies|ying)"
    r"|provides?|providing|holds?|holding|performs?|handles?|handling)\s+(?:the\s+|an?\s+)(?:[\w-]+\s+)?"
)
_OF_LEFT_HAND = re.compile(
    r"\b(?:alberti|boogie[\s-]woogie|boogie|left[\s-]hand)[\s-]+(?:walking\s+)?$"
)
_IN_LEFT_HAND = re.compile(r"\s+(?:in|with|for)\s+(?:the\s+|his\s+|her\s+|its\s+)?left\s+hand\b")
_KEYBOARDS = (*range(8), *range(16, 24))


def is_bass_of_another(reading: Reading, it: Item, named: list[Item]) -> bool:
    """Whether "bass" or "bass line" is what another instrument of the text plays: "bass line on
    tuba", "the tuba plays the bass", "piano with an Alberti bass"."""
    start, end = span(reading, it)
    low = reading.low
    if not _BASS_LINE.fullmatch(low, start, end):
        return False
    others = [o for o in named if isinstance(o.value, Instrument) and not _is_bass(o.value)]
    after = next((o for o in others if o.i >= it.j), None)
    before = next((o for o in reversed(others) if o.j <= it.i), None)
    if after and _BASS_ON.fullmatch(gap(reading, it, after)):
        return True
    if before and _PLAYS_BASS.fullmatch(gap(reading, before, it)):
        return True
    keyboard = any(
        o.value.programs[0] in _KEYBOARDS for o in others if isinstance(o.value, Instrument)
    )
    hand = _OF_LEFT_HAND.search(low[max(0, start - 24) : start]) or _IN_LEFT_HAND.match(low, end)
    return bool(keyboard and hand)


def _is_bass(instrument: Instrument) -> bool:
    return 32 <= instrument.programs[0] < 40 or instrument.programs[0] == 43


# ------------------------------------------------------------------ taken up again

TAKEN_UP = Rule(
    "a part that is taken up again",
    "instruments",
    (
        (
            "jazz for upright bass and jazz guitar. The guitar leads, the bass answers.",
            {"instruments": "acoustic bass, jazz guitar"},
        ),
        ("A bass guitar plays. It is slap bass throughout.", {"instruments": "slap bass"}),
    ),
)
HEADS: dict[str, frozenset[str]] = {
    head: frozenset(split_names(names))
    for head, names in {
        "bass": """acoustic bass, electric bass, picked bass, fingered electric bass, fretless bass,
            slap bass, synth bass, electronic bass, double bass""",
        "electric bass": """picked bass, fingered electric bass, fretless bass, slap bass""",
        "double bass": "acoustic bass",
        "acoustic bass": "double bass",
        "guitar": """acoustic guitar, nylon-string guitar, steel-string guitar, jazz guitar,
            electric guitar, clean electric guitar, muted electric guitar, overdriven guitar,
            distortion guitar, pedal steel guitar, guitar harmonics""",
        "acoustic guitar": "nylon-string guitar, steel-string guitar",
        "electric guitar": """jazz guitar, clean electric guitar, muted electric guitar,
            overdriven guitar, distortion guitar""",
        "piano": "electric piano, honky-tonk piano, fm piano, electric grand piano",
        "synth": """synth lead, square lead, saw lead, synth pad, warm pad, polysynth, synth bass,
            synth strings, synth brass""",
        "synth lead": "square lead, saw lead",
        "synth pad": "warm pad, choir pad",
        "saxophone": """soprano saxophone, alto saxophone, tenor saxophone, baritone saxophone""",
        "organ": "hammond organ, jazz organ, rock organ, church organ, reed organ",
        "strings": """string ensemble, slow strings, tremolo strings, pizzicato strings, synth
            strings, string machine""",
        "horn": "french horn",
        "horns": """french horn, horn, trumpet, muted trumpet, trombone, saxophone, alto saxophone,
            tenor saxophone, baritone saxophone, brass, brass section""",
        "drums": "steel drums, taiko drum, percussion, synth drum",
        "voice": "choir, voices",
        "flute": "pan flute, shakuhachi, recorder",
        "bells": "tubular bells, glockenspiel, tinkle bell",
    }.items()
}
"""A short name: the instruments that it may take up."""
_NARROWED = word_set("bass guitar saxophone synth strings drums organ") | {
    "electric bass",
    "acoustic guitar",
    "electric guitar",
    "synth lead",
    "synth pad",
}
"""Short names that a longer one after them makes definite."""
_LISTED = re.compile(
    r"\s*(?:,|&|\+|;|/|\b(?:and|plus|with|und|et|y|e|mit|or|alongside|over|then)\b)(?:[^\w.;:!?\n]+\w+){0,3}\W*"
)


PLUCKED = Rule(
    "how bowed strings play",
    "instruments",
    (
        ("a cello plays pizzicato", {"instruments": "cello", "articulations": "cello: pizzicato"}),
        ("violins, pizzicato, and a harp", {"instruments": "violin, harp"}),
    ),
)
_PLUCKED = word_set("pizzicato pizzicati pizz")
_BOWED = word_set("violin viola cello strings fiddle") | {"double bass", "string ensemble"}


def _is_manner(reading: Reading, it: Item, items: list[Item]) -> bool:
    """Whether "pizzicato" says how a bowed instrument plays that has a name of its own."""
    if it.j - it.i != 1 or reading.words[it.i].form not in _PLUCKED:
        return False
    named = (o.value for o in items if o is not it)
    return any(
        _BOWED & {m.name for m in v.members} if isinstance(v, Ensemble) else v.name in _BOWED
        for v in named
        if isinstance(v, (Instrument, Ensemble))
    )


def taken_up(reading: Reading, items: list[Item]) -> list[Item]:
    """The asked instruments without those mentions that take up a part named before."""
    for it in [it for it in items if _is_manner(reading, it, items)]:
        reading.put_aside(
            *span(reading, it), PLUCKED, "it says how the strings that are named play"
        )
        items = [o for o in items if o is not it]
    out: dict[int, Item] = {}  # by first word
    lists = _lists(reading, items)
    latest: dict[str, Item] = {}
    for it in items:
        name = _name(it)
        earlier = {n: o for n, o in latest.items() if lists[o.i] != lists[it.i]} if name else {}
        short = [n for n in earlier if n in HEADS.get(name, ())]
        wide = [o for n, o in earlier.items() if n in _NARROWED and name in HEADS[n]]
        start, end = span(reading, it)
        if short and isinstance(it.value, Instrument) and it.value.count == 1:
            reading.take(start, end, TAKEN_UP, f"{short[-1]}, named before")
            continue
        if wide and name != "synth bass":  # that stands beside the synth that leads
            reading.take(*span(reading, wide[-1]), TAKEN_UP, f"{name}, named later")
            out[wide[-1].i] = it
            del latest[_name(wide[-1])]
        else:
            out[it.i] = it
        if name:
            latest[name] = it
    return list(out.values())


def _name(it: Item) -> str:
    return it.value.name if isinstance(it.value, Instrument) else ""


def _lists(reading: Reading, items: list[Item]) -> dict[int, int]:
    """The number of the list that each item, by its first word, stands in: a list names no part
    twice."""
    lists = {items[0].i: 0} if items else {}
    for one, other in pairwise(items):
        between = gap(reading, one, other)
        listed = _LISTED.fullmatch(between) and not _DEFINITE.search(between)
        lists[other.i] = lists[one.i] + (0 if listed else 1)
    return lists


_DEFINITE = re.compile(r"\b(?:the|its|his|her|this)\s*$")


# ------------------------------------------------------------------ one of them

CHOICE = Rule(
    "one of several",
    "instruments",
    (
        ("a tune for oboe or flute", {"instruments": "oboe"}),
        ("piano, guitar or harp", {"instruments": "piano"}),
        ("piano, bass, and violin or cello", {"instruments": "piano, bass, violin"}),
    ),
)
_OR = re.compile(
    r"\s*,?\s*(?:either\s+)?\b(?:or|oder|ou|o)\b\s+(?:an?\s+|the\s+|eine?n?\s+)?(?:\w+\s+)?"
)
_COMMA = re.compile(r"\s*,\s*(?:an?\s+|the\s+)?")


def one_of(reading: Reading, items: list[Item]) -> list[Item]:
    """The asked instruments, those joined by "or" as one that any of them satisfies."""
    out: list[Item] = []
    rest = list(items)
    while rest:
        last = rest.pop()
        group = [last]
        while rest and _either(reading, rest[-1], group[0]):
            group.insert(0, rest.pop())
        if len(group) > 1:  # the commas before the "or" join it
            while rest and _COMMA.fullmatch(gap(reading, rest[-1], group[0])) and _name(rest[-1]):
                group.insert(0, rest.pop())
        out.append(_choice(reading, group))
    return out[::-1]


def _either(reading: Reading, a: Item, b: Item) -> bool:
    return bool(_name(a) and _name(b)) and _OR.fullmatch(gap(reading, a, b)) is not None


def _choice(reading: Reading, group: list[Item]) -> Item:
    """The first of some instruments, which any of the others may stand for."""
    asked = [it.value for it in group if isinstance(it.value, Instrument)]
    if len(asked) < 2:
        return group[0]
    for it in group[1:]:
        reading.take(*span(reading, it), CHOICE, f"or {asked[0].name}")
    programs = tuple(dict.fromkeys(p for i in asked for p in i.programs))
    return replace(group[0], value=replace(asked[0], programs=programs))


RULES: tuple[Rule, ...] = (
    SHARED,
    LIST_END,
    COUNTERPOINT,
    VIBES,
    BASS_OF_ANOTHER,
    PLUCKED,
    TAKEN_UP,
    CHOICE,
)
