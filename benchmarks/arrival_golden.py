"""Whether the arrival encoding equals, token for token, what the reference implementation prints.

    python benchmarks/arrival_golden.py GOLDEN_DIR CORPORA_DIR

GOLDEN_DIR holds .npz files with arrays named PATH:ARRAY, ARRAY one of events, padded, controlled
(the instrument taken out as control, empty if the piece has one only), anticipated (the others,
padded up to the piece's last onset, interleaved with those controls) and left (the controls that
come too late). CORPORA_DIR is searched for files that end in PATH. Prints how many files are equal,
array by array; exit code 1 where one is not.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from cantilena.tokens.arrival import anticipate, events_of, extract_instruments, instruments, pad

ARRAYS = ("events", "padded", "controlled", "anticipated", "left")


def encoded(data: bytes) -> dict[str, np.ndarray]:
    """The five arrays of a MIDI file."""
    events = events_of(data)
    playing = instruments(events)
    controlled = np.sort(playing)[:1] if len(playing) > 1 else playing[:0]
    others, controls = extract_instruments(events, controlled)
    end = int(events[::3].max(initial=0))
    tokens, left = anticipate(pad(others, end), controls)
    arrays = (events, pad(events), controlled, tokens, left)
    return dict(zip(ARRAYS, arrays, strict=True))


def find_file(corpora: Path, name: str) -> Path | None:
    """The file ``name`` in any folder up to three levels below ``corpora``."""
    for depth in ("", "*/", "*/*/", "*/*/*/"):
        for path in corpora.glob(depth + name):
            return path
    return None


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("golden", type=Path)
    parser.add_argument("corpora", type=Path)
    args = parser.parse_args()
    equal: dict[str, int] = dict.fromkeys(ARRAYS, 0)
    files = tokens = 0
    for archive in sorted(args.golden.glob("*.npz")):
        with np.load(archive) as golden:
            for name in sorted({key.rpartition(":")[0] for key in golden}):
                path = find_file(args.corpora, name)
                if path is None:
                    sys.exit(f"there is no {name} under {args.corpora}")
                files += 1
                for array, ours in encoded(path.read_bytes()).items():
                    theirs = golden[f"{name}:{array}"]
                    same = np.array_equal(ours, theirs)
                    equal[array] += same
                    tokens += len(theirs)
                    if not same:
                        print(f"{name}: {array} differs: {len(ours)} tokens, not {len(theirs)}")
    print("| array | files equal |\n|---|---:|")
    for array, count in equal.items():
        print(f"| {array} | {count} of {files} |")
    print(f"\n{tokens:,} tokens compared")
    return 0 if files and all(count == files for count in equal.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
