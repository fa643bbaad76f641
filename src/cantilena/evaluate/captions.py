"""``evaluate captions``: how often pseudo-captions of held-out clips claim what is no fact.

Knows clips, tasks and writers; the check is ``text.caption.pseudo``'s. A run's folder holds
``captions.json``, with every text, and ``captions.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cantilena.data.audio.reader import AudioData
from cantilena.errors import InputError
from cantilena.evaluate.tables import write_figures
from cantilena.files import make_folder
from cantilena.systems.joint.examples import NOTHING_KNOWN, facts_of_clip
from cantilena.text.caption.pseudo import (
    PseudoCaption,
    Writer,
    invented,
    pseudo_captions,
    tags,
)
from cantilena.text.facts import Facts


def evaluate_captions(
    data: AudioData,
    writers: dict[str, Writer | None],
    tasks: Sequence[str],
    out: str | Path,
    n: int = 30,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[dict[str, Any], str]:
    """The figures of ``n`` clips spread over the data, and their table. Raises InputError where
    none of the clips is of a piece of MIDI."""
    facts: list[Facts] = []
    for i in range(0, len(data), max(1, len(data) // n)):
        clip = facts_of_clip(data.clip(i))
        if clip is not None and len(facts) < n:
            facts.append(clip)
    if not facts:
        raise InputError(NOTHING_KNOWN)
    rows: list[dict[str, Any]] = []
    for name, writer in writers.items():
        for task in tasks:
            captions = pseudo_captions(facts, task, seed, writer)
            rows.append({"writer": name, "task": task, **_figures(captions, facts)})
            if progress is not None:
                progress(len(rows) / (len(writers) * len(tasks)))
    figures = {"clips": len(facts), "split": data.split, "seed": seed, "rows": rows}
    table = captions_table(figures)
    write_figures(make_folder(out), "captions", figures, table)
    return figures, table


def _figures(captions: Sequence[PseudoCaption], facts: Sequence[Facts]) -> dict[str, Any]:
    count = len(captions)
    kinds = Counter(claim.split()[0] for c in captions for claim in {*c.invented})
    after = [bool(invented(c.text, f)) for c, f in zip(captions, facts, strict=True)]
    return {
        "before": round(sum(bool(c.invented) for c in captions) / count, 4),
        "after": round(sum(after) / count, 4),
        "changed": round(sum(c.text != c.draft for c in captions) / count, 4),
        "different": round(len({c.text for c in captions}) / count, 4),
        "kinds": dict(kinds.most_common()),
        "texts": [
            {"tags": tags(f), "draft": c.draft, "text": c.text, "invented": list(c.invented)}
            for c, f in zip(captions, facts, strict=True)
        ],
    }


def captions_table(figures: dict[str, Any]) -> str:
    """The figures as a table in Markdown."""
    lines = [
        f"{figures['clips']} clips of {figures['split']!r}, seed {figures['seed']}: share of texts "
        "that claim what is no fact",
        "",
        "| writer | task | before the check | after | changed by it | what is claimed |",
        "|---|---|---:|---:|---:|---|",
    ]
    for row in figures["rows"]:
        kinds = ", ".join(f"{name} {count}" for name, count in row["kinds"].items()) or "-"
        lines.append(
            f"| {row['writer']} | {row['task']} | {row['before']:.2f} | {row['after']:.2f} "
            f"| {row['changed']:.2f} | {kinds} |"
        )
    return "\n".join(lines)
