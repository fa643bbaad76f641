"""Small made-up pieces and corpora for the tests of the data set."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from cantilena.score.midi import write_midi
from cantilena.score.score import Score, Track

TRACKS = (Track("lead", 73), Track("chords", 0), Track("kit", 0, True))


def piece(seed: int, bars: int = 12, bpm: int = 120, lead_in: int = 0, shift: int = 0) -> Score:
    """A melody that no other seed has, with chords and drums, in 4/4; ``lead_in`` empty bars
    stand before it and ``shift`` semitones move it."""
    rng = np.random.default_rng(seed)
    onset, duration, pitch, track = [], [], [], []
    for bar in range(bars):
        at = (bar + lead_in) * 1920
        for beat, step in enumerate(rng.integers(-7, 12, 8).tolist()):
            onset.append(at + 240 * beat)
            duration.append(200)
            pitch.append(69 + step + shift)
            track.append(0)
        for tone in (0, 4, 7):
            onset.append(at)
            duration.append(1900)
            pitch.append(48 + tone + shift + int(rng.integers(0, 3)))
            track.append(1)
        for beat in range(4):
            onset.append(at + 480 * beat)
            duration.append(100)
            pitch.append(36 if beat % 2 == 0 else 38)
            track.append(2)
    velocity = np.full(len(onset), 90)
    tempos = [(0, round(60e6 / bpm))]
    return Score.build(480, TRACKS, onset, duration, pitch, velocity, track, tempos=tempos)


def add_lakh(root: Path, digit: str, score: Score | bytes) -> str:
    """Writes a song into the folder of its first hex digit and returns its name."""
    data = score if isinstance(score, bytes) else write_midi(score)
    name = digit + hashlib.md5(data).hexdigest()[1:]
    path = root / "lakh" / digit / f"{name}.mid"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return name


def small_lakh(root: Path) -> None:
    """Six training songs, two to validate, one to test."""
    for seed in range(6):
        add_lakh(root, "05d"[seed % 3], piece(seed))
    for seed in (20, 21):
        add_lakh(root, "e", piece(seed))
    add_lakh(root, "f", piece(30))
