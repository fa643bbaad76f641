"""``cantilena train --system aligned``: adapters of function alignment on a note model.

Knows options and what is printed; the work is done in ``systems.aligned`` and ``train.audio.loop``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import warn
from cantilena.cli.train_codec import asked_settings, option_value
from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.systems.trainable import Recipe

_OTHERS = ("codec", "tune", "notes", "compile", "workers", "recipe")
_SIZES = ("width", "layers", "heads", "hidden", "head_hidden", "context")


def train_aligned(args: argparse.Namespace) -> int:
    """Trains until the steps or the minutes are spent; 130 where Ctrl-C stopped it, the run being
    saved."""
    from cantilena.data.dataset import load_split, read_manifest
    from cantilena.systems.aligned.examples import AlignedWindows
    from cantilena.systems.aligned.training import LICENCE
    from cantilena.tokens.note.streams import Task
    from cantilena.train.audio.loop import Training
    from cantilena.train.run import Run

    for name in (*_OTHERS, *_SIZES):
        if getattr(args, name) is not None:
            raise InputError(
                f"--{name.replace('_', '-')} is not of --system aligned; its sizes are --option, "
                "as inner=256"
            )
    recipe = aligned_settings(args, Run(args.out).recipe())
    options, settings = recipe.options, recipe.settings
    say = (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
    corpora = [c.strip() for c in args.corpora.split(",")] if args.corpora else None
    sizes = (Task.of(options.task), options.length, options.reference_length, options.bars)
    windows, held_out = (
        AlignedWindows(load_split(args.data, split, corpora, warn=warn), *sizes)
        for split in ("train", "valid")
    )
    training = Training(Path(args.out), recipe)
    numbers = sum(p.numel() for p in training.model.parameters())
    verb = "going on with" if training.step else "training"
    say(
        f"{verb} {args.out}: {options.task}, adapters of {numbers:,} numbers, "
        f"{len(windows.songs):,} songs"
    )
    about: dict[str, Any] = {
        "folder": str(args.data),
        "sources": read_manifest(args.data)["counts"],
        "licence": LICENCE,
    }
    done = training.train(
        lambda step: windows.draw(step, settings.batch, settings.seed),
        held_out.fixed(options.valid_windows, settings.batch),
        say,
        about,
    )
    return 0 if done else 130


def aligned_settings(args: argparse.Namespace, saved: Recipe | None) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's; options above them.
    Raises InputError."""
    from cantilena.systems.aligned.training import aligned_recipe

    recipe = saved if saved is not None else aligned_recipe()
    options: dict[str, Any] = {}
    if args.task is not None:
        options["task"] = args.task
    if args.start is not None:
        options["base"] = str(Path(args.start).resolve())
    if args.length is not None:
        options["length"] = args.length
    for text in args.option or ():
        key, value = option_value(text)
        options[key] = value
    return recipe.changed(**options).changed(**asked_settings(args))
