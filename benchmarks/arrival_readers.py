"""Which MIDI files the arrival encoding reads otherwise than the reference, which reads with mido.

    python benchmarks/arrival_readers.py FILE_OR_FOLDER...

Each file is read by ``cantilena.tokens.arrival.events_of`` and by a reader of the same encoding on
mido (``arrival_speed.with_mido``). Prints how many files give the same tokens, other tokens, or are
read by one alone, by the reason for which the other refuses them, with up to three names of each
kind; exit code 1 where tokens differ or the reference alone reads a file. Needs mido (extra
``test``).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from arrival_speed import with_mido

from cantilena.errors import InputError
from cantilena.tokens.arrival import events_of

SAME, OTHER = "the same tokens", "other tokens"
NAMES = 3


def outcome(data: bytes) -> str:
    """What the two readers make of a file."""
    ours = theirs = None
    refusal = fault = ""
    try:
        theirs = with_mido(data)
    except Exception as error:  # mido raises whatever it meets
        fault = f"{type(error).__name__}: {error}".rstrip(": ")
    try:
        ours = events_of(data)
    except InputError as error:
        refusal = str(error).removeprefix("the MIDI data: ")
    if ours is None and theirs is None:
        return "refused by both"
    if theirs is None:
        return f"the reference refuses ({_plain(fault)})"
    if ours is None:
        return f"we refuse ({_plain(refusal)})"
    return SAME if np.array_equal(ours, theirs) else OTHER


def _plain(message: str) -> str:
    """A message without its numbers, so that those of one kind are counted together."""
    return re.sub(r"\b(0x[0-9a-f]+|[0-9]+)\b", "N", message)[:100]


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
    args = parser.parse_args()
    paths = [
        p
        for path in args.paths
        for p in ([path] if path.is_file() else sorted(path.rglob("*.mid")))
    ]
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        kinds[outcome(path.read_bytes())].append(path)
    print("| files | what the two readers give | for example |\n|---:|---|---|")
    for kind, files in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        names = "" if kind == SAME else ", ".join(path.name for path in files[:NAMES])
        print(f"| {len(files)} | {kind} | {names} |")
    return int(any(kind == OTHER or kind.startswith("we refuse") for kind in kinds))


if __name__ == "__main__":
    sys.exit(main())
