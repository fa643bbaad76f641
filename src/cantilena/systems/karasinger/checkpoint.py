"""KaraSinger on disk: the language model and its codec, in one file of weights with one card.

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
from cantilena.models.audio.codec.mel_levels import MelLevelsCodec
from cantilena.models.audio.karasinger import KaraConfig, KaraLM
from cantilena.models.checkpoint import Checkpoint, open_checkpoint, plain_json
from cantilena.systems.karasinger.options import SYSTEM, KaraOptions
from cantilena.systems.karasinger.sizes import config_of

_MODEL, _CODEC = "model.", "codec."


@dataclass(frozen=True)
class Loaded:
    """A model with the codec of its codes, what it was trained by, and its checkpoint."""

    model: KaraLM
    codec: Codec
    options: KaraOptions
    checkpoint: Checkpoint


def options_for(codec: Codec, options: KaraOptions, folder: str | Path) -> KaraOptions:
    """The options for the codes of a codec, which stands in ``folder``. Raises InputError where it
    is none of levels."""
    if not isinstance(codec, MelLevelsCodec):
        raise InputError(
            f"KaraSinger needs a codec of levels, as --recipe codec-karasinger makes it; "
            f"{str(folder)!r} is of the kind {codec.kind!r}"
        )
    return replace(
        options,
        sizes=tuple(codec.sizes),
        rates=tuple(codec.rates),
        frame_rate=float(codec.frame_rate),
        codec=codec.fingerprint(),
        codec_folder=str(Path(folder).resolve()),
    )


def save_karasinger(
    folder: str | Path,
    model: KaraLM,
    codec: Codec,
    options: KaraOptions,
    card: Mapping[str, Any],
) -> Checkpoint:
    """Writes a checkpoint. ``card``: what is known of its training. Raises InputError where the
    codec is not the one whose codes the model writes."""
    if codec.fingerprint() != options.codec:
        raise InputError(
            f"the model writes codes of the codec {options.codec[:16]}, not of "
            f"{codec.fingerprint()[:16]}"
        )
    about = {
        "config": model.config.to_dict(),
        "options": {**options.to_dict(), "codec_folder": ""},  # of this machine alone
        "codec": {"codec": codec.kind, "options": dict(codec.options)},
    }
    own = {"system": SYSTEM, "name": SYSTEM, "model": plain_json(about)}
    parts = {_MODEL: model, _CODEC: codec}
    return save_beside_codec(folder, {**own, **card}, parts, options.half)


def load_karasinger(place: str | Path, device: str | None = None) -> Loaded:
    """The model in a checkpoint's folder, or a run's, ready for use. Raises CheckpointError,
    MissingExtraError, InputError for a device that is none."""
    checkpoint = open_checkpoint(place, SYSTEM)
    card = checkpoint.model
    try:
        options = KaraOptions.from_dict(card["options"])
        model = KaraLM(KaraConfig.from_dict(card["config"]))
        if model.config != config_of(options):
            raise InputError("its sizes are not those that its options say")
        codec = build_codec(card["codec"], checkpoint.folder)
        if tuple(codec.sizes) != options.sizes:
            raise InputError("its codec has other codes than it writes")
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
