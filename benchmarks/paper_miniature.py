"""The text-to-symbolic paper's two questions in miniature: does a music model or a text model make
the better start, and do its two tricks (weights of all layers, AMT's embeddings as a start) help?

python benchmarks/paper_miniature.py --data paper --out miniature [--quick] [--table3 FILE]

``--data`` is a folder of ``cantilena data paper``. A small music model is pretrained without text
and a small text model on captions; then the four systems are trained with equal budgets over
``--seeds`` seeds. Killed, the same command goes on. Prints a Markdown table and writes it with the
figures as JSON into ``--out``. ``--table3`` (references as ``cantilena evaluate table3`` takes
them) also writes pieces of every system's first seed and measures them.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from cantilena.cli import main as cantilena

SYSTEMS = {
    "amt-prefix, base": ("amt-prefix", ["--layers", "last"]),
    "amt-prefix, enhanced": ("amt-prefix", ["--layers", "all"]),
    "llama-music, Gaussian": ("llama-music", ["--init", "gaussian"]),
    "llama-music, from AMT": ("llama-music", ["--init", "amt"]),
}


def call(*words: object) -> None:
    """One command of Cantilena; ends the script where it does not succeed."""
    print("$ cantilena", *words, flush=True)
    code = cantilena([str(w) for w in words])
    if code:
        raise SystemExit(code)


def sizes(args: argparse.Namespace) -> dict[str, Any]:
    """Sizes and budgets: the options, else those of the quick or of the real run."""
    quick = {"size": "nano", "steps": 4, "pretrain": 4, "batch": 2, "context": 31, "valid": 4}
    real = {"size": "mini", "steps": 1_500, "pretrain": 3_000, "batch": 16, "context": 256}
    real |= {"valid": 200}
    base = quick if args.quick else real
    return {k: getattr(args, k) if getattr(args, k) is not None else v for k, v in base.items()}


def budget(s: dict[str, Any], steps: int, seed: int) -> list[object]:
    """Options that all runs share."""
    every = max(1, steps // 6)
    return [
        *("--steps", steps, "--batch", s["batch"], "--context", s["context"], "--seed", seed),
        *("--warmup", max(1, steps // 20), "--valid-songs", s["valid"], "--valid-every", every),
        *("--save-every", every, "--log-every", max(1, every // 10)),
        *("--accumulate", max(1, s["batch"] // 4)),
    ]


def pretrain(args: argparse.Namespace, s: dict[str, Any], out: Path) -> None:
    """The two models that the systems start from."""
    if not (out / "music-0" / "config.json").is_file():
        call("init", "music", "-o", out / "music-0", "--size", s["size"])
    if not (out / "text-0" / "config.json").is_file():
        words = ["--data", args.data, "--words", 320 if args.quick else 2_000]
        call("init", "text", "-o", out / "text-0", "--size", s["size"], *words)
    common = budget(s, s["pretrain"], 0)
    for kind, system in (("music", "amt"), ("text", "text")):
        call(
            *("finetune", "--system", system, "--recipe", f"small-{system}", "--data", args.data),
            *(f"--{kind}-model", out / f"{kind}-0", "--out", out / kind, *common),
        )


def tune(args: argparse.Namespace, s: dict[str, Any], out: Path) -> dict[str, list[dict]]:
    """The cards of every system, one for each seed."""
    found: dict[str, list[dict]] = {}
    for name, (system, options) in SYSTEMS.items():
        for seed in range(args.seeds):
            run = out / f"{name.replace(', ', '-').replace(' ', '-').lower()}-{seed}"
            call(
                *("finetune", "--system", system, "--recipe", f"small-{system}", *options),
                *("--data", args.data, "--text-model", out / "text", "--out", run),
                *("--music-model", out / "music", *budget(s, s["steps"], seed)),
            )
            card = json.loads((run / "card.json").read_text(encoding="utf-8"))
            found.setdefault(name, []).append({**card, "run": str(run)})
    return found


def table(found: dict[str, list[dict]], s: dict[str, Any]) -> tuple[str, list[dict]]:
    """The table as Markdown and as data. The losses are of music tokens alone."""
    rows = []
    for name, cards in found.items():
        losses = [card["held_out"]["loss"] for card in cards]
        trained = sum(p["trainable"] for p in cards[0]["parameters"].values())
        spread = statistics.stdev(losses) if len(losses) > 1 else float("nan")
        rows.append(
            {
                **{"system": name, "parameters": trained, "losses": losses},
                **{"mean": statistics.mean(losses), "spread": spread},
            }
        )
    tokens = next(iter(found.values()))[0]["held_out"]["tokens"]
    lines = [
        f"In miniature: models of size {s['size']!r}, {s['steps']:,} steps of {s['batch']}, "
        f"{s['context']} music tokens an example; held-out loss in nats a music token over "
        f"{tokens:,} tokens, mean and standard deviation over seeds.",
        "",
        "| system | trained | seeds | held-out loss | spread |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = (row["system"], f"{row['parameters']:,}", str(len(row["losses"])))
        lines.append(f"| {' | '.join(cells)} | {row['mean']:.4f} | {row['spread']:.4f} |")
    return "\n".join(lines), rows


def listen(args: argparse.Namespace, found: dict[str, list[dict]], out: Path) -> None:
    """Pieces of every system's first seed for the references' texts, and Table 3 of them."""
    options: list[object] = []
    for name, cards in found.items():
        system, _ = SYSTEMS[name]
        place = Path(cards[0]["run"] + "-pieces")
        given = ["--prompts", args.table3, "--tokens", args.tokens, "--n", args.pieces]
        call("generate", "--system", system, "--checkpoint", cards[0]["run"], "-o", place, *given)
        options += ["--system", f"{name}={place}", "--loss", f"{name}={cards[0]['run']}"]
    call("evaluate", "table3", "--references", args.table3, "--n", args.pieces, *options)


def main() -> None:
    """Runs what is not done yet and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default="miniature")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that all is there")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--size")
    for name in ("steps", "pretrain", "batch", "context", "valid"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--table3", metavar="FILE")
    parser.add_argument("--pieces", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=256)
    args = parser.parse_args()
    s, out = sizes(args), Path(args.out)
    pretrain(args, s, out)
    found = tune(args, s, out)
    text, rows = table(found, s)
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.md").write_text(text + "\n", encoding="utf-8")
    told = {"sizes": s, "seeds": args.seeds, "rows": rows}
    (out / "table.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(text)
    if args.table3:
        listen(args, found, out)


if __name__ == "__main__":
    main()
