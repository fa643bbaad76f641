"""``cantilena train --system codes``: a language model over the codes of a data set's clips.

Knows what is printed; the options are ``cli.training``'s, the work is done in ``train.audio``
and ``systems.codes``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cantilena.cli.training import (
    about,
    base_recipe,
    options_of,
    printer,
    run_folder,
    splits,
    with_settings,
)
from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.systems.trainable import Recipe


def train_codes(args: argparse.Namespace) -> int:
    """Encodes the clips, then trains until the steps or the minutes are spent; 130 where Ctrl-C
    stopped it, the run being saved."""
    from cantilena.models.audio.codec.files import load_codec
    from cantilena.systems.codes.conditions import Conditioner
    from cantilena.systems.codes.examples import CodeBatches
    from cantilena.systems.codes.ngrams import ngram_nats
    from cantilena.systems.codes.rewording import Rewording
    from cantilena.systems.codes.training import CodeTraining
    from cantilena.train.audio.codes import CodeClips
    from cantilena.train.audio.loop import Training

    if args.codec is None:
        raise InputError("say by which --codec the clips become codes: a folder or a hub name")
    folder, saved = run_folder(args)
    codec = load_codec(args.codec)
    recipe = code_settings(args, saved, codec)
    options, settings = recipe.options, recipe.settings
    places = splits(args, options.seconds, stems=bool(options.stem))
    check_symbols(places[0], options.reads, args.data)
    training, encoder, say = Training(folder, recipe), CodeTraining().encoder(recipe), printer(args)
    clips = [
        CodeClips(data, codec, Path(args.data) / "codes", say, options.stem) for data in places
    ]
    conditioner = Conditioner(CodeTraining().config(recipe, encoder), options.frame_rate, encoder)
    rewording = Rewording(options.merge, options.word_dropout)
    batches, held_out = (
        CodeBatches(
            part,
            conditioner,
            options.layout,
            settings.seed,
            options.drop,
            options.forget,
            rewording,
        )
        for part in clips
    )
    counts = ngram_nats(clips[0].codes(), clips[1].codes(), options.card)
    for name, nats in counts.items():
        say(f"{name}: " + ", ".join(f"{value:.3f}" for value in nats) + " nats by book")
    figures = {name: round(sum(nats) / len(nats), 5) for name, nats in counts.items()}

    def draw(step: int) -> dict[str, Any]:
        return batches.draw(step, settings.batch)

    held = held_out.fixed(settings.batch)
    done = training.train(draw, held, say, about(places[0], args.data, figures))
    return 0 if done else 130


def code_settings(args: argparse.Namespace, saved: Recipe | None, codec: Any) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's with the codec's books;
    options above them. Raises InputError, UnknownNameError."""
    from cantilena.systems.codes.training import CodeTraining

    of_codec = {
        "books": codec.books,
        "card": codec.card(str(args.codec)),
        "frame_rate": float(codec.frame_rate),
        "codec": codec.fingerprint(),
    }
    recipe = base_recipe(args, saved, CodeTraining().recipes()).changed(**of_codec)
    options = dict(options_of(args))
    for name in sorted(set(options) & set(of_codec)):
        if options[name] != of_codec[name]:
            raise InputError(f"{name} is {of_codec[name]} by the codec, not {options[name]!r}")
    return with_settings(recipe.changed(**options), args)


def check_symbols(data: Any, reads: tuple[str, ...], folder: str) -> None:
    """Raises InputError where a model is to read of notes, and those of no clip are known."""
    from cantilena.systems.codes.training import OF_NOTES

    asked = [name for name in reads if name in OF_NOTES]
    of_shards = np.unique(data.places[:, 0], return_index=True)[1]  # each is of one kind of file
    if asked and all(data.clip(int(i)).symbols is None for i in of_shards):
        raise InputError(
            f"the notes of no clip in {folder!r} are known, so that no model can read its "
            f"{', '.join(asked)}; train with --option conditions=text, or build clips of MIDI files"
        )
