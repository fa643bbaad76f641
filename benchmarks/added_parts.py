"""How parts that are added fit to what is given: harmony and rhythm, beside real songs and others.

    python benchmarks/added_parts.py POP909 [--songs 8] [--bars 8] [--first 747]

Of each song of POP909 the melody's first bars are harmonised by the shipped system. Measured on
them, on the song's own bridge and piano, and on the parts that were written for (or belong to)
another of the songs, moved to the melody's key:

- fit: share of melody notes, weighed by length, whose pitch class sounds in the other parts within
  their time;
- rhythm: share of melody onsets, in sixteenths, on which another part begins a note, less the share
  that chance would give (the share of all sixteenths on which one does);
- kept: the melody is in the result, event by event.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
from analysis_pop909 import TPQ, on_beats

import cantilena
from cantilena.analysis import find_key
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score, Track

COLUMNS = ("onset", "duration", "pitch", "velocity")
LEAST = 12  # melody notes in the bars, so that there is something to measure


def excerpt(score: Score, keep: np.ndarray, start: int, stop: int) -> Score:
    """The notes of one part that begin within some ticks, from tick 0, on the flute."""
    own = score.select(keep & (score.onset >= start) & (score.onset < stop))
    length = np.minimum(own.duration, stop - own.onset)
    columns = (own.onset - start, length, own.pitch, own.velocity, np.zeros(len(own), dtype=int))
    return Score.build(TPQ, [Track("Melody", 73)], *columns, end=stop - start)


def fit(tune: Score, parts: Score) -> float:
    total = explained = 0.0
    for onset, length, pitch, _ in zip(*(getattr(tune, c) for c in COLUMNS), strict=True):
        sounds = (parts.onset < onset + length) & (parts.onset + parts.duration > onset)
        total += length
        explained += length * bool((parts.pitch[sounds] % 12 == pitch % 12).any())
    return explained / total


def rhythm(tune: Score, parts: Score) -> float:
    step = TPQ // 4
    places = np.unique(np.rint(parts.onset / step))
    there = np.isin(np.unique(np.rint(tune.onset / step)), places).mean()
    return float(there - len(places) / (tune.end / step))


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--songs", type=int, default=8)
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--first", type=int, default=747)
    args = parser.parse_args()
    pairs: list[tuple[Score, Score, Score]] = []
    kept = 0
    for folder in sorted(p for p in args.folder.iterdir() if re.fullmatch(r"\d{3}", p.name)):
        if int(folder.name) < args.first or len(pairs) == args.songs:
            continue
        score, _ = on_beats(read_midi(folder / f"{folder.name}.mid"), folder)
        lead = [track.name.upper() for track in score.tracks].index("MELODY")
        lines, own = score.bar_starts, score.track == lead
        first = int(np.searchsorted(lines, score.onset[own].min(), side="right")) - 1
        start, stop = int(lines[first]), int(lines[min(first + args.bars, len(lines) - 1)])
        tune, real = (excerpt(score, keep, start, stop) for keep in (own, ~own))
        if len(tune) < LEAST or not len(real):
            continue
        score = cantilena.harmonise(tune).score
        again = read_midi(write_midi(score))
        melody, written = (again.select(np.isin(again.track, k)) for k in ([0], [1, 2]))
        kept += all(np.array_equal(getattr(melody, c), getattr(tune, c)) for c in COLUMNS)
        pairs.append((tune, written, real))
        print(f"{folder.name}: {len(written)} notes", flush=True)
    print(f"{len(pairs)} melodies of {args.bars} bars; {kept} kept exactly\n{'':24}fit  rhythm")
    keys = [find_key(real)[0] for _, _, real in pairs]
    tonics = [key.tonic if key else 0 for key in keys]
    for name, column in (("written", 1), ("the song's own", 2)):
        for of, shift in (("", 0), (" (another's)", 1)):
            rows = []
            for k, (tune, *_) in enumerate(pairs):
                other = (k + shift) % len(pairs)
                parts = pairs[other][column].transposed((tonics[k] - tonics[other] + 6) % 12 - 6)
                rows.append((fit(tune, parts), rhythm(tune, parts)))
            print(f"{name + of:22}{np.mean(rows, 0)[0]:6.2f}{np.mean(rows, 0)[1]:8.2f}")


if __name__ == "__main__":
    main()
