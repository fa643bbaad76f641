"""Conditions: the soft wishes as small integers that a step model reads in its prefix.

Knows the classes of each attribute and how words are hashed; does not know models, and reads no
text itself. Class 0 always means "not given", so that any subset of wishes may be given.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cantilena.score.harmony import Key
from cantilena.text.labels import GENRES, MOODS

METRES = (
    *((4, 4), (3, 4), (2, 4), (6, 8), (12, 8), (2, 2), (9, 8), (3, 8), (5, 4), (6, 4), (7, 8)),
    *((5, 8), (7, 4), (3, 2)),
)
_DENSITY = (2, 4, 7, 11, 16, 24, 36, 54)  # notes per bar
_POLYPHONY = (1.2, 1.8, 2.5, 3.5, 5.0)
_LENGTH = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)  # bars

SCALARS: dict[str, int] = {
    **{"genre1": len(GENRES) + 1, "genre2": len(GENRES) + 1},
    **{"mood1": len(MOODS) + 1, "mood2": len(MOODS) + 1},
    **{"key": 25, "tempo": 25, "metre": len(METRES) + 2, "density": len(_DENSITY) + 2},
    **{"polyphony": len(_POLYPHONY) + 2, "swing": 3, "length": len(_LENGTH) + 2, "drums": 3},
    **{"listing": 3, "loudness": 9},
}
"""Single-valued conditions and their numbers of classes."""

NO_INSTRUMENT = 129
SLOTS = 12
WORDS = 40
BUCKETS = 4096
_STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "with",
        "in",
        "and",
        "for",
        "at",
        "by",
        "to",
        "is",
        "it",
        "its",
        "this",
        "that",
        "has",
        "have",
        "features",
        "featuring",
        "set",
        "from",
        "on",
        "as",
        "be",
        "are",
        "made",
        "song",
        "piece",
        "music",
        "track",
        "composition",
        "written",
        "plays",
        "play",
        "using",
    ]
)


@dataclass(frozen=True)
class Conditions:
    """``scalars`` (14,), instrument ``slots`` (12,) and hashed ``words`` (40,), int64."""

    scalars: np.ndarray
    slots: np.ndarray
    words: np.ndarray


@dataclass(frozen=True)
class Wished:
    """Attributes to be put into classes; None or empty where not given. ``instruments`` are
    0-128; ``complete`` says they are all there are. ``loudness`` is a velocity class 0-7."""

    genres: Sequence[str] = ()
    moods: Sequence[str] = ()
    key: Key | None = None
    bpm: float | None = None
    metre: tuple[int, int] | None = None
    density: float | None = None
    polyphony: float | None = None
    swing: bool | None = None
    bars: int | None = None
    drums: bool | None = None
    instruments: Sequence[int] = ()
    complete: bool = False
    loudness: float | None = None
    text: str = ""
    extra: dict[str, int] = field(default_factory=dict)


def tempo_class(bpm: float) -> int:
    """1-24, logarithmic from 30 to 300 quarters per minute."""
    return 1 + int(np.clip(round(np.log10(max(bpm, 1.0) / 30) * 23), 0, 23))


def _bin(value: float | None, edges: Sequence[float]) -> int:
    return 0 if value is None else 1 + int(np.searchsorted(edges, value, side="right"))


def _flag(value: bool | None) -> int:
    return 0 if value is None else 1 + int(value)


def _labels(names: Sequence[str], known: Sequence[str]) -> list[int]:
    found = [known.index(n) + 1 for n in names if n in known][:2]
    return found + [0] * (2 - len(found))


def conditions(wished: Wished) -> Conditions:
    """The classes of what is wished."""
    genre, mood = _labels(wished.genres, GENRES), _labels(wished.moods, MOODS)
    metre = 0
    if wished.metre is not None:
        known = wished.metre in METRES
        metre = 1 + (METRES.index(wished.metre) if known else len(METRES))
    slots = list(wished.instruments)[:SLOTS]
    complete = wished.complete and len(wished.instruments) <= SLOTS
    values = {
        **{"genre1": genre[0], "genre2": genre[1], "mood1": mood[0], "mood2": mood[1]},
        "key": 0 if wished.key is None else 1 + wished.key.index,
        "tempo": 0 if wished.bpm is None else tempo_class(wished.bpm),
        "metre": metre,
        "density": _bin(wished.density, _DENSITY),
        "polyphony": _bin(wished.polyphony, _POLYPHONY),
        "swing": _flag(wished.swing),
        "length": _bin(wished.bars, _LENGTH),
        "drums": _flag(wished.drums),
        "listing": 0 if not slots else 2 if complete else 1,
        "loudness": 0 if wished.loudness is None else 1 + int(np.clip(wished.loudness, 0, 7)),
    }
    return Conditions(
        np.array([values[name] for name in SCALARS], dtype=np.int64),
        np.array(slots + [NO_INSTRUMENT] * (SLOTS - len(slots)), dtype=np.int64),
        hash_words(wished.text),
    )


def pieces(text: str) -> Iterable[str]:
    """Lower-case words, numbers, fractions and chord-like tokens of a text, stop words left out."""
    for piece in re.findall(r"\d+(?:/\d+)?|[^\W\d_]+[\d#♯♭]*", text.lower().replace("-", " ")):
        if piece not in _STOP:
            yield piece


def hash_words(text: str, words: int = WORDS, buckets: int = BUCKETS) -> np.ndarray:
    """(words,) int64 of the first pieces of a text, each hashed by CRC-32 to 1..buckets-1; 0 where
    the text is shorter. Hashing needs no vocabulary and never meets an unknown word."""
    out = np.zeros(words, dtype=np.int64)
    for i, piece in zip(range(words), pieces(text), strict=False):
        out[i] = 1 + zlib.crc32(piece.encode()) % (buckets - 1)
    return out


NOTHING = conditions(Wished())
"""No wish at all: the unconditional prefix of classifier-free guidance."""
