"""Small band pieces whose bars come back or do not, and the same pieces as other files have
them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cantilena.score.score import Score, Track

TRACKS = (Track("tune", 73), Track("keys", 4), Track("bass", 33), Track("kit", 0, True))
TPQ = 24
BAR = 4 * TPQ


def band(seed: int = 0, bars: int = 32, loop: int = 4) -> Score:
    """A tune, chords, a bass and drums in 4/4. What is played comes back after ``loop`` bars, note
    for note; ``loop`` 0: nothing does. Onsets and ends are on sixteenths."""
    rng = np.random.default_rng(seed)
    riffs = [_bar(rng) for _ in range(loop or bars)]
    rows = [
        (bar * BAR + at, length, pitch, track)
        for bar in range(bars)
        for at, length, pitch, track in riffs[bar % len(riffs)]
    ]
    onset, length, pitch, track = zip(*rows, strict=True)
    velocity = np.full(len(rows), 80)
    return Score.build(TPQ, TRACKS, onset, length, pitch, velocity, track, end=bars * BAR)


def _bar(rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """(place, length, pitch, track) of a bar."""
    places = np.sort(rng.choice(16, int(rng.integers(3, 9)), replace=False)) * TPQ // 4
    lengths = np.diff(np.append(places, BAR))
    notes = zip(places.tolist(), lengths.tolist(), strict=True)
    tune = [(at, length, int(rng.integers(67, 84)), 0) for at, length in notes]
    root = int(rng.integers(0, 12))
    chords = [(at, 2 * TPQ, 55 + (root + k) % 12, 1) for at in (0, 2 * TPQ) for k in (0, 4, 7)]
    bass = [(at * TPQ, TPQ, 36 + root % 12, 2) for at in range(4) if at == 0 or rng.random() < 0.6]
    drums = [(at * TPQ, 6, 36 if at % 2 == 0 else 38, 3) for at in range(4)]
    drums += [(at * TPQ // 2, 6, 42, 3) for at in range(8) if rng.random() < 0.8]
    return tune + chords + bass + drums


def rebuilt(score: Score, **columns: np.ndarray) -> Score:
    """The Score with other columns of its notes, sorted again."""
    names = ("onset", "duration", "pitch", "velocity", "track")
    notes = [columns.get(name, getattr(score, name)) for name in names]
    tracks = columns.get("tracks", score.tracks)
    metres = np.stack([score.metre_tick, score.metre_num, score.metre_den], 1).tolist()
    return Score.build(score.tpq, tracks, *notes, metres=metres, end=score.end)  # type: ignore[arg-type]


def finer(score: Score, by: int) -> Score:
    """The Score at a resolution ``by`` times as fine."""
    ticks = ("onset", "duration", "tempo_tick", "metre_tick", "key_tick")
    moved = {name: getattr(score, name) * by for name in ticks}
    return replace(score, tpq=score.tpq * by, end=score.end * by, **moved)
