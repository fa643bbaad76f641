"""Kinds of ensemble: band, piano, quartet, orchestra, electronic.

Knows General MIDI's instruments and, where there are any, labels of genre; reads no notes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from cantilena.score.score import DRUMS

PIANOS = frozenset(range(4))
BASSES = frozenset((*range(32, 40), 43))
SYNTHS = frozenset((38, 39, 50, 51, 54, 62, 63, *range(80, 104)))
SOLO_STRINGS_AND_WINDS = frozenset((*range(40, 44), *range(56, 61), *range(64, 76)))
ORCHESTRAL = frozenset((*range(40, 50), 52, *range(56, 62), *range(68, 76), 9, 14))
"""Strings, harp, timpani, choir, brass, woodwind without saxophones, glockenspiel and bells."""
ELECTRONIC = frozenset(("electronic", "house", "techno", "trance", "dance", "ambient"))


@dataclass(frozen=True)
class Kind:
    """A kind of ensemble: ``what``, one line; ``has(pitched, drums, genres)`` whether one of these
    pitched instruments (0-127), with drums or without, and of these genres is of the kind."""

    what: str
    has: Callable[[frozenset[int], bool, Collection[str]], bool]


def _piano(pitched: frozenset[int], drums: bool, _genres: Collection[str]) -> bool:
    return not drums and len(pitched) == 1 and pitched <= PIANOS


def _quartet(pitched: frozenset[int], drums: bool, _genres: Collection[str]) -> bool:
    return not drums and 3 <= len(pitched) <= 5 and pitched <= SOLO_STRINGS_AND_WINDS


def _orchestra(pitched: frozenset[int], _drums: bool, _genres: Collection[str]) -> bool:
    return len(pitched) >= 5 and len(pitched & ORCHESTRAL) >= 0.8 * len(pitched)


def _electronic(pitched: frozenset[int], drums: bool, genres: Collection[str]) -> bool:
    synthetic = 2 * len(pitched & SYNTHS) >= len(pitched)
    return drums and len(pitched) >= 2 and (synthetic or not ELECTRONIC.isdisjoint(genres))


def _band(pitched: frozenset[int], drums: bool, _genres: Collection[str]) -> bool:
    return drums and len(pitched) >= 3 and not pitched.isdisjoint(BASSES)


KINDS: dict[str, Kind] = {
    "piano": Kind("one acoustic piano alone", _piano),
    "quartet": Kind(
        "three to five bowed strings, winds and saxophones, each alone, without drums", _quartet
    ),
    "orchestra": Kind(
        "five instruments or more, four of five of them of the orchestra", _orchestra
    ),
    "electronic": Kind(
        "drums and two others or more, half of them synthetic or an electronic genre", _electronic
    ),
    "band": Kind("drums, a bass and two others or more", _band),
}
"""Kinds by name; a piece is of the first that has it."""


def kind_of(instruments: Collection[int], genres: Collection[str] = ()) -> str | None:
    """The kind of ensemble of some instruments (0-127, 128 drums), None where they are of none."""
    pitched = frozenset(instruments) - {DRUMS}
    drums = DRUMS in instruments
    return next((name for name, k in KINDS.items() if k.has(pitched, drums, genres)), None)
