"""Short pieces whose tempo, key and chords are known, as Scores and as sound."""

from __future__ import annotations

import numpy as np

from cantilena.render.synth import synthesize
from cantilena.score import Score, Track
from cantilena.score.harmony import Chord, parse_chord

RATE = 16_000
TPQ = 24
LOOP = ("C", "G", "Am", "F")


def score_of(
    bpm: float = 120.0,
    chords: tuple[str, ...] = LOOP,
    bars: int = 8,
    program: int = 0,
    drums: bool = True,
    up: int = 0,
) -> Score:
    """A chord a bar, struck on every quarter above its bass, ``up`` semitones higher, with or
    without a beat."""
    notes: list[tuple[int, int, int, int, int]] = []
    for bar in range(bars):
        chord: Chord = parse_chord(chords[bar % len(chords)])
        tones = [60 + (chord.root + i + up) % 12 for i in chord.intervals]
        for beat in range(4):
            tick = (4 * bar + beat) * TPQ
            notes += [(tick, 20, tone, 80, 0) for tone in tones]
            notes.append((tick, 22, 36 + (chord.root + up) % 12, 90, 1))
            if drums:
                notes.append((tick, 6, 36 if beat % 2 == 0 else 38, 110, 2))
                notes += [(tick + k * TPQ // 2, 6, 42, 70, 2) for k in range(2)]
    notes.sort()
    tracks = (Track("", program), Track("", 33), Track("", 0, True))
    tempos = [(0, round(60e6 / bpm))]
    columns = (list(column) for column in zip(*notes, strict=True))
    return Score.build(TPQ, tracks, *columns, tempos=tempos)


def sound_of(score: Score) -> np.ndarray:
    """(n,) float32 at ``RATE`` by the built-in synthesizer."""
    return synthesize(score, RATE).mean(0).astype(np.float32)
