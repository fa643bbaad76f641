"""Habits: what the training songs usually do where a Brief is silent, as counted facts.

Knows the data set; does not know models. Counts which instruments play together, how fast
genres are played, which phrases of chords come back (``train.note.progressions``) and how songs are
arranged (``train.note.arrangements``). No notes are kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.corpora import CORPORA
from cantilena.files import write_bytes, write_json
from cantilena.tokens.note import DURATIONS
from cantilena.train.note.arrangements import count_arrangements
from cantilena.train.note.progressions import count_progressions, count_rhythms

HABITS, DATA = "habits.json", "data.json"
MIN_SHARE = 0.03  # an instrument with less of a song's notes is left out of its ensemble
MOST_PARTS = 8


def ensemble(table: np.ndarray) -> tuple[int, ...]:
    """Instruments that carry a song, most notes first; sound effects left out."""
    counts = np.bincount(table[:, 1], minlength=129).astype(np.float64)
    counts[112:128] = 0
    share = counts / max(counts.sum(), 1)
    order = np.argsort(-share, kind="stable")
    return tuple(int(i) for i in order if share[i] >= MIN_SHARE)[:MOST_PARTS]


QUANTILES = (0.15, 0.5, 0.85)


def texture_of(instruments: tuple[int, ...] | list[int]) -> str:
    """The name under which the texture of an ensemble is counted: how many pitched instruments (6
    and more together) and whether drums play, as "3+drums"."""
    pitched = min(sum(i != 128 for i in instruments), 6)
    return f"{pitched}+drums" if 128 in instruments else str(pitched)


def texture(table: np.ndarray, bars: np.ndarray) -> tuple[float, float]:
    """(notes per bar, mean number of pitched notes sounding) of a song."""
    pitched = table[table[:, 1] != 128]
    sounding = np.array(DURATIONS)[pitched[:, 3]].sum() if len(pitched) else 0
    return len(table) / max(len(bars) - 1, 1), float(sounding / max(int(bars[-1]), 1))


def count_habits(songs: Any, seed: int = 0, ensembles: int = 2500) -> dict:
    """The habits of a split's songs, as plain data."""
    rng = np.random.default_rng(seed)
    sets: list[dict] = []
    tempos: dict[str, list[float]] = {}
    textures: dict[str, list[tuple[float, float]]] = {}
    pitches = np.zeros((129, 128), dtype=np.int64)
    for i in rng.permutation(len(songs)).tolist():
        meta = songs.meta(i)
        if songs.corpus(i) == "groove":
            continue
        table = songs.table(i)
        np.add.at(pitches, (table[:, 1], table[:, 2]), 1)
        instruments = ensemble(table)
        labelled = bool(meta["genres"])
        if len(instruments) > 1 and (labelled or len(sets) < ensembles // 2):
            sets.append({"genres": list(meta["genres"]), "instruments": list(instruments)})
        textures.setdefault(texture_of(instruments), []).append(texture(table, songs.bars(i)))
        for genre in meta["genres"]:
            tempos.setdefault(genre, []).append(float(meta["bpm"]))
    return {
        "arrangements": count_arrangements(songs, np.random.default_rng(seed)),
        "ensembles": sets[:ensembles],
        "progressions": count_progressions(songs),
        "rhythms": count_rhythms(songs),
        "textures": {
            name: [
                [round(float(x), 2) for x in np.quantile(column, QUANTILES)]
                for column in zip(*values, strict=True)
            ]
            for name, values in sorted(textures.items())
            if len(values) >= 8
        },
        "registers": _registers(pitches),
        "tempos": {
            genre: [round(float(x), 1) for x in np.quantile(values, (0.15, 0.5, 0.85))]
            for genre, values in sorted(tempos.items())
            if len(values) >= 8
        },
    }


def _registers(pitches: np.ndarray, least: int = 2000) -> dict[str, list[int]]:
    """2nd and 98th percentile of each pitched instrument's notes, from (129, 128) counts."""
    ranges = {}
    for instrument in range(128):
        total = np.cumsum(pitches[instrument])
        if total[-1] >= least:
            low, high = np.searchsorted(total, [0.02 * total[-1], 0.98 * total[-1]])
            ranges[str(instrument)] = [int(low), int(high)]
    return ranges


def write_facts(songs: Any, folder: str | Path) -> None:
    """Writes ``habits.json`` and ``data.json`` (songs, notes and licence of each corpus) of the
    training songs into a run's folder, where they are not there yet."""
    folder = Path(folder)
    if not (folder / HABITS).exists():
        text = json.dumps(count_habits(songs), separators=(",", ":")) + "\n"
        write_bytes(folder / HABITS, text.encode())
    counts: dict[str, dict[str, Any]] = {}
    for i in range(len(songs)):
        name = songs.corpus(i)
        row = counts.setdefault(name, {"songs": 0, "notes": 0, **_origin(name)})
        row["songs"] += 1
        row["notes"] += songs.length(i)
    write_json(folder / DATA, counts)


def _origin(name: str) -> dict[str, str]:
    corpus = CORPORA.get(name)
    return {"licence": corpus.licence, "origin": corpus.origin} if corpus else {}
