"""Which part words belong to: the "strings" of "soft strings", the "cello" of "it is the cello
that plays pizzicato".

Knows where a text names its parts and how words lean on them ("X of the Y", "Y plays X"); does
not know what the words ask for.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from cantilena.text.brief.mentions import HEADS, Item, span
from cantilena.text.lexicon import Reading
from cantilena.text.lexicon.ensembles import Ensemble
from cantilena.text.wishes import Instrument
from cantilena.text.wordlists import by_name

NAME = "\ue000"
"""Stands for each letter of a part's name in ``Mentions.low``."""

_FUNCTIONS = by_name(
    {
        "melody": "melody, melodies, melody line, melodic line, lead line, top line, "
        "melodie, melodia",
        "bass": "bass line, bassline, basslines, bass lines, bass part, low end",
        "accompaniment": "accompaniment, backing, chords, harmony, harmonies, begleitung, "
        "accompagnement, acompanamiento, accompagnamento",
        "drums": "beat, beats, rhythm section, groove, percussion",
    }
)
"""What parts do, and the words for it: a part where no instrument is named."""
_FUNCTION = re.compile(rf"\b(?:{'|'.join(sorted(_FUNCTIONS, key=len, reverse=True))})\b")

_NOUN = r"(?:\s+(?:parts?|lines?|sections?|voices?|tracks?|sounds?|chords?))?"
_ADJECTIVES = r"(?:(?:the|a|an|some|his|her|its|\w+(?:-\w+)?)\s+){0,3}"
_PREPOSITIONS = (
    "and|or|with|over|on|in|of|by|from|for|between|among|through|at|to|under|is|are|behind|beneath"
    "|before|after|above|below|against|into|around|as|while|than|then|plus|without|like|alongside"
    "|et|und|y|e|en|de|con|mit|avec|ohne|sans"
)
_ADJECTIVE_GAP = re.compile(rf"[\s-]*(?:(?!(?:{_PREPOSITIONS})\b)\w+(?:-\w+)?,?\s+){{0,2}}")
_AFTER_NAME = re.compile(rf"{_NOUN}(?:\s*[:(]\s*|[\s-]+|\s*,\s*(?:played|all)\s+)")
_LEANING = re.compile(
    rf"{_NOUN}\s+(?:(?:played|performed|sung|carried|provided|given|done)\s+)?"
    rf"(?:of|on|in|by|from|for|between|among|through|auf|von|der|del|de|du|a)\s+{_ADJECTIVES}"
)
_SUBJECT = re.compile(
    rf"{_NOUN}\s+(?!(?:and|or)\s+(?:an?|the)\b|and\s*$)"
    rf"(?:(?!(?:over|against|above|under|beneath|while|whereas|but|before|after|behind|then)\b)"
    rf"[\w'-]+[\s-]+){{0,7}}"
)
_PARTICIPLE = re.compile(r"\s+\w+ing\s+(?:(?!(?:and|over|while)\b)[\w'-]+[\s-]+){0,3}")
_PRONOUN = re.compile(
    r"\W*\s*(?:(?:it|they|he|she)\s+(?:play|perform|sing)s?|(?:which|who|that)\s+\w+)\s+(?:[\w'-]+[\s-]+){0,5}"
)
_MORE = r"(?:(?:the|an?|some)\s+)?(?:[\w-]+\s+)?"
_AND = re.compile(rf"\s*(?:,?\s*\b(?:and|und|et|y|e)\b|[&+/])\s*{_MORE}")
_COMMA = re.compile(rf"\s*,\s*{_MORE}")


@dataclass(frozen=True)
class Mention:
    """Letters ``start`` to ``end`` (exclusive) that name parts; ``names``: those parts, as a
    ``PartWish`` names them (a line-up names several)."""

    start: int
    end: int
    names: tuple[str, ...]


class Mentions:
    """Where a text names the parts that it asks for.

    ``named``: instruments, in the order of the text; ``functions``: words such as "melody" and
    "bass line" that stand apart from them. ``low`` is the Reading's text in lower case with
    ``NAME`` in the place of every letter that names an instrument, so that patterns can speak of
    any of them; positions stay.
    """

    def __init__(self, reading: Reading, items: Iterable[Item], instruments: Iterable[Instrument]):
        names = [i.name for i in instruments]
        self.named: list[Mention] = []
        low = reading.low
        for it in items:
            if it.refused:
                continue
            parts = _parts_of(it.value, names)
            if parts:
                start, end = span(reading, it)
                self.named.append(Mention(start, end, parts))
                low = low[:start] + NAME * (end - start) + low[end:]
        self.low = low
        self._starts = [m.start for m in self.named]
        self.functions = [
            Mention(*m.span(), (_FUNCTIONS[m.group()],))
            for m in _FUNCTION.finditer(low)
            if not re.search(rf"{NAME}[\s-]+$", low[: m.start()][-2:])
        ]

    def at(self, start: int) -> Mention | None:
        """The instruments named from letter ``start`` on, or None."""
        n = bisect_left(self._starts, start)
        return self.named[n] if n < len(self.named) and self._starts[n] == start else None

    def following(self, mention: Mention, commas: bool = True) -> tuple[str, ...]:
        """The parts of a mention and of those listed behind it, up to the one after "and": "by
        harp, oboe and flute". Without ``commas``: "by harp and flute" alone."""
        return self._listed(mention, 1, commas)

    def preceding(self, mention: Mention, commas: bool = True) -> tuple[str, ...]:
        """The parts of a mention and of those listed before it with an "and": "harp, oboe and
        flute play". Without ``commas``: "harp and flute" alone."""
        return self._listed(mention, -1, commas)

    def listed(self, mention: Mention) -> tuple[str, ...]:
        """The parts of a mention and of those listed before and behind it."""
        return tuple(dict.fromkeys((*self.preceding(mention), *self.following(mention))))

    def _listed(self, mention: Mention, step: int, commas: bool) -> tuple[str, ...]:
        if mention not in self.named:
            return mention.names
        n = self.named.index(mention)
        row, complete, before_and = [n], [n], True
        while 0 <= row[-1] + step < len(self.named):
            one, other = sorted((row[-1], row[-1] + step))
            between = self.low[self.named[one].end : self.named[other].start]
            has_and = _AND.fullmatch(between) is not None
            if not has_and and not (commas and _COMMA.fullmatch(between)):
                break
            if (step > 0 and not before_and) or (step < 0 and len(row) == 1 and not has_and):
                break
            row.append(row[-1] + step)
            before_and = not has_and
            if has_and or step < 0:
                complete = list(row)
        names = (name for i in sorted(complete) for name in self.named[i].names)
        return tuple(dict.fromkeys(names))

    def owners(self, start: int, end: int) -> tuple[str, ...]:
        """The parts that the words from ``start`` to ``end`` (exclusive) are about, as a
        ``PartWish`` names them; ("",) where they are about the whole music.

        In this order: a part named right after them ("soft strings") or right before ("piano
        arpeggios"); "arpeggios on the harp"; "the harp plays arpeggios"; "a harp. It plays
        arpeggios". Instruments come before functions such as "melody" in each.
        """
        for m in self.named:
            if start < m.end and m.start < end:
                return m.names
        return self._nearest(self.named, start, end) or self._nearest(self.functions, start, end)

    def _nearest(self, rows: list[Mention], start: int, end: int) -> tuple[str, ...]:
        after = next((m for m in rows if m.start >= end), None)
        before = next((m for m in reversed(rows) if m.end <= start), None)
        if after and _ADJECTIVE_GAP.fullmatch(self.low, end, after.start):
            return after.names
        if before and _AFTER_NAME.fullmatch(self.low, before.end, start):
            return before.names
        if after and _LEANING.fullmatch(self.low, end, after.start):
            return self.following(after)
        if before and _PARTICIPLE.fullmatch(self.low, before.end, start):
            return before.names
        if before and (
            _SUBJECT.fullmatch(self.low, before.end, start)
            or _PRONOUN.fullmatch(self.low, before.end, start)
        ):
            return self.preceding(before)
        return () if rows is self.named else ("",)


def _parts_of(value: object, names: list[str]) -> tuple[str, ...]:
    """The asked instruments (``names``) that the value of an item names or takes up again."""
    if isinstance(value, Ensemble):
        return tuple(dict.fromkeys(m.name for m in value.members if m.name in names))
    if not isinstance(value, Instrument):
        return ()
    if value.name in names:
        return (value.name,)
    return tuple(name for name in names if name in HEADS.get(value.name, ()))[-1:]
