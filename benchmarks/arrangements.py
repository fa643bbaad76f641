"""Counts the arrangements of a data set's training songs and puts them into a checkpoint's habits.

python benchmarks/arrangements.py DATA [--into src/cantilena/checkpoints/note]

A training run of ``cantilena train`` counts them itself; this is for a checkpoint that was trained
before they were counted. Prints what the bars of parts are, by role: silent, held, new, or an
earlier bar's again.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from cantilena.data.dataset import load_split
from cantilena.files import read_json, write_bytes
from cantilena.systems.note.recurrence import bar_plan
from cantilena.train.note.arrangements import count_arrangements

LOOKED_AT = 32  # bars of a song that the table is of


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--into", type=Path, metavar="CHECKPOINT")
    args = parser.parse_args()
    rows = count_arrangements(load_split(args.data, "train"), np.random.default_rng(0))
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for song in rows:
        for role, _, letters, _ in song["parts"]:
            kinds[role].update(bar_plan(x, LOOKED_AT).kind for x in letters[:LOOKED_AT])
    names = ("rest", "held", "new", "exact", "varied", "rhythm")
    print(f"{len(rows)} songs\n| role | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for role, counts in kinds.items():
        shares = " | ".join(f"{counts[name] / counts.total():.2f}" for name in names)
        print(f"| {role} | {shares} |")
    if args.into:
        habits = read_json(args.into / "habits.json") | {"arrangements": rows}
        text = json.dumps(dict(sorted(habits.items())), separators=(",", ":")) + "\n"
        write_bytes(args.into / "habits.json", text.encode())


if __name__ == "__main__":
    main()
