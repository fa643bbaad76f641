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
from cantilena.train.run import held_out_name

NAMES = ("eval_loss", "valid_loss", "validation_loss", "val_loss")
"""What a validation loss is called, in nats per token, where it is not said of what."""
_INSIDE = ("trainer_state.json", "log.jsonl", "results.json")


def read_losses(place: str | Path) -> dict[str, float | None]:
    """The last validation losses that a run wrote, in their own unit (nats per token), by what they
    are of, as "music" and "text and music"; where that is not said, by "". None where the last one
    is no finite number, as after a training that diverged: an earlier one does not stand for it.

    ``place``: a number; a JSON file with one of ``NAMES`` or such as "eval_music_loss" anywhere in
    it, the Trainer's ``trainer_state.json`` among them; JSON lines; or a run's folder that holds
    such a file, the newest checkpoint's first. Raises InputError where there is none.
    """
    try:
        value = float(str(place))
    except ValueError:
        pass
    else:
        if not math.isfinite(value):
            raise InputError(f"a validation loss must be a finite number, not {place}")
        return {"": value}
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


def _losses(data: Any) -> Iterator[dict[str, float | None]]:
    """The losses of each object within ``data``, those with names above one without."""
    if isinstance(data, dict):
        numbers = {
            key: float(value) if value is not None and math.isfinite(value) else None
            for key, value in data.items()
            if value is None or isinstance(value, (int, float))
        }
        named = {name: v for key, v in numbers.items() if (name := held_out_name(key))}
        plain = [v for key, v in numbers.items() if key in NAMES]
        if named or plain:
            yield named or {"": plain[-1]}
    entries = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for value in entries:
        yield from _losses(value)
