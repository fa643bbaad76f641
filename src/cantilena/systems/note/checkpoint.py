"""The note system's part of a checkpoint: what its card must say of the model, and its weights.

Knows the sizes that a step model may have and the names of its weights; computes nothing, and needs
no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import CheckpointError, InputError
from cantilena.models.checkpoint import Checkpoint, open_checkpoint
from cantilena.tokens import scheme_of
from cantilena.tokens.note import NoteScheme

SYSTEM = "note"
TRUNK = "trunk.onnx"
HABITS = "habits.json"

# far above any size that the formats of ours have had, far below what would fill a memory
_MOST = {
    "slots": 64,
    "slot_size": 1024,
    "words": 1024,
    "buckets": 1 << 20,
    "text_width": 8192,
    "text_layers": 64,
    "width": 8192,
    "layers": 128,
    "heads": 256,
    "hidden": 1 << 16,
    "head_hidden": 1 << 16,
    "context": 1 << 14,
}
TEXT_HEADS = 4  # of the text encoder, whatever its width
_FEATURES = ("state", "at_onset", "at_instrument", "scalars")
_PLAN = frozenset({"at_step", "at_onset", "at_instrument"})
_MOST_CLASSES = 1 << 16
_MOST_FEATURES = 256


def open_note(place: str | Path | Checkpoint) -> Checkpoint:
    """The checkpoint in a folder, of the note system, with sizes that a model can have. Raises
    CheckpointError."""
    checkpoint = open_checkpoint(place, SYSTEM)
    try:
        _check(checkpoint.model)
        scheme = scheme_of(dict(checkpoint.card["scheme"]))
        if not isinstance(scheme, NoteScheme):
            raise ValueError("it does not write note by note")
        _check_scheme(scheme)
        if tuple(checkpoint.model["fields"]) != scheme.sizes:
            raise ValueError("its model's fields are not those of its scheme")
    except (InputError, KeyError, ValueError, TypeError, OverflowError) as error:
        where = f"the checkpoint in {checkpoint.folder} cannot be used"
        raise CheckpointError(f"{where}: {error}") from error
    return checkpoint


def load_weights(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """The weights of everything but the trunk, float32, by name; each is there and of the shape
    that the card's sizes give. Raises CheckpointError."""
    from safetensors.numpy import load_file

    try:
        raw = load_file(checkpoint.weights)
    except FileNotFoundError as error:
        name = checkpoint.weights.name
        message = f"{checkpoint.folder} is no checkpoint: {name} is missing"
        raise CheckpointError(message) from error
    except Exception as error:  # safetensors raises its own kinds
        message = f"the checkpoint's {checkpoint.weights} cannot be read: {error}"
        raise CheckpointError(message) from error
    for name, shape in shapes(checkpoint.model).items():
        if name not in raw or raw[name].shape != shape:
            there = raw[name].shape if name in raw else "missing"
            raise CheckpointError(
                f"the checkpoint in {checkpoint.folder} is damaged: its weight {name} should be "
                f"{shape} and is {there}"
            )
    return {k: v.astype(np.float32) for k, v in raw.items() if not k.startswith("blocks.")}


def shapes(model: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every weight outside the trunk of a model of these sizes, as
    ``models.step_lm.StepLM`` has them."""
    d, text = model["width"], model["text_width"]
    scalars = sum(model["scalars"].values())
    guesses = scalars + model["slot_size"] - 1
    out: dict[str, tuple[int, ...]] = {
        f"{part}.table.weight": (sum(model[part].values()), d) for part in _FEATURES
    }
    out |= {
        "instruments.weight": (model["slot_size"], d),
        "everywhere.weight": (d, d),
        "text_in.weight": (d, text),
        "text_everywhere.weight": (d, text),
        "text_guess.weight": (guesses, text),
        "text_guess.bias": (guesses,),
        "layer_weights": (model["text_layers"] + 1,),
        "text.pieces.weight": (model["buckets"], text),
        "text.place": (model["words"], text),
        "text_scale": (model["text_layers"] + 1, text),
        "slot": (model["slots"], d),
    }
    for part, sizes in model.get("plan", {}).items():
        out[f"plan.{part}.table.weight"] = (sum(sizes.values()), d)
    if model.get("standings"):
        out["standing.gain.weight"] = (model["standings"], d)
        out["standing.gain.bias"] = (model["standings"],)
    for i in range(model["text_layers"]):
        block = f"text.blocks.{i}."
        out |= {
            f"{block}norm1.weight": (text,),
            f"{block}norm2.weight": (text,),
            f"{block}qkv.weight": (3 * text, text),
            f"{block}out.weight": (text, text),
            f"{block}up.weight": (4 * text, text),
            f"{block}down.weight": (text, 2 * text),
        }
    for k, size in enumerate(model["fields"]):
        head = f"heads.{k}."
        out |= {
            f"{head}norm1.weight": (d,),
            f"{head}norm2.weight": (d,),
            f"{head}up.weight": (2 * model["head_hidden"], d),
            f"{head}down.weight": (d, model["head_hidden"]),
            f"{head}logits.weight": (size, d),
            f"{head}logits.bias": (size,),
        }
        if k + 1 < len(model["fields"]):
            out[f"chosen.{k}.weight"] = (size, d)
    return out


def _check(model: Mapping[str, Any]) -> None:
    """Raises ValueError for sizes that are missing, of another kind or out of range."""
    for name, most in _MOST.items():
        least = 0 if name == "text_layers" else 1
        value = model.get(name)
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"the model's {name} must be {least} to {most:,}, not {value!r}")
    if model["width"] % model["heads"] or model["width"] // model["heads"] % 2:
        raise ValueError("the model's width must be its heads times an even number")
    if model["text_width"] % (2 * TEXT_HEADS):
        raise ValueError(f"the model's text_width must be {TEXT_HEADS} times an even number")
    base = model.get("rope_base")
    if not isinstance(base, (int, float)) or not 1 < base < 1e12:
        raise ValueError(f"the model's rope_base must be a number above 1, not {base!r}")
    fields = model.get("fields")
    if not isinstance(fields, (list, tuple)) or not all(_is_classes(n) for n in fields):
        raise ValueError("the model's fields must be whole numbers of classes")
    for name in _FEATURES:
        _check_features(name, model.get(name))
    plan, standings = model.get("plan", {}), model.get("standings", 0)
    if not isinstance(plan, dict) or set(plan) not in (set(), _PLAN):
        raise ValueError("the model's plan must have the parts at_step, at_onset and at_instrument")
    for name, sizes in plan.items():
        _check_features(f"plan {name}", sizes)
    if standings != 0 and not (plan and _is_classes(standings)):
        raise ValueError("the model's standings must be a number of classes, and 0 without a plan")


def _check_features(name: str, sizes: Any) -> None:
    """Raises ValueError where ``sizes`` are not names with numbers of classes."""
    right = isinstance(sizes, dict) and 1 <= len(sizes) <= _MOST_FEATURES
    if not right or not all(_is_classes(n) for n in sizes.values()):
        raise ValueError(f"the model's {name} must be names with numbers of classes")


def _check_scheme(scheme: NoteScheme) -> None:
    """Raises ValueError for a vocabulary whose values are no ticks or velocities."""
    if not _is_classes(scheme.max_delta):
        raise ValueError(f"the scheme's max_delta must be ticks, not {scheme.max_delta!r}")
    for name, most in (("durations", _MOST_CLASSES), ("velocities", 127)):
        values = getattr(scheme, name)
        whole = all(type(v) is int and 1 <= v <= most for v in values)
        if not values or not whole or list(values) != sorted(set(values)):
            raise ValueError(f"the scheme's {name} must be rising whole numbers of 1 to {most}")


def _is_classes(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _MOST_CLASSES
