"""What ``cantilena train`` has in common for all systems but note.

Knows the run's folder, the options and what a card says of the data; does not know what is
trained. All that can be wrong is checked here, or when the model is built, before anything is
written.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import warn
from cantilena.errors import InputError, UnknownNameError
from cantilena.files import check_folder

if TYPE_CHECKING:
    from cantilena.data.audio.reader import AudioData
    from cantilena.systems.trainable import Recipe

_SIZES = ("width", "layers", "heads", "hidden", "head_hidden", "context")
_NOTE_ALONE = ("corpora", "notes", "length", "start", "tune", "compile", "workers", *_SIZES)
"""Options of the note model's training; those of others are --option."""
_SETTINGS = ("steps", "minutes", "batch", "rate", "decay", "seed", "warmup", "valid_every")
TRAINERS = {
    "aligned": "cli.train_aligned:train_aligned",
    "attributes": "cli.train_attributes:train_attributes",
    "text-to-attributes": "cli.train_attributes:train_reader",
    "symphony": "cli.train_symphony:train_symphony",
    "bert-symphony": "cli.train_symphony:train_symphony",
    "joint": "cli.train_joint:train_joint",
    "karasinger": "cli.train_karasinger:train_karasinger",
    "latent": "cli.train_latent:train_latent",
    "musiclm": "cli.train_musiclm:train_musiclm",
    "uniaudio": "cli.train_uniaudio:train_uniaudio",
    "codec": "cli.train_codec:train_codec",
    "codes": "cli.train_codes:train_codes",
}
"""What ``train`` calls for other models than note's, by ``--system``."""
TEXT_MODELS = {"text-to-attributes": "text_model", "bert-symphony": "text", "joint": "text_encoder"}
"""Which option of each system ``--text-model`` is."""
LICENCE = "The weights are Apache-2.0 as far as they are ours; sources says what they heard."
UNKNOWN = "not known"
"""The licence of a source that does not say its own."""
Say = Callable[[str], None]


def run_folder(args: argparse.Namespace, *own: str) -> tuple[Path, Recipe | None]:
    """The folder of the run, and its settings where it goes on. ``own``: options of the note model
    that this system has too. Raises InputError for the others of them, and a folder that cannot be
    a run's of this system."""
    from cantilena.data.manifest import MANIFEST
    from cantilena.models.checkpoint import CARD
    from cantilena.train.run import Run

    for name in _NOTE_ALONE:
        if name not in own and getattr(args, name) is not None:
            flag = "from" if name == "start" else name.replace("_", "-")
            raise InputError(f"--{flag} is not an option of --system {args.system}")
    folder = check_folder(args.out)
    for name, what in ((MANIFEST, "a data set"), (CARD, "a checkpoint")):
        if (folder / name).exists():
            raise InputError(f"{args.out!r} holds {what}; give the run another folder")
    saved = Run(folder).recipe()
    if saved is not None and saved.system != args.system:
        raise InputError(
            f"the run in {args.out!r} is of {saved.system!r}, not of {args.system!r}; give another "
            "folder"
        )
    return folder, saved


def base_recipe(
    args: argparse.Namespace, saved: Recipe | None, recipes: Mapping[str, Callable[[], Recipe]]
) -> Recipe:
    """The settings that options stand above: the run's own where it goes on, else those of the
    recipe. Raises UnknownNameError."""
    name = args.recipe or next(iter(recipes))
    if name not in recipes:
        raise UnknownNameError("recipe", name, recipes)
    return saved if saved is not None and args.recipe is None else recipes[name]()


def own_recipe(
    args: argparse.Namespace, saved: Recipe | None, recipes: Mapping[str, Callable[[], Recipe]]
) -> Recipe:
    """``base_recipe`` with all that the command line names. Raises InputError, UnknownNameError."""
    recipe = base_recipe(args, saved, recipes).changed(**dict(options_of(args)))
    return with_settings(recipe, args)


def refuse_codec(args: argparse.Namespace) -> None:
    """Raises InputError where a codec is named that this system has no use for."""
    if args.codec is not None:
        raise InputError(
            f"--codec is not an option of --system {args.system}, which reads no codes"
        )


def corpora_of(args: argparse.Namespace) -> list[str] | None:
    """The corpora that are named; None for all."""
    return [name.strip() for name in args.corpora.split(",")] if args.corpora else None


def with_settings(recipe: Recipe, args: argparse.Namespace) -> Recipe:
    """The recipe with the run's settings that the command line names. Raises InputError."""
    asked = {n: getattr(args, n) for n in _SETTINGS if getattr(args, n) is not None}
    for key in ("warmup", "valid_every"):
        if key in asked:
            asked[key] = float(asked[key])
    return recipe.changed(**asked)


def options_of(args: argparse.Namespace) -> Iterator[tuple[str, Any]]:
    """The name and the value of each ``--option``: JSON where it is JSON, else the text; and the
    text model's, a folder by its whole path, since a checkpoint names it. Raises InputError."""
    from cantilena.models.hub import is_folder

    if args.text_model is not None:
        name = args.text_model
        yield TEXT_MODELS[args.system], str(Path(name).resolve()) if is_folder(name) else name
    for text in args.option or ():
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--option {text!r} is not written as NAME=VALUE")
        try:
            value = json.loads(value)
        except ValueError:
            pass
        except RecursionError as error:
            raise InputError(f"--option {key} has a value that is nested too deep") from error
        yield key.replace("-", "_"), value


def splits(args: argparse.Namespace, seconds: float, stems: bool = False) -> list[AudioData]:
    """The clips to train on and the held-out ones. Raises InputError where there are none, or none
    lasts the ``seconds`` of a crop."""
    from cantilena.data.audio.reader import AudioData

    data = [AudioData(args.data, split, stems=stems, warn=warn) for split in ("train", "valid")]
    longest = data[0].recipe.seconds
    if seconds > longest:
        raise InputError(
            f"clips of {args.data!r} last {longest:g} s at most, no crop of {seconds:g}; train "
            f"with --option seconds={longest:g} or less, or build longer clips (--seconds)"
        )
    return data


def about(data: AudioData, folder: str, figures: Mapping[str, float] | None = None) -> dict:
    """What a checkpoint's card says of clips: the licence of each source."""
    sources = {name: licence or UNKNOWN for name, licence in data.manifest["licences"].items()}
    return {"folder": folder, "sources": sources, "licence": LICENCE, "figures": figures or {}}


def about_songs(args: argparse.Namespace) -> dict[str, Any]:
    """What a checkpoint's card says of a data set of songs: of each corpus that is trained on how
    much there is of it, its licence and its origin. Raises InputError where there is no data
    set."""
    from cantilena.data.corpora import CORPORA
    from cantilena.data.dataset import read_manifest

    manifest = read_manifest(args.data)
    sources = {}
    for name in corpora_of(args) or manifest["mix"]:
        entry = CORPORA.get(name)
        origin = {"licence": entry.licence, "origin": entry.origin} if entry else {}
        counts = manifest["counts"].get(name, {}).get("train", {})
        sources[name] = {"licence": UNKNOWN, **counts, **origin}
    return {"folder": str(args.data), "sources": sources, "licence": LICENCE}


def printer(args: argparse.Namespace) -> Say:
    """What prints a line of progress at once; nothing with --quiet."""
    return (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
