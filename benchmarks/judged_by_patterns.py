"""Whether the choice between attempts improves what a judge hears that shares nothing with it.

python benchmarks/judged_by_patterns.py DATASET -o RUN [--songs 96]
python benchmarks/judged_by_patterns.py DATASET --again FOLDER --split test

For bands of the songs that models learn from, none of which taught the forest that chooses
(``analysis/songlikeness.py``), three attempts at a piece are composed and kept in RUN:
real/SONG.mid, attempt-K/SONG.mid and attempts.jsonl. A run that was stopped goes on. Then, by the
forest over features and by patterns: how well songs are told from each attempt and from the one
that ``compose`` would choose; and, by patterns, how much nearer to songs the chosen one is than the
mean of its song's attempts, by a judge that has learnt from all attempts at the other songs. Last,
whether pieces are known more often beside songs that hands have played.

With ``--again``, of what ``cantilena evaluate realism --kind band`` has composed into FOLDER: the
figures by patterns, with the floor of the same songs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from songlikeness import SEEDS

from cantilena.analysis.features import feature_table
from cantilena.data.dataset import Songs, load_split
from cantilena.evaluate import forest, kernel
from cantilena.evaluate.composing import piece_seed
from cantilena.evaluate.matched import Window, other_songs, prompt_of, windows
from cantilena.evaluate.patterns import PATTERNS, likeness, patterns
from cantilena.evaluate.realism import by_patterns
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score
from cantilena.systems.base import DIGITS, Attempt, Finished, total
from cantilena.systems.note.composer import NoteSystem
from cantilena.systems.request import Request

ATTEMPTS = 3
"""As many as ``compose`` makes by default."""
BANDS, OTHERS = 240, 200
"""Songs that taught the chooser, by kind: the first of ``songlikeness.SEEDS``' orders."""
ABREAST = 2
"""Songs composed for at once: with their attempts, what the system makes abreast."""
DRAWS = 1000
"""Resamplings of songs for an interval."""


def untaught(songs: Songs) -> Iterator[Window]:
    """The bands that did not teach the chooser."""
    taught = {w.song for w in islice(windows(songs, SEEDS["any"]), OTHERS)}
    rest = islice(windows(songs, SEEDS["band"], "band"), BANDS, None)
    return (window for window in rest if window.song not in taught)


def compose(system: NoteSystem, songs: Songs, n: int, out: Path) -> None:
    """Writes the songs and the attempts that are not there yet."""
    for name in ("real", *(f"attempt-{k}" for k in range(ATTEMPTS))):
        (out / name).mkdir(parents=True, exist_ok=True)
    table = out / "attempts.jsonl"
    lines = table.read_text().splitlines() if table.exists() else []
    if len(lines) >= n:
        return
    chosen = list(islice(untaught(songs), n))
    while len(lines) < len(chosen):
        some = chosen[len(lines) : len(lines) + ABREAST]
        for window in some:
            write_midi(window.score, out / "real" / f"{window.id}.mid")
        prompts = [prompt_of(window) for window in some]
        requests = [
            system.completed(Request(prompt.wishes, piece_seed(prompt, 0))) for prompt in prompts
        ]
        trials = [Attempt(request, k) for request in requests for k in range(ATTEMPTS)]
        rows = [
            {"song": w.id, "obeys": [0.0] * ATTEMPTS, "songlike": [0.0] * ATTEMPTS} for w in some
        ]
        for i, event in system.attempt(trials):
            if isinstance(event, Finished):
                which, k = divmod(i, ATTEMPTS)
                write_midi(event.result.score, out / f"attempt-{k}" / f"{some[which].id}.mid")
                rows[which]["obeys"][k] = total(event.result.rows)
                rows[which]["songlike"][k] = event.merit
        lines += [json.dumps(row) for row in rows]
        table.write_text("\n".join(lines) + "\n")
        print(f"{len(lines)} of {len(chosen)} songs", flush=True)


def alike(scores: Sequence[Score]) -> np.ndarray:
    """(N, N) how alike pieces are by their patterns of all kinds."""
    bags = [patterns(score) for score in scores]
    kinds = [kind for names in PATTERNS.values() for kind in names]
    return np.mean([likeness(bags, kind) for kind in kinds], axis=0)


def interval(values: np.ndarray) -> str:
    """A mean over songs with its 95 % interval by resampling them."""
    rng = np.random.default_rng(0)
    draws = values[rng.integers(len(values), size=(DRAWS, len(values)))].mean(1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def judge(out: Path, n: int) -> None:
    """Prints what both judges say of the first n songs of a run, and of their attempts."""
    rows = [json.loads(line) for line in (out / "attempts.jsonl").read_text().splitlines()][:n]
    n = len(rows)
    names = ("real", *(f"attempt-{k}" for k in range(ATTEMPTS)))
    read = {k: [read_midi(out / k / f"{row['song']}.mid") for row in rows] for k in names}
    best = np.array(
        [
            max(
                range(ATTEMPTS),
                key=lambda k, row=row: (round(row["obeys"][k], DIGITS), row["songlike"][k], -k),
            )
            for row in rows
        ]
    )
    every = [score for scores in read.values() for score in scores]
    table = feature_table(every).reshape(1 + ATTEMPTS, n, -1)
    like = alike(every)
    song = np.arange(n)
    print(f"{n} songs, {ATTEMPTS} attempts at each")
    taken = {f"attempt {k}": np.full(n, k) for k in range(ATTEMPTS)} | {"chosen": best}
    for name, which in taken.items():
        by_forest = forest.two_sample(table[0], table[1 + which, song])[0]
        at = np.append(song, (1 + which) * n + song)
        by_kernel = kernel.two_sample(like[np.ix_(at, at)])[0]
        cells = [f"{t.auc:.3f} ({t.low:.2f}-{t.high:.2f})" for t in (by_forest, by_kernel)]
        print(f"{name}: by features {cells[0]}, by patterns {cells[1]}", flush=True)
    # each song stands beside each of its attempts, so that both sides weigh the same
    at = np.append(np.tile(song, ATTEMPTS), np.arange(n, len(like)))
    side, group = np.repeat([-1.0, 1.0], ATTEMPTS * n), np.tile(song, 2 * ATTEMPTS)
    scores = kernel.cross_validated(like[np.ix_(at, at)], side, group, 0, forest.REPEATS)
    real, composed = scores.reshape(2, ATTEMPTS, n)
    apart = composed.mean(0) - real[0]
    print(f"songs and the mean of their attempts are {interval(apart)} apart by patterns")
    print(f"the chosen and that mean: {interval(composed[best, song] - composed.mean(0))}")
    print(f"the nearest of each and that mean: {interval(composed.min(0) - composed.mean(0))}")
    heard = np.array([row["songlike"] for row in rows]).T
    print(f"correlation within songs: {correlation(heard, composed)}")
    by_playing(read["real"], table, like)


def by_playing(songs: Sequence[Score], table: np.ndarray, like: np.ndarray) -> None:
    """Prints how well the attempts are known for the half of the songs that keep most to the grid,
    and for the other half: the means over attempts. ``table``: (1 + attempts, N, F) features,
    ``like``: likeness by patterns, both of the songs and then of each attempt."""
    n = len(songs)
    off = np.array([off_grid(score) for score in songs])
    order = np.argsort(off, kind="stable")
    for name, some in {"on the grid": order[: n // 2], "played": order[n // 2 :]}.items():
        areas = []
        for k in range(1, 1 + ATTEMPTS):
            at = np.append(some, k * n + some)
            by_forest = forest.two_sample(table[0, some], table[k, some], 0, 1)[0].auc
            areas.append((by_forest, kernel.two_sample(like[np.ix_(at, at)])[0].auc))
        means = np.mean(areas, axis=0)
        print(
            f"{len(some)} songs {name} ({off[some].mean():.2f} of onsets off it): "
            f"by features {means[0]:.3f}, by patterns {means[1]:.3f}"
        )


def off_grid(score: Score) -> float:
    """Share of a Score's onsets that are more than a 600th of a quarter from a sixteenth."""
    sixteenths = 4 * score.onset / score.tpq
    return float((np.abs(sixteenths - np.round(sixteenths)) > 4 / 600).mean())


def correlation(one: np.ndarray, other: np.ndarray) -> str:
    """Of two (attempts, N) numbers about their means for each of N songs, with its interval by
    resampling songs."""
    x, y = (a - a.mean(0) for a in (one, other))
    n = x.shape[1]
    draws = np.random.default_rng(0).integers(n, size=(DRAWS, n))
    value, *values = (
        float((x[:, i] * y[:, i]).sum() / np.sqrt((x[:, i] ** 2).sum() * (y[:, i] ** 2).sum()))
        for i in (np.arange(n), *draws)
    )
    low, high = np.percentile(values, [2.5, 97.5])
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def again(folder: Path, songs: Songs) -> None:
    """Prints the figures by patterns of a run of ``evaluate realism`` with seed 0."""
    answers = {path.stem[:-2]: path for path in (folder / "composed-band").glob("*-0.mid")}
    order = list(windows(songs, 0, "band"))
    chosen, others = order[: len(answers)], order[len(answers) :]
    pairs = [
        (read_midi(folder / "real-band" / f"{w.id}.mid"), read_midi(answers[w.id])) for w in chosen
    ]
    floor = [(chosen[i].score, others[j].score) for i, j in other_songs(chosen, others)]
    figures = by_patterns(pairs, 0, floor)
    groups = {f"... by {name} alone": t for name, t in figures["groups"].items()}
    for name, t in {"composed": figures["auc"], "floor": figures["floor"], **groups}.items():
        print(f"{name}: {t['auc']:.2f} ({t['low']:.2f}-{t['high']:.2f}), {t['n']} pairs")
    for row in figures["kinds"]:
        print(f"{row['name']}: {row['real']:.0f}, {row['composed']:.0f}, AUC {row['auc']:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("-o", "--output", default="run")
    parser.add_argument("--songs", type=int, default=96)
    parser.add_argument("--again", metavar="FOLDER")
    parser.add_argument("--split", default="test")
    args = parser.parse_args()
    if args.again:
        again(Path(args.again), load_split(args.data, args.split))
        return
    compose(NoteSystem.load(), load_split(args.data, "train"), args.songs, Path(args.output))
    judge(Path(args.output), args.songs)


if __name__ == "__main__":
    main()
