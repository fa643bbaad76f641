"""A note checkpoint's files, checked before anything is made of them.

Knows what card.json, habits.json and model.safetensors must hold, and in which sizes; does not know
how a model is run. All that is wrong is a CheckpointError that names it, and nothing is allocated
by what a card claims.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from cantilena.errors import CheckpointError, InputError, UnknownNameError
from cantilena.tokens import scheme_of
from cantilena.tokens.note import NoteScheme

MAX_CONTEXT = 16_384
"""Steps of a window at most: sixteen times the shipped model's, 250 MB of cache a piece at its
sizes."""

MAX_LAYERS, MAX_WIDTH = 256, 65_536
"""Far more than a model of this kind has; what there is must be in the file of weights besides."""

_WHOLE = {
    "slots": 1_000,
    "slot_size": 10_000,
    "words": 10_000,
    "buckets": 1 << 24,
    "text_width": MAX_WIDTH,
    "text_layers": MAX_LAYERS,
    "width": MAX_WIDTH,
    "layers": MAX_LAYERS,
    "heads": 1_024,
    "hidden": MAX_WIDTH,
    "head_hidden": MAX_WIDTH,
    "context": MAX_CONTEXT,
}
"""The model's whole numbers and how large each may be; all are at least 1."""

_TABLES = ("state", "at_onset", "at_instrument", "scalars")
_TEXT_HEADS = 4  # of the text encoder, whatever its width


def read_card(folder: Path) -> dict[str, Any]:
    """card.json of a checkpoint, with ``model`` and ``scheme`` checked. Raises CheckpointError."""
    card = _read(folder, "card.json")
    model, scheme = card.get("model"), card.get("scheme")
    if not isinstance(model, dict):
        raise _wrong(folder, "card.json has no 'model' with the model's sizes")
    _check_model(folder, model)
    if not isinstance(scheme, dict):
        raise _wrong(folder, "card.json has no 'scheme' that says how notes are encoded")
    try:
        encoding = scheme_of(scheme)
        sizes = encoding.sizes if isinstance(encoding, NoteScheme) else None
    except (
        UnknownNameError,
        InputError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
    ) as e:
        raise _wrong(folder, f"the 'scheme' in card.json cannot be used: {e}") from e
    if sizes is None:
        raise CheckpointError(f"the checkpoint in {folder} does not write note by note")
    if list(sizes) != list(model["fields"]):
        raise _wrong(
            folder,
            f"the model's fields have {list(model['fields'])} values, those of its scheme "
            f"{list(sizes)}",
        )
    return card


def check_weights(folder: Path, model: Mapping[str, Any], shapes: Mapping[str, tuple]) -> None:
    """Raises CheckpointError where a weight that stands outside the trunk is missing or has
    another shape than ``model`` says."""
    for name, wanted in _weights(model).items():
        if name not in shapes:
            raise _wrong(folder, f"model.safetensors has no {name!r}")
        if tuple(shapes[name]) != wanted:
            raise _wrong(
                folder,
                f"{name!r} in model.safetensors is of shape {tuple(shapes[name])}, not {wanted} "
                "as card.json says",
            )


def read_habits(folder: Path) -> dict[str, Any]:
    """habits.json of a checkpoint, checked. Raises CheckpointError."""
    return check_habits(folder, _read(folder, "habits.json"))


def check_habits(folder: Path, habits: Any) -> dict[str, Any]:
    """``habits``, what is usual in music, as plain data. Raises CheckpointError where a part is
    missing or holds something else than the planner reads."""
    if not isinstance(habits, dict):
        raise _wrong(folder, "habits.json is not an object")
    checks = {
        "ensembles": _is_ensembles,
        "progressions": _is_progressions,
        "textures": _is_textures,
        "registers": lambda part: _is_table(part, 2),
        "tempos": lambda part: _is_table(part, 3),
    }
    for name, fits in checks.items():
        if name not in habits:
            raise _wrong(folder, f"habits.json has no {name!r}")
        if not fits(habits[name]):
            raise _wrong(folder, f"{name!r} in habits.json is not what this version writes")
    return habits


def _is_ensembles(part: Any) -> bool:
    return isinstance(part, list) and all(
        isinstance(e, dict)
        and isinstance(e.get("genres"), list)
        and isinstance(e.get("instruments"), list)
        and all(isinstance(g, str) for g in e["genres"])
        and all(_is_whole(i) and 0 <= i <= 128 for i in e["instruments"])
        for e in part
    )


def _is_progressions(part: Any) -> bool:
    return isinstance(part, dict) and all(
        isinstance(part.get(mode), list)
        and all(
            isinstance(row, list)
            and len(row) == 2
            and isinstance(row[0], list)
            and all(_is_whole(chord) for chord in row[0])
            and _is_number(row[1])
            for row in part[mode]
        )
        for mode in ("major", "minor")
    )


def _is_textures(part: Any) -> bool:
    return isinstance(part, dict) and all(
        isinstance(pair, list) and len(pair) == 2 and all(_is_numbers(row, 3) for row in pair)
        for pair in part.values()
    )


def _is_table(part: Any, size: int) -> bool:
    return isinstance(part, dict) and all(_is_numbers(row, size) for row in part.values())


def _is_numbers(row: Any, size: int) -> bool:
    return isinstance(row, list) and len(row) == size and all(_is_number(x) for x in row)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as e:
        raise CheckpointError(f"{folder} is no checkpoint: {path} is missing") from e
    except (OSError, ValueError, RecursionError) as e:
        raise _wrong(folder, f"{name} is damaged: {e}") from e
    if not isinstance(data, dict):
        raise _wrong(folder, f"{name} is not an object")
    return data


def _wrong(folder: Path, what: str) -> CheckpointError:
    return CheckpointError(f"the checkpoint in {folder} cannot be used: {what}")


def _check_model(folder: Path, model: dict[str, Any]) -> None:
    fields = model.get("fields")
    if not isinstance(fields, list) or not fields or not all(_is_size(n) for n in fields):
        raise _wrong(folder, "'fields' of its model must be a list of sizes")
    for name in _TABLES:
        sizes = model.get(name)
        if not isinstance(sizes, dict) or not sizes or not all(map(_is_size, sizes.values())):
            raise _wrong(folder, f"{name!r} of its model must map features to sizes")
    for name, most in _WHOLE.items():
        value = model.get(name)
        if not _is_whole(value) or not 1 <= value <= most:
            raise _wrong(folder, f"{name!r} of its model must be 1 to {most:,}, not {value!r:.40}")
    base = model.get("rope_base")
    if not _is_number(base) or base <= 0:
        raise _wrong(folder, f"'rope_base' of its model must be above 0, not {base!r:.40}")
    for width, heads in (("width", model["heads"]), ("text_width", _TEXT_HEADS)):
        if model[width] % (2 * heads):
            raise _wrong(
                folder,
                f"{width!r} of its model, {model[width]}, does not divide into {heads} heads of "
                "even width",
            )


def _is_size(value: Any) -> bool:
    return _is_whole(value) and 1 <= value <= 1 << 24


def _weights(model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights outside the trunk, by name."""
    d, text, fields = model["width"], model["text_width"], model["fields"]
    instruments = model["slot_size"] - 1
    guesses = sum(model["scalars"].values()) + instruments
    states = model["text_layers"] + 1
    shapes: dict[str, tuple[int, ...]] = {
        f"{part}.table.weight": (sum(model[part].values()), d) for part in _TABLES
    }
    shapes |= {
        "everywhere.weight": (d, d),
        "instruments.weight": (model["slot_size"], d),
        "slot": (model["slots"], d),
        "layer_weights": (states,),
        "text_scale": (states, text),
        "text_in.weight": (d, text),
        "text_everywhere.weight": (d, text),
        "text_guess.weight": (guesses, text),
        "text_guess.bias": (guesses,),
        "text.pieces.weight": (model["buckets"], text),
        "text.place": (model["words"], text),
    }
    for k, size in enumerate(fields):
        if k + 1 < len(fields):
            shapes[f"chosen.{k}.weight"] = (size, d)
        shapes |= _swiglu(f"heads.{k}", d, model["head_hidden"])
        shapes |= {f"heads.{k}.logits.weight": (size, d), f"heads.{k}.logits.bias": (size,)}
    for k in range(model["text_layers"]):
        shapes |= _swiglu(f"text.blocks.{k}", text, 2 * text)
        shapes |= {
            f"text.blocks.{k}.qkv.weight": (3 * text, text),
            f"text.blocks.{k}.out.weight": (text, text),
        }
    return shapes


def _swiglu(name: str, width: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """Two norms and a gated layer, which heads and blocks have alike."""
    return {
        f"{name}.norm1.weight": (width,),
        f"{name}.norm2.weight": (width,),
        f"{name}.up.weight": (2 * hidden, width),
        f"{name}.down.weight": (width, hidden),
    }
