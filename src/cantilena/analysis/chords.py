"""Chords: which chord sounds in each slot of metrical time, and the loop they form.

Knows the reduced alphabet of ``score.harmony`` and how its chords sound; does not know functions
(Roman numerals), and gives slots, not the exact ticks where harmony changes.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from cantilena.analysis.grid import (
    bass_chroma,
    chroma,
    most_at_once,
    piano_roll,
    slot_edges,
    windows,
)
from cantilena.score.harmony import N_CHORDS, NO_CHORD, QUALITIES, QUALITY_NAMES, Chord, Key
from cantilena.score.score import Score

CELLS = {"bar": 24, "half": 12, "beat": 6}
LONGEST_LOOP = 8

# How chords sound: the weight of each interval above the root among a slot's note-cells and among
# its lowest notes, of any other pitch class, and the log-odds of a quality. Rounded from counts
# over POP909's songs 1-200; simple triads get a higher prior.
_TONES = {0: 0.36, 2: 0.2, 3: 0.24, 4: 0.24, 5: 0.2, 6: 0.22, 7: 0.25, 8: 0.25, 9: 0.2, 10: 0.16}
_TONES |= {11: 0.18}
_BASS = {0: 0.8, 3: 0.06, 4: 0.06, 6: 0.05, 7: 0.08, 8: 0.08, 10: 0.05, 11: 0.04}
_OTHER, _BASS_OTHER = 0.02, 0.012
_PRIOR = {"": 0.0, "m": 0.0, "7": -1.0, "maj7": -1.0, "m7": -1.0}
_PRIOR |= {"dim": -1.5, "m7b5": -1.5, "aug": -2.5, "sus4": -2.0}
# Further ways to voice a quality (sus2, dim7), at a price.
_VARIANTS = (*QUALITIES.items(), ("sus4", (0, 2, 7)), ("dim", (0, 3, 6, 9)))
_VARIANT_PRICE = -0.5
# A slot counts as so many notes drawn from the chord, and so many bass notes; log-price of a change
# of chord between slots; log-odds of no chord.
_WEIGHT, _BASS_WEIGHT, _CHANGE, _NONE = 6.0, 1.2, 1.5, -2.0


@cache
def _templates() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each of V ways to voice a chord: its number (V,), log-probability of its pitch classes
    (12, V) and bass notes (12, V), and prior (V,)."""
    tones, bass, number, prior = [np.full(12, 1 / 12)], [np.full(12, 1 / 12)], [NO_CHORD], [_NONE]
    for root in range(12):
        for i, (name, intervals) in enumerate(_VARIANTS):
            number.append(1 + len(QUALITIES) * root + QUALITY_NAMES.index(name))
            prior.append(_PRIOR[name] + _VARIANT_PRICE * (i >= len(QUALITIES)))
            tones.append(np.full(12, _OTHER))
            bass.append(np.full(12, _BASS_OTHER))
            for k in intervals:
                tones[-1][(root + k) % 12] = _TONES[k]
                bass[-1][(root + k) % 12] = _BASS.get(k, _BASS_OTHER)
    t, b = np.array(tones).T, np.array(bass).T
    return np.array(number), np.log(t / t.sum(0)), np.log(b / b.sum(0)), np.array(prior)


def chord_slots(score: Score, per: str = "half") -> tuple[np.ndarray, np.ndarray]:
    """The chord of each slot: (S,) reduced chord numbers (0: none sounds) and (S,) start ticks.

    ``per``: "half", "bar" or "beat", as ``grid.slot_edges`` divides bars. Each slot's chroma
    and bass notes are scored against every chord as draws from the chord's distributions, and a
    Viterbi path with a price on every change joins the slots (Sheh & Ellis 2003 is the model's
    origin). Drums are ignored. Raises UnknownNameError.
    """
    edges = slot_edges(score, per)
    rolls = (piano_roll(score, run, CELLS[per]) for run in windows(edges))
    features = [(chroma(r), bass_chroma(r)) for r in rolls]  # one roll in memory at a time
    notes, lowest = (np.concatenate(x) for x in zip(*features, strict=True))
    numbers = best_path(template_evidence(notes, lowest, CELLS[per]), _CHANGE)
    numbers[notes.sum(1) == 0] = NO_CHORD
    return numbers, edges[:-1]


def audible_slots(score: Score, numbers: np.ndarray, per: str = "half") -> np.ndarray:
    """(S,) bool: whether a chord can be heard in each slot, and not only guessed of a melody.

    ``numbers``: (S,) what ``chord_slots`` gives for ``per``. A chord is heard where at least three
    of its tones sound, most of what sounds is of it, and these come together: three at once, two
    at once with little beside them, or one by one with nothing beside them, as in an arpeggio.
    """
    edges = slot_edges(score, per)
    rolls = (piano_roll(score, run, CELLS[per]) for run in windows(edges))
    features = [(chroma(r), most_at_once(r)) for r in rolls]
    notes, at_once = (np.concatenate(x) for x in zip(*features, strict=True))
    table = np.zeros((N_CHORDS, 12), dtype=bool)
    for number in range(1, N_CHORDS):
        table[number, sorted(Chord.from_number(number).pitch_classes)] = True
    tones = table[numbers]
    share = (notes * tones).sum(1) / np.maximum(notes.sum(1), 1e-9)
    several = ((notes > 0) & tones).sum(1) >= 3
    return several & (share >= _AUDIBLE_SHARE[np.minimum(at_once, 3)])


_AUDIBLE_SHARE = np.array([1.0, 1.0, 0.75, 0.6])
"""Least share of what sounds that is of the chord, by how many pitch classes sound at once."""


def template_evidence(notes: np.ndarray, lowest: np.ndarray, cells: int) -> np.ndarray:
    """(S, 109) log-likelihood of each chord in each slot, from (S, 12) notes and bass notes."""
    number, tones, bass, prior = _templates()
    share = notes / np.maximum(notes.sum(1, keepdims=True), 1e-9)
    filled = lowest.sum(1, keepdims=True) / cells
    ground = lowest / np.maximum(lowest.sum(1, keepdims=True), 1e-9)
    fit = _WEIGHT * share @ tones + _BASS_WEIGHT * ground @ bass + prior
    out = np.full((len(notes), N_CHORDS), -np.inf)
    main = _main(number)
    out[:, number[main]] = fit[:, main]
    for v in np.flatnonzero(~main):
        np.maximum(out[:, number[v]], fit[:, v], out=out[:, number[v]])
    return out * np.minimum(filled * 2, 1)


def _main(number: np.ndarray) -> np.ndarray:
    """(V,) bool: the first way to voice each chord."""
    first = np.zeros(len(number), dtype=bool)
    first[np.unique(number, return_index=True)[1]] = True
    return first


def best_path(evidence: np.ndarray, change: float) -> np.ndarray:
    """(S,) states of the best path through (S, K) scores when every change costs ``change``."""
    stays = np.empty(evidence.shape, dtype=bool)
    source = np.empty(len(evidence), dtype=np.int64)
    total = np.zeros(evidence.shape[1])
    for i, row in enumerate(evidence):
        source[i] = total.argmax()
        moved = total[source[i]] - change
        np.greater_equal(total, moved, out=stays[i])
        total = np.maximum(total, moved)
        total += row
    path = np.empty(len(evidence), dtype=np.int64)
    state = int(total.argmax())
    for i in range(len(evidence) - 1, -1, -1):
        path[i] = state
        if not stays[i, state]:
            state = int(source[i])
    return path


def progression(numbers: np.ndarray, key: Key | None = None) -> tuple[str, ...]:
    """Symbols of the loop of at most 8 chord changes that explains most of the piece.

    ``numbers``: (S,) reduced chord numbers; slots without a chord are passed over and repeats of
    one chord count once. Chords are compared by root and third (C, C7 and Csus4 are one, Cm and
    Cm7 another, Cdim and Cm7b5 a third); each is then named by its most frequent quality. The
    loop is the one whose returns, apart from each other, hold most changes, and it must hold a
    quarter of all; of equal ones the shorter, then the earlier wins. When nothing repeats, a
    piece of at most 8 changes is its own progression, and a longer one has none: (). Roots are
    spelled as the ``key`` has them, C when None.
    """
    sounding = np.asarray(numbers, dtype=np.int64)
    sounding = sounding[sounding != NO_CHORD]
    if not len(sounding):
        return ()
    kind = _KIND[sounding]
    runs = np.cumsum(np.append(0, np.diff(kind) != 0))
    changes = kind[np.append(True, np.diff(runs) > 0)].tolist()
    places, length, gain = [0], len(changes), 0
    for size in range(2, min(LONGEST_LOOP, len(changes) // 2) + 1):
        for starts in _loops(changes, size).values():
            if (len(starts) - 1) * size > gain and 4 * len(starts) * size >= len(changes):
                places, length, gain = starts, size, (len(starts) - 1) * size
    if length > LONGEST_LOOP:
        return ()
    names = (
        int(np.bincount(sounding[np.isin(runs, np.add(places, i))]).argmax()) for i in range(length)
    )
    return tuple(spell_chord(Chord.from_number(n), key) for n in names)


_THIRD = {"": 0, "7": 0, "maj7": 0, "sus4": 0, "m": 1, "m7": 1, "dim": 2, "m7b5": 2, "aug": 3}
_KIND = np.array([-1] + [4 * r + _THIRD[q] for r in range(12) for q in QUALITIES])


def _loops(changes: list[int], length: int) -> dict[tuple[int, ...], list[int]]:
    """Where each sequence of ``length`` chords occurs without overlapping itself."""
    loops: dict[tuple[int, ...], list[int]] = {}
    for i in range(len(changes) - length + 1):
        places = loops.setdefault(tuple(changes[i : i + length]), [])
        if not places or places[-1] + length <= i:
            places.append(i)
    return loops


def spell_chord(chord: Chord, key: Key | None = None) -> str:
    """The chord's symbol with its root spelled as in a key: bII, bIII, #IV, bVI and bVII where
    it is not of the scale, so Bb in C major but A# in F# major; Cb is the fourth of Gb major. None
    is C major."""
    key = key or Key(0)
    tonic = key.tonic_fifths
    above = (7 * (chord.root - key.tonic) + 5) % 12 - 5
    symbol = chord.name(flats=tonic + above < -1)
    if chord.root in key.scale and (chord.root, tonic + above) in _WHITE_KEYS:
        return _WHITE_KEYS[chord.root, tonic + above] + symbol[1:]
    return symbol


_WHITE_KEYS = {(11, -7): "Cb", (4, -8): "Fb", (5, 11): "E#", (0, 12): "B#"}
"""Roots on a white key that are named after its neighbour: (pitch class, fifths above C)."""
