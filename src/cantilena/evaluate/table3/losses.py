"""The validation loss of a training run, read from what the run wrote.

Knows the files that our runs and HuggingFace's Trainer write; does not compute a loss.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cantilena.errors import InputError

NAMES = ("eval_loss", "valid_loss", "validation_loss", "val_loss")
"""What a validation loss is called, in nats per token."""
_INSIDE = ("trainer_state.json", "log.jsonl", "results.json")


def read_loss(place: str | Path) -> float:
    """The last validation loss that a run wrote, in its own unit (nats per token).

    ``place``: a number; a JSON file with one of ``NAMES`` anywhere in it, the Trainer's
    ``trainer_state.json`` among them; JSON lines; or a run's folder that holds such a file, the
    newest checkpoint's first. Raises InputError where there is none.
    """
    try:
        value = float(str(place))
    except ValueError:
        pass
    else:
        if not math.isfinite(value):
            raise InputError(f"a validation loss must be a finite number, not {place}")
        return value
    path = Path(place)
    for file in _files(path):
        losses = [v for data in _data(file) for v in _losses(data)]
        if losses:
            return losses[-1]
    raise InputError(
        f"{str(place)!r} holds no validation loss: give a number, a JSON or JSON-lines file with "
        f"'{NAMES[0]}' or '{NAMES[1]}', or a run's folder that holds one"
    )


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise InputError(f"there is no file or folder {str(path)!r} to read a loss from")
    folders = [*path.glob("step-*"), *path.glob("checkpoint-*")]  # ours, and the Trainer's own
    step = {p: p.name.rpartition("-")[2] for p in folders}
    newest = sorted((p for p, s in step.items() if s.isdigit()), key=lambda p: -int(step[p]))
    for folder in (path, *newest):
        yield from (folder / name for name in _INSIDE if (folder / name).is_file())


def _data(file: Path) -> list[Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{str(file)!r} cannot be read for a loss: {error}") from error
    try:
        return [json.loads(text)]
    except ValueError:
        pass
    rows: list[Any] = []
    for line in text.split("\n"):
        try:
            rows.append(json.loads(line))
        except ValueError:  # a line that was cut when the run was stopped
            continue
    return rows


def _losses(data: Any) -> Iterator[float]:
    if isinstance(data, dict):
        for name, value in data.items():
            if name in NAMES and isinstance(value, (int, float)) and math.isfinite(value):
                yield float(value)
            elif isinstance(value, (dict, list)):
                yield from _losses(value)
    elif isinstance(data, list):
        for value in data:
            yield from _losses(value)
