"""The words of REMIGEN and REMIGEN2, MuseCoco's encodings, and what their numbers mean.

Knows words, ids and quantities; does not know Scores. Ids follow from the rules here and equal the
published dictionary's, whose first four places are those of ``<s>``, padding, ``</s>`` and unknown.

Lu et al., *MuseCoco: Generating Symbolic Music from Text*, 2023.
"""

from __future__ import annotations

import numpy as np

from cantilena.errors import InputError

GRID = 12  # positions per quarter
BOS, PAD, END_OF_PIECE, UNKNOWN = range(4)

BAR = 5  # ``b-1``, which ends a bar; 4 is ``b-0``, which nothing uses
POSITION, POSITIONS = 6, 128
INSTRUMENT, INSTRUMENTS = 134, 129
PITCH, PITCHES = 263, 256
LENGTH, LENGTHS = 519, 128
VELOCITY, VELOCITIES = 647, 32
METRE, METRES = 679, 254
TEMPO, TEMPOS = 933, 49
SEPARATOR = 984
ATTRIBUTES = 985

DRUM_PITCH = 128
"""What is added to the pitches of drums."""

LENGTH_STARTS = np.array([(12 + i) * 2**octave - 12 for octave in range(8) for i in range(12)])
"""The shortest length, in positions, of each of the 96 classes: each twelve double their step."""

METRE_LIST = tuple((num, den) for den in (1, 2, 4, 8, 16, 32, 64) for num in range(1, 2 * den + 1))
"""Every metre that there is a word for: numerator, denominator."""
_METRE_NUMBER = {metre: number for number, metre in enumerate(METRE_LIST)}

SLOWEST, FASTEST = 16.0, 256.0  # quarters per minute

ATTRIBUTE_CLASSES: tuple[tuple[str, int], ...] = (
    *((f"I1s2_{i}", 3) for i in range(28)),
    ("I4", 29),
    ("C1", 5),
    ("R1", 3),
    ("R3", 4),
    ("S2s1", 18),
    *((f"S4_{i}", 3) for i in range(22)),
    ("B1s1", 5),
    ("TS1s1", 8),
    ("K1", 3),
    ("T1s1", 4),
    ("P4", 13),
    ("ST1", 15),
    ("EM1", 5),
    ("TM1", 6),
)
"""The 63 attributes and their numbers of classes, in the order of the prefix. The last class of
each says that it is not given."""

PREFIX_WORDS = len(ATTRIBUTE_CLASSES)
_STARTS = np.cumsum([ATTRIBUTES, *(count for _, count in ATTRIBUTE_CLASSES)]).tolist()
SIZE = _STARTS[-1]
"""Number of words: 1,253."""

_KINDS = (
    ("b", 4, 2),
    ("o", POSITION, POSITIONS),
    ("i", INSTRUMENT, INSTRUMENTS),
    ("p", PITCH, PITCHES),
    ("d", LENGTH, LENGTHS),
    ("v", VELOCITY, VELOCITIES),
    ("s", METRE, METRES),
    ("t", TEMPO, TEMPOS),
    ("e", 982, 2),
)


def all_words() -> list[str]:
    """Every word, by its id."""
    words = ["<s>", "<pad>", "</s>", "<unk>"]
    for letter, _, count in _KINDS:
        words += [f"{letter}-{number}" for number in range(count)]
    words.append("<sep>")
    for key, count in ATTRIBUTE_CLASSES:
        words += [f"{key}_{number}" for number in range(count)]
    return words


def kind_of(word: int) -> str:
    """The letter of a word of music: b, o, i, p, d, v, s or t. Raises InputError for others."""
    for letter, start, count in _KINDS[:-1]:
        if start <= word < start + count and word != BAR - 1:
            return letter
    raise InputError(f"word {word} is none of music")


def number_of(word: int) -> int:
    """The number behind the letter of a word of music."""
    return word - next(start for _, start, count in _KINDS if start <= word < start + count)


def attribute_word(number: int, value: int) -> int:
    """The id of class ``value`` of the attribute ``number`` in the prefix's order. Raises
    InputError for a class that it does not have."""
    key, count = ATTRIBUTE_CLASSES[number]
    if not 0 <= value < count:
        raise InputError(f"the attribute {key} has the classes 0 to {count - 1}, not {value}")
    return _STARTS[number] + value


def attribute_class(number: int, word: int) -> int:
    """The class that an id says of the attribute ``number``. Raises InputError where it is no word
    of that attribute."""
    value = word - _STARTS[number]
    key, count = ATTRIBUTE_CLASSES[number]
    if not 0 <= value < count:
        raise InputError(f"word {word} is none of the attribute {key}")
    return value


def length_class(positions: int) -> int:
    """The class of a length in positions, at least 0: the longest that is not longer."""
    return int(np.searchsorted(LENGTH_STARTS, positions, side="right")) - 1


def tempo_class(us: int) -> int:
    """The class of a tempo in microseconds per quarter."""
    bpm = min(max(60e6 / us, SLOWEST), FASTEST)
    return round(12 * float(np.log2(bpm / SLOWEST)))


def tempo_bpm(number: int) -> float:
    """Quarters per minute of a tempo class."""
    return SLOWEST * 2 ** (number / 12)


def metre_class(num: int, den: int) -> int:
    """The class of a metre, reduced. Raises InputError for one whose denominator is no power of
    two."""
    return _METRE_NUMBER[reduced(num, den)]


def reduced(num: int, den: int) -> tuple[int, int]:
    """A metre that has a word: both halved while the denominator is above 64, and the numerator
    divided by its smallest factor while it is above twice the denominator."""
    if den & (den - 1):
        raise InputError(f"a metre of {num}/{den} has no word; denominators are powers of two")
    while den > 64 and num % 2 == 0:
        num, den = num // 2, den // 2
    if den > 64:
        raise InputError(f"a metre of {num}/{den} has no word; denominators go up to 64")
    while num > 2 * den:
        factor = next(k for k in range(2, num + 1) if num % k == 0)
        num //= factor
    return num, den


def bar_positions(metre: tuple[int, int]) -> int:
    """Positions in a bar, rounded down."""
    return metre[0] * 4 * GRID // metre[1]
