"""A line of words sung on notes: syllables of a voice that speaks on one pitch, put on a melody.

Knows syllables and how a vowel is held; does not know the voice's library (``render.espeak``) or
data sets. A line is spoken once at each of its notes' pitches, and each syllable is taken from the
one at its own; a vowel that is too short for its note is held by repeating its steady part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cantilena.errors import InputError
from cantilena.render.espeak import Spoken, Voice, is_vowel

SPEEDS = (150, 200, 270, 360)
"""Words a minute: the slowest at which a syllable is no longer than its note is taken."""
_JOIN = 0.006
"""Seconds over which syllables go over into one another."""
_LOOP = 0.010
"""Of a vowel's repetitions."""
_LOWEST = 80.0
"""Hz, below any pitch that is sung."""
_STEADY = (0.25, 0.6)
"""Between which shares of a vowel what is repeated lies: behind it a diphthong moves on."""


@dataclass(frozen=True)
class SungNote:
    """``pitch``: MIDI; ``seconds``: until the next note begins."""

    pitch: int
    seconds: float


@dataclass(frozen=True)
class Sung:
    """``samples`` (n,) float32 at ``rate`` Hz; ``phonemes`` with ``starts`` (P,) in seconds;
    ``notes`` with ``onsets``: as they sound, which is longer than asked where a syllable does not
    fit."""

    samples: np.ndarray
    rate: int
    phonemes: tuple[str, ...]
    starts: np.ndarray
    notes: tuple[SungNote, ...]
    onsets: np.ndarray


def syllables(phonemes: Sequence[str]) -> list[tuple[int, int]]:
    """From which phoneme to which each syllable goes: one vowel each; of the consonants between two
    vowels the last begins the next syllable, those before it end the one before."""
    vowels = [i for i, name in enumerate(phonemes) if is_vowel(name)]
    if not vowels:
        return [(0, len(phonemes))] if phonemes else []
    cuts = [0]
    for one, two in pairwise(vowels):
        cuts.append(two if two == one + 1 else two - 1)
    return list(zip(cuts, [*cuts[1:], len(phonemes)], strict=True))


def count_syllables(voice: Voice, text: str) -> int:
    """How many notes a line takes. Raises InputError where nothing of it can be spoken."""
    return len(syllables(voice.say(text, None, SPEEDS[0]).phonemes))


def hertz_of(pitch: float) -> float:
    """Of a MIDI pitch."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def into_range(pitch: int, voice: Voice) -> int:
    """A pitch moved by octaves into what the voice sings."""
    low, high = voice.range
    least = math.ceil(69 + 12 * math.log2(low / 440) - 0.1)
    most = math.floor(69 + 12 * math.log2(high / 440) + 0.1)
    if most - least < 11:
        raise InputError(f"the voice {voice.name!r} has less than an octave")
    while pitch < least:
        pitch += 12
    while pitch > most:
        pitch -= 12
    return pitch


def sing(voice: Voice, text: str, notes: Sequence[SungNote]) -> Sung:
    """A line on notes, one a syllable: as many as ``count_syllables`` says. Raises InputError for
    another number of notes, and for pitches that the voice does not have."""
    renditions: dict[tuple[int, int], Spoken] = {}

    def spoken(pitch: int, speed: int) -> Spoken:
        if (pitch, speed) not in renditions:
            renditions[pitch, speed] = voice.say(text, hertz_of(pitch), speed)
        return renditions[pitch, speed]

    first = spoken(notes[0].pitch, SPEEDS[0]) if notes else None
    parts = [] if first is None else syllables(first.phonemes)
    if first is None or len(parts) != len(notes):
        raise InputError(f"{len(notes)} notes for a line of {len(parts)} syllables: {text!r}")
    rate, join = voice.rate, round(_JOIN * voice.rate)
    sound = np.zeros(0, dtype=np.float32)
    names: list[str] = []
    starts: list[float] = []
    onsets: list[float] = []
    for note, part in zip(notes, parts, strict=True):
        row, edges, own = _syllable(spoken, first, note, part, join)
        at = max(0, len(sound) - join)
        onsets.append(at / rate)
        starts += [(at + edge) / rate for edge in edges]
        names += own
        sound = _joined(sound, row, join)
    ends = [*onsets[1:], len(sound) / rate]
    held = [
        SungNote(n.pitch, stop - start) for n, start, stop in zip(notes, onsets, ends, strict=True)
    ]
    return Sung(sound, rate, tuple(names), np.array(starts), tuple(held), np.array(onsets))


def _syllable(
    spoken: Callable[[int, int], Spoken],
    first: Spoken,
    note: SungNote,
    part: tuple[int, int],
    join: int,
) -> tuple[np.ndarray, list[int], list[str]]:
    """A syllable's samples, ``join`` longer than its note so that it can go over into the next; the
    places at which its phonemes begin, and these."""
    begin, stop = part
    wanted = round(note.seconds * first.rate) + join
    one = spoken(note.pitch, SPEEDS[0])
    for speed in SPEEDS:
        other = spoken(note.pitch, speed)
        if other.phonemes != first.phonemes:  # at high speeds some run into one another
            break
        one = other
        if one.edges[stop] - one.edges[begin] + join <= wanted:
            break
    if one.phonemes != first.phonemes:
        raise InputError("the line is not spoken alike on all of its notes")
    start = int(one.edges[begin])
    row = one.samples[start : int(one.edges[stop]) + join]
    edges = (one.edges[begin:stop] - start).tolist()
    more = wanted - len(row)
    vowel = next((i for i in range(begin, stop) if is_vowel(one.phonemes[i])), None)
    if more > 0 and vowel is not None:
        span = int(one.edges[vowel]) - start, int(one.edges[vowel + 1]) - start
        longer = _held(row, span, more, one.rate)
        grown = len(longer) - len(row)
        edges = [edge + (grown if i + begin > vowel else 0) for i, edge in enumerate(edges)]
        row = longer
    return row, edges, list(one.phonemes[begin:stop])


def _held(row: np.ndarray, vowel: tuple[int, int], more: int, rate: int) -> np.ndarray:
    """A syllable whose vowel is longer by ``more`` samples and less than a period: parts of its
    steady middle follow one another where the wave goes alike."""
    length = vowel[1] - vowel[0]
    low, high = (vowel[0] + round(share * length) for share in _STEADY)
    fade = min(round(_LOOP * rate), max(1, (high - low) // 3))
    head, left = row[:high], more
    while left > 0:
        start = max(low, high - fade - left)
        at = _aligned(row[:high], head[-fade:], start, low, round(rate / _LOWEST))
        head = _joined(head, row[at:high], fade)
        gained = len(head) - high - (more - left)
        if gained <= 0:  # too short a vowel to be held
            break
        left -= gained
    return np.concatenate([head, row[high:]])


def _aligned(row: np.ndarray, pattern: np.ndarray, start: int, low: int, period: int) -> int:
    """Where in a row, up to a period before ``start`` but not before ``low``, the wave goes most
    as in a pattern."""
    begin, size = max(low, start - period), len(pattern)
    windows = np.lib.stride_tricks.sliding_window_view(row[begin : start + size], size)
    sizes = np.linalg.norm(windows, axis=1) + 1e-6
    return begin + int((windows @ pattern / sizes).argmax())


def _joined(one: np.ndarray, two: np.ndarray, over: int) -> np.ndarray:
    """Two sounds, the second begun ``over`` samples before the first ends."""
    over = min(over, len(one), len(two))
    if not over:
        return np.concatenate([one, two]).astype(np.float32)
    up = np.linspace(0, 1, over, dtype=np.float32)
    middle = one[len(one) - over :] * (1 - up) + two[:over] * up
    return np.concatenate([one[: len(one) - over], middle, two[over:]]).astype(np.float32)
