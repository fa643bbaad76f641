"""MusicLM on disk: the stages, the words and the codec, in one file of weights with one card.

Knows cards and tensors; does not know Requests, training or sound. What is not needed to compose
(the sound tower, the semantic quantiser, the codec's encoder) may be left out, as it is in the
shipped checkpoint; the card says by which fingerprint the codec is the whole one's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.files import build_codec, load_codec, save_beside_codec
from cantilena.models.audio.shipped import MUSICLM, need_shipped
from cantilena.models.checkpoint import (
    Checkpoint,
    open_checkpoint,
    plain_json,
)
from cantilena.models.hub import chosen_device
from cantilena.models.saving import load_tensors
from cantilena.systems.musiclm.levels import books_of
from cantilena.systems.musiclm.model import MusicConfig, MusicLM
from cantilena.systems.musiclm.options import SYSTEM

_MUSIC, _CODEC = "music.", "codec."
_SPARE = (
    "music.words.sound.",
    "music.words.scale",
    "music.words.joint.audio.",
    "music.words.joint.scales",
    "music.semantic.",
    "codec.encoder.",
)
_COUNTS = (".sums", ".counts", ".updates", ".started")
"""How the names of a codebook's statistics of training end."""


@dataclass(frozen=True)
class Loaded:
    """A MusicLM with the codec of its codes; ``whole``: whether nothing was left out of them."""

    music: MusicLM
    codec: Codec
    checkpoint: Checkpoint
    whole: bool


def save_musiclm(
    folder: str | Path,
    music: MusicLM,
    codec: Codec,
    card: Mapping[str, Any],
    *,
    half: bool = False,
    slim: bool = False,
) -> Checkpoint:
    """Writes a checkpoint. ``card``: what is known of its training; ``half``: weights in float16;
    ``slim``: without what composing does not need. Raises InputError where the codec is not the one
    that the stages write codes of."""
    check_codec(music.config, codec)
    about = {
        "music": music.config.to_dict(),
        "codec": {"codec": codec.kind, "options": dict(codec.options)},
        "fingerprint": codec.fingerprint(),
        "slim": slim,
    }
    own = {"system": SYSTEM, "name": SYSTEM, "model": plain_json(about)}
    parts = {_MUSIC: music, _CODEC: codec}
    spare = is_spare if slim else lambda name: False
    return save_beside_codec(folder, {**own, **card}, parts, half, spare)


def export_musiclm(run: str | Path, folder: str | Path) -> Checkpoint:
    """Makes of a run, or its checkpoint, a slim one in 16 bits: what composing needs. Raises as
    ``load_musiclm``, and InputError for a slim one."""
    loaded = load_musiclm(run, device="cpu")
    if not loaded.whole:
        raise InputError(f"{str(run)!r} is exported already")
    names = ("sources", "licence", "figures", "seed", "training")
    card = {name: loaded.checkpoint.card[name] for name in names}
    training = dict(card["training"])
    training["options"] = {
        **training.get("options", {}),
        "codec_folder": "",
        "words": "",
    }  # of the machine that trained it
    card["training"] = training
    return save_musiclm(folder, loaded.music, loaded.codec, card, half=True, slim=True)


def is_spare(name: str) -> bool:
    """Whether composing does without a tensor."""
    return name.startswith(_SPARE) or name.endswith(_COUNTS)


def load_musiclm(
    place: str | Path | None = None,
    codec: str | Path | None = None,
    device: str | None = None,
) -> Loaded:
    """The MusicLM in a folder, or a run's; None: the shipped one. ``codec``: a whole codec in place
    of the checkpoint's own, which has to be the same. Raises CheckpointError, InputError where the
    stages do not fit together, the codec is another or the shipped one is not installed."""
    checkpoint = open_checkpoint(need_shipped(MUSICLM) if place is None else place, SYSTEM)
    about = checkpoint.model
    try:
        music = MusicLM(MusicConfig.from_dict(about["music"])).eval()
        music.cascade()
        slim, fingerprint = bool(about["slim"]), str(about["fingerprint"])
        own = build_codec(about["codec"], checkpoint.folder)
        check_books(music.config, own)
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise CheckpointError(
            f"the model in {checkpoint.folder} cannot be built: {error}"
        ) from error
    tensors = load_tensors(checkpoint.weights)
    _put(music, _MUSIC, tensors, slim, checkpoint)
    _put(own, _CODEC, tensors, slim, checkpoint)
    if fingerprint != music.config.codec:
        raise CheckpointError(
            f"the stages in {checkpoint.folder} write codes of the codec "
            f"{music.config.codec[:16]}, its own is {fingerprint[:16]}"
        )
    sounding = own
    if codec is not None:
        sounding = load_codec(codec, "cpu")
        check_codec(music.config, sounding)
    where = torch.device(chosen_device(device))
    for module in (music, sounding):
        module.eval().requires_grad_(False)
    for module in (music.models, sounding):  # words stay on the CPU: they are read once a piece
        module.to(where)
    return Loaded(music, sounding, checkpoint, not slim)


def _put(
    module: torch.nn.Module,
    prefix: str,
    tensors: Mapping[str, Tensor],
    slim: bool,
    checkpoint: Checkpoint,
) -> None:
    """Loads a module's tensors. Raises CheckpointError where one is missing, unknown, of another
    shape or not finite."""
    own = module.state_dict()
    stored = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    missing = sorted(k for k in own if k not in stored and not (slim and is_spare(prefix + k)))
    odd = sorted(set(stored) - set(own))
    odd += [k for k in stored if k in own and own[k].shape != stored[k].shape]
    odd += [k for k, v in stored.items() if v.is_floating_point() and not math.isfinite(v.sum())]
    if missing or odd:
        raise CheckpointError(
            f"the weights in {checkpoint.folder} do not fit: {(missing + odd)[0]!r}"
        )
    # a quantiser that has counted nothing is begun by what it reads first
    begun = {k: torch.tensor(True) for k in own if k.endswith(".started")}
    module.load_state_dict({**own, **begun, **{k: v.to(own[k].dtype) for k, v in stored.items()}})


def check_codec(config: MusicConfig, codec: Codec) -> None:
    """Raises InputError where the stages write the codes of another codec."""
    own = codec.fingerprint()
    if own != config.codec:
        raise InputError(
            f"the stages write codes of the codec {config.codec[:16]}, not of {own[:16]}"
        )
    check_books(config, codec)


def check_books(config: MusicConfig, codec: Codec) -> None:
    """Raises InputError where a codec cannot sound what the stages write, by its books and rate."""
    last = config.stages[-1]
    if last.source != config.codec:
        raise InputError(
            f"the last stage, {last.name!r}, writes codes of {last.source[:16]!r}, not of the "
            f"codec {config.codec[:16]!r}"
        )
    sizes, rate = books_of(config), config.rate
    if sizes != tuple(codec.sizes[: len(sizes)]) or abs(rate - codec.frame_rate) > 1e-6:
        raise InputError(
            f"the stages write {list(sizes)} values at {rate:g} frames a second, the codec has "
            f"{list(codec.sizes)} at {codec.frame_rate:g}"
        )
