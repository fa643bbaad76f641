"""Chord recognition by a small head on the frozen note model's states, beside one on chroma.

    python benchmarks/aligned_chords.py POP909 [--songs 6,60] [--seeds 2] [--tests 83]

Songs as in ``chord_recognition.py``, by mir_eval: trained on the first songs of 1-746 whose number
ends neither with 0 nor with 1 (6 of 597 are 1 %, 60 are 10 %), judged on the first of 747-829. Each
song is read once by the frozen shipped model, as the reference of ``aligned`` is (no chords, no
text), in windows that overlap; what it knows behind each note is averaged by beat. On the same
songs are trained:

- chroma: the shipped network's layers on nine beats above each root (no states), from scratch;
- states: a layer on five beats' states (``CrossSteps.states``: input of layer 4, and output);
- both: the sum of their logits, trained together.

The shipped network (all 597 songs, with templates) and the templates stand beside.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from chord_recognition import FIRST_TEST, MEASURES, judge, label_number, network, songs, templates
from torch import Tensor, nn

from cantilena.analysis import slot_edges
from cantilena.analysis.chords import CELLS
from cantilena.analysis.grid import piano_roll
from cantilena.analysis.recognition import (
    CONTEXT,
    N_LABELS,
    SHORTHANDS,
    _rotations,
    best_labels,
    features,
    label_name,
    sounding_beats,
)
from cantilena.models.step_aligned import CrossSteps
from cantilena.score.score import Score
from cantilena.systems.aligned.base import open_base
from cantilena.systems.aligned.engine import windows
from cantilena.systems.aligned.examples import conditions_of, plain_frame, reference_arrays
from cantilena.systems.note.rewriting import grid
from cantilena.systems.note.torch_engine import load_network
from cantilena.tokens.note import GRID, NoteScheme

LAYERS = (4, 6)  # of the note model: the input of layer 4, and the output of the last
AROUND = 2  # beats on either side whose states are read
STEPS, BATCH, RATE, DECAY = 250, 192, 3e-3, 3e-2  # of AdamW; a batch is of beats
SCHEME = NoteScheme()


@dataclass
class Song:
    """Beats of a song: (S, 36) chroma features, (S, D) states, (S,) labels, and what judges it."""

    chroma: np.ndarray
    states: np.ndarray
    labels: np.ndarray
    sounding: np.ndarray
    truth: tuple[np.ndarray, np.ndarray, list[str]]
    others: dict[str, list[str]]


def states_of(model: CrossSteps, score: Score, beats: int) -> np.ndarray:
    """(beats, D) the mean of what the model knows behind the notes of each beat; of a beat without
    notes as in the one before."""
    table, lines = SCHEME.table(score), grid(score.bar_starts, score.tpq)
    front = conditions_of(table, score.bpm, (int(score.metre_num[0]), 4), score.n_bars)
    arrays = reference_arrays(table, plain_frame(lines), front)
    rows = []
    for start, stop, read_before in windows(len(arrays["ticks"]), model.base.config.context):
        stream = {
            k: torch.as_tensor(v[start:stop] if k in ("state", "ticks", "there") else v)[None]
            for k, v in arrays.items()
        }
        with torch.no_grad():
            layers = model.states(stream, max(LAYERS) + 1)
        vectors = torch.cat([layers[k][0] for k in LAYERS], 1).numpy()
        rows.append(vectors[read_before:])
    every = np.concatenate(rows)
    beat = np.clip(arrays["ticks"] // GRID, 0, beats - 1)
    total, count = np.zeros((beats, every.shape[1])), np.bincount(beat, minlength=beats)
    np.add.at(total, beat, every)
    mean = total / np.maximum(count, 1)[:, None]
    filled = np.maximum.accumulate(np.where(count > 0, np.arange(beats), 0))
    return mean[filled].astype(np.float32)


def read(root: Path, model: CrossSteps, train: int, tests: int) -> tuple[list[Song], list[Song]]:
    """Training and test songs, each read once."""
    sides: tuple[list[Song], list[Song]] = ([], [])
    for number, score, _, seconds, spans, truth in songs(root):
        test = number >= FIRST_TEST
        full = len(sides[test]) >= (tests if test else train)
        if full or (not test and number % 10 < 2):
            continue
        edges = slot_edges(score, "beat")
        middle = (seconds[:-1] + seconds[1:]) / 2
        row = np.clip(np.searchsorted(spans[:, 0], middle, side="right") - 1, 0, len(truth) - 1)
        inside = (middle >= spans[0, 0]) & (middle < spans[-1, 1])
        labels = np.array([label_number(label) for label in truth])[row] * inside
        rolls = features(piano_roll(score, edges, CELLS["beat"]))
        count = min(len(rolls), len(labels))
        others = {}
        if test:
            others = {"templates": templates(score, edges), "shipped": network(score, edges)}
        sides[test].append(
            Song(
                rolls[:count],
                states_of(model, score, count),
                labels[:count],
                sounding_beats(score, edges)[:count],
                (seconds[: count + 1], spans, list(truth)),
                others,
            )
        )
    return sides


class Recogniser(nn.Module):
    """Logits of labels by beat. ``parts``: of "chroma" and "states"."""

    def __init__(self, parts: tuple[str, ...], width: int):
        super().__init__()
        self.parts = parts
        self.rotations = torch.tensor(_rotations())
        sizes = (self.rotations.shape[1], 96, 64, len(SHORTHANDS) + 1)
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        if "chroma" in parts:
            self.chroma = nn.ModuleList(layers)
        if "states" in parts:
            self.states = nn.Sequential(
                nn.Dropout(0.5),
                nn.Linear(width * (2 * AROUND + 1), 128),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Linear(128, N_LABELS),
            )
            nn.init.zeros_(self.states[-1].weight)

    def forward(self, chroma: Tensor, states: Tensor) -> Tensor:
        """(B, N_LABELS) of (B, 9 * 36) chroma and (B, 5 * D) states."""
        logits = chroma.new_zeros(len(chroma), N_LABELS)
        if "chroma" in self.parts:
            h = chroma[:, self.rotations]
            for layer in self.chroma[:-1]:
                h = torch.relu(layer(h))
            out = self.chroma[-1](h)
            nothing = out[..., -1].mean(1, keepdim=True)
            logits = logits + torch.cat([nothing, out[..., :-1].flatten(1)], 1)
        if "states" in self.parts:
            logits = logits + self.states(states)
        return logits


def around(rows: np.ndarray, beats: int) -> np.ndarray:
    """(S, (2 * beats + 1) * D) each row with those around it; 0 beyond the ends."""
    padded = np.pad(rows, ((beats, beats), (0, 0)))
    index = np.arange(len(rows))[:, None] + np.arange(2 * beats + 1)
    return padded[index].reshape(len(rows), -1)


def inputs(song: Song, scale: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(S, 9 * 36) chroma and (S, 5 * D) states of each beat; ``scale``: mean and deviation (D,)."""
    normed = (song.states - scale[0]) / scale[1]
    return around(song.chroma, CONTEXT), around(normed, AROUND)


def trained(parts: tuple[str, ...], group: list[Song], scale: Any, seed: int) -> Recogniser:
    """A recogniser after some steps on a group of songs."""
    torch.manual_seed(seed)
    pairs = [inputs(song, scale) for song in group]
    chroma, states = (torch.tensor(np.concatenate(side)) for side in zip(*pairs, strict=True))
    labels = torch.tensor(np.concatenate([song.labels for song in group]))
    model = Recogniser(parts, group[0].states.shape[1])
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        chosen = torch.randint(len(labels), (BATCH,))
        logits = model(chroma[chosen], states[chosen])
        loss = nn.functional.cross_entropy(logits, labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def judged(model: Recogniser, group: list[Song], scale: Any) -> np.ndarray:
    """(5,) means of the measures over songs."""
    rows = []
    for song in group:
        with torch.no_grad():
            scores = model(*(torch.tensor(x) for x in inputs(song, scale))).log_softmax(-1)
        numbers = best_labels(scores.numpy().astype(np.float64))
        numbers[~song.sounding] = 0
        rows.append(_measured(song, [label_name(int(n)) for n in numbers]))
    return np.mean(rows, axis=0)


def _measured(song: Song, labels: list[str]) -> np.ndarray:
    seconds, spans, truth = song.truth
    count = min(len(labels), len(seconds) - 1)
    return judge(seconds[: count + 1], labels[:count], spans, truth)


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--songs", default="6,60", metavar="LIST")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tests", type=int, default=83)
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [int(size) for size in args.songs.split(",")]
    begun = time.process_time()
    model = CrossSteps(load_network(open_base()))
    train, test = read(args.folder, model, max(sizes), args.tests)
    print(f"{len(train)} and {len(test)} songs read in {time.process_time() - begun:.0f} CPU s")
    print(f"{'':28}" + "".join(f"{name:>14}" for name in MEASURES), flush=True)
    for name in ("templates", "shipped"):
        mean = np.mean([_measured(song, song.others[name]) for song in test], axis=0)
        print(f"{name:28}" + "".join(f"{100 * x:14.1f}" for x in mean), flush=True)
    for size in sizes:
        group = train[:size]
        every = np.concatenate([song.states for song in group])
        scale = (every.mean(0), every.std(0) + 1e-3)
        for parts in (("chroma",), ("states",), ("chroma", "states")):
            runs = np.array(
                [judged(trained(parts, group, scale, s), test, scale) for s in range(args.seeds)]
            )
            cells = zip(runs.mean(0), runs.max(0) - runs.min(0), strict=True)
            name = f"{size} songs, {' + '.join(parts)}"
            print(
                f"{name:28}" + "".join(f"{100 * m:9.1f} ±{50 * r:3.1f}" for m, r in cells),
                flush=True,
            )
    print(f"{time.process_time() - begun:.0f} CPU s")


if __name__ == "__main__":
    main()
