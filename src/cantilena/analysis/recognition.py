"""Chord recognition: the chords of a piece as labels in Harte's notation, beat by beat.

Knows what sounds around each beat and a small network that was trained on annotated songs
(``benchmarks/chord_recognition.py``); does not know keys, and gives no inversions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from cantilena.analysis.chords import CELLS, best_path, template_evidence
from cantilena.analysis.grid import (
    Roll,
    bass_chroma,
    chroma,
    piano_roll,
    pitched,
    slot_edges,
    windows,
)
from cantilena.score.harmony import NO_CHORD, QUALITIES, QUALITY_NAMES
from cantilena.score.score import Score

SHORTHANDS = (
    "maj",
    "min",
    "7",
    "maj7",
    "min7",
    "sus2",
    "sus4",
    "sus4(b7)",
    "dim",
    "aug",
    "hdim7",
    "maj6",
)
"""The qualities that are told apart, as Harte (2010) writes them."""
_STEPS = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "sus4(b7)": (0, 5, 7, 10),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "hdim7": (0, 3, 6, 10),
    "maj6": (0, 4, 7, 9),
}
"""Semitones of the tones above the root."""
ROOTS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

N_LABELS = 1 + 12 * len(SHORTHANDS)
"""Labels: 0 is "N", no chord; ``1 + 12 qualities * root + quality`` all others."""
CONTEXT = 4
"""Beats before and behind a beat that the network sees."""
CHANGE = 1.0
"""What a change of chord costs between two beats, in units of log-probability; chosen on POP909's
songs 1-746 whose number ends with 1, which the network was not trained on."""
TEMPLATES = 0.2
"""What the evidence of ``chords``' templates counts beside the network's. On the same songs it
costs 0.1 % of the roots, but a plain Bbmaj7 is then heard as one, where POP909's labels seldom have
major sevenths."""
HELD = 6.0
"""What a beat gains for the label whose tones, and no others, are held through it and through a
beat beside it, in units of log-probability: of 2, 4 and 6 the least with which
a plain seventh of one bar is told between two others."""
HELD_SHARE = 0.9
"""Share of a beat from which on a note counts as held. On the songs of ``CHANGE`` neither number
costs anything: such beats are 2 of a thousand there, so that the network has hardly seen any, and
says a triad."""
STRUCK = 4.0
"""What a beat gains for the label of four tones that an instrument strikes together in it, as in
the off-beats of a waltz or a polka, in units of log-probability. Of 0, 1, 2, 3, 4 and 6 the last
but one: on the songs of ``CHANGE``, where 16 beats of a thousand are such, it is worth 0.5 % of the
sevenths, costs nothing, and with 6 roots begin to suffer; with 3 some sevenths begin a beat late
over a bass that plays alone on the beat."""
SILENCE = 4
"""Beats without a pitched note from which on there is no chord; what is shorter is a rest within
one. Of 1, 2, 3, 4, 5 and 8 the best on the songs of ``CHANGE``, where it is worth 0.1 % of the
roots, and 1.3 % where the melody is alone (with 8 more, but where nothing sounds for two bars
there is no chord)."""
_BY_NETWORK = ("maj", "min", "sus2", "sus4", "dim")  # by the network, however thinly they are set
_FEATURES = 3 * 12
_SILENT = 128  # above every pitch
_RUN = 256  # beats that are computed at once


class ChordSpan(NamedTuple):
    """A chord from ``start`` to before ``stop``, in ticks; ``label``: as in "Bb:min7", or "N"."""

    start: int
    stop: int
    label: str


def label_name(number: int) -> str:
    """A label's name in Harte's notation."""
    root, quality = divmod(number - 1, len(SHORTHANDS))
    return f"{ROOTS[root]}:{SHORTHANDS[quality]}" if number else "N"


def recognise(score: Score) -> list[ChordSpan]:
    """The chords of a piece from its first tick to its end, without gaps; neighbours differ.
    Where nothing pitched sounds for ``SILENCE`` beats or longer it is "N"."""
    edges = slot_edges(score, "beat")
    numbers = beat_labels(score, edges)
    end = min(score.end, int(edges[-1]))
    changes = np.flatnonzero(np.diff(numbers, prepend=-1))
    starts = [int(edges[k]) for k in changes if edges[k] < end]
    stops = [*starts[1:], end]
    return [
        ChordSpan(start, stop, label_name(int(numbers[k])))
        for start, stop, k in zip(starts, stops, changes, strict=False)
    ]


def sounding_beats(score: Score, edges: np.ndarray) -> np.ndarray:
    """(S,) bool: something pitched sounds within the slot between two ``edges`` (S + 1,)."""
    keep = pitched(score)
    first = np.searchsorted(edges, score.onset[keep], side="right") - 1
    last = np.searchsorted(edges, score.onset[keep] + score.duration[keep], side="left")
    change = np.bincount(np.clip(first, 0, None), minlength=len(edges) + 1)
    change = change - np.bincount(last, minlength=len(edges) + 1)
    return change.cumsum()[: len(edges) - 1] > 0


def beat_labels(score: Score, edges: np.ndarray) -> np.ndarray:
    """(S,) labels of the beats between ``edges`` (S + 1,). A rest shorter than ``SILENCE`` has the
    chord before it up to a bar line, and the one behind it from there on."""
    numbers = best_labels(beat_evidence(score, edges))
    silent = ~sounding_beats(score, edges)
    first = np.isin(edges[:-1], score.bar_starts)
    borders = np.flatnonzero(np.diff(silent, prepend=False, append=False)).reshape(-1, 2)
    for start, stop in borders.tolist():
        if stop - start >= SILENCE:
            numbers[start:stop] = 0
            continue
        lines = start + np.flatnonzero(first[start:stop])
        line = int(lines[0]) if start and len(lines) else stop if start else 0
        if start:
            numbers[start:line] = numbers[start - 1]
        if stop < len(numbers):
            numbers[line:stop] = numbers[stop]
        elif start:
            numbers[line:stop] = numbers[start - 1]
    return numbers


def beat_evidence(score: Score, edges: np.ndarray) -> np.ndarray:
    """(S, ``N_LABELS``) log-likelihood of each label in the slots, which are beats, between
    ``edges`` ((S + 1,) ticks): the network's, the templates', and what held and struck chords
    say."""
    rolls = (piano_roll(score, run, CELLS["beat"]) for run in windows(edges))
    rows = np.concatenate([features(roll) for roll in rolls])
    cells = CELLS["beat"]
    plain = template_evidence(np.expm1(rows[:, :12]) * cells, rows[:, 12:24] * cells, cells)
    out = evidence(rows) + TEMPLATES * plain[:, _reduced()] + HELD * held_labels(rows)
    return out + STRUCK * struck_labels(score, edges)


def features(roll: Roll) -> np.ndarray:
    """(S, 36) what is known of each beat: how much each pitch class sounds, and for which share of
    the beat it is the lowest and the highest that does."""
    sounding, cells = roll.active > 0, roll.cells
    highest = (len(sounding) - 1 - sounding[::-1].argmax(0) + roll.lowest) % 12
    n = sounding.shape[1] // cells
    flat = np.repeat(np.arange(n), cells) * 12 + highest
    top = np.bincount(flat[sounding.any(0)], minlength=n * 12).reshape(n, 12)
    parts = (np.log1p(chroma(roll) / cells), bass_chroma(roll) / cells, top / cells)
    return np.concatenate(parts, axis=1).astype(np.float32)


def held_labels(rows: np.ndarray) -> np.ndarray:
    """(S, ``N_LABELS``) bool from (S, 36) features: the label (of sevenths, sixths and augmented
    triads) has exactly the pitch classes that are held through the beat, and through the one before
    or behind it. Of labels with equal tones (C:maj6 and A:min7) it is the one above the bass."""
    held = np.expm1(rows[:, :12]) >= HELD_SHARE
    same = (held[1:] == held[:-1]).all(1)
    lasting = np.append(same, False) | np.insert(same, 0, False)
    members, shared = _members()
    label = (members[None] == held[:, None]).all(2) & members.any(1) & lasting[:, None]
    bass = rows[:, 12:24].argmax(1)
    return label & (~shared | (_label_roots()[None] == bass[:, None]))


def struck_labels(score: Score, edges: np.ndarray) -> np.ndarray:
    """(S, ``N_LABELS``) bool in the beats between ``edges`` (S + 1,): the label (of sevenths,
    sixths and augmented triads) that has exactly the pitch classes that an instrument strikes
    together there, if no other three are struck. The beat before it in the bar says the same where
    a tone of that chord is the lowest and no three are struck. Of labels with equal tones it is the
    one above the bass of that beat, else of this."""
    union, least = _struck(score, edges)
    said = union.any(1) & (union.sum(1) == least)
    members, shared = _members()
    label = (members[None] == union[:, None]).all(2) & members.any(1) & said[:, None]
    lowest = _lowest(score, edges)
    over = _label_roots()[None] == lowest[:, None] % 12
    bar = np.searchsorted(score.bar_starts, edges[:-1], side="right")
    leads = (bar[1:] == bar[:-1]) & (lowest[:-1] < _SILENT) & ~union[:-1].any(1)
    leads &= union[np.arange(1, len(union)), lowest[:-1] % 12]
    named = leads & (label[1:] & over[:-1]).any(1)
    over[1:] = np.where(named[:, None], over[:-1], over[1:])
    label &= ~shared | over
    label[:-1] |= label[1:] & leads[:, None]
    return label


def _struck(score: Score, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S, 12) bool the pitch classes of all chords, of three classes or more, that begin in each
    beat, and (S,) how many the smallest of them has."""
    keep = pitched(score) & (score.onset < edges[-1]) & (score.onset >= edges[0])
    moments = score.onset[keep] * len(score.tracks) + score.track[keep]
    moment, which = np.unique(moments, return_inverse=True)
    chords = np.zeros((len(moment), 12), dtype=bool)
    chords[which, score.pitch[keep] % 12] = True
    size = chords.sum(1)
    chords, moment, size = chords[size >= 3], moment[size >= 3], size[size >= 3]
    beat = np.searchsorted(edges, moment // max(len(score.tracks), 1), side="right") - 1
    union, least = np.zeros((len(edges) - 1, 12), dtype=bool), np.full(len(edges) - 1, 12)
    np.logical_or.at(union, beat, chords)
    np.minimum.at(least, beat, size)
    return union, least


def _lowest(score: Score, edges: np.ndarray) -> np.ndarray:
    """(S,) the lowest pitch that sounds in each beat, ``_SILENT`` where none does."""
    keep = pitched(score) & (score.onset < edges[-1]) & (score.onset + score.duration > edges[0])
    onset, end, pitch = score.onset[keep], (score.onset + score.duration)[keep], score.pitch[keep]
    first = np.maximum(np.searchsorted(edges, onset, side="right") - 1, 0)
    stop = np.minimum(np.searchsorted(edges, end, side="left"), len(edges) - 1)
    count = stop - first
    beat = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
    out = np.full(len(edges) - 1, _SILENT)
    np.minimum.at(out, beat, np.repeat(pitch, count))
    return out


@cache
def _members() -> tuple[np.ndarray, np.ndarray]:
    """(``N_LABELS``, 12) bool: tones of the labels, none of those that the network tells; and
    (``N_LABELS``,) whether another label has the same."""
    out = np.zeros((N_LABELS, 12), dtype=bool)
    for number in range(1, N_LABELS):
        root, quality = divmod(number - 1, len(SHORTHANDS))
        if SHORTHANDS[quality] not in _BY_NETWORK:
            out[number, [(root + step) % 12 for step in _STEPS[SHORTHANDS[quality]]]] = True
    shared = (out[:, None] == out[None]).all(2).sum(1) > 1
    return out, shared


@cache
def _label_roots() -> np.ndarray:
    """(``N_LABELS``,) roots, -1 of "N"."""
    return (np.arange(N_LABELS) - 1) // len(SHORTHANDS)


def evidence(rows: np.ndarray) -> np.ndarray:
    """(S, ``N_LABELS``) log-probabilities from (S, 36) features. The network reads nine beats as
    they stand above each of the twelve roots and scores the qualities on it, so that a piece and
    its transposition get the same chords."""
    return np.concatenate([np.zeros((0, N_LABELS)), *_scored(rows)])


def _scored(rows: np.ndarray) -> Iterator[np.ndarray]:
    net, rotations = _network(), _rotations()
    padded = np.pad(rows, ((CONTEXT, CONTEXT), (0, 0)))
    for start in range(0, len(rows), _RUN):
        beats = np.arange(start, min(start + _RUN, len(rows)))
        around = padded[beats[:, None] + np.arange(2 * CONTEXT + 1)].reshape(len(beats), -1)
        hidden = around[:, rotations]
        for k in (0, 1):
            hidden = np.maximum(hidden @ net[f"weight{k}"].T + net[f"bias{k}"], 0.0)
        out = (hidden @ net["weight2"].T + net["bias2"]).astype(np.float64)
        logits = np.column_stack([out[..., -1].mean(1), out[..., :-1].reshape(len(beats), -1)])
        logits -= logits.max(1, keepdims=True)
        yield logits - np.log(np.exp(logits).sum(1, keepdims=True))


@cache
def _network() -> dict[str, np.ndarray]:
    """The weights and biases of three layers."""
    path = resources.files("cantilena") / "analysis" / "chord_network.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


@cache
def _rotations() -> np.ndarray:
    """(12, 324) which feature stands where, seen from each root."""
    groups = np.arange(3 * (2 * CONTEXT + 1))[:, None] * 12
    classes = (np.arange(12)[None] + np.arange(12)[:, None]) % 12  # (root, interval)
    return (groups[None] + classes[:, None]).reshape(12, -1)


def best_labels(scores: np.ndarray, change: float = CHANGE) -> np.ndarray:
    """(S,) labels of the best path through (S, K) log-probabilities when every change costs
    ``change`` (Viterbi)."""
    return best_path(scores, change)


_REDUCED = {"maj": "", "min": "m", "7": "7", "maj7": "maj7", "min7": "m7", "dim": "dim"}
_REDUCED |= {"sus2": "sus4", "sus4": "sus4", "sus4(b7)": "sus4", "aug": "aug", "hdim7": "m7b5"}
_REDUCED |= {"maj6": ""}


@cache
def _reduced() -> np.ndarray:
    """(``N_LABELS``,) the reduced number (``score.harmony``) of each label."""
    kinds = [QUALITY_NAMES.index(_REDUCED[name]) for name in SHORTHANDS]
    return np.array([NO_CHORD] + [1 + len(QUALITIES) * r + k for r in range(12) for k in kinds])


def recognised_slots(score: Score, per: str = "half") -> tuple[np.ndarray, np.ndarray]:
    """As ``chords.chord_slots``, by the network: (S,) reduced chord numbers and (S,) start ticks of
    slots that are half bars, bars or beats. Raises UnknownNameError."""
    edges, beats = slot_edges(score, per), slot_edges(score, "beat")
    each = beat_evidence(score, beats)
    slot = np.clip(np.searchsorted(edges, beats[:-1], side="right") - 1, 0, len(edges) - 2)
    total = np.zeros((len(edges) - 1, N_LABELS))
    np.add.at(total, slot, each)
    numbers = _reduced()[best_labels(total)]
    numbers[~sounding_beats(score, edges)] = NO_CHORD
    return numbers, edges[:-1]
