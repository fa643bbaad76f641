"""What a row of the report is; knows no wish and measures nothing."""

from __future__ import annotations

from dataclasses import dataclass

NOT_MEASURED = "not measured"
NOT_OBEYED = "not yet obeyed"
"""Of wishes that are read, and that nothing takes up."""


@dataclass(frozen=True)
class Row:
    """One wish: what was ``asked`` and ``achieved``, in words; ``met``; and ``score``, 0-1, how
    near it came (1 when met, but for "chord order"). Both are None where nothing is measured. A
    genre has no score: it may be met, and is told beside what counts."""

    wish: str
    asked: str
    achieved: str
    met: bool | None
    score: float | None
