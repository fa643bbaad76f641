"""What 8-bit weights cost, in bits per note: the shipped engine against torch at full precision.

    python benchmarks/eight_bit.py CHECKPOINT DATA [--windows 24]

Both read the same held-out windows of 512 notes with all conditions, the true notes given.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from cantilena.data.dataset import load_split
from cantilena.models.step_lm import StepConfig, StepLM
from cantilena.systems.note.engine import Engine
from cantilena.tokens.note import FIELDS, NoteScheme
from cantilena.train.note.crops import FULL
from cantilena.train.note.loop import fixed_batches, tensors


def engine_bits(engine: Engine, batches: list[dict]) -> np.ndarray:
    """(5,) bits per note of each field by the engine, position by position."""
    total, notes = np.zeros(5), 0.0
    for batch in batches:
        prefix, everywhere = engine.prefix(batch["scalars"], batch["slots"], batch["words"])
        x = engine.embed("state", batch["state"]) + everywhere[:, None]
        session = engine.session(len(x))
        for t in range(x.shape[1]):
            new = np.concatenate([prefix, x[:, :1]], axis=1) if t == 0 else x[:, t : t + 1]
            c = session.run(new)
            fields = batch["fields"][:, t]
            for k, head in enumerate(engine.heads):
                logits = head(c)
                top = logits.max(-1, keepdims=True)
                log_sum = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
                nll = log_sum - logits[np.arange(len(c)), fields[:, k]]
                total[k] += (nll * batch["mask"][:, t, k]).sum() / np.log(2)
                if k < 4:
                    c = c + engine.chosen[k][fields[:, k]]
                if k == 0:
                    c = c + engine.embed("at_onset", batch["at_onset"][:, t])
                if k == 1:
                    c = c + engine.embed("at_instrument", batch["at_instrument"][:, t])
        notes += float(batch["mask"][..., 1].sum())
    return total / notes


def torch_bits(folder: Path, engine: Engine, batches: list[dict]) -> np.ndarray:
    """(5,) bits per note of each field by torch in float32."""
    model = StepLM(StepConfig.from_dict(engine.model))
    model.load_state_dict(
        {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    )
    total, notes = np.zeros(5), 0.0
    with torch.no_grad():
        for batch in batches:
            *inputs, mask = tensors(batch)
            total += (model(*inputs) * mask).sum((0, 1)).numpy() / np.log(2)
            notes += float(mask[..., 1].sum())
    return total / notes


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("data")
    parser.add_argument("--windows", type=int, default=24)
    args = parser.parse_args()
    engine = Engine(args.checkpoint)
    held = load_split(args.data, "test", corpora=["lakh"])
    crop = replace(FULL, length=512)
    batches = fixed_batches(
        held, NoteScheme.from_dict(engine.card["scheme"]), crop, args.windows, 8
    )
    print("| bits per note | " + " | ".join(FIELDS) + " | all |\n|---|" + "---|" * 6)
    found = {
        "float32": torch_bits(Path(args.checkpoint), engine, batches),
        "8-bit": engine_bits(engine, batches),
    }
    for name, each in found.items():
        cells = " | ".join(f"{b:.3f}" for b in [*each, each.sum()])
        print(f"| {name} | {cells} |")


if __name__ == "__main__":
    main()
