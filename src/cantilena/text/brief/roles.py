"""Who does what: the lead, solos, counter-melodies, accompaniment, background, bass and drums.

Knows how the rules of ``role_rules`` are applied to the instruments that a text asks for; does not
know names (``owner`` finds them) and asks for no instrument by itself. Words that serve another
wish keep it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cantilena.score.score import DRUMS
from cantilena.text.brief.owner import Mention, Mentions
from cantilena.text.brief.refusals import is_denied
from cantilena.text.brief.role_rules import (
    ALONE,
    COUNTERMELODIES,
    FOLLOWING,
    IN_NAME,
    IN_NAME_WORDS,
    ONE,
    TABLE,
    Match,
)
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading
from cantilena.text.wishes import Instrument, PartWish

RULES: tuple[Rule, ...] = (COUNTERMELODIES, IN_NAME, ALONE, *TABLE)
REFUSED = "the text refuses it"
_NO_LEAD = ("accompaniment", "background", "bass")


def read_roles(
    reading: Reading, mentions: Mentions, instruments: tuple[Instrument, ...], only: bool
) -> tuple[PartWish, ...]:
    """The roles that the text gives to its parts, in its order. Takes the words that give them;
    names and words of other wishes keep what they were read as."""
    reader = _RoleReader(reading, mentions, instruments, only)
    reader.counter_melodies()
    for rule in TABLE:
        reader.apply(rule)
    reader.names()
    return tuple(dict.fromkeys(wish for _, wish in sorted(reader.rows, key=lambda row: row[0])))


class _RoleReader:
    """The roles read so far: ``rows`` of where they stand and the wish; ``keys``: letters of words
    that already gave one."""

    def __init__(
        self,
        reading: Reading,
        mentions: Mentions,
        instruments: tuple[Instrument, ...],
        only: bool,
    ):
        self.reading, self.mentions = reading, mentions
        self.programs = {i.name: i.programs for i in instruments}
        self.alone = only and len(instruments) == 1
        self.rows: list[tuple[int, PartWish]] = []
        self.keys: set[int] = set()

    def counter_melodies(self) -> None:
        assert COUNTERMELODIES.pattern
        for m in COUNTERMELODIES.pattern.finditer(self.mentions.low):
            if is_denied(self.mentions.low, m.start()):
                self.reading.put_aside(*m.span(), COUNTERMELODIES, REFUSED)
                continue
            owners = self.mentions.owners(*m.span())
            self._add(COUNTERMELODIES, m, m.start(), owners, "countermelody")

    def apply(self, rule: Rule[Match]) -> None:
        assert rule.pattern and rule.effect
        for m in rule.pattern.finditer(self.mentions.low):
            match = rule.effect(self.reading, m)
            mention = self._mention(m)
            if match is None or mention is None:
                continue
            if is_denied(self.mentions.low, m.start(_keys(m)[0])):
                self.reading.put_aside(*m.span(), rule, REFUSED)
                continue
            if any(self.keys.intersection(range(*m.span(key))) for key in _keys(m)):
                continue
            names = self._reach(mention, match)
            start = mention.start
            if match.role in ("lead", "solo") and self.alone:
                self.reading.put_aside(*m.span(), ALONE, "nobody else plays")
                continue
            for role, parts in self._roles(match.role, names).items():
                self._add(rule, m, start, parts, role)

    def _mention(self, m: re.Match[str]) -> Mention | None:
        group = "part2" if m.groupdict().get("part2") else "part"
        return self.mentions.at(m.start(group))

    def _reach(self, mention: Mention, match: Match) -> tuple[str, ...]:
        if match.reach == ONE:
            return mention.names
        listed: Callable[[Mention, bool], tuple[str, ...]] = (
            self.mentions.following if match.reach == FOLLOWING else self.mentions.preceding
        )
        return listed(mention, match.commas)

    def _roles(self, role: str, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Which parts have which role, where the role follows from what they are."""
        if role == "percussion":
            drums = tuple(n for n in names if self._is_percussion(n))
            basses = tuple(n for n in names if n not in drums and self._is_rhythm(n))
            others = tuple(n for n in names if n not in (*drums, *basses))
            return {"drums": drums, "bass": basses, "accompaniment": others}
        if role == "over":
            return {"accompaniment": tuple(n for n in names if not self._is_rhythm(n))}
        return {role: names}

    def _is_percussion(self, name: str) -> bool:
        return DRUMS in self.programs[name] or 112 <= self.programs[name][0] < 120

    def _is_rhythm(self, name: str) -> bool:
        return self._is_percussion(name) or 32 <= self.programs[name][0] < 40

    def _add(
        self, rule: Rule, m: re.Match[str], start: int, parts: tuple[str, ...], role: str
    ) -> None:
        if not parts:
            return
        self.rows += [(start, PartWish(part, role)) for part in parts]
        named = set(m.re.groupindex.values())
        loose = [m.span(n) for n in range(1, m.re.groups + 1) if n not in named and m[n]]
        for key in _keys(m):
            self.keys.update(range(*m.span(key)))
        value = ", ".join(f"{part}: {role}" if part else role for part in parts)
        self.reading.take(*m.span(), rule, value, loose)

    def names(self) -> None:
        """Roles that stand in the name itself: "lead guitar", "backing vocals"."""
        placed = {wish.part for _, wish in self.rows if wish.value in _NO_LEAD}
        leads = any(wish.value == "lead" for _, wish in self.rows)
        for mention in self.mentions.named:
            text = self.reading.low[mention.start : mention.end]
            for role, pattern in IN_NAME_WORDS:
                m = pattern.search(text)
                if m is None or (role in ("lead", "solo") and self.alone):
                    continue
                if role == "lead" and placed.intersection(mention.names):
                    continue  # "violin melody over a synth lead"
                if role == "lead" and leads and all("lead" in n.split() for n in mention.names):
                    continue  # "synth lead and drums, led by the piano": the sound's name
                self.rows += [(mention.start, PartWish(part, role)) for part in mention.names]
                value = ", ".join(f"{part}: {role}" for part in mention.names)
                self.reading.take(mention.start, mention.end, IN_NAME, value)


def _keys(m: re.Match[str]) -> list[str]:
    return [key for key in ("key", "key2") if m.groupdict().get(key)]
