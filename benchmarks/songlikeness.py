"""Learns what chooses between attempts: the forest of ``analysis/songlikeness.npz``.

python benchmarks/songlikeness.py DATASET -o RUN [--band 240] [--any 200] [--choose 6]

Of the songs that models learn from, ``--band`` bands and ``--any`` of every kind are taken, as
``cantilena evaluate realism`` takes them of the held-out ones, and for each a piece is composed in
one attempt. A random forest learns to tell the songs from the pieces. Prints how well it does on
songs that it has not learnt from, and writes RUN/songlikeness.npz. Features are kept in RUN as
pieces are made, so that a run that was stopped goes on.

With ``--choose N``, over N attempts at each of 32 bands of the validation split: how far these are
apart, and how often they are known, by forests that have learnt from those very pieces, when one is
taken as it comes and when the most songlike is.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from cantilena.analysis.features import NAMES, features
from cantilena.analysis.songlikeness import UNDEFINED, Forest, write_forest
from cantilena.data.dataset import load_split, read_manifest
from cantilena.evaluate.composing import piece_seed
from cantilena.evaluate.forest import auc, cross_validated, two_sample
from cantilena.evaluate.matched import prompt_of, windows
from cantilena.systems.note.composer import NoteSystem
from cantilena.systems.request import Request

TREES = 300
LEAST_IN_LEAF = 2
ABREAST = 8
SEEDS = {"band": 0, "any": 5}
"""Of the songs' order, by kind: another, so that few bands are taken twice."""
APART = 7919
"""Between the seeds of the attempts at a song's piece."""


def rows(
    system: NoteSystem, data: str, split: str, kind: str, n: int, attempts: int, out: Path
) -> tuple[np.ndarray, np.ndarray]:
    """(N, F) features of songs and (N, attempts, F) of the pieces for them."""
    order = windows(load_split(data, split), SEEDS[kind], None if kind == "any" else kind)
    chosen = list(islice(order, n))
    path = out / f"{split}-{kind}.npz"
    composed = np.load(path)["composed"] if path.exists() else np.zeros((0, len(NAMES)))
    wishes = [prompt_of(window) for window in chosen]
    jobs = [(prompt, attempt) for prompt in wishes for attempt in range(attempts)]
    sampling = replace(system.sampling, best_of=1)
    while len(composed) < len(jobs):
        requests = [
            Request(prompt.wishes, (piece_seed(prompt, 0) + k * APART) % 2**32, sampling)
            for prompt, k in jobs[len(composed) : len(composed) + ABREAST]
        ]
        pieces = [features(result.score) for result in system.compose(requests)]
        composed = np.concatenate([composed, pieces])
        np.savez(path, composed=composed)
        print(f"{split} {kind}: {len(composed)} of {len(jobs)}", flush=True)
    real = np.array([features(window.score) for window in chosen])
    return real, composed[: len(jobs)].reshape(len(chosen), attempts, -1)


def grown(real: np.ndarray, composed: np.ndarray, card: dict[str, object]) -> Forest:
    """The forest of (N, F) songs and (N, F) pieces."""
    from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-not-found]

    table = np.concatenate([composed, real])
    model = RandomForestClassifier(TREES, min_samples_leaf=LEAST_IN_LEAF, random_state=0)
    model.fit(np.where(np.isnan(table), UNDEFINED, table), np.repeat([0, 1], len(real)))
    trees = [one.tree_ for one in model.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
    ways = [
        np.stack([tree.children_left, tree.children_right], 1) + root
        for tree, root in zip(trees, roots, strict=True)
    ]
    counts = np.concatenate([tree.value[:, 0] for tree in trees])
    return Forest(
        np.concatenate([tree.feature for tree in trees]),
        np.concatenate([tree.threshold for tree in trees]),
        np.concatenate(ways),
        counts[:, 1] / counts.sum(1),
        roots,
        card,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--band", type=int, default=240)
    parser.add_argument("--any", type=int, default=200)
    parser.add_argument("--choose", type=int, default=0)
    args = parser.parse_args()
    out = Path(args.output)
    out.mkdir(parents=True, exist_ok=True)
    system = NoteSystem.load()
    kinds = {"band": args.band, "any": args.any}
    parts = [rows(system, args.data, "train", kind, n, 1, out) for kind, n in kinds.items()]
    real = np.concatenate([songs for songs, _ in parts])
    composed = np.concatenate([pieces[:, 0] for _, pieces in parts])
    label, pair = np.repeat([0, 1], len(real)), np.tile(np.arange(len(real)), 2)
    scores = cross_validated(np.concatenate([composed, real]), label, pair)[:, 1]
    below, above = scores.reshape(2, -1)
    card = {
        "songs": len(real),
        "split": "train",
        "data": sorted({row["corpus"] for row in read_manifest(args.data)["shards"]}),
        "checkpoint": f"{system.name} {system.hash}",
        "seed": 0,
        "licence": "numbers counted on the corpora of docs/data.md; none of their notes",
    }
    order = {"auc": round(auc(below, above), 3), "in_order": round((above > below).mean(), 3)}
    print(f"{len(real)} pairs: AUC {order['auc']}, pairs in order {order['in_order']}")
    what = {"what": "a random forest that tells songs from pieces composed for their wishes"}
    forest = grown(real, composed, what | card | order | {"features": list(NAMES)})
    write_forest(forest, out / "songlikeness.npz")
    if args.choose:
        choose(system, args.data, out, args.choose, forest)


def choose(system: NoteSystem, data: str, out: Path, attempts: int, forest: Forest) -> None:
    """Prints how attempts at bands of the validation split are told apart."""
    real, composed = rows(system, data, "valid", "band", 32, attempts, out)
    heard = np.array([[forest(row) for row in one] for one in composed])
    songs = np.array([forest(row) for row in real])
    print(f"songs {songs.mean():.2f} ({songs.std():.2f}), pieces {heard.mean():.2f}")
    spread = (heard - heard.mean(1, keepdims=True)).std()
    print(f"spread between the attempts at a song: {spread:.2f}")
    for n in range(1, attempts + 1):
        if attempts % n:
            continue
        kept = [
            composed[np.arange(len(real)), some[heard[:, some].argmax(1)]]
            for some in np.arange(attempts).reshape(-1, n)
        ]
        areas = [two_sample(real, pieces)[0].auc for pieces in kept]
        print(f"best of {n}: AUC {np.mean(areas):.3f}", flush=True)


if __name__ == "__main__":
    main()
