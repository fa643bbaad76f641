"""Phrases of the tables in a text, and which of them mean something else there.

Knows how to find names of instruments, genres, moods, tempi, dances, swing and density, and which
hides which ("jazz guitar" names no genre, "drum and bass" no instrument); does not know what
becomes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from cantilena.score import gm
from cantilena.text.brief.everyday import UNMEANT, unmeant
from cantilena.text.brief.mentions import (
    BASS_OF_ANOTHER,
    COUNTERPOINT,
    LIST_END,
    VIBES,
    Item,
    ends_a_list,
    gap,
    is_bass_of_another,
    is_line,
    is_vibe,
    span,
    with_shared_nouns,
)
from cantilena.text.brief.rules import Rule
from cantilena.text.labels import GENRE_WORDS, GENRES, MOOD_WORDS, MOODS
from cantilena.text.lexicon import Phrasebook, Reading, Speller, Use, east, west
from cantilena.text.lexicon.abroad import GENRES_MORE, MOODS_MORE
from cantilena.text.lexicon.ensembles import SIZES, Ensemble, ensembles
from cantilena.text.lexicon.instruments import instruments
from cantilena.text.lexicon.names import NAMES
from cantilena.text.lexicon.stopwords import REAL, STOP
from cantilena.text.lexicon.terms import (
    DANCES,
    DENSITY,
    METRES,
    NUMBERS,
    PACES,
    SHORT,
    SWING,
    TIMING,
    Pace,
)
from cantilena.text.wishes import Instrument
from cantilena.text.wordlists import split_names

KINDS: dict[str, Rule] = {
    "instrument": Rule(
        "the name of an instrument",
        "instruments",
        (
            ("two violins and a cello", {"instruments": "violin*2, cello"}),
            ("first violin, second violin, viola", {"instruments": "violin*2, viola"}),
        ),
    ),
    "ensemble": Rule(
        "a line-up", "instruments", (("jazz trio", {"instruments": "piano, acoustic bass, drums"}),)
    ),
    "genre": Rule("a word for a genre", "label", (("funky trance", {"genres": "funk, trance"}),)),
    "mood": Rule("a word for a mood", "label", (("a gloomy waltz", {"moods": "dark"}),)),
    "pace": Rule(
        "a tempo word",
        "tempo",
        (("Andante", {"tempo": 82}), ("slow, 160 bpm", {"tempo": 160, "unplaced": "slow"})),
    ),
    "swing": Rule("swing or straight", "swing", (("swing feel", {"swing": True}),)),
    "timing": Rule("how notes are timed", "timing", (("humanized piano", {"timing": "played"}),)),
    "density": Rule("how many notes", "density", (("sparse piano", {"density": "sparse"}),)),
    "dance": Rule("a dance", "dance", (("a polka", {"metre": "2/4"}),)),
}
"""The rule of each kind of phrase."""


@dataclass(frozen=True)
class Books:
    """The tables, each as a phrasebook."""

    parts: Phrasebook[Instrument | Ensemble]
    genres: Phrasebook[str]
    moods: Phrasebook[str]
    paces: Phrasebook[Pace]
    dances: Phrasebook[tuple[str, str]]
    swing: Phrasebook[bool]
    timing: Phrasebook[str]
    density: Phrasebook[tuple[str, str]]


_GENRES = {**NAMES, **west.GENRES, **east.GENRES, **GENRES_MORE}
_MOODS = {**west.MOODS, **east.MOODS, **MOODS_MORE}


@lru_cache(maxsize=1)
def books() -> Books:
    """The tables; made once."""

    def words(table: dict[str, tuple[str, ...]], names: Iterable[str], more: dict[str, str]):
        yield from ((name, name) for name in names)
        yield from ((phrase, name) for name, phrases in table.items() for phrase in phrases)
        yield from more.items()

    parts = Phrasebook[Instrument | Ensemble](())
    parts.join(ensembles())
    parts.join(instruments())
    moods = [m for m in words(MOOD_WORDS, (n for n in MOODS), _MOODS) if m[0] != "still"]
    return Books(
        parts,
        Phrasebook(words(GENRE_WORDS, (n for n in GENRES if n != "romantic"), _GENRES)),
        Phrasebook(moods),
        Phrasebook([*PACES.items(), *((w, PACES[n]) for w, n in east.PACES.items())]),
        Phrasebook(DANCES.items()),
        Phrasebook(SWING.items()),
        Phrasebook(TIMING.items()),
        Phrasebook(DENSITY.items()),
    )


@lru_cache(maxsize=1)
def speller() -> Speller:
    """Corrects misspellings of the tables' words; made once."""
    b = books()
    tables = (b.parts, b.genres, b.moods, b.paces, b.dances, b.swing, b.timing, b.density)
    words = {w for table in tables for w in table.words} | {*SIZES, *NUMBERS, *SHORT}
    words |= {w for name in METRES for w in name.split()} | {"major", "minor", "without"}
    foreign = {*west.INSTRUMENTS, *west.GENRES, *west.MOODS}  # too near to everyday English words
    names = {w for w in b.parts.words if w not in foreign and b.parts.get(w)} | {
        w for w in SIZES if len(w) > 4
    }
    labels = (b.genres, b.moods, b.paces, b.dances, b.swing, b.timing)
    strict = {w for t in labels for w in t.words if w not in foreign and t.get(w) is not None}
    stems = {w for table in (b.genres, b.moods) for w in table.words if table.get(w)}
    return Speller(words, STOP | REAL, names, strict - names, {w for w in stems if len(w) > 3})


_KINDS = ("parts", "genres", "moods", "paces", "dances", "swing", "timing", "density")
_ONE = {"genres": "genre", "moods": "mood", "paces": "pace", "dances": "dance"}


def items_of(reading: Reading) -> Iterator[Item]:
    """Every phrase of the tables in the text that no number or symbol has taken, in order."""
    tables, words = books(), reading.words
    items: list[Item] = []
    for kind in _KINDS:
        book, i = getattr(tables, kind), 0
        while i < len(words):
            match = book.match(words, i, reading.free)
            if match is None:
                i += 1
                continue
            value, n = match
            name = _ONE.get(kind, kind)
            if kind == "parts":
                name = "ensemble" if isinstance(value, Ensemble) else "instrument"
            items.append(Item(i, i + n, name, value))
            i += n
    items = [_with_aside(reading, it) for it in items] + list(_four_voices(reading))
    items = _negated(reading, items)
    for it in [it for it in items if it.kind in ("genre", "dance")]:
        if ends_a_list(reading, it, items):
            reading.put_aside(*span(reading, it), LIST_END, "two instruments of the list before")
            items.remove(it)
    at_word: dict[int, list[Item]] = {}
    for it in items:
        for n in range(it.i, it.j):
            at_word.setdefault(n, []).append(it)
    visible: list[Item] = []
    for it in items:
        others = (o for n in range(it.i, it.j) for o in at_word[n] if o is not it)
        over = next((o for o in others if _hides(o, it, reading)), None)
        why = f"part of {_text(reading, over)!r}" if over else unmeant(it, reading)
        if why:
            rule = KINDS[it.kind] if over else UNMEANT
            reading.put_aside(*span(reading, it), rule, why)
        else:
            visible.append(it)
    visible = with_shared_nouns(reading, visible, tables.parts)
    yield from sorted(_sounding(reading, visible), key=lambda it: (it.i, it.j))


NEGATED = Rule(
    "a tempo word that is denied",
    "tempo",
    (
        ("The tempo does not feel too slow.", {"tempo": 106}),
        ("it is neither hurried nor slow", {"tempo": 106}),
        ("never really fast", {"tempo": 102}),
    ),
)
_DENIED = re.compile(
    r"(?:\b(?:not|never|nicht|isn't|doesn't|don't|aren't|without\s+being)"
    r"(?:\s+(?:feel|feeling|be|being|seem|sound|get|go|play|move|ever|an?|the|too|so|very|overly|really"
    r"|particularly|especially|all\s+that|quite|at\s+all|zu|sehr|in|of)){0,6}|\bneither)\s+$"
)
_NOR = re.compile(r"\s+(?:nor|noch|or)\s+(?:too\s+|very\s+)?")


def _negated(reading: Reading, items: list[Item]) -> list[Item]:
    """The items; a tempo word that is denied ("not too slow") leaves the middle, or what is next
    to it."""
    out: list[Item] = []
    words = reading.words
    for it in items:
        last = out[-1] if out else None
        if it.kind != "pace" or not isinstance(it.value, Pace):
            out.append(it)
            continue
        start = words[it.i].start
        before = _DENIED.search(reading.low[:start][-60:])
        nor = last is not None and last.kind == "pace" and _NOR.fullmatch(gap(reading, last, it))
        side = "slow" if it.value.bpm < 100 else "fast"
        if before and it.value.rank == 1:
            a = start - len(before.group())
            i = next(n for n, word in enumerate(words) if word.start >= a)
            reading.uses.append(Use(a, words[it.j - 1].end, NEGATED.field, NEGATED.name))
            out.append(replace(it, i=i, value=PACES[f"not too {side}"]))
        elif nor and last and isinstance(last.value, Pace) and last.value.rank == 1:
            middle = PACES["medium tempo"] if last.value != PACES[f"not too {side}"] else last.value
            out[-1] = replace(last, j=it.j, value=middle)
        else:
            out.append(it)
    return out


def _sounding(reading: Reading, items: list[Item]) -> Iterator[Item]:
    """The items without names of instruments that mean a line of the texture or a mood."""
    named = sorted((it for it in items if it.kind == "instrument"), key=lambda it: it.i)
    for it in items:
        if it.kind == "instrument" and is_line(reading, it, named):
            reading.put_aside(*span(reading, it), COUNTERPOINT, "a line of the texture, no singer")
        elif it.kind == "instrument" and is_vibe(reading, it):
            reading.put_aside(*span(reading, it), VIBES, "a mood, no vibraphone")
        elif it.kind == "instrument" and is_bass_of_another(reading, it, named):
            why = "what another part plays, no instrument"
            reading.put_aside(*span(reading, it), BASS_OF_ANOTHER, why)
        else:
            yield it


_ASIDE = re.compile(r"\s*\(\s*([^\W\d_][\w -]{1,20}?)\s*\)")


def _with_aside(reading: Reading, it: Item) -> Item:
    """An instrument and what a bracket adds to it: "guitar (acoustic)"."""
    end = reading.words[it.j - 1].end
    m = _ASIDE.match(reading.low, end) if it.kind == "instrument" else None
    if m is None:
        return it
    better = books().parts.get(f"{m.group(1)} {_text(reading, it)}")
    inside = sum(m.start() <= w.start < m.end() for w in reading.words)
    return replace(it, j=it.j + inside, value=better) if better else it


_SATB = re.compile(r"\bsoprano?s?\W+altos?\W+tenor[se]?\W+(?:and\W+|und\W+)?bass(?:es)?\b")


def _four_voices(reading: Reading) -> Iterator[Item]:
    """A choir of four parts: "soprano, alto, tenor and bass"."""
    for m in reading.finditer(_SATB):
        inside = [n for n, w in enumerate(reading.words) if m.start() <= w.start < m.end()]
        choir = ensembles().get("satb choir")
        if choir:
            yield Item(inside[0], inside[-1] + 1, "ensemble", choir)


_PLAIN_INSTRUMENTS = frozenset(
    split_names(
        """
    jazz guitar, jazz guitars, rock organ, classical guitar, classical guitars, new age pad, jazz
    organ, folk guitar, honky tonk, drum machine, choral, children's choir, childrens choir,
    electronic bass, honky tonk piano
    """
    )
)
_DRUM_AND_BASS = re.compile(r"drum\W+(?:and|n|&|'n')\W+bass|stride piano|drum'n'bass")


def _hides(over: Item, it: Item, reading: Reading) -> bool:
    """Whether one phrase contains another and by that shows that the other is not meant."""
    if not (over.i <= it.i and it.j <= over.j):
        return False
    if over.kind == "ensemble" and it.kind == "instrument":
        return True
    part, longer = over.kind in ("instrument", "ensemble"), over.j - over.i > it.j - it.i
    text = _text(reading, over)
    if part and it.kind in ("mood", "density", "pace", "dance", "swing", "timing"):
        same = over.kind == "ensemble" and it.kind in ("mood", "swing") and not longer
        return not (same or (over.kind == "ensemble" and it.kind == "dance"))
    if part and it.kind == "genre":
        return text in _PLAIN_INSTRUMENTS or text in gm.PROGRAMS or "(" in text
    if over.kind == "genre" and it.kind == "mood" and it.value == "romantic":
        return longer and _text(reading, it) == "romantic"
    if over.kind == "genre" and it.kind in ("instrument", "ensemble"):
        return bool(_DRUM_AND_BASS.fullmatch(text))
    if over.kind in ("genre", "mood") and it.kind == "density":
        return longer
    if over.kind == "mood" and it.kind == "genre":
        return longer
    if over.kind == "dance" and it.kind in ("instrument", "ensemble"):
        return True
    return over.kind == "genre" and longer and it.kind == "swing" and "swing" not in text


def _text(reading: Reading, it: Item) -> str:
    return reading.low[reading.words[it.i].start : reading.words[it.j - 1].end]


RULES: tuple[Rule, ...] = (*KINDS.values(), UNMEANT, NEGATED)
