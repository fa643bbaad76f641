"""``cantilena search``: the files of a folder that agree with a text.

Knows options and what is printed; the work is done in ``search``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, print_json

if TYPE_CHECKING:
    from cantilena.search import Hit


def search_arguments(parser: Any, count: Callable[[str], int]) -> None:
    """The options of ``search``."""
    parser.add_argument("text", metavar="TEXT", help='what to look for, as "calm harp"')
    parser.add_argument("folder", metavar="FOLDER", help="MIDI files and recordings, at any depth")
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="compare sound by this joint embedding, as 'train --system joint' makes one",
    )
    parser.add_argument("--n", type=count, metavar="N", help="the best N files (all)")


def search(args: argparse.Namespace) -> int:
    """Prints the files, best first."""
    from cantilena.search import search as find
    from cantilena.systems.joint.checkpoint import load_joint

    joint = load_joint(args.checkpoint) if args.checkpoint else None
    with Progress(args.quiet or args.json) as progress:
        hits = find(args.text, args.folder, n=args.n, joint=joint, progress=progress)
    if args.json:
        print_json([hit.to_dict() for hit in hits])
        return 0
    _print_hits(hits)
    return 0


def _print_hits(hits: Sequence[Hit]) -> None:
    """A table: a row for each file, a column for each wish of the text."""
    wishes = list(dict.fromkeys(name for hit in hits for name in hit.wishes))
    width = max(len(hit.file) for hit in hits)
    head = "".join(f"  {name}" for name in wishes)
    print(f"{'score':>5}  {'file'.ljust(width)}{head}")
    for hit in hits:
        cells = "".join(
            f"  {hit.wishes[name]:>{len(name)}.2f}" if name in hit.wishes else " " * (len(name) + 2)
            for name in wishes
        )
        print(f"{hit.score:5.3f}  {hit.file.ljust(width)}{cells}")
