"""Does a text say anything to a frozen SymphonyNet, and through which context layers?

VIVYNet's question: one state of a text has to become many rows. A bridge of each kind is trained on
the same windows for the same number of updates; held out, the bits a row of each field under the
window's own text are compared with those under the texts of other windows, and under none. The
last row is VIVYNet's fault: its cross-attention was random and frozen with the rest.

    python benchmarks/text_into_symphony.py MUSIC DATA --steps 250 --seeds 2 -o results.jsonl

MUSIC is a checkpoint of ``cantilena train --system symphony``; DATA a folder of ``cantilena data
build``. Results go to the file line by line; what stands there is not done again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cantilena.data.dataset import load_split
from cantilena.models.symphony import PAD, nats
from cantilena.systems.symphony.examples import RowBatches, Windows, row_pieces
from cantilena.systems.symphony.training import FIELDS, MIXES, BertSymphonyTraining, bert_recipe

FAULT = "transformer, cross-attention random and frozen"
ROWS: dict[str, dict[str, Any]] = {
    "linear": {"kind": "linear"},
    "transformer": {"kind": "transformer"},
    "queries, 1 vector": {"kind": "queries", "memory": 1},
    "queries, 4 vectors": {"kind": "queries", "memory": 4},
    "queries, 16 vectors": {"kind": "queries", "memory": 16},
    FAULT: {"kind": "transformer"},
}
"""The rows of the table, with the options of each."""
SHIFTS = (1, 3)  # whose text stands for another's: of the windows so many places before
TRAINING = BertSymphonyTraining()


def build(recipe: Any, name: str) -> Any:
    """The model of a row of the table."""
    torch.manual_seed(recipe.settings.seed)
    model: Any = TRAINING.build(recipe)[0]
    if name == FAULT:
        model.bridge.entry.requires_grad_(False)
        for branch in model.bridge.entry.branches:
            branch.gate.data.fill_(1.0)
    return model


def train(model: Any, recipe: Any, batches: RowBatches) -> float:
    """Trains what is to be trained; gives the CPU seconds."""
    settings = recipe.settings
    (optimiser,) = TRAINING.optimisers(model, recipe)
    model.train()
    start = time.process_time()
    for step in range(settings.steps):
        share = min(1.0, (step + 1) / settings.warmup, 2 * (settings.steps - step) / settings.steps)
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * share
        batch = {k: torch.as_tensor(x) for k, x in batches.draw(step, settings.batch).items()}
        loss, _ = TRAINING.loss(model, batch)
        loss.backward()
        for group in optimiser.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], settings.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return time.process_time() - start


@torch.no_grad()
def bits(model: Any, windows: Sequence[dict[str, Any]], shift: int | None) -> np.ndarray:
    """(windows, fields) bits a row, under a window's own text (``shift`` 0), that of the window
    ``shift`` places before, or none."""
    model.eval()
    rows = []
    for n, window in enumerate(windows):
        batch = {k: torch.as_tensor(x) for k, x in window.items()}
        text = () if shift is None else _text(windows[n - shift])
        spent = nats(model(batch["rows"], *text), batch["targets"])
        count = int((batch["targets"][..., 0] != PAD).sum())
        rows.append(spent.double().numpy() / count / math.log(2))
    return np.array(rows)


def _text(window: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    return window["text_states"].float(), window["text_mask"]


def measured(model: Any, windows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Bits a row by field under the own text, and how many more under another's and under none,
    with the standard error over windows of the first difference."""
    own, alone = bits(model, windows, 0), bits(model, windows, None)
    other = np.mean([bits(model, windows, shift) for shift in SHIFTS], axis=0)
    gain = (other - own).sum(1)
    fields = zip(FIELDS, (other - own).mean(0).tolist(), strict=True)
    return {
        "row": float(own.sum(1).mean()),
        "another's": float(gain.mean()),
        "error": float(gain.std(ddof=1) / math.sqrt(len(gain))),
        "none": float((alone - own).sum(1).mean()),
        **{f"another's, {field}": value for field, value in fields},
    }


def table(results: Sequence[dict[str, Any]]) -> str:
    """The results as Markdown, means over seeds with the range in brackets."""
    names = ["row", "none", "another's", *(f"another's, {field}" for field in FIELDS)]
    heads = ["bits a row", "+ none", "+ another's", *FIELDS]
    lines = [
        "| context | trained | " + " | ".join(heads) + " |",
        "|---|" + "---:|" * (len(heads) + 1),
    ]
    for name in ROWS:
        own = [r for r in results if r["name"] == name]
        if not own:
            continue
        cells = []
        for key in names:
            values = [r[key] for r in own]
            spread = f" [{min(values):.3f}, {max(values):.3f}]" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{spread if key in names[:3] else ''}")
        lines.append(f"| {name} | {own[0]['parameters']:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Trains and measures what is missing, then prints the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("music")
    parser.add_argument("data")
    parser.add_argument("--corpora", default="lakh")
    parser.add_argument("--songs", type=int, default=200)
    parser.add_argument("--held-out", type=int, default=64)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--text", default="hashed")
    parser.add_argument("--mix", choices=MIXES, default="last", help="which layers of it are read")
    parser.add_argument("--states", default="")
    parser.add_argument("--only", default="", help="rows of the table, with ; between")
    parser.add_argument("-o", "--output", default="text_into_symphony.jsonl")
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = Path(args.output)
    results = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    reading = (args.text, args.mix, args.steps)
    done = {(r["name"], r["seed"], *_reading(r)) for r in results}
    only = [name.strip() for name in args.only.split(";") if name.strip()] or list(ROWS)
    wanted = [(name, seed) for seed in range(args.seeds) for name in only]
    wanted = [w for w in wanted if (*w, *reading) not in done]
    recipe = bert_recipe(
        music=args.music,
        text=args.text,
        mix=args.mix,
        states=args.states,
        context=args.context,
        context_width=64,
        heads=4,
        steps=args.steps,
        batch=args.batch,
        rate=args.rate,
    )
    if wanted:
        results += run(args, recipe, wanted, path)
    print(table([r for r in results if _reading(r) == reading]))


def _reading(result: dict[str, Any]) -> tuple[str, str, int]:
    """Text model, layers of it that are read, and steps of a result."""
    return result["text"], result.get("mix", "last"), result["steps"]


def run(args: Any, recipe: Any, wanted: Sequence[tuple[str, int]], path: Path) -> list[dict]:
    """Trains and measures some rows of the table, each written to the file once it is done."""
    from cantilena.systems.symphony.training import music_of
    from cantilena.tokens.symphony import SymphonyScheme

    vocabulary = SymphonyScheme.from_dict(dict(music_of(recipe).card["scheme"])).vocabulary
    config = music_of(recipe).model
    positions = (config["relative"], config["measures"])
    corpora, encoder = args.corpora.split(","), TRAINING.encoder(recipe)

    def read(texts: Sequence[str]) -> tuple[Any, Any]:
        states = encoder.encode(texts)
        return states.states, states.mask

    pieces = {
        split: row_pieces(load_split(args.data, split, corpora), vocabulary, most)
        for split, most in (("train", args.songs), ("valid", args.held_out))
    }
    windows = {k: Windows(p, vocabulary, args.context, positions) for k, p in pieces.items()}
    held_out = RowBatches(windows["valid"], 0, read).fixed(1, args.held_out)
    results = []
    for name, seed in wanted:
        own = recipe.changed(**ROWS[name], seed=seed)
        model = build(own, name)
        spent = train(model, own, RowBatches(windows["train"], seed, read, own.options.drop))
        count = sum(p.numel() for p in model.parameters() if p.requires_grad)
        about = {
            "name": name,
            "seed": seed,
            "text": args.text,
            "mix": args.mix,
            "steps": args.steps,
        }
        result = {**about, "parameters": count, "seconds": spent, **measured(model, held_out)}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
        gain = result["another's"]
        print(f"{name}, seed {seed}: {spent:.0f} s, {gain:+.4f} bits a row", flush=True)
        results.append(result)
    return results


if __name__ == "__main__":
    main()
