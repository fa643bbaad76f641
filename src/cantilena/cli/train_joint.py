"""``cantilena train --system joint``: a joint embedding of sound and texts, and its tokens.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.joint``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cantilena.cli.common import warn
from cantilena.cli.training import about, own_recipe, printer, refuse_codec, run_folder

if TYPE_CHECKING:
    from cantilena.systems.joint.examples import Pairs
    from cantilena.systems.trainable import Recipe

SPLITS = ("train", "valid")


def train_joint(args: argparse.Namespace) -> int:
    """Trains until the steps or the minutes are spent, then learns the books of tokens; 130 where
    Ctrl-C stopped it, the run being saved."""
    from cantilena.data.audio.reader import AudioData
    from cantilena.systems.joint.examples import JointClips, Pairs, Variety, reader
    from cantilena.systems.joint.training import JointTraining
    from cantilena.train.audio.loop import Training

    refuse_codec(args)
    folder, saved = run_folder(args)
    say = printer(args)
    recipe = own_recipe(args, saved, JointTraining().recipes())
    options, settings = recipe.options, recipe.settings
    read = reader(options.buckets, JointTraining().encoder(recipe))
    data = {split: AudioData(args.data, split, stems=False, warn=warn) for split in SPLITS}
    whole = options.tower == "statistics"
    variety = Variety(options.word_dropout, options.speed, options.keys)
    pairs = {
        split: Pairs(JointClips(one, say), read, options.seconds, variety, whole)
        for split, one in data.items()
    }
    training = Training(folder, recipe)
    parameters = sum(p.numel() for p in training.model.parameters())
    say(f"{args.out}: {parameters:,} parameters, {len(pairs['train'].numbers):,} clips")
    held_out = pairs["valid"].fixed(settings.batch)
    done = training.train(
        lambda step: pairs["train"].draw(settings.seed, step, settings.batch),
        held_out,
        say,
        about(data["train"], args.data),
    )
    if done:
        say(with_books(training.run.model, pairs["train"], recipe))
    return 0 if done else 130


def with_books(folder: Path, pairs: Pairs, recipe: Recipe) -> str:
    """Learns the books of a finished model and writes them into its checkpoint; a line on them."""
    from cantilena.models.audio.joint import JointConfig
    from cantilena.models.checkpoint import open_checkpoint
    from cantilena.systems.joint.checkpoint import load_joint, save_joint
    from cantilena.systems.joint.quantising import fit_books, vectors_of

    joint, checkpoint = load_joint(folder), open_checkpoint(folder)
    options, seed = recipe.options, recipe.settings.seed
    config = JointConfig.from_dict(checkpoint.model["config"])
    audio, text = vectors_of(joint.weights, config, pairs, seed)
    books = fit_books(audio, text, options.books, options.card, seed)
    sizes = {name: checkpoint.model[name] for name in ("seconds", "text_encoder")}
    names = ("sources", "licence", "figures", "seed", "training")
    card = {name: checkpoint.card[name] for name in names}
    save_joint(folder, {**joint.weights, **books}, config, sizes, card, options.bits)
    joint = load_joint(folder)
    tokens = [
        np.stack([joint.tokens(vector, kind) for vector in vectors[: len(pairs.numbers)]])
        for kind, vectors in (("audio", audio), ("text", text))
    ]
    agree = (tokens[0] == tokens[1]).mean(0)
    others = (tokens[0] == np.roll(tokens[1], 1, axis=0)).mean(0)
    return (
        f"{joint.books} tokens of {joint.card} values: the first is that of the own text in "
        f"{100 * agree[0]:.0f} % of the clips, of another's in {100 * others[0]:.0f} %"
    )
