"""New parts to a MIDI file (``harmonise``, ``accompany``, ``melody``), and its ``chords``.

Knows options; what is added, and how, is in ``systems.accompaniments`` and the system ``note``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from cantilena import api
from cantilena.cli.common import Progress, clock, print_json, warn
from cantilena.cli.naming import (
    failure_code,
    failure_lines,
    name_argument,
    names_asked,
    names_of_sources,
    notice_number,
)
from cantilena.errors import CantilenaError, InputError

ADDING = {
    "harmonise": "give a melody chords and a bass; its notes stay",
    "accompany": "add bass, drums or other parts to a MIDI file; its notes stay",
    "melody": "write a tune over a MIDI file; its notes stay",
}
"""The commands that add parts, and what they do."""
_EXAMPLES = {
    "harmonise": """\
examples:
  cantilena harmonise melody.mid
  cantilena harmonise melody.mid "bossa nova" --formats mid,png
  cantilena harmonise melody.mid "for organ" --key "D minor"
""",
    "accompany": """\
examples:
  cantilena accompany song.mid --with bass,drums
  cantilena accompany song.mid "reggae" --with "bass, drums, electric organ"
  cantilena accompany song.wav --with drums --checkpoint DIR
""",
    "melody": """\
examples:
  cantilena melody song.mid
  cantilena melody song.mid "violin" --seed 3
""",
}
_SUFFIXES = {"harmonise": "-harmonised", "accompany": "-accompanied", "melody": "-melody"}


def added_arguments(
    parser: argparse.ArgumentParser,
    command: str,
    whole: Callable[[str], int],
    number: Callable[[str], float],
) -> None:
    """The options of a command of ``ADDING``."""
    parser.epilog = _EXAMPLES[command]
    what = ", or a recording" if command == "accompany" else ""
    parser.add_argument("source", metavar="FILE", help=f"the MIDI file, made here or not{what}")
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="style and instruments: 'bossa nova', 'for organ'"
    )
    wishes = parser.add_argument_group("wishes, which stand above the text")
    if command == "accompany":
        wishes.add_argument(
            "--with",
            dest="parts",
            metavar="LIST",
            help="the parts to add, as 'bass,drums' (those of chords, bass and drums it lacks)",
        )
        wishes.add_argument(
            "--alone", action="store_true", help="of a recording's part: without the recording"
        )
    else:
        wishes.add_argument("--instruments", metavar="LIST", help="who plays, as 'organ, bass'")
    wishes.add_argument("--key", metavar="KEY", help="as 'D minor' (what the notes are in)")
    wishes.add_argument("--chords", metavar="LIST", help="a chord a bar, as 'Am F C G' (chosen)")
    how = parser.add_argument_group("how")
    how.add_argument("--seed", type=whole, metavar="N", help="another number, other notes (0)")
    how.add_argument("--candidates", type=whole, metavar="N", help="write N, keep the best (2)")
    how.add_argument(
        "--temperature", type=number, metavar="T", help="sampling temperature; 1: the model's own"
    )
    how.add_argument("--top-p", type=number, metavar="P", help="keep the likeliest, by probability")
    how.add_argument("--guidance", type=number, metavar="G", help="pull towards the wishes")
    how.add_argument(
        "--system", choices=api.ADDING_SYSTEMS, help="who writes (note, or as the checkpoint says)"
    )
    how.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="a folder of that system (its shipped one); of musiclm or uniaudio for a recording",
    )
    out = parser.add_argument_group("output")
    out.add_argument(
        "-o", "--output", metavar="DIR", default="out", help="folder to write to (out)"
    )
    name_argument(out, f"the file's own with {_SUFFIXES[command]}")
    out.add_argument(
        "--formats", metavar="LIST", help="of mid,wav,musicxml,png,svg,json (all but svg)"
    )


def chords_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``chords``."""
    parser.add_argument("source", metavar="FILE", help="a MIDI file or a sound file")
    parser.add_argument(
        "--audio",
        action="store_true",
        help="refuse MIDI. In sound (WAV, or FLAC, Ogg and MP3 with the extra audio) roots and "
        "thirds alone are told, rightly for about 80 %% of the time in rendered music and 59 %% in "
        "recordings",
    )


def chords(args: argparse.Namespace) -> int:
    """Prints a piece's chords: as JSON, or a line for each with its start and its length."""
    from cantilena.audio.recording import is_recording

    rows = api.chords(args.source, args.audio)
    if args.json:
        print_json([list(row) for row in rows], indent=None)
        return 0
    print(f"{'start':>9} {'end':>9}  chord")
    for start, stop, label in rows:
        print(f"{_time(start):>9} {_time(stop):>9}  {label}")
    if args.audio or is_recording(args.source):
        from cantilena.analysis.audio import accuracy

        share = accuracy()
        print(
            f"heard, not read: of {share['pieces']} {share['of']} the root and third are right for "
            f"{100 * share['chords']:.0f} % of the time"
        )
    return 0


def _time(seconds: float) -> str:
    """As 0:07.25."""
    hundredths = round(100 * seconds)
    return f"{clock(hundredths // 100)}.{hundredths % 100:02d}"


def add(args: argparse.Namespace) -> int:
    """Adds parts, saves and reports. Everything that was asked is checked before anything is
    written."""
    if args.command == "accompany":
        from cantilena.audio.recording import is_recording
        from cantilena.cli.accompany_sound import accompany_sound

        if is_recording(args.source):
            return accompany_sound(args)
        if args.alone:
            raise InputError("--alone is of recordings; a MIDI file keeps its notes")
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
    who = "parts" if args.command == "accompany" else "instruments"
    with Progress(args.quiet or args.json) as progress:
        result = getattr(api, args.command)(
            args.source,
            " ".join(args.text),
            **{who: getattr(args, who)},
            key=args.key,
            chords=args.chords,
            candidates=args.candidates,
            seed=0 if args.seed is None else args.seed,
            temperature=args.temperature,
            top_p=args.top_p,
            guidance=args.guidance,
            system=args.system,
            checkpoint=args.checkpoint,
            progress=progress.share("writing"),
        )
    failures: dict[str, CantilenaError] = {}
    name = (asked or names_of_sources([args.source], _SUFFIXES[args.command]))[0]
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
