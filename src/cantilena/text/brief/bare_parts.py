"""Parts that a text names by what they play alone: "pad and lead", "two leads", "pads, arps, bass".

Knows where such a word stands as a part beside others, and which instrument plays it there; does
not know roles of instruments that have a name (``roles``) or figures that somebody plays
(``figures``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cantilena.score.score import DRUMS
from cantilena.text.brief.mentions import Item, span
from cantilena.text.brief.refusals import is_denied
from cantilena.text.brief.rules import Rule
from cantilena.text.lexicon import Reading, Use
from cantilena.text.lexicon.instruments import INSTRUMENTS
from cantilena.text.lexicon.terms import NUMBERS
from cantilena.text.wishes import Instrument

LEAD = Rule(
    "a lead without an instrument",
    "instruments",
    (
        ("dark synth duet, pad and lead", {"instruments": "synth pad, synth lead", "only": True}),
        ("with a lead", {"instruments": "synth lead", "roles": "synth lead: lead"}),
        ("bass and lead", {"instruments": "bass, synth lead"}),
        ("two leads", {"instruments": "synth lead*2"}),
        ("house, pads and soaring leads", {"instruments": "synth pad, synth lead"}),
        ("rock with bass, drums and a lead", {"instruments": "bass, drums, electric guitar"}),
        ("rock, bass and lead guitar", {"instruments": "bass, guitar", "roles": "guitar: lead"}),
        ("a pad with a flute lead", {"instruments": "synth pad, flute", "roles": "flute: lead"}),
        ("flute on lead, piano", {"instruments": "flute, piano"}),
        ("soul with a female lead and piano", {"instruments": "piano"}),
        ("piano and strings without a lead", {"instruments": "piano, strings"}),
    ),
)
ARPEGGIO = Rule(
    "an arpeggio without an instrument",
    "instruments",
    (
        (
            "arpeggio and pad",
            {
                "instruments": "synth lead, synth pad",
                "figures": "synth lead: arpeggio, synth pad: pad",
            },
        ),
        ("techno with bass, drums and an arp", {"instruments": "bass, drums, synth lead"}),
        ("piano, arpeggios and strings", {"instruments": "piano, strings"}),
        ("arpeggios on a pad", {"instruments": "synth pad", "figures": "synth pad: arpeggio"}),
    ),
)
RULES: tuple[Rule, ...] = (LEAD, ARPEGGIO)

BASS_AND_LEAD = "bass and lead"  # General MIDI's sound; in a text nearly always two parts
ROCK = frozenset({"rock", "metal", "punk", "blues", "country"})
"""Genres whose lead is a guitar."""
SYNTHETIC_GENRES = frozenset({"electronic", "dance", "house", "techno", "trance"})
_SYNTHS, _BASSES = range(80, 104), range(32, 40)

_WORD = re.compile(r"\b(?:(?P<lead>leads?)|arps?|arpeggi(?:os?|ators?))\b")
_ADJECTIVES = r"(?:(?!(?:and|with|to|the|in|on|of|or|by|no|male|female)\b)[\w'-]+\s+){0,2}"
_ARTICLE = re.compile(
    rf"(?:^|[,;.&+/]|\b(?:and|with|plus|over|under|featuring|for|add|using))\s*"
    rf"\b(?P<number>an?|{'|'.join(NUMBERS)}|[2-9])\s+{_ADJECTIVES}$"
)
_LISTED = re.compile(rf"\s*(?:,|&|\+|/|\b(?:and|plus|with|over))\s*{_ADJECTIVES}$")
_BEHIND = re.compile(r"\s*(?:$|,(?!\s*played)|[.;!?)&+/]|(?:and|with|plus|over|under|on\s+top)\b)")
_NEXT = re.compile(r"\s*(?:,|&|\+|/|\b(?:and|plus|with|over)\b)\s*(?:an?\s+)?(?:[\w'-]+\s+){0,2}")


def with_bare_parts(reading: Reading, items: list[Item], alone: bool = False) -> list[Item]:
    """The items (as ``phrases.items_of`` gives them) and an instrument for each part that is named
    by what it plays alone. ``alone``: the text is one entry of a list of instruments."""
    items = [_bass_alone(reading, it) for it in items]
    return sorted([*items, *_bare(reading, items, alone)], key=lambda it: (it.i, it.j))


def _bass_alone(reading: Reading, it: Item) -> Item:
    """An item; of "bass and lead" the bass."""
    start, end = span(reading, it)
    if not isinstance(it.value, Instrument) or reading.low[start:end] != BASS_AND_LEAD:
        return it
    return Item(it.i, it.i + 1, it.kind, Instrument("bass", INSTRUMENTS["bass"][0]), it.refused)


def _bare(reading: Reading, items: list[Item], alone: bool) -> Iterator[Item]:
    named = [it for it in items if it.kind in ("instrument", "ensemble")]
    for m in _WORD.finditer(reading.low):
        n = next((n for n, word in enumerate(reading.words) if word.start == m.start()), None)
        if n is None or any(it.i <= n < it.j for it in named):
            continue
        rule = LEAD if m["lead"] else ARPEGGIO
        name = _lead_of(items) if m["lead"] else "synth lead"
        if is_denied(reading.low, m.start()):
            reading.put_aside(*m.span(), rule, "the text refuses it")
        elif not (m["lead"] or _is_synthetic(items)):
            reading.put_aside(*m.span(), rule, "others are named that may play it")
        elif not (alone or _stands_as_part(reading, m, named)):
            reading.put_aside(*m.span(), rule, "it says what another part plays")
        else:
            reading.uses.append(Use(*m.span(), rule.field, rule.name, value=name))
            yield Item(n, n + 1, "instrument", Instrument(name, INSTRUMENTS[name][0]))


def _stands_as_part(reading: Reading, m: re.Match[str], named: list[Item]) -> bool:
    """Whether a word has an article or a number, or stands in a list with instruments."""
    low = reading.low
    if not _BEHIND.match(low, m.end()):
        return False
    before = [it for it in named if span(reading, it)[1] <= m.start()]
    last = span(reading, before[-1])[1] if before else 0
    article = _ARTICLE.search(low[last : m.start()])
    if article:
        return m.group().endswith("s") == (article["number"] not in ("a", "an", "one"))
    if before and _LISTED.fullmatch(low[last : m.start()]):
        return True
    after = next((span(reading, it)[0] for it in named if span(reading, it)[0] >= m.end()), None)
    first = not low[: m.start()].strip()
    return first and after is not None and _NEXT.fullmatch(low[m.end() : after]) is not None


def _is_synthetic(items: list[Item]) -> bool:
    """Whether all instruments are synthesizers, basses or drums, and there is or would be a
    synthesizer among them."""
    programs = [it.value.programs[0] for it in items if isinstance(it.value, Instrument)]
    synths = [p for p in programs if p in _SYNTHS]
    genres = {it.value for it in items if it.kind == "genre"}
    others = [p for p in programs if p not in _SYNTHS and p not in _BASSES and p != DRUMS]
    return not others and bool(synths or SYNTHETIC_GENRES & genres)


def _lead_of(items: list[Item]) -> str:
    """The instrument of a lead: a guitar in music of guitars without synthesizers."""
    programs = {it.value.programs[0] for it in items if isinstance(it.value, Instrument)}
    genres = {it.value for it in items if it.kind == "genre"}
    return "electric guitar" if ROCK & genres and programs.isdisjoint(_SYNTHS) else "synth lead"
