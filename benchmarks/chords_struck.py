"""How parts with chords strike them, and how many notes tunes begin at once, in pieces and songs.

python benchmarks/chords_struck.py FOLDER [--kind band]

FOLDER is one of ``cantilena evaluate realism``. Of each accompanying part, by the roles of
``analysis.features``, in the first 32 bars: of the chords (two notes or more at once) the share
that the part has struck before with the same pitches, at all and under the same chord heard; how
many shapes of chords it has (intervals above the lowest note), notes at once, and onsets of one
note. Means over parts, then over pieces. And of tunes (as arrangements are counted) on pianos and
guitars, notes to an onset and onsets a bar.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from cantilena.analysis import chord_slots
from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.features import BARS
from cantilena.analysis.features.notes import SIXTEENTHS, Notes, written
from cantilena.analysis.features.roles import roles
from cantilena.score import Score, gm
from cantilena.score.midi import read_midi
from cantilena.systems.note.plan import MELODY
from cantilena.tokens.note import NoteScheme
from cantilena.train.note.arrangements import arrangement

ROWS = {
    "again": "chords struck before with the same pitches",
    "again_here": "... under the same chord",
    "shapes": "shapes of chords",
    "size": "notes at once",
    "single": "onsets of one note",
}


CHORDAL = ("piano", "guitar")  # families of instruments that may play chords for a tune
TUNES = ("notes to an onset", "onsets a bar")


def tune(score: Score, scheme: NoteScheme) -> tuple[float, float] | None:
    """``TUNES`` of a piece's tune; None where it is on no such instrument."""
    lines = scheme.quantise(score).bar_starts[: BARS + 1]
    table = scheme.table(score)
    parts = arrangement(table[table[:, 0] < lines[-1]], lines) or []
    leads = [i for role, i, *_ in parts if role == MELODY and gm.family(i) in CHORDAL]
    if not leads:
        return None
    notes = table[(table[:, 1] == leads[0]) & (table[:, 0] < lines[-1])]
    onsets = len(np.unique(notes[:, 0]))
    return len(notes) / onsets, onsets / (len(lines) - 1)


def struck(score: Score) -> dict[str, float]:
    """The figures of a piece; without a part with chords none."""
    cut = first_bars(score, BARS)
    harmony = roles(written(cut, SIXTEENTHS)).harmony
    heard = chord_slots(cut)[0].tolist()
    parts = [
        _of_part(harmony.select(harmony.part == part), heard)
        for part in np.unique(harmony.part).tolist()
    ]
    parts = [part for part in parts if part]
    return {name: float(np.mean([part[name] for part in parts])) for name in ROWS if parts}


def _of_part(part: Notes, heard: list[int]) -> dict[str, float]:
    columns: dict[int, list[int]] = defaultdict(list)
    rows = zip(part.time.tolist(), part.bar.tolist(), part.pitch.tolist(), strict=True)
    bars: dict[int, int] = {}
    for time, bar, pitch in rows:
        columns[time].append(pitch)
        bars[time] = bar
    each = len(heard) // max(part.bars, 1)
    seen: set[tuple[int, ...]] = set()
    seen_under: dict[int, set[tuple[int, ...]]] = defaultdict(set)
    again, again_here = [], []
    for time, pitches in sorted(columns.items()):
        bar = bars[time]
        chord = tuple(sorted(set(pitches)))
        if bar >= part.bars or len(chord) < 2:
            continue
        start, stop = part.bar_lines[bar], part.bar_lines[bar + 1]
        slot = bar * each + min(int((time - start) * each // max(stop - start, 1)), each - 1)
        under = seen_under[heard[min(slot, len(heard) - 1)]]
        again.append(chord in seen)
        if under:
            again_here.append(chord in under)
        seen.add(chord)
        under.add(chord)
    if not again:
        return {}
    sizes = np.array([len(set(pitches)) for pitches in columns.values()])
    return {
        "again": float(np.mean(again)),
        "again_here": float(np.mean(again_here)) if again_here else 0.0,
        "shapes": float(len({tuple(p - chord[0] for p in chord) for chord in seen})),
        "size": float(sizes.mean()),
        "single": float((sizes == 1).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", default="band")
    args = parser.parse_args()
    means, tunes = [], []
    for side in ("real", "composed"):
        files = sorted((args.folder / f"{side}-{args.kind}").glob("*.mid"))
        scores = [read_midi(file) for file in files]
        pieces = [one for one in map(struck, scores) if one]
        means.append({name: float(np.mean([piece[name] for piece in pieces])) for name in ROWS})
        leads = [one for one in (tune(score, NoteScheme()) for score in scores) if one]
        tunes.append(np.mean(leads, axis=0) if leads else np.full(len(TUNES), np.nan))
        print(f"{side}: {len(pieces)} of {len(files)} pieces, {len(leads)} tunes")
    print("| | songs | pieces |\n|---|---:|---:|")
    for name, what in ROWS.items():
        print(f"| {what} | {means[0][name]:.2f} | {means[1][name]:.2f} |")
    for k, what in enumerate(TUNES):
        print(f"| tunes: {what} | {tunes[0][k]:.2f} | {tunes[1][k]:.2f} |")


if __name__ == "__main__":
    main()
