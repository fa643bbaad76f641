"""Lines of JSON, one for each run of ``code_patterns.py``, and the table that is printed of them.

Knows plain data alone.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cantilena.files import read_jsonl

Usual = Callable[[str], Mapping[str, Any]]


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines so far; a last one that a kill cut short is taken off."""
    if not path.exists():
        return []
    text = path.read_bytes()
    path.write_bytes(text[: text.rfind(b"\n") + 1])
    return [line for _, line in read_jsonl(path)]


def append(path: Path, line: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, allow_nan=False) + "\n")


def table(lines: Sequence[Mapping[str, Any]], usual: Usual) -> str:
    """Markdown: a row for each recipe, its options and pattern, means over seeds and, of several,
    half the range behind the nats. ``usual``: a recipe's options where none was changed."""
    floor_rows = [line for line in lines if "floor" in line]
    rows: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for line in lines:
        if "recipe" in line:
            extra = json.dumps([line["options"], line["minutes"]], sort_keys=True)
            rows.setdefault((line["recipe"], line["pattern"], extra), []).append(line)
    distances = list(floor_rows[0]["frechet"]) if floor_rows else []
    head = [
        "recipe", "pattern", "seeds", "CPU-s", "updates", "columns seen", "nats", "by book",
        "shuffled", "none", "columns/s", "CPU-s/s", *distances,
    ]  # fmt: skip
    out = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for (recipe, pattern, _), group in rows.items():
        out.append([label(recipe, group[0], usual), pattern, *figures(group, distances)])
    for line in floor_rows:
        cells = [f"{line['frechet'][name]:.3g}" for name in distances]
        out.append([line["floor"], *[""] * (len(head) - 1 - len(cells)), *cells])
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in out)
    grams = {(line["unigram"], line["bigram"]) for line in lines if "unigram" in line}
    said = "; ".join(f"unigrams {one:.3f}, bigrams {two:.3f} nats" for one, two in sorted(grams))
    return f"{text}\n\n{said}"


def label(recipe: str, line: Mapping[str, Any], usual: Usual) -> str:
    """A recipe with those of its options that are neither its own nor all runs'."""
    own = usual(recipe)
    fixed = {"books", "card", "frame_rate"}
    other = [f"{k}={v}" for k, v in line["options"].items() if k not in fixed and v != own.get(k)]
    return ", ".join([recipe, *other])


def figures(group: Sequence[Mapping[str, Any]], distances: Sequence[str]) -> list[str]:
    """A row's cells behind the pattern."""

    def mean(pick: Any) -> float:
        return statistics.mean(pick(line) for line in group)

    cells = [
        str(len(group)),
        f"{mean(lambda line: line['cpu_seconds']):.0f}",
        f"{mean(lambda line: line['steps']):,.0f}",
        f"{mean(lambda line: line['columns']):,.0f}",
    ]
    for name in ("true", "shuffled", "none"):
        values = [line["nats"][name] for line in group]
        half = f" ± {(max(values) - min(values)) / 2:.3f}" if len(values) > 1 else ""
        cells.append(f"{statistics.mean(values):.3f}{half}")
        if name == "true":
            books = zip(*(line["books"] for line in group), strict=True)
            cells.append(", ".join(f"{statistics.mean(book):.2f}" for book in books))
    cells.append(f"{mean(lambda line: line['columns_a_second']):.0f}")
    if not all("frechet" in line for line in group):
        return cells + [""] * (1 + len(distances))
    cells.append(f"{mean(lambda line: line['write_cpu_a_second']):.3f}")
    for name in distances:
        cells.append(f"{mean(lambda line, name=name: line['frechet'][name]):.3g}")
    return cells
