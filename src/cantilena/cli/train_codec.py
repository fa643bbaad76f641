"""``cantilena train --system codec``: a codec trained on clips of sound.

Knows what is printed; the options are ``cli.training``'s, the work is done in ``train.audio``.
"""

from __future__ import annotations

import argparse
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
from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.systems.trainable import Recipe


def train_codec(args: argparse.Namespace) -> int:
    """Trains until the steps or the minutes are spent; 130 where Ctrl-C stopped it, the run being
    saved."""
    from cantilena.train.audio.clips import Cuts
    from cantilena.train.audio.loop import Training
    from cantilena.train.audio.sung import SungClips

    if args.codec is not None:
        raise InputError("--codec is of --system codes; which codec is trained, --recipe says")
    folder, saved = run_folder(args)
    recipe = codec_settings(args, saved)
    data, valid = splits(args, recipe.options.seconds, stems=bool(recipe.options.stems))
    sung = recipe.options.codec == "mel-levels" and bool(recipe.options.weights.get("ctc"))
    if sung and recipe.options.stems:
        raise InputError("sung clips have no stems; leave out --option stems=")
    if sung:
        recipe = with_phonemes(recipe, data, saved)
    options, settings = recipe.options, recipe.settings
    training = Training(folder, recipe)
    model: Any = training.model.codec
    if data.rate != model.sample_rate:
        raise InputError(
            f"the clips are at {data.rate} Hz and the codec at {model.sample_rate}: build them "
            f"with --rate {model.sample_rate}, or train with --option sample_rate={data.rate}"
        )
    length = max(1, round(options.seconds * data.rate / model.hop)) * model.hop
    if sung:
        cuts, others = (SungClips(part, model.phonemes, length) for part in (data, valid))
    else:
        cuts = Cuts(data, model.channels, length, options.stems)
        others = Cuts(valid, model.channels, length)
    held_out = others.fixed(settings.batch)
    parameters = sum(p.numel() for p in model.parameters())
    say = printer(args)
    say(
        f"{'going on with' if saved else 'training'} {args.out}: {options.codec}, {parameters:,} "
        f"parameters, {model.bits():,.0f} bits a second, {len(data):,} clips"
    )
    done = training.train(
        lambda step: cuts.draw(settings.seed, step, settings.batch),
        held_out,
        say,
        about(data, args.data),
    )
    return 0 if done else 130


def with_phonemes(recipe: Recipe, data: Any, saved: Recipe | None) -> Recipe:
    """The recipe of a codec that learns phonemes with those of the clips; of a run that goes on
    its own. Raises InputError where the clips have none."""
    from cantilena.systems.codec.training import with_option
    from cantilena.train.audio.sung import phonemes_in

    if saved is not None or recipe.options.model.get("phonemes"):
        return recipe
    return with_option(recipe, "phonemes", list(phonemes_in(data)))


def codec_settings(args: argparse.Namespace, saved: Recipe | None) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's; options above them.
    Raises InputError, UnknownNameError."""
    from cantilena.systems.codec.training import CodecTraining, with_option

    recipe = base_recipe(args, saved, CodecTraining().recipes())
    for name, value in options_of(args):
        recipe = with_option(recipe, name, value)
    return with_settings(recipe, args)
