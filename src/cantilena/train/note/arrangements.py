"""Arrangements of the training songs: for each part and bar whether it plays, what it takes up.

Knows note tables and bar lines; does not know models, Plans or how an arrangement is used
(``systems.note.arranging``). No notes are kept: of a bar it is only counted which earlier bar it
repeats, and how exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cantilena.analysis.features.notes import UNITS, nearest_places
from cantilena.score import DRUMS
from cantilena.systems.note.casting import BASSES
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY
from cantilena.systems.note.recurrence import REST, letter, write_counts
from cantilena.tokens.note import GRID
from cantilena.tokens.note.outline import MEANINGS, NEW_BAR, likeness

LONGEST = 64
"""Bars of a song that are looked at, from its first with notes of at least half of its parts'
number, but two."""
SHORTEST = 16
LEAST_NOTES = 40  # of a part that counts
BASS_TOP = 52  # MIDI pitch: the lowest of three parts or more is a bass where its mean lies below


def arrangement(table: np.ndarray, bars: np.ndarray) -> list[tuple[str, int, str, str]] | None:
    """(role, instrument, a letter for each bar, the notes of each new one) of a song's parts, or
    None where it is too short or has too few. ``table``: (N, 5) onset, instrument, pitch, duration
    class, velocity class; ``bars``: (B + 1,) bar lines. What the letters say is in
    ``systems.note.recurrence``."""
    instruments, counts = np.unique(table[:, 1], return_counts=True)
    instruments = [int(i) for i, n in zip(instruments, counts, strict=True) if n >= LEAST_NOTES]
    instruments = [i for i in instruments if not 112 <= i < DRUMS]
    if len(bars) <= SHORTEST or not instruments:
        return None
    playing = np.zeros(len(bars) - 1, dtype=np.int64)
    for i in instruments:
        at = np.searchsorted(bars, table[table[:, 1] == i, 0], side="right") - 1
        playing[np.unique(np.clip(at, 0, len(bars) - 2))] += 1
    first = int(np.argmax(playing >= max(1, (len(instruments) - 2 + 1) // 2)))
    last = min(int(np.flatnonzero(playing)[-1]) + 1, first + LONGEST)
    if last - first < SHORTEST:
        return None
    roles = _roles(table, bars, instruments)
    kept = _as_written(table[np.isin(table[:, 1], instruments)], bars)
    outline = likeness(kept, bars).outline(first)
    parts = []
    for p, i in enumerate(outline.instruments.tolist()):
        row, counts = outline.letters[p, : last - first], outline.counts[p, : last - first]
        letters = "".join(letter(*MEANINGS[number]) for number in row.tolist())
        parts.append((roles[i], i, letters, write_counts(counts[row == NEW_BAR].tolist())))
    return [part for part in parts if set(part[2]) - {letter(REST)}]


def _as_written(table: np.ndarray, bars: np.ndarray) -> np.ndarray:
    """The table with onsets on the nearest sixteenth or triplet of their quarter: of a performance
    hardly a bar comes back tick by tick, of what is written down it does."""
    bar = np.clip(np.searchsorted(bars, table[:, 0], side="right") - 1, 0, len(bars) - 2)
    quarter, rest = np.divmod(table[:, 0] - bars[bar], GRID)
    place = nearest_places(rest, GRID) * GRID // UNITS
    onset = np.minimum(bars[bar] + GRID * quarter + place, bars[bar + 1])
    return np.concatenate([onset[:, None], table[:, 1:]], 1)


def _roles(table: np.ndarray, bars: np.ndarray, instruments: list[int]) -> dict[int, str]:
    pitched = [i for i in instruments if i != DRUMS]
    mean = {i: float(table[table[:, 1] == i, 2].mean()) for i in pitched}
    basses = [i for i in pitched if i in BASSES]
    if not basses and len(pitched) >= 3:
        lowest = min(pitched, key=mean.__getitem__)
        basses = [lowest] if mean[lowest] < BASS_TOP else []
    others = [i for i in pitched if i not in basses]

    def tune(i: int) -> float:
        """How like a tune a part is: one note at a time, high, neither rare nor ceaseless."""
        notes = table[table[:, 1] == i]
        alone = len(np.unique(notes[:, 0])) / len(notes)
        heard = len(np.unique(np.searchsorted(bars, notes[:, 0], side="right"))) / len(bars)
        return 2 * alone + mean[i] / 24 + min(heard, 0.6)

    lead = max(others, key=tune, default=None)
    if len(others) == 1 and tune(others[0]) - mean[others[0]] / 24 < 2:
        lead = None  # who plays chords with nobody else to do so
    return {
        i: DRUM if i == DRUMS else BASS if i in basses else MELODY if i == lead else HARMONY
        for i in instruments
    }


def count_arrangements(
    songs: Any, rng: np.random.Generator, ensembles: int = 900, alone: int = 100
) -> list[dict]:
    """Arrangements of up to so many songs of several parts and of one as plain data, half of each
    with a genre."""
    most = {True: ensembles, False: alone}
    rows: dict[bool, list[dict]] = {True: [], False: []}
    for i in rng.permutation(len(songs)).tolist():
        meta = songs.meta(i)
        if songs.corpus(i) == "groove":
            continue
        unlabelled = not meta["genres"]
        if all(len(rows[k]) >= (n // 2 if unlabelled else n) for k, n in most.items()):
            continue
        parts = arrangement(songs.table(i), songs.bars(i))
        several = len(parts or ()) > 1
        if not parts or len(rows[several]) >= (most[several] // 2 if unlabelled else most[several]):
            continue
        rows[several].append(
            {
                "genres": list(meta["genres"]),
                "metre": list(meta["metre"]),
                "parts": [list(part) for part in parts],
            }
        )
    return rows[True] + rows[False]
