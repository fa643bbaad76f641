"""A model of codes and the codec that its codes are of: kept in one folder, found, and matched.

Knows cards, fingerprints and places; does not know Requests, Scores or how codes are written. A
folder of the systems in ``PAIRS`` holds two checkpoints, ``codes`` and ``codec``; a model of codes
alone, or a published MusicGen, gets its codec by name or brings its own.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError, InputError
from cantilena.models.audio.codec.base import Codec
from cantilena.models.audio.codec.files import load_codec, shipped_codec
from cantilena.models.audio.codec.published import PublishedEncodec
from cantilena.models.audio.musicgen import AUDIOCRAFT, load_musicgen
from cantilena.models.audio.shipped import CODE_NOTES, MUSICGEN, need_shipped
from cantilena.models.checkpoint import (
    Checkpoint,
    digest,
    is_checkpoint,
    located,
    open_checkpoint,
    save_checkpoint,
    system_in,
)
from cantilena.models.hub import chosen_device, folder_of
from cantilena.systems.codes.checkpoint import (
    INT8,
    cpu_of,
    in_8_bits,
    load_writer,
    published_writer,
)
from cantilena.systems.codes.writing import CodeWriter
from cantilena.systems.trainable import CODEC, CODES

PAIRS = (MUSICGEN, CODE_NOTES)
"""Systems whose folders hold a model of codes and its codec."""


@dataclass(frozen=True)
class Pair:
    """What ``writer`` writes, ``codec`` sounds. ``name``, ``hash`` and ``card`` tell which they
    are."""

    writer: CodeWriter
    codec: Codec
    name: str
    hash: str
    card: Mapping[str, Any]


def save_pair(
    folder: str | Path,
    codes: str | Path,
    codec: str | Path,
    name: str,
    system: str = MUSICGEN,
) -> Checkpoint:
    """Makes a checkpoint of ``system``, "musicgen" or "code-notes", of a model of codes and its
    codec, each a checkpoint's folder or a run's. Raises CheckpointError, and InputError where the
    codes are of another codec or ``folder`` holds other files."""
    places = {CODES: open_checkpoint(codes, CODES), CODEC: open_checkpoint(codec, CODEC)}
    _check_codec(places[CODES], load_codec(codec, "cpu"), codec)
    cards = {part: checkpoint.card for part, checkpoint in places.items()}

    def write(stage: Path) -> None:
        for part, checkpoint in places.items():
            shutil.copytree(checkpoint.folder, stage / part)

    card = {
        "system": system,
        "name": name,
        "sources": {**cards[CODEC]["sources"], **cards[CODES]["sources"]},
        "licence": cards[CODES]["licence"],
        "figures": {part: card["figures"] for part, card in cards.items()},
        "seed": cards[CODES]["seed"],
    }
    return save_checkpoint(folder, card, write)


def load_pair(
    place: str | Path | None,
    codec: str | Path | None = None,
    device: str | None = None,
    dtype: str | None = None,
    kind: str = MUSICGEN,
) -> Pair:
    """The pair in a folder of the system ``kind``; of a model of codes or a published MusicGen by
    folder or hub name; None: the shipped one. ``codec``: another place for the codec.

    Raises InputError where none is named and none installed, where a codec must be named, and for
    one that the codes are not of; CheckpointError, MissingExtraError."""
    if dtype == INT8:
        pair = load_pair(place, codec, cpu_of(device))
        return replace(pair, writer=in_8_bits(pair.writer))
    place = need_shipped(kind) if place is None else place
    system = system_in(place) if is_checkpoint(place) else ""
    if system in PAIRS:
        whole = open_checkpoint(place, kind)
        return _ours(whole, whole.folder / CODES, codec or whole.folder / CODEC, device, dtype)
    if system:
        alone, codec = open_checkpoint(place, CODES), codec or shipped_codec()
        if codec is None:
            raise InputError(f"say by --codec what sounds the codes of {str(place)!r}")
        return _ours(alone, alone.folder, codec, device, dtype)
    return _published(place, codec, device, dtype)


def _ours(
    checkpoint: Checkpoint,
    codes: Path,
    codec: str | Path,
    device: str | None,
    dtype: str | None,
) -> Pair:
    model = load_codec(codec, device)
    _check_codec(open_checkpoint(codes, CODES), model, codec)
    total = hashlib.sha256(f"{checkpoint.hash} {model.fingerprint()}".encode()).hexdigest()
    writer = load_writer(codes, device, dtype)
    return Pair(writer, model, checkpoint.name, total[:16], checkpoint.card)


def _published(
    place: str | Path, codec: str | Path | None, device: str | None, dtype: str | None
) -> Pair:
    published = load_musicgen(place, dtype, device)
    writer = published_writer(published)
    if codec is not None:
        model = load_codec(codec, device)
    elif published.codec is not None:
        model = PublishedEncodec(published.codec.float())
        model = model.to(chosen_device(device)).eval().requires_grad_(False)
    else:
        raise InputError(f"say by --codec what sounds the codes of {str(place)!r}")
    config = writer.model.config
    fits = model.books >= config.books and set(model.sizes[: config.books]) == {config.card}
    if not fits or abs(model.frame_rate - writer.rate) > 1e-6:
        raise InputError(
            f"the model writes {config.books} books of {config.card} codes at {writer.rate:g} "
            f"frames a second, the codec has {list(model.sizes)} at {model.frame_rate:g}"
        )
    folder = Path(folder_of(str(place), "MusicGen"))
    card_file = AUDIOCRAFT if (folder / AUDIOCRAFT).is_file() else "config.json"
    total = hashlib.sha256(f"{digest(folder, card_file)} {model.fingerprint()}".encode())
    return Pair(writer, model, Path(place).name, total.hexdigest()[:16], {})


def _check_codec(codes: Checkpoint, codec: Codec, place: str | Path) -> None:
    """Raises InputError where the codes are of another codec."""
    fingerprint = codes.model.get("codec")
    if not isinstance(fingerprint, str):
        raise CheckpointError(f"{codes.folder} does not say which codec its codes are of")
    if fingerprint != codec.fingerprint():
        raise InputError(
            f"the model of codes in {str(codes.folder)!r} writes codes of the codec "
            f"{fingerprint[:16]}, not of {codec.fingerprint()[:16]} in {str(located(place))!r}; "
            "name its own with --codec"
        )
