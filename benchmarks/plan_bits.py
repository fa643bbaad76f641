"""What a plan of the piece tells a note model: held-out bits per note with and without it.

python benchmarks/plan_bits.py DATA [--checkpoint DIR] [--windows 64] [--split test]

The first table is by field, the second by what the bar that a note lies in takes up, of all parts
and of each role's: bits of instrument, pitch, duration and velocity, without and with the plan. All
conditions are given.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np

from cantilena.data.dataset import load_split
from cantilena.systems.note.engine import Engine
from cantilena.tokens.note import FIELDS, NoteScheme, agenda
from cantilena.tokens.note.outline import EXACT, MEANINGS, NEW, RHYTHM, VARIED
from cantilena.train.note.crops import FULL
from cantilena.train.note.held import Batch, fixed_batches, step_nats

KINDS = (NEW, EXACT, VARIED, RHYTHM)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--windows", type=int, default=64)
    args = parser.parse_args()
    shipped = resources.files("cantilena") / "checkpoints" / "note"
    engine = Engine(args.checkpoint or Path(str(shipped)))
    songs = load_split(args.data, args.split, corpora=("lakh",))
    crop = replace(FULL, plan=True)
    batches = fixed_batches(songs, NoteScheme(), crop, args.windows, 4)
    rows = {
        "without a plan": [step_nats(engine, without_plan(b)) / np.log(2) for b in batches],
        "with it": [step_nats(engine, b) / np.log(2) for b in batches],
    }
    mask = np.concatenate([b["mask"].reshape(-1, len(FIELDS)) for b in batches])
    letters = np.concatenate([_letters(b) for b in batches])
    is_note, notes = mask[:, 1] > 0, mask[:, 1].sum()
    print(f"| bits per note | {' | '.join(FIELDS)} | all |\n|---|{'---:|' * (len(FIELDS) + 1)}")
    bits = {name: np.concatenate(each) * mask for name, each in rows.items()}
    for name, values in bits.items():
        each = values.sum(0) / notes
        print(f"| {name} | " + " | ".join(f"{x:.3f}" for x in (*each, each.sum())) + " |")
    print(f"\n| bar | notes | {' | '.join(bits)} | saved |\n|---|---:|---:|---:|---:|")
    for kind in KINDS:
        numbers = [n for n, (one, _) in enumerate(MEANINGS) if one == kind]
        chosen = is_note & np.isin(letters, numbers)
        without, with_it = (v[chosen, 1:].sum() / chosen.sum() for v in bits.values())
        share = chosen.sum() / is_note.sum()
        saved = 1 - with_it / without
        print(f"| {kind} | {share:.0%} | {without:.3f} | {with_it:.3f} | {saved:.0%} |")


def without_plan(batch: Batch) -> Batch:
    """The batch without what it knows of a plan."""
    return {name: values for name, values in batch.items() if not name.startswith("plan_")}


def _letters(batch: Batch) -> np.ndarray:
    """(steps,) what the bar of each step's part takes up."""
    column = list(agenda.AT_INSTRUMENT).index("letter")
    return batch["plan_at_instrument"][..., column].ravel()


if __name__ == "__main__":
    main()
