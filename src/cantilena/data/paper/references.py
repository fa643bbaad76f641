"""The test songs of the paper's data as references: what generation is asked for and measured by.

Knows the data's test split, where its MIDI files are, and what its captions say; does not know
systems or figures. One file of JSON lines serves ``cantilena generate --prompts`` (``id`` and
``text``) and ``cantilena evaluate table3 --references`` (``midi`` and ``wishes`` besides).
"""

from __future__ import annotations

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
    wishes that Cantilena's reader finds in the caption. Gives how many there are; none, and no
    file, where the data has no test songs."""
    place = Path(folder) / REFERENCES
    try:
        data = PaperData(folder, "test", verify=False)
    except InputError:
        place.unlink(missing_ok=True)
        return 0
    lines = []
    for example in data.stream(seed=None):
        text = example["caption"]
        line = {"id": example["id"], "text": text, "midi": str(paths[example["id"]].resolve())}
        lines.append({**line, "wishes": wishes_of(text)})
    write_bytes(place, jsonl(lines))
    return len(lines)


def wishes_of(text: str) -> dict[str, object]:
    """What a caption asks for, as plain data of the wishes that are set; {} where that is nothing
    that can be understood."""
    try:
        found = parse_brief(text).to_dict()
    except BriefError:
        return {}
    blank = Brief().to_dict()
    apart = ("text", "unplaced", "how")
    return {k: v for k, v in found.items() if v != blank[k] and k not in apart}
