"""Names of keys and chords: parsing, spelling, pitch classes.

Knows music theory's vocabulary; does not know Scores, and guesses nothing from notes.

Models and analysis share one reduced alphabet of chords: ``QUALITIES`` on 12 roots, numbered
``1 + 9 * root + quality``, 0 meaning no chord (``NO_CHORD``), 109 numbers in all (``N_CHORDS``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from cantilena.errors import BriefError

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "dim": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "sus4": (0, 5, 7),
}
"""Reduced chord qualities and their intervals above the root, in the order of their numbers."""

QUALITY_NAMES = tuple(QUALITIES)
NO_CHORD = 0
N_CHORDS = 1 + 12 * len(QUALITIES)

SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_LETTER = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Key:
    """A major or minor key. ``tonic`` is a pitch class 0-11 (C = 0); ``signature`` the sharps
    (positive) or flats (-7..7) that it is written with, None for the usual ones. Keys that differ
    in their signature alone, as F# and Gb major, are equal."""

    tonic: int
    minor: bool = False
    signature: int | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """As in "D minor", "Eb major", spelled as its signature has it."""
        return f"{note_name(self.tonic_fifths)} {'minor' if self.minor else 'major'}"

    @property
    def index(self) -> int:
        """0-11 major keys by tonic, 12-23 minor keys."""
        return self.tonic + 12 * self.minor

    @property
    def fifths(self) -> int:
        """Sharps (positive) or flats (negative) of the key signature, -7..7; of a key in its usual
        spelling -6..6."""
        if self.signature is not None:
            return self.signature
        letter, *sign = (MINOR_NAMES if self.minor else MAJOR_NAMES)[self.tonic]
        return _fifths(letter, _accidental("".join(sign))) - 3 * self.minor

    @property
    def tonic_fifths(self) -> int:
        """Fifths from C up to the tonic as it is spelled: 0 of C major, -1 of F major."""
        return self.fifths + 3 * self.minor

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes of the scale, from the tonic; minor is natural minor."""
        steps = (0, 2, 3, 5, 7, 8, 10) if self.minor else (0, 2, 4, 5, 7, 9, 11)
        return tuple((self.tonic + s) % 12 for s in steps)

    @property
    def flats(self) -> bool:
        """Whether accidentals are spelled as flats in this key."""
        return self.fifths < 0

    @classmethod
    def from_index(cls, index: int) -> Key:
        """The key of an ``index`` 0-23."""
        return cls(index % 12, index >= 12)

    @classmethod
    def from_signature(cls, fifths: int, minor: bool = False) -> Key:
        """The key of ``fifths`` sharps (positive) or flats (negative), -7..7."""
        return cls((7 * fifths + 9 * minor) % 12, minor, fifths)

    @classmethod
    def spelled(cls, letter: str, alter: int, minor: bool = False) -> Key:
        """The key on a tonic A to G, ``alter`` semitones raised: Gb major is written with flats.
        Where that takes more than seven signs, as G# major does, the usual spelling."""
        fifths = _fifths(letter, alter) - 3 * minor
        return cls((_LETTER[letter] + alter) % 12, minor, fifths if abs(fifths) <= 7 else None)

    def in_mode(self, minor: bool) -> Key:
        """The major or minor key on the same tonic, spelled alike where that can be."""
        return Key.spelled(*_on_line(self.tonic_fifths), minor)

    @classmethod
    def from_name(cls, name: str) -> Key:
        """Reads "D minor", "Bb major", "F#m", "c", "d-Moll", "Es-Dur". Raises BriefError."""
        m = re.fullmatch(
            r"\s*([A-Ga-gHh])([#♯]|b|♭|-?(?:sharp|flat)|is|es|s)?"
            r"[\s-]*(major|minor|maj|min|m|M|dur|moll)?\s*",
            name.replace(" sharp", "sharp").replace(" flat", "flat"),
            re.IGNORECASE,
        )
        if not m:
            raise BriefError(f"{name!r} is not a key; write it as in 'D minor' or 'Bb major'")
        letter, accidental, mode = m.group(1), (m.group(2) or "").lower(), m.group(3) or ""
        if accidental == "s" and letter not in "AaEe":  # German says Es and As, else -es
            raise BriefError(f"{name!r} is not a key; write it as in 'D minor' or 'Bb major'")
        german = mode.lower() in ("dur", "moll")
        step, alter = letter.upper(), 0
        if step == "H":
            step = "B"
        elif german and step == "B" and not accidental:
            alter = -1
        if accidental in ("#", "♯", "sharp", "-sharp", "is"):
            alter += 1
        elif accidental:
            alter -= 1
        minor = mode.lower() in ("minor", "min", "moll") or mode == "m"
        if not mode:
            minor = letter.islower()
        return cls.spelled(step, alter, minor)


_LINE = "FCGDAEB"
"""The letters in fifths, from one below C."""


def _fifths(letter: str, alter: int) -> int:
    """Fifths above C of a note name."""
    return _LINE.index(letter) - 1 + 7 * alter


def _on_line(fifths: int) -> tuple[str, int]:
    """The letter and the alteration, in semitones, of a note so many fifths above C."""
    return _LINE[(fifths + 1) % 7], (fifths + 1) // 7


def note_name(fifths: int) -> str:
    """The note so many fifths above C ("Cb" at -7, "E#" at 11), of one sign at most: B for A##."""
    while not -8 <= fifths <= 12:
        fifths += 12 if fifths < 0 else -12
    letter, alter = _on_line(fifths)
    return f"{letter}{'#' * alter}{'b' * -alter}"


@dataclass(frozen=True)
class Chord:
    """A chord symbol. ``root`` and ``bass`` are pitch classes (bass None means the root),
    ``intervals`` the semitones above the root that sound, ``symbol`` the suffix as written."""

    root: int
    intervals: tuple[int, ...]
    symbol: str = ""
    bass: int | None = None

    @property
    def pitch_classes(self) -> frozenset[int]:
        """Pitch classes that belong to the chord, its bass included."""
        classes = {(self.root + i) % 12 for i in self.intervals}
        return frozenset(classes | ({self.bass} if self.bass is not None else set()))

    @property
    def quality(self) -> str:
        """The nearest reduced quality, a key of ``QUALITIES``."""
        have = {i % 12 for i in self.intervals}
        if 3 in have and 4 not in have:
            if 6 in have and 7 not in have:
                return "m7b5" if 10 in have else "dim"
            return "m7" if 10 in have else "m"
        if 4 in have:
            if 8 in have and 7 not in have and 10 not in have:
                return "aug"
            return "7" if 10 in have else "maj7" if 11 in have else ""
        return "sus4" if {5, 2} & have else ""

    @property
    def number(self) -> int:
        """The chord's number in the reduced alphabet, 1..108."""
        return 1 + len(QUALITIES) * self.root + QUALITY_NAMES.index(self.quality)

    def name(self, flats: bool = False) -> str:
        """The symbol, as in "Bbm7/F"."""
        names = FLAT_NAMES if flats else SHARP_NAMES
        slash = f"/{names[self.bass]}" if self.bass is not None and self.bass != self.root else ""
        return f"{names[self.root]}{self.symbol}{slash}"

    def transposed(self, semitones: int) -> Chord:
        """The same chord on another root."""
        bass = None if self.bass is None else (self.bass + semitones) % 12
        return Chord((self.root + semitones) % 12, self.intervals, self.symbol, bass)

    @classmethod
    @lru_cache(maxsize=N_CHORDS)
    def from_number(cls, number: int) -> Chord:
        """The chord of a number 1..108 of the reduced alphabet."""
        root, quality = divmod(number - 1, len(QUALITIES))
        symbol = QUALITY_NAMES[quality]
        return cls(root, QUALITIES[symbol], symbol)


_ALTERATION = r"[#♯b♭+-](?:4|5|6|9|11|13)"
_EXTRA = (
    rf"sus(?:24|2|94|9|4)?|(?:add|omit|no)[#♯b♭]?(?:13|11|[2-79])|alt|(?:maj|Maj|ma|M|Δ|△|\^)(?:7|9|11|13)"
    rf"|{_ALTERATION}|[+](?!\d)"
)
_CHORD = re.compile(
    rf"([A-G])([#♯b♭]?)"
    rf"(major|minor|maj|Maj|MAJ|min|Min|mi|ma|m|M|-|dim|dom|aug|[+]|°|o(?!m)|ø|Δ|△|\^)?"
    rf"(13|11|9|7|69|6/9|6|5|4|2)?(M)?"
    rf"((?:{_EXTRA}|\((?:{_EXTRA}|[\s,])*\))*)"
    rf"(?:/([A-G])([#♯b♭]?))?"
)
_MINOR = ("minor", "min", "Min", "mi", "m", "-")
_MAJOR = ("major", "maj", "Maj", "MAJ", "ma", "M", "Δ", "△", "^")


def parse_chord(text: str) -> Chord:
    """Reads a chord symbol: triads, sixths to thirteenths, alterations, sus, add, omit, slash.

    The many spellings of lead sheets are read alike: Cmaj7, CM7, CΔ, C^7, C7M; Cm, Cmin, C-;
    Cm7b5, Cø; CmMaj7, Cm(maj7), C-Δ7. Raises BriefError naming the symbol when it is not one.
    """
    symbol_text = text.strip()
    plain = symbol_text.replace("mMaj", "mmaj").replace("mM", "mmaj")
    m = _CHORD.fullmatch(plain) if len(plain) <= 40 else None
    if not m:
        raise BriefError(f"{text!r} is not a chord symbol; write it as in Dm7, G13, Bbmaj7 or C/E")
    letter, accidental, kind, number, french, extras, bass, bass_acc = m.groups()
    root = (_LETTER[letter] + _accidental(accidental)) % 12
    intervals = _stack(kind or "", number or "", bool(french))
    for extra in re.findall(_EXTRA, extras or ""):
        _extend(intervals, extra)
    suffix = symbol_text[len(letter) + len(accidental or "") :]
    symbol = suffix.rpartition("/")[0] if bass else suffix
    slash = (_LETTER[bass] + _accidental(bass_acc)) % 12 if bass else None
    return Chord(root, tuple(sorted(intervals)), symbol, slash)


def _accidental(sign: str | None) -> int:
    return {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(sign or "", 0)


def _stack(kind: str, number: str, major_seventh: bool) -> set[int]:
    """Intervals of a chord before its alterations: the triad, then thirds up to ``number``."""
    diminished, half = kind in ("dim", "°", "o"), kind == "ø"
    third = 3 if kind in _MINOR or diminished or half else 4
    fifth = 6 if diminished or half else 8 if kind in ("aug", "+") else 7
    intervals = {0, third, fifth}
    if number in ("7", "9", "11", "13") or kind in ("ø", "Δ", "△", "^"):
        major = kind in _MAJOR or major_seventh
        intervals.add(11 if major else 9 if diminished else 10)
    if number in ("9", "11", "13", "69", "6/9", "2"):
        intervals.add(14)
    if number == "11":
        intervals.add(17)
    if number in ("6", "69", "6/9"):
        intervals.add(9)
    if number == "13":
        intervals.add(21)
    if number == "5":
        intervals -= {3, 4}
    if number == "4":
        intervals = (intervals - {3, 4}) | {5}
    return intervals


_DEGREE = {2: 14, 3: 4, 4: 5, 5: 7, 6: 9, 7: 10, 9: 14, 11: 17, 13: 21}


def _extend(intervals: set[int], extra: str) -> None:
    """Applies one alteration ("b9", "sus4", "add9", "no3", "maj7", ...) to a set of intervals."""
    head = re.match(r"sus|add|omit|no|alt|maj|Maj|ma|M|Δ|△|\^|[#♯b♭+-]", extra)
    word = head.group() if head else ""
    rest = extra[len(word) :]
    if word == "sus":
        intervals -= {3, 4}
        intervals |= {"2": {2}, "24": {2, 5}, "9": {5, 10, 14}, "94": {5, 10, 14}}.get(rest, {5})
    elif word in ("omit", "no"):
        intervals -= {"3": {3, 4}, "5": {6, 7, 8}}.get(rest, {_DEGREE.get(_digits(rest), 0)} - {0})
    elif word == "add":
        shift = _accidental(rest[0]) if rest[0] in "#♯b♭" else 0
        intervals.add(_DEGREE[_digits(rest)] + shift)
    elif word == "alt":
        intervals -= {7}
        intervals |= {10, 13, 20}
    elif extra == "+":
        intervals -= {7}
        intervals.add(8)
    elif word in _MAJOR:
        intervals.discard(10)
        intervals |= {11, 14} if rest != "7" else {11}
    else:
        degree = _digits(rest)
        intervals.discard(_DEGREE[degree] if degree != 4 else 17)
        natural = 17 if degree == 4 else _DEGREE[degree]
        intervals.add(natural + (1 if word in "#♯+" else -1))


def _digits(text: str) -> int:
    return int(text.lstrip("#♯b♭"))


def transposed_chords(numbers: np.ndarray, shift: int) -> np.ndarray:
    """Reduced chord numbers (...) moved by ``shift`` semitones; no chord stays none."""
    root, quality = np.divmod(numbers.astype(np.int64) - 1, len(QUALITIES))
    moved = 1 + (root + shift) % 12 * len(QUALITIES) + quality
    return np.where(numbers == NO_CHORD, NO_CHORD, moved)
