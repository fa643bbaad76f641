"""What 8-bit weights cost, in bits per note: the shipped engine against torch at full precision.

    python benchmarks/eight_bit.py CHECKPOINT DATA [--windows 24]

Both read the same held-out windows of 512 notes with all conditions, the true notes given.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from cantilena.data.dataset import load_split
from cantilena.systems.note.engine import Engine
from cantilena.systems.note.torch_engine import TorchEngine
from cantilena.tokens.note import FIELDS, NoteScheme
from cantilena.train.note.crops import FULL
from cantilena.train.note.held import bits, engine_bits, fixed_batches


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("data")
    parser.add_argument("--windows", type=int, default=24)
    args = parser.parse_args()
    engine = Engine(args.checkpoint)
    songs = load_split(args.data, "test", corpora=["lakh"])
    crop = replace(FULL, length=512)
    scheme = NoteScheme.from_dict(engine.card["scheme"])
    batches = fixed_batches(songs, scheme, crop, args.windows, 8)
    network = TorchEngine(args.checkpoint, device="cpu").network
    rows = {
        "float32": bits(network, batches, precision="float32"),
        "8-bit": engine_bits(engine, batches),
    }
    print("| bits per note | " + " | ".join(FIELDS) + " | all |\n|---|" + "---|" * 6)
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{row[f]:.3f}" for f in (*FIELDS, "all")) + " |")


if __name__ == "__main__":
    main()
