"""``cantilena data audio`` makes clips of MIDI and recordings, ``cantilena data notes`` clips of
single notes, ``cantilena data sung`` clips of sung lines, ``cantilena data debian`` gets recordings
that Debian's packages carry.

Knows options and what is printed; the work is done in ``data.audio`` and ``data.debian``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cantilena.cli.common import Progress, print_json
from cantilena.errors import InputError

_NAMES = 3
"""File names that a line of the summary gives at most; the manifest has all."""


def audio_arguments(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    """The options of ``data audio``; ``count`` reads a whole number from 1."""
    parser.add_argument(
        "places",
        nargs="+",
        metavar="SOURCE",
        help="a folder of MIDI files and recordings, a file, or a corpus as 'data list' shows",
    )
    parser.add_argument(
        "--corpora", default="corpora", metavar="DIR", help="where corpora are (corpora)"
    )
    parser.add_argument(
        "-o", "--output", default="clips", metavar="DIR", help="where it goes (clips)"
    )
    parser.add_argument(
        "--rate", type=count, default=16_000, metavar="HZ", help="sample rate (16000)"
    )
    parser.add_argument("--seconds", type=count, default=30, metavar="N", help="of a clip (30)")
    parser.add_argument("--per-file", type=count, metavar="N", help="clips of a file at most (all)")
    parser.add_argument(
        "--spread",
        action="store_true",
        help="with --per-file: from a file's beginning to its end, in the place of its first ones",
    )
    parser.add_argument(
        "--stems", action="store_true", help="keep drums, bass, melody and other beside the mix"
    )
    parser.add_argument(
        "--stereo", action="store_true", help="keep what tells left from right beside the mix"
    )
    parser.add_argument(
        "--wordings", type=count, default=4, metavar="N", help="captions of a clip (4)"
    )
    _engine_arguments(parser, count)
    parser.add_argument("--limit", type=count, metavar="N", help="files of a source and split")
    parser.add_argument(
        "--ray", action="store_true", help="as a Ray Data job (RAY_ADDRESS names the cluster)"
    )


def _engine_arguments(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    parser.add_argument(
        "--engine",
        choices=("auto", "fluidsynth", "synth"),
        default="auto",
        help="what sounds MIDI (auto: FluidSynth where it and a soundfont are installed)",
    )
    parser.add_argument("--soundfont", metavar="FILE", help="an .sf2 or .sf3 file for FluidSynth")
    parser.add_argument("--workers", type=count, default=1, metavar="N", help="processes (1)")


def data_audio(args: argparse.Namespace) -> int:
    """Builds the clips and prints how many there are, and what was refused or changed."""
    from cantilena.data.audio import Recipe, build_audio
    from cantilena.files import check_folder

    if args.spread and args.per_file is None:
        raise InputError(
            "--spread chooses which clips of a file are taken; say how many: --per-file"
        )
    recipe = Recipe(
        args.rate,
        args.seconds,
        args.per_file,
        args.stems,
        args.wordings,
        stereo=args.stereo,
        spread=args.spread,
    )
    out = check_folder(args.output)
    with Progress(args.quiet) as progress:
        manifest = build_audio(
            args.places,
            out,
            recipe,
            corpora=args.corpora,
            engine=args.engine,
            soundfont=args.soundfont,
            workers=args.workers,
            limit=args.limit,
            ray=args.ray,
            progress=progress,
        )
    return _print_manifest(args, manifest, out)


def _print_manifest(
    args: argparse.Namespace, manifest: dict[str, Any], out: Path, end: list[str] | None = None
) -> int:
    if args.json:
        names = ("recipe", "licences", "counts", "refused", "left_out", "changed")
        print_json({"folder": str(out), **{name: manifest[name] for name in names}})
    elif not args.quiet:
        lines = summary(manifest)
        print("\n".join(lines if end is None else [*lines[:-1], *end]))
        print(out)
    return 0


def summary(manifest: dict[str, Any]) -> list[str]:
    """The lines that say what a manifest holds."""
    width = max(14, *(len(name) + 2 for name in manifest["counts"]))
    lines = [f"{'source':<{width}}{'split':<8}{'files':>9}{'clips':>9}{'hours':>9}"]
    for source, splits in manifest["counts"].items():
        for split, row in splits.items():
            files, clips, hours = row["files"], row["clips"], row["hours"]
            lines.append(f"{source:<{width}}{split:<8}{files:>9,}{clips:>9,}{hours:>9,.2f}")
    reasons = manifest["reasons"]
    rate = manifest["recipe"]["rate"]
    verbs = {"mixed": "mixed to one channel", "resampled": f"brought to {rate:,} Hz"}
    for source, by_reason in manifest["refused"].items():
        for reason, ids in by_reason.items():
            lines.append(f"{source}: refused, {reasons.get(reason, reason)}: {_named(ids)}")
    for source, by_verb in manifest["changed"].items():
        lines += [f"{source}: {verbs[verb]}: {_named(ids)}" for verb, ids in by_verb.items()]
    for source, causes in manifest["left_out"].items():
        told = ", ".join(f"{n:,} {cause}" for cause, n in causes.items())
        lines.append(f"{source}: clips left out: {told}")
    copies = sum(map(len, manifest["copies"].values()))
    if copies:
        lines.append(f"songs that repeat another, which readers leave out: {copies:,}")
    engine = manifest["recipe"]
    lines.append(f"MIDI is sounded by {engine['soundfont'] or 'the built-in synthesizer'}")
    return lines


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMES:,} more" if len(ids) > _NAMES else ""
    return ", ".join(ids[:_NAMES]) + more


def debian_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``data debian``."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="which to get; without a name: list what there is"
    )
    parser.add_argument(
        "--to", default="recordings", metavar="DIR", help="where to put them (recordings)"
    )
    parser.add_argument(
        "--from", dest="source", metavar="FILE", help="the .deb file, where it is here already"
    )


def data_debian(args: argparse.Namespace) -> int:
    """Gets packages' music, or lists the packages; all names are checked before the first."""
    from cantilena.data.debian import PACKAGES, debian_package, get_package
    from cantilena.files import check_folder

    for name in args.names:
        debian_package(name)
    if args.source and len(args.names) != 1:
        raise InputError("--from is the file of one package; name one")
    folder = check_folder(args.to)
    rows: list[dict[str, Any]] = []
    for name in args.names or PACKAGES:
        entry = debian_package(name)
        row: dict[str, Any] = {"name": name, "what": entry.what, "licence": entry.licence}
        row |= {"minutes": entry.minutes, "bytes": entry.size, "url": entry.url}
        if args.names:
            with Progress(args.quiet, bytes=True) as progress:
                fetched = get_package(name, folder, args.source, progress)
            row |= {"folder": str(fetched.folder), "files": fetched.files}
        rows.append(row)
        if not (args.quiet or args.json):
            print(f"{name}: {entry.what}")
            length = f", {entry.minutes} minutes" if entry.minutes else ""
            print(f"  {entry.licence}; {entry.size / 1e6:.0f} MB to download{length}")
            if args.names:
                print(f"  {row['folder']}: {row['files']} files")
    if args.json:
        print_json(rows)
    return 0


def notes_arguments(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    """The options of ``data notes``; ``count`` reads a whole number from 1."""
    parser.add_argument(
        "-o", "--output", default="notes", metavar="DIR", help="where it goes (notes)"
    )
    parser.add_argument(
        "--rate", type=count, default=16_000, metavar="HZ", help="sample rate (16000)"
    )
    _engine_arguments(parser, count)


def data_notes(args: argparse.Namespace) -> int:
    """Sounds the notes and prints how many there are."""
    from cantilena.data.audio.notes import build_notes
    from cantilena.files import check_folder

    out = check_folder(args.output)
    with Progress(args.quiet) as progress:
        manifest = build_notes(out, args.rate, args.engine, args.soundfont, args.workers, progress)
    return _print_manifest(args, manifest, out)


def sung_arguments(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    """The options of ``data sung``; ``count`` reads a whole number from 1."""
    parser.add_argument(
        "-o", "--output", default="sung", metavar="DIR", help="where it goes (sung)"
    )
    parser.add_argument(
        "--lines", metavar="FILE", help="what is sung, a line of words each (made ones)"
    )
    parser.add_argument(
        "--melodies",
        nargs="+",
        default=(),
        metavar="PLACE",
        help="MIDI files, or folders of them, whose melodies are sung (made ones)",
    )
    parser.add_argument("--clips", type=count, default=600, metavar="N", help="how many (600)")
    parser.add_argument("--voice", metavar="NAME", help="of eSpeak NG's (en-us+f2)")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="of made lines, melodies")
    parser.add_argument(
        "--rate", type=count, default=16_000, metavar="HZ", help="sample rate (16000)"
    )
    parser.add_argument("--workers", type=count, default=1, metavar="N", help="processes (1)")


def data_sung(args: argparse.Namespace) -> int:
    """Sings the lines and prints how many there are."""
    from cantilena.data.audio.sung import build_sung
    from cantilena.files import check_folder
    from cantilena.render.espeak import VOICE

    out = check_folder(args.output)
    lines: list[str] = []
    if args.lines is not None:
        try:
            lines = Path(args.lines).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the lines in {args.lines!r} cannot be read: {error}") from error
        if not any(line.strip() for line in lines):
            raise InputError(f"there is no line in {args.lines!r}")
    if args.seed < 0:
        raise InputError(f"a seed is a number from 0 on, not {args.seed}")
    with Progress(args.quiet) as progress:
        manifest = build_sung(
            out,
            lines,
            args.clips,
            args.rate,
            args.voice or VOICE,
            args.melodies,
            args.seed,
            args.workers,
            progress,
        )
    return _print_manifest(args, manifest, out, ["words are sung by eSpeak NG, GPL-3.0-or-later"])
