"""``cantilena evaluate``: the measurements there are, by name. Light to import, as the parser asks
it for each one's options; what measures is imported when it is run.

To add one: a function for its options, one that runs it and returns plain data and a table, and a
line in ``EVALUATIONS``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cantilena.cli.captions import evaluation as captions
from cantilena.cli.captions import evaluation_arguments as captions_arguments
from cantilena.cli.common import system_arguments
from cantilena.cli.evaluate_sound import (
    audio,
    audio_arguments,
    codec_folder,
    codec_folder_arguments,
)
from cantilena.cli.evaluate_stages import stages, stages_arguments
from cantilena.cli.gallery import gallery, gallery_arguments
from cantilena.cli.qualitative import qualitative, qualitative_arguments
from cantilena.cli.realism import (
    genre,
    genre_arguments,
    likeness,
    likeness_arguments,
    realism,
    realism_arguments,
)
from cantilena.cli.retrieval import retrieval, retrieval_arguments
from cantilena.cli.table3 import table3, table3_arguments

if TYPE_CHECKING:
    from cantilena.evaluate.prompts import Prompt
    from cantilena.systems.base import System
    from cantilena.systems.request import Request


@dataclass(frozen=True)
class Evaluation:
    """A measurement: ``help``, one line; ``arguments`` adds its options to a parser; ``run`` takes
    them parsed and gives the figures as plain data and the table to print."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], tuple[Any, str]]


def _composed_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--midi", metavar="DIR", help="measure these files and compose nothing")
    parser.add_argument("--prompts", metavar="FILE", help="other prompts than those shipped")
    parser.add_argument("--n", type=int, metavar="N", help="so many of the prompts (all)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the pieces (0)")
    system_arguments(parser)
    parser.add_argument(
        "--fresh", action="store_true", help="compose all pieces anew, reuse none of an earlier run"
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="pieces and tables (evaluation)"
    )


def _statistics_arguments(parser: argparse.ArgumentParser) -> None:
    _composed_arguments(parser)
    parser.add_argument("--real", metavar="PLACE", help="songs to compare with (those shipped)")


def _prompts(args: argparse.Namespace) -> Sequence[Prompt] | None:
    from cantilena.evaluate.prompts import read_prompts

    return read_prompts(args.prompts) if args.prompts else None


def _system(args: argparse.Namespace) -> System:
    """The system that ``--system`` and ``--checkpoint`` name."""
    from cantilena.api import load

    where = {"device": args.device, "dtype": args.dtype}
    options = {name: value for name, value in where.items() if value is not None}
    return load(args.checkpoint, args.system, **options)


def _request(system: System, prompt: Prompt, seed: int, bars: int | None = None) -> Request:
    """What a system composes of a prompt: its text, read, and so many ``bars`` where given."""
    from cantilena.systems.request import Request
    from cantilena.text.brief import merge, parse_brief

    brief = parse_brief(prompt.text)
    return system.completed(Request(brief if bars is None else merge(brief, bars=bars), seed))


def _control(args: argparse.Namespace) -> tuple[Any, str]:
    from cantilena.cli.common import Progress
    from cantilena.evaluate.run import evaluate_control, evaluate_folder
    from cantilena.evaluate.tables import control_table
    from cantilena.files import check_folder

    folder, prompts = check_folder(args.output), _prompts(args)
    if args.midi:
        figures = evaluate_folder(prompts, args.midi, folder, args.n, args.seed)
    else:
        system = _system(args)
        with Progress(args.quiet) as progress:
            figures = evaluate_control(
                system,
                partial(_request, system),
                prompts,
                folder,
                args.n,
                args.seed,
                progress.share("composing"),
                args.fresh,
            )
    return figures, control_table(figures)


def _statistics(args: argparse.Namespace) -> tuple[Any, str]:
    from cantilena.cli.common import Progress
    from cantilena.evaluate.composing import label
    from cantilena.evaluate.run import compose_for_statistics, evaluate_statistics
    from cantilena.evaluate.statistics import BARS
    from cantilena.evaluate.tables import statistics_table
    from cantilena.files import check_folder

    folder, prompts = check_folder(args.output), _prompts(args)
    if args.midi:
        figures = evaluate_statistics(args.midi, args.real, folder, args.seed)
    else:
        system = _system(args)
        with Progress(args.quiet) as progress:
            midi = compose_for_statistics(
                system,
                partial(_request, system, bars=BARS),
                prompts,
                folder,
                args.n,
                args.seed,
                progress.share("composing"),
                args.fresh,
            )
        figures = evaluate_statistics(midi, args.real, folder, args.seed, label(system))
    return figures, statistics_table(figures)


def _bits_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="RUN_OR_CHECKPOINT",
        help="the folder of a run or a checkpoint (the shipped one)",
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="a data set")
    parser.add_argument("--split", default="test", choices=("valid", "test"), help="(test)")
    parser.add_argument(
        "--corpora",
        default="lakh",
        metavar="LIST",
        help="measure on these, as 'nottingham' (lakh, on which the README's figures are)",
    )
    parser.add_argument("--windows", type=int, default=256, metavar="N", help="how many (256)")
    parser.add_argument(
        "--length", type=int, default=1024, metavar="T", help="notes in each (1024)"
    )


def _bits(args: argparse.Namespace) -> tuple[Any, str]:
    from cantilena.cli.train import need_run, need_torch
    from cantilena.errors import InputError
    from cantilena.models.checkpoint import is_checkpoint

    if args.folder is not None and not is_checkpoint(args.folder):
        need_torch("measuring the bits of a run")
        need_run(args.folder)
    for name in ("windows", "length"):
        if getattr(args, name) < 1:
            raise InputError(f"--{name} must be 1 or more, not {getattr(args, name)}")
    from cantilena.train.note.measure import measure

    corpora = tuple(name.strip() for name in args.corpora.split(",") if name.strip())
    return measure(args.folder, args.data, args.split, args.windows, args.length, corpora)


EVALUATIONS: dict[str, Evaluation] = {
    "control": Evaluation(
        "how well pieces obey their texts, over a list of prompts", _composed_arguments, _control
    ),
    "statistics": Evaluation(
        "how near the pieces' statistics are to those of real songs",
        _statistics_arguments,
        _statistics,
    ),
    "realism": Evaluation(
        "whether pieces can be told from held-out songs of the same instruments, and by what",
        realism_arguments,
        lambda args: realism(args, _system),
    ),
    "genre": Evaluation(
        "whether pieces are heard as the genre that was asked for, real songs beside them",
        genre_arguments,
        lambda args: genre(args, _system),
    ),
    "likeness": Evaluation(
        "which genres a report can judge: the model is learnt, and tried on real songs",
        likeness_arguments,
        likeness,
    ),
    "table3": Evaluation(
        "systems against ground truth, by sound, text and control", table3_arguments, table3
    ),
    "qualitative": Evaluation(
        "a page of pieces whose captions are marked: followed, violated or not measurable",
        qualitative_arguments,
        qualitative,
    ),
    "audio": Evaluation(
        "sound against real music: distances, tags, texts, melody, and what is heard of wishes",
        audio_arguments,
        lambda args: audio(args, _system, _request),
    ),
    "codec": Evaluation(
        "a codec over a folder of recordings: distances, use of its books, bits and speed",
        codec_folder_arguments,
        codec_folder,
    ),
    "captions": Evaluation(
        "how often pseudo-captions claim what was not measured, before and after their check",
        captions_arguments,
        captions,
    ),
    "retrieval": Evaluation(
        "whether a joint embedding finds the sound of a text, and the text of a sound",
        retrieval_arguments,
        retrieval,
    ),
    "stages": Evaluation(
        "what each stage of a musiclm loses on held-out clips, with true words and others",
        stages_arguments,
        stages,
    ),
    "gallery": Evaluation(
        "the same prompts by every system on one page, to listen to and to compare",
        gallery_arguments,
        gallery,
    ),
    "bits": Evaluation(
        "bits per note of a run's or a checkpoint's model on held-out music", _bits_arguments, _bits
    ),
}
"""Every measurement by name."""


def evaluate(args: argparse.Namespace) -> int:
    """Runs a measurement and prints its figures."""
    from cantilena.cli.common import print_json

    figures, table = EVALUATIONS[args.job].run(args)
    if args.json:
        print_json(figures)
    elif not args.quiet:
        print(table.rstrip())
    return 0
