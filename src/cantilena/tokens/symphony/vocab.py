"""The words of SymphonyNet's rows, their ids, and the vocabulary files of a published checkpoint.

Knows words and ids; does not know Scores. Four fields have vocabularies of their own: event,
duration, track and instrument. Events are pitches, merged pitches of the music BPE, chords, bars by
their length and positions. Which bars and positions there are is a vocabulary's own: the published
model has words only for those that were in its training data.

Liu et al., *Symphony Generation with Permutation Invariant Language Model*, ISMIR 2022.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from cantilena.errors import InputError
from cantilena.files import read_bytes

BOS, PAD, EOS, UNKNOWN = range(4)
SPECIALS = ("<bos>", "<pad>", "<eos>", "<unk>")
FIRST = len(SPECIALS)
"""The id of each field's first word that is none of the four."""

GRID = 8  # positions per quarter: 32nds
LENGTHS = 32  # the longest note, in 32nds
TRACKS = 40
INSTRUMENTS = 129
PITCHES = 128
MAX_BAR = 100  # 32nds
NEW_TRACK = "NT"

NAMES = ("C", "d", "D", "e", "E", "F", "g", "G", "a", "A", "b", "B")
QUALITIES = ("+", "/o7", "D7", "M", "M7", "m", "m7", "o", "o7", "sus2", "sus4")
NO_CHORD = "NA"
CHORDS = (*(name + quality for name in NAMES for quality in QUALITIES), NO_CHORD)

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PITCH_WORDS = tuple(NAMES[p % 12] + (str(p // 12 - 1) if p >= 12 else "O") for p in range(PITCHES))
_PITCH_OF = {word: pitch for pitch, word in enumerate(_PITCH_WORDS)}
_MAX_FILE = 10_000_000  # bytes

Pitches = tuple[int, ...]
"""A token of the music BPE: pitches that rise; one pitch alone is a token too."""


def numeral(letters: str, number: int) -> str:
    """A number behind a letter: the first of ``letters`` for 0-61, the next for 62-123, and so
    on."""
    return letters[number // len(_DIGITS)] + _DIGITS[number % len(_DIGITS)]


def pitches_word(pitches: Pitches) -> str:
    """The word of a token of pitches, as "C4E4"."""
    return "".join(_PITCH_WORDS[pitch] for pitch in pitches)


def word_pitches(word: str) -> Pitches:
    """The pitches of such a word. Raises InputError for others."""
    pairs = [word[i : i + 2] for i in range(0, len(word), 2)]
    if not pairs or any(pair not in _PITCH_OF for pair in pairs):
        raise InputError(f"{word!r} is no word of pitches, as C4E4 is")
    return tuple(sorted(_PITCH_OF[pair] for pair in pairs))


@dataclass(frozen=True)
class Vocabulary:
    """``merges``: the rules of the music BPE, in order, each two tokens that become one. ``bars``:
    lengths in 32nds that have a word; ``positions``: places in a bar that do; both rising."""

    merges: tuple[tuple[Pitches, Pitches], ...] = ()
    bars: tuple[int, ...] = tuple(range(1, MAX_BAR + 1))
    positions: tuple[int, ...] = tuple(range(MAX_BAR))

    @cached_property
    def tokens(self) -> tuple[Pitches, ...]:
        """The merged tokens, by id."""
        return tuple(sorted({tuple(sorted(a + b)) for a, b in self.merges}))

    @cached_property
    def token_of(self) -> dict[Pitches, int]:
        """The event ids of tokens of pitches."""
        single = {(pitch,): FIRST + pitch for pitch in range(PITCHES)}
        start = FIRST + PITCHES
        return single | {token: start + i for i, token in enumerate(self.tokens)}

    @cached_property
    def pitches_of(self) -> dict[int, Pitches]:
        """The pitches of event ids."""
        return {number: token for token, number in self.token_of.items()}

    @property
    def chord(self) -> int:
        """The event id of the first chord."""
        return FIRST + PITCHES + len(self.tokens)

    @cached_property
    def bar_of(self) -> dict[int, int]:
        """The event ids of bars' lengths."""
        start = self.chord + len(CHORDS)
        return {length: start + i for i, length in enumerate(self.bars)}

    @cached_property
    def position_of(self) -> dict[int, int]:
        """The event ids of positions."""
        start = self.chord + len(CHORDS) + len(self.bars)
        return {place: start + i for i, place in enumerate(self.positions)}

    @cached_property
    def length_of(self) -> dict[int, int]:
        """The length in 32nds of event ids that are bars."""
        return {number: length for length, number in self.bar_of.items()}

    @cached_property
    def place_of(self) -> dict[int, int]:
        """The position of event ids that are positions."""
        return {number: place for place, number in self.position_of.items()}

    @property
    def new_track(self) -> int:
        """The event id of a track's block, the last of all."""
        return self.chord + len(CHORDS) + len(self.bars) + len(self.positions)

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Number of events, durations, tracks and instruments."""
        return (self.new_track + 1, FIRST + LENGTHS, FIRST + TRACKS, FIRST + INSTRUMENTS)

    def words(self) -> tuple[list[str], list[str], list[str], list[str]]:
        """The words of each field, by id."""
        return (
            [
                *SPECIALS,
                *_PITCH_WORDS,
                *(pitches_word(token) for token in self.tokens),
                *(f"H{chord}" for chord in CHORDS),
                *(numeral("mM", length) for length in self.bars),
                *(numeral("pP", place) for place in self.positions),
                NEW_TRACK,
            ],
            [*SPECIALS, *(numeral("rR", length) for length in range(1, LENGTHS + 1))],
            [*SPECIALS, *(numeral("tT", track) for track in range(TRACKS))],
            [*SPECIALS, *(numeral("xXy", program) for program in range(INSTRUMENTS))],
        )

    def to_dict(self) -> dict[str, Any]:
        """The vocabulary as plain data."""
        return {
            "merges": [[pitches_word(a), pitches_word(b)] for a, b in self.merges],
            "bars": list(self.bars),
            "positions": list(self.positions),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Vocabulary:
        """The vocabulary of such data. Raises InputError where they do not fit."""
        try:
            merges = tuple((word_pitches(a), word_pitches(b)) for a, b in data["merges"])
            bars = tuple(int(length) for length in data["bars"])
            positions = tuple(int(place) for place in data["positions"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the symphony vocabulary is not complete: {error}") from error
        for numbers, low in ((bars, 1), (positions, 0)):
            rising = all(a < b for a, b in pairwise(numbers))
            if not numbers or not rising or numbers[0] < low or numbers[-1] > MAX_BAR:
                raise InputError("bars and positions of a symphony vocabulary rise up to 100")
        if positions[0] != 0:
            raise InputError("a symphony vocabulary has the position 0")
        known: set[Pitches] = {(pitch,) for pitch in range(PITCHES)}
        for a, b in merges:
            if a not in known or b not in known or set(a) & set(b):
                raise InputError("a merge of the symphony vocabulary joins what there is not yet")
            known.add(tuple(sorted(a + b)))
        return cls(merges, bars, positions)


def read_vocabulary(folder: str | Path) -> Vocabulary:
    """The vocabulary in a published checkpoint's folder: ``vocab_0.json`` to ``vocab_3.json`` and
    the merges, ``codes.txt``. Raises InputError where they are not there or not of this scheme."""
    folder = Path(folder)
    tables = [_table(folder / f"vocab_{field}.json") for field in range(4)]
    path = folder / "codes.txt"
    lines = read_bytes(path, _MAX_FILE, "the merges").decode("ascii", "replace").splitlines()
    merges = []
    for line in lines:
        words = line.split()
        if len(words) != 3:
            raise InputError(f"{path}: a line holds two words and a number, not {line[:40]!r}")
        merges.append((word_pitches(words[0]), word_pitches(words[1])))
    events = tables[0]
    bars = tuple(i for i in range(1, MAX_BAR + 1) if numeral("mM", i) in events)
    positions = tuple(i for i in range(MAX_BAR + 1) if numeral("pP", i) in events)
    result = Vocabulary(tuple(merges), bars, positions)
    for field, (own, read) in enumerate(zip(result.words(), tables, strict=True)):
        if own != read:
            raise InputError(f"{folder}: vocab_{field}.json and codes.txt are not SymphonyNet's")
    return result


def _table(path: Path) -> list[str]:
    """The words of a vocabulary file by id."""
    try:
        data = json.loads(read_bytes(path, _MAX_FILE, "a vocabulary"))
        return [data[str(number)] for number in range(len(data))]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{path} is no list of words by number") from error
