"""``cantilena evaluate audio`` and ``evaluate codec``: their options, and running them. Light to
import; what measures is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, system_arguments
from cantilena.cli.table3 import OFFLINE

if TYPE_CHECKING:
    from cantilena.evaluate.prompts import Prompt
    from cantilena.evaluate.sound.embedders import Embedder
    from cantilena.systems.base import System
    from cantilena.systems.request import Request

LoadSystem = Callable[[argparse.Namespace], "System"]
MakeRequest = Callable[["System", "Prompt", int], "Request"]


def audio_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate audio``."""
    parser.add_argument(
        "generated",
        nargs="*",
        metavar="PLACE",
        help="files or folders of generated sound (WAV; FLAC, Ogg and MP3 with soundfile), or of "
        "MIDI files, which are rendered; without any, or with --system, prompts are composed",
    )
    parser.add_argument(
        "--real", required=True, metavar="PLACE", help="real music: a folder of such files"
    )
    parser.add_argument(
        "--reference",
        metavar="DIR",
        help="sound of the same names as the generated, whose melody and tags it should have "
        "(where names fit, that of --real)",
    )
    parser.add_argument("--prompts", metavar="FILE", help="other prompts than those shipped")
    parser.add_argument("--n", type=int, metavar="N", help="so many of the prompts (all)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of pieces and draws (0)")
    system_arguments(parser)
    parser.add_argument(
        "--fresh", action="store_true", help="compose all pieces anew, reuse none of an earlier run"
    )
    parser.add_argument(
        "--embedder",
        action="append",
        metavar="NAME[=WEIGHTS]",
        help="as for table3; may be given again (logmel, chroma, and musicnn where 'cantilena data "
        "weights musicnn' has been run); musicnn gives the tags too",
    )
    parser.add_argument(
        "--clap",
        metavar="WEIGHTS",
        help="for the CLAP score: LAION's .pt, a ClapModel's folder or hub name",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        metavar="S",
        help="sound of each piece that is measured; 0: up to half an hour (30)",
    )
    parser.add_argument("--engine", choices=("auto", "fluidsynth", "synth"), default="auto")
    parser.add_argument("--soundfont", metavar="FILE", help="an .sf2 or .sf3 file for FluidSynth")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="read in N processes")
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="tables and cache (evaluation)"
    )


def audio(args: argparse.Namespace, load: LoadSystem, make_request: MakeRequest) -> tuple[Any, str]:
    """Measures; returns the figures and their table."""
    from cantilena.evaluate.audio import evaluate_audio, sound_files
    from cantilena.evaluate.sound.pieces import find_renderer
    from cantilena.files import check_folder
    from cantilena.models.audio.clap import Clap

    folder = check_folder(args.output)
    real = sound_files(args.real)
    references = None if args.reference is None else sound_files(args.reference)
    sets = {}
    if args.generated:
        sets["generated"] = [p for place in args.generated for p in sound_files(place)]
    renderer = find_renderer(args.engine, args.soundfont, args.seconds or None)
    prompts = _prompts(args)
    embedders = _embedders(args)
    clap = Clap(args.clap, args.device or "cpu") if args.clap else None
    if clap is None and "clap" in embedders and isinstance(embedders["clap"], Clap):
        clap = embedders["clap"]
    with Progress(args.quiet) as progress:
        if not args.generated or args.system or args.checkpoint:
            sets |= _composed(args, load, make_request, folder, prompts, progress)
        return evaluate_audio(
            sets,
            real,
            embedders,
            renderer,
            folder,
            references,
            prompts,
            clap,
            args.seed,
            args.workers,
            lambda done, what: progress(done, 1.0, what),
        )


def _prompts(args: argparse.Namespace) -> list[Prompt]:
    from cantilena.errors import InputError
    from cantilena.evaluate.prompts import read_prompts, shipped_prompts

    if args.n is not None and args.n < 1:
        raise InputError(f"--n must be 1 or more, not {args.n}")
    return list(read_prompts(args.prompts) if args.prompts else shipped_prompts())[: args.n]


def _embedders(args: argparse.Namespace) -> dict[str, Embedder]:
    from cantilena.data.weights import find_weights
    from cantilena.evaluate.sound.embedders import load_embedder

    names: list[str] = list(args.embedder or OFFLINE)
    if not args.embedder and find_spec("torch") is not None and find_weights("musicnn"):
        names.append("musicnn")
    embedders = {}
    for option in names:
        name, _, weights = option.partition("=")
        embedders[name] = load_embedder(name, weights or None, args.device or "cpu")
    return embedders


def _composed(
    args: argparse.Namespace,
    load: LoadSystem,
    make_request: MakeRequest,
    folder: Path,
    prompts: list[Prompt],
    progress: Progress,
) -> dict[str, list[Path]]:
    """The files that a system makes of the prompts, by its name; where it failed, the name of the
    file that is not there."""
    from cantilena.evaluate.composing import compose_prompts, label
    from cantilena.files import make_folder
    from cantilena.locks import lock
    from cantilena.systems import spec

    system = load(args)
    sound = spec(system.system).gives == "audio"
    pieces_folder = make_folder(folder) / ("sound" if sound else "midi")
    with lock(folder):
        pieces = compose_prompts(
            system,
            partial(make_request, system),
            prompts,
            pieces_folder,
            args.seed,
            progress.share("composing"),
            args.fresh,
            sound,
        )
    ending = ".wav" if sound else ".mid"
    names = [pieces_folder / f"{prompt.id}-{args.seed}{ending}" for prompt in prompts]
    return {label(system): [p.path or name for p, name in zip(pieces, names, strict=True)]}


def codec_folder_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate codec``."""
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="recordings: WAV files; FLAC, Ogg and MP3 with soundfile (extra audio)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="a codec's folder, a run's, or a published EnCodec's, DAC's or Mimi's folder or hub "
        "name (the shipped one, where cantilena-audio-weights is installed)",
    )
    parser.add_argument("--books", type=int, metavar="N", help="the first N books alone")
    parser.add_argument("--n", type=int, metavar="N", help="the first N files alone")
    parser.add_argument(
        "--device", metavar="NAME", help="a torch device (a GPU where there is one)"
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="table and figures (evaluation)"
    )


def codec_folder(args: argparse.Namespace) -> tuple[Any, str]:
    """Measures; returns the figures and their table."""
    from cantilena.cli.codec import chosen_books, chosen_codec, describe, measured
    from cantilena.errors import InputError
    from cantilena.evaluate.codec import evaluate_codec, recordings_in
    from cantilena.files import check_folder

    for name in ("books", "n"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise InputError(f"--{name} must be 1 or more, not {getattr(args, name)}")
    folder, paths = check_folder(args.output), recordings_in(args.folder)[: args.n]
    model = chosen_codec(args)
    books = chosen_books(args, model)
    about = {**describe(model), "books": books or model.books}
    with Progress(args.quiet) as progress:
        return evaluate_codec(
            about,
            paths,
            lambda path: measured(str(path), model, books),
            folder,
            progress.share("coding"),
        )
