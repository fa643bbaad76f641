"""``cantilena data paper``: the data of the text-to-symbolic paper.

Knows options and what is printed; the work is done in ``data.paper``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from cantilena.cli.common import Progress, print_json
from cantilena.errors import InputError


def paper_arguments(made: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    """The options of ``data paper``; ``count`` reads a whole number from 1."""
    made.add_argument("--lakh", required=True, metavar="DIR", help="Lakh's MIDI files")
    made.add_argument(
        "--midicaps",
        metavar="FILE",
        help="MidiCaps's train.json; without it captions are our own",
    )
    made.add_argument(
        "-o", "--output", default="paper", metavar="DIR", help="where it goes (paper)"
    )
    made.add_argument("--workers", type=count, default=1, metavar="N", help="processes (1)")
    made.add_argument(
        "--context", type=count, default=1024, metavar="N", help="tokens of a chunk (1024)"
    )
    made.add_argument(
        "--captions",
        choices=("song", "crop"),
        default="song",
        help="of the whole song, or our own of each chunk (song)",
    )
    made.add_argument(
        "--wordings", type=count, default=1, metavar="N", help="of each caption of our own (1)"
    )
    made.add_argument("--limit", type=count, metavar="N", help="songs of a split")
    made.add_argument(
        "--ray", action="store_true", help="as a Ray Data job (RAY_ADDRESS names the cluster)"
    )


def data_paper(args: argparse.Namespace) -> int:
    """Builds the data and prints the counts beside the paper's."""
    from cantilena.data.paper import build_paper
    from cantilena.data.paper.references import REFERENCES
    from cantilena.data.paper.songs import Recipe
    from cantilena.files import check_folder

    if args.wordings > 1 and args.midicaps and args.captions == "song":
        raise InputError("--wordings is for captions of our own; MidiCaps has one of each song")
    recipe = Recipe(args.context, args.captions, args.wordings)
    out = check_folder(args.output)
    with Progress(args.quiet) as progress:
        found = build_paper(
            *(args.lakh, out, args.midicaps, recipe, args.workers, args.limit, args.ray),
            progress=progress,
        )
    if args.json:
        names = ("recipe", "counts", "expected", "verdict", "refused", "left_out", "midicaps")
        print_json({"folder": str(out), **{name: found[name] for name in names}})
    elif not args.quiet:
        print("\n".join(summary(found)))
        if (out / REFERENCES).exists():
            print(f"{out / REFERENCES}: the test songs, for 'generate' and 'evaluate table3'")
        print(out)
    return 0


def summary(found: dict[str, Any]) -> list[str]:
    """The lines that say what a manifest holds."""
    head = f"{'split':<8}{'expected':>10}{'found':>10}{'asked':>10}{'chunks':>12}{'tokens':>16}"
    lines = [head]
    for split, row in found["counts"].items():
        songs, expected = row["songs"], found["expected"][split]
        lines.append(
            f"{split:<8}{expected:>10,}{songs:>10,}{row['asked']:>10,}"
            f"{row['chunks']:>12,}{row['tokens']:>16,}"
        )
    lines.append(found["verdict"])
    if found["refused"]:
        told = ", ".join(f"{n:,} {reason}" for reason, n in found["refused"].items())
        lines.append(f"refused: {told}")
    left = found["left_out"]
    lines.append(
        f"chunks of too few notes left out: {left['sparse']:,}; "
        f"ended by the clock (100 s): {left['cut']:,}"
    )
    credit = found["midicaps"]
    if credit:
        lines.append(
            f"captions: MidiCaps, {credit['licence']}, {credit['origin']}; {credit['songs']:,} "
            f"songs, {credit['here']:,} of them here, {credit['skipped']:,} rows skipped"
        )
    return lines
