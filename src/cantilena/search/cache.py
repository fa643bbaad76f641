"""Measures that are kept, by what is in a file: a file that was measured once is not read as music
again, wherever it lies and whatever it is called.

Knows the user's cache folder; does not know how a file is measured. A cache that cannot be read or
written is gone without.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from cantilena.data.weights import cache_folder
from cantilena.errors import InputError
from cantilena.files import write_bytes
from cantilena.search.measuring import Measured

VERSION = 1
"""Raised where ``measuring`` measures something else, so that files are measured anew."""


def content_hash(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal. Raises InputError where it cannot be opened."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be opened: {error.strerror}") from error


class Cache:
    """The measures in a folder, by default the user's; ``key``: what they depend on besides the
    file, as a model's hash."""

    def __init__(self, key: str = "", folder: str | Path | None = None):
        place = Path(folder) if folder is not None else cache_folder() / "search"
        self.folder = place / f"{VERSION}-{key}" if key else place / str(VERSION)

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.json"

    def get(self, digest: str) -> Measured | None:
        """The measures of a file with this hash; None where there are none."""
        try:
            return Measured.from_dict(json.loads(self._path(digest).read_bytes()))
        except (OSError, ValueError, TypeError, AttributeError):
            return None

    def put(self, digest: str, measured: Measured) -> None:
        """Keeps the measures of a file."""
        path = self._path(digest)
        with contextlib.suppress(OSError, InputError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, json.dumps(measured.to_dict()).encode())
