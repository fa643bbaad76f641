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
from cantilena.text.brief.mentions import (
    COUNTERPOINT,
    LIST_END,
    VIBES,
    Item,
    ends_a_list,
    is_line,
    is_vibe,
    span,
    with_shared_nouns,
)
from cantilena.text.brief.rules import Rule
from cantilena.text.labels import GENRE_WORDS, GENRES, MOOD_WORDS, MOODS
from cantilena.text.lexicon import Phrasebook, Reading, Speller
from cantilena.text.lexicon.abroad import GENRES_MORE, MOODS_MORE
from cantilena.text.lexicon.ensembles import SIZES, Ensemble, ensembles
from cantilena.text.lexicon.instruments import instruments
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
from cantilena.text.wordlists import split_names, word_set

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
RULES: tuple[Rule, ...] = tuple(KINDS.values())


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
    moods = [m for m in words(MOOD_WORDS, (n for n in MOODS), MOODS_MORE) if m[0] != "still"]
    return Books(
        parts,
        Phrasebook(words(GENRE_WORDS, (n for n in GENRES if n != "romantic"), GENRES_MORE)),
        Phrasebook(moods),
        Phrasebook(PACES.items()),
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
    names = {w for w in b.parts.words if b.parts.get(w)} | {w for w in SIZES if len(w) > 4}
    labels = (b.genres, b.moods, b.paces, b.dances, b.swing, b.timing)
    strict = {w for table in labels for w in table.words if table.get(w) is not None}
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
        why = f"part of {_text(reading, over)!r}" if over else _unmeant(it, reading)
        if why:
            reading.put_aside(*span(reading, it), KINDS[it.kind], why)
        else:
            visible.append(it)
    visible = with_shared_nouns(reading, visible, tables.parts)
    yield from sorted(_sounding(reading, visible), key=lambda it: (it.i, it.j))


def _sounding(reading: Reading, items: list[Item]) -> Iterator[Item]:
    """The items without names of instruments that mean a line of the texture or a mood."""
    named = [it for it in items if it.kind == "instrument"]
    for it in items:
        others = [o for o in named if o.value != it.value]
        if it.kind == "instrument" and is_line(reading, it, others):
            reading.put_aside(*span(reading, it), COUNTERPOINT, "a line of the texture, no singer")
        elif it.kind == "instrument" and is_vibe(reading, it):
            reading.put_aside(*span(reading, it), VIBES, "a mood, no vibraphone")
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
    if over.kind == "dance" and it.kind in ("instrument", "ensemble"):
        return True
    return over.kind == "genre" and longer and it.kind == "swing" and "swing" not in text


def _text(reading: Reading, it: Item) -> str:
    return reading.low[reading.words[it.i].start : reading.words[it.j - 1].end]


def _unmeant(it: Item, reading: Reading) -> str:
    """Why a name is an everyday word here, as the words around it say; "" where it is none."""
    if it.kind not in ("genre", "mood") or it.j - it.i > 1:
        return ""
    words = reading.words
    low = words[it.i].low
    before = words[it.i - 1].low if it.i and words[it.i].joined else ""
    after = words[it.j].low if it.j < len(words) and words[it.j].joined else ""
    if low in _EVERYDAY:
        everyday = (before in _POSSESSIVE and after not in _MUSIC) or after in _SCENE
    elif words[it.i].form == "love" or low == "loves":
        everyday = before in _LOVERS
    elif low in ("reminiscent", "score"):
        everyday = after in ("of", "for", "in")
    elif low in ("world", "lied", "alternative", "film", "movie"):
        everyday = after not in (*_MUSIC, "score") if low != "lied" else True
    else:
        everyday = low == "blue" and after in _BLUE
    return "an everyday word here" if everyday else ""


_LOVERS = word_set("i i'd would we you they to who really people")
_BLUE = word_set("sky ocean sea moon water eyes note")
_EVERYDAY = word_set(
    """
    house rock soul country game metal trap garage jungle folk pop trance
    """
)
_POSSESSIVE = word_set(
    """
    the my your his her our their this old haunted empty little a
    """
)
_MUSIC = word_set(
    """
    song music beat track genre style tune band piece groove vibe anthem ballad loop feel
    guitar bass riff drum drums jam solo like
    """
)
_SCENE = word_set(
    """
    on in at of by near where that is pipe pipes road roads
    """
)
