"""The learning curve of a run: a table of what was validated, and a picture.

python benchmarks/learning_curve.py RUN [--png docs/learning-curve.png]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def main() -> None:
    """Prints the table; draws the curve where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--png")
    args = parser.parse_args()
    rows = [json.loads(line) for line in (Path(args.run) / "log.jsonl").read_text().splitlines()]
    valid = [r for r in rows if "valid" in r]
    names = list(dict.fromkeys(n for r in valid for n in r["valid"]))
    print("| M notes | minutes | " + " | ".join(names) + " |\n|---|---|" + "---|" * len(names))
    for r in valid:
        cells = [f"{r['valid'][n]['all']:.3f}" if n in r["valid"] else "" for n in names]
        print(f"| {r['notes'] / 1e6:.1f} | {r['seconds'] / 60:.0f} | " + " | ".join(cells) + " |")
    if args.png:
        draw(rows, valid, names, args.png)


def draw(rows: list[dict], valid: list[dict], names: list[str], path: str) -> None:
    """Bits per note over notes seen."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    train = [(r["notes"] / 1e6, r["bits"]) for r in rows if "bits" in r]
    axes.plot(*zip(*train, strict=True), color="#cccccc", linewidth=1, label="training batches")
    for name in names:
        points = [(r["notes"] / 1e6, r["valid"][name]["all"]) for r in valid if name in r["valid"]]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=f"valid, {name}")
    axes.set(xlabel="million notes seen", ylabel="bits per note")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Software": None})


if __name__ == "__main__":
    main()
