"""Conditions: the soft wishes as small integers that a step model reads in its prefix.

Knows the classes of each attribute and how words are hashed; does not know models, and reads no
text itself. Class 0 always means "not given", so that any subset of wishes may be given.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cantilena.score import DRUMS
from cantilena.score.harmony import Key
from cantilena.text.labels import GENRES, MOODS
from cantilena.tokens.note import VELOCITIES

METRES = (
    (4, 4),
    (3, 4),
    (2, 4),
    (6, 8),
    (12, 8),
    (2, 2),
    (9, 8),
    (3, 8),
    (5, 4),
    (6, 4),
    (7, 8),
    (5, 8),
    (7, 4),
    (3, 2),
)
"""Metres with a class of their own; all others share one."""
_KEYS = 24
_TEMPI = 24  # classes of tempo, in equal ratios from the slowest to the quickest
_SLOWEST, _QUICKEST = 30, 300  # quarters per minute
_FLAGS = 2  # no, yes
# Edges between classes: one more class than edges.
_DENSITY = (2, 4, 7, 11, 16, 24, 36, 54)  # notes per bar
_POLYPHONY = (1.2, 1.8, 2.5, 3.5, 5.0)  # notes that sound at once
_LENGTH = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)  # bars

SCALARS: dict[str, int] = {
    "genre1": 1 + len(GENRES),
    "genre2": 1 + len(GENRES),
    "mood1": 1 + len(MOODS),
    "mood2": 1 + len(MOODS),
    "key": 1 + _KEYS,
    "tempo": 1 + _TEMPI,
    "metre": 1 + len(METRES) + 1,
    "density": 1 + len(_DENSITY) + 1,
    "polyphony": 1 + len(_POLYPHONY) + 1,
    "swing": 1 + _FLAGS,
    "length": 1 + len(_LENGTH) + 1,
    "drums": 1 + _FLAGS,
    "listing": 1 + _FLAGS,  # the instrument slots name some of the instruments, or all
    "loudness": 1 + len(VELOCITIES),
}
"""Single-valued conditions and their numbers of classes, "not given" among them."""

NO_INSTRUMENT = DRUMS + 1  # an instrument slot that is not used
SLOTS = 12  # instruments that the prefix can name
WORDS = 40  # words of the text that are read
BUCKETS = 4096  # hash values of words
_STOP = """
    a an the of with in and for at by to is it its this that has have features featuring set
    from on as be are made song piece music track composition written plays play using
"""
_STOP_WORDS = frozenset(_STOP.split())  # which tell nothing of the music


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


def tempo_class(bpm: float) -> int:
    """1-24, logarithmic from 30 to 300 quarters per minute."""
    last = _TEMPI - 1
    share = np.log10(max(bpm, 1.0) / _SLOWEST) / np.log10(_QUICKEST / _SLOWEST)
    return 1 + int(np.clip(round(share * last), 0, last))


def _bin(value: float | None, edges: Sequence[float]) -> int:
    return 0 if value is None else 1 + int(np.searchsorted(edges, value, side="right"))


def _flag(value: bool | None) -> int:
    return 0 if value is None else 1 + int(value)


def _labels(names: Sequence[str], labels: Sequence[str]) -> list[int]:
    """The classes of the first two names that are among the labels."""
    classes = [labels.index(name) + 1 for name in names if name in labels][:2]
    return classes + [0] * (2 - len(classes))


def conditions(wished: Wished) -> Conditions:
    """The classes of what is wished."""
    genre, mood = _labels(wished.genres, GENRES), _labels(wished.moods, MOODS)
    metre = 0
    if wished.metre is not None:
        common = wished.metre in METRES
        metre = 1 + (METRES.index(wished.metre) if common else len(METRES))
    slots = list(wished.instruments)[:SLOTS]
    complete = wished.complete and len(wished.instruments) <= SLOTS
    values = {
        "genre1": genre[0],
        "genre2": genre[1],
        "mood1": mood[0],
        "mood2": mood[1],
        "key": 0 if wished.key is None else 1 + wished.key.index,
        "tempo": 0 if wished.bpm is None else tempo_class(wished.bpm),
        "metre": metre,
        "density": _bin(wished.density, _DENSITY),
        "polyphony": _bin(wished.polyphony, _POLYPHONY),
        "swing": _flag(wished.swing),
        "length": _bin(wished.bars, _LENGTH),
        "drums": _flag(wished.drums),
        "listing": 0 if not slots else 2 if complete else 1,
        "loudness": 0 if wished.loudness is None else 1 + _velocity_class(wished.loudness),
    }
    return Conditions(
        np.array([values[name] for name in SCALARS], dtype=np.int64),
        np.array(slots + [NO_INSTRUMENT] * (SLOTS - len(slots)), dtype=np.int64),
        hash_words(wished.text),
    )


def _velocity_class(loudness: float) -> int:
    return int(np.clip(loudness, 0, len(VELOCITIES) - 1))


def pieces(text: str) -> Iterable[str]:
    """Lower-case words, numbers, fractions and chord-like tokens of a text, stop words left out."""
    for piece in re.findall(r"\d+(?:/\d+)?|[^\W\d_]+[\d#♯♭]*", text.lower().replace("-", " ")):
        if piece not in _STOP_WORDS:
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
