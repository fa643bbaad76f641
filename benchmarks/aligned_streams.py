"""Do adapters read the reference? Held-out bits beside the true one, another's and none; and what
is written beside them.

    python benchmarks/aligned_streams.py ADAPTERS --data DATA [--windows 48] [--written 6]
        [--task TASK] [--chords SHARE] [--split valid]

ADAPTERS is a checkpoint of ``cantilena train --system aligned``, DATA a data set of ``cantilena
data build``. Bits a note of the targets in windows of test songs (``--split valid``: of those that
a training is chosen by), with the standard error of the difference over batches; ``--chords``: the
share of the windows whose targets are told their chords. Then eight bars are written by the model
alone, without plan, chords or wishes, beside the true reference, beside another's and beside none,
and measured against the true one:

- fit: share of the reference's pitched time whose pitch class sounds in the target too (none for
  drums);
- rhythm: share of the reference's onsets, in sixteenths, on which the target begins a note, less
  what chance would give (the share of all sixteenths on which it does).

The song's own target stands beside.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch

from cantilena.data.dataset import load_split
from cantilena.decode.interfaces import Job
from cantilena.decode.loop import Loop
from cantilena.decode.sampling import Sampling
from cantilena.score import DRUMS
from cantilena.systems.aligned.engine import AlignedStepper
from cantilena.systems.aligned.examples import (
    AlignedWindows,
    conditions_of,
    plain_frame,
)
from cantilena.systems.aligned.system import AlignedSystem
from cantilena.systems.aligned.training import AlignedTraining
from cantilena.systems.note.stepper import NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.grammar import NoteGrammar
from cantilena.tokens.note.streams import Task, split

SCHEME = NoteScheme()
BARS, BATCH = 8, 4
SIXTEENTH = 6  # ticks, 24 to a quarter
LEAST, MOST = 24, 400
"""Notes of a stream in the bars that are written; and steps, after which writing ends."""


def held_out(system: AlignedSystem, songs: Any, task: Task, windows: int, chords: float) -> None:
    """Prints bits a note, and how sure the differences are."""
    trainable = AlignedTraining()
    drawn = AlignedWindows(songs, task, 192, 320, chords=chords)
    rows: list[dict[str, np.ndarray]] = []
    for batch in drawn.fixed(windows, BATCH, seed=11):
        tensors = {k: torch.as_tensor(v) for k, v in batch.items()}
        with torch.no_grad():
            pairs = trainable.held_out(system.engine.adapters, tensors)
        rows.append({name: pair.numpy() for name, pair in pairs.items()})
    notes = np.array([row["true"][1] for row in rows])
    total = {name: np.array([row[name][0] for row in rows]) for name in rows[0]}
    print(f"{windows} windows, {int(notes.sum())} notes; bits a note")
    for name, bits in total.items():
        more = bits - total["true"]
        each = more / notes
        error = each.std(ddof=1) / np.sqrt(len(each))
        print(f"{name:12}{bits.sum() / notes.sum():8.3f}", end="")
        print("" if name == "true" else f"   {more.sum() / notes.sum():+.3f} ± {error:.3f}")


def pieces(songs: Any, task: Task, count: int) -> list[dict[str, Any]]:
    """Eight bars of songs with both streams."""
    rows: list[dict[str, Any]] = []
    for i in np.random.default_rng(3).permutation(len(songs)).tolist():
        bars = songs.bars(i)
        if len(bars) < BARS + 9 or tuple(songs.meta(i)["metre"]) != (4, 4):
            continue
        pair = split(songs.table(i), bars, *songs.chords(i), task)
        first, stop = int(bars[8]), int(bars[8 + BARS])
        sides = [side[(side[:, 0] >= first) & (side[:, 0] < stop)].copy() for side in pair]
        if min(len(side) for side in sides) < LEAST:
            continue
        for side in sides:
            side[:, 0] -= first
        lines = bars[8 : 9 + BARS] - first
        if len(rows) < count:
            rows.append({"sides": sides, "bars": lines, "bpm": float(songs.meta(i)["bpm"])})
    return rows


def write(
    system: AlignedSystem, rows: list[dict[str, Any]], reference: Any, seeds: list[int]
) -> list[np.ndarray]:
    """Note tables of the targets of some pieces, written abreast, all beside the reference of a
    piece (None: beside none)."""
    engine = system.engine
    jobs = [
        Job(
            Tracker(plain_frame(piece["bars"]), SCHEME.max_delta),
            conditions_of(piece["sides"][1], piece["bpm"], (4, 4), BARS),
            [],
            Sampling(top_p=0.98),
            np.random.default_rng(seed),
            limit=MOST,
        )
        for piece, seed in zip(rows, seeds, strict=True)
    ]
    if reference is None:
        stepper = NoteStepper(engine, jobs)
    else:
        table = reference["sides"][0]
        front = conditions_of(table, reference["bpm"], (4, 4), BARS)
        read = engine.read(table, plain_frame(reference["bars"]), front)
        stepper = AlignedStepper(engine, jobs, read)
    for _ in Loop(stepper, NoteGrammar(SCHEME), jobs).steps():
        for job, piece in zip(jobs, rows, strict=True):
            job.done = job.done or job.piece.tick >= piece["bars"][-1]
    return [_notes(job.piece, piece["bars"][-1]) for job, piece in zip(jobs, rows, strict=True)]


def _notes(piece: Tracker, end: int) -> np.ndarray:
    """(N, 5) notes that begin before ``end``."""
    rows = [row[:5] for row in piece.rows if row[1] >= 0 and row[0] < end]
    return np.array(rows, dtype=np.int64).reshape(-1, 5)


def fit(reference: np.ndarray, target: np.ndarray) -> float:
    """Share of the reference's pitched time whose pitch class sounds in the target."""
    lengths = np.array(SCHEME.durations)
    target = target[target[:, 1] != DRUMS]
    reference = reference[reference[:, 1] != DRUMS]
    if not len(reference) or not len(target):
        return float("nan")
    start, stop = target[:, 0], target[:, 0] + lengths[target[:, 3]]
    total = explained = 0.0
    for onset, _, pitch, length, _ in reference.tolist():
        sounds = (start < onset + lengths[length]) & (stop > onset)
        total += lengths[length]
        explained += lengths[length] * bool((target[sounds, 2] % 12 == pitch % 12).any())
    return float(explained / total)


def rhythm(reference: np.ndarray, target: np.ndarray, end: int) -> float:
    """Share of the reference's onsets on which the target begins a note, less chance."""
    places = np.unique(np.rint(target[:, 0] / SIXTEENTH))
    there = np.isin(np.unique(np.rint(reference[:, 0] / SIXTEENTH)), places).mean()
    return float(there - len(places) / (end / SIXTEENTH))


def written(system: AlignedSystem, songs: Any, task: Task, count: int) -> None:
    """Prints fit and rhythm of what is written."""
    rows = pieces(songs, task, count)
    if not rows:
        print("no song has both streams in its bars 9 to 16")
        return
    table: dict[str, list[tuple[float, float, float]]] = {}
    seeds = list(range(len(rows)))
    alone = write(system, rows, None, seeds)
    # a reference is read once, beside its own target and beside that of the piece before
    before = [seeds[k - 1] for k in seeds]
    pairs = [
        write(system, [rows[k], rows[j]], rows[k], [k, j])
        for k, j in zip(seeds, before, strict=True)
    ]
    for k, piece in enumerate(rows):
        reference, own = piece["sides"]
        other = (k + 1) % len(rows)
        for name, target in (
            ("beside the true reference", pairs[k][0]),
            ("beside another's", pairs[other][1]),
            ("beside none", alone[k]),
            ("the song's own", own),
            ("another song's", rows[other]["sides"][1]),
        ):
            figures = (fit(reference, target), rhythm(reference, target, int(piece["bars"][-1])))
            table.setdefault(name, []).append((*figures, float(len(target))))
    print(f"{len(rows)} pieces of {BARS} bars{'':12}fit        rhythm      notes")
    for name, values in table.items():
        mean = np.nanmean(values, axis=0)
        error = np.nanstd(values, axis=0, ddof=1) / np.sqrt(len(values))
        print(
            f"{name:28}{mean[0]:6.2f} ± {error[0]:.2f}{mean[1]:6.2f} ± {error[1]:.2f}{mean[2]:8.0f}"
        )


def main() -> None:
    """Reads the command line and prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("adapters")
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--corpora", default="lakh", metavar="LIST")
    parser.add_argument("--task", metavar="TASK", help="another than the adapters'")
    parser.add_argument("--chords", type=float, default=0.0, help="share that is told chords")
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--windows", type=int, default=48)
    parser.add_argument("--written", type=int, default=6)
    args = parser.parse_args()
    system = AlignedSystem(args.adapters, device="cpu")
    songs = load_split(args.data, args.split, args.corpora.split(","))
    task = Task.of(args.task or system.task.name)
    print(task.name)
    if args.windows:
        held_out(system, songs, task, args.windows, args.chords)
    if args.written:
        written(system, songs, task, args.written)


if __name__ == "__main__":
    main()
