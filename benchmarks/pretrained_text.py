"""What a really pretrained text model changes: the four systems of the text-to-symbolic paper on
SmolLM2-135M, and on a small text model that has seen nothing but captions, at equal budgets.

cantilena data weights smollm2 musicnn
python benchmarks/pretrained_text.py train --data paper --out pretrained [--only smollm2 --seeds 1]
python benchmarks/pretrained_text.py hear --data paper --out pretrained
python benchmarks/pretrained_text.py table --out pretrained
python benchmarks/pretrained_text.py states --data paper

``--data`` is a folder of ``cantilena data paper``. ``train`` pretrains a small music model without
text and a small text model on captions, then trains every run of ``RUNS`` for each seed; killed,
the same command goes on. For each finished run it measures the held-out loss of the music with each
song's own text and with another song's: what the text is worth. ``hear`` has each run write pieces
for the test songs' texts and measures them; ``table`` prints what is there as Markdown and draws
the layer weights and the losses; ``states`` prints how large SmolLM2's states are, layer by layer.
Only the runs that ``--only`` names are touched.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from cantilena.cli import main as cantilena

SMOLLM2, CAPTIONS = "smollm2", "captions"
RUNS: dict[str, tuple[str, str, list[object]]] = {
    "amt-prefix base": ("amt-prefix", "any", ["--layers", "last"]),
    "amt-prefix enhanced": ("amt-prefix", "any", ["--layers", "all"]),
    "amt-prefix normed": ("amt-prefix", "any", ["--layers", "all-normed"]),
    "llama-music Gaussian": ("llama-music", "any", ["--init", "gaussian"]),
    "llama-music AMT": ("llama-music", "any", ["--init", "amt"]),
    "llama-music Gaussian LoRA": ("llama-music", SMOLLM2, ["--init", "gaussian", "--lora", 16]),
    "llama-music AMT LoRA": ("llama-music", SMOLLM2, ["--init", "amt", "--lora", 16]),
}
"""System, text model ("any": both) and options of each; "normed" and LoRA are beyond the paper."""

BUDGET = {"steps": 400, "batch": 16, "context": 64, "warmup": 20}
"""Of every run: 409,600 music tokens, the beginnings of 6,400 chunks. A text says most about how a
piece begins: rows of 256 tokens, of as many tokens in all, taught a small model a tenth of that."""

PRETRAINING = {"music": 900, "captions": 600}
"""Steps of 8 rows of 256 tokens of the two small models."""

RATES = {
    ("amt-prefix", SMOLLM2): 1e-3,
    ("amt-prefix", CAPTIONS): 1e-3,
    ("llama-music", SMOLLM2): 5e-4,
    ("llama-music", CAPTIONS): 1e-3,
}
"""Peak learning rates: what small models take, and half of it for SmolLM2, which is pretrained and
trained itself in llama-music. Not searched: a run takes too long here."""

SECONDS, PIECES, TOKENS = 15, 100, 256
"""Of a piece that are measured; pieces of a run (500 patches of 3 s) unless ``--pieces`` says
otherwise; tokens of a piece."""


def call(*words: object) -> None:
    """One command of Cantilena; ends the script where it does not succeed."""
    print("$ cantilena", *words, flush=True)
    begun = time.monotonic()
    code = cantilena([str(w) for w in words])
    print(f"took {time.monotonic() - begun:.1f} s", flush=True)
    if code:
        raise SystemExit(code)


def budget(
    args: argparse.Namespace, steps: int, batch: int, context: int, warmup: int
) -> list[object]:
    """Options that all trainings share."""
    return [
        *("--data", args.data, "--steps", steps, "--batch", batch, "--accumulate", 1),
        *("--context", context, "--warmup", warmup, "--valid-songs", args.valid),
        *("--valid-every", max(1, steps // 6), "--save-every", max(1, steps // 6)),
        *("--log-every", max(1, steps // 60), "--precision", args.precision),
    ]


def pretrain(args: argparse.Namespace, out: Path) -> None:
    """The small music model, and the small text model of the captions."""
    for kind, system, name in (("music", "amt", "music"), ("text", "text", CAPTIONS)):
        start = out / f"{name}-0"
        if not (start / "config.json").is_file():
            data = ["--data", args.data] if kind == "text" else []
            call("init", kind, "-o", start, "--size", "mini", *data)
        if not (out / name / "model" / "card.json").is_file():
            steps = PRETRAINING[name]
            words = ["--system", system, "--recipe", f"small-{system}", f"--{kind}-model", start]
            call("finetune", *words, "--out", out / name, *budget(args, steps, 8, 256, steps // 20))


def runs(args: argparse.Namespace, out: Path) -> list[tuple[str, str, int, Path]]:
    """(run, text model, seed, folder) of all that are to be touched, cheap ones and first seeds
    first."""
    rows = []
    for seed in range(args.seeds):
        for text in (CAPTIONS, SMOLLM2):
            for name, (_, only, _) in RUNS.items():
                folder = out / f"{name.replace(' ', '-').lower()}-{text}-{seed}"
                wanted = not args.only or any(w in folder.name for w in args.only)
                if only in ("any", text) and wanted:
                    rows.append((name, text, seed, folder))
    return rows


def train(args: argparse.Namespace) -> None:
    """Every run, each in a folder of its own, and what its text is worth."""
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    pretrain(args, out)
    for name, text, seed, folder in runs(args, out):
        system, _, options = RUNS[name]
        if not (folder / "model" / "card.json").is_file():
            words: list[object] = ["--system", system, "--recipe", f"small-{system}", *options]
            if system == "amt-prefix":
                words += ["--states", out / f"states-{text}"]
            words += ["--text-model", text if text == SMOLLM2 else out / text]
            words += ["--music-model", out / "music", "--out", folder, "--seed", seed]
            words += ["--rate", args.rate or RATES[system, text]]
            sizes = budget(args, args.steps, args.batch, args.context, BUDGET["warmup"])
            call("finetune", *words, *sizes)
        if not (folder / "text-worth.json").is_file():
            worth = text_worth(folder, args)
            (folder / "text-worth.json").write_text(json.dumps(worth) + "\n", encoding="utf-8")
            print(folder.name, worth, flush=True)


def text_worth(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """Held-out nats a music token with each song's ``own`` text and with ``other`` songs'. The
    other text is that of the song half the list away, where it differs."""
    import torch

    from cantilena.data.paper.reader import PaperData
    from cantilena.models.tuned import IGNORED
    from cantilena.systems.trainable import trainable
    from cantilena.train.run import Run
    from cantilena.train.tuned.examples import PaperExamples

    recipe = Run(folder).recipe()
    assert recipe is not None
    recipe = recipe.changed(start=str(folder), lora=0)
    one = trainable(recipe.system)
    model, tokenizer = one.build(recipe)
    model.eval()
    collate = one.collators(recipe, model, tokenizer)[1]
    songs = PaperExamples(PaperData(args.data, "valid", first=args.valid).load())
    examples = [songs.example(i) for i in range(len(songs))]
    offset = getattr(model, "offset", 0)
    totals: dict[str, float] = defaultdict(float)
    tokens = 0
    for k, example in enumerate(examples):
        away = examples[(k + len(examples) // 2) % len(examples) :] + examples
        other = next(e["text"] for e in away if e["text"] != example["text"])
        for which, text in (("own", example["text"]), ("other", other)):
            batch = dict(collate([{**example, "text": text}]))
            labels = batch["labels"]
            batch["labels"] = labels.masked_fill(labels < offset, IGNORED)
            count = int((batch["labels"] != IGNORED).sum())
            with torch.no_grad():
                totals[which] += float(model(**batch)["loss"]) * count
            tokens += count if which == "own" else 0
    return {**{which: total / tokens for which, total in totals.items()}, "tokens": tokens}


def hear(args: argparse.Namespace) -> None:
    """Pieces of every finished run for the test songs' texts, and their measures in one table."""
    out = Path(args.out)
    references = Path(args.data) / "references.jsonl"
    options: list[object] = []
    for name, _, _, folder in runs(args, out):
        if not (folder / "text-worth.json").is_file():
            continue
        pieces = out / "pieces" / folder.name
        words = ["--system", RUNS[name][0], "--checkpoint", folder, "--prompts", references]
        call("generate", *words, "--tokens", TOKENS, "--n", args.pieces, "-o", pieces)
    for pieces in sorted((out / "pieces").iterdir()):  # those of other runs are measured again too
        options += ["--system", f"{pieces.name}={pieces}"]
    words = ["--references", references, "--n", args.pieces, "--seconds", SECONDS, *options]
    for embedder in ("musicnn", "chroma"):
        words += ["--embedder", embedder]
    call("evaluate", "table3", *words, "-o", out / "evaluation", "--workers", 2)


# ------------------------------------------------------------------ tables and pictures

MEASURES: dict[str, tuple[str, str, int]] = {
    "musicnn Frechet distance": ("distances", "musicnn", 1),
    "chroma-rhythm Frechet distance": ("distances", "chroma", 3),
    "instruments asked for heard, %": ("control", "instrument_recall", 1),
    "heard ones asked for, %": ("control", "instrument_precision", 1),
    "key, %": ("control", "key", 1),
    "tempo bin, %": ("control", "tempo_bin", 1),
}
"""Columns of a run's pieces: where they stand in table3.json, and digits."""


def measure(row: dict[str, Any], kind: str, name: str) -> float | None:
    """One of ``MEASURES`` of a row of table3.json; None where it was not measured."""
    entry = row.get(kind, {}).get(name)
    if entry is None:
        return None
    return entry.get("frechet") if kind == "distances" else 100 * entry["mean"]


def spread(values: list[float], digits: int) -> str:
    """Mean and standard deviation over seeds."""
    if not values:
        return "-"
    apart = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{apart}"


def table(args: argparse.Namespace) -> None:
    """Prints every finished run by system and text model, means over seeds, and draws pictures."""
    out = Path(args.out)
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    path = out / "evaluation" / "table3.json"
    measured: dict[str, Any] = {"rows": []}
    if path.is_file():
        measured = json.loads(path.read_text(encoding="utf-8"))
    by_name = {row["system"]: row for row in measured["rows"]}
    for name, text, _, folder in runs(args, out):
        if not (folder / "text-worth.json").is_file():
            continue
        card = json.loads((folder / "model" / "card.json").read_text(encoding="utf-8"))
        worth = json.loads((folder / "text-worth.json").read_text(encoding="utf-8"))
        trained = sum(p["trainable"] for p in card["training"]["parameters"].values())
        row = {"trained": trained, **worth, "folder": folder, **by_name.get(folder.name, {})}
        rows[name, text].append(row)
    print("| system | text model | seeds | trained | held-out loss | a text's worth |")
    print("|---|---|---:|---:|---:|---:|")
    for (name, text), some in rows.items():
        own = [row["own"] for row in some]
        gain = [row["other"] - row["own"] for row in some]
        cells = [name, text, str(len(some)), f"{some[0]['trained']:,}"]
        print(f"| {' | '.join([*cells, spread(own, 4), spread(gain, 4)])} |")
    if by_name:
        print(f"\n| system | text model | {' | '.join(MEASURES)} |")
        print(f"|---|---|{'---:|' * len(MEASURES)}")
        truth = by_name["ground truth"]
        every = {("ground truth", "-"): [truth], **rows}
        for (name, text), some in every.items():
            cells = [name, text]
            for kind, entry, digits in MEASURES.values():
                values = [measure(row, kind, entry) for row in some]
                cells.append(spread([v for v in values if v is not None], digits))
            print(f"| {' | '.join(cells)} |")
        for embedder in measured["embedders"].values():
            floor = embedder["floor"]
            print(f"\n{embedder['name']}, halves of the references: {floor['frechet']['mean']:.4g}")
    for (name, text), some in rows.items():
        if "enhanced" in name or "normed" in name:
            folder = some[0]["folder"]
            call("layers", folder, "-o", out / f"layers-{name.split()[-1]}-{text}.png")
    firsts = [some[0]["folder"] for some in rows.values()]
    if firsts:
        call("plot", *firsts, "-o", out / "losses.png")


def states(args: argparse.Namespace) -> None:
    """Prints the largest and the median size of SmolLM2's states by layer, over 20 captions."""
    import torch

    from cantilena.models.encoders import text_encoder

    encoder = text_encoder(SMOLLM2)
    lines = (Path(args.data) / "references.jsonl").read_text(encoding="utf-8").split("\n")
    sizes = [
        encoder.encode([json.loads(line)["text"]]).states[:, 0].abs() for line in lines[:20]
    ]  # (L, T, D) each
    largest = torch.stack([torch.amax(each, (1, 2)) for each in sizes]).mean(0)
    median = torch.stack([torch.quantile(each.flatten(1), 0.5, dim=1) for each in sizes]).mean(0)
    first = sum(int(each.amax(-1).argmax(-1)[15]) == 0 for each in sizes)
    print("| layer | largest | median |")
    print("|---|---:|---:|")
    for k, (most, middle) in enumerate(zip(largest.tolist(), median.tolist(), strict=True)):
        print(f"| {k or 'embedding'} | {most:.1f} | {middle:.2f} |")
    print(f"\nIn layer 15 the first token has the largest in {first} of {len(sizes)} captions.")


def main() -> None:
    """One of the jobs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=("train", "hear", "table", "states"))
    parser.add_argument("--data", default="paper")
    parser.add_argument("--out", default="pretrained")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", metavar="PART", help="of the runs' folder names")
    parser.add_argument("--valid", type=int, default=60, help="songs held out")
    for name in ("steps", "batch", "context"):
        parser.add_argument(f"--{name}", type=int, default=BUDGET[name])
    parser.add_argument("--pieces", type=int, default=PIECES, help="of a run that are heard")
    parser.add_argument("--rate", type=float, help="in place of ``RATES``")
    parser.add_argument("--precision", default="auto", help="auto, bfloat16 or float32")
    args = parser.parse_args()
    {"train": train, "hear": hear, "table": table, "states": states}[args.job](args)


if __name__ == "__main__":
    main()
