"""Tables of an evaluation's figures, in Markdown that is as readable on a terminal, and the files
of both.

Knows labels and columns; computes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cantilena.files import staged_files, write_json

LABELS = {
    "asa": "attributes met (ASA)",
    "instrument_recall": "asked instruments heard",
    "instrument_precision": "heard instruments asked for",
    "excluded": "excluded instruments silent",
    "tempo_exact": "tempo exact (0.5 bpm)",
    "tempo_bin": "tempo bin (TB)",
    "tempo_bin_tolerance": "tempo bin or next (TBT)",
    "metre": "metre",
    "key": "key (CK)",
    "key_or_relative": "key or relative (CKD)",
    "chords_pcm": "all chords in order (PCM)",
    "chords_ecm": "chords in order (ECM)",
    "chords_cmo": "chords, any order (CMO)",
    "chords_cmot": "chords, any order, major/minor (CMOT)",
    "chords_in_place": "chords in their bars",
    "chords_sequence": "chords, longest common sequence",
    "bars": "bars exact",
    "bars_ratio": "bars, ratio",
    "seconds": "duration",
    "swing": "swing",
    "density": "density",
}
"""What tables call the metrics of ``control``."""


def control_table(figures: dict[str, Any]) -> str:
    """The Markdown table of what ``measure`` returns: per cent, 95 % interval, pieces."""
    lines = [
        f"Control: {figures.get('checkpoint') or 'unnamed'}, {figures['n']} prompts, "
        f"seed {figures['seed']}, {figures['failed']} without notes",
        "",
        "| wish | % | 95 % interval | n |",
        "|---|---:|---:|---:|",
    ]
    for name, m in figures["metrics"].items():
        span = f"{100 * m['low']:.1f}-{100 * m['high']:.1f}"
        lines.append(f"| {LABELS.get(name, name)} | {100 * m['mean']:.1f} | {span} | {m['n']} |")
    lines.append("")
    target_labels = {
        "on_grid": "notes on the grid (24 to the quarter)",
        "reread_equal": "files that read back as composed",
    }
    targets = figures["targets"]
    for name, label in target_labels.items():
        if targets.get(name) is not None:
            lines.append(f"- {label}: {100 * targets[name]:.1f} %")
    if targets.get("seconds_per_piece") is not None:
        lines.append(f"- seconds a piece: {targets['seconds_per_piece']:.2f}")
    return "\n".join(lines).rstrip() + "\n"


def statistics_table(figures: dict[str, Any]) -> str:
    """The Markdown table of what ``evaluate_statistics`` returns."""
    lines = [
        f"Statistics: {figures['checkpoint']}, {figures['n']} pieces of {figures['bars']} bars, "
        f"seed {figures['seed']}",
        "",
        "| statistic | mean | real mean | distance | real spread | ratio |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, d in figures["distances"].items():
        cells = (d["mean"], d["real_mean"], d["distance"], d["spread"])
        row = " | ".join(f"{x:.3g}" for x in cells)
        ratio = "no spread" if d["ratio"] is None else f"{d['ratio']:.2f}"
        lines.append(f"| {name.replace('_', ' ')} | {row} | {ratio} |")
    lines += ["", f"Geometric mean of the ratios: {figures['mean_ratio']:.2f} (1 is real music)."]
    return "\n".join(lines) + "\n"


def write_figures(folder: Path, stem: str, figures: dict[str, Any], table: str) -> None:
    """Writes ``stem.json`` and ``stem.md``, both or neither. Raises InputError."""
    with staged_files(folder, (f"{stem}.json", f"{stem}.md")) as stage:
        write_json(stage / f"{stem}.json", figures)
        (stage / f"{stem}.md").write_bytes(table.encode())
