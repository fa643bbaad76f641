"""Table 3 as Markdown.

Knows columns, labels and digits; computes nothing. N and the embedder stand in the table itself,
and a Frechet distance over features of our own is never called FAD.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cantilena.analysis.degenerate import MOST_AT_ONCE
from cantilena.evaluate.distances.frechet import SUBSET_SIZE, SUBSETS
from cantilena.evaluate.tables import LABELS

NONE = "-"
"""A cell without a figure; a column of nothing else is left out."""
CONTROL = (
    "asa",
    "instrument_recall",
    "tempo_bin",
    "tempo_bin_tolerance",
    "metre",
    "key",
    "key_or_relative",
    "chords_ecm",
)
"""Metrics of ``evaluate control`` that are printed; the JSON file has all."""
DEGENERATE = {
    "one_onset": "notes on one onset, %",
    "still": "time stands still, % of pieces",
    "invalid": "tokens in no triple, %",
    "early": "ended early, % of pieces",
}
"""What columns call the figures of ``generation.degenerate``."""
Cell = Callable[[dict[str, Any]], str]


def table3_text(figures: dict[str, Any]) -> str:
    """The Markdown of what ``evaluate_table3`` returns: the table, then what there is to say of
    it."""
    columns = [(head, cells) for head, cells in _columns(figures) if set(cells) != {NONE}]
    subsets = figures["subsets"]
    lines = [
        f"Table 3 ({figures['source']}): {figures['n']} references, {figures['renderer']}, "
        f"seed {figures['seed']}",
        "",
        f"| system | N | failed | {' | '.join(head for head, _ in columns)} |",
        f"|---|---:|---:|{'---:|' * len(columns)}",
    ]
    for i, row in enumerate(figures["rows"]):
        cells = " | ".join(cells[i] for _, cells in columns)
        lines.append(f"| {row['system']} | {row['n']:,} | {row['failed']:,} | {cells} |")
    sizes = {
        d["size"]
        for row in figures["rows"]
        for d in row.get("distances", {}).values()
        if d.get("subsets")
    }
    lines += [
        "",
        "- ± is the standard error of the mean (SEM): over pieces; for -sub over "
        f"{subsets['count']} subsets, which share pieces.",
        f"- {_subsets(subsets, sizes)}",
        "- Less is better for distances (squared Frechet distance; KAD: 100 times the squared MMD) "
        "and the loss, more for CLAP, CR and what was asked for in the text.",
        "- The ground truth's -sub figures are of such subsets of it against the rest of it: what "
        "real music is from itself. The rest is a smaller set than the whole reference, so that "
        "its Frechet distances are on the high side.",
    ]
    if figures["published_rows"]:
        lines.append(f"- {_published(figures['published_rows'])}")
    if "degenerate" in figures["columns"]:
        lines.append(
            "- Notes on one onset: of a piece's notes those at its fullest; time stands still "
            f"where it has more than {MOST_AT_ONCE}. Tokens in no valid triple, and pieces that "
            "end before the tokens asked for, are counted where no grammar forbids them: less is "
            "better. Of the first two the ground truth's figures are the measure."
        )
    for embedder in figures["embedders"].values():
        lines.append(f"- {embedder['name']}: {embedder['weights'] or 'our own, untrained'}")
        lines += [f"- {floor}" for floor in _floor(embedder)]
    if figures["clap"]:
        lines.append(f"- CLAP score: {figures['clap']}")
    lines += [f"- {note}" for note in figures["notes"]]
    return "\n".join(lines) + "\n"


def _subsets(subsets: dict[str, Any], sizes: set[int]) -> str:
    """Which subsets -sub is over, and whether they are the paper's."""
    size = ", ".join(f"{s:,}" for s in sorted(sizes)) or "no"
    drawn = (
        f"{subsets['count']} subsets of {size} {subsets['of']} (asked: {subsets['size']}), each "
        f"against {subsets['against']}"
    )
    if (subsets["count"], sizes) == (SUBSETS, {SUBSET_SIZE}):
        return f"-sub, as the paper has it: {drawn}."
    return (
        f"-sub: {drawn}. The paper's are {SUBSETS} of {SUBSET_SIZE}: figures of other sizes cannot "
        "be compared with them. A subset has at most half of the pieces."
    )


def _published(rows: list[dict[str, Any]]) -> str:
    """A paper's own rows, with how they are had."""
    parts = [
        f"{row['name']} ({row['recipe']}; {', '.join(str(t) for t in row['temperatures'])})"
        for row in rows
    ]
    return (
        "The paper's rows, with the recipe of 'cantilena finetune' and the temperatures of each: "
        f"{', '.join(parts)}."
    )


def _floor(embedder: dict[str, Any]) -> list[str]:
    """Real music against real, and systems at the same size; none where there was too little."""
    floor = embedder["floor"]
    if floor is None:
        return []
    lines = [
        f"The floor of {embedder['name']}, real against real: {_pair(floor)}; mean of "
        f"{floor['splits']} random halvings of the references, a half being {floor['pieces']:,} "
        f"pieces, about {floor['vectors']:,} vectors. Frechet distances of sets of that size are "
        "larger than the columns', of whole sets"
    ]
    if floor["systems"]:
        systems = "; ".join(f"{name} {_pair(of)}" for name, of in floor["systems"].items())
        lines.append(f"To compare with it, as many pieces in the place of one half: {systems}")
    return lines


def _pair(figures: dict[str, Any]) -> str:
    """As "41 (spread 2), of KAD 0.1 (spread 0.2)"."""
    frechet, kad = (
        f"{figures[k]['mean']:.3g} (spread {figures[k]['spread']:.2g})" for k in ("frechet", "kad")
    )
    return f"{frechet}, of KAD {kad}"


def _columns(figures: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Headings and cells, a cell for each row."""
    columns: list[tuple[str, Cell]] = []
    wanted = set(figures["columns"])
    if "temperature" in wanted:
        columns.append(("temperature", lambda r: _number(_generation(r, "temperature"))))
        if any(_generation(r, "unmasked") for r in figures["rows"]):
            columns.append(("grammar", _grammar))
    for key, embedder in figures["embedders"].items():
        for name, head, cell in (
            ("frechet", embedder["name"], _number),
            ("frechet_subsets", f"{embedder['name']}-sub", _mean),
            ("kad", f"{embedder['label']} KAD", _number),
            ("kad_subsets", f"{embedder['label']} KAD-sub", _mean),
        ):
            if name in wanted:
                columns.append((head, lambda r, k=key, n=name, c=cell: c(_distance(r, k, n))))
    if "clap" in wanted:
        columns.append(("CLAP x 100", lambda r: _mean(r.get("clap"), 100, 2)))
    if "clap_floored" in wanted:
        columns.append(("CLAP, as Text2midi", lambda r: _number(r.get("clap_floored"))))
    if "loss" in wanted:
        for name in dict.fromkeys(n for row in figures["rows"] for n in row.get("losses", {})):
            head = f"validation loss, {name}" if name else "validation loss"
            columns.append((head, lambda r, n=name: _number(r.get("losses", {}).get(n), 4)))
    if figures["compression_notes"]:
        columns.append(("CR", lambda r: _mean(r.get("compression_ratio"), 1, 3)))
    if "degenerate" in wanted:
        for name, head in DEGENERATE.items():
            columns.append((head, lambda r, n=name: _mean(r.get("degenerate", {}).get(n), 100, 1)))
    for name in CONTROL:
        head = f"{LABELS[name]}, %"
        columns.append((head, lambda r, n=name: _mean(r.get("control", {}).get(n), 100, 1)))
    return [(head, [cell(row) for row in figures["rows"]]) for head, cell in columns]


def _generation(row: dict[str, Any], name: str) -> Any:
    return row.get("generation", {}).get(name)


def _grammar(row: dict[str, Any]) -> str:
    """Whether a row's pieces were sampled under our masks, where that is known."""
    unmasked = _generation(row, "unmasked")
    return NONE if unmasked is None else "none" if unmasked else "ours"


def _distance(row: dict[str, Any], embedder: str, name: str) -> Any:
    return row.get("distances", {}).get(embedder, {}).get(name)


def _number(value: float | None, digits: int = 3) -> str:
    return NONE if value is None else f"{value:.{digits}g}"


def _mean(figure: dict[str, Any] | None, scale: float = 1.0, decimals: int | None = None) -> str:
    """As "12.3 ± 0.4"; significant figures where no decimals are asked for."""
    if not figure:
        return NONE
    mean, sem = scale * figure["mean"], figure.get("sem")
    if decimals is None:
        return f"{mean:.3g}" + ("" if sem is None else f" ± {scale * sem:.2g}")
    return f"{mean:.{decimals}f}" + ("" if sem is None else f" ± {scale * sem:.{decimals}f}")
