"""``cantilena train --system latent``: diffusion over the latents of a data set's clips.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.latent``.
"""

from __future__ import annotations

import argparse
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

    run, saved = run_folder(args)
    recipe = latent_settings(args, saved)
    say = printer(args)
    training = Training(run, recipe)
    model: Any = training.model
    settings, folder = recipe.settings, Path(args.data)
    splits = ("train", "valid")
    data = {split: AudioData(args.data, split, stems=False, warn=warn) for split in splits}
    batches, figures, coded = {}, {}, {}
    for split in splits:
        clips = LatentClips(data[split], model.vae, folder / "latents", say)
        codes = None
        if "codes" in recipe.options.reads:
            codec = load_codec(_codec_of(recipe))
            if abs(codec.frame_rate - model.vae.frame_rate) > 1e-6:
                raise InputError(
                    f"the codec has {codec.frame_rate:g} frames a second and the autoencoder "
                    f"{model.vae.frame_rate:g}: codes can lead latents of the same rate alone"
                )
            codes = CodeClips(data[split], codec, folder / "codes", say)
            coded = {"codec": codec.fingerprint()}
        batches[split] = LatentBatches(clips, model, settings.seed, codes)
        if split == "train":
            figures = clips.figures()
    model.about = {**coded, **{name: figures[name] for name in ("loudness", "longest")}}
    parameters = sum(p.numel() for p in model.dit.parameters())
    say(
        f"{'going on with' if saved else 'training'} {args.out}: {parameters:,} parameters, "
        f"windows of {model.window} frames, latents of mean {figures['latent_mean']:.2f} and "
        f"deviation {figures['latent_deviation']:.2f}"
    )

    def draw(step: int) -> dict[str, Any]:
        return batches["train"].draw(step, settings.batch)

    held_out = batches["valid"].fixed(settings.batch)
    done = training.train(draw, held_out, say, about(data["train"], args.data, figures))
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
    from cantilena.systems.latent.training import LatentTraining

    recipe = base_recipe(args, saved, LatentTraining().recipes())
    options = dict(options_of(args))
    if args.codec:
        options["vae"] = str(Path(args.codec).resolve())
    recipe = with_settings(recipe.changed(**options), args)
    if not recipe.options.vae:
        raise InputError("say by --codec whose latents are learned: the folder of a VAE")
    if "codes" in recipe.options.reads and not recipe.options.card:
        recipe = recipe.changed(card=load_codec(_codec_of(recipe)).sizes[0])
    return recipe
