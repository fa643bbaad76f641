"""Models of codes on disk: our checkpoints, and published MusicGens, made ready to write.

Knows cards, weights and text encoders; does not know codecs beyond the fingerprint of the one whose
codes a model writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.code_lm import CodeConfig, CodeLM
from cantilena.models.audio.code_step import packed_weights
from cantilena.models.audio.musicgen import MusicGen, load_musicgen
from cantilena.models.checkpoint import (
    WEIGHTS,
    is_checkpoint,
    open_checkpoint,
    plain_json,
    save_checkpoint,
)
from cantilena.models.encoders import PretrainedEncoder, encoder_from_card
from cantilena.models.hub import chosen_device, dtype_of
from cantilena.models.saving import load_tensors, load_weights, save_tensors
from cantilena.systems.codes.conditions import Conditioner
from cantilena.systems.codes.writing import SECONDS, STRIDE, CodeWriter
from cantilena.systems.trainable import CODES

PUBLISHED_RATE = 50.0
"""Frames a second of the codec of all published MusicGens, where it does not come with them."""
INT8 = "int8"
"""A dtype of models of codes alone: weights are read in 8 bits, on a CPU."""


def save_codes(
    folder: str | Path,
    model: CodeLM,
    about: Mapping[str, Any],
    card: Mapping[str, Any],
    half: bool = False,
) -> Path:
    """Writes a checkpoint. ``about``: ``pattern``, ``rate`` (frames a second), ``seconds`` of a
    window, ``encoder`` (its card, or None) and ``codec`` (its fingerprint); ``card``: what is known
    of its training; ``half``: weights in float16. Raises InputError."""
    own = {
        "system": CODES,
        "name": CODES,
        "model": plain_json({"config": model.config.to_dict(), **about}),
    }

    def write(stage: Path) -> None:
        state = model.state_dict()
        save_tensors(
            stage / WEIGHTS, {k: v.half() if half else v.float() for k, v in state.items()}
        )

    return save_checkpoint(folder, {**own, **card}, write).folder


def load_writer(
    place: str | Path, device: str | None = None, dtype: str | None = None
) -> CodeWriter:
    """What writes codes, of a checkpoint's folder, a published MusicGen's, or a hub name. Raises
    CheckpointError, MissingExtraError, and InputError for a device or a dtype that is none."""
    if dtype == INT8:
        return in_8_bits(load_writer(place, cpu_of(device)))
    if is_checkpoint(place):
        return _ours(place, device, dtype)
    return published_writer(load_musicgen(place, dtype, device))


def in_8_bits(writer: CodeWriter) -> CodeWriter:
    """A writer whose model, on a CPU, is read in 8 bits, a column at a time; texts, and what is
    known before the first column, are read as they were. Raises InputError where torch cannot."""
    try:
        return replace(writer, packed=packed_weights(writer.model))
    except (RuntimeError, AttributeError) as error:
        raise InputError("this torch cannot read weights in 8 bits on this machine") from error


def cpu_of(device: str | None) -> str:
    """The device of weights in 8 bits. Raises InputError where another is asked for."""
    if device not in (None, "cpu"):
        raise InputError(f"weights in 8 bits are read on a CPU, not on {device!r}")
    return "cpu"


def published_writer(published: MusicGen) -> CodeWriter:
    """What writes codes by a published MusicGen, whose text encoder it has where one comes with
    it."""
    encoder = None
    if published.text_encoder is not None:
        encoder = PretrainedEncoder.around(published.text_encoder, published.folder)
    rate = PUBLISHED_RATE
    if published.codec is not None:
        rate = float(published.codec.config.frame_rate)
    conditioner = Conditioner(published.model.config, rate, encoder)
    return CodeWriter(published.model, rate, conditioner)


def _ours(place: str | Path, device: str | None, dtype: str | None) -> CodeWriter:
    checkpoint = open_checkpoint(place, CODES)
    about = checkpoint.model
    try:
        config = CodeConfig.from_dict(about["config"])
        rate, seconds = float(about["rate"]), float(about["seconds"])
        encoder = encoder_from_card(about["encoder"]) if about["encoder"] else None
        model = CodeLM(config)
        conditioner = Conditioner(config, rate, encoder)
        writer = CodeWriter(
            model, rate, conditioner, about["pattern"], {}, seconds, seconds * STRIDE / SECONDS
        )
        writer.layout(max(1, round(rate * seconds)))
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise CheckpointError(
            f"the model of codes in {checkpoint.folder} cannot be built: {error}"
        ) from error
    weights = {k: v.float() for k, v in load_tensors(checkpoint.weights).items()}
    load_weights(model, weights, checkpoint.folder)
    model.to(chosen_device(device), dtype_of(dtype)).eval().requires_grad_(False)
    return writer
