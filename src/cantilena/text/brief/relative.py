"""Wishes that are read against what stands there: "higher", "busier", "more syncopated".

Knows the words for them, in one table; does not know Scores, or how a wish is met. A text asks for
these only where a piece is rewritten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cantilena.text.wishes import Brief

REGISTER, DENSITY, LOUDNESS = "register", "density", "loudness"
SYNCOPATION, LENGTH, TEMPO = "syncopation", "note length", "tempo"

_FAR = r"(?P<far>(?:a lot|much|far|an octave|viel|deutlich|beaucoup|mucho|molto)\s+)?"
_WORDS: tuple[tuple[str, int, str], ...] = (
    (REGISTER, 1, r"higher|up an octave|höher|plus (?:haut|aigue?)s?|más alt[oa]s?|più alt[oaie]"),
    (REGISTER, -1, r"lower|deeper|down an octave|tiefer|plus (?:bas|graves?)|más baj[oa]s?"),
    (REGISTER, -1, r"più bass[oaie]"),
    (
        DENSITY,
        1,
        r"busier|denser|fuller|more (?:busy|dense|notes|active)|dichter|voller|plus dense",
    ),
    (
        DENSITY,
        -1,
        r"sparser|thinner|simpler|calmer|(?:less|not so) (?:busy|dense|full|active)|fewer notes|"
        r"more (?:sparse|simple|space)|sparsamer|dünner|einfacher|plus simple|más simple",
    ),
    (LOUDNESS, 1, r"louder|stronger|more (?:loud|forceful)|lauter|plus fort|más fuerte|più forte"),
    (
        LOUDNESS,
        -1,
        r"softer|quieter|gentler|more (?:soft|soft?ly|quiet|gentle)|less loud|leiser|sanfter|"
        r"plus dou(?:x|ce)|más suave|più piano",
    ),
    (SYNCOPATION, 1, r"more syncopat\w+|funkier|synkopierter|syncopated"),
    (
        SYNCOPATION,
        -1,
        r"(?:less|not so) syncopat\w+|straighter|more (?:straight|on the beat)|simpler|einfacher",
    ),
    (LENGTH, -1, r"more staccato|staccato|shorter notes|choppier|kürzer|more detached|detached"),
    (LENGTH, 1, r"more legato|legato|longer notes|more sustained|smoother|gebunden(?:er)?"),
    (TEMPO, 1, r"faster|quicker|schneller|plus (?:vite|rapide)|più veloce|más rápid\w*"),
    (TEMPO, -1, r"slower|langsamer|plus lent\w*|più lent\w*|más lent\w*"),
)
"""Kind, direction, and the words that ask for it. A word may ask for two things."""
_RULES = [
    (kind, sign, re.compile(rf"\b{_FAR}(?:{words})\b", re.IGNORECASE))
    for kind, sign, words in _WORDS
]


@dataclass(frozen=True)
class RelativeWish:
    """A change of what stands there: its ``kind``; ``sign``, 1 for more (higher, busier, louder,
    longer), -1 for less; the ``words`` that ask for it; whether it is to go ``far``."""

    kind: str
    sign: int
    words: str
    far: bool = False


def relative_wishes(text: str) -> tuple[RelativeWish, ...]:
    """The relative wishes of a text, at most one of a kind; of two that disagree the longer phrase
    counts ("less syncopated" says more than "syncopated"), then the first."""
    strongest: dict[str, tuple[int, int, RelativeWish]] = {}
    for kind, sign, rule in _RULES:
        for match in rule.finditer(text):
            wish = RelativeWish(kind, sign, match.group(), bool(match.group("far")))
            rank = (-len(match.group()), match.start())
            if kind not in strongest or rank < strongest[kind][:2]:
                strongest[kind] = (*rank, wish)
    return tuple(wish for _, _, wish in strongest.values())


def without_relative(brief: Brief) -> Brief:
    """A Brief of a rewrite without what its relative wishes say better: a density or a tempo that
    was read out of their words, and these words among the unplaced ones."""
    from dataclasses import replace

    wishes = relative_wishes(brief.text)
    if not wishes:
        return brief
    taken = {word.lower() for wish in wishes for word in re.findall(r"\w+", wish.words)}
    taken |= {"notes", "more", "less", "and", "an", "octave", "up", "down"}
    left = tuple(
        words
        for words in brief.unplaced
        if not {w.lower() for w in re.findall(r"\w+", words)} <= taken
    )
    brief, kinds = replace(brief, unplaced=left), {wish.kind for wish in wishes}
    if DENSITY in kinds and brief.density is not None:
        brief = replace(brief, density=None, how=_less(brief.how, "density"))
    if TEMPO in kinds and brief.how.get("tempo") == "implied":
        how = _less(brief.how, "tempo", "tempo_range")
        brief = replace(brief, tempo=None, tempo_range=None, how=how)
    return brief


def _less(how: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in how.items() if name not in names}
