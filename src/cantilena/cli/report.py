"""What the command line says of a composed piece: as JSON, and as lines on a terminal.

Knows Results and columns; does not know options or how a piece was made.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import clock, plural
from cantilena.result import Result

if TYPE_CHECKING:
    from cantilena.text.report import Row
    from cantilena.text.report.heard import HeardRow


def outcome(name: str, result: Result, files: Mapping[str, Path]) -> dict[str, Any]:
    """What ``--json`` says of a piece."""
    data = result.to_dict()
    kept = (
        "text",
        "system",
        "notes",
        "bars",
        "seconds",
        "sections",
        "report",
        "heard",
        "dropped",
        "caption",
    )
    return {
        "name": name,
        "seed": result.seed,
        "files": {form: str(path) for form, path in files.items()},
        "unplaced": list(result.brief.unplaced),
        **{key: data[key] for key in kept if key in data},
    }


def print_report(name: str, result: Result, files: Mapping[str, Path]) -> None:
    """Prints a piece's length, how its wishes were met, and its files."""
    if result.audio is not None and result.guide is None:
        print(f"{name}: {clock(result.audio.seconds)}, seed {result.seed}")
    else:
        score = result.score
        sound = result.audio
        length = clock(float(score.seconds(score.end)) if sound is None else sound.seconds)
        print(
            f"{name}: {plural(score.n_bars, 'bar')}, {length}, {plural(len(score), 'note')}, "
            f"seed {result.seed}"
        )
    for line in report_lines(result.rows, shutil.get_terminal_size((100, 24)).columns):
        print(line)
    for line in heard_lines(result.heard, shutil.get_terminal_size((100, 24)).columns):
        print(line)
    for line in shortfalls({}, result.dropped, 1):
        print(line)
    if result.brief.read_by:
        print(f"  read by {result.brief.read_by}")
    if result.brief.unplaced:
        print(f"  not understood: {', '.join(result.brief.unplaced)}")
    for path in files.values():
        print(f"  {path}")


def shortfalls(
    unmet: Mapping[str, int], dropped: Mapping[str, int], pieces: int, before: int = 0
) -> list[str]:
    """What of some pieces' wishes was not met, and which gave way, a line each; [] for nothing.
    Where others were there ``before``, which are not counted, the lines say so."""
    among = f"the {pieces} new" if before else str(pieces)
    lines: list[str] = []
    if unmet:
        each = ", ".join(f"{wish} ({count} of {among})" for wish, count in sorted(unmet.items()))
        lines.append(f"  not met: {each}")
    if dropped:
        each = ", ".join(f"{wish} ({count}x)" for wish, count in sorted(dropped.items()))
        where = f" in {among}" if before else ""
        lines.append(f"  gave way to stronger wishes{where}: {each}")
    return lines


def report_lines(rows: Sequence[Row], columns: int = 100) -> list[str]:
    """The report as a table that is no wider than a terminal: long cells go on below; [] without
    rows."""
    if not rows:
        return []
    cells = [("wish", "asked", "achieved", "met")]
    cells += [(r.wish, r.asked, r.achieved, _MET[r.met]) for r in rows]
    return _table(cells, columns)


def heard_lines(rows: Sequence[HeardRow], columns: int = 100) -> list[str]:
    """What is heard in sound as such a table, a line for each with how often its estimator is
    right below; [] without rows."""
    if not rows:
        return []
    cells = [("heard", "expected", "in the sound", "as")]
    cells += [(r.what, r.expected or "-", r.heard, _MET[r.agrees]) for r in rows]
    right = "; ".join(f"{row.what} {row.right}" for row in rows)
    from cantilena.analysis.audio import accuracy

    of = accuracy()["of"]
    note = f"the estimators are right, on {of}: {right}"
    return [*_table(cells, columns), *textwrap.wrap(note, columns - 4, initial_indent="  ")]


_MET = {True: "yes", False: "no", None: "-"}


def _table(cells: Sequence[tuple[str, str, str, str]], columns: int) -> list[str]:
    first = max(len(row[0]) for row in cells)
    most = max(16, (columns - first - 11) // 2)
    wide = [first, *(min(most, max(len(row[i]) for row in cells)) for i in (1, 2)), 3]
    lines: list[str] = []
    for row in cells:
        folded = [textwrap.wrap(c, w) or [""] for c, w in zip(row, wide, strict=True)]
        for parts in zip_longest(*folded, fillvalue=""):
            line = "  ".join(part.ljust(w) for part, w in zip(parts, wide, strict=True))
            lines.append(f"  {line}".rstrip())
    return lines
