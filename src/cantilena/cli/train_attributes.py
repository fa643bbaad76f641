"""``cantilena train --system attributes`` and ``text-to-attributes``: MuseCoco's two stages.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.attributes``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import warn
from cantilena.cli.train_codec import LICENCE, NOTE_ALONE, asked_settings, option_value
from cantilena.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from cantilena.systems.trainable import Recipe

HELD_OUT = 8
"""Batches of windows that are held out."""


def train_attributes(args: argparse.Namespace) -> int:
    """Trains until the steps or the minutes are spent; 130 where Ctrl-C stopped it, the run being
    saved."""
    from cantilena.data.dataset import load_split, read_manifest
    from cantilena.systems.attributes.examples import Windows
    from cantilena.systems.attributes.training import AttributeTraining
    from cantilena.train.audio.loop import Training
    from cantilena.train.run import Run

    refuse_others(args, "corpora")
    if args.data is None:
        raise InputError("say on which data set: --data DIR")
    recipe = run_recipe(args, AttributeTraining(), Run(args.out).recipe())
    say = (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
    corpora = [c.strip() for c in args.corpora.split(",")] if args.corpora else None
    options, settings = recipe.options, recipe.settings
    songs = load_split(args.data, "train", corpora, warn=warn)
    valid = load_split(args.data, "valid", corpora, warn=warn)
    limits = (options.longest, options.bars, options.parts)
    windows = Windows(songs, *limits, settings.seed)
    held_out = Windows(valid, *limits).fixed(settings.batch, HELD_OUT)
    training = Training(Path(args.out), recipe)
    parameters = sum(p.numel() for p in training.model.parameters())
    say(f"{args.out}: {parameters:,} parameters, {len(songs):,} songs")
    about = {
        "folder": str(args.data),
        "sources": read_manifest(args.data).get("licences", {}),
        "licence": LICENCE,
    }

    def draw(step: int) -> dict[str, Any]:
        return windows.draw(step, settings.batch)

    return 0 if training.train(draw, held_out, say, about) else 130


def train_reader(args: argparse.Namespace) -> int:
    """Trains a reader on texts that are made as it goes; 130 where Ctrl-C stopped it."""
    from cantilena.systems.attributes.reader_training import ReaderTraining
    from cantilena.systems.attributes.text_batches import TextBatches, tokenizer_of
    from cantilena.train.audio.loop import Training
    from cantilena.train.run import Run

    refuse_others(args)
    if args.data is not None:
        raise InputError("a reader learns from texts that are made as it goes; leave out --data")
    kind = ReaderTraining()
    recipe = run_recipe(args, kind, Run(args.out).recipe())
    kind.check_models(recipe)
    say = (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
    training = Training(Path(args.out), recipe)
    parameters = sum(p.numel() for p in training.model.parameters())
    say(f"{args.out}: {parameters:,} parameters")
    settings = recipe.settings
    texts = TextBatches(tokenizer_of(recipe.options.text_model), settings.seed)
    about = {"licence": LICENCE, "sources": {"texts": "made by patterns of Cantilena"}}

    def draw(step: int) -> dict[str, Any]:
        return texts.draw(step, settings.batch)

    held_out = texts.fixed(settings.batch, HELD_OUT)
    return 0 if training.train(draw, held_out, say, about) else 130


def refuse_others(args: argparse.Namespace, *own: str) -> None:
    """Raises InputError for options that belong to other systems; ``own``: those that do not."""
    others = [name for name in (*NOTE_ALONE, "codec") if name not in own]
    for name in others:
        if getattr(args, name) is not None:
            option = name.replace("_", "-")
            raise InputError(f"--{option} is not an option of --system {args.system}")


def run_recipe(args: argparse.Namespace, kind: Any, saved: Recipe | None) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's of ``kind``, a
    ``Trainable``; options above them.
    Raises InputError, UnknownNameError."""
    makers = kind.recipes()
    name = args.recipe or next(iter(makers))
    if name not in makers:
        raise UnknownNameError("recipe", name, makers)
    recipe = saved if saved is not None and args.recipe is None else makers[name]()
    options = dict(option_value(text) for text in args.option or ())
    return recipe.changed(**options).changed(**asked_settings(args))
