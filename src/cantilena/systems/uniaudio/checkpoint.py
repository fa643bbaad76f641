"""UniAudio on disk: the model and the codec of its codes, in one file of weights with one card.

Knows cards and tensors; does not know Requests, training or sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.files import (
    build_codec,
    load_beside_codec,
    save_beside_codec,
)
from cantilena.models.audio.uniaudio import UniAudio, UniConfig
from cantilena.models.checkpoint import (
    Checkpoint,
    open_checkpoint,
    plain_json,
)
from cantilena.systems.uniaudio.options import SYSTEM, UniOptions
from cantilena.systems.uniaudio.sizes import config_of, vocabulary_of
from cantilena.tokens.codes.patches import Vocabulary

_MODEL, _CODEC = "model.", "codec."


@dataclass(frozen=True)
class Loaded:
    """A model with the codec of its codes, what it was trained by, and its checkpoint."""

    model: UniAudio
    codec: Codec
    options: UniOptions
    checkpoint: Checkpoint

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens of the model."""
        return vocabulary_of(self.options)


def save_uniaudio(
    folder: str | Path,
    model: UniAudio,
    codec: Codec,
    options: UniOptions,
    card: Mapping[str, Any],
) -> Checkpoint:
    """Writes a checkpoint. ``card``: what is known of its training. Raises InputError where the
    codec is not the one whose codes the model writes."""
    check_codec(options, codec)
    about = {
        "config": model.config.to_dict(),
        "options": {**options.to_dict(), "codec_folder": "", "also": ""},  # of this machine alone
        "codec": {"codec": codec.kind, "options": dict(codec.options)},
    }
    own = {"system": SYSTEM, "name": SYSTEM, "model": plain_json(about)}
    parts = {_MODEL: model, _CODEC: codec}
    return save_beside_codec(folder, {**own, **card}, parts, options.half)


def load_uniaudio(place: str | Path, device: str | None = None) -> Loaded:
    """The model in a checkpoint's folder, or a run's, ready for use. Raises CheckpointError,
    MissingExtraError, InputError for a device that is none."""
    checkpoint = open_checkpoint(place, SYSTEM)
    card = checkpoint.model
    try:
        options = UniOptions.from_dict(card["options"])
        model = UniAudio(UniConfig.from_dict(card["config"]))
        if model.config != config_of(options):
            raise InputError("its sizes are not those that its options say")
        codec = build_codec(card["codec"], checkpoint.folder)
        check_books(options, codec)
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise CheckpointError(
            f"the model in {checkpoint.folder} cannot be built: {error}"
        ) from error
    load_beside_codec(checkpoint, {_MODEL: model, _CODEC: codec}, device)
    if codec.fingerprint() != options.codec and not options.half:
        raise CheckpointError(
            f"the model in {checkpoint.folder} writes codes of the codec {options.codec[:16]}, its "
            f"own is {codec.fingerprint()[:16]}"
        )
    return Loaded(model, codec, options, checkpoint)


def check_codec(options: UniOptions, codec: Codec) -> None:
    """Raises InputError where a model of these options writes the codes of another codec."""
    if codec.fingerprint() != options.codec:
        raise InputError(
            f"the model writes codes of the codec {options.codec[:16]}, not of "
            f"{codec.fingerprint()[:16]}"
        )
    check_books(options, codec)


def check_books(options: UniOptions, codec: Codec) -> None:
    """Raises InputError where a codec cannot sound what a model writes, by its books and rate."""
    sizes = (options.card,) * options.books
    if sizes != tuple(codec.sizes) or abs(options.frame_rate - codec.frame_rate) > 1e-6:
        raise InputError(
            f"the model writes {list(sizes)} values at {options.frame_rate:g} frames a second, "
            f"the codec has {list(codec.sizes)} at {codec.frame_rate:g}"
        )


def options_for(codec: Codec, options: UniOptions, folder: str | Path) -> UniOptions:
    """The options for the codes of a codec, which stands in ``folder``. Raises InputError where its
    books have unequal numbers of values, or it has none."""
    return replace(
        options,
        books=codec.books,
        card=codec.card(str(folder)),
        frame_rate=float(codec.frame_rate),
        codec=codec.fingerprint(),
        codec_folder=str(Path(folder).resolve()),
    )
