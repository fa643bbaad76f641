"""``cantilena evaluate retrieval``: its options, and running it. Light to import."""

from __future__ import annotations

import argparse
from typing import Any

from cantilena.cli.common import Progress, warn
from cantilena.errors import InputError


def retrieval_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate retrieval``."""
    parser.add_argument("--data", required=True, metavar="DIR", help="a data set of clips")
    parser.add_argument("--split", default="test", help="train, valid or test (test)")
    parser.add_argument("--checkpoint", metavar="DIR", help="a joint embedding's folder")
    parser.add_argument(
        "--clap",
        metavar="WEIGHTS",
        help="instead, a published CLAP: LAION's .pt, a ClapModel's folder or hub name",
    )
    parser.add_argument("--n", type=int, metavar="N", help="the first N clips alone")
    parser.add_argument("--device", metavar="NAME", help="a torch device, for --clap")
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="table and figures (evaluation)"
    )


def retrieval(args: argparse.Namespace) -> tuple[Any, str]:
    """Measures; returns the figures and their table."""
    from cantilena.data.audio.reader import AudioData
    from cantilena.evaluate.retrieval import evaluate_retrieval
    from cantilena.files import check_folder

    if bool(args.checkpoint) == bool(args.clap):
        raise InputError("say what is measured: --checkpoint of a joint embedding, or --clap")
    if args.n is not None and args.n < 2:
        raise InputError(f"--n must be 2 or more, not {args.n}")
    folder = check_folder(args.output)
    data = AudioData(args.data, args.split, stems=False, warn=warn)
    embedder: Any
    if args.clap:
        from cantilena.models.audio.clap import Clap

        embedder = Clap(args.clap, args.device or "cpu")
    else:
        from cantilena.systems.joint.checkpoint import load_joint

        embedder = load_joint(args.checkpoint)
    with Progress(args.quiet) as progress:
        name = str(args.checkpoint or args.clap)
        return evaluate_retrieval(embedder, name, data, folder, args.n, progress.share("listening"))
