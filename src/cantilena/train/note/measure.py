"""Held-out bits per note of a run or a checkpoint: by field, with true, absent and shuffled
conditions, against counting models.

Knows runs, checkpoints and data sets; trains nothing. A run's model is measured by torch in the
precision in which it trains, a checkpoint's as it composes, without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from cantilena.data.dataset import load_split
from cantilena.errors import CheckpointError, InputError
from cantilena.files import read_json, write_json
from cantilena.models.checkpoint import is_checkpoint
from cantilena.systems.note.engine import Engine
from cantilena.tokens.note import FIELDS, NoteScheme
from cantilena.train.note.held import (
    CHANGES,
    UNCONDITIONED,
    VALID_CROPS,
    Batch,
    bits,
    engine_bits,
    fixed_batches,
)
from cantilena.train.note.ngrams import count_bits

FIGURES = "figures.json"
SHORT = 512
"""Notes in the windows of "short"."""

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

Measure = Callable[[Sequence[Batch]], dict[str, Any]]


def measure(
    place: str | Path | None,
    data: str | Path,
    split: str = "test",
    windows: int = 256,
    length: int = 1024,
    corpora: tuple[str, ...] = ("lakh",),
) -> tuple[dict[str, Any], str]:
    """Bits per note of a run's or a checkpoint's model on windows of ``split``, and a table of
    them; of the shipped checkpoint where ``place`` is None. Those of a run are also written to its
    ``figures.json``, from where an export takes them up. Raises CheckpointError, and InputError
    for windows longer than the model's context."""
    shipped = resources.files("cantilena") / "checkpoints" / "note"
    place = Path(str(shipped)) if place is None else Path(place)
    ours = is_checkpoint(place)
    evaluate, scheme, context, notes_seen = (_checkpoint if ours else _run)(place)
    if length > context:
        raise InputError(f"windows of {length:,} notes do not fit a context of {context:,}")
    held_out = load_split(data, split, corpora=corpora)
    rows: dict[str, Any] = count_bits(load_split(data, "train", corpora=corpora), held_out, scheme)
    crops = {name: replace(crop, length=length) for name, crop in VALID_CROPS.items()}
    crops["short"] = replace(UNCONDITIONED, length=min(SHORT, context))
    for name, crop in crops.items():
        batches = fixed_batches(held_out, scheme, crop, windows, 16)
        rows[name] = evaluate(batches)
        if name == "fresh":
            for other, change in CHANGES.items():
                rows[other] = evaluate(change(batches))
    rows |= {"split": split, "windows": windows, "length": length, "notes_seen": notes_seen}
    if not ours:
        figures = place / FIGURES
        before = read_json(figures) if figures.exists() else {}
        write_json(figures, {**before, split: rows})
    return rows, table(rows)


def _run(folder: Path) -> tuple[Measure, NoteScheme, int, int]:
    """What measures a run's model, its scheme, its context and the notes it has seen."""
    from cantilena.train.note.loop import Training, run_recipe

    recipe = run_recipe(folder)
    if recipe is None:
        raise CheckpointError(f"{folder} holds no training run and no checkpoint")
    training = Training(folder, None, recipe, measured=True)
    model: Any = training.model.eval()
    context = model.config.context
    return (
        lambda batches: bits(model, batches, training.device, training.settings.precision),
        training.scheme,
        context,
        training.notes,
    )


def _checkpoint(folder: Path) -> tuple[Measure, NoteScheme, int, int | None]:
    """The same of a checkpoint."""
    engine = Engine(folder)
    scheme = NoteScheme.from_dict(engine.card["scheme"])
    notes_seen = engine.card["training"].get("notes_seen")
    return (
        lambda batches: engine_bits(engine, batches),
        scheme,
        engine.model["context"],
        notes_seen,
    )


def table(rows: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    lines = [
        f"| {rows['split']}, bits per note | " + " | ".join(FIELDS) + " | all |",
        "|---|" + "---|" * 6,
    ]
    for name in NAMES:
        row = [f"{rows[name][f]:.2f}" for f in (*FIELDS, "all")]
        lines.append(f"| {NAMES[name]} | " + " | ".join(row) + " |")
    return "\n".join(lines)
