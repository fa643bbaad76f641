"""``cantilena train --system latent``: diffusion over the latents of a data set's clips.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.latent``.
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


def train_latent(args: argparse.Namespace) -> int:
    """Encodes the clips, then trains until the steps or the minutes are spent; 130 where Ctrl-C
    stopped it, the run being saved."""
    from cantilena.data.audio.reader import AudioData
    from cantilena.models.audio.codec.files import load_codec
    from cantilena.systems.latent.examples import LatentBatches
    from cantilena.train.audio.codes import CodeClips
    from cantilena.train.audio.latents import LatentClips
    from cantilena.train.audio.loop import Training
    from cantilena.train.run import Run

    for name in NOTE_ALONE:
        if getattr(args, name) is not None:
            raise InputError(f"--{name.replace('_', '-')} is the note model's alone")
    saved = Run(args.out).recipe()
    recipe = latent_settings(args, saved)
    say = (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
    training = Training(Path(args.out), recipe)
    model: Any = training.model
    settings, folder = recipe.settings, Path(args.data)
    batches, figures, sources, coded = {}, {}, {}, {}
    for split in ("train", "valid"):
        data = AudioData(args.data, split, stems=False, warn=warn)
        clips = LatentClips(data, model.vae, folder / "latents", say)
        codes = None
        if "codes" in recipe.options.reads:
            codec = load_codec(_codec_of(recipe))
            if abs(codec.frame_rate - model.vae.frame_rate) > 1e-6:
                raise InputError(
                    f"the codec has {codec.frame_rate:g} frames a second and the autoencoder "
                    f"{model.vae.frame_rate:g}: codes can lead latents of the same rate alone"
                )
            codes = CodeClips(data, codec, folder / "codes", say)
            coded = {"codec": codec.fingerprint()}
        batches[split] = LatentBatches(clips, model, settings.seed, codes)
        if split == "train":
            figures, sources = clips.figures(), data.manifest["licences"]
    model.about = {**coded, **{name: figures[name] for name in ("loudness", "longest")}}
    parameters = sum(p.numel() for p in model.dit.parameters())
    say(
        f"{'going on with' if saved else 'training'} {args.out}: {parameters:,} parameters, "
        f"windows of {model.window} frames, latents of mean {figures['latent_mean']:.2f} and "
        f"deviation {figures['latent_deviation']:.2f}"
    )
    about = {"folder": str(args.data), "sources": sources, "licence": LICENCE, "figures": figures}

    def draw(step: int) -> dict[str, Any]:
        return batches["train"].draw(step, settings.batch)

    done = training.train(draw, batches["valid"].fixed(settings.batch), say, about)
    return 0 if done else 130


def _codec_of(recipe: Recipe) -> str:
    """The folder of the codec whose codes are a condition. Raises InputError."""
    from cantilena.models.audio.codec.files import shipped_codec

    place = recipe.options.codec or shipped_codec()
    if not place:
        raise InputError("say by --option codec=DIR of which codec the condition 'codes' is")
    return str(place)


def latent_settings(args: argparse.Namespace, saved: Recipe | None) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's with the autoencoder;
    options above them. Raises InputError, UnknownNameError."""
    from cantilena.models.audio.codec.files import load_codec
    from cantilena.systems.latent.training import RECIPES, latent_recipe

    name = args.recipe or next(iter(RECIPES))
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    recipe = saved if saved is not None and args.recipe is None else latent_recipe(name)
    options = dict(option_value(text) for text in args.option or ())
    if args.codec:
        options["vae"] = str(Path(args.codec).resolve())
    recipe = recipe.changed(**options).changed(**asked_settings(args))
    if not recipe.options.vae:
        raise InputError("say by --codec whose latents are learned: the folder of a VAE")
    if "codes" in recipe.options.reads and not recipe.options.card:
        recipe = recipe.changed(card=load_codec(_codec_of(recipe)).sizes[0])
    return recipe
