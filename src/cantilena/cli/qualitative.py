"""``cantilena evaluate qualitative``: its options, and running it. Light to import."""

from __future__ import annotations

import argparse
from typing import Any


def qualitative_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate qualitative``."""
    parser.add_argument("pieces", metavar="PIECES", help="a folder that 'cantilena generate' wrote")
    parser.add_argument(
        "--references",
        metavar="FILE",
        help="JSON lines with the texts by id, for another program's files",
    )
    parser.add_argument("--n", type=int, default=12, metavar="N", help="the first N pieces (12)")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="qualitative.html", help="(qualitative.html)"
    )


def qualitative(args: argparse.Namespace) -> tuple[Any, str]:
    """Writes the page; returns how many words have each state, and that as a line."""
    from cantilena.cli.common import Progress
    from cantilena.errors import InputError
    from cantilena.evaluate.qualitative import qualitative_page
    from cantilena.evaluate.table3.protocols import read_references
    from cantilena.systems.at_scale import read_manifest

    if args.n < 1:
        raise InputError(f"--n must be 1 or more, not {args.n}")
    if args.references:
        captions = {r.id: r.text for r in read_references(args.references) if r.text}
    else:
        lines = read_manifest(args.pieces)
        captions = {name: str(line["text"]) for name, line in lines.items() if line.get("text")}
    if not captions:
        raise InputError(
            f"{args.pieces!r} has no texts in its manifest.jsonl; name a file of them with "
            "--references"
        )
    captions = dict(list(captions.items())[: args.n])  # in the order of the file
    with Progress(args.quiet) as progress:
        counts = qualitative_page(args.pieces, captions, args.output, progress.share("marking"))
    words = ", ".join(f"{n:,} {state}" for state, n in counts.items())
    return {"page": args.output, "pieces": len(captions), "words": counts}, (
        f"{args.output}: {len(captions)} captions, words: {words}"
    )
