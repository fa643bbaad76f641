"""Does the note model hear where bars begin? Likelihood of songs under bar lines that are moved.

    python benchmarks/aligned_metre.py --data DATA [--corpora lakh] [--songs 40]

DATA is a data set of ``cantilena data build``. Of each song in 4/4 twelve bars are read four times
by the frozen shipped note model: with the bar lines where they are, and one, two and three beats
later. The lines under which the notes of the last seven bars are likeliest (by then every echo of
four bars is there under all) are taken for the song's. As the notes are the same each time, this is
what the model knows of metre by itself. Beside it stand:

- given: lines that a file gives, moved by none to three beats at random, are right for a quarter;
- long notes: the lines on which the longest notes begin, by their sum of lengths;
- many notes: the lines on which most notes begin.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch

from cantilena.data.dataset import load_split
from cantilena.models.step_aligned import CrossSteps
from cantilena.systems.aligned.base import open_base
from cantilena.systems.aligned.examples import conditions_of, plain_frame, target_arrays
from cantilena.systems.note.torch_engine import load_network
from cantilena.tokens.note import GRID, NoteScheme

SCHEME = NoteScheme()
BARS, JUDGED_FROM = 12, 5
BEATS, BAR = 4, 4 * GRID
FEWEST, MOST = 64, 480  # notes of the twelve bars
SHIFTS = range(BEATS)


def pieces(songs: Any, count: int) -> list[tuple[np.ndarray, float, int]]:
    """Note tables of twelve bars of 4/4, from tick 0, their tempo, and how long the songs are."""
    out = []
    for i in np.random.default_rng(5).permutation(len(songs)).tolist():
        bars, meta = songs.bars(i), songs.meta(i)
        if len(bars) < BARS + 9 or tuple(meta["metre"]) != (4, 4):
            continue
        first, stop = int(bars[4]), int(bars[4 + BARS])
        if stop - first != BARS * BAR:
            continue
        table = songs.table(i)
        part = table[(table[:, 0] >= first) & (table[:, 0] < stop)].copy()
        if not FEWEST <= len(part) <= MOST:
            continue
        part[:, 0] -= first
        out.append((part, float(meta["bpm"]), len(bars) - 1))
        if len(out) == count:
            break
    return out


def bits(model: CrossSteps, piece: tuple[np.ndarray, float, int], shift: int) -> float:
    """Bits a note of the judged bars, when bars begin ``shift`` beats later than they do."""
    table, bpm, count = piece
    lines = np.arange(BARS + 2) * BAR - BAR + shift * GRID
    front = conditions_of(table, bpm, (4, 4), count)
    arrays = target_arrays(table, plain_frame(lines), front, 2 * len(table) + BARS * BEATS)
    target = {name: torch.as_tensor(values)[None] for name, values in arrays.items()}
    with torch.inference_mode():
        nats = model(target, None)[0].numpy()
    # what is predicted at a step is a note behind the last one's tick
    judged = arrays["ticks"] >= JUDGED_FROM * BAR
    mask = arrays["mask"] * judged[:, None]
    return float((nats * mask).sum() / mask[:, 1].sum() / np.log(2))


def by_notes(table: np.ndarray, long: bool) -> int:
    """The shift whose downbeats have most notes, or the longest ones."""
    weight = np.array(SCHEME.durations)[table[:, 3]] if long else np.ones(len(table))
    on_beat = table[:, 0] % GRID == 0
    beat = table[on_beat, 0] // GRID % BEATS
    return int(np.bincount(beat, weight[on_beat], minlength=BEATS).argmax())


def main() -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--corpora", default="lakh", metavar="LIST")
    parser.add_argument("--songs", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = CrossSteps(load_network(open_base()))
    rows = pieces(load_split(args.data, "test", args.corpora.split(",")), args.songs)
    table = np.array([[bits(model, piece, shift) for shift in SHIFTS] for piece in rows])
    guesses = {
        "likelihood": table.argmin(1),
        "long notes": np.array([by_notes(piece[0], True) for piece in rows]),
        "many notes": np.array([by_notes(piece[0], False) for piece in rows]),
    }
    print(f"{len(rows)} songs; share whose bar lines are right, two beats off, one or three off")
    print(f"{'given, moved at random':24}{0.25:8.2f}{0.25:8.2f}{0.5:8.2f}")
    for name, guess in guesses.items():
        shares = [np.mean(guess == 0), np.mean(guess == 2), np.mean(guess % 2 == 1)]
        print(f"{name:24}" + "".join(f"{share:8.2f}" for share in shares))
    more = table[:, 1:] - table[:, :1]
    mean, error = more.mean(0), more.std(0, ddof=1) / np.sqrt(len(more))
    cells = "   ".join(f"{m:.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True))
    print(f"bits a note {table[:, 0].mean():.3f}; more when lines are 1, 2, 3 beats late: {cells}")


if __name__ == "__main__":
    main()
