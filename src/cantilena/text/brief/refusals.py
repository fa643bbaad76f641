"""What a text refuses: "no drums", "without piano or bass", "instead of guitar".

Knows which phrases a "no" reaches; does not know what becomes of what is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cantilena.text.brief.mentions import Item, gap, span
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading, east
from cantilena.text.lexicon.ensembles import Ensemble
from cantilena.text.wishes import Instrument
from cantilena.text.wordlists import word_set

_NO = word_set(
    """
    no without not minus avoid avoiding exclude excludes excluding lacking lacks ohne kein keine
    keinen keiner sans senza sin except don't dont never omit omitting zero nicht pas skip besides
    doesn't drop remove nor neither nothing w/o non wo isn't
    """
)
_EXCEPT = word_set("except but besides excluding save bar than apart")
_NO_PAIRS = {
    ("instead", "of"),
    ("rather", "than"),
    ("free", "of"),
    ("free", "from"),
    ("other", "than"),
    ("w", "o"),
    ("everything", "but"),
    ("all", "but"),
    ("leave", "out"),
    ("absence", "of"),
    ("lack", "of"),
    ("devoid", "of"),
    ("anstatt", "von"),
}
NOTHING_BUT = (
    r"(?:nothing|no\s+(?:other\s+)?instruments?|none)\s+(?:else\s+)?"
    r"(?:but|except|other\s+than|besides|than)(?:\s+for)?"
)
"""A negation that makes what follows the whole list: "nothing but piano"."""
_NOTHING_BUT_BEFORE = re.compile(rf"\b{NOTHING_BUT}\s+(?:an?\s+|the\s+)?$")
_IS_NONE = re.compile(rf"\s*[:=]\s*(?:none|no|off|nein|keine?|0)\b|\s*(?:{'|'.join(east.NONE)})")
_FILL = word_set(
    """
    any a an the of real use using some other kind include including have having want with for add
    adding much too like really very audible den die das de der need sort be
    """
)
_OR = re.compile(
    r"[\s,/&+]*(?:\b(?:or|nor|and|oder|und|ou|et|o)\b)[\s]*(?:\b(?:any|the|a|no)\b\s*)?|\s*/\s*"
)


NO = Rule(
    "a refusal before the name",
    "excluded",
    (
        ("rock, no drums", {"excluded": [128]}),
        ("piano instead of guitar", {"instruments": "piano", "excluded": list(range(24, 32))}),
        ("piano and no drums but with bass", {"instruments": "piano, bass", "excluded": [128]}),
    ),
)
NONE = Rule(
    "a name: none",
    "excluded",
    (("piano, drums: none", {"excluded": [128]}), ("ピアノ、ドラムなし", {"excluded": [128]})),
)
NO_SOLO = Rule(
    "no solo",
    "excluded",
    (("pop, no guitar solo", {"excluded": None, "unplaced": "no guitar solo"}),),
)
NOT_AFTER = Rule(
    "a refusal after the name",
    "excluded",
    (
        ("Oboe and tuba are not featured in this song.", {"excluded": [58, 68]}),
        ("an accordion, but drums are not", {"instruments": "accordion", "excluded": [128]}),
    ),
)
EXCEPTION = Rule(
    "an exception",
    "excluded",
    (
        ("all fall silent except the organ", {"instruments": "organ", "excluded": None}),
        ("no drums but congas", {"instruments": "percussion", "excluded": None}),
        ("no vocals except a choir", {"instruments": "choir"}),
    ),
)
MANNER = Rule(
    "a refusal of a manner",
    "excluded",
    (("pop, piano, no loud drums", {"instruments": "piano", "excluded": None}),),
)
LEFT_OPEN = Rule(
    "left open",
    "instruments",
    (
        ("jazz, piano or no piano", {"instruments": None, "excluded": None}),
        ("with or without drums, rock", {"instruments": None, "excluded": None}),
        ("piano, drums optional", {"instruments": "piano"}),
        ("I don't mind drums", {"instruments": None, "excluded": None}),
    ),
)
RULES: tuple[Rule, ...] = (NO, NONE, NO_SOLO, NOT_AFTER, EXCEPTION, MANNER, LEFT_OPEN)
_NOT_THERE = re.compile(
    r"\s*,?\s*(?:(?:\b(?:is|are|was|were|do|does|did|should|shall|must|may|can|will|would)\s*(?:not|n't|never)\b"
    r"|\b(?:isn't|aren't|don't|doesn't|shouldn't|mustn't|won't|isnt|arent|dont|doesnt|never)\b)"
    r"(?:\s+(?:be\s+)?(?:featured|used|included|present|heard|needed|wanted|there|allowed|involved|desired|required"
    r"|audible|playing|play|appear|sound|feature|occur|join(?:\s+in)?|part\s+of\s+\w+)\b"
    r"(?:\s+in\s+(?:this|the|it|my)(?:\s+\w+)?)?|\s+in\s+(?:this|the|it)\b(?:\s+\w+)?|(?=\s*(?:[,.;!?)\n]|$)))"
    r"|\b(?:is|are|should\s+be|must\s+be|to\s+be)\s+(?:absent|left\s+out|excluded|missing|omitted|avoided|forbidden"
    r"|unwanted|banned)\b)"
)
_TOGETHER = re.compile(r"[\s,/&+]*(?:\b(?:and|or|nor|und|oder|et|ou|y|e)\b)?\s*(?:the\s+|any\s+)?")
_NOTHING_ELSE_SOUNDS = re.compile(
    r"\b(?:silen\w+|nothing|none|nobody|no|stop\w*|drop\w*\s+out|cease\w*|mut(?:e|es|ed)|rests?|quiet)\b"
    r"[^.;!?\n]*$"
)
_MANNERS = word_set(
    """
    loud heavy harsh busy aggressive hard fast overpowering booming complex bombastic intrusive
    excessive big distorted screaming loudly noisy
    """
)
"""How something is played: who wants no loud drums does not want no drums."""


_OPEN_BEFORE = re.compile(
    r"(?:\b(?:with\s+or\s+without|mit\s+oder\s+ohne|avec\s+ou\s+sans|con\s+o\s+sin|con\s+o\s+senza"
    r"|whether\s+or\s+not(?:\s+there\s+(?:is|are))?|(?:don't|dont|do\s+not)\s+(?:care\s+about|mind)"
    r"|optional(?:ly)?|optionale?[ns]?))\s+(?:any\s+|an?\s+|the\s+|some\s+)?$"
)
_OPEN_AFTER = re.compile(
    r"\s*(?:,\s*)?(?:or\s+not\b(?!\s+\w)|(?:is\s+|are\s+)?\(?optional\b\)?|or\s+without\b(?:\s+(?:it|them)\b|(?!\s+\w)))"
)
_OR_NO = re.compile(
    r"\s*,?\s*(?:or|oder|ou|o)\s+(?:no|not|without|kein\w*|ohne|sans|sin)\s+(?:any\s+|an?\s+)?"
)
_AND_OR = re.compile(r"\s+(?:and|or|und|oder|et|ou|y|o)\s+(?:an?\s+|the\s+)?")
_LEAVABLE = ("instrument", "ensemble", "swing", "timing")


def _left_open(reading: Reading, items: list[Item]) -> set[int]:
    """Numbers of the items that the text neither asks for nor refuses: "piano or no piano", "with
    or without drums"; takes their words."""
    left: set[int] = set()
    for n, item in enumerate(items):
        if item.kind not in _LEAVABLE or n in left:
            continue
        start, end = span(reading, item)
        first = max(0, start - 40)
        before = _OPEN_BEFORE.search(reading.low[first:start])
        after = _OPEN_AFTER.match(reading.low, end)
        pair = n + 1 < len(items) and _name(items[n + 1]) == _name(item)
        if pair and _OR_NO.fullmatch(gap(reading, item, items[n + 1])):
            end = span(reading, items[n + 1])[1]
            left.add(n + 1)
        elif n - 1 in left and _AND_OR.fullmatch(gap(reading, items[n - 1], item)):
            start = span(reading, items[n - 1])[1]
        elif before:
            start = first + before.start()
        elif after:
            end = after.end()
        else:
            continue
        left.add(n)
        reading.take(start, end, LEFT_OPEN, "as you like")
    return left


def _name(item: Item) -> object:
    return item.value.name if isinstance(item.value, (Instrument, Ensemble)) else item.kind


def _not_there(reading: Reading, items: list[Item]) -> set[int]:
    """Numbers of the items that the text says are not there: "oboe and tuba are not featured"."""
    refused: set[int] = set()
    words = reading.words
    for n, item in enumerate(items):
        after = _NOT_THERE.match(reading.low, words[item.j - 1].end)
        if item.kind not in ("instrument", "ensemble") or after is None:
            continue
        reading.take(words[item.j - 1].end, after.end(), NOT_AFTER)
        refused.add(n)
        for k in range(n - 1, -1, -1):
            gap = reading.low[words[items[k].j - 1].end : words[items[k + 1].i].start]
            if items[k].kind != item.kind or not _TOGETHER.fullmatch(gap):
                break
            refused.add(k)
    return refused


def _is_excepted(reading: Reading, i: int) -> bool:
    """Whether what begins at word ``i`` follows "except" or the like, and sounds after all."""
    for k in range(i - 1, max(-1, i - 4), -1):
        if reading.words[k].low in _EXCEPT:
            return _is_exception(reading, k)
    return False


def _is_exception(reading: Reading, k: int) -> bool:
    """Whether word ``k``, "except" or the like, says what sounds after all."""
    before = reading.low[max(0, reading.words[k].start - 80) : reading.words[k].start]
    return _NOTHING_ELSE_SOUNDS.search(before) is not None


def mark_refusals(reading: Reading, items: list[Item]) -> list[Item]:
    """The items, those after "no", "without", "instead of" ... as refused; takes those words."""
    out: list[Item] = []
    ends: dict[int, int] = {}
    paced = {k for it in items if it.kind == "pace" for k in range(it.i, it.j)}
    left_open = _left_open(reading, items)
    absent = _not_there(reading, items)
    for n, item in enumerate(items):
        if n in left_open:
            continue
        if n in absent:
            reading.take(reading.words[item.i].start, reading.words[item.j - 1].end, NOT_AFTER)
            out.append(replace(item, refused=True))
            continue
        solo = reading.words[item.j].low if item.j < len(reading.words) else ""
        if solo in ("solo", "solos") and item.kind == "instrument":
            refuse = _refusal_before(reading, item.i, ends, paced)
            if refuse is not None:  # "no guitar solo" refuses the solo, not the guitar
                reading.reject(
                    reading.words[refuse].start,
                    reading.words[item.j].end,
                    NO_SOLO,
                    "refuses the solo, not the instrument",
                )
                continue
        start = _refusal_before(reading, item.i, ends, paced)
        manner = reading.words[item.i - 1].low if item.i else ""
        if start is not None and item.kind == "instrument" and manner in _MANNERS:
            a, b = reading.words[start].start, reading.words[item.j - 1].end
            reading.reject(a, b, MANNER, f"refuses that it is {manner}, not that it plays")
            continue
        end = reading.words[item.j - 1].end
        if start is None and (none := _IS_NONE.match(reading.low, end)):
            reading.take(end, none.end(), NONE)
            start = item.i
        refused = start is not None
        if refused:
            ends[item.j] = n
        elif out and out[-1].refused and out[-1].kind == item.kind:
            gap = reading.low[reading.words[out[-1].j - 1].end : reading.words[item.i].start]
            refused = bool(_OR.fullmatch(gap)) or (
                gap.strip() == "," and _closes(reading, items, n)
            )
            start = out[-1].j if refused else None
        if (
            refused
            and start is not None
            and item.kind in ("instrument", "ensemble", "swing", "timing")
        ):
            reading.take(reading.words[start].start, reading.words[item.j - 1].end, NO)
        excepted = not refused and _is_excepted(reading, item.i)
        out.append(replace(item, refused=refused, excepted=excepted))
    return out


_DENIAL = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, sorted(_NO, key=len, reverse=True)))})\s+(?!only\b|just\b)"
    r"(?:(?!(?:and|but|with|only|just|then)\b)[^\s.,;:!?()\[\]]+\s+){0,5}\W?$"
)


def is_denied(low: str, start: int) -> bool:
    """Whether a "no", "without" or "never" in the lower-case text ``low`` reaches what begins at
    letter ``start``: "no guitar solo", "never gets loud"."""
    return _DENIAL.search(low, max(0, start - 60), start) is not None


_NOUN_DROP = re.compile(
    r"\bdrops?(?=\s+(?:after|before|at|in|out|and|with|then|that)\b)|(?<=[ae] )drops?\b"
)


def is_refused(low: str, start: int) -> bool:
    """As ``is_denied``, where "drop" is not the verb but what dance music has: "a drop after the
    build-up"."""
    first = max(0, start - 80)
    before = _NOUN_DROP.sub(lambda m: "-" * len(m.group()), low[first:start])
    return is_denied(before, start - first)


def _closes(reading: Reading, items: list[Item], n: int) -> bool:
    """Whether a comma list that began refused ends in "or": "no drums, bass or guitar"."""
    for a, b in zip(items[n:], items[n + 1 :], strict=False):
        gap = reading.low[reading.words[a.j - 1].end : reading.words[b.i].start]
        if re.fullmatch(r"[\s,]*\b(?:or|nor|oder|ou)\b\s*(?:any\s+)?", gap):
            return True
        if gap.strip() != ",":
            return False
    return False


def _refusal_before(reading: Reading, i: int, ends: dict[int, int], paced: set[int]) -> int | None:
    """Index of the word that refuses what begins at word ``i``, or None."""
    words = reading.words
    if _NOTHING_BUT_BEFORE.search(reading.low[max(0, words[i].start - 60) : words[i].start]):
        return None
    k, strangers = i - 1, 0
    while k >= max(0, i - 8) and _near(reading, k) and k not in paced:
        low = words[k].low
        if k and (words[k - 1].low, low) in _NO_PAIRS:
            return k - 1
        pair = (low, words[k + 1].low)
        if (low in _EXCEPT or pair == ("other", "than")) and _is_exception(reading, k):
            reading.put_aside(words[k].start, words[k].end, EXCEPTION, "says what sounds after all")
            return None
        if low in _NO or low in east.NO:
            only = low == "not" and words[k + 1].low in ("only", "just")
            return None if only else k
        if low not in _FILL:
            strangers += 1
            if strangers > 1 or k + 1 in ends or low in ("and", "but", "with"):
                return None
        k -= 1
    return None


def _near(reading: Reading, k: int) -> bool:
    """Whether nothing but space stands between word ``k`` and the next."""
    gap = reading.low[reading.words[k].end : reading.words[k + 1].start]
    return not gap.strip(" \t\n-'\"/:")
