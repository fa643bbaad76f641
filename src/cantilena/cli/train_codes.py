"""``cantilena train --system codes``: a language model over the codes of a data set's clips.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.codes``.
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


def train_codes(args: argparse.Namespace) -> int:
    """Encodes the clips, then trains until the steps or the minutes are spent; 130 where Ctrl-C
    stopped it, the run being saved."""
    from cantilena.data.audio.reader import AudioData
    from cantilena.models.audio.codec.files import load_codec
    from cantilena.systems.codes.conditions import Conditioner
    from cantilena.systems.codes.examples import CodeBatches, ngram_nats
    from cantilena.systems.codes.rewording import Rewording
    from cantilena.systems.codes.training import CodeTraining
    from cantilena.train.audio.codes import CodeClips
    from cantilena.train.audio.loop import Training
    from cantilena.train.run import Run

    for name in NOTE_ALONE:
        if getattr(args, name) is not None:
            raise InputError(f"--{name.replace('_', '-')} is the note model's alone")
    if not args.codec:
        raise InputError("say by which --codec the clips become codes: a folder or a hub name")
    say = (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
    codec = load_codec(args.codec)
    if len(set(codec.sizes)) != 1:
        raise InputError(f"a codec whose books have {codec.sizes} values cannot be modelled")
    recipe = code_settings(args, Run(args.out).recipe(), codec)
    stem = recipe.options.stem
    places = {
        split: AudioData(args.data, split, stems=bool(stem), warn=warn)
        for split in ("train", "valid")
    }
    clips = {
        split: CodeClips(data, codec, Path(args.data) / "codes", say, stem)
        for split, data in places.items()
    }
    training, encoder = Training(Path(args.out), recipe), CodeTraining().encoder(recipe)
    options, settings = recipe.options, recipe.settings
    conditioner = Conditioner(CodeTraining().config(recipe, encoder), options.frame_rate, encoder)
    rewording = Rewording(options.merge, options.word_dropout)
    layout, seed = options.layout, settings.seed
    batches, held_out = (
        CodeBatches(
            clips[split], conditioner, layout, seed, options.drop, options.forget, rewording
        )
        for split in ("train", "valid")
    )
    counts = ngram_nats(clips["train"].codes(), clips["valid"].codes(), options.card)
    for name, nats in counts.items():
        say(f"{name}: " + ", ".join(f"{value:.3f}" for value in nats) + " nats by book")
    about = {
        "folder": str(args.data),
        "sources": places["train"].manifest["licences"],
        "licence": LICENCE,
        "figures": {name: round(sum(nats) / len(nats), 5) for name, nats in counts.items()},
    }

    def draw(step: int) -> dict[str, Any]:
        return batches.draw(step, settings.batch)

    done = training.train(draw, held_out.fixed(settings.batch), say, about)
    return 0 if done else 130


def code_settings(args: argparse.Namespace, saved: Recipe | None, codec: Any) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's with the codec's books;
    options above them. Raises InputError, UnknownNameError."""
    from cantilena.systems.codes.training import RECIPES, code_recipe

    name = args.recipe or next(iter(RECIPES))
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    recipe = saved if saved is not None and args.recipe is None else code_recipe(name)
    recipe = recipe.changed(
        books=codec.books,
        card=codec.sizes[0],
        frame_rate=float(codec.frame_rate),
        codec=codec.fingerprint(),
    )
    options: dict[str, Any] = {}
    for text in args.option or ():
        key, value = option_value(text)
        options[key] = value
    return recipe.changed(**options).changed(**asked_settings(args))
