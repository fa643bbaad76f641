"""Learns what chooses between Plans and between attempts: ``systems/note/plan_worth.json`` and the
forest of ``analysis/songlikeness.npz``.

python benchmarks/songlikeness.py DATASET -o RUN [--band 240] [--any 200]

Of the songs that models learn from, ``--band`` bands and ``--any`` of every kind are taken, as
``cantilena evaluate realism`` takes them of the held-out ones, and for each a piece is composed in
one attempt. A random forest learns to tell the songs from the pieces. Prints how well it does on
songs that it has not learnt from, and writes RUN/songlikeness.npz. Features are kept in RUN as
pieces are made, so that a run that was stopped goes on.

With ``--choose N``, over the validation split: how often composed bands are known when the best of
1 and of N attempts is kept, by forests that have learnt from those very pieces.
"""

from __future__ import annotations

import argparse
import json
from copy import copy
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
from cantilena.systems.note.preferring import CLIP, PlanWorth, plan_features
from cantilena.systems.note.preferring import NAMES as PLAN_NAMES
from cantilena.systems.request import Request

TREES = 300
LEAST_IN_LEAF = 2
STRENGTHS = (30.0, 100.0, 300.0, 1000.0)
"""Of the penalty on the linear model's weights, one of which leave-one-out takes."""
ABREAST = 8
SEEDS = {"band": 0, "any": 5}
"""Of the songs' order, by kind: another, so that few bands are taken twice."""
APART = 7919
"""Between the seeds of the attempts at a song's piece."""


def rows(
    system: NoteSystem, data: str, split: str, kind: str, n: int, attempts: int, out: Path
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, F) features of songs, (N, attempts, F) of the pieces for them and (N, attempts, G) of
    their Plans."""
    order = windows(load_split(data, split), SEEDS[kind], None if kind == "any" else kind)
    chosen = list(islice(order, n))
    path = out / f"{split}-{kind}.npz"
    composed, planned = np.zeros((0, len(NAMES))), np.zeros((0, len(PLAN_NAMES)))
    if path.exists():
        composed, planned = (np.load(path)[name] for name in ("composed", "planned"))
    wishes = [prompt_of(window) for window in chosen]
    jobs = [(prompt, attempt) for prompt in wishes for attempt in range(attempts)]
    sampling = replace(system.sampling, best_of=1)
    while len(composed) < len(jobs):
        requests = [
            Request(prompt.wishes, (piece_seed(prompt, 0) + k * APART) % 2**32, sampling)
            for prompt, k in jobs[len(composed) : len(composed) + ABREAST]
        ]
        pieces = [features(result.score) for result in system.compose(requests)]
        plans = [plan_features(system.draw_plans(request)[0]) for request in requests]
        composed, planned = np.concatenate([composed, pieces]), np.concatenate([planned, plans])
        np.savez(path, composed=composed, planned=planned)
        print(f"{split} {kind}: {len(composed)} of {len(jobs)}", flush=True)
    real = np.array([features(window.score) for window in chosen])
    shape = (len(chosen), attempts, -1)
    return real, composed[: len(jobs)].reshape(shape), planned[: len(jobs)].reshape(shape)


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


def foreseen(planned: np.ndarray, worth: np.ndarray, card: dict[str, object]) -> PlanWorth:
    """The linear model of (N,) songlikeness over (N, G) features of Plans."""
    from sklearn.linear_model import RidgeCV  # type: ignore[import-not-found]

    undefined = np.isnan(planned)
    median = np.nanmedian(np.where(undefined.all(0), 0.0, planned), axis=0)
    filled = np.where(undefined, median, planned)
    spread = filled.std(0)
    scale = np.where(spread > 0, spread, 1.0)
    inputs = np.clip((filled - filled.mean(0)) / scale, -CLIP, CLIP)
    model = RidgeCV(alphas=STRENGTHS).fit(inputs, worth)
    return PlanWorth(median, filled.mean(0), scale, model.coef_, card | {"strength": model.alpha_})


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
    system = copy(system)
    system.plans = 1
    kinds = {"band": args.band, "any": args.any}
    parts = [rows(system, args.data, "train", kind, n, 1, out) for kind, n in kinds.items()]
    real = np.concatenate([songs for songs, _, _ in parts])
    composed = np.concatenate([pieces[:, 0] for _, pieces, _ in parts])
    planned = np.concatenate([plans[:, 0] for _, _, plans in parts])
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
    what = {"what": "a linear model of what that forest says of a piece, over its Plan"}
    worth = foreseen(planned, below, what | card)
    (out / "plan_worth.json").write_text(json.dumps(worth.to_dict()), encoding="utf-8")
    if args.choose:
        choose(system, args.data, out, args.choose, forest, worth)


def choose(
    system: NoteSystem, data: str, out: Path, attempts: int, forest: Forest, worth: PlanWorth
) -> None:
    """Prints how attempts at bands of the validation split are told apart."""
    real, composed, planned = rows(system, data, "valid", "band", 32, attempts, out)
    heard = np.array([[forest(row) for row in one] for one in composed])
    plans = np.array([worth(one) for one in planned])
    apart = [x - x.mean(1, keepdims=True) for x in (heard, plans)]
    songs = np.array([forest(row) for row in real])
    print(f"songs {songs.mean():.2f} ({songs.std():.2f}), pieces {heard.mean():.2f}")
    print(f"spread between the attempts at a song: {apart[0].std():.2f}")
    print(f"correlation with the Plan's worth: {np.corrcoef(*map(np.ravel, apart))[0, 1]:.2f}")
    every = np.arange(attempts)
    for name, values in (("Plan", plans), ("notes", heard)):
        for n in range(1, attempts + 1):
            if attempts % n:
                continue
            kept = [
                composed[np.arange(len(real)), some[values[:, some].argmax(1)]]
                for some in every.reshape(-1, n)
            ]
            areas = [two_sample(real, pieces)[0].auc for pieces in kept]
            print(f"best of {n} by its {name}: AUC {np.mean(areas):.3f}", flush=True)


if __name__ == "__main__":
    main()
