"""``cantilena train --system musiclm``: MusicLM's stages on a data set's clips.

Knows options and what is printed; the work is done in ``train.audio`` and ``systems.musiclm``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from cantilena.errors import InputError, MissingWeightsError

if TYPE_CHECKING:
    from cantilena.systems.musiclm.examples import MusicExample
    from cantilena.systems.trainable import Recipe

PLACES = ("words", "semantic")
"""Options that may be folders."""


def train_musiclm(args: argparse.Namespace) -> int:
    """Encodes the clips, fits words and semantic tokens, then trains the stages until the steps or
    the minutes are spent; 130 where Ctrl-C stopped it, the run being saved."""
    from cantilena.data.audio.reader import AudioData
    from cantilena.evaluate.sound.stages import ngram_rows
    from cantilena.models.audio.codec.files import load_codec
    from cantilena.systems.musiclm.examples import MusicBatches
    from cantilena.train.audio.loop import Training
    from cantilena.train.audio.musiclm import MusicClips, fit, joined_lines, recall

    if not args.codec:
        raise InputError("say by which --codec the clips become codes: a folder")
    run, saved = run_folder(args)
    say = printer(args)
    codec = load_codec(args.codec)
    recipe = music_settings(args, saved, codec)
    stem, heard = recipe.options.stem, (recipe.options.noise, recipe.options.leak)
    splits = ("train", "valid")
    data = {name: AudioData(args.data, name, stems=bool(stem), warn=warn) for name in splits}
    training = Training(run, recipe)
    folder = Path(args.data) / "codes"
    clips = {n: MusicClips(d, codec, folder, say, stem, *heard) for n, d in data.items()}
    options, settings, model = recipe.options, recipe.settings, training.model
    music: Any = model
    for part in (music.words, music.semantic):  # batches are made of them on the CPU
        if part is not None:
            part.to("cpu")
    if training.step == 0:
        fit(music, clips["train"], options.word_steps, settings.seed, say)
    examples = {name: own.examples(music) for name, own in clips.items()}
    if options.lines > 1:
        about_lines = (options.lines, music.config.rate, settings.seed)
        examples = {n: joined_lines(own, *about_lines) for n, own in examples.items()}
    if options.led:
        say(tunes_line(examples["train"], args.data))
    sizes = {n: sum(p.numel() for p in m.parameters()) for n, m in music.models.items()}
    say("parameters: " + ", ".join(f"{name} {size:,}" for name, size in sizes.items()))
    train, valid = (
        MusicBatches(
            examples[name],
            music,
            settings.seed,
            options.drop,
            options.text_share,
            options.word_dropout,
        )
        for name in splits
    )
    figures = {"words, R@10 of clips": round(recall(music.words, examples["valid"]), 4)}
    figures |= ngram_rows(train.tokens, valid.tokens, music.config)
    for name, value in figures.items():
        say(f"{name}: {value:.3f}")

    def draw(step: int) -> dict[str, Any]:
        return train.draw(step, settings.batch)

    held_out = valid.fixed(settings.batch)
    done = training.train(draw, held_out, say, about(data["train"], args.data, figures))
    return 0 if done else 130


def music_settings(args: argparse.Namespace, saved: Recipe | None, codec: Any) -> Recipe:
    """The settings of a run: its own where it goes on, else the recipe's with the codec's books;
    options above them. Raises InputError, UnknownNameError."""
    from cantilena.systems.musiclm.training import MusicLmTraining

    levels = getattr(codec, "rates", ())
    first = codec.quantizers[0] if levels else getattr(codec, "quantizer", None)
    own = f"the codec {str(args.codec)!r}, of the kind {codec.kind!r},"
    card = codec.card(str(args.codec))
    if first is None:
        raise InputError(f"{own} has no latents, of which stages learn what a clip is like")
    asked = dict(placed(options_of(args)))
    recipe = base_recipe(args, saved, MusicLmTraining().recipes())
    if recipe.options.levels and not levels:
        raise InputError(
            f"{own} has one level, and this recipe a stage for each of several; name a codec of "
            "levels, as --recipe codec-jukebox of --system codec makes one"
        )
    if levels and not recipe.options.levels:
        raise InputError(
            f"{own} has {len(levels)} levels, which --recipe jukebox has a stage for each; this "
            "recipe needs a codec of one"
        )
    recipe = recipe.changed(
        books=codec.books,
        card=card,
        frame_rate=float(codec.frame_rate),
        latent=int(first.dim),
        codec=codec.fingerprint(),
        codec_folder=str(args.codec),
        level_rates=",".join(map(str, levels)),
    )
    return with_settings(recipe.changed(**asked, **network_settings(recipe, asked)), args)


def tunes_line(examples: Sequence[MusicExample], data: str) -> str:
    """Of how many clips a tune is known. Raises InputError where of none."""
    count = sum(example.tune is not None for example in examples)
    if not count:
        raise InputError(f"of none of the clips in {data!r} a tune is known")
    return f"tunes: of {count} of {len(examples)} clips"


def network_settings(recipe: Recipe, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What options say of the network that they name for semantic tokens: its width, fingerprint,
    and tokens a second where that is not asked for; none where no network is named. Raises
    InputError, CheckpointError, MissingExtraError."""
    from cantilena.systems.musiclm.options import KINDS

    own = recipe.options
    place = asked.get("semantic", own.semantic)
    if place in KINDS or not isinstance(place, str):
        return {}
    from cantilena.models.audio.states import frozen_states

    layer = asked.get("semantic_layer", own.semantic_layer)
    if not isinstance(layer, int):
        raise InputError(f"semantic_layer is a whole number, not {layer!r}")
    try:
        network = frozen_states(place, layer)
    except MissingWeightsError as error:
        raise InputError(f"semantic={place} is neither {' nor '.join(KINDS)}: {error}") from error
    settings = {"semantic_width": network.width, "semantic_source": network.fingerprint}
    if not (asked.get("semantic_rate") or own.semantic_rate):
        settings["semantic_rate"] = min(network.frame_rate, own.frame_rate)
    return settings


def placed(options: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Options whose folders are named by their whole path, since a checkpoint names them."""
    from cantilena.models.hub import is_folder

    for name, value in options:
        is_place = name in PLACES and isinstance(value, str) and is_folder(value)
        yield name, str(Path(value).resolve()) if is_place else value
