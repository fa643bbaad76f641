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
    patterns = figures["patterns"]
    tests["by patterns, real and composed"] = patterns["auc"]
    tests["by patterns, real and other real (floor)"] = patterns["floor"]
    tests |= {f"... by {name} alone": group for name, group in figures["groups"].items()}
    tests |= {f"... by patterns of {name} alone": t for name, t in patterns["groups"].items()}
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
    lines += ["", "| different patterns of a piece | real | composed | AUC alone |"]
    lines += ["|---|---:|---:|---:|"]
    for row in patterns["kinds"]:
        cells = f"{row['real']:.0f} | {row['composed']:.0f} | {row['auc']:.2f}"
        lines.append(f"| {row['name']} | {cells} |")
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


HEARD = {
    "tempo": "tempo",
    "tempo_octave": "tempo, up to octaves",
    "key": "key",
    "key_mirex": "key, MIREX",
    "chords": "chords in order",
    "instruments": "instruments",
}
"""What the table of sound calls the metrics of ``sound.control``."""


def audio_table(figures: dict[str, Any]) -> str:
    """The Markdown tables of what ``audio.evaluate_audio`` returns."""
    lines = [
        f"Sound: {figures['real']['n']} real pieces, {figures['sound']}, seed {figures['seed']}",
        "",
        "| set | embedder | n | Frechet | KAD | a half | its Frechet | floor | its KAD | floor |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in figures["rows"]:
        for name, about in figures["embedders"].items():
            cells = _distance_cells(row["distances"][name], about["floor"], row["name"])
            lines.append(f"| {row['name']} | {about['label']} | {row['n']} | {' | '.join(cells)} |")
    lines += [
        "",
        "A half: so many pieces in the place of one half of the real ones, or real ones there (the "
        "floor), each against the other half.",
        "",
        "| pieces | figure | mean ± SEM | by chance | n |",
        "|---|---|---:|---:|---:|",
    ]
    for row in figures["rows"]:
        lines += _pair_lines(row, figures)
    controls = [row for row in figures["rows"] if row["control"]]
    if controls:
        lines += ["", *_heard_lines(controls, figures["estimators"])]
    lines += ["", *(f"- {note}" for note in figures["notes"])]
    return "\n".join(lines).rstrip() + "\n"


def _distance_cells(row: dict[str, Any], floor: dict[str, Any] | None, name: str) -> list[str]:
    whole = [_short(row.get("frechet")), _short(row.get("kad"))]
    if floor is None:
        return [*whole, "-", "-", "-", "-", "-"]
    half = floor["systems"].get(name, {})
    cells = [_short(of.get(k, {}).get("mean")) for k in ("frechet", "kad") for of in (half, floor)]
    return [*whole, str(floor["pieces"]), *cells]


def _pair_lines(row: dict[str, Any], figures: dict[str, Any]) -> list[str]:
    lines = []
    if row.get("tags"):
        sets, floor = row["tags"]["sets"], figures["tagger"]["floor"]
        text = f"KL of tags, of the sets (real halves: {_short(floor)})"
        lines.append(f"| {row['name']} | {text} | {_short(sets)} | - | {row['n']} |")
    pairs = {
        "KL of tags, of pairs": row.get("tags"),
        "melody chroma cosine": row["melody"],
        "CLAP score": row["clap"],
    }
    for text, value in pairs.items():
        if value and value["pairs"]:
            mean, chance = value["pairs"], value["chance"]
            cells = [_with_error(mean), "-" if chance is None else _with_error(chance)]
            lines.append(f"| {row['name']} | {text} | {' | '.join(cells)} | {mean['n']} |")
    return lines


def _heard_lines(rows: list[dict[str, Any]], accuracy: dict[str, Any]) -> list[str]:
    lines = [
        "| pieces | asked for and heard | % | 95 % interval | n | the estimator is right, % |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        for name, m in row["control"].items():
            right = "-" if accuracy.get(name) is None else f"{100 * accuracy[name]:.0f}"
            span = f"{100 * m['low']:.0f}-{100 * m['high']:.0f}"
            cells = f"{100 * m['mean']:.0f} | {span} | {m['n']} | {right}"
            lines.append(f"| {row['name']} | {HEARD[name]} | {cells} |")
    return lines


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # not as 1.2e+03


def _with_error(mean: dict[str, float | None]) -> str:
    return f"{mean['mean']:.3f}" + ("" if mean["sem"] is None else f" ± {mean['sem']:.3f}")


CODEC_FIGURES = {
    "si_sdr": "SI-SDR, dB",
    "mel": "mel distance",
    "stft": "STFT distance",
    "visqol": "ViSQOL, of 5",
    "bits_per_second": "bits a second, sent",
    "entropy_bits_per_second": "bits a second, by use in a file",
    "encode_factor": "encode, times real time",
    "decode_factor": "decode, times real time",
}
"""What the table of a codec calls the figures of ``sound.codec.round_trip``."""


def codec_table(figures: dict[str, Any]) -> str:
    """The Markdown tables of what ``codec.evaluate_codec`` returns."""
    codec = figures["codec"]
    lines = [
        f"Codec {codec['kind']} {codec['fingerprint'][:16]}: {figures['n']} files, "
        f"{figures['seconds']:,.0f} s",
        "",
        "| figure | mean | spread | least | most | n |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, label in CODEC_FIGURES.items():
        row = figures["figures"][name]
        if row is not None:
            cells = " | ".join(_short(row[k]) for k in ("mean", "spread", "least", "most"))
            lines.append(f"| {label} | {cells} | {row['n']} |")
    lines += ["", "| book | size | used in a file | perplexity in a file | spread |"]
    lines += ["|---:|---:|---:|---:|---:|"]
    for number, book in enumerate(figures["books"], 1):
        used, perplexity = book["used"], book["perplexity"]
        cells = f"{used['mean']:.0f} | {perplexity['mean']:.1f} | {_short(perplexity['spread'])}"
        lines.append(f"| {number} | {book['size']} | {cells} |")
    lines += ["", *(f"- {note}" for note in figures["notes"])]
    return "\n".join(lines).rstrip() + "\n"


def write_figures(folder: Path, stem: str, figures: dict[str, Any], table: str) -> None:
    """Writes ``stem.json`` and ``stem.md``, both or neither. Raises InputError."""
    with staged_files(folder, (f"{stem}.json", f"{stem}.md")) as stage:
        write_json(stage / f"{stem}.json", figures)
        (stage / f"{stem}.md").write_bytes(table.encode())
