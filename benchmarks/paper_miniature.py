"""The text-to-symbolic paper's two questions in miniature: does a music model or a text model make
the better start, and do its two tricks (weights of all layers, AMT's embeddings as a start) help?

python benchmarks/paper_miniature.py --data paper --out miniature [--quick]

``--data`` is a folder of ``cantilena data paper``. A small music model is pretrained without text
and a small text model on captions; then the four systems are trained with equal budgets over
``--seeds`` seeds, and each run writes ``--pieces`` pieces for the test songs' texts, which are
measured. Killed, the same command goes on. Prints a Markdown table and writes it with the figures
as JSON into ``--out``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from cantilena.cli import main as cantilena
from cantilena.systems.trainable import recipe as recipe_of

BEGUN = time.monotonic()
SYSTEMS = {
    "amt-prefix, base": ("amt-prefix", ["--layers", "last"]),
    "amt-prefix, enhanced": ("amt-prefix", ["--layers", "all"]),
    "llama-music, Gaussian": ("llama-music", ["--init", "gaussian"]),
    "llama-music, from AMT": ("llama-music", ["--init", "amt"]),
}


def call(*words: object) -> None:
    """One command of Cantilena; ends the script where it does not succeed."""
    print("$ cantilena", *words, flush=True)
    begun = time.monotonic()
    code = cantilena([str(w) for w in words])
    print(f"took {time.monotonic() - begun:.1f} s", flush=True)
    if code:
        raise SystemExit(code)


def sizes(args: argparse.Namespace) -> dict[str, Any]:
    """Sizes and budgets: the options, else those of the quick or of the real run."""
    quick = {"size": "nano", "steps": 4, "pretrain": 4, "batch": 2, "context": 31, "valid": 4}
    real = {"size": "mini", "steps": 1_500, "pretrain": 3_000, "batch": 16, "context": 256}
    real |= {"valid": 200}
    base = quick if args.quick else real
    return {k: getattr(args, k) if getattr(args, k) is not None else v for k, v in base.items()}


def budget(args: argparse.Namespace, recipe: str, steps: int, seed: int) -> list[object]:
    """Options that all runs share, and the recipe's rate where it is to be another."""
    s, every = sizes(args), max(1, steps // 6)
    shared: list[object] = [
        "--recipe",
        recipe,
        "--data",
        args.data,
        "--steps",
        steps,
        "--batch",
        s["batch"],
        "--context",
        s["context"],
        "--seed",
        seed,
        "--warmup",
        max(1, steps // 20),
        "--valid-songs",
        s["valid"],
        "--valid-every",
        every,
        "--log-every",
        max(1, every // 10),
        "--accumulate",
        args.accumulate or max(1, s["batch"] // 4),
        "--save-every",
        0 if args.no_checkpoints else every,
    ]
    if args.workers:
        shared += ["--workers", args.workers]
    if args.rates != 1:
        shared += ["--rate", recipe_of(recipe).settings.rate * args.rates]
    return shared


def finished(args: argparse.Namespace, run: Path) -> bool:
    """Whether a run has nothing left to do. With checkpoints the command itself finds that out."""
    return args.no_checkpoints and (run / "model" / "card.json").is_file()


def pretrain(args: argparse.Namespace, s: dict[str, Any], out: Path) -> None:
    """The two models that the systems start from."""
    if not (out / "music-0" / "config.json").is_file():
        call("init", "music", "-o", out / "music-0", "--size", s["size"])
    if not (out / "text-0" / "config.json").is_file():
        words = ["--data", args.data, "--words", 320 if args.quick else 2_000]
        call("init", "text", "-o", out / "text-0", "--size", s["size"], *words)
    for kind, system, steps in (
        ("music", "amt", s["pretrain"]),
        ("text", "text", args.pretrain_text or s["pretrain"]),
    ):
        if not finished(args, out / kind):
            call(
                "finetune",
                "--system",
                system,
                f"--{kind}-model",
                out / f"{kind}-0",
                "--out",
                out / kind,
                *budget(args, f"small-{system}", steps, 0),
            )


def tune(args: argparse.Namespace, s: dict[str, Any], out: Path) -> dict[str, list[dict]]:
    """The cards of every system, one for each seed."""
    runs: dict[str, list[dict]] = {}
    for seed in range(args.seeds):
        for name, (system, options) in SYSTEMS.items():
            run = out / f"{name.replace(', ', '-').replace(' ', '-').lower()}-{seed}"
            spent = time.monotonic() - BEGUN
            if args.limit and spent > args.limit:
                print(f"{run} is left out: {spent:.0f} s of {args.limit:g} s are spent")
                continue
            if not finished(args, run):
                call(
                    "finetune",
                    "--system",
                    system,
                    *options,
                    "--text-model",
                    out / "text",
                    "--music-model",
                    out / "music",
                    "--out",
                    run,
                    *budget(args, f"small-{system}", s["steps"], seed),
                )
            card = json.loads((run / "model" / "card.json").read_text(encoding="utf-8"))
            runs.setdefault(name, []).append({**card, "run": str(run)})
    return runs


def hear(args: argparse.Namespace, runs: dict[str, list[dict]], out: Path) -> dict[str, dict]:
    """Pieces of every run for the references' texts; its row of Table 3 by its folder's name."""
    references = args.references or Path(args.data) / "references.jsonl"
    options: list[object] = []
    for name, cards in runs.items():
        system, _ = SYSTEMS[name]
        for card in cards:
            run = card["run"]
            call(
                "generate",
                "--system",
                system,
                "--checkpoint",
                run,
                "-o",
                run + "-pieces",
                "--prompts",
                references,
                "--tokens",
                args.tokens,
                "--n",
                args.pieces,
            )
            options += ["--system", f"{Path(run).name}={run}-pieces"]
    call(
        "evaluate",
        "table3",
        "--references",
        references,
        "--n",
        args.pieces,
        *options,
        "-o",
        out / "evaluation",
        "--seconds",
        args.seconds,
        "--workers",
        2,
    )
    outcome = json.loads((out / "evaluation" / "table3.json").read_text(encoding="utf-8"))
    return {row["system"]: row for row in outcome["rows"]}


MEASURED = {
    "log-mel Frechet": lambda row: row["distances"]["logmel"].get("frechet"),
    "chroma-rhythm Frechet": lambda row: row["distances"]["chroma"].get("frechet"),
    "instruments asked for heard, %": lambda row: _control(row, "instrument_recall"),
    "heard ones asked for, %": lambda row: _control(row, "instrument_precision"),
    "key, %": lambda row: _control(row, "key"),
    "tempo bin, %": lambda row: _control(row, "tempo_bin"),
}
"""What is told of a run's pieces: a number, or None."""


def _control(row: dict[str, Any], name: str) -> float | None:
    value = row.get("control", {}).get(name)
    return None if value is None else 100 * value["mean"]


def spread(values: list[float | None], digits: int) -> str:
    """Mean and standard deviation over seeds."""
    numbers = [v for v in values if v is not None]
    if not numbers:
        return "-"
    apart = f" ± {statistics.stdev(numbers):.{digits}f}" if len(numbers) > 1 else ""
    return f"{statistics.mean(numbers):.{digits}f}{apart}"


def table(
    runs: dict[str, list[dict]], heard: dict[str, dict], s: dict[str, Any], pieces: int
) -> tuple[str, list[dict]]:
    """The table as Markdown and as data. The losses are of music tokens alone."""
    first = next(iter(runs.values()))
    tokens = first[0]["figures"]["held_out"]["tokens"]
    lines = [
        f"In miniature: models of size {s['size']!r}, {s['steps']:,} steps of {s['batch']}, "
        f"{s['context']} music tokens an example, {len(first)} seeds (mean ± standard deviation); "
        f"held-out loss in nats a music token over {tokens:,} tokens; {pieces} pieces of each run.",
        "",
        f"| system | trained | held-out loss | {' | '.join(MEASURED)} |",
        f"|---|---:|---:|{'---:|' * len(MEASURED)}",
    ]
    if heard:
        truth = [spread([read(heard["ground truth"])], 1) for read in MEASURED.values()]
        lines.append(f"| ground truth | - | - | {' | '.join(truth)} |")
    rows = []
    for name, cards in runs.items():
        losses = [card["figures"]["held_out"]["loss"] for card in cards]
        trained = sum(p["trainable"] for p in cards[0]["parameters"].values())
        measures = [heard[Path(c["run"]).name] for c in cards] if heard else []
        measured = {what: [read(row) for row in measures] for what, read in MEASURED.items()}
        rows.append({"system": name, "parameters": trained, "losses": losses, **measured})
        shown = [spread(v, 3 if "chroma" in what else 1) for what, v in measured.items()]
        cells = [name, f"{trained:,}", spread(losses, 4), *shown]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines), rows


def curves(runs: dict[str, list[dict]]) -> str:
    """Held-out losses as training went on, means over the seeds, as Markdown."""
    rows: dict[str, dict[int, list[float]]] = {}
    for name, cards in runs.items():
        losses = rows.setdefault(name, {})
        for card in cards:
            for line in Path(card["run"], "log.jsonl").read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                if "eval_loss" in entry:
                    losses.setdefault(entry["step"], []).append(entry["eval_loss"])
    steps = sorted({step for losses in rows.values() for step in losses})
    lines = [
        f"| held-out loss after steps | {' | '.join(f'{s:,}' for s in steps)} |",
        f"|---|{'---:|' * len(steps)}",
    ]
    for name, losses in rows.items():
        means = [f"{statistics.mean(losses[s]):.3f}" if s in losses else "-" for s in steps]
        lines.append(f"| {name} | {' | '.join(means)} |")
    return "\n".join(lines)


def main() -> None:
    """Runs what is not done yet and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default="miniature")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all is there")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--size", help="nano, mini, midi (for a GPU) or small")
    parser.add_argument("--accumulate", type=int, help="parts of a batch (4 examples each)")
    parser.add_argument("--workers", type=int, help="processes that make batches")
    parser.add_argument("--rates", type=float, default=1, help="times the recipes' learning rates")
    parser.add_argument("--pretrain-text", type=int, help="steps of the text model, if others")
    parser.add_argument("--no-checkpoints", action="store_true", help="a killed run begins again")
    parser.add_argument("--limit", type=float, help="seconds after which no more runs begin")
    for name in ("steps", "pretrain", "batch", "context", "valid"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--references", metavar="FILE", help="the data's own by default")
    parser.add_argument("--pieces", type=int, default=32, help="of each run; 0: none, no distances")
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=15, help="of each piece that are measured")
    args = parser.parse_args()
    s, out = sizes(args), Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    pretrain(args, s, out)
    runs = tune(args, s, out)
    if not runs:
        raise SystemExit("no run was finished within the limit")
    heard = hear(args, runs, out) if args.pieces else {}
    text, rows = table(runs, heard, s, args.pieces)
    text += "\n\n" + curves(runs)
    (out / "table.md").write_text(text + "\n", encoding="utf-8")
    outcome = {"sizes": s, "seeds": args.seeds, "pieces": args.pieces, "rows": rows}
    (out / "table.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
