"""Counts the progressions of a data set's training songs and puts them into a checkpoint's habits.

python benchmarks/progressions.py DATA [--into src/cantilena/checkpoints/note]

A training run of ``cantilena train`` counts them itself; this is for a checkpoint that was trained
before they were counted. Prints by genre how many phrases there are, how many of them end with a
cadence or alternate between two chords, and how often songs change their chord.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cantilena.data.dataset import load_split
from cantilena.files import read_json, write_bytes
from cantilena.score.harmony import Chord
from cantilena.systems.note.progressions import closes, half_closes
from cantilena.train.note.progressions import count_progressions, count_rhythms


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--into", type=Path, metavar="CHECKPOINT")
    args = parser.parse_args()
    songs = load_split(args.data, "train")
    progressions, rhythms = count_progressions(songs), count_rhythms(songs)
    print(f"{len(songs)} songs\n| genre | phrases | cadence | two chords | changes a bar |")
    print("|---|---:|---:|---:|---:|")
    rows = [row for mode in progressions.values() for row in mode]
    for genre in (*rhythms, None):
        own = [row[0] for row in rows if genre is None or genre in row[2]]
        phrases = [[Chord.from_number(number) for number in numbers] for numbers in own]
        ends = sum(closes(p, True) or half_closes(p) for p in phrases)
        vamps = sum(len({chord.root for chord in p}) < 3 for p in phrases)
        n = max(len(phrases), 1)
        rate = rhythms.get(genre or "", ("", "", ""))[1]
        print(f"| {genre or 'all'} | {n} | {ends / n:.2f} | {vamps / n:.2f} | {rate} |")
    if args.into:
        habits = read_json(args.into / "habits.json")
        habits |= {"progressions": progressions, "rhythms": rhythms}
        text = json.dumps(dict(sorted(habits.items())), separators=(",", ":")) + "\n"
        write_bytes(args.into / "habits.json", text.encode())


if __name__ == "__main__":
    main()
