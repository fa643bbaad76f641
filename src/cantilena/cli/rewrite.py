"""``cantilena rewrite``: bars and tracks of a MIDI file written anew.

Knows options; what may be rewritten, and how, is in ``systems.rewrites`` and the system ``note``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from cantilena import api
from cantilena.cli.common import Progress, print_json, warn
from cantilena.cli.naming import (
    failure_code,
    failure_lines,
    name_argument,
    names_asked,
    names_of_sources,
    notice_number,
)
from cantilena.errors import CantilenaError

EXAMPLES = """\
examples:
  cantilena rewrite song.mid --bars 9-16 --tracks lead "more syncopated, higher"
  cantilena rewrite song.mid --bars 1-4,9-12 --tracks 2,drums "busier"
  cantilena rewrite song.mid --chords "Am F C G" --bars 17-24
  cantilena rewrite song.mid --add "cello countermelody" --bars 9-24
  cantilena rewrite song.mid --replace piano=guitar
  cantilena rewrite song.mid --variation
"""


def rewrite_arguments(
    parser: argparse.ArgumentParser, whole: Callable[[str], int], number: Callable[[str], float]
) -> None:
    """The options of the command."""
    parser.epilog = EXAMPLES
    parser.add_argument("source", metavar="FILE", help="the MIDI file, made here or not")
    parser.add_argument(
        "text",
        nargs="*",
        metavar="TEXT",
        help="what the new music is to be: 'busier', 'higher, softer', 'in the style of Bach'",
    )
    what = parser.add_argument_group("what is written anew; all else is kept")
    what.add_argument("--bars", metavar="A-B", help="from 1, as 9-16 or 1-4,9-12 (all)")
    what.add_argument(
        "--tracks",
        metavar="LIST",
        help="by name, number from 1, instrument, or lead, bass, drums, harmony (all)",
    )
    what.add_argument("--add", metavar="PART", help="a new part, as 'cello countermelody'")
    what.add_argument(
        "--replace",
        metavar="OLD=NEW",
        help="another instrument for a part, as 'piano=guitar'; it is written anew for it, near to "
        "what the old one played",
    )
    what.add_argument("--chords", metavar="LIST", help="new harmony, as 'Am F C G'; drums stay")
    what.add_argument("--variation", action="store_true", help="near to what stands there")
    how = parser.add_argument_group("how")
    how.add_argument("--seed", type=whole, metavar="N", help="another number, other notes (0)")
    how.add_argument(
        "--candidates",
        type=whole,
        metavar="N",
        help="write N, keep the one that fits best to what follows (4)",
    )
    how.add_argument(
        "--temperature", type=number, metavar="T", help="sampling temperature; 1: the model's own"
    )
    how.add_argument("--top-p", type=number, metavar="P", help="keep the likeliest, by probability")
    how.add_argument("--guidance", type=number, metavar="G", help="pull towards the wishes")
    how.add_argument("--checkpoint", metavar="DIR", help="a folder of the system note (shipped)")
    out = parser.add_argument_group("output")
    out.add_argument(
        "-o", "--output", metavar="DIR", default="out", help="folder to write to (out)"
    )
    name_argument(out, "the file's own with -rewritten")
    out.add_argument(
        "--formats", metavar="LIST", help="of mid,wav,musicxml,png,svg,json (all but svg)"
    )


def rewrite(args: argparse.Namespace) -> int:
    """Rewrites, saves and reports. Everything that was asked is checked before anything is
    written."""
    from cantilena.cli.report import outcome, print_report
    from cantilena.files import check_folder
    from cantilena.render.formats import (
        FORMATS,
        check_extras,
        check_soundfont,
        checked_formats,
    )

    formats = None if args.formats is None else checked_formats(args.formats)
    check_extras(formats or ())
    check_soundfont(formats or FORMATS, args.engine, args.soundfont)
    folder = check_folder(args.output)
    asked = names_asked(args.name, 1)
    with Progress(args.quiet or args.json) as progress:
        result = api.rewrite(
            args.source,
            " ".join(args.text),
            bars=args.bars,
            tracks=args.tracks,
            add=args.add,
            replace=args.replace,
            chords=args.chords,
            variation=args.variation,
            candidates=args.candidates,
            seed=0 if args.seed is None else args.seed,
            temperature=args.temperature,
            top_p=args.top_p,
            guidance=args.guidance,
            checkpoint=args.checkpoint,
            progress=progress.share("rewriting"),
        )
    failures: dict[str, CantilenaError] = {}
    name = (asked or names_of_sources([args.source], "-rewritten"))[0]
    files = result.save(
        folder, formats, name, args.engine, args.soundfont, replace=False, failures=failures
    )
    name = notice_number(name, files)
    if args.json:
        print_json(outcome(name, result, files))
    elif not args.quiet:
        print_report(name, result, files)
    for line in failure_lines(failures):
        warn(line)
    return failure_code(failures)
