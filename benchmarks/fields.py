"""Which fields and features of the note scheme are worth their place, by held-out bits per note.

    python benchmarks/fields.py DATA [--notes 500000]

Trains the same small model (width 128, 2 layers) once for each variant on the same windows and
prints bits per note on the valid split. Variants take features away or write the onset another
way; what a variant leaves out is set to "none", so that sizes stay equal. Quantisation variants
(velocity and duration classes) change what is said, so they are shown with what they lose.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
import torch

from cantilena.data.dataset import load_split
from cantilena.models.step_lm import StepLM
from cantilena.systems.note.training import NoteTraining, note_config, note_recipe, stack
from cantilena.tokens.note import FIELDS, NoteScheme, context
from cantilena.train.note.crops import FULL, Crops
from cantilena.train.note.held import bits, fixed_batches

MEMORY = ("pitch1", "pitch2", "pitch3", "since", "duration1", "velocity1")
STATE, INSTRUMENT = list(context.STATE), list(context.AT_INSTRUMENT)
VARIANTS: dict[str, dict] = {
    "relative onset, nothing else": {"state": ("echo",), "instrument": ("echo", *MEMORY)},
    "+ memory of the instrument": {"state": ("echo",), "instrument": ("echo",)},
    "+ echo of 1 bar ago": {"state": ("echo1",), "instrument": ("echo1",)},
    "+ echo of 4 bars ago (the scheme)": {},
    "the scheme, without position in the bar": {"state": ("position", "phrase"), "onset": True},
    "the scheme, bar-and-position onset": {"bar_position": True},
    "the scheme, trained by AdamW alone": {"adamw": True},
}


def blanked(batch: dict, variant: dict) -> dict:
    """The batch without the features the variant leaves out."""
    batch = dict(batch)
    for part, names, sizes, drops in (
        ("state", STATE, context.STATE, variant.get("state", ())),
        ("at_instrument", INSTRUMENT, context.AT_INSTRUMENT, variant.get("instrument", ())),
    ):
        array = batch[part].copy()
        for k, name in enumerate(names):
            if any(name.startswith(d) for d in drops):
                array[..., k] = sizes[name] - 1
        batch[part] = array
    if variant.get("onset"):
        array = batch["at_onset"].copy()
        array[..., 0] = context.POSITIONS - 1
        batch["at_onset"] = array
    if variant.get("bar_position"):
        batch["fields"] = bar_position(batch)
    return batch


def bar_position(batch: dict) -> np.ndarray:
    """Fields with the onset as position in the bar, plus 193 where the bar is a new one."""
    fields = batch["fields"].copy()
    then = batch["at_onset"][..., 0]
    now = batch["state"][..., STATE.index("position")] % (context.POSITIONS - 1)
    new_bar = (fields[..., 0] > 0) & (then <= now)
    special = fields[..., 0] >= NoteScheme().rest
    placed = then + context.POSITIONS * new_bar
    fields[..., 0] = np.where(special, 2 * context.POSITIONS + fields[..., 0] - 192, placed)
    return fields


def run(variant: dict, train, valid, notes: float, batch: int = 8) -> dict:
    """Bits per note of a variant."""
    scheme = NoteScheme()
    recipe = note_recipe().changed(notes=notes, warmup=notes / 8, decay=0.4, rate=3e-3)
    config = recipe.settings
    sizes = note_config(width=128, layers=2, heads=2, hidden=352, head_hidden=128)
    if variant.get("bar_position"):
        sizes = replace(sizes, fields=(2 * context.POSITIONS + 2, *sizes.fields[1:]))
    torch.manual_seed(0)
    model = StepLM(sizes)
    steppers = NoteTraining().optimisers(model, recipe)
    if variant.get("adamw"):
        steppers = [torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98))]
    crop = replace(FULL, length=512, nothing=1.0, transpose=True)
    crops, seen, step = Crops(train, scheme, crop), 0, 0
    while seen < notes:
        rng = np.random.default_rng([1, step])
        examples = blanked(stack([crops.draw(rng) for _ in range(batch)]), variant)
        scale = min(1.0, seen / config.warmup, max(0.02, (notes - seen) / (0.4 * notes)))
        for stepper in steppers:
            for group in stepper.param_groups:
                group["lr"] = config.rate * max(scale, 0.02)
        arrays = ("scalars", "slots", "words", "state", "fields", "at_onset", "at_instrument")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            nll = model(*(torch.from_numpy(examples[name]) for name in arrays))
        mask = torch.from_numpy(examples["mask"])
        ((nll * mask).sum() / mask[..., 1].sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        seen += int(examples["mask"][..., 1].sum())
        step += 1
    batches = fixed_batches(valid, scheme, replace(crop, transpose=False), 64, 16)
    return bits(model, [blanked(b, variant) for b in batches])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--notes", type=float, default=5e5)
    args = parser.parse_args()
    train = load_split(args.data, "train", corpora=["lakh"])
    valid = load_split(args.data, "valid", corpora=["lakh"])
    print(f"| bits per note, {args.notes / 1e6:g} M notes | " + " | ".join(FIELDS) + " | all | s |")
    print("|---|" + "---|" * 7)
    for name, variant in VARIANTS.items():
        start = time.monotonic()
        losses = run(variant, train, valid, args.notes)
        row = [f"{losses[f]:.2f}" for f in (*FIELDS, "all")]
        took = f"{time.monotonic() - start:.0f}"
        print(f"| {name} | " + " | ".join(row) + f" | {took} |", flush=True)


if __name__ == "__main__":
    main()
