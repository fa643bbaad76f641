"""The manifest of a folder of data: one JSON file that names every shard and its hash.

Knows where it stands and how it is read and written; does not know its fields (``build`` and
``paper.manifest`` do).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cantilena.errors import InputError
from cantilena.files import read_json, write_json

MANIFEST = "manifest.json"


def load_manifest(folder: str | Path, command: str) -> dict[str, Any]:
    """The JSON object in a folder's manifest, whatever data it is of, {} for other JSON;
    ``command`` is the one that builds such a folder. Raises InputError where there is no manifest
    or it cannot be read."""
    path = Path(folder) / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"there is no whole data set in {str(folder)!r}; make it with 'cantilena {command}'"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error
    return manifest if isinstance(manifest, dict) else {}


def save_manifest(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Writes a manifest, whole or not at all, and returns it as it will be read back."""
    write_json(folder / MANIFEST, manifest)
    return read_json(folder / MANIFEST)
