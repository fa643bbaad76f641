"""The test songs of the paper's data as references: what generation is asked for and measured by.

Knows the data's test split, where its MIDI files are, and what its captions say; does not know
systems or figures. One file of JSON lines serves ``cantilena generate --prompts`` (``id`` and
``text``) and ``cantilena evaluate table3 --references`` (``midi`` and ``wishes`` besides).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cantilena.data.paper.reader import PaperData
from cantilena.errors import BriefError, InputError
from cantilena.files import jsonl, write_bytes
from cantilena.text.brief import parse_brief
from cantilena.text.wishes import Brief

REFERENCES = "references.jsonl"


def write_references(folder: str | Path, paths: Mapping[str, Path]) -> int:
    """Writes ``references.jsonl`` into a folder of data: the test songs that the paper measures on
    (the first 1,000) with the caption of their first chunk, their file in ``paths`` by id, and the
    wishes that Cantilena's reader finds in the caption. Files are named from ``folder`` on, so that
    data and corpus can be moved together. Gives how many there are; none, and no file, where the
    data has no test songs."""
    file = Path(folder) / REFERENCES
    try:
        data = PaperData(folder, "test")
    except InputError:
        file.unlink(missing_ok=True)
        return 0
    lines = []
    for example in data.stream(seed=None):
        text = example["caption"]
        line = {
            "id": example["id"],
            "text": text,
            "midi": _path_from(file.parent, paths[example["id"]]),
            "wishes": wishes_of(text),
        }
        lines.append(line)
    write_bytes(file, jsonl(lines))
    return len(lines)


def _path_from(folder: Path, path: Path) -> str:
    """A path as it is written in a file in ``folder``; whole where no relative one leads there
    (another drive of Windows)."""
    path = path.resolve()
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:
        return str(path)


def wishes_of(text: str) -> dict[str, object]:
    """What a caption asks for, as plain data of the wishes that are set; {} where that is nothing
    that can be understood."""
    try:
        wishes = parse_brief(text).to_dict()
    except BriefError:
        return {}
    unset = Brief().to_dict()
    not_wishes = ("text", "unplaced", "how")
    return {k: v for k, v in wishes.items() if v != unset[k] and k not in not_wishes}
