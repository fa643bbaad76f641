"""``cantilena train --system uniaudio``: one model for several tasks, on data sets of clips.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.uniaudio``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import warn
from cantilena.cli.training import (
    about,
    base_recipe,
    options_of,
    printer,
    run_folder,
    with_settings,
)
from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.data.audio.reader import AudioData
    from cantilena.systems.trainable import Recipe

SPLITS = ("train", "valid")


def train_uniaudio(args: argparse.Namespace) -> int:
    """Encodes the clips of all data sets, then trains until the steps or the minutes are spent; 130
    where Ctrl-C stopped it, the run being saved."""
    from cantilena.models.audio.codec.files import load_codec
    from cantilena.systems.uniaudio.examples import UniBatches, UniClip
    from cantilena.systems.uniaudio.sizes import vocabulary_of
    from cantilena.train.audio.loop import Training
    from cantilena.train.audio.unified import uni_clips

    if not args.codec:
        raise InputError("say by which --codec the clips become codes: a folder")
    run, saved = run_folder(args)
    say = printer(args)
    codec = load_codec(args.codec)
    recipe = uni_settings(args, saved, codec)
    options, settings = recipe.options, recipe.settings
    stem = options.stem if "accompany" in options.names else ""
    data = data_sets((args.data, *options.folders), bool(stem))
    training = Training(run, recipe)
    clips: dict[str, list[UniClip]] = {split: [] for split in SPLITS}
    for folder, splits in data.items():
        for split, own in splits.items():
            clips[split] += uni_clips(own, codec, Path(folder) / "codes", stem, say)
    vocabulary = vocabulary_of(options)
    train, valid = (
        UniBatches(clips[split], vocabulary, options, settings.seed) for split in SPLITS
    )
    parameters = sum(p.numel() for p in training.model.parameters())
    say(f"{'going on with' if saved else 'training'} {args.out}: {parameters:,} parameters")
    for task, numbers in train.able.items():
        say(f"  {task}: {len(numbers):,} clips, {len(valid.able[task]):,} held out")

    def draw(step: int) -> dict[str, Any]:
        return train.draw(step, settings.batch)

    done = training.train(draw, valid.fixed(settings.batch), say, about_sets(data))
    return 0 if done else 130


def about_sets(data: Mapping[str, Mapping[str, AudioData]]) -> dict[str, Any]:
    """What a checkpoint's card says of data sets: ``about`` the first, with the sources of all."""
    cards = [about(splits["train"], folder) for folder, splits in data.items()]
    sources = {name: licence for card in cards for name, licence in card["sources"].items()}
    return {**cards[0], "sources": sources}


def data_sets(folders: tuple[str, ...], stems: bool) -> dict[str, dict[str, AudioData]]:
    """The splits of data sets by folder. Raises InputError where one is named twice, or cannot be
    read."""
    from cantilena.data.audio.reader import AudioData

    if len(set(folders)) < len(folders):
        raise InputError("a data set is named twice; each is learned from once")
    return {
        folder: {split: AudioData(folder, split, stems=stems, warn=warn) for split in SPLITS}
        for folder in folders
    }


def uni_settings(args: argparse.Namespace, saved: Recipe | None, codec: Any) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's with the codec's books;
    options above them. Raises InputError, UnknownNameError."""
    from cantilena.systems.trainable import Recipe
    from cantilena.systems.uniaudio.checkpoint import options_for
    from cantilena.systems.uniaudio.training import UniTraining

    base = base_recipe(args, saved, UniTraining().recipes())
    recipe = Recipe(base.system, base.settings, options_for(codec, base.options, args.codec))
    options = dict(options_of(args))
    for name in ("books", "card", "frame_rate", "codec", "codec_folder"):
        value = getattr(recipe.options, name)
        if name in options and options[name] != value:
            raise InputError(f"{name} is {value} by the codec, not {options[name]!r}")
    return with_settings(recipe.changed(**options), args)
