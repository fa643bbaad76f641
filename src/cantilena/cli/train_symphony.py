"""``cantilena train --system symphony`` and ``bert-symphony``: rows of a data set's songs.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.symphony``.
"""

from __future__ import annotations

import argparse
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
from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.data.dataset import Songs
    from cantilena.systems.trainable import Recipe


def train_symphony(args: argparse.Namespace) -> int:
    """Reads the songs as rows, then trains until the steps or the minutes are spent; 130 where
    Ctrl-C stopped it, the run being saved."""
    from cantilena.data.dataset import load_split
    from cantilena.systems.symphony.examples import RowBatches, Windows, row_pieces
    from cantilena.train.audio.loop import Training

    refuse_codec(args)
    folder, saved = run_folder(args, "corpora")
    say, corpora = printer(args), corpora_of(args)
    songs, valid = (
        load_split(args.data, split, corpora, warn=warn) for split in ("train", "valid")
    )
    recipe = symphony_settings(args, saved, songs)
    training, options = Training(folder, recipe), recipe.options
    model: Any = training.model
    music = getattr(model, "music", model)
    positions = (music.config.relative, music.config.measures)
    read = getattr(model, "encode", None)
    batches, held_out = (
        RowBatches(
            Windows(pieces, options.scheme.vocabulary, options.context, positions),
            recipe.settings.seed,
            read,
            getattr(options, "drop", 0.0),
        )
        for pieces in (
            row_pieces(songs, options.scheme.vocabulary, options.songs),
            row_pieces(valid, options.scheme.vocabulary, options.held_out),
        )
    )
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    say(f"{trained:,} parameters are trained on {len(batches.windows):,} windows of rows")
    size = recipe.settings.batch
    done = training.train(
        lambda step: batches.draw(step, size),
        held_out.fixed(size, options.held_out),
        say,
        about_songs(args),
    )
    return 0 if done else 130


def symphony_settings(args: argparse.Namespace, saved: Recipe | None, songs: Songs) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's, with a vocabulary that is
    learnt from the songs or the music model's; options above them. Raises InputError,
    UnknownNameError, CheckpointError."""
    from cantilena.systems.symphony.examples import learn_vocabulary
    from cantilena.systems.symphony.training import music_of
    from cantilena.systems.trainable import trainable
    from cantilena.tokens.symphony import SymphonyScheme

    recipes = trainable(args.system).recipes()
    options = dict(options_of(args))
    if "vocabulary" in options:
        raise InputError("the vocabulary is learnt, or the music model's; leave it out")
    recipe = base_recipe(args, saved, recipes).changed(**options)
    recipe = with_settings(recipe, args)
    if recipe.options.vocabulary:
        return recipe
    if args.system == "symphony":
        merges, most = recipe.options.merges, recipe.options.songs
        scheme = SymphonyScheme(learn_vocabulary(songs, merges, most))
    else:
        scheme = SymphonyScheme.from_dict(dict(music_of(recipe).card["scheme"]))
    return recipe.changed(vocabulary=recipe.options.with_scheme(scheme).vocabulary)
