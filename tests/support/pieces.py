"""Pieces whose answers are known because they are built from them."""

from __future__ import annotations

from collections.abc import Sequence

from cantilena.score.harmony import parse_chord
from cantilena.score.score import Score, Track

TPQ = 480


def accompaniment(
    symbols: Sequence[str],
    metre: tuple[int, int] = (4, 4),
    slots_per_bar: int = 1,
    bpm: float = 120,
    melody: bool = True,
) -> Score:
    """Each chord held for a slot as root in the bass, triad or seventh above, and a melody of
    its tones with a passing note."""
    bar = 4 * TPQ * metre[0] // metre[1]
    length = bar // slots_per_bar
    rows: list[tuple[int, int, int, int, int]] = []
    for i, symbol in enumerate(symbols):
        chord = parse_chord(symbol)
        at = i * length
        bass = chord.root if chord.bass is None else chord.bass
        rows.append((at, length, 36 + bass, 80, 0))
        rows += [(at, length, 60 + (chord.root + k) % 12, 70, 1) for k in chord.intervals]
        if melody:
            tones = [72 + (chord.root + k) % 12 for k in chord.intervals]
            step = length // 4
            line = (tones[0], tones[1], tones[1] - 1 if len(tones) % 2 else tones[0], tones[2])
            rows += [(at + n * step, step, p, 90, 2) for n, p in enumerate(line)]
    tracks = [Track("bass", 33), Track("piano", 0), Track("flute", 73)]
    o, d, p, v, t = zip(*rows, strict=True)
    return Score.build(
        TPQ,
        tracks,
        o,
        d,
        p,
        v,
        t,
        [(0, round(60e6 / bpm))],
        [(0, *metre)],
        end=len(symbols) * length,
    )


def drums(swing: float = 0.5, bars: int = 8, metre: tuple[int, int] = (4, 4)) -> Score:
    """A ride on beats and offbeats; ``swing`` is where in the beat the offbeat falls."""
    beats = bars * metre[0]
    onset = [b * TPQ + round(part * TPQ) for b in range(beats) for part in (0, swing)]
    n = len(onset)
    tracks = [Track("drums", 0, True)]
    return Score.build(
        TPQ, tracks, onset, [60] * n, [51] * n, [90] * n, [0] * n, metres=[(0, *metre)]
    )


def line(pitches: Sequence[int], length: int = TPQ, program: int = 0, end: int = 0) -> Score:
    """A melody of equal notes."""
    n = len(pitches)
    onset = [i * length for i in range(n)]
    track = [Track("melody", program)]
    return Score.build(TPQ, track, onset, [length] * n, pitches, [80] * n, [0] * n, end=end)


EMPTY = Score.build(TPQ, [], [], [], [], [], [])
"""A Score without notes or tracks."""
