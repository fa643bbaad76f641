"""``cantilena evaluate gallery``: its options, which systems are shown, and running it. Light to
import; what composes is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, warn

if TYPE_CHECKING:
    from cantilena.cli.prompts import Prompt as Line
    from cantilena.evaluate.prompts import Prompt
    from cantilena.systems.base import System
    from cantilena.systems.request import Request
    from cantilena.text.wishes import Brief

SECONDS = 10.0
"""Of a piece whose words say no length: enough to be heard, and a third of most systems' window."""


def gallery_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate gallery``."""
    parser.add_argument(
        "--systems",
        metavar="LIST",
        help="names with commas (all that have a default checkpoint and what they need)",
    )
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="SYSTEM=DIR",
        help="show this checkpoint of a system, in the place of its default one; may be given "
        "again, also for the same system",
    )
    parser.add_argument(
        "--prompts", metavar="FILE", help="lines of text, or of JSON as for compose (ten of ours)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS,
        metavar="S",
        help=f"length of pieces whose words say none ({SECONDS:g})",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the pieces (0)")
    parser.add_argument(
        "--fresh", action="store_true", help="compose all pieces anew, reuse none of an earlier run"
    )
    parser.add_argument(
        "--one-file", action="store_true", help="a page that holds its sound and pictures itself"
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="gallery", help="page, sound, pictures (gallery)"
    )


def gallery(args: argparse.Namespace) -> tuple[Any, str]:
    """Makes the page; returns its figures and a table of the systems."""
    from cantilena.evaluate.gallery import PAGE, Entrant, make_gallery
    from cantilena.evaluate.gallery.page import summary_table
    from cantilena.evaluate.sound.pieces import find_renderer
    from cantilena.files import check_folder
    from cantilena.options import check_seeds

    folder = check_folder(args.output)
    check_seeds(args.seed, 1)
    choices, left_out = _choices(args)
    prompts, seeds = _prompts(args)
    renderer = find_renderer("auto", None, None)
    left_out |= _unloadable(choices)
    for name, why in left_out.items():
        warn(f"{name} is left out: {why}")
    entrants = [Entrant(c.key, c.load) for c in choices if c.key not in left_out]
    with Progress(args.quiet) as progress:
        figures = make_gallery(
            entrants,
            partial(_request, seeds),
            prompts,
            folder,
            renderer,
            args.seed,
            left_out,
            args.fresh,
            lambda done, what: progress(done, 1.0, what),
            args.one_file,
        )
    return figures, f"{summary_table(figures)}\n{folder / PAGE}"


# ---------------------------------------------------------------------------- systems


@dataclass(frozen=True)
class _Choice:
    """A system that is to be shown: ``checkpoint`` None for its default one; ``named``: whether it
    was asked for, so that it must not be left out."""

    key: str
    system: str
    checkpoint: str | None
    named: bool

    def load(self) -> System:
        """The loaded system."""
        from cantilena.api import load

        return load(self.checkpoint, self.system)


def _choices(args: argparse.Namespace) -> tuple[list[_Choice], dict[str, str]]:
    """The systems to show, in the registry's order; and why those that could be shown by default
    lack something. Raises InputError, UnknownNameError for options that name none."""
    from cantilena.errors import InputError
    from cantilena.systems import EXTRAS, SYSTEMS, spec

    places: dict[str, list[str]] = {}
    for text in args.checkpoint:
        name, _, place = text.partition("=")
        if not place:
            raise InputError(f"--checkpoint is SYSTEM=DIR, as in latent=run/latent, not {text!r}")
        spec(name)
        places.setdefault(name, []).append(place)
    asked = None if args.systems is None else [n.strip() for n in args.systems.split(",")]
    if asked is not None and not any(asked):
        raise InputError("--systems names none; give names with commas, as in note,musicgen")
    for name in asked or ():
        spec(name)
    choices: list[_Choice] = []
    lacking: dict[str, str] = {}
    for name, line in SYSTEMS.items():
        for n, place in enumerate(places.get(name, ()), 1):
            choices.append(_Choice(name if n == 1 else f"{name}-{n}", name, place, True))
        if name in places:
            continue
        if asked is not None:
            if name in asked:
                choices.append(_Choice(name, name, None, True))
        elif line.default and all(map(find_spec, EXTRAS.get(line.extra, ()))):
            choices.append(_Choice(name, name, None, False))
        elif line.default:
            lacking[name] = f"it needs pip install 'cantilena[{line.extra}]'"
    return choices, lacking


def _unloadable(choices: Sequence[_Choice]) -> dict[str, str]:
    """Why, by key, systems that nobody named cannot be loaded. All are loaded once before anything
    is composed, those that were named first, as one that cannot be is refused. Raises
    CantilenaError."""
    from cantilena.errors import CantilenaError

    errors: dict[str, str] = {}
    for choice in sorted(choices, key=lambda choice: not choice.named):
        try:
            choice.load()
        except CantilenaError as error:
            if choice.named:
                raise
            errors[choice.key] = str(error)
    return errors


# ---------------------------------------------------------------------------- prompts


def _prompts(args: argparse.Namespace) -> tuple[list[Prompt], dict[str, int]]:
    """The prompts with what is asked in them, and the seeds of those that have their own. Raises
    InputError, BriefError."""
    from cantilena.cli.prompts import Prompt as Line
    from cantilena.cli.prompts import file_names, read_prompts
    from cantilena.errors import InputError
    from cantilena.evaluate.gallery import PROMPTS
    from cantilena.evaluate.prompts import Prompt

    if args.prompts is None:
        lines = [Line(text, name) for name, text in PROMPTS]
    else:
        lines = read_prompts(args.prompts)
    prompts: list[Prompt] = []
    seeds: dict[str, int] = {}
    for line, (name,) in zip(lines, file_names(lines), strict=True):
        try:
            brief = _brief(line, args.seconds)
        except InputError as error:
            raise InputError(f"{line.where}{error}") from None
        prompts.append(Prompt(name, line.text, brief))
        if line.seed is not None:
            seeds[name] = line.seed
    return prompts, seeds


def _brief(line: Line, seconds: float) -> Brief:
    """What a prompt asks; so many ``seconds`` where it says no length."""
    from cantilena.options import make_brief
    from cantilena.text.brief import merge

    brief = make_brief(line.text, **line.options)
    return brief if brief.seconds or brief.bars else merge(brief, seconds=seconds)


def _request(seeds: dict[str, int], system: System, prompt: Prompt, seed: int) -> Request:
    """What a system composes of a prompt: of the prompt's own seed where it has one."""
    from cantilena.systems.request import Request

    return system.completed(Request(prompt.wishes, seeds.get(prompt.id, seed)))
