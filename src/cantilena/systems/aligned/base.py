"""The note model that adapters stand on: which one, and where it is.

Knows checkpoints' folders and hashes; does not know networks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cantilena.errors import CheckpointError
from cantilena.models.checkpoint import Checkpoint
from cantilena.systems.note.checkpoint import open_note
from cantilena.systems.note.composer import shipped_folder


def open_base(folder: str | Path | None = None) -> Checkpoint:
    """The note checkpoint in a folder; the shipped one where none is named. Raises
    CheckpointError."""
    return open_note(shipped_folder() if folder is None else folder)


def base_entry(base: Checkpoint) -> dict[str, Any]:
    """What the card of adapters says of their base: system, name and hash, and the folder of any
    but the shipped one, so that it can be opened again."""
    entry = {"system": base.system, "name": base.name, "hash": base.hash}
    if base.folder.resolve() != shipped_folder().resolve():
        entry["folder"] = str(base.folder.resolve())
    return entry


def base_of(adapters: Checkpoint, folder: str | Path | None = None) -> Checkpoint:
    """The base that adapters stand on: in ``folder``, where one is named, else where their card
    says, else the shipped one. Raises CheckpointError where the hash there is another."""
    entry = adapters.model["base"]
    place = folder if folder is not None else entry.get("folder")
    base = open_base(place)
    if base.hash != entry["hash"]:
        raise CheckpointError(
            f"the adapters in {adapters.folder} stand on the note model {entry.get('name', '')!r} "
            f"({entry['hash']}), not on {base.name!r} ({base.hash}) in {base.folder}"
        )
    return base
