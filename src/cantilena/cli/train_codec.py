"""``cantilena train --system codec``: a codec trained on clips of sound.

Knows options and what is printed; the work is done in ``train.audio``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import warn
from cantilena.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from cantilena.systems.trainable import Recipe

_SIZES = ("width", "layers", "heads", "hidden", "head_hidden", "context")
NOTE_ALONE = ("corpora", "notes", "length", "start", "compile", "workers", *_SIZES)
"""Options of the note model's training; a codec's are --option."""
_SETTINGS = ("steps", "minutes", "batch", "rate", "decay", "seed", "warmup", "valid_every")


def train_codec(args: argparse.Namespace) -> int:
    """Trains until the steps or the minutes are spent; 130 where Ctrl-C stopped it, the run being
    saved."""
    from cantilena.data.audio.reader import AudioData
    from cantilena.train.audio.clips import Cuts
    from cantilena.train.audio.loop import Training
    from cantilena.train.run import Run

    for name in NOTE_ALONE:
        if getattr(args, name) is not None:
            raise InputError(f"--{name.replace('_', '-')} is the note model's; a codec has none")
    saved = Run(args.out).recipe()
    recipe = codec_settings(args, saved)
    say = (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
    data = AudioData(args.data, "train", stems=False, warn=warn)
    valid = AudioData(args.data, "valid", stems=False, warn=warn)
    training = Training(Path(args.out), recipe)
    model: Any = training.model.codec
    if data.rate != model.sample_rate:
        raise InputError(
            f"the clips are at {data.rate} Hz and the codec at {model.sample_rate}: build them "
            f"with --rate {model.sample_rate}, or train with --option sample_rate={data.rate}"
        )
    length = max(1, round(recipe.options.seconds * data.rate / model.hop)) * model.hop
    cuts = Cuts(data, model.channels, length)
    held_out = Cuts(valid, model.channels, length).fixed(recipe.settings.batch)
    parameters = sum(p.numel() for p in model.parameters())
    verb = "going on with" if saved else "training"
    say(
        f"{verb} {args.out}: {recipe.options.codec}, {parameters:,} parameters, "
        f"{model.bits():,.0f} bits a second, {len(data):,} clips"
    )
    about = {
        "folder": str(args.data),
        "sources": data.manifest["licences"],
        "licence": LICENCE,
    }
    settings = recipe.settings
    done = training.train(
        lambda step: cuts.draw(settings.seed, step, settings.batch), held_out, say, about
    )
    return 0 if done else 130


LICENCE = "The weights are Apache-2.0 as far as they are ours; sources says what they heard."


def codec_settings(args: argparse.Namespace, saved: Recipe | None) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's; options above them.
    Raises InputError, UnknownNameError."""
    from cantilena.systems.codec.training import RECIPES, codec_recipe, with_option

    name = args.recipe or next(iter(RECIPES))
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    recipe = saved if saved is not None and args.recipe is None else codec_recipe(name)
    for text in args.option or ():
        recipe = with_option(recipe, *option_value(text))
    return recipe.changed(**asked_settings(args))


def asked_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The run's settings that the command line names."""
    asked = {n: getattr(args, n) for n in _SETTINGS if getattr(args, n) is not None}
    for key in ("warmup", "valid_every"):
        if key in asked:
            asked[key] = float(asked[key])
    return asked


def option_value(text: str) -> tuple[str, Any]:
    """The name and the value of an ``--option``. Raises InputError."""
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--option {text!r} is not written as NAME=VALUE")
    return key.replace("-", "_"), _value(value)


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
