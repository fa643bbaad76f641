"""Which code is running, as one string, so that results of other code are not taken for its own.

Knows the package's files and the libraries that compute; does not know what is kept where.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path

LIBRARIES = ("numpy", "onnxruntime", "torch", "transformers")
"""Whose versions may change the numbers that a model or a synthesizer gives."""


@lru_cache(maxsize=1)
def code_fingerprint() -> str:
    """16 hex digits that change with any Python file of the package, also where its version stays
    the same, and with the versions of ``LIBRARIES``. Computed once a process."""
    root = Path(str(resources.files("cantilena")))
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        source = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(source)}\n".encode())
        digest.update(source)
    digest.update("\n".join(f"{name} {_version(name)}" for name in LIBRARIES).encode())
    return digest.hexdigest()[:16]


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "-"
