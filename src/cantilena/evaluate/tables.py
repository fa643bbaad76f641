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


SHOWN = 30
"""Features that the table of realism has; the JSON file has all."""


def realism_table(figures: dict[str, Any]) -> str:
    """The Markdown table of what ``realism.measure`` returns."""
    what = f", {figures['kind']}" if figures.get("kind") else ""
    what += ", the songs' chords asked for" if figures.get("chords") else ""
    lines = [
        f"Realism: {figures.get('checkpoint') or 'unnamed'}{what}, {figures['n']} pairs of "
        f"{figures['bars']} bars, seed {figures['seed']}",
        "",
        "| told apart | AUC | 95 % interval | pairs in order | pairs |",
        "|---|---:|---:|---:|---:|",
    ]
    tests = {"real and composed": figures["auc"], "real and other real (floor)": figures["floor"]}
    tests |= {f"... by {name} alone": group for name, group in figures["groups"].items()}
    for name, t in tests.items():
        if t is not None:
            cells = f"{t['auc']:.2f} | {t['low']:.2f}-{t['high']:.2f} | {t['right']:.2f} | {t['n']}"
            lines.append(f"| {name} | {cells} |")
    lines += ["", "| feature | unit | real | composed | AUC alone | floor |"]
    lines += ["|---|---|---:|---:|---:|---:|"]
    for row in figures["features"][:SHOWN]:
        floor = "-" if row["floor"] is None else f"{row['floor']:.2f}"
        cells = f"{row['real']:.3g} | {row['composed']:.3g} | {row['auc']:.2f} | {floor}"
        lines.append(f"| {row['name']} | {row['unit']} | {cells} |")
    return "\n".join(lines) + "\n"


def genre_table(figures: dict[str, Any]) -> str:
    """The Markdown table of what ``genre.measure`` returns."""
    lines = [
        f"Genre: {figures.get('checkpoint') or 'unnamed'}, {figures['n']} pieces, seed "
        f"{figures['seed']}, {figures['failed']} without notes",
        "",
        "Per cent heard as what they are (real songs) or as what was asked (composed pieces), with "
        "what is known of the instruments and without.",
        "",
        "| genre | real songs | real | real, without | pieces | composed | composed, without |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    sets = [(who, key) for who in ("real", "composed") for key in ("with", "without")]

    def row(name: str, songs: object, pieces: object, cells: list[str]) -> str:
        return " | ".join([f"| {name}", str(songs), *cells[:2], str(pieces), *cells[2:]]) + " |"

    for name, songs in figures["songs"].items():
        shares = [figures[key][who]["heard"].get(name, {}).get(name) for who, key in sets]
        cells = ["-" if share is None else f"{100 * share:.0f}" for share in shares]
        lines.append(row(name, songs, figures["pieces"][name], cells))
    means = [figures[key][who] for who, key in sets]
    cells = [
        f"{100 * m['accuracy']:.0f} ({100 * m['low']:.0f}-{100 * m['high']:.0f})" for m in means
    ]
    lines.append(row("mean (95 %)", sum(figures["songs"].values()), figures["n"], cells))
    return "\n".join(lines) + "\n"


def likeness_table(figures: dict[str, Any]) -> str:
    """The Markdown table of what ``likeness.learn`` returns."""
    songs = sum(row["songs"] for row in figures["genres"].values())
    lines = [
        f"Likeness: {songs} real songs, seed {figures['seed']}; the likeliest genre is right for "
        f"{100 * figures['accuracy']:.0f} %, one of the two likeliest for "
        f"{100 * figures['among_two']:.0f} %",
        "",
        "Per cent of real songs by which no bound was set, and of the verdicts on them that are "
        "right; likes and unlikes where the genre's own songs and others are as many.",
        "",
        "| genre | songs | AUC | own like | own unlike | others like | others unlike "
        "| right, own | right, others | right, likes | right, unlikes | judged |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, row in figures["genres"].items():
        shares = [row[who][mark] for who in ("own", "others") for mark in ("like", "unlike")]
        shares += row["right"].values()
        cells = " | ".join(f"{100 * share:.0f}" for share in shares)
        judged = "yes" if row["judged"] else "no"
        lines.append(f"| {name} | {row['songs']} | {row['auc']:.2f} | {cells} | {judged} |")
    return "\n".join(lines) + "\n"


def write_figures(folder: Path, stem: str, figures: dict[str, Any], table: str) -> None:
    """Writes ``stem.json`` and ``stem.md``, both or neither. Raises InputError."""
    with staged_files(folder, (f"{stem}.json", f"{stem}.md")) as stage:
        write_json(stage / f"{stem}.json", figures)
        (stage / f"{stem}.md").write_bytes(table.encode())
