"""``cantilena evaluate table3``: its options, and running it. Light to import; what measures is
imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

OFFLINE = ("logmel", "chroma")
"""Embedders that are taken where none is named."""


def table3_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate table3``."""
    parser.add_argument(
        "--references",
        required=True,
        metavar="PLACE",
        help="the test pieces: JSON lines with id, text and midi (or MidiCaps' own), or a folder "
        "of MIDI files",
    )
    parser.add_argument(
        "--reference-midi", metavar="DIR", help="where the references' MIDI files are"
    )
    parser.add_argument(
        "--system",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="a system's MIDI files, named by the references' ids; may be given again",
    )
    parser.add_argument("--unconditional", metavar="DIR", help="MIDI files made without a text")
    parser.add_argument(
        "--embedder",
        action="append",
        metavar="NAME[=WEIGHTS]",
        help="logmel and chroma (need nothing: these two), vggish, pann, musicnn, clap, encodec, "
        "with their weights: a file or the folder that holds it (encodec: a folder or hub name); "
        "may be given again",
    )
    parser.add_argument(
        "--clap",
        metavar="WEIGHTS",
        help="for the CLAP score: LAION's .pt, a ClapModel's folder or hub name",
    )
    parser.add_argument(
        "--loss",
        action="append",
        default=[],
        metavar="NAME=PLACE",
        help="a system's validation losses: a number, a run's folder or its log",
    )
    parser.add_argument(
        "--protocol", default="paper", metavar="P", help="paper, midi-llm, text2midi"
    )
    parser.add_argument("--ids", metavar="FILE", help="only these references, an id a line")
    parser.add_argument("--n", type=int, metavar="N", help="only the first N references")
    parser.add_argument("--subsets", type=int, default=5, metavar="K", help="of -sub figures (5)")
    parser.add_argument(
        "--subset-size",
        type=int,
        default=500,
        metavar="N",
        help="generated pieces in each, at most half of them (500)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        metavar="S",
        help="sound of each piece that is measured; 0: all of it (30)",
    )
    parser.add_argument(
        "--compression", action="store_true", help="measure CR too (seconds a piece)"
    )
    parser.add_argument("--engine", choices=("auto", "fluidsynth", "synth"), default="auto")
    parser.add_argument("--soundfont", metavar="FILE", help="an .sf2 or .sf3 file for FluidSynth")
    parser.add_argument("--device", default="cpu", metavar="D", help="of the embedders: cpu, cuda")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="render in N processes")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws the subsets (0)")
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="tables and cache (evaluation)"
    )


def table3(args: argparse.Namespace) -> tuple[Any, str]:
    """Measures; returns the figures and their table."""
    from cantilena.cli.common import Progress
    from cantilena.errors import InputError
    from cantilena.evaluate.sound.embedders import load_embedder
    from cantilena.evaluate.sound.pieces import find_renderer
    from cantilena.evaluate.table3 import Settings, evaluate_table3, protocols
    from cantilena.evaluate.table3.losses import read_losses
    from cantilena.files import check_folder
    from cantilena.models.audio.clap import Clap

    protocol = protocols.protocol(args.protocol)
    systems = pairs(args.system, "--system", "DIR")
    losses = {k: read_losses(v) for k, v in pairs(args.loss, "--loss", "PLACE").items()}
    ids = protocols.read_ids(args.ids) if args.ids else None
    references = protocols.read_references(args.references, args.reference_midi)
    references, notes = protocols.choose(references, ids, protocol)
    if args.n is not None and args.n < 2:
        raise InputError(f"--n must be 2 or more, not {args.n}")
    renderer = find_renderer(args.engine, args.soundfont, args.seconds or None)
    folder = check_folder(args.output)
    embedders = {}
    for option in args.embedder or OFFLINE:
        name, _, weights = option.partition("=")
        embedders[name] = load_embedder(name, weights or None, args.device)
    clap = Clap(args.clap, args.device) if args.clap else None
    if clap is None and "clap" in embedders and isinstance(embedders["clap"], Clap):
        clap = embedders["clap"]
    settings = Settings(
        subsets=args.subsets,
        size=args.subset_size,
        seed=args.seed,
        workers=args.workers,
        protocol=args.protocol,
        compression=args.compression or "compression_ratio" in protocol.columns,
        notes=notes,
    )
    with Progress(args.quiet) as progress:
        return evaluate_table3(
            references[: args.n],
            systems,
            embedders,
            renderer,
            Path(folder),
            clap,
            args.unconditional,
            losses,
            settings,
            lambda done, what: progress(done, 1.0, what),
        )


def pairs(options: Sequence[str], flag: str, what: str) -> dict[str, str]:
    """NAME=VALUE options by name. Raises InputError for another form, and for a name twice."""
    from cantilena.errors import InputError

    values: dict[str, str] = {}
    for option in options:
        name, sign, value = (part.strip() for part in option.partition("="))
        if not sign or not name or not value:
            raise InputError(f"{flag} {option!r} is not of the form NAME={what}")
        if name in values:
            raise InputError(f"{flag} names {name!r} twice")
        values[name] = value
    return values
