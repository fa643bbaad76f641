"""How much of an asked chord progression a Score plays: pure comparison, no wording.

Knows the reduced alphabet of chords and where an asked chord is due; does not know Briefs, and
hears nothing itself (``analysis.chord_slots`` does).

Two chords agree when their roots are equal and their thirds are: major (C, C7, Cmaj7), minor (Cm,
Cm7), diminished (Cdim, Cm7b5), augmented. A chord without a third (Csus4, C5) agrees with the
major, minor and suspended chords of its root. Sevenths, further tones and the bass are not
compared, after the major and minor types of Mustango's CMOT (Melechovsky et al., NAACL 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cantilena.analysis.chords import chord_slots
from cantilena.analysis.grid import pitched
from cantilena.errors import InputError
from cantilena.score.harmony import QUALITIES, Chord, parse_chord
from cantilena.score.score import Score

MAJOR, MINOR, DIMINISHED, AUGMENTED, OPEN = range(5)
_CLASS = {"": MAJOR, "7": MAJOR, "maj7": MAJOR, "m": MINOR, "m7": MINOR}
_CLASS |= {"dim": DIMINISHED, "m7b5": DIMINISHED, "aug": AUGMENTED, "sus4": OPEN}
ANTICIPATION = 8
"""A first note may come early by a quarter note divided by this, which is a 32nd note."""
_NONE = -1
# Of reduced chord numbers: 5 * root + class, -1 for no chord.
_KIND = np.array([_NONE] + [5 * r + _CLASS[q] for r in range(12) for q in QUALITIES])


@dataclass(frozen=True)
class ChordMatch:
    """What was heard of an asked progression; all shares are 0-1.

    ``any_order``: share of the different asked chords that are heard in at least one place.
    ``in_order``: share of the places at which the chord that is due there is heard.
    ``sequence``: length of the longest common subsequence of the chords due and the chords heard,
    over the number of places; a progression that is shifted or interrupted keeps most of it.
    ``exact``: every place has its chord. ``places``: how many there are. ``missing``: the asked
    symbols that are never heard, as written.
    """

    any_order: float
    in_order: float
    sequence: float
    exact: bool
    places: int
    missing: tuple[str, ...]


def match_chords(
    asked: Sequence[str], score: Score, beats_per_chord: float | None = None
) -> ChordMatch:
    """Compares the chords of a Score with an asked progression.

    ``asked``: chord symbols. They are due one after another from the first bar on, each for
    ``beats_per_chord`` quarter notes or, when None, a bar, and begin anew until the piece ends.
    Places before the first and after the last pitched note are left out; silence between counts
    as a miss. What is heard in a place is the chord that fills most of it (of equals the first),
    from an analysis by bars and one by half bars (by half bars and beats where a chord lasts less
    than a bar), whichever agrees better as a whole. An empty Score matches nothing. Raises
    BriefError on a symbol that is none, InputError when ``asked`` is empty or the beats are not
    positive.
    """
    if not asked:
        raise InputError("no chords are asked for; give at least one symbol, as Dm7")
    if beats_per_chord is not None and not beats_per_chord > 0:
        raise InputError(f"a chord cannot last {beats_per_chord:g} beats; give more than 0")
    kinds = [_kind(parse_chord(symbol)) for symbol in asked]
    edges = _places(score, beats_per_chord)
    if not len(edges):
        return ChordMatch(0.0, 0.0, 0.0, False, 0, tuple(dict.fromkeys(asked)))
    due = np.array(kinds)[_numbers(score, edges, beats_per_chord) % len(kinds)]
    bar = float(np.median(np.diff(score.bar_starts))) / score.tpq
    short = beats_per_chord is not None and beats_per_chord < 0.99 * bar
    matches = [
        _compare(list(asked), kinds, due, _chord_kinds(score, edges, per))
        for per in (("half", "beat") if short else ("bar", "half"))
    ]
    return max(matches, key=lambda m: (m.in_order, m.any_order, m.sequence))


def _kind(chord: Chord) -> int:
    have = {i % 12 for i in chord.intervals}
    open_fifth = not {3, 4} & have
    return 5 * chord.root + (OPEN if open_fifth else _CLASS[chord.quality])


def _all_places(score: Score, beats: float | None) -> np.ndarray:
    if beats is None:
        return score.bar_starts
    step = max(1.0, beats * score.tpq)
    count = max(1, int(np.ceil(score.end / step - 1e-6)))
    return np.rint(np.arange(count + 1) * step).astype(np.int64)


def _places(score: Score, beats: float | None) -> np.ndarray:
    """(P + 1,) edges in ticks of the places between the first and the last pitched note."""
    keep = pitched(score)
    if not keep.any():
        return np.zeros(0, dtype=np.int64)
    edges = _all_places(score, beats)
    first = int(score.onset[keep].min())
    last = int(score.onset[keep].max())
    # A note that anticipates its place by no more than this counts as on it.
    early = score.tpq // ANTICIPATION
    low = max(0, int(np.searchsorted(edges, first + early, side="right")) - 1)
    high = int(np.searchsorted(edges, last, side="right"))
    return edges[low : max(high, low + 1) + 1]


def _numbers(score: Score, edges: np.ndarray, beats: float | None) -> np.ndarray:
    """(P,) the number of each place, counted from the start of the piece."""
    first = int(np.searchsorted(_all_places(score, beats), edges[0]))
    return first + np.arange(len(edges) - 1)


def _chord_kinds(score: Score, edges: np.ndarray, per: str) -> np.ndarray:
    """(P,) kind of the chord that fills most of each place, -1 where none sounds."""
    numbers, starts = chord_slots(score, per)
    kinds = _KIND[numbers]
    stops = np.append(starts[1:], max(int(edges[-1]), int(starts[-1]) + 1))
    out = np.full(len(edges) - 1, _NONE)
    low = np.searchsorted(stops, edges[:-1], side="right")
    high = np.searchsorted(starts, edges[1:], side="left")
    for i, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        ticks_of: dict[int, int] = {}
        for s in range(a, b):
            ticks = int(min(stops[s], edges[i + 1]) - max(starts[s], edges[i]))
            kind = int(kinds[s])
            ticks_of[kind] = ticks_of.get(kind, 0) + ticks
        sounding = {k: v for k, v in ticks_of.items() if k != _NONE}
        if sounding:
            out[i] = max(sounding, key=sounding.__getitem__)  # of equals the first
    return out


def _agree(due: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Bool, broadcast: chords of two arrays of kinds agree."""
    one, other = due % 5, actual % 5
    opened = ((one == OPEN) & (other <= MINOR)) | ((other == OPEN) & (one <= MINOR))
    return (actual != _NONE) & (due // 5 == actual // 5) & ((one == other) | opened)


def _compare(asked: list[str], kinds: list[int], due: np.ndarray, actual: np.ndarray) -> ChordMatch:
    if not len(due):  # a piece of a few ticks has no place for a chord
        return ChordMatch(0.0, 0.0, 0.0, False, 0, tuple(dict.fromkeys(asked)))
    hits = _agree(due, actual)
    asked_kinds = np.array(kinds)
    heard: list[bool] = _agree(asked_kinds[:, None], actual[None, :]).max(1).tolist()
    different = dict(zip(kinds, heard, strict=True))
    missing = [s for s, p in zip(asked, heard, strict=True) if not p]
    return ChordMatch(
        any_order=sum(different.values()) / len(different),
        in_order=float(hits.mean()),
        sequence=_common(due, actual) / len(due),
        exact=bool(hits.all()),
        places=len(due),
        missing=tuple(dict.fromkeys(missing)),
    )


def _common(due: np.ndarray, actual: np.ndarray) -> int:
    """Length of the longest common subsequence, by the bit-parallel recurrence of Crochemore et
    al. (Information Processing Letters 80, 2001): one addition of long integers a place."""
    n = len(due)
    full = (1 << n) - 1
    where: dict[int, int] = {}
    for h in np.unique(actual).tolist():
        bits = _agree(due, np.array(h))
        where[h] = sum(1 << i for i in np.flatnonzero(bits).tolist())
    row = full
    for h in actual.tolist():
        common = row & where[h]
        row = ((row + common) | (row - common)) & full
    return n - row.bit_count()
