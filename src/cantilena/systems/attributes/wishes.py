"""Wishes and MuseCoco's attributes: the classes that a Brief asks for, and the Brief of classes.

Knows both vocabularies; does not know models or texts. A Brief says more than classes can (an exact
tempo, a tonic) and less (octaves, artists, danceability have no field): only what both can say goes
over, and ``classes_of(brief_of(classes))`` are the classes again, but for those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cantilena.text.wishes import (
    MAX_SECONDS,
    MAX_TEMPO,
    MIN_SECONDS,
    MIN_TEMPO,
    Brief,
    Instrument,
)
from cantilena.tokens.remi.attributes import (
    CLASS_OF,
    FAST,
    INSTRUMENTS,
    METRES,
    MOST_BARS,
    NO,
    OTHER_METRE,
    SECONDS,
    SLOW,
    YES,
)
from cantilena.tokens.remi.vocab import reduced

GENRES = (
    "New Age",
    "Electronic",
    "Rap",
    "Religious",
    "International",
    "Easy Listening",
    "Avant-Garde",
    "RnB",
    "Latin",
    "Children",
    "Jazz",
    "Classical",
    "Comedy",
    "Pop and Rock",
    "Reggae",
    "Stage",
    "Folk",
    "Blues",
    "Vocal",
    "Holiday",
    "Country",
    "Symphony",
)
"""The genres of S4, by number."""

GENRE_OF = {
    "new age": 0,
    "ambient": 0,
    "electronic": 1,
    "dance": 1,
    "house": 1,
    "techno": 1,
    "trance": 1,
    "lofi": 1,
    "hip hop": 2,
    "gospel": 3,
    "rnb": 7,
    "soul": 7,
    "funk": 7,
    "disco": 7,
    "latin": 8,
    "bossa nova": 8,
    "tango": 8,
    "samba": 8,
    "children": 9,
    "jazz": 10,
    "ragtime": 10,
    "classical": 11,
    "baroque": 11,
    "romantic": 11,
    "pop": 13,
    "rock": 13,
    "metal": 13,
    "punk": 13,
    "reggae": 14,
    "soundtrack": 15,
    "folk": 16,
    "celtic": 16,
    "blues": 17,
    "christmas": 19,
    "country": 20,
}
"""The class of each genre of ``text.labels`` that has one; the first of a class stands for it."""

MOOD_OF = {
    "happy": 0,
    "energetic": 0,
    "playful": 0,
    "hopeful": 0,
    "tense": 1,
    "aggressive": 1,
    "dark": 1,
    "sad": 2,
    "melancholic": 2,
    "calm": 3,
    "relaxed": 3,
    "dreamy": 3,
}
"""The quadrant of EM1 of each mood of ``text.labels`` that lies in one; the first stands for it."""

DENSITIES = ("sparse", "medium", "dense")
"""What a Brief calls the classes of R3."""
_TEMPO = (66.0, 98.0, 138.0)  # quarters per minute, within each class of T1s1
_TEMPO_RANGES = ((MIN_TEMPO, SLOW), (SLOW, FAST), (FAST, MAX_TEMPO))
_LENGTHS = (10.0, 22.0, 38.0, 52.0, 75.0)  # seconds, within each class of TM1
_FIRST = {2: 12, 10: 48, 27: 128}  # program that a class is best known by, where not its lowest
PROGRAMS = tuple(
    tuple(sorted((p for p in CLASS_OF if CLASS_OF[p] == k), key=lambda p: (p != _FIRST.get(k), p)))
    for k in range(len(INSTRUMENTS))
)
"""The programs of each class of instruments, the best known first."""


def classes_of(brief: Brief) -> dict[str, int]:
    """The classes that a Brief asks for, by the names of ``ATTRIBUTE_CLASSES``."""
    result = _instruments(brief)
    if brief.density in DENSITIES:
        result["R3"] = DENSITIES.index(brief.density)
    result.update(genre_classes(brief.genres))
    if brief.bars is not None and brief.bars <= MOST_BARS:
        result["B1s1"] = (brief.bars - 1) // 4
    if brief.metre_parts is not None:
        metre = reduced(*brief.metre_parts)
        result["TS1s1"] = METRES.index(metre) if metre in METRES else OTHER_METRE
    if brief.key is not None:
        result["K1"] = int(brief.key.endswith("minor"))
    if brief.tempo is not None:
        result["T1s1"] = tempo_of(brief.tempo)
    result.update(mood_classes(brief.moods))
    if brief.seconds is not None:
        result["TM1"] = sum(brief.seconds > most for most in SECONDS)
    return result


def _instruments(brief: Brief) -> dict[str, int]:
    """The classes of I1s2: no for all others where the named ones are the whole list."""
    named = {CLASS_OF[i.programs[0]] for i in brief.instruments if i.programs}
    refused = {CLASS_OF[p] for p in brief.excluded}
    if brief.only:
        refused = set(range(len(INSTRUMENTS)))
    return {
        f"I1s2_{k}": YES if k in named else NO
        for k in range(len(INSTRUMENTS))
        if k in named or k in refused
    }


def tempo_of(bpm: float) -> int:
    """The class of T1s1 of quarters per minute."""
    return 0 if bpm <= SLOW else 2 if bpm >= FAST else 1


def genre_classes(genres: Iterable[str]) -> dict[str, int]:
    """The classes of S4 that genres of ``text.labels`` say."""
    return {f"S4_{GENRE_OF[name]}": YES for name in genres if name in GENRE_OF}


def mood_classes(moods: Iterable[str]) -> dict[str, int]:
    """The class of EM1 that the first mood in a quadrant says."""
    quadrants = [MOOD_OF[name] for name in moods if name in MOOD_OF]
    return {"EM1": quadrants[0]} if quadrants else {}


def brief_of(classes: Mapping[str, int], text: str = "") -> Brief:
    """The Brief that asks for classes, as far as it can; in ``how`` each wish is "said". Where bars
    and seconds are both among them, bars are asked for."""
    wishes: dict[str, Any] = {}
    playing = [k for k in range(len(INSTRUMENTS)) if classes.get(f"I1s2_{k}") == YES]
    silent = [k for k in range(len(INSTRUMENTS)) if classes.get(f"I1s2_{k}") == NO]
    if playing:
        wishes["instruments"] = tuple(Instrument(INSTRUMENTS[k], PROGRAMS[k]) for k in playing)
    if playing and len(playing) + len(silent) == len(INSTRUMENTS):
        wishes["only"] = True
    elif silent:
        wishes["excluded"] = tuple(sorted(p for k in silent for p in PROGRAMS[k]))
    if "R3" in classes:
        wishes["density"] = DENSITIES[classes["R3"]]
    genres = [k for k in range(len(GENRES)) if classes.get(f"S4_{k}") == YES]
    labels = tuple(name for k in genres for name in [_label(GENRE_OF, k)] if name)
    if labels:
        wishes["genres"] = labels
    if "EM1" in classes:
        wishes["moods"] = (_label(MOOD_OF, classes["EM1"]),)
    if classes.get("TS1s1", OTHER_METRE) != OTHER_METRE:
        wishes["metre"] = "{}/{}".format(*METRES[classes["TS1s1"]])
    if "K1" in classes:
        wishes["key"] = ("C major", "A minor")[classes["K1"]]
    if "T1s1" in classes:
        wishes["tempo"] = _TEMPO[classes["T1s1"]]
        wishes["tempo_range"] = _TEMPO_RANGES[classes["T1s1"]]
    wishes.update(_length(classes))
    return Brief(text=text).with_wishes(**wishes)


def _length(classes: Mapping[str, int]) -> dict[str, Any]:
    """The wishes for a length."""
    if "B1s1" in classes:
        most = 4 * classes["B1s1"] + 4
        return {"bars": most, "bars_range": (most - 3, most)}
    if "TM1" in classes:
        k = classes["TM1"]
        ends = (MIN_SECONDS, *map(float, SECONDS), MAX_SECONDS)
        return {"seconds": _LENGTHS[k], "seconds_range": (ends[k], ends[k + 1])}
    return {}


def _label(table: Mapping[str, int], kind: int) -> str:
    """The label that stands for a class; "" where none does."""
    return next((name for name, k in table.items() if k == kind), "")
