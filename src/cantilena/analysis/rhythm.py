"""Metre, tempo and feel: how a Score moves.

Knows the tempo and metre maps and where onsets fall within the beat; does not guess a beat that
the file does not state.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cantilena.score.score import Score
from cantilena.score.swing import eighth_swing


class TempoClass(NamedTuple):
    """A class of tempo: its name, the tempo (quarters per minute) it stays below, a typical
    tempo, and the Italian terms that ask for it."""

    name: str
    below: float
    typical: float
    terms: tuple[str, ...]


TEMPO_CLASSES: tuple[TempoClass, ...] = (
    TempoClass("very slow", 60, 50, ("grave", "larghissimo", "largo", "lento")),
    TempoClass("slow", 80, 70, ("larghetto", "adagio", "adagietto")),
    TempoClass("moderate", 110, 96, ("andante", "andantino", "moderato")),
    TempoClass("fast", 140, 124, ("allegretto", "allegro", "animato")),
    TempoClass("very fast", float("inf"), 160, ("vivace", "vivo", "presto", "prestissimo")),
)
"""The one table of tempo words, slowest first."""


def tempo_class(bpm: float) -> str:
    """The name of a tempo's class, ``bpm`` in quarters per minute."""
    return next(c.name for c in TEMPO_CLASSES if bpm < c.below)


def main_metre(score: Score) -> tuple[int, int]:
    """(numerator, denominator) of the metre that holds for most ticks; the first of equals."""
    ticks = score.metre_tick
    spans = np.diff(np.append(ticks, max(score.end, int(ticks[-1]) + 1)))
    metres = np.stack([score.metre_num, score.metre_den], 1)
    values, first, where = np.unique(metres, axis=0, return_index=True, return_inverse=True)
    durations = np.bincount(where.reshape(-1), weights=spans)
    best = max(range(len(durations)), key=lambda i: (durations[i], -first[i]))
    return int(values[best, 0]), int(values[best, 1])


DIVISIONS = np.array([0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21, 24]) / 24
"""Places in a quarter of its thirty-seconds and sextuplets, the next quarter's first included."""


def off_grid(score: Score) -> float:
    """Share (0-1) of notes that begin off the ``DIVISIONS`` of their quarter, by more than a
    hundredth of it; quarters count from the last change of metre. 0.0 without notes."""
    if not len(score):
        return 0.0
    at = np.searchsorted(score.metre_tick, score.onset, side="right") - 1
    place = ((score.onset - score.metre_tick[at]) % score.tpq) / score.tpq
    apart = np.abs(place[:, None] - DIVISIONS).min(1)
    return float((apart > 0.01).mean())


def swings(score: Score) -> bool:
    """Whether offbeat eighths are played long-short, as ``score.swing.eighth_swing`` tells."""
    return eighth_swing(score) is not None
