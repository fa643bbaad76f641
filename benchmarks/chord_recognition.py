"""Chord recognition on POP909 by mir_eval's measures, and the training of the shipped network.

    python benchmarks/chord_recognition.py POP909 [--songs 747-829 | tenth | chosen-on]
    python benchmarks/chord_recognition.py POP909 --melodies
    python benchmarks/chord_recognition.py POP909 --train chord_network.npz [--steps 3600]

POP909 is the folder of songs (``001/001.mid``, ...). Needs mir_eval (``pip install mir_eval``);
``--train`` needs torch instead. Songs are moved to their annotated beats (as
``analysis_pop909.py`` does), a label a beat. Note that POP909's chords are themselves an
algorithm's.

The network was trained on songs 1-746 whose number ends neither with 0 nor with 1, so that songs
747-829, and those of ``--songs tenth`` (ending with 0), are held out; those up to 746 ending with 1
chose its settings (``--songs chosen-on``). ``--melodies`` gives the network and the harmoniser
the melody alone.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
from analysis_pop909 import on_beats

from cantilena.analysis import chord_slots, find_key, slot_edges
from cantilena.analysis.chords import CELLS
from cantilena.analysis.grid import piano_roll
from cantilena.analysis.recognition import (
    CONTEXT,
    N_LABELS,
    ROOTS,
    SHORTHANDS,
    _rotations,
    beat_evidence,
    beat_labels,
    features,
    label_name,
    sounding_beats,
)
from cantilena.score.harmony import Chord, parse_chord
from cantilena.score.midi import read_midi
from cantilena.score.score import Score
from cantilena.systems.note.harmonising import chord_tone_share, harmonise

FIRST_TEST = 747
SONGS: dict[str, Callable[[int], bool]] = {
    "747-829": lambda number: number >= FIRST_TEST,
    "tenth": lambda number: number % 10 == 0,
    "chosen-on": lambda number: number < FIRST_TEST and number % 10 == 1,
}
"""Which songs are judged: two sets that are held out, and those that settings were chosen on."""
MEASURES = ("root", "majmin", "thirds", "sevenths", "mirex")
ALIKE = {"dim7": "dim", "min6": "min", "minmaj7": "min"}
HARTE = {"": "maj", "m": "min", "7": "7", "maj7": "maj7", "m7": "min7", "dim": "dim"}
HARTE |= {"m7b5": "hdim7", "aug": "aug", "sus4": "sus4"}
MELODY_SHARE = 0.3  # of the training beats, which the network sees with their melody alone
BATCH, RATE, DECAY, HIDDEN = 384, 3e-3, 1e-2, (96, 64)
Labels = list[str]


def harte(number: int) -> str:
    """A reduced chord number in Harte's notation."""
    chord = Chord.from_number(number) if number else None
    return f"{ROOTS[chord.root]}:{HARTE[chord.quality]}" if chord else "N"


def label_number(label: str) -> int:
    """The network's number of a POP909 label."""
    root, _, rest = label.partition(":")
    kind = rest.split("/")[0]
    if not kind:
        return 0
    place = SHORTHANDS.index(ALIKE.get(kind, kind))
    return 1 + len(SHORTHANDS) * parse_chord(root).root + place


def songs(root: Path) -> Iterator[tuple[int, Score, Score, np.ndarray, np.ndarray, Labels]]:
    """Of each song its number, Score on the beats, melody alone, (S + 1,) seconds of beats, and
    (C, 2) seconds and labels of the annotated chords."""
    for folder in sorted(p for p in root.iterdir() if re.fullmatch(r"\d{3}", p.name)):
        score, times = on_beats(read_midi(folder / f"{folder.name}.mid"), folder)
        names = [track.name.upper() for track in score.tracks]
        lead = names.index("MELODY") if "MELODY" in names else 0
        edges = slot_edges(score, "beat")
        seconds = np.interp(edges / score.tpq, np.arange(len(times)), times)
        lines = (folder / "chord_midi.txt").read_text().splitlines()
        rows = [line.split() for line in lines if line.strip()]
        spans = np.array([[float(row[0]), float(row[1])] for row in rows])
        tune = score.select(score.track == lead)
        yield int(folder.name), score, tune, seconds, spans, [row[2] for row in rows]


def always_c(score: Score, edges: np.ndarray) -> Labels:
    return ["C:maj"] * (len(edges) - 1)


def templates(score: Score, edges: np.ndarray) -> Labels:
    """``analysis.chord_slots``: distributions of tones and basses, Viterbi."""
    return [harte(int(number)) for number in chord_slots(score, "beat")[0]]


def network(score: Score, edges: np.ndarray) -> Labels:
    return [label_name(int(number)) for number in beat_labels(score, edges)]


def one_by_one(score: Score, edges: np.ndarray) -> Labels:
    numbers = beat_evidence(score, edges).argmax(1)
    numbers[~sounding_beats(score, edges)] = 0
    return [label_name(int(number)) for number in numbers]


METHODS: dict[str, Callable[[Score, np.ndarray], Labels]] = {
    "always C": always_c,
    "templates, Viterbi": templates,
    "network": one_by_one,
    "network, Viterbi": network,
}


def judge(seconds: np.ndarray, labels: Labels, spans: np.ndarray, truth: Labels) -> np.ndarray:
    """(5,) the ``MEASURES`` of a song, 0-1."""
    import mir_eval

    intervals, labels = mir_eval.util.adjust_intervals(
        np.column_stack([seconds[:-1], seconds[1:]]), labels, spans.min(), spans.max(), "N", "N"
    )
    merged, ref, est = mir_eval.util.merge_labeled_intervals(spans, truth, intervals, labels)
    weights = mir_eval.util.intervals_to_durations(merged)
    return np.array(
        [
            mir_eval.chord.weighted_accuracy(getattr(mir_eval.chord, name)(ref, est), weights)
            for name in MEASURES
        ]
    )


def table(root: Path, which: str, alone: bool) -> None:
    """Prints means over songs, in per cent."""
    rows: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
    for number, score, tune, seconds, spans, truth in songs(root):
        if not SONGS[which](number):
            continue
        heard = tune if alone else score
        edges = slot_edges(score, "beat")[: len(seconds)]
        for name, method in METHODS.items():
            labels = method(heard, slot_edges(heard, "beat") if alone else edges)
            stop = min(len(labels), len(seconds) - 1)
            rows[name].append(judge(seconds[: stop + 1], labels[:stop], spans, truth))
    print(f"{len(rows['always C'])} songs, {'melody alone' if alone else 'all notes'}, per cent")
    print(f"{'':20}" + "".join(f"{name:>10}" for name in MEASURES))
    for name, scores in rows.items():
        print(f"{name:20}" + "".join(f"{100 * x:10.1f}" for x in np.mean(scores, axis=0)))


def melodies(root: Path, first: int = FIRST_TEST) -> None:
    """Prints how the harmoniser's chords explain melodies, beside the songs' own and another's."""
    text = (resources.files("cantilena") / "checkpoints" / "note" / "habits.json").read_text()
    habits, pieces = json.loads(text), []
    for number, _, tune, seconds, spans, truth in songs(root):
        if number < first:
            continue
        key, _ = find_key(tune)
        edges = slot_edges(tune, "half")
        beats = slot_edges(tune, "beat")
        at = np.interp(edges[:-1], beats, seconds[: len(beats)])
        row = np.clip(np.searchsorted(spans[:, 0], at + 0.3, side="right") - 1, 0, len(truth) - 1)
        own = np.array([_reduced(truth[k]) for k in row])
        chosen, _ = harmonise(tune, key, habits) if key else (np.zeros_like(own), edges)
        pieces.append((tune, edges, key, np.where(chosen > 0, own, 0), chosen))
    keys = [key.tonic for _, _, key, _, _ in pieces]
    rows: dict[str, list[tuple[float, ...]]] = {"chosen": [], "the song's own": [], "another's": []}
    for k, (tune, edges, key, own, chosen) in enumerate(pieces):
        other = (k + 1) % len(pieces)
        moved = np.array([_moved(int(n), keys[k] - keys[other]) for n in pieces[other][4]])
        shuffled = np.where(chosen > 0, np.resize(moved[moved > 0], len(chosen)), 0)
        for name, numbers in zip(rows, (chosen, own, shuffled), strict=True):
            some = numbers > 0
            changes = 2 * float(np.mean(np.diff(numbers[some]) != 0))
            tonic = float(np.mean((numbers[some] - 1) // 9 == key.tonic))
            final = (int(numbers[some][-1]) - 1) // 9 == key.tonic
            rows[name].append((chord_tone_share(tune, numbers, edges), changes, tonic, final))
    print(f"{len(pieces)} melodies      chord tones  changes a bar  on the tonic  ends on it")
    for name, values in rows.items():
        share, changes, tonic, final = np.nanmean(np.array(values, dtype=float), axis=0)
        print(f"{name:20}{share:11.3f}{changes:15.2f}{tonic:14.2f}{final:12.2f}")


def _reduced(label: str) -> int:
    """The reduced number of a POP909 label (sus2, sixths and minmaj7 by their kin)."""
    number = label_number(label)
    kinds = {"maj6": "maj", "sus2": "sus4", "sus4(b7)": "sus4"}
    root, _, kind = label_name(number).partition(":")
    symbol = {shown: name for name, shown in HARTE.items()}
    return parse_chord(root + symbol[kinds.get(kind, kind)]).number if kind else 0


def _moved(number: int, semitones: int) -> int:
    return Chord.from_number(number).transposed(semitones).number if number else 0


# ---------------------------------------------------------------------------- training


def train(root: Path, path: Path, steps: int) -> None:
    """Trains the network and writes its weights, in half precision."""
    import torch

    torch.manual_seed(0)
    parts: list[list[np.ndarray]] = [[], [], [], []]
    at = 0
    for number, score, tune, seconds, spans, truth in songs(root):
        if number >= FIRST_TEST or number % 10 < 2:
            continue
        edges = slot_edges(score, "beat")
        rows = [features(piano_roll(one, edges, CELLS["beat"])) for one in (score, tune)]
        middle = (seconds[:-1] + seconds[1:]) / 2
        row = np.clip(np.searchsorted(spans[:, 0], middle, side="right") - 1, 0, len(truth) - 1)
        inside = (middle >= spans[0, 0]) & (middle < spans[-1, 1])
        labels = np.array([label_number(label) for label in truth])[row] * inside
        pad = ((CONTEXT, CONTEXT), (0, 0))
        for part, values in zip(parts, [*(np.pad(r, pad) for r in rows)], strict=False):
            part.append(values)
        parts[2].append(labels)
        parts[3].append(np.arange(len(labels)) + at + CONTEXT)
        at += len(labels) + 2 * CONTEXT
    full, tunes, labels, places = (torch.tensor(np.concatenate(part)) for part in parts)
    rotations, window = torch.tensor(_rotations()), torch.arange(-CONTEXT, CONTEXT + 1)
    sizes = (rotations.shape[1], *HIDDEN, len(SHORTHANDS) + 1)
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(sizes)]
    numbers = [p for layer in layers for p in layer.parameters()]
    optimizer = torch.optim.AdamW(numbers, lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=steps, pct_start=0.1
    )
    random = torch.Generator().manual_seed(1)
    for step in range(steps):
        chosen = torch.randint(len(places), (BATCH,), generator=random)
        around = places[chosen][:, None] + window
        alone = torch.rand(BATCH, generator=random) < MELODY_SHARE
        x = torch.where(alone[:, None], tunes[around].flatten(1), full[around].flatten(1))
        h = x[:, rotations]
        for layer in layers[:-1]:
            h = torch.relu(layer(h))
        out = layers[-1](h)
        logits = torch.cat([out[..., -1].mean(1, keepdim=True), out[..., :-1].flatten(1)], 1)
        assert logits.shape[1] == N_LABELS
        loss = torch.nn.functional.cross_entropy(logits, labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 300 == 0:
            print(step, round(float(loss), 3), flush=True)
    arrays = {}
    for k, layer in enumerate(layers):
        arrays[f"weight{k}"] = layer.weight.detach().numpy().astype(np.float16)
        arrays[f"bias{k}"] = layer.bias.detach().numpy().astype(np.float16)
    np.savez(path, **arrays)


def main() -> None:
    """Reads the command line and prints or trains."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the POP909 folder with folders 001, 002, ...")
    parser.add_argument("--songs", choices=tuple(SONGS), default="747-829")
    parser.add_argument("--melodies", action="store_true")
    parser.add_argument("--train", type=Path, metavar="FILE")
    parser.add_argument("--steps", type=int, default=3600)
    args = parser.parse_args()
    if args.train:
        train(args.folder, args.train, args.steps)
        return
    table(args.folder, args.songs, args.melodies)
    if args.melodies:
        melodies(args.folder)


if __name__ == "__main__":
    main()
