"""Chord recognition by small heads on the frozen note model's states, beside those on chroma.

    python benchmarks/aligned_chords.py POP909 --cache DIR [--songs 6,60] [--beats 0] [--steps 250]

Songs and states as in ``chord_states.py``: trained on the first songs of 1-746 whose number ends
neither with 0 nor with 1 (6 of 597 are 1 %, 60 are 10 %), judged on the first of 747-829, by
mir_eval. ``--beats``: of every song but the first 6 only so many beats in its middle are learned
from and judged, by all methods alike; 0 for all. On the same beats are trained, ``--steps`` each:

- plain: a classifier of 105 k numbers for 25 chords on nine beats of chroma, in random keys;
- chroma: the shipped network's layers on nine beats above each root (no states), from scratch;
- states, one key: two layers on five beats' states of the song as it is, for all labels at once;
- states, each root: the same on the song moved so that each root in turn is C, for the qualities
  on it, as chroma has them;
- chroma + states: the trained chroma network's logits, which stay as they are, and those of states,
  each root, times a gate that begins at 0.

States are those of three layers, turned to their principal components on the first 6 songs. The
shipped network (all 597 songs, with templates) and the templates stand beside, and the shipped
network's evidence + gated states.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from chord_recognition import MEASURES, harte, judge
from chord_states import KEYS, Song, States, read_songs
from torch import Tensor, nn

from cantilena.analysis.recognition import (
    CHANGE,
    CONTEXT,
    N_LABELS,
    SHORTHANDS,
    _rotations,
    best_labels,
    label_name,
)

LAYERS = (2, 4, 6)  # of the note model: inputs of layers, and the output of the last
AROUND = 2  # beats on either side whose states are read
COMPONENTS = 128  # that are kept of each beat's states
DROPPED = 0.5  # of states, in training
STEPS, BATCH, RATE, DECAY = 250, 96, 3e-3, 3e-2  # of AdamW; a batch is of beats
FEATURES = 3 * KEYS
N_PLAIN = 25  # no chord, and major and minor on each root
MINOR = ("min", "min7", "dim", "hdim7")


@dataclass
class Beats:
    """What is known of a song's beats that are used: (S, 9 * 36) chroma, (S, 12, 5 * D) components
    of states, (S,) labels, (S, N_LABELS) evidence of the shipped network; ``first``: the first."""

    song: Song
    chroma: Tensor
    states: Tensor
    labels: Tensor
    shipped: Tensor
    first: int


def around(rows: np.ndarray, beats: int) -> np.ndarray:
    """(..., S, (2 * beats + 1) * D) each row with those around it; 0 beyond the ends."""
    pad = [(0, 0)] * (rows.ndim - 2) + [(beats, beats), (0, 0)]
    index = np.arange(rows.shape[-2])[:, None] + np.arange(2 * beats + 1)
    padded = np.pad(rows, pad)[..., index, :]
    return padded.reshape(*rows.shape[:-1], -1)


Components = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Mean and deviation (L,) of states, and (L, ``COMPONENTS``) what they are turned by."""


def components_of(songs: list[Song], states: States) -> Components:
    """The principal components of songs' states, each number of unit deviation, in all keys."""
    rows = np.concatenate([states.of(song)[1] for song in songs], 1).astype(np.float32)
    rows = rows.reshape(-1, rows.shape[2])
    mean, deviation = rows.mean(0), rows.std(0) + 1e-3
    normed = (rows - mean) / deviation
    variance, vectors = np.linalg.eigh(normed.T @ normed / len(normed))
    kept = slice(-COMPONENTS, None)
    return mean, deviation, vectors[:, kept] / np.sqrt(variance[kept].mean())


def beats_of(song: Song, states: States, components: Components, n: int) -> Beats:
    """What is known of ``n`` beats (0: all) of a song."""
    first, rows = states.of(song, n)
    mean, deviation, vectors = components
    normed = (rows.astype(np.float32) - mean) / deviation @ vectors
    used = slice(first, first + rows.shape[1])
    return Beats(
        song,
        torch.tensor(around(song.chroma, CONTEXT)[used]),
        torch.tensor(around(normed, AROUND)).transpose(0, 1).contiguous(),
        torch.tensor(song.labels[used]),
        torch.tensor(song.shipped[used]),
        first,
    )


class Chroma(nn.Module):
    """The shipped network's layers."""

    def __init__(self) -> None:
        super().__init__()
        self.rotations = torch.tensor(_rotations())
        sizes = (self.rotations.shape[1], 96, 64, len(SHORTHANDS) + 1)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, beats: Beats, rows: Tensor | slice) -> Tensor:
        """(B, N_LABELS) logits of some beats."""
        h = beats.chroma[rows][:, self.rotations]
        for layer in self.layers[:-1]:
            h = torch.relu(layer(h))
        return by_root(self.layers[-1](h))


class Plain(nn.Module):
    """A classifier of 25 chords, which learns keys from songs that are moved at random."""

    def __init__(self) -> None:
        super().__init__()
        self.rotations = torch.tensor(_rotations())
        sizes = (self.rotations.shape[1], 256, 78, N_PLAIN)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        quality = torch.tensor([name in MINOR for name in SHORTHANDS])
        triads = (1 + 2 * torch.arange(KEYS)[:, None] + quality.long()).flatten()
        self.to_plain = torch.cat([torch.zeros(1, dtype=torch.long), triads])

    def scores(self, chroma: Tensor) -> Tensor:
        """(B, 25) of (B, 9 * 36) chroma."""
        for layer in self.layers[:-1]:
            chroma = torch.relu(layer(chroma))
        return self.layers[-1](chroma)

    def loss(self, beats: Beats, rows: Tensor) -> Tensor:
        """Nats a beat, each in a random key."""
        up = torch.randint(KEYS, (len(rows),))
        chroma = beats.chroma[rows].gather(1, self.rotations[up])  # root ``up`` is C then
        label = self.to_plain[beats.labels[rows]]
        moved = torch.where(label > 0, 1 + (label - 1 - 2 * up) % (2 * KEYS), 0)
        return nn.functional.cross_entropy(self.scores(chroma), moved)

    def forward(self, beats: Beats, rows: Tensor | slice) -> Tensor:
        """(B, N_LABELS) logits: of a major or minor triad, or none."""
        scores = self.scores(beats.chroma[rows]).log_softmax(-1)
        out = scores.new_full((len(scores), N_LABELS), -30.0)
        plain = [0, *(1 + 12 * root + k for root in range(KEYS) for k in (0, 1))]
        out[:, plain] = scores
        return out


class OneKey(nn.Module):
    """Logits of all labels from states of a song as it is."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(DROPPED),
            nn.Linear(width, 128),
            nn.ReLU(),
            nn.Dropout(DROPPED),
            nn.Linear(128, N_LABELS),
        )

    def forward(self, beats: Beats, rows: Tensor | slice) -> Tensor:
        """(B, N_LABELS)."""
        return self.layers(beats.states[rows][:, 0])


class EachRoot(nn.Module):
    """Logits of the qualities on each root, by the same functions of the copy that has it on C."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(DROPPED),
            nn.Linear(width, 96),
            nn.ReLU(),
            nn.Dropout(DROPPED),
            nn.Linear(96, len(SHORTHANDS) + 1),
        )

    def forward(self, beats: Beats, rows: Tensor | slice) -> Tensor:
        """(B, N_LABELS)."""
        return by_root(self.layers(beats.states[rows]))


class Gated(nn.Module):
    """Logits of ``first`` and, times a gate that begins at 0, of states."""

    def __init__(self, first: nn.Module | None, width: int):
        super().__init__()
        self.first = None if first is None else first.requires_grad_(False)
        self.states = EachRoot(width)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, beats: Beats, rows: Tensor | slice) -> Tensor:
        """(B, N_LABELS); ``first`` None: the shipped network's evidence."""
        logits = beats.shipped[rows] if self.first is None else self.first(beats, rows)
        return logits + self.gate * self.states(beats, rows)


def by_root(out: Tensor) -> Tensor:
    """(B, N_LABELS) of (B, 12, qualities + 1): what each root says of "none" is averaged."""
    nothing = out[..., -1].mean(1, keepdim=True)
    return torch.cat([nothing, out[..., :-1].flatten(1)], 1)


def joined(group: list[Beats]) -> Beats:
    """All beats of a group as those of one song."""
    parts = zip(*((b.chroma, b.states, b.labels, b.shipped) for b in group), strict=True)
    return Beats(group[0].song, *(torch.cat(part) for part in parts), 0)


def trained(model: nn.Module, beats: Beats, seed: int, steps: int) -> nn.Module:
    """A recogniser after some steps on beats."""
    torch.manual_seed(seed)
    numbers = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(numbers, lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    model.train()
    for _ in range(steps):
        rows = torch.randint(len(beats.labels), (BATCH,))
        if isinstance(model, Plain):
            loss = model.loss(beats, rows)
        else:
            loss = nn.functional.cross_entropy(model(beats, rows), beats.labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def judged(model: nn.Module, group: list[Beats], change: float = CHANGE) -> np.ndarray:
    """(5,) means of the measures over songs, where a change of chord costs so much."""
    rows = []
    for beats in group:
        with torch.no_grad():
            scores = model(beats, slice(None)).log_softmax(-1)
        numbers = best_labels(scores.numpy().astype(np.float64), change)
        rows.append(measured(beats, [label_name(int(n)) for n in silent(beats, numbers)]))
    return np.mean(rows, axis=0)


def silent(beats: Beats, numbers: np.ndarray) -> np.ndarray:
    """Labels, "none" where nothing sounds."""
    sounding = beats.song.sounding[beats.first : beats.first + len(numbers)]
    return np.where(sounding, numbers, 0)


def measured(beats: Beats, labels: list[str]) -> np.ndarray:
    """(5,) measures of a song's beats."""
    seconds, spans, truth = beats.song.truth
    count = min(len(labels), len(seconds) - 1 - beats.first)
    seconds = seconds[beats.first : beats.first + count + 1]
    start, stop = max(seconds[0], spans[0, 0]), min(seconds[-1], spans[-1, 1])
    if len(labels) < len(beats.song.labels):  # of a part of a song, that part alone
        kept = (spans[:, 0] < stop) & (spans[:, 1] > start)
        truth = [label for label, keep in zip(truth, kept, strict=True) if keep]
        spans = spans[kept].clip(start, stop)
    return judge(seconds, labels[:count], spans, truth)


def rows_of(group: list[Beats], test: list[Beats], seeds: int, steps: int) -> dict[str, np.ndarray]:
    """(seeds, 5) measures of each method that is trained on a group."""
    beats, width = joined(group), group[0].states.shape[2]
    rows: dict[str, list[np.ndarray]] = {}
    for seed in range(seeds):
        torch.manual_seed(seed)
        chroma = trained(Chroma(), beats, seed, steps)
        models = {"plain": trained(Plain(), beats, seed, steps), "chroma": chroma}
        models["states, one key"] = trained(OneKey(width), beats, seed, steps)
        models["states, each root"] = trained(EachRoot(width), beats, seed, steps)
        for name, model in models.items():
            rows.setdefault(name, []).append(judged(model, test))
        both = trained(Gated(chroma, width), beats, seed, steps)
        rows.setdefault("chroma + states", []).append(judged(both, test))
        both = trained(Gated(None, width), beats, seed, steps)
        rows.setdefault("shipped + states", []).append(judged(both, test))
    return {name: np.array(values) for name, values in rows.items()}


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR")
    parser.add_argument("--songs", default="6,60", metavar="LIST")
    parser.add_argument("--beats", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tests", type=int, default=83)
    parser.add_argument("--validate", action="store_true", help="judge on songs ending with 1")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [int(size) for size in args.songs.split(",")]
    begun = time.process_time()
    train, valid, test = read_songs(args.folder, max(sizes), args.tests)
    states = States(args.cache, LAYERS)
    lengths = [0 if k < 6 else args.beats for k in range(len(train))]
    parts = components_of(train[:6], states)
    group = [beats_of(song, states, parts, n) for song, n in zip(train, lengths, strict=True)]
    judges = [beats_of(s, states, parts, args.beats) for s in (valid if args.validate else test)]
    print(f"{len(group)} and {len(judges)} songs read in {time.process_time() - begun:.0f} CPU s")
    print(f"{'':28}" + "".join(f"{name:>14}" for name in MEASURES), flush=True)
    fixed = {
        "templates": lambda b: b.song.templates[b.first : b.first + len(b.labels)],
        "shipped": lambda b: best_labels(b.shipped.numpy().astype(np.float64)),
    }
    for name, numbers in fixed.items():
        label = (lambda n: harte(n)) if name == "templates" else label_name
        mean = np.mean(
            [measured(b, [label(int(n)) for n in silent(b, numbers(b))]) for b in judges], axis=0
        )
        print(f"{name:28}" + "".join(f"{100 * x:14.1f}" for x in mean), flush=True)
    for size in sizes:
        for name, runs in rows_of(group[:size], judges, args.seeds, args.steps).items():
            cells = zip(runs.mean(0), runs.max(0) - runs.min(0), strict=True)
            print(
                f"{f'{size} songs, {name}':28}"
                + "".join(f"{100 * m:9.1f} ±{50 * r:3.1f}" for m, r in cells),
                flush=True,
            )
    print(f"{time.process_time() - begun:.0f} CPU s")


if __name__ == "__main__":
    main()
