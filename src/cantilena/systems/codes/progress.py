"""Progress of a cascade in a file, so that a piece that was interrupted goes on where it was.

Knows tokens by name, and a key that says of which piece they are; does not know what tokens mean.
A file is written whole after each window, and goes when the piece is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cantilena.decode.cascade import TokensByName
from cantilena.files import make_folder, staged_file


class Restored(Protocol):
    """A writing that goes on from tokens."""

    def restore(self, tokens: TokensByName) -> bool:
        """Takes up what was written; whether anything was."""
        ...


ENDING = ".cascade.npz"


class SavedProgress:
    """The progress of the piece ``about`` (plain data: the request, the checkpoint) in a folder."""

    def __init__(self, folder: str | Path, about: Mapping[str, Any]):
        text = json.dumps(about, sort_keys=True, ensure_ascii=True)
        self.key = hashlib.sha256(text.encode()).hexdigest()
        self.path = Path(folder) / f".{self.key[:16]}{ENDING}"

    def restore(self, writing: Restored) -> bool:
        """Takes up in ``writing`` what was saved of the piece; whether anything was. A file that is
        damaged or of another piece counts for nothing."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                if str(file["key"]) != self.key:
                    return False
                tokens = {name[1:]: file[name] for name in file.files if name.startswith("/")}
        except Exception:  # zipfile, numpy and the system each have their own
            return False
        return writing.restore(tokens)

    def keep(self, tokens: TokensByName) -> None:
        """Writes the tokens so far. Raises InputError where the disk refuses."""
        make_folder(self.path.parent)
        with staged_file(self.path) as stage, stage.open("wb") as file:
            named: dict[str, Any] = {f"/{name}": rows for name, rows in tokens.items()}
            np.savez(file, key=np.array(self.key), **named)

    def remove(self) -> None:
        """Removes the file, as the piece is done."""
        self.path.unlink(missing_ok=True)
