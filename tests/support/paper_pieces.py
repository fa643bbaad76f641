"""A small made-up Lakh with MidiCaps rows in the published layout, for the tests of the paper's
data. Origin: made here; no row of MidiCaps is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cantilena.score.score import Score, Track
from corpus_pieces import add_lakh, piece

BARS = {"0": (12, 60, 30, 24), "5": (40, 90), "d": (12,), "e": (12, 30, 12), "f": (30, 12)}
"""Bars of the songs in each folder; 23 bars of 15 notes fill a chunk."""


def paper_lakh(root: Path) -> list[str]:
    """Twelve songs of one to four chunks; their names in the order of the splits."""
    names = []
    for digit, sizes in BARS.items():
        found = [add_lakh(root, digit, piece(100 + 7 * k, bars=n)) for k, n in enumerate(sizes)]
        names += sorted(found)
    return names


def row(name: str, **changes: object) -> dict:
    """A row with the fields and types of MidiCaps's train.json."""
    made = {
        "location": f"lmd_full/{name[0]}/{name}.mid",
        "caption": f"A calm song, {name[:8]}.",
        "genre": ["rock", "pop"],
        "genre_prob": [0.41, 0.3],
        "mood": ["happy", "film"],
        "mood_prob": [0.2, 0.1],
        "key": "F# minor",
        "time_signature": "4/4",
        "tempo": 120,
        "tempo_word": "Moderate tempo",
        "duration": 24,
        "duration_word": "Short fragment",
        "chord_summary": ["C", "G/B"],
        "chord_summary_occurence": 3,
        "instrument_summary": ["Flute", "Piano", "Drums"],
        "instrument_numbers_sorted": [73, 0, 128],
        "all_chords": ["C", "G/B", "C"],
        "all_chords_timestamps": [0.5, 2.0, 4.0],
        "test_set": False,
    }
    return {**made, **changes}


def write_midicaps(path: Path, names: list[str]) -> Path:
    """A train.json of some songs."""
    path.write_text("".join(json.dumps(row(name)) + "\n" for name in names), encoding="utf-8")
    return path


def two_halves(bars: int = 24) -> Score:
    """Flute for ``bars`` bars in C major, then organ in the same number, an octave down; eighths
    that name the chord, sixteen to a bar."""
    tones = np.array([0, 4, 7, 12, 5, 9, 12, 17, 7, 11, 14, 19, 0, 4, 7, 12])
    n = 16 * bars
    pitch = np.concatenate([72 + np.tile(tones, bars), 60 + np.tile(tones, bars)])
    onset = np.arange(2 * n) * 120
    tracks = (Track("flute", 73), Track("organ", 19))
    ones = np.ones(2 * n, dtype=np.int64)
    return Score.build(480, tracks, onset, 100 * ones, pitch, 80 * ones, np.repeat([0, 1], n))
