"""``cantilena train --system attributes`` and ``text-to-attributes``: MuseCoco's two stages.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.attributes``.
"""

from __future__ import annotations

import argparse
from typing import Any

from cantilena.cli.common import warn
from cantilena.cli.training import (
    LICENCE,
    about_songs,
    corpora_of,
    own_recipe,
    printer,
    refuse_codec,
    run_folder,
)
from cantilena.errors import InputError

HELD_OUT = 8
"""Batches of the validation."""


def train_attributes(args: argparse.Namespace) -> int:
    """Trains until the steps or the minutes are spent; 130 where Ctrl-C stopped it, the run being
    saved."""
    from cantilena.data.dataset import load_split
    from cantilena.systems.attributes.examples import Windows
    from cantilena.systems.attributes.training import AttributeTraining
    from cantilena.train.audio.loop import Training

    refuse_codec(args)
    folder, saved = run_folder(args, "corpora")
    recipe = own_recipe(args, saved, AttributeTraining().recipes())
    say = printer(args)
    corpora = corpora_of(args)
    options, settings = recipe.options, recipe.settings
    songs = load_split(args.data, "train", corpora, warn=warn)
    valid = load_split(args.data, "valid", corpora, warn=warn)
    limits = (options.longest, options.bars, options.parts)
    windows = Windows(songs, *limits, settings.seed)
    held_out = Windows(valid, *limits).fixed(settings.batch, HELD_OUT)
    training = Training(folder, recipe)
    parameters = sum(p.numel() for p in training.model.parameters())
    say(f"{args.out}: {parameters:,} parameters, {len(songs):,} songs")

    def draw(step: int) -> dict[str, Any]:
        return windows.draw(step, settings.batch)

    return 0 if training.train(draw, held_out, say, about_songs(args)) else 130


def train_reader(args: argparse.Namespace) -> int:
    """Trains a reader on texts that are put together as it goes; 130 where Ctrl-C stopped it, the
    run being saved."""
    from cantilena.systems.attributes.reader_training import ReaderTraining
    from cantilena.systems.attributes.text_batches import (
        TextBatches,
        reading_by,
        reading_for,
        tokenizer_of,
    )
    from cantilena.train.audio.loop import Training

    refuse_codec(args)
    folder, saved = run_folder(args)
    if args.data is not None:
        raise InputError("a reader learns from texts that are made as it goes; leave out --data")
    kind = ReaderTraining()
    recipe = own_recipe(args, saved, kind.recipes())
    kind.check_models(recipe)
    say = printer(args)
    training = Training(folder, recipe)
    model: Any = training.model
    parameters = sum(p.numel() for p in model.parameters())
    say(f"{args.out}: {parameters:,} parameters")
    settings, name = recipe.settings, recipe.options.text_model
    frozen = recipe.options.frozen
    read = reading_for(model.encoder) if frozen else reading_by(tokenizer_of(name))
    texts = TextBatches(read, settings.seed)
    about = {"licence": LICENCE, "sources": {"texts": "made by patterns of Cantilena, Apache-2.0"}}

    def draw(step: int) -> dict[str, Any]:
        return texts.draw(step, settings.batch)

    held_out = texts.fixed(settings.batch, HELD_OUT)
    return 0 if training.train(draw, held_out, say, about) else 130
