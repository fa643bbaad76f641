"""Chord recognition by linear heads that begin as what is there: templates, or small classifiers.

    python benchmarks/chord_adapters.py POP909 --cache DIR [--songs 6,60,597] [--beats 32] [--dev 0]

Songs, states, chroma and the classifier of 25 chords are those of ``aligned_chords.py``. A head has
weights of zero at first, so that it begins as what it is added to, and is trained on the same
songs. It reads states of the frozen note model of five beats, or nine beats of chroma, above each
root alike. What it is added to:

- templates: the log-likelihoods of ``analysis.chords``, which nothing was trained for;
- five classifiers: each trained without a fifth of the songs. A head learns from what those say
  that have not heard the song, since they are too sure of the others; where songs are judged the
  mean of all five stands, with ``SHARE`` of the templates.

``--dev N`` judges on the N training songs behind those that are trained on, for choosing settings.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from aligned_chords import (
    BATCH,
    DECAY,
    LAYERS,
    Beats,
    Plain,
    beats_of,
    by_root,
    components_of,
    joined,
    judged,
    trained,
)
from chord_recognition import MEASURES
from chord_states import Song, States, read_songs
from torch import Tensor, nn

from cantilena.analysis.chords import CELLS, template_evidence
from cantilena.analysis.recognition import N_LABELS, SHORTHANDS, _reduced, _rotations

FOLDS = 5
SHARE = 0.2  # of the templates' evidence beside the classifiers', as in analysis.recognition
CLASSIFIER_STEPS = {6: 250, 60: 1000, 597: 2000}  # by songs; 250 and 600 are worse for 60
HEAD_STEPS, HEAD_RATE = 600, 1e-3  # over classifiers
CHANGES = {"templates": 2.0, "5 classifiers": 1.0}  # what a change of chord costs: of 0.7 to 3
FIRST_STEPS, FIRST_RATE = 250, 3e-4  # over templates; more is worse for 6 songs
DROPPED = {"states": 0.8, "chroma": 0.5}  # of what a head reads, in training
UNUSUAL = -2.0  # for labels that the templates do not tell from a plainer one, as sus2 from sus4
LEAST = -30.0  # log-likelihood


class Head(nn.Module):
    """Logits of the qualities on each root, a linear function of ``what``: states or chroma."""

    def __init__(self, what: str, width: int):
        super().__init__()
        self.what, self.rotations = what, torch.tensor(_rotations())
        self.dropout = nn.Dropout(DROPPED[what])
        self.linear = nn.Linear(
            width if what == "states" else self.rotations.shape[1], len(SHORTHANDS) + 1
        )
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, beats: Beats, rows: Tensor | slice) -> Tensor:
        """(B, N_LABELS)."""
        read = beats.states[rows]
        if self.what == "chroma":
            read = beats.chroma[rows][:, self.rotations]
        return by_root(self.linear(self.dropout(read)))


class Added(nn.Module):
    """Evidence of some beats, times a number that is learnt, and a head."""

    def __init__(self, head: Head | None):
        super().__init__()
        self.head, self.log_scale = head, nn.Parameter(torch.zeros(()))

    def forward(self, beats: Beats, rows: Tensor | slice) -> Tensor:
        """(B, N_LABELS) logits."""
        logits = beats.shipped[rows] * self.log_scale.exp()
        return logits if self.head is None else logits + self.head(beats, rows)


def by_templates(beats: Beats) -> Beats:
    """The same with the templates' log-likelihoods as evidence."""
    rows, cells, reduced = beats.song.chroma, CELLS["beat"], _reduced()
    plain = template_evidence(np.expm1(rows[:, :12]) * cells, rows[:, 12:24] * cells, cells)
    first = np.isin(np.arange(N_LABELS), np.unique(reduced, return_index=True)[1])
    every = (plain[:, reduced] + UNUSUAL * ~first).clip(LEAST)
    used = every[beats.first : beats.first + len(beats.labels)]
    return replace(beats, shipped=torch.tensor(used.astype(np.float32)))


def headed(head: Head | None, beats: Beats, seed: int, steps: int, rate: float) -> Added:
    """What is added to evidence, after some steps."""
    torch.manual_seed(seed)
    model = Added(head)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(beats.labels), (BATCH,))
        loss = nn.functional.cross_entropy(model(beats, rows), beats.labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def of_folds(
    group: list[Beats], judges: list[Beats], seed: int, steps: int
) -> tuple[list[Beats], list[Beats]]:
    """Both with classifiers' evidence: of a song of ``group`` by the one that did not hear it, of
    the others by all."""
    models = [
        trained(Plain(), joined([b for i, b in enumerate(group) if i % FOLDS != k]), seed, steps)
        for k in range(FOLDS)
    ]

    def heard(beats: Beats, by: Sequence[nn.Module]) -> Beats:
        with torch.no_grad():
            scores = torch.stack([m(beats, slice(None)).log_softmax(-1) for m in by]).mean(0)
        return replace(beats, shipped=scores + SHARE * beats.shipped)

    mine = [heard(beats, [models[i % FOLDS]]) for i, beats in enumerate(group)]
    return mine, [heard(beats, models) for beats in judges]


def rows_of(
    group: list[Beats], judges: list[Beats], seed: int, steps: int
) -> dict[str, np.ndarray]:
    """(5,) measures of each method that is trained on a group."""
    width = group[0].states.shape[2]
    rows = {"classifier": judged(trained(Plain(), joined(group), seed, steps), judges)}
    mine, theirs = of_folds(group, judges, seed, steps)
    begun = {
        "templates": (group, judges, FIRST_STEPS, FIRST_RATE),
        "5 classifiers": (mine, theirs, HEAD_STEPS, HEAD_RATE),
    }
    for name, (learnt, heard, count, rate) in begun.items():
        beats = joined(learnt)
        change = CHANGES[name]
        rows[name] = judged(headed(None, beats, seed, count, rate), heard, change)
        for what in DROPPED:
            model = headed(Head(what, width), beats, seed, count, rate)
            rows[f"{name} + {what}"] = judged(model, heard, change)
    return rows


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR")
    parser.add_argument("--songs", default="6,60,597", metavar="LIST")
    parser.add_argument("--beats", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dev", type=int, default=0, metavar="N")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [int(size) for size in args.songs.split(",")]
    begun = time.process_time()
    train, _, test = read_songs(args.folder, max(sizes) + args.dev, 0 if args.dev else 83)
    states = States(args.cache, LAYERS)
    parts = components_of(train[:6], states)

    def read(songs: list[Song], whole: int) -> list[Beats]:
        lengths = [0 if k < whole else args.beats for k in range(len(songs))]
        read = (beats_of(s, states, parts, n) for s, n in zip(songs, lengths, strict=True))
        return [by_templates(beats) for beats in read]

    group, judges = read(train, 6), read(test, 0)
    print(f"{'':28}" + "".join(f"{name:>14}" for name in MEASURES), flush=True)
    for size in sizes:
        dev = group[size : size + args.dev] if args.dev else judges
        steps = CLASSIFIER_STEPS.get(size, 1000)
        runs = [rows_of(group[:size], dev, seed, steps) for seed in range(args.seeds)]
        for name in runs[0]:
            values = np.array([run[name] for run in runs])
            cells = zip(values.mean(0), values.max(0) - values.min(0), strict=True)
            print(
                f"{f'{size} songs, {name}':32}"
                + "".join(f"{100 * m:9.1f} ±{50 * r:3.1f}" for m, r in cells),
                flush=True,
            )
    print(f"{time.process_time() - begun:.0f} CPU s")


if __name__ == "__main__":
    main()
