"""``cantilena evaluate realism``, ``evaluate genre`` and ``evaluate likeness``: their options, and
running them. Light to import; what measures is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import system_arguments

if TYPE_CHECKING:
    from cantilena.data.dataset import Songs
    from cantilena.evaluate.prompts import Prompt
    from cantilena.systems.base import System
    from cantilena.systems.request import Request

HELD_OUT = ("test", "valid")
"""Splits that no model of ours is trained on."""
LoadSystem = Callable[[argparse.Namespace], "System"]


KINDS = ("piano", "quartet", "orchestra", "electronic", "band")
"""As ``evaluate.ensembles`` has them, which is slow to import."""


def _run_arguments(parser: argparse.ArgumentParser, n: int, what: str) -> None:
    parser.add_argument("--n", type=int, default=n, metavar="N", help=f"{what} ({n})")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of pieces and draws (0)")
    system_arguments(parser)
    parser.add_argument(
        "--fresh", action="store_true", help="compose all pieces anew, reuse none of an earlier run"
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="pieces and tables (evaluation)"
    )


def realism_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate realism``."""
    parser.add_argument("--data", metavar="DIR", help="a data set, whose held-out songs are taken")
    parser.add_argument(
        "--split", default="test", metavar="LIST", help="of it: test, valid, or both (test)"
    )
    parser.add_argument("--corpora", metavar="LIST", help="songs of these alone, as 'lakh' (all)")
    parser.add_argument("--kind", default="band", choices=KINDS, help="of ensemble (band)")
    parser.add_argument(
        "--chords", action="store_true", help="ask for the chord of each of the song's bars too"
    )
    parser.add_argument("--pieces", metavar="DIR", help="measure these files and compose nothing")
    parser.add_argument(
        "--references", metavar="DIR", help="for --pieces: real ones, of the same names"
    )
    _run_arguments(parser, 32, "pairs")


def realism(args: argparse.Namespace, load: LoadSystem) -> tuple[Any, str]:
    """Measures; returns the figures and their table."""
    from cantilena.cli.common import Progress
    from cantilena.errors import InputError
    from cantilena.evaluate.realism import evaluate_folders, evaluate_realism
    from cantilena.evaluate.tables import realism_table
    from cantilena.files import check_folder

    folder = check_folder(args.output)
    if bool(args.pieces) != bool(args.references):
        raise InputError("--pieces and --references belong together: give both folders or neither")
    if args.pieces:
        if args.data:
            raise InputError("--data composes and --pieces measures files: give one of them")
        figures = evaluate_folders(args.pieces, args.references, folder, args.seed)
        return figures, realism_table(figures)
    songs = _held_out(args)
    system = load(args)
    with Progress(args.quiet) as progress:
        figures = evaluate_realism(
            system,
            lambda prompt, seed: _request(system, prompt, seed),
            songs,
            folder,
            args.kind,
            args.n,
            args.chords,
            args.seed,
            progress.share("composing"),
            args.fresh,
        )
    return figures, realism_table(figures)


def _labelled_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, metavar="DIR", help="a data set with labels")
    parser.add_argument("--corpora", metavar="LIST", help="songs of these alone, as 'lakh' (all)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes (1)")


def genre_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate genre``."""
    _labelled_arguments(parser)
    _run_arguments(parser, 8, "pieces of each genre")


def genre(args: argparse.Namespace, load: LoadSystem) -> tuple[Any, str]:
    """Measures; returns the figures and their table."""
    from cantilena.cli.common import Progress
    from cantilena.evaluate.genre import evaluate_genre
    from cantilena.evaluate.tables import genre_table
    from cantilena.files import check_folder

    folder = check_folder(args.output)
    songs = _labelled(args)
    system = load(args)
    with Progress(args.quiet) as progress:
        figures = evaluate_genre(
            system,
            lambda prompt, seed: _asked(system, prompt, seed),
            songs,
            folder,
            args.n,
            args.seed,
            args.workers,
            progress.share("composing"),
            args.fresh,
        )
    return figures, genre_table(figures)


def likeness_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate likeness``."""
    _labelled_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of draws (0)")
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="model and table (evaluation)"
    )


def likeness(args: argparse.Namespace) -> tuple[Any, str]:
    """Learns and measures; returns the figures and their table."""
    from cantilena.evaluate.forest import need_forests
    from cantilena.evaluate.likeness import learn_likeness
    from cantilena.evaluate.tables import likeness_table
    from cantilena.files import check_folder

    folder = check_folder(args.output)
    need_forests()
    figures = learn_likeness(_labelled(args), folder, args.seed, args.workers)
    return figures, likeness_table(figures)


def _labelled(args: argparse.Namespace) -> list[Songs]:
    """All splits of ``--data``. Raises InputError."""
    from cantilena.data.corpora.corpus import SPLITS
    from cantilena.errors import InputError

    if args.workers < 1:
        raise InputError(f"--workers must be 1 or more, not {args.workers}")
    return _splits(args, SPLITS)


def _asked(system: System, prompt: Prompt, seed: int) -> Request:
    """What a system composes of a prompt's text, as long as a window and its ending."""
    from cantilena.analysis.features import BARS
    from cantilena.evaluate.matched import MORE_BARS
    from cantilena.systems.request import Request
    from cantilena.text.brief import merge, parse_brief

    brief = merge(parse_brief(prompt.text), bars=BARS + MORE_BARS)
    return system.completed(Request(brief, seed))


def _request(system: System, prompt: Prompt, seed: int) -> Request:
    """What a system composes of a prompt's own wishes, its text not being read."""
    from cantilena.systems.request import Request

    return system.completed(Request(prompt.wishes, seed))


def _held_out(args: argparse.Namespace) -> list[Songs]:
    """The splits that ``--data``, ``--split`` and ``--corpora`` name."""
    from cantilena.errors import InputError, UnknownNameError

    if not args.data:
        raise InputError("name a data set with --data, or files with --pieces and --references")
    splits = _names(args.split)
    for split in splits:
        if split not in HELD_OUT:
            raise UnknownNameError("held-out split", split, HELD_OUT)
    return _splits(args, splits)


def _splits(args: argparse.Namespace, splits: Sequence[str]) -> list[Songs]:
    """Those of ``splits`` in which ``--data`` has songs of ``--corpora``. Raises InputError where
    none has."""
    from cantilena.data.dataset import load_split, read_manifest
    from cantilena.errors import InputError

    corpora = _names(args.corpora) or None
    rows = read_manifest(args.data)["shards"]
    there = {row["split"] for row in rows if corpora is None or row["corpus"] in corpora}
    songs = [load_split(args.data, split, corpora) for split in splits if split in there]
    if not songs:
        of = f" of {args.corpora}" if corpora else ""
        raise InputError(f"{args.data!r} has no songs{of} in {' or '.join(splits)}")
    return songs


def _names(text: str | None) -> Sequence[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]
