"""Chords for a melody that has none: what the recogniser makes of its notes, and what songs do.

Knows the chord network's evidence, the habits counted on training songs and what cadences are; does
not know who plays, models, or how notes are written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from cantilena.analysis import slot_edges
from cantilena.analysis.grid import pitched
from cantilena.analysis.recognition import N_LABELS, SHORTHANDS, beat_evidence
from cantilena.score import Score
from cantilena.score.harmony import NO_CHORD, QUALITIES, QUALITY_NAMES, Chord, Key
from cantilena.systems.note.progressions import ENOUGH, SONGS_POWER

EVIDENCE = 1.0
"""What a beat's log-probability counts: the network sees nine beats at once, so neighbours say
nearly the same. This and the next two were chosen on 75 melodies of POP909 that the network was not
trained on (``benchmarks/chord_recognition.py --melodies``)."""
FOREIGN = 3.0
"""What a chord loses for a melody note that is foreign to it and begins or sounds on a strong beat,
for the whole slot; less as the note is shorter."""
TRANSITIONS = 0.5
"""What the log-probability of one chord after another counts."""
CADENCE = 4.0
"""What the tonic gains in the last bar, and the dominant before it; half of it the tonic at the
start."""
STAYING = 3.0
"""What a chord loses that stays over a bar line: a best path is made of what is likeliest, and
without this it changes half as often as songs do and is on the tonic half of the time."""
SMOOTHING = 0.5
"""Songs added to each count of a change that training songs have."""
RAREST = 0.002
"""Share of the half bars of training songs that a chord stands in at least, to be chosen."""
_KINDS = {
    "": ("maj", "7", "maj7", "sus2", "sus4", "sus4(b7)", "maj6"),
    "m": ("min", "min7"),
    "dim": ("dim", "hdim7"),
    "aug": ("aug",),
}
"""Labels that speak for a triad."""
_TRIAD = {"7": "", "maj7": "", "sus4": "", "m7": "m", "m7b5": "dim"}


def harmonise(
    score: Score, key: Key, habits: dict[str, Any], genres: Collection[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """The chord of each half bar, as ``analysis.chord_slots`` gives it: (S,) reduced numbers and
    (S,) start ticks, from the first bar with a pitched note to the last.

    The best path (Viterbi) through what the recogniser makes of the notes, a price on foreign notes
    on strong beats, and how often training songs of the mode (and of ``genres``, where there are
    enough) go from one chord to the next at a bar line or within a bar. It ends at home.
    """
    edges = slot_edges(score, "half")
    states, first, table = _model(habits, key, genres)
    fit = EVIDENCE * _slot_evidence(score, edges, states) - FOREIGN * _foreign(score, edges, states)
    bars = np.isin(edges[:-1], score.bar_starts)
    keep = pitched(score)
    start = int(np.searchsorted(edges, score.onset[keep].min(), side="right")) - 1
    end = int((score.onset[keep] + score.duration[keep]).max())
    stop = int(np.searchsorted(edges, end, side="left"))
    while start > 0 and not bars[start]:
        start -= 1
    fit[start:stop] += _cadence(bars[start:stop], states, key)
    path = _path(fit[start:stop], bars[start:stop], first, table)
    numbers = np.zeros(len(edges) - 1, dtype=np.int64)
    numbers[start:stop] = states[path]
    return numbers, edges[:-1]


def _model(
    habits: dict[str, Any], key: Key, genres: Collection[str]
) -> tuple[np.ndarray, np.ndarray, dict[bool, np.ndarray]]:
    """(K,) chord numbers in the key; (K,) how often each stands (log); and (K, K) log-probabilities
    of one after another, by whether the later one begins a bar."""
    rows = [
        row for row in habits["progressions"]["minor" if key.minor else "major"] if len(row) > 2
    ]
    own = [row for row in rows if len(row) == 4 and set(genres) & set(row[2])]
    rows = own if len(own) >= ENOUGH else rows
    phrases = [_home(key)] + [tuple(row[0]) for row in rows]
    weights = np.array([1.0] + [float(row[1]) ** SONGS_POWER for row in rows])
    flat = np.array([number for phrase in phrases for number in phrase])
    heavy = np.repeat(weights, [len(phrase) for phrase in phrases])
    share = np.bincount(flat, weights=heavy) / heavy.sum()
    states = np.flatnonzero(share >= RAREST)
    states = states[states != NO_CHORD]
    place = {int(number): k for k, number in enumerate(states)}
    counts = {at_bar: np.zeros((len(states), len(states))) for at_bar in (True, False)}
    for phrase, weight in zip(phrases, weights, strict=True):
        for k, number in enumerate(phrase):
            coming = phrase[(k + 1) % len(phrase)]
            if number in place and coming in place:
                counts[k % 2 == 1][place[number], place[coming]] += weight
    usual = share[states] / share[states].sum()
    table = {}
    for at_bar, count in counts.items():
        smooth = count + SMOOTHING * len(states) * usual
        table[at_bar] = TRANSITIONS * np.log(smooth / smooth.sum(1, keepdims=True))
    table[True][np.diag_indices(len(states))] -= STAYING
    moved = [Chord.from_number(int(n)).transposed(key.tonic).number for n in states]
    return np.array(moved), np.log(usual), table


def _home(key: Key) -> tuple[int, ...]:
    """A phrase above C that every mode has: tonic, subdominant, dominant, tonic."""
    third = "m" if key.minor else ""
    degrees = ((0, third), (5, third), (7, ""), (0, third))
    return tuple(
        1 + len(QUALITIES) * root + QUALITY_NAMES.index(quality)
        for root, quality in degrees
        for _ in range(4)
    )


def _slot_evidence(score: Score, edges: np.ndarray, states: np.ndarray) -> np.ndarray:
    """(S, K) log-probabilities of the states' triads, summed over each slot's beats."""
    beats = slot_edges(score, "beat")
    labels = np.exp(beat_evidence(score, beats))
    table = np.zeros((N_LABELS, len(states)))
    for k, number in enumerate(states.tolist()):
        chord = Chord.from_number(number)
        for name in _KINDS[_TRIAD.get(chord.quality, chord.quality)]:
            table[1 + len(SHORTHANDS) * chord.root + SHORTHANDS.index(name), k] = 1.0
    each = np.log(labels @ table + 1e-4)
    slot = np.clip(np.searchsorted(edges, beats[:-1], side="right") - 1, 0, len(edges) - 2)
    out = np.zeros((len(edges) - 1, len(states)))
    np.add.at(out, slot, each)
    return out


def strong_notes(score: Score, edges: np.ndarray) -> np.ndarray:
    """(S, 12) for which share of the slot after it a note of each pitch class sounds that begins or
    sounds on the slot's first tick."""
    out = np.zeros((len(edges) - 1, 12))
    keep = pitched(score)
    onset, pitch = score.onset[keep], score.pitch[keep]
    end = onset + score.duration[keep]
    slack = score.tpq // 12  # hands are early or late by as much
    for shift in (0, 1):
        slot = np.searchsorted(edges, onset + slack, side="right") - 1 + shift
        slot = np.clip(slot, 0, len(edges) - 2)
        start, stop = edges[slot], edges[slot + 1]
        on = (onset <= start + slack) & (end > start + slack)
        share = np.clip((np.minimum(end, stop) - start) / (stop - start), 0.0, 1.0)
        np.maximum.at(out, (slot[on], pitch[on] % 12), share[on])
    return out


def _foreign(score: Score, edges: np.ndarray, states: np.ndarray) -> np.ndarray:
    """(S, K) how much of a foreign note stands on each slot's first tick."""
    outside = np.ones((len(states), 12))
    for k, number in enumerate(states.tolist()):
        outside[k, sorted(Chord.from_number(number).pitch_classes)] = 0.0
    return strong_notes(score, edges) @ outside.T


def _cadence(bars: np.ndarray, states: np.ndarray, key: Key) -> np.ndarray:
    """(S, K) what chords gain at the ends of the piece."""
    chords = [Chord.from_number(int(number)) for number in states]
    thirds = ("m",) if key.minor else ("",)
    tonic = np.array([c.root == key.tonic and c.quality in thirds for c in chords])
    dominant = np.array([c.root == (key.tonic + 7) % 12 and c.quality in ("", "7") for c in chords])
    out = np.zeros((len(bars), len(states)))
    if len(bars):
        lines = np.flatnonzero(bars)
        out[: 1 + int(lines[0] if len(lines) else 0)] += CADENCE / 2 * tonic
        last = int(lines[-1]) if len(lines) else 0
        out[last:] += CADENCE * tonic
        if last > 0:
            out[last - 1] += CADENCE / 2 * dominant
    return out


def _path(
    fit: np.ndarray, bars: np.ndarray, first: np.ndarray, table: dict[bool, np.ndarray]
) -> np.ndarray:
    """(S,) the best path through (S, K) scores."""
    if not len(fit):
        return np.zeros(0, dtype=np.int64)
    source = np.zeros(fit.shape, dtype=np.int64)
    total = fit[0] + first
    for i in range(1, len(fit)):
        ways = total[:, None] + table[bool(bars[i])]
        source[i] = ways.argmax(0)
        total = ways.max(0) + fit[i]
    path = [int(total.argmax())]
    for i in range(len(fit) - 1, 0, -1):
        path.append(int(source[i, path[-1]]))
    return np.array(path[::-1])


def chord_tone_share(score: Score, numbers: Sequence[int] | np.ndarray, edges: np.ndarray) -> float:
    """Share of what stands on slots' first ticks that is of their chords; NaN where nothing does.
    ``numbers``: (S,) reduced numbers of the slots between ``edges``."""
    notes = strong_notes(score, edges) > 0
    inside = np.zeros_like(notes)
    for i, number in enumerate(np.asarray(numbers).tolist()):
        inside[i, sorted(Chord.from_number(number).pitch_classes) if number else []] = True
    judged = notes & (np.asarray(numbers) != NO_CHORD)[:, None]
    return float((judged & inside).sum() / judged.sum()) if judged.any() else float("nan")
