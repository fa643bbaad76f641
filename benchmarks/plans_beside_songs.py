"""What the bars of parts are in Plans beside what they are in the songs whose wishes they plan.

python benchmarks/plans_beside_songs.py DATASET [--n 80] [--split train]

For ``n`` bands as ``cantilena evaluate realism`` takes them: by role, of the bars in which parts
play, the share that is new, that comes back exactly, varied, or in its rhythm alone; how often
parts rest, and how often everybody plays. No notes are written, so that a change of arrangements
shows in seconds.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice

import numpy as np

from cantilena.analysis.features import BARS
from cantilena.data.dataset import load_split
from cantilena.evaluate.composing import piece_seed
from cantilena.evaluate.matched import prompt_of, windows
from cantilena.systems.note.composer import NoteSystem
from cantilena.systems.note.planning import make_plan
from cantilena.systems.note.recurrence import FILL, HELD, NEW, REST, bar_plan
from cantilena.train.note.arrangements import arrangement

KINDS = ("new", "exact", "varied", "rhythm")
SILENT = (REST, HELD)


class Shares:
    """Counts of the kinds of bars, by role."""

    def __init__(self) -> None:
        self.kinds: dict[str, Counter[str]] = defaultdict(Counter)
        self.everybody: list[float] = []

    def add(self, rows: Iterable[tuple[str, list[str]]]) -> None:
        """The kinds of a piece's bars, of each part with its role."""
        playing = []
        for role, row in rows:
            self.kinds[role].update(NEW if kind == FILL else kind for kind in row)
            playing.append([kind not in SILENT for kind in row])
        self.everybody.append(float(np.all(playing, axis=0).mean()))

    def row(self, role: str) -> list[float]:
        """The share of ``KINDS`` among bars that are played, and of silent ones among all."""
        counts = self.kinds[role]
        silent = sum(counts[kind] for kind in SILENT)
        played = counts.total() - silent
        return [counts[kind] / max(played, 1) for kind in KINDS] + [silent / counts.total()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--n", type=int, default=80)
    parser.add_argument("--split", default="train")
    args = parser.parse_args()
    system = NoteSystem.load()
    songs, plans = Shares(), Shares()
    for window in islice(windows(load_split(args.data, args.split), 0, "band"), args.n):
        score = system.scheme.quantise(window.score)
        parts = arrangement(system.scheme.table(window.score), score.bar_starts[: BARS + 1])
        if parts is None:
            continue
        prompt = prompt_of(window)
        plan = make_plan(
            prompt.wishes, system.habits, np.random.default_rng(piece_seed(prompt, 0) % 2**32)
        )
        bars = len(parts[0][2])
        songs.add(
            (role, [bar_plan(x, BARS).kind for x in letters]) for role, _, letters, _ in parts
        )
        plans.add((part.role, [bar.kind for bar in part.bars[:bars]]) for part in plan.parts)
    print(f"{len(songs.everybody)} bands of the split {args.split}")
    names = [f"{kind}, {whose}" for kind in (*KINDS, "silent") for whose in ("song", "plan")]
    print(f"| role | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for role in sorted(songs.kinds):
        both = zip(songs.row(role), plans.row(role), strict=True)
        print(f"| {role} | {' | '.join(f'{x:.2f}' for pair in both for x in pair)} |")
    print(f"everybody plays: {np.mean(songs.everybody):.2f} | {np.mean(plans.everybody):.2f}")


if __name__ == "__main__":
    main()
