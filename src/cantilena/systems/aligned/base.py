"""The note model that adapters stand on, and the adapters that are shipped: which, and where.

Knows checkpoints' folders and hashes; does not know networks.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError
from cantilena.models.checkpoint import CARD, Checkpoint, sha256_of
from cantilena.systems.note.checkpoint import open_note
from cantilena.systems.note.composer import shipped_folder


def shipped_adapters() -> Path:
    """The folder of the shipped adapters. Raises CheckpointError where it is missing."""
    folder = Path(str(resources.files("cantilena") / "checkpoints" / "aligned"))
    if not (folder / CARD).exists():
        raise CheckpointError("the shipped adapters are missing: reinstall cantilena")
    return folder


def open_base(folder: str | Path | None = None) -> Checkpoint:
    """The note checkpoint in a folder; the shipped one where none is named. Raises
    CheckpointError."""
    return open_note(shipped_folder() if folder is None else folder)


def weights_hash(base: Checkpoint) -> str:
    """16 hex digits of a base's weights: adapters read nothing else of it, so that they stand on
    one whose habits or figures are others as well."""
    return sha256_of(base.weights)[:16]


def pair_hash(adapters: Checkpoint, base: Checkpoint) -> str:
    """16 hex digits of all that a piece is made by: the adapters and their whole base."""
    return hashlib.sha256(f"{adapters.hash} {base.hash}".encode()).hexdigest()[:16]


def base_entry(base: Checkpoint) -> dict[str, Any]:
    """What the card of adapters says of their base: system, name and the hash of its weights, and
    the folder of any but the shipped one, so that it can be opened again."""
    entry = {"system": base.system, "name": base.name, "hash": weights_hash(base)}
    if base.folder.resolve() != shipped_folder().resolve():
        entry["folder"] = str(base.folder.resolve())
    return entry


def base_of(adapters: Checkpoint, folder: str | Path | None = None) -> Checkpoint:
    """The base that adapters stand on: in ``folder``, where one is named, else where their card
    says, else the shipped one. Raises CheckpointError where its weights are others. Cards of
    earlier adapters have the hash of the whole base, which is taken as well."""
    entry = adapters.model["base"]
    place = folder if folder is not None else entry.get("folder")
    base = open_base(place)
    weights = weights_hash(base)
    if entry["hash"] not in (weights, base.hash):
        raise CheckpointError(
            f"the adapters in {adapters.folder} stand on the note model {entry.get('name', '')!r} "
            f"({entry['hash']}), not on {base.name!r} ({weights}) in {base.folder}"
        )
    return base
