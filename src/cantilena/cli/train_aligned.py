"""``cantilena train --system aligned``: adapters of function alignment on a note model.

Knows options and what is printed; the work is done in ``systems.aligned`` and ``train.audio.loop``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import warn
from cantilena.cli.training import (
    about_songs,
    base_recipe,
    corpora_of,
    options_of,
    printer,
    refuse_codec,
    run_folder,
    with_settings,
)

if TYPE_CHECKING:
    from cantilena.systems.trainable import Recipe


def train_aligned(args: argparse.Namespace) -> int:
    """Trains until the steps or the minutes are spent; 130 where Ctrl-C stopped it, the run being
    saved."""
    from cantilena.data.dataset import load_split
    from cantilena.systems.aligned.examples import AlignedWindows
    from cantilena.tokens.note.streams import Task
    from cantilena.train.audio.loop import Training

    refuse_codec(args)
    folder, saved = run_folder(args, "corpora", "length", "start")
    recipe = aligned_settings(args, saved)
    options, settings = recipe.options, recipe.settings
    say = printer(args)
    corpora = corpora_of(args)
    task = Task.of(options.task)
    sizes = (options.length, options.reference_length, options.bars, options.chords)
    windows, held_out = (
        AlignedWindows(load_split(args.data, split, corpora, warn=warn), task, *sizes)
        for split in ("train", "valid")
    )
    training = Training(folder, recipe)
    numbers = sum(p.numel() for p in training.model.parameters())
    verb = "going on with" if training.step else "training"
    say(
        f"{verb} {args.out}: {options.task}, {options.adapter} adapters of {numbers:,} numbers, "
        f"{len(windows.songs):,} songs"
    )
    done = training.train(
        lambda step: windows.draw(step, settings.batch, settings.seed),
        held_out.fixed(options.valid_windows, settings.batch),
        say,
        about_songs(args),
    )
    return 0 if done else 130


def aligned_settings(args: argparse.Namespace, saved: Recipe | None) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's; options above them.
    Raises InputError."""
    from cantilena.systems.aligned.training import AlignedTraining

    recipe = base_recipe(args, saved, AlignedTraining().recipes())
    options: dict[str, Any] = {}
    for name in ("task", "adapter", "length"):
        if getattr(args, name) is not None:
            options[name] = getattr(args, name)
    if args.start is not None:
        options["base"] = str(Path(args.start).resolve())
    options |= dict(options_of(args))
    return with_settings(recipe.changed(**options), args)
