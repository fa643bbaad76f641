"""The golden encodings of ``tests/assets/bridges``."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from assets import ASSETS
from cantilena.tokens.parts import Parts, read_parts

FOLDER = ASSETS / "bridges"
PIECES = ("fanfare", "come-again")


@lru_cache(maxsize=1)
def golden() -> dict[str, Any]:
    """What the published code makes of each piece."""
    return json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))


def parts(name: str) -> Parts:
    """The parts of a piece."""
    return read_parts(FOLDER / f"{name}.mid")
