"""``cantilena evaluate``: the measurements there are, by name. Light to import, as the parser asks
it for each one's options; what measures is imported when it is run.

To add one: a function for its options, one that runs it and returns plain data and a table, and a
line in ``EVALUATIONS``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cantilena.cli.table3 import table3, table3_arguments


@dataclass(frozen=True)
class Evaluation:
    """A measurement: ``help``, one line; ``arguments`` adds its options to a parser; ``run`` takes
    them parsed and gives the figures as plain data and the table to print."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], tuple[Any, str]]


def _composed_arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument("--midi", metavar="DIR", help="measure these files and compose nothing")
    made.add_argument("--prompts", metavar="FILE", help="other prompts than those shipped")
    made.add_argument("--n", type=int, metavar="N", help="so many of the prompts (all)")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the pieces (0)")
    made.add_argument("--checkpoint", metavar="DIR", help="compose with this checkpoint")
    made.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="pieces and tables (evaluation)"
    )


def _statistics_arguments(made: argparse.ArgumentParser) -> None:
    _composed_arguments(made)
    made.add_argument("--real", metavar="PLACE", help="songs to compare with (those shipped)")


def _prompts(args: argparse.Namespace) -> Any:
    from cantilena.evaluate.prompts import read_prompts

    return read_prompts(args.prompts) if args.prompts else None


def _control(args: argparse.Namespace) -> tuple[Any, str]:
    from cantilena.api import load
    from cantilena.cli.common import Progress
    from cantilena.evaluate import run
    from cantilena.evaluate.tables import control_table
    from cantilena.result import check_folder

    folder, prompts = check_folder(args.output), _prompts(args)
    if args.midi:
        found = run.evaluate_folder(prompts, args.midi, folder, args.n, args.seed)
    else:
        composer = load(args.checkpoint)
        with Progress(args.quiet) as progress:
            hear = progress.share("composing")
            found = run.evaluate_control(composer, prompts, folder, args.n, args.seed, hear)
    return found, control_table(found)


def _statistics(args: argparse.Namespace) -> tuple[Any, str]:
    from cantilena.api import load
    from cantilena.cli.common import Progress
    from cantilena.evaluate import run
    from cantilena.evaluate.tables import statistics_table
    from cantilena.result import check_folder

    folder, prompts, midi, name = check_folder(args.output), _prompts(args), args.midi, ""
    if not midi:
        composer = load(args.checkpoint)
        name = f"{composer.name} {composer.hash}"
        with Progress(args.quiet) as progress:
            hear = progress.share("composing")
            midi = run.compose_for_statistics(composer, prompts, folder, args.n, args.seed, hear)
    found = run.evaluate_statistics(midi, args.real, folder, args.seed, name)
    return found, statistics_table(found)


def _bits_arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "folder",
        nargs="?",
        metavar="RUN_OR_CHECKPOINT",
        help="the folder of a run or a checkpoint (the shipped one)",
    )
    made.add_argument("--data", required=True, metavar="DIR", help="a data set")
    made.add_argument("--split", default="test", choices=("valid", "test"), help="(test)")
    made.add_argument("--windows", type=int, default=256, metavar="N", help="how many (256)")
    made.add_argument("--length", type=int, default=1024, metavar="T", help="notes in each (1024)")


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

    return measure(args.folder, args.data, args.split, args.windows, args.length)


EVALUATIONS: dict[str, Evaluation] = {
    "control": Evaluation(
        "how well pieces obey their texts, over a list of prompts", _composed_arguments, _control
    ),
    "statistics": Evaluation(
        "how near the pieces' statistics are to those of real songs",
        _statistics_arguments,
        _statistics,
    ),
    "table3": Evaluation(
        "systems against ground truth, by sound, text and control", table3_arguments, table3
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
