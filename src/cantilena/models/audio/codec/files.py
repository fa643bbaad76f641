"""Codecs on disk: our checkpoints, and what a codec's folder or name is taken for.

Knows cards and weights; does not know networks. A folder with a ``card.json`` is ours; one with a
``config.json`` of EnCodec, DAC or Mimi, or a hub name, is a published one (``codec.published``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.codec.base import Codec, codec
from cantilena.models.audio.codec.published import load_published, published_kind
from cantilena.models.audio.shipped import CODEC, MUSICGEN, shipped
from cantilena.models.checkpoint import (
    WEIGHTS,
    Checkpoint,
    is_checkpoint,
    open_checkpoint,
    plain_json,
    save_checkpoint,
)
from cantilena.models.hub import check_place, chosen_device
from cantilena.models.saving import load_tensors, load_weights, save_tensors

SYSTEM = "codec"
"""What cards of codecs have as their system."""


def save_codec(
    folder: str | Path, model: Codec, card: Mapping[str, Any], half: bool = False
) -> Checkpoint:
    """Writes a codec's checkpoint. ``card``: what is known of its training; ``half``: weights in
    float16, of which what is read again is a rounding. Raises InputError."""
    own = {
        "system": SYSTEM,
        "name": model.kind,
        "model": plain_json({"codec": model.kind, "options": dict(model.options)}),
    }

    def write(stage: Path) -> None:
        state = model.state_dict()
        if half:
            state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        save_tensors(stage / WEIGHTS, state)

    return save_checkpoint(folder, {**own, **card}, write)


def save_beside_codec(
    folder: str | Path,
    card: Mapping[str, Any],
    parts: Mapping[str, nn.Module],
    half: bool = False,
    spare: Callable[[str], bool] = lambda name: False,
) -> Checkpoint:
    """Writes a checkpoint of a model and its codec in one file of weights: those of each of
    ``parts``, their names behind its own. ``half``: in float16; ``spare``: which names are left
    out. Raises InputError."""
    named = {
        prefix + key: value
        for prefix, part in parts.items()
        for key, value in part.state_dict().items()
    }
    weights = {name: value.cpu() for name, value in named.items() if not spare(name)}
    if half:
        weights = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    kept = {name: value.contiguous() for name, value in weights.items()}
    return save_checkpoint(folder, card, lambda stage: save_tensors(stage / WEIGHTS, kept))


def load_beside_codec(
    checkpoint: Checkpoint, parts: Mapping[str, nn.Module], device: str | None = None
) -> None:
    """Puts the weights of a checkpoint that ``save_beside_codec`` wrote into ``parts``, in float32,
    frozen, on a device. Raises CheckpointError, and InputError for a device that is none."""
    tensors = load_tensors(checkpoint.weights)
    where = torch.device(chosen_device(device))
    for prefix, module in parts.items():
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        whole = {k: v.float() if v.is_floating_point() else v for k, v in own.items()}
        load_weights(module, whole, checkpoint.folder)
        module.eval().requires_grad_(False).to(where)


def build_codec(model: Mapping[str, Any], where: str | Path) -> Codec:
    """The codec that a card's ``model`` describes, with random weights. Raises CheckpointError."""
    try:
        return codec(model["codec"], **model["options"])
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise CheckpointError(f"the codec in {where} cannot be built: {error}") from error


def load_codec(place: str | Path, device: str | None = None) -> Codec:
    """The codec in a folder (ours, a run's, a published one's) or of a hub name, ready for use.
    Raises CheckpointError, MissingExtraError, and InputError for a device that is none and a place
    where there can be none."""
    device = chosen_device(device)
    check_place(place, "codec")
    if not is_checkpoint(place) and (published_kind(place) or not Path(place).is_dir()):
        return load_published(str(place), device)
    checkpoint = open_checkpoint(place, SYSTEM)
    model = build_codec(checkpoint.model, checkpoint.folder)
    weights = load_tensors(checkpoint.weights)
    weights = {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
    load_weights(model, weights, checkpoint.folder)
    return model.to(torch.device(device)).eval().requires_grad_(False)


def shipped_codec() -> Path | None:
    """The folder of the codec among our weights for sound, else of the one that the shipped
    musicgen writes codes of; None where they are not installed."""
    return shipped(CODEC) or shipped(f"{MUSICGEN}/{CODEC}")
