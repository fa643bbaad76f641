"""``cantilena train --system karasinger``: a language model that sings, on clips of sung lines.

Knows what is printed; the options are ``cli.training``'s, the work is done in ``train.audio`` and
``systems.karasinger``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.training import (
    about,
    base_recipe,
    options_of,
    printer,
    run_folder,
    splits,
    with_settings,
)
from cantilena.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from cantilena.systems.trainable import Recipe

_OF_DATA = ("sizes", "rates", "frame_rate", "codec", "codec_folder", "phonemes", "lexicon")


def train_karasinger(args: argparse.Namespace) -> int:
    """Encodes the clips, then trains until the steps or the minutes are spent; 130 where Ctrl-C
    stopped it, the run being saved."""
    from cantilena.models.audio.codec.files import load_codec
    from cantilena.systems.codes.ngrams import ngram_nats
    from cantilena.systems.karasinger.examples import KaraBatches
    from cantilena.train.audio.loop import Training
    from cantilena.train.audio.sung import sung_codes

    if not args.codec:
        raise InputError("say by which --codec the clips become codes: a folder")
    run, saved = run_folder(args)
    say = printer(args)
    codec = load_codec(args.codec)
    data = splits(args, 0.0)
    recipe = kara_settings(args, saved, codec, data[0], say)
    options, settings = recipe.options, recipe.settings
    training = Training(run, recipe)
    model: Any = training.model
    folder = Path(args.data) / "codes"
    train, valid = (
        KaraBatches(
            sung_codes(part, codec, folder, options.names, say),
            model.config.nothing,
            options.drop,
            settings.seed,
        )
        for part in data
    )
    parameters = sum(p.numel() for p in model.parameters())
    say(
        f"{'going on with' if saved else 'training'} {args.out}: {parameters:,} parameters, "
        f"{len(options.names)} phonemes, {len(train.clips):,} clips"
    )

    seen, held_out = ([clip.codes for clip in part.clips] for part in (train, valid))
    counts = ngram_nats(seen, held_out, max(options.sizes))
    means = {name: round(sum(nats) / len(nats), 5) for name, nats in counts.items()}
    say("  ".join(f"{name} {nats:.3f}" for name, nats in means.items()))

    def draw(step: int) -> dict[str, Any]:
        return train.draw(step, settings.batch)

    held = valid.fixed(settings.batch)
    done = training.train(draw, held, say, about(data[0], args.data, means))
    return 0 if done else 130


def kara_settings(
    args: argparse.Namespace, saved: Recipe | None, codec: Any, data: Any, say: Any
) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's with the codec's levels
    and the clips' phonemes; options above them. Raises InputError, UnknownNameError."""
    from dataclasses import replace

    from cantilena.systems.karasinger.checkpoint import options_for
    from cantilena.systems.karasinger.lyrics import lexicon_of
    from cantilena.systems.karasinger.training import KaraTraining
    from cantilena.systems.trainable import Recipe
    from cantilena.train.audio.sung import phonemes_in

    asked = dict(options_of(args))
    for name in _OF_DATA:
        if name in asked:
            raise InputError(f"{name} is told by the codec and the clips; leave it out")
    base = base_recipe(args, saved, KaraTraining().recipes())
    options = options_for(codec, base.options, args.codec)
    if saved is None:
        texts = [text for i in range(len(data)) for text in data.clip(i).captions]
        try:
            lexicon = lexicon_of(texts)
        except MissingExtraError:
            say("eSpeak NG is not installed: the model will need it for every word")
            lexicon = {}
        options = replace(options, phonemes=" ".join(phonemes_in(data)), lexicon=lexicon)
    recipe = Recipe(base.system, base.settings, options)
    return with_settings(recipe.changed(**asked), args)
