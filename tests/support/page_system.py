"""The system that docs/adding-a-system.md adds, taken out of the page and put where it says.

As a plugin (``pytest -p page_system``) it lets the contract tests run on it: the environment
variable ``PAGE_SYSTEM`` names a folder, in which the module is written.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent.parent / "docs" / "adding-a-system.md"
NAME = "bigram"
FOLDER = "PAGE_SYSTEM"


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language, in order."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def source() -> str:
    """The system's file."""
    return blocks("python")[0]


def line() -> dict[str, Any]:
    """The registry's line, by the system's name."""
    from cantilena.systems.spec import Spec

    return eval(f"{{{blocks('python')[1]}}}", {"Spec": Spec})


def install(folder: Path) -> None:
    """Writes the file into ``folder``, where ``cantilena.systems`` looks for modules from now on,
    and puts the line into ``SYSTEMS``."""
    from cantilena import systems

    (folder / f"{NAME}.py").write_text(source(), encoding="utf-8")
    systems.__path__.append(str(folder))
    systems.SYSTEMS.update(line())


def checkpoint(folder: Path) -> Path:
    """A checkpoint of it, of a few notes."""
    from cantilena.systems.bigram import learn  # type: ignore[import-not-found]

    from cantilena.score import Score, Track

    pitch = [60, 62, 64, 60, 67, 64, 62, 67, 65, 64, 62, 60]
    onset = [0, 240, 480, 960, 1200, 1440, 1440, 1920, 2160, 2400, 2640, 2880]
    score = Score.build(480, [Track("a", 0)], onset, [240] * 12, pitch, [80] * 12, [0] * 12)
    learn(score, folder / "table")
    return folder / "table"


def pytest_configure() -> None:
    """Adds the system to the registry, and its checkpoint to those that the tests make."""
    if FOLDER in os.environ:
        install(Path(os.environ[FOLDER]))
        from tiny_systems import CHECKPOINTS

        CHECKPOINTS[NAME] = checkpoint
