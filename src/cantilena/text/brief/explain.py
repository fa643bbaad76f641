"""Why a text is read as it is: which words led to what, which were put aside, and which rule did.

Knows every rule's name and how a Reading is shown; reads nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from cantilena.text.brief import (
    bare_parts,
    bounds,
    changes,
    chords,
    closing,
    entries,
    figures,
    form,
    keys,
    length,
    loudness,
    manner,
    mentions,
    modulations,
    parts,
    phrases,
    reader,
    refusals,
    roles,
    time,
    turns,
)
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading, Use
from cantilena.text.lexicon.stopwords import STOP
from cantilena.text.wishes import (
    MAX_BARS,
    MAX_SECONDS,
    MIN_BARS,
    MIN_SECONDS,
    Brief,
    range_words,
)

_MODULES = (
    time,
    length,
    bounds,
    keys,
    chords,
    phrases,
    mentions,
    bare_parts,
    refusals,
    closing,
    parts,
    reader,
    modulations,
    turns,
    form,
    entries,
    changes,
    loudness,
    manner,
    roles,
    figures,
)
RULES: tuple[Rule, ...] = tuple(rule for module in _MODULES for rule in module.RULES)
"""Every rule."""
UNKNOWN = "no rule knows these words"


@dataclass(frozen=True)
class Line:
    """Words of a text (letters ``start`` to ``end``, exclusive, in Unicode NFC), the wish that they
    led to ("": none), the rule that took them up or looked at them, and why they were put aside
    ("": they were not)."""

    words: str
    start: int
    end: int
    wish: str
    rule: str
    why: str


def explain(text: str) -> list[Line]:
    """What became of the words of a text, in its order. Words that ask for nothing by themselves
    ("a", "with", "song") are left out where no rule took them up."""
    brief, reading = reader.read(text)
    rejected = {(use.start, use.end) for use in reading.conflicts}
    uses = [use for use in reading.uses if (use.start, use.end) not in rejected]
    lines = [_line(reading, use, _wish(use, brief)) for use in uses]
    aside = (*reading.conflicts, *reading.asides)
    lines += [_line(reading, use, "") for use in dict.fromkeys(aside)]
    for start, end in reading.unplaced_spans(STOP):
        if not any(use.start < end and start < use.end for use in aside):
            lines.append(_line(reading, Use(start, end, "", "", UNKNOWN), ""))
    return sorted(lines, key=lambda line: (line.start, line.end, not line.wish))


def _line(reading: Reading, use: Use, wish: str) -> Line:
    words = " ".join(reading.text[use.start : use.end].split())
    return Line(words, use.start, use.end, wish, use.rule, use.why)


def _wish(use: Use, brief: Brief) -> str:
    """The wish that words led to, in words."""
    value = use.value
    if not value and use.field == "length":
        value = _length(brief)
    elif not value and use.field == "excluded":
        value = "not to sound"
    elif not value and use.field == "chords":
        value = " ".join(brief.chords)
    elif not value and use.field in ("tempo", "metre", "key", "swing", "timing", "density"):
        wish = getattr(brief, use.field)
        value = f"{wish:g}" if isinstance(wish, float) else "" if wish is None else str(wish)
    return f"{use.field}: {value}" if value else use.field


def _length(brief: Brief) -> str:
    bars = f"{brief.bars} bars" if brief.bars else ""
    if brief.bars_range:
        bars = f"{range_words(brief.bars_range, (MIN_BARS, MAX_BARS))} bars"
    seconds = f"{brief.seconds:g} seconds" if brief.seconds else ""
    if brief.seconds_range:
        seconds = f"{range_words(brief.seconds_range, (MIN_SECONDS, MAX_SECONDS))} seconds"
    return ", ".join(filter(None, (bars, seconds)))
