"""What the judge by patterns hears: real songs against others in which something is wrong.

python benchmarks/patterns_hear.py DATASET [--songs 256]

Bands of the songs that models learn from, each beside another whose instruments are most like its
own, are told apart in sets of 32 pairs, as they are written and with one fault in all of the
others. Prints the mean AUC of the sets, the least and the highest; with the two of each pair
swapped by chance, what the judge says where there is nothing to hear; and, beside the forest over
features, whether it hears that the others are played by hand, which is no fault.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
from judged_by_patterns import alike, untaught

from cantilena.analysis.excerpt import first_bars
from cantilena.analysis.features import BARS, feature_table
from cantilena.analysis.features.notes import Notes, written
from cantilena.analysis.features.roles import roles
from cantilena.data.dataset import load_split
from cantilena.evaluate import forest, kernel
from cantilena.evaluate.matched import other_songs
from cantilena.score.score import DRUMS, Score

SET = 32
"""Pairs told apart at a time, as ``cantilena evaluate realism`` does by default."""
SWAPS = 60
"""Draws of which of each pair is called the other."""
HANDS = (48, 24, 15)
"""Parts of a quarter that a hand is off by: at 120 quarters a minute 10, 21 and 33 ms."""
FINER = 40
"""By how much time is finer for a hand than as written."""


def moved(notes: Notes, role: str, by: np.ndarray | int) -> Notes:
    """The Notes with those of a role higher by so many semitones."""
    part = getattr(roles(notes), role)
    every, own = ((n.time * 129 + n.part) * 128 + n.pitch for n in (notes, part))
    pitch = np.clip(notes.pitch + np.where(np.isin(every, own), by, 0), 0, 127)
    return in_order(replace(notes, pitch=pitch))


def slips(notes: Notes, rng: np.random.Generator) -> Notes:
    """A fifth of the lead's notes up to three semitones off."""
    by = rng.choice([-3, -2, -1, 1, 2, 3], len(notes)) * (rng.random(len(notes)) < 0.2)
    return moved(notes, "lead", by)


def shuffled(notes: Notes, rng: np.random.Generator) -> Notes:
    """Whole bars in another order, of pieces in one metre."""
    if len(np.unique(np.diff(notes.bar_lines))) > 1:
        return notes
    bar = rng.permutation(notes.bars)[notes.bar]
    time = notes.bar_lines[bar] + notes.place
    return in_order(replace(notes, time=time, bar=bar))


def late(notes: Notes, _rng: np.random.Generator) -> Notes:
    """All drums a sixteenth late."""
    time = notes.time + 3 * (notes.part == DRUMS)
    time = np.minimum(time, notes.bar_lines[-1] - 1)
    bar = np.searchsorted(notes.bar_lines, time, side="right") - 1
    return in_order(replace(notes, time=time, bar=bar, place=time - notes.bar_lines[bar]))


def in_order(notes: Notes) -> Notes:
    """The Notes sorted as ``written`` sorts them."""
    return notes.select(np.lexsort((notes.pitch, notes.part, notes.time)))


FAULTS: dict[str, Callable[[Notes, np.random.Generator], Notes]] = {
    "nothing": lambda notes, _rng: notes,
    "lead a semitone up": lambda notes, _rng: moved(notes, "lead", 1),
    "lead a tritone up": lambda notes, _rng: moved(notes, "lead", 6),
    "a fifth of the lead's notes up to three semitones off": slips,
    "bass a fifth up": lambda notes, _rng: moved(notes, "bass", 7),
    "bars in another order": shuffled,
    "drums a sixteenth late": late,
}


def played(score: Score, rng: np.random.Generator, deviation: float) -> Score:
    """The Score as hands play it: every onset off, by a standard deviation in quarters."""
    tpq = score.tpq * FINER
    by = np.round(rng.normal(0, deviation * tpq, len(score))).astype(int)
    onset = np.clip(score.onset * FINER + by, 0, score.end * FINER - 1)
    metres = np.stack([score.metre_tick * FINER, score.metre_num, score.metre_den], 1).tolist()
    columns = (onset, score.duration * FINER, score.pitch, score.velocity, score.track)
    return Score.build(tpq, score.tracks, *columns, metres=metres, end=score.end * FINER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--songs", type=int, default=256)
    args = parser.parse_args()
    songs = list(islice(untaught(load_split(args.data, "train")), args.songs))
    half = len(songs) // 2
    notes = [written(first_bars(window.score, BARS)) for window in songs]
    pairs = [[notes[i], notes[half + j]] for i, j in other_songs(songs[:half], songs[half:])]
    sets = [pairs[k : k + SET] for k in range(0, half - SET + 1, SET)]
    rng = np.random.default_rng(0)
    for name, fault in FAULTS.items():
        others = [[fault(other, rng).score() for _, other in some] for some in sets]
        tell(name, sets, others)
    likes = [alike([n.score() for side in zip(*some, strict=True) for n in side]) for some in sets]
    areas = [kernel.two_sample(swap(like, rng))[0].auc for like in likes for _ in range(SWAPS)]
    print(f"swapped by chance: {np.mean(areas):.2f}, deviation {np.std(areas):.2f}")
    for part in HANDS:
        others = [[played(other.score(), rng, 1 / part) for _, other in some] for some in sets]
        tell(f"onsets off by hand, deviation 1/{part} of a quarter", sets, others, True)


def tell(
    name: str,
    sets: list[list[list[Notes]]],
    others: list[list[Score]],
    features_too: bool = False,
) -> None:
    """Prints how well the first of each pair are told from the ``others``."""
    areas, by_features = [], []
    for some, other in zip(sets, others, strict=True):
        first = [notes.score() for notes, _ in some]
        areas.append(kernel.two_sample(alike([*first, *other]))[0].auc)
        if features_too:
            tables = feature_table(first), feature_table(other)
            by_features.append(forest.two_sample(*tables, 0, 1)[0].auc)
    cells = [f"{np.mean(a):.2f} ({min(a):.2f} to {max(a):.2f})" for a in (areas, by_features) if a]
    print(f"{name}: {', by features '.join(cells)}", flush=True)


def swap(like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Likeness with the two of some pairs in each other's place."""
    n = len(like) // 2
    at = np.arange(2 * n).reshape(2, n)
    at = np.where(rng.random(n) < 0.5, at[::-1], at).ravel()
    return like[np.ix_(at, at)]


if __name__ == "__main__":
    main()
