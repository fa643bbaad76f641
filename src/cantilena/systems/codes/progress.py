"""Progress of a piece in a file, so that one that was interrupted goes on at its window.

Knows arrays by name, and a key that says of which piece they are; does not know what they mean.
A file is written whole after each window, and goes when the piece is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from cantilena.files import make_folder, staged_file
from cantilena.fingerprint import code_fingerprint
from cantilena.systems.request import Request

ENDING = ".cascade.npz"


class Restored(Protocol):
    """What takes up what was written before."""

    def restore(self, tokens: Mapping[str, np.ndarray], /) -> bool:
        """Takes up arrays that were kept of the same piece; whether it could."""
        ...


@runtime_checkable
class ByWindows(Restored, Protocol):
    """A writing that goes on behind the windows that are ``written``, of which ``kept`` has all
    that the next one hangs on."""

    @property
    def written(self) -> int: ...

    @property
    def kept(self) -> dict[str, np.ndarray]: ...

    def steps(self) -> Iterator[tuple[int, int]]:
        """Writes step by step; yields how many are done, and their number."""
        ...


class SavedProgress:
    """The progress of the piece ``about`` (plain data: the request, the checkpoint) in a folder."""

    def __init__(self, folder: str | Path, about: Mapping[str, Any]):
        text = json.dumps(about, sort_keys=True, ensure_ascii=True)
        self.key = hashlib.sha256(text.encode()).hexdigest()
        self.path = Path(folder) / f".{self.key[:16]}{ENDING}"

    @classmethod
    def of(
        cls, folder: str | Path, request: Request, checkpoint: str, number: int
    ) -> SavedProgress:
        """That of an attempt of a ``number`` at a Request, by a checkpoint of a hash."""
        about: dict[str, Any] = {"request": request.to_dict(), "checkpoint": checkpoint}
        about["code"] = code_fingerprint()  # another version would go on with other music
        return cls(folder, about | ({"attempt": number} if number else {}))

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

    def keep(self, tokens: Mapping[str, np.ndarray]) -> None:
        """Writes the tokens so far. Raises InputError where the disk refuses."""
        make_folder(self.path.parent)
        with staged_file(self.path) as stage, stage.open("wb") as file:
            named: dict[str, Any] = {f"/{name}": rows for name, rows in tokens.items()}
            np.savez(file, key=np.array(self.key), **named)

    def remove(self) -> None:
        """Removes the file, as the piece is done."""
        self.path.unlink(missing_ok=True)


def resumed(writing: Any, saved: SavedProgress | None) -> Iterator[tuple[int, int]]:
    """The steps of a writing, of which what is saved was taken up, and which is kept after each
    window; of one that has no windows, or without ``saved``, all of them."""
    if saved is None or not isinstance(writing, ByWindows):
        yield from writing.steps()
        return
    saved.restore(writing)
    before = writing.written
    for step in writing.steps():
        if writing.written > before:
            before = writing.written
            saved.keep(writing.kept)
        yield step
