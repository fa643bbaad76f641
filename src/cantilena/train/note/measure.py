"""Held-out bits per note of a run: by field, with true, absent and shuffled conditions, against
counting models.

Knows runs and data sets; trains nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.tokens.note import FIELDS
from cantilena.tokens.note.conditions import NOTHING

Batch = dict[str, np.ndarray]

NAMES = {
    "unigram": "unigram",
    "bigram": "bigram",
    "short": "model, no conditions, windows of 512",
    "none": "model, no conditions",
    "full": "model, true conditions",
    "fresh": "model, true conditions, nothing before",
    "shuffled": "the same, another piece's prefix",
    "textless": "the same, true prefix without the text",
    "text_only": "the same, text alone",
    "other_text": "the same, another piece's text alone",
}


def _without(names: tuple[str, ...]) -> Callable[[list[Batch]], list[Batch]]:
    """Leaves out parts of the prefix: every value becomes the one for "not given"."""
    nothing = {"scalars": NOTHING.scalars, "slots": NOTHING.slots, "words": NOTHING.words}

    def change(batches: list[Batch]) -> list[Batch]:
        gone = [{n: np.broadcast_to(nothing[n], b[n].shape).copy() for n in names} for b in batches]
        return [{**b, **g} for b, g in zip(batches, gone, strict=True)]

    return change


def _rolled(batches: list[Batch]) -> list[Batch]:
    """Each window with the prefix of another of its batch."""
    prefix = ("scalars", "slots", "words")
    return [{k: np.roll(v, 1, 0) if k in prefix else v for k, v in b.items()} for b in batches]


_text_alone = _without(("scalars", "slots"))
CHANGES: dict[str, Callable[[list[Batch]], list[Batch]]] = {
    "shuffled": _rolled,
    "textless": _without(("words",)),
    "text_only": _text_alone,
    "other_text": lambda batches: _rolled(_text_alone(batches)),
}
"""What is done to the prefix of windows that have nothing before them."""


def measure(
    folder: str | Path,
    data: str | Path,
    split: str = "test",
    windows: int = 256,
    length: int = 1024,
    corpora: tuple[str, ...] = ("lakh",),
) -> tuple[dict[str, Any], str]:
    """Bits per note of the run in ``folder`` on windows of ``split``, and a table of them. They are
    also written to the run's ``figures.json``, from where an export takes them up."""
    from cantilena.data.dataset import load_split
    from cantilena.train.note.loop import (
        HELD,
        NOTHING_GIVEN,
        Run,
        TrainConfig,
        bits,
        fixed_batches,
        note_config,
    )
    from cantilena.train.note.ngrams import count_bits

    run = Run(Path(folder), note_config(), TrainConfig(), measured=True)
    held = load_split(data, split, corpora=corpora)
    found: dict[str, Any] = count_bits(load_split(data, "train", corpora=corpora), held, run.scheme)
    run.model.eval()
    crops = {name: replace(crop, length=length) for name, crop in HELD.items()}
    crops["short"] = replace(NOTHING_GIVEN, length=512)
    for name, crop in crops.items():
        batches = fixed_batches(held, run.scheme, crop, windows, 16)
        found[name] = bits(run.model, batches, run.device)
        if name == "fresh":
            for other, change in CHANGES.items():
                found[other] = bits(run.model, change(batches), run.device)
    found |= {"split": split, "windows": windows, "length": length, "notes_seen": run.notes}
    figures = Path(folder) / "figures.json"
    known = json.loads(figures.read_text()) if figures.exists() else {}
    figures.write_text(json.dumps({**known, split: found}, indent=1) + "\n")
    return found, table(found)


def table(found: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    lines = [
        f"| {found['split']}, bits per note | " + " | ".join(FIELDS) + " | all |",
        "|---|" + "---|" * 6,
    ]
    for name in NAMES:
        row = [f"{found[name][f]:.2f}" for f in (*FIELDS, "all")]
        lines.append(f"| {NAMES[name]} | " + " | ".join(row) + " |")
    return "\n".join(lines)
