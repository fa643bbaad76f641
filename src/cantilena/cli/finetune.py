"""``cantilena finetune`` and ``init``: training the systems built on HuggingFace's models.

Knows what is printed and how options are read; which there are is said by the settings of a run and
by each system's own options (``systems.trainable``). The work is done in ``train``. Light to
import, as the parser asks it for its options.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import Field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cantilena.errors import InputError, MissingExtraError, Notice
from cantilena.systems.trainable import Recipe, Settings, names, recipes, tuned

SETTINGS = (
    "steps",
    "batch",
    "accumulate",
    "rate",
    "warmup",
    "seed",
    "precision",
    "valid_every",
    "save_every",
    "log_every",
    "workers",
)
"""Settings of a run that have an option here."""


def options() -> dict[str, Field[Any]]:
    """The fields that are options, by name: settings of a run, then those of each system."""
    entries = {entry.name: entry for entry in fields(Settings) if entry.name in SETTINGS}
    for one in tuned().values():
        for entry in fields(one.Options):
            if entry.metadata.get("help"):
                entries.setdefault(entry.name, entry)
    return entries


def finetune_arguments(parser: argparse.ArgumentParser, count: Callable, number: Callable) -> None:
    """The options of ``finetune``; ``count`` reads a whole number from 1, ``number`` a number."""
    parser.epilog = _text()
    parser.add_argument("--system", choices=tuple(tuned()), help="what is trained")
    parser.add_argument("--data", required=True, metavar="DIR", help="of 'cantilena data paper'")
    parser.add_argument("--out", required=True, metavar="RUN", help="the run's folder")
    parser.add_argument("--recipe", metavar="NAME", help="settings to begin with (the paper's)")
    parser.add_argument(
        "--sweep",
        metavar="VALUES",
        help="a run for each combination of values, as 'batch=8,16 rate=1e-4,3e-4', in RUN/...",
    )
    groups: dict[str, Any] = {"": parser}
    for entry in options().values():
        title = entry.metadata["group"]
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        _add(groups[title], entry, count, number)
    parser.add_argument(
        "--report", action="append", default=[], metavar="NAME", help="tensorboard or trackio"
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _text() -> str:
    return f"""\
The same command goes on where a run was. In several processes, on as many GPUs or on CPUs:
  torchrun --nproc_per_node 4 -m cantilena finetune --system amt-prefix ...

recipes: {", ".join(recipes())}

examples:
  cantilena finetune --system amt-prefix --layers all --data paper --out run
  cantilena init music -o music --size mini
  cantilena finetune --system amt --recipe small-amt --music-model music --data paper --out amt
  cantilena finetune --recipe amt-base --sweep "batch=8,16 rate=1e-5,3e-5" --data paper --out search
"""


def _add(parser: Any, entry: Field[Any], count: Callable, number: Callable) -> None:
    """The option of a field."""
    about, kind = entry.metadata, str(entry.type).partition(" | ")[0]
    how: dict[str, Any] = {"dest": entry.name, "help": about["help"], "default": None}
    if kind == "bool":
        how["action"] = argparse.BooleanOptionalAction
    elif about["choices"]:
        how["choices"] = about["choices"]
    else:
        how["metavar"] = about["metavar"]
        how["type"] = str if kind == "str" else number if entry.name == "rate" else int
        if kind != "str" and entry.name not in ("rate", "seed", "save_every"):
            how["type"] = count
    parser.add_argument(about["flag"] or _flag(entry.name), **how)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def need_hf(purpose: str) -> None:
    """Raises MissingExtraError where what tuning needs is not installed."""
    for package in ("torch", "transformers", "accelerate", "pyarrow", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "hf", purpose)


def recipe_of(args: argparse.Namespace, saved: Recipe | None) -> Recipe:
    """The run's own settings where it goes on, else the recipe's; options above them. An option
    that only other systems have is passed over with a note, or refused where it is a switch that
    was turned on: a name that is not needed changes nothing, a switch would."""
    from cantilena.systems.trainable import default_recipe, recipe

    if saved is not None:
        base = saved
    elif args.recipe is None and args.system is None:
        raise InputError(f"say which --system ({', '.join(tuned())}) or which --recipe")
    else:
        base = recipe(args.recipe) if args.recipe else default_recipe(args.system)
    if args.system is not None and base.system != args.system:
        where = f"recipe {args.recipe!r}" if saved is None else f"run in {args.out!r}"
        raise InputError(f"the {where} is of {base.system!r}, not {args.system!r}")
    accepted = names(base.settings) | names(base.options)
    changes = {}
    for name, entry in options().items():
        value = getattr(args, name)
        if value is None:
            continue
        if name in accepted:
            changes[name] = value
        elif value is True:
            raise InputError(f"{base.system!r} has no {_flag(name)}")
        else:
            flag = entry.metadata["flag"] or _flag(name)
            warnings.warn(Notice(f"{base.system!r} has no {flag}: it is not used"), stacklevel=2)
    return base.changed(**changes)


def finetune(args: argparse.Namespace) -> int:
    """Trains; 130 where a signal stopped it, the run being saved. Of several processes the first
    alone prints."""
    need_hf("tuning")
    from cantilena.cli.common import print_json, warn
    from cantilena.files import check_folder
    from cantilena.train.run import Run
    from cantilena.train.tuned.processes import is_first
    from cantilena.train.tuned.trainer import finetune as train

    if not is_first():
        warnings.simplefilter("ignore", Notice)
    folder = check_folder(args.out)
    silent = args.quiet or args.json or not is_first()
    say = (lambda line: None) if silent else (lambda line: print(line, flush=True))
    if args.sweep is not None:
        outcome, text = _sweep(args, folder, say)
    else:
        recipe = recipe_of(args, Run(folder).recipe())
        card = train(recipe, args.data, folder, say, tuple(args.report), warn=warn)
        held_out = card["figures"]["held_out"] if card else {}
        outcome = {"folder": str(folder), "held_out": held_out} if card else None
        text = "\n".join([*_held_out(held_out), str(folder)])
    if outcome is None:
        return 130
    if args.json and is_first():
        print_json(outcome)
    say(text)
    return 0


def _sweep(
    args: argparse.Namespace, folder: Path, say: Callable[[str], None]
) -> tuple[dict[str, Any] | None, str]:
    """A search's figures and their table; None where a signal stopped it."""
    from cantilena.cli.common import warn
    from cantilena.train.tuned.sweep import sweep, sweep_table

    recipe = recipe_of(args, None)
    figures = sweep(recipe, args.sweep, args.data, folder, say, tuple(args.report), warn=warn)
    return figures, sweep_table(figures) if figures else ""


def _held_out(losses: dict[str, Any]) -> list[str]:
    """A line for each held-out loss of a card."""
    named = {name: row for name, row in losses.items() if isinstance(row, dict)}
    return [
        f"held out, {name}: {row['loss']:.4f} nats a token, over {row['tokens']:,} tokens"
        for name, row in named.items()
        if row["loss"] is not None
    ]


# ------------------------------------------------------------------ init


def init_arguments(parser: argparse.ArgumentParser, count: Callable) -> None:
    """The options of ``init``."""
    parser.add_argument("kind", choices=("music", "text"), help="which model to make")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="where it goes")
    parser.add_argument(
        "--size", default="mini", metavar="S", help="nano, mini, midi or published (mini)"
    )
    parser.add_argument(
        "--data", metavar="DIR", help="whose captions the tokenizer is learned from"
    )
    parser.add_argument(
        "--words", type=count, default=2_000, metavar="N", help="tokens of the text"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random weights")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def init(args: argparse.Namespace) -> int:
    """Makes a model with random weights in a published layout."""
    need_hf("making a model")
    from cantilena.cli.common import print_json
    from cantilena.files import check_folder
    from cantilena.train.tuned.init import init_music, init_text

    folder = check_folder(args.output)
    if args.kind == "music":
        outcome: dict[str, Any] = init_music(folder, args.size, args.seed)
    else:
        if not args.data:
            raise InputError("a text model's tokenizer is learned from captions: give --data")
        outcome = init_text(folder, captions_of(args.data), args.size, args.words, args.seed)
    if args.json:
        print_json(outcome)
    else:
        print(f"{folder}: {outcome['parameters']:,} parameters, random")
    return 0


def captions_of(data: str | Path) -> list[str]:
    """All captions of the training songs of a data set, each once."""
    from cantilena.data.paper.reader import PaperData

    songs = PaperData(data, "train", rotate=False).load()
    return sorted({songs.example(i)["caption"] for i in range(len(songs))})
