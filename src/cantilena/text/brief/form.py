"""The form in a text: sections in order, how long each is, and who plays in it.

Knows lists of sections, forms by name or letters, and "starts with ... then ... ends with"; does
not know what changes in the course of a piece (``turns``, ``changes``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cantilena.text.brief.length import SOLO_OF
from cantilena.text.brief.owner import NAME, Mentions
from cantilena.text.brief.places import either
from cantilena.text.brief.refusals import is_refused
from cantilena.text.brief.rules import Hit, Rule, apply_again, apply_ahead
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.sections import FORMS, LISTED, SCENES, SECTIONS
from cantilena.text.lexicon.terms import NUMBERS
from cantilena.text.wishes import MAX_BARS, MIN_BARS, Section, section_words

# ------------------------------------------------------------------ lengths of sections

_WORDS = sorted((word for word in NUMBERS if len(word) > 2), key=len, reverse=True)  # no "a"
_N = rf"(?<![\w./:'])(?P<n>\d{{1,3}}|{'|'.join(_WORDS)})"
_BARS = r"(?:bars?|measures?|takte?n?|mesures?|battute|compases)\b"
_NUMBERED = {**SECTIONS, **{k: v for k, v in LISTED.items() if v not in ("theme", "ending")}}
_BARS_OF = re.compile(
    rf"(?P<take>{_N}[\s-]*{_BARS})(?:[\s-]+(?:long|of|an?|the)\b)*[\s-]+"
    rf"(?:(?!(?:blues|and|with|for|in|at|on|then|solo)\b)[\w'-]+\s+)?"
    rf"(?P<take2>(?P<name>{either(_NUMBERED)}))\b(?<!solo(?={SOLO_OF}))"
)
_SECTION_OF_BARS = re.compile(
    rf"\b(?P<name>{either(_NUMBERED)})\s*(?:[:=(-]|\b(?:of|is|has|lasts|lasting|for|over)\b)?\s*"
    rf"(?:(?:about|the|first)\s+)?{_N}[\s-]*{_BARS}(?:\s+long\b)?\s*\)?"
)
_SECTION_NUMBER = re.compile(
    rf"\b(?P<name>{either(_NUMBERED)})\s*[:=(x]?\s*(?P<n>\d{{1,2}})\s*\)?(?=\s*(?:[,;.\n>|/+&-]|$|then\b|and\b))"
)
_ANY_SECTION = re.compile(rf"\b(?:{either(SECTIONS)})\b")
_FEWEST_BARS, _MOST_BARS = 4, 64
"""A bare number after a section is its length within these: "verse 2" is the second one."""


def section_name(words: str) -> str:
    """The name of the section that small words ("pre chorus", "refrain") stand for."""
    return _BY_LETTERS[re.sub(r"[\s-]", "", words)]


_BY_LETTERS = {re.sub(r"[\s-]", "", k): v for k, v in (*SECTIONS.items(), *LISTED.items())}


def _section(reading: Reading, m: re.Match[str]) -> Section:
    bars = int(m["n"]) if m["n"].isdecimal() else NUMBERS[m["n"]]
    return Section(section_name(m["name"]), bars)


def _no_length(reading: Reading, m: re.Match[str]) -> str:
    if not MIN_BARS <= (_section(reading, m).bars or 0) <= MAX_BARS:
        return f"no length: outside {MIN_BARS}-{MAX_BARS} bars"
    if section_name(m["name"]) in LISTED.values() and not m.group().startswith(m["n"]):
        alone = not any(n.start() != m.start("name") for n in _ANY_SECTION.finditer(reading.low))
        return "no section: no other is named" if alone else ""
    return ""


def _no_number(reading: Reading, m: re.Match[str]) -> str:
    if not _FEWEST_BARS <= int(m["n"]) <= _MOST_BARS:
        return "counts sections, no bars"
    return _no_length(reading, m)


LENGTHS: tuple[Rule[Section], ...] = (
    Rule(
        "bars of a section",
        "form",
        (
            ("an 8-bar intro, then 16 bars of verse", {"form": "intro 8, verse 16", "bars": None}),
            ("a four-bar piano intro", {"form": "intro 4 (piano)", "bars": None}),
        ),
        _BARS_OF,
        _section,
        _no_length,
    ),
    Rule(
        "a section of so many bars",
        "form",
        (
            ("intro 4 bars, verse (8 bars)", {"form": "intro 4, verse 8", "bars": None}),
            ("a chorus of 16 measures", {"form": "chorus 16", "bars": None}),
        ),
        _SECTION_OF_BARS,
        _section,
        _no_length,
    ),
    Rule(
        "a section and a number",
        "form",
        (
            ("intro 4, verse 8, chorus 8", {"form": "intro 4, verse 8, chorus 8"}),
            ("verse 1, chorus, verse 2", {"form": "verse, chorus, verse"}),
        ),
        _SECTION_NUMBER,
        _section,
        _no_number,
    ),
)

# ------------------------------------------------------------------ forms by letters or by name

_SAID = r"(?:\s+(?:form|structure|song\s+form|song\s+structure|pattern))"
_LETTERS = re.compile(
    rf"(?<![\w#/-])(?:(?:[Ff]orm|[Ss]tructure)\s*(?:[:=]|is|of)?\s*)?(?P<letters>[A-E](?:[A-E']*[A-E]|(?:\s*[-–/,>]\s*[A-E]'?){{2,}}|(?:\s[A-E]){{2,}}))"
    rf"(?![\w#/'-])(?P<form>{_SAID}|[\s-]*[Ff]orm\b)?"
)


def _letters(reading: Reading, m: re.Match[str]) -> tuple[Section, ...]:
    return tuple(map(Section, re.findall("[A-E]", m["letters"])))


def _no_letters(reading: Reading, m: re.Match[str]) -> str:
    letters = re.findall("[A-E]", m["letters"])
    new = list(dict.fromkeys(letters))
    stated = m["form"] or re.match(r"form|structure", m.group(), re.IGNORECASE)
    if new != list("ABCDE")[: len(new)]:
        return "letters, but no form"
    compact = m["letters"].isalpha()
    if not stated and (not compact or len(new) == len(letters) or len(new) < 2):
        return "letters, but nothing says a form"
    return "the name of a band" if m["letters"] == "ABBA" and not stated else ""


_THEME = re.compile(
    r"\b(?:theme|thema|tema|them[ae])\s+(?:and|with|und|mit|et|avec|con|e|y|&|\+)\s+"
    r"(?:(?P<n>\d{1,2}|\w+)\s+)?(?:(?!and\b)\w+\s+)?(?:variations?|variationen|variaciones|variazioni)\b"
)
_NAMED_FORM = re.compile(rf"\b(?:in\s+)?(?P<name>{either(FORMS)})\b")


def _theme(reading: Reading, m: re.Match[str]) -> tuple[Section, ...]:
    count = m["n"] or ""
    n = int(count) if count.isdecimal() else NUMBERS.get(count, 0)
    if n < 1:
        return (Section("theme"), Section("variations"))
    return (Section("theme"), *(Section("variation") for _ in range(n)))


_FORM_NAMES = {re.sub(r"[\s-]", "", k): v for k, v in FORMS.items()}


def _named(reading: Reading, m: re.Match[str]) -> tuple[Section, ...]:
    return tuple(map(Section, _FORM_NAMES[re.sub(r"[\s-]", "", m["name"])]))


LETTERS: Rule[tuple[Section, ...]] = Rule(
    "a form in letters",
    "form",
    (
        ("a jazz tune, AABA", {"form": "A, A, B, A"}),
        ("A-B-A form", {"form": "A, B, A", "chords": None, "key": None}),
        ("chords A B C", {"form": None}),
        ("a song like ABBA", {"form": None}),
    ),
    _LETTERS,
    _letters,
    _no_letters,
    cased=True,
)
NAMED: tuple[Rule[tuple[Section, ...]], ...] = (
    Rule(
        "theme and variations",
        "form",
        (("theme and two variations", {"form": "theme, variation, variation"}),),
        _THEME,
        _theme,
    ),
    Rule(
        "the name of a form",
        "form",
        (("ternary", {"form": "A, B, A"}), ("a rondo", {"form": "A, B, A, C, A"})),
        _NAMED_FORM,
        _named,
    ),
)


@dataclass
class FormAhead:
    """What of a form has to be read before lengths and chords: sections with their lengths, and
    forms in letters."""

    lengths: list[Hit[Section]]
    letters: list[Hit[tuple[Section, ...]]]


def read_form_ahead(reading: Reading) -> FormAhead:
    """Lengths of sections, which are not the piece's, and letters, which are no chords; takes
    their words."""
    return FormAhead(
        apply_ahead(reading, LENGTHS, is_refused, section_words),
        apply_ahead(reading, (LETTERS,), is_refused),
    )


# ------------------------------------------------------------------ sections

SECTION = Rule(
    "a section",
    "form",
    (
        ("verse and chorus", {"form": "verse, chorus"}),
        ("verse-chorus-bridge", {"form": "verse, chorus, bridge"}),
        ("an outro after the bridge", {"form": "bridge, outro"}),
        ("pop song with intro and outro", {"form": "intro, outro"}),
        ("head, solos, head", {"form": "head, solos, head"}),
        ("no intro", {"form": None}),
        ("two verses and a chorus", {"form": "verse, verse, chorus"}),
        ("a chorus of monks", {"form": None}),
        ("podcast intro", {"form": None}),
        ("intro music for a stream", {"form": None}),
    ),
)
LETTER_SECTION = Rule(
    "a section by its letter",
    "form",
    (
        ("an A section and a B section", {"form": "A, B"}),
        ("section A, section B, section A", {"form": "A, B, A"}),
    ),
)
_CANDIDATE = re.compile(
    rf"\b(?:(?P<n>two|three|four|\d)\s+)?(?P<name>{either((*SECTIONS, *LISTED))})\b"
    r"(?:\s*\(?x\s?(?P<x>\d)\b\)?)?"
    r"(?:\s+\d\b(?!\s*(?:bars?|[-/\d])))?"
)
_LETTER = re.compile(
    r"\b(?:[Ss]ection|[Tt]eil)\s+(?P<a>[A-D])\b|\b(?P<b>[A-D])(?:[\s-]section|-[Tt]eil)s?\b"
)
_JOIN = re.compile(
    r"\s*(?:[,;/|>&+\u2192\u2013\u2014-]+|\b(?:and|then|und|et|y|e|into|to|followed\s+by)\b|\s)+\s*"
    r"(?:(?!(?:with|in|on|for|by|of|at|is)\b)[\w'\ue000]+[\s-]+){0,3}"
)
_NO_SECTION = {
    "bridge": (
        r"\b(?:under|across|beneath|near|golden\s+gate|london|humpback)\s+(?:the\s+|a\s+)?$",
        r"\s+(?:over|of|pickups?)\b",
    ),
    "chorus": (
        r"\b(?:male|female|mixed|children's|childrens|greek|men's|women's|hallelujah|dawn|angel)\s+$",
        r"\s+(?:of|effects?|pedals?|voices?|singers?|reverb)\b|\s*(?:,|and|&)\s*(?:reverb|delay|flanger|phaser)\b|,?\s+from\b",
    ),
    "intro": (r"(?!)", r"\s+(?:to|of)\s+(?:the\s+)?(?:song\s+)?(?:music|theory|a)\b"),
}
"""What before or after a word shows that it is no section."""
_FOR_A_SCENE = (
    rf"\s+(?:music|songs?|jingles?|themes?|tracks?|tunes?|stings?|clips?|bumpers?|sequences?|credits?)\b"
    rf"|[^.;!?\n]{{0,30}}\bfor\s+(?:an?|my|our|the|your|this|their)\s+(?:[\w'-]+\s+){{0,3}}(?:{'|'.join(sorted(SCENES))})\b"
)
_OF_A_SCENE = rf"\b(?:{'|'.join(sorted(SCENES))})(?:'s)?[\s-]+(?:\w+\s+)?$"
_HAS = re.compile(
    r"\b(?:with|has|have|having|plus|includ\w+|after|the|from|its|then|add|no|and|followed\s+by)\s+(?:[\w'\ue000-]+\s+){0,3}$"
)
_GOES_ON = re.compile(
    r"\s*,?\s*(?:and\s+)?(?:then|before|followed|leading|leads|that\s+leads|into)\b"
)


@dataclass
class _Mention:
    """Letters ``start`` to ``end`` that name a section, ``count`` times; ``sure`` where nothing
    but a section can be meant."""

    start: int
    end: int
    section: Section
    count: int = 1
    sure: bool = True


def _mentions(reading: Reading, lengths: Iterable[Hit[Section]]) -> list[_Mention]:
    out = [_Mention(hit.start, hit.end, hit.value) for hit in lengths]
    spans = [(it.start, it.end) for it in out]
    for m in _CANDIDATE.finditer(reading.low):
        if any(a < m.end() and m.start() < b for a, b in spans):
            continue
        sure = _normal(m["name"]) in _SURE
        count = m["x"] or m["n"] or "1"
        n = int(count) if count.isdecimal() else NUMBERS[count]
        name = section_name(m["name"])
        out.append(_Mention(m.start("name"), m.end(), Section(name), max(1, min(n, 9)), sure))
    letters = list(_LETTER.finditer(reading.plain))
    if len({m["a"] or m["b"] for m in letters}) > 1:
        out += [_Mention(*m.span(), Section(m["a"] or m["b"])) for m in letters]
    return sorted(out, key=lambda it: it.start)


def _normal(words: str) -> str:
    return re.sub(r"[\s-]", "", words)


_SURE = frozenset(map(_normal, SECTIONS))


def _lists(reading: Reading, mentions: Sequence[_Mention]) -> list[list[_Mention]]:
    """The mentions in lists: those with nothing but a comma, an arrow or "and" between."""
    lists: list[list[_Mention]] = []
    for it in mentions:
        last = lists[-1][-1] if lists else None
        if last and _JOIN.fullmatch(reading.low, last.end, it.start):
            lists[-1].append(it)
        else:
            lists.append([it])
    return lists


def _why_none(reading: Reading, it: _Mention, names: set[str]) -> str:
    """Why a word names no section here; ``names``: sections that the text names."""
    low = reading.low
    if is_refused(low, it.start):
        return "refused by the words before"
    before, after = _NO_SECTION.get(it.section.name, ("(?!)", "(?!)"))
    head = low[max(0, it.start - 40) : it.start]
    if re.search(before, head) or re.match(after, low[it.end : it.end + 40]):
        return "an everyday word here"
    if it.section.name not in ("intro", "outro") or it.section.bars or names - {"intro", "outro"}:
        return ""
    if re.search(_OF_A_SCENE, head) or re.match(_FOR_A_SCENE, low[it.end : it.end + 90]):
        return "music for something else's beginning or end"
    stated = len(names) > 1 or _HAS.search(head) or _GOES_ON.match(low, it.end)
    return "" if stated else "the piece itself may be meant"


def _sections(reading: Reading, ahead: FormAhead, mentions: Mentions) -> list[Section]:
    lists = _lists(reading, _mentions(reading, ahead.lengths))
    rows = [row for row in lists if len(row) > 2 or any(it.sure for it in row)]
    names = {it.section.name for row in rows for it in row if it.sure}
    chosen: list[list[Section]] = []
    for row in rows:
        sections: list[Section] = []
        for it in row:
            why = _why_none(reading, it, names)
            if not it.sure and len(row) < 2:
                continue
            if why:
                reading.put_aside(it.start, it.end, SECTION, why)
                continue
            rule = LETTER_SECTION if len(it.section.name) == 1 else SECTION
            if not it.section.bars:  # those with a length were taken ahead
                reading.take(it.start, it.end, rule, it.section.name)
            section = replace(it.section, parts=_parts(mentions, it, row))
            sections += [section] * it.count
        chosen.append(sections)
    return _in_order(chosen)


def _in_order(lists: list[list[Section]]) -> list[Section]:
    """The longest list whole, and what the others add; the intro first, the outro last."""
    main = max(lists, key=len, default=[])
    before = True
    out: list[Section] = list(main)
    for sections in lists:
        if sections is main:
            before = False
            continue
        for section in sections:
            n = next((n for n, s in enumerate(out) if s.name == section.name), None)
            if n is None:
                out.insert(len(out) - len(main) if before else len(out), section)
            else:
                bars = out[n].bars or section.bars
                out[n] = replace(out[n], bars=bars, parts=out[n].parts or section.parts)
    order = {"intro": -1, "outro": 1}
    return sorted(out, key=lambda section: order.get(section.name, 0))


_WITH = re.compile(
    rf"\s*(?:[:(]\s*|(?:(?:is|are|played)\s+)?(?P<with>with|on|by|for)\s+)"
    rf"(?:(?!{NAME})[\w'-]+\s+){{0,2}}?(?P<who>{NAME}+)"
)


def _parts(mentions: Mentions, it: _Mention, row: list[_Mention]) -> tuple[str, ...]:
    """Who is asked to play in a section: "piano intro", "a bridge with harp"; not "verse and chorus
    with guitars", where all of them have guitars."""
    for m in mentions.named:
        if m.end < it.end and mentions.low[m.end : it.start].isspace():
            return m.names
        if it.start <= m.start and m.end <= it.end:
            return m.names
    m = _WITH.match(mentions.low, it.end)
    if m is None or (m["with"] and it is row[-1] and len(row) > 1):
        return ()
    mention = mentions.at(m.start("who"))
    return mentions.following(mention) if mention else ()


def read_form(reading: Reading, ahead: FormAhead, mentions: Mentions) -> list[Section]:
    """The sections in order: a form in letters or by name, else the sections that are named."""
    forms = ahead.letters or apply_again(reading, NAMED, is_refused)
    for hit in forms:
        reading.take(hit.start, hit.end, hit.rule or LETTERS)
    sections = _sections(reading, ahead, mentions)
    return list(forms[0].value) if forms else sections


RULES: tuple[Rule, ...] = (*LENGTHS, LETTERS, *NAMED, SECTION, LETTER_SECTION)
