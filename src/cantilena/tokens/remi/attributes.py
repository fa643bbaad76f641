"""MuseCoco's attributes: what some bars of a piece are like, as classes, and the prefix that says
so.

Knows readings of words and classes; does not know texts or models. Nine attributes are heard in the
notes: instruments, rhythm's danceability and intensity, bars, metre, mode, tempo, octaves and
seconds. Artist, genre and emotion are labels that somebody gave; melody instrument, mood of chords
and structure were dropped by the authors, and their words always say "not given".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cantilena.errors import InputError
from cantilena.score import DRUMS
from cantilena.tokens.remi import Reading
from cantilena.tokens.remi import vocab as v

INSTRUMENTS = (
    "piano",
    "keyboard",
    "percussion",
    "organ",
    "guitar",
    "bass",
    "violin",
    "viola",
    "cello",
    "harp",
    "strings",
    "voice",
    "trumpet",
    "trombone",
    "tuba",
    "horn",
    "brass",
    "sax",
    "oboe",
    "bassoon",
    "clarinet",
    "piccolo",
    "flute",
    "pipe",
    "synthesizer",
    "ethnic",
    "sound-effect",
    "drum",
)
"""The classes of instruments, by number."""

_PROGRAMS = {
    0: "0-5",
    1: "6-9",
    2: "11-15 47 55 112 113 115 117 119",
    3: "16-23",
    4: "24-31",
    5: "32-39 43",
    6: "40",
    7: "41",
    8: "42",
    9: "46",
    10: "44 45 48-51",
    11: "52-54",
    12: "56 59",
    13: "57",
    14: "58",
    15: "60 69",
    16: "61-63",
    17: "64-67",
    18: "68",
    19: "70",
    20: "71",
    21: "72",
    22: "73 75",
    23: "74 76-79",
    24: "80-95",
    25: "104-111",
    26: "10 96-103 120-127",
    27: "114 116 118 128",
}


def _numbers(spans: str) -> list[int]:
    ends = [span.split("-") for span in spans.split()]
    return [number for pair in ends for number in range(int(pair[0]), int(pair[-1]) + 1)]


CLASS_OF = {number: kind for kind, spans in _PROGRAMS.items() for number in _numbers(spans)}
"""The class of each instrument, 0-128."""

YES, NO = 0, 1
METRES = ((4, 4), (2, 4), (3, 4), (1, 4), (6, 8), (3, 8))
OTHER_METRE = len(METRES)
SLOW, FAST = 76.0, 120.0  # quarters per minute: at most, at least
SECONDS = (15, 30, 45, 60)  # the longest of each class but the last
MOST_BARS = 16
STRONG_BEATS = {(4, 4): (0, 2), (3, 4): (0,), (2, 4): (0,)}
"""The beats on which a dance is struck, by metre."""


@dataclass(frozen=True)
class Window:
    """Some bars of a Reading: notes, metres by bar, (position, tempo class) from ``starts[0]`` on,
    where bars start, and the end, which is that of the last bar or of the piece's last onset."""

    notes: tuple[tuple[int, int, int, int, int], ...]
    metres: tuple[tuple[int, int], ...]
    tempos: tuple[tuple[int, int], ...]
    starts: tuple[int, ...]
    end: int

    @property
    def lengths(self) -> list[int]:
        """Positions of each bar; the last may be cut short."""
        return np.diff([*self.starts, self.end]).tolist()


def window(reading: Reading, first: int = 0, stop: int | None = None) -> Window:
    """The bars of a piece. Raises InputError where it does not have them, or no notes."""
    starts = [0, *reading.bar_ends]
    bars = len(starts) - 1
    stop = bars if stop is None else stop
    if not 0 <= first < stop <= bars:
        raise InputError(f"the piece has the bars 0 to {bars}, not {first} to {stop}")
    if not (reading.notes and reading.tempos):
        raise InputError("the piece has no notes or no tempo; its attributes cannot be told")
    begin, end = starts[first], min(starts[stop], reading.notes[-1][0] + 1)
    own = starts[first:stop]
    metre_at = [at for at, _ in reading.metres]
    tempo_at = [at for at, _ in reading.tempos]
    first_tempo = max(0, bisect_right(tempo_at, begin) - 1)
    tempos = ((max(at, begin), value) for at, value in reading.tempos[first_tempo:] if at < end)
    return Window(
        tuple(note for note in reading.notes if begin <= note[0] < end),
        tuple(reading.metres[bisect_right(metre_at, at) - 1][1] for at in own),
        tuple(tempos),
        tuple(own),
        end,
    )


def octaves(part: Window, up: bool = True) -> int | None:
    """The compass of all that is no drum, in octaves: rounded up, as in the published training
    sample and evaluation, or down, as in the published preparation of data. None without pitches.
    """
    pitches = [note[2] for note in part.notes if note[1] != DRUMS]
    if not pitches:
        return None
    span = max(pitches) - min(pitches)
    return -(-span // 12) if up else span // 12


def intensity(part: Window) -> float:
    """Onsets per quarter."""
    onsets = len({note[0] for note in part.notes})
    return onsets / ((part.end - part.starts[0]) / v.GRID)


def seconds(part: Window) -> float:
    """The length to the last onset, at the tempi that words can say."""
    lengths = np.diff([*(at for at, _ in part.tempos), part.end]).tolist()
    pairs = zip(lengths, part.tempos, strict=True)
    return sum(length * 60 / v.GRID / v.tempo_bpm(tempo) for length, (_, tempo) in pairs)


def published_danceable(part: Window) -> bool | None:
    """What the published code calls danceable. It counts positions of bars with drums instead of
    drum notes, so that 4/4 and 2/4 are always undecided and 3/4 never is danceable."""
    on = off = 0
    drums = [note[0] for note in part.notes if note[1] == DRUMS]
    for metre in dict.fromkeys(part.metres):
        bars = [bar for bar, own in enumerate(part.metres) if own == metre]
        spans = [(part.starts[bar], part.starts[bar] + part.lengths[bar]) for bar in bars]
        if metre not in STRONG_BEATS or not any(a <= at < b for at in drums for a, b in spans):
            continue
        if part.lengths[bars[0]] % metre[0]:
            return None
        strong = len(STRONG_BEATS[metre]) * part.lengths[bars[0]] // metre[0]
        on, off = on + strong, off + part.lengths[bars[0]] - strong
    return None if on == off else on > off


def struck_on_beats(part: Window) -> bool | None:
    """Whether more drum notes stand within strong beats than within others: what "danceable" was
    meant to be. None without drums in 4/4, 3/4 or 2/4, or where both are as many."""
    on = off = 0
    for note in part.notes:
        bar = bisect_right(part.starts, note[0]) - 1
        beats = STRONG_BEATS.get(part.metres[bar])
        if note[1] != DRUMS or beats is None:
            continue
        strong = (note[0] - part.starts[bar]) // v.GRID in beats
        on, off = on + strong, off + (not strong)
    return None if on == off else on > off


def classes(part: Window, is_major: bool | None = None) -> dict[str, int]:
    """The class of each attribute that can be heard, without those that cannot be decided; all 28
    instruments are there, as yes or no. ``is_major`` is the mode of the whole piece, where it is
    wanted (``bars.key_of``)."""
    playing = {CLASS_OF[note[1]] for note in part.notes}
    result = {f"I1s2_{i}": YES if i in playing else NO for i in range(len(INSTRUMENTS))}
    danceable = published_danceable(part)
    if danceable is not None:
        result["R1"] = YES if danceable else NO
    onsets = intensity(part)
    result["R3"] = 0 if onsets <= 1 else 1 if onsets < 2 else 2
    if len(part.starts) <= MOST_BARS:
        result["B1s1"] = (len(part.starts) - 1) // 4
    if len(set(part.metres)) == 1:
        metre = part.metres[0]
        result["TS1s1"] = METRES.index(metre) if metre in METRES else OTHER_METRE
    if is_major is not None:
        result["K1"] = 0 if is_major else 1
    if len({tempo for _, tempo in part.tempos}) == 1:
        bpm = v.tempo_bpm(part.tempos[0][1])
        result["T1s1"] = 0 if bpm <= SLOW else 2 if bpm >= FAST else 1
    compass = octaves(part)
    if compass is not None:
        result["P4"] = compass
    result["TM1"] = int(np.searchsorted(SECONDS, seconds(part)))
    return result


def prefix(given: Mapping[str, int]) -> np.ndarray:
    """(63,) the words that say these classes, all other attributes "not given". Raises InputError
    for an attribute or a class that there is not."""
    keys = [key for key, _ in v.ATTRIBUTE_CLASSES]
    unknown = [key for key in given if key not in keys]
    if unknown:
        raise InputError(f"there is no {unknown[0]!r} among the attributes; see ATTRIBUTE_CLASSES")
    words = [
        v.attribute_word(number, given.get(key, count - 1))
        for number, (key, count) in enumerate(v.ATTRIBUTE_CLASSES)
    ]
    return np.array(words, dtype=np.int64)


def read_prefix(words: np.ndarray) -> dict[str, int]:
    """The classes that 63 words say, without those that are not given. Raises InputError."""
    if len(words) != v.PREFIX_WORDS:
        raise InputError(f"a prefix has {v.PREFIX_WORDS} words, not {len(words)}")
    values = {
        key: v.attribute_class(number, int(word))
        for (number, (key, _)), word in zip(enumerate(v.ATTRIBUTE_CLASSES), words, strict=True)
    }
    counts = dict(v.ATTRIBUTE_CLASSES)
    return {key: value for key, value in values.items() if value < counts[key] - 1}
