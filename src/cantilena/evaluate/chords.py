"""Metrics of chord control: is an asked progression in the music.

Knows two ways to count: Mustango's (Melechovsky et al., "Mustango: Toward Controllable
Text-to-Music Generation", NAACL 2024), which compare two lists of chords, and our own, which ask
where in the piece a chord is due (``text.report.chords``). Does not know files or models.

Every metric has the shape (wishes: Brief, score: Score or None) -> float in 0-1; nan where no
chords are asked for; 0 where there is no music.

What Mustango compares are the asked symbols, once through, with the changes of chord that are
heard in the whole piece; it hears with Chordino, we with ``analysis.chord_slots`` by half bars.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from cantilena.analysis.chords import chord_slots
from cantilena.score.harmony import NO_CHORD, Chord, parse_chord
from cantilena.score.score import Score
from cantilena.text.report.chords import ChordMatch, match_chords
from cantilena.text.wishes import Brief

NAN = float("nan")
_MINOR, _OTHER = ("m", "m7", "m7b5", "dim"), ("aug", "sus4")


def changes(score: Score) -> list[int]:
    """Reduced chord numbers (1-108) of the piece's changes of chord by half bars, repeats of one
    chord and slots without any left out."""
    numbers, _ = chord_slots(score)
    numbers = numbers[numbers != NO_CHORD]
    return numbers[np.append(True, np.diff(numbers) != 0)].tolist() if len(numbers) else []


def common_in_order(asked: Sequence[int], heard: Sequence[int]) -> int:
    """How many of ``asked``, from its first on, stand one after another in ``heard``: the
    greedy count of Mustango's released evaluation. Other chords may stand between."""
    matched = 0
    for chord in heard:
        if matched < len(asked) and chord == asked[matched]:
            matched += 1
    return matched


def common_in_any_order(asked: Sequence[int], heard: Sequence[int]) -> int:
    """Size of the multiset intersection of two lists."""
    return sum((Counter(asked) & Counter(heard)).values())


def major_minor(number: int) -> int:
    """A reduced chord as root and binary type: 3 * root + (0 major, 1 minor or diminished, 2
    neither)."""
    chord = Chord.from_number(number)
    kind = 1 if chord.symbol in _MINOR else 2 if chord.symbol in _OTHER else 0
    return 3 * chord.root + kind


def _asked(wishes: Brief) -> list[int]:
    return [parse_chord(symbol).number for symbol in wishes.chords]


def exact_chord_match(wishes: Brief, score: Score | None) -> float:
    """Mustango's ECM: share of the asked chords that are heard in their order, by root and
    reduced quality (the nine of ``harmony.QUALITIES``)."""
    if not wishes.chords:
        return NAN
    return common_in_order(_asked(wishes), _changes(score)) / len(wishes.chords)


def perfect_chord_match(wishes: Brief, score: Score | None) -> float:
    """Mustango's PCM: 1 when ``exact_chord_match`` is 1, else 0."""
    share = exact_chord_match(wishes, score)
    return share if np.isnan(share) else float(share == 1)


def chords_any_order(wishes: Brief, score: Score | None) -> float:
    """Mustango's CMO: share of the asked chords, each as often as it is asked for, that are heard
    anywhere, by root and reduced quality."""
    if not wishes.chords:
        return NAN
    return common_in_any_order(_asked(wishes), _changes(score)) / len(wishes.chords)


def chords_any_order_type(wishes: Brief, score: Score | None) -> float:
    """Mustango's CMOT: as CMO, by root and major or minor type only."""
    if not wishes.chords:
        return NAN
    asked = [major_minor(n) for n in _asked(wishes)]
    heard = [major_minor(n) for n in _changes(score)]
    heard = [k for i, k in enumerate(heard) if i == 0 or heard[i - 1] != k]
    return common_in_any_order(asked, heard) / len(asked)


def chords_in_place(wishes: Brief, score: Score | None) -> float:
    """Share of the places (a bar each, or ``chord_beats``) at which the chord due there is heard,
    the progression being repeated through the piece: ``ChordMatch.in_order``."""
    match = _match(wishes, score)
    return match.in_order if isinstance(match, ChordMatch) else match


def chords_sequence(wishes: Brief, score: Score | None) -> float:
    """Longest common subsequence of the chords due and the chords heard, over the number of
    places: ``ChordMatch.sequence``. Not to be read alone: another song's music reaches 0.17."""
    match = _match(wishes, score)
    return match.sequence if isinstance(match, ChordMatch) else match


def _changes(score: Score | None) -> list[int]:
    return changes(score) if score is not None and len(score) else []


def _match(wishes: Brief, score: Score | None) -> ChordMatch | float:
    if not wishes.chords:
        return NAN
    if score is None or not len(score):
        return 0.0
    return match_chords(wishes.chords, score, wishes.chord_beats)


METRICS: dict[str, Callable[[Brief, Score | None], float]] = {
    "chords_pcm": perfect_chord_match,
    "chords_ecm": exact_chord_match,
    "chords_cmo": chords_any_order,
    "chords_cmot": chords_any_order_type,
    "chords_in_place": chords_in_place,
    "chords_sequence": chords_sequence,
}
"""Every chord metric by name."""
