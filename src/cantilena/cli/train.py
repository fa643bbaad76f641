"""``cantilena data``, ``train`` and ``export``: from corpora to a checkpoint.

Knows options and what is printed; the work is done in ``data`` and ``train``.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, print_json, warn
from cantilena.cli.training import TEXT_MODELS, TRAINERS
from cantilena.errors import InputError, MissingExtraError
from cantilena.files import check_folder

if TYPE_CHECKING:
    from cantilena.systems.trainable import Recipe

# ---------------------------------------------------------------------------- data


def data_list(args: argparse.Namespace) -> int:
    """Prints the corpora there are."""
    from cantilena.data.corpora import list_corpora

    corpora = list_corpora()
    if args.json:
        print_json(corpora)
        return 0
    for corpus in corpora:
        mix = "in the default mix" if corpus["in_mix"] else "not in the default mix"
        print(f"{corpus['name']}: {corpus['what']}")
        print(f"  {mix}; {corpus['licence']}")
        print(f"  {corpus['origin']}")
    return 0


def data_fetch(args: argparse.Namespace) -> int:
    """Fetches corpora; all names are checked before the first is fetched."""
    from cantilena.data.corpora import corpus
    from cantilena.data.fetch import fetch

    if args.source and len(args.names) > 1:
        raise InputError("--from is the place of one corpus; name one")
    for name in args.names:
        corpus(name)
    folder = check_folder(args.to)
    rows: list[dict[str, Any]] = []
    for name in args.names:
        with Progress(args.quiet, bytes=True) as progress:
            fetched = fetch(name, args.source, folder, progress)
        rows.append(
            {
                "name": name,
                "folder": str(fetched.folder),
                "files": fetched.files,
                "bytes": fetched.bytes,
                "sha256": fetched.sha256,
            }
        )
        if not (args.quiet or args.json):
            print(f"{fetched.folder}: {fetched.files:,} files, {fetched.bytes / 1e6:,.1f} MB")
    if args.json:
        print_json(rows)
    return 0


def data_build(args: argparse.Namespace) -> int:
    """Builds the data set and prints how much of it there is."""
    from cantilena.data.build import build
    from cantilena.data.corpora import DEFAULT_MIX, corpus

    mix = DEFAULT_MIX
    if args.mix is not None:
        mix = tuple(name.strip() for name in args.mix.split(",") if name.strip())
        if not mix:
            raise InputError("no corpus is named; write --mix as in lakh,pop909")
    for name in mix:
        corpus(name)
    out = check_folder(args.output)
    with Progress(args.quiet) as progress:
        manifest = build(args.corpora, out, mix, args.workers, progress, args.limit)
    if args.json:
        print_json({"folder": str(out), "counts": manifest["counts"]})
    elif not args.quiet:
        print(f"{'corpus':<14}{'split':<8}{'songs':>9}{'notes':>14}{'hours':>9}")
        for name, splits in manifest["counts"].items():
            for split, row in splits.items():
                songs, notes, hours = row["songs"], row["notes"], row["hours"]
                print(f"{name:<14}{split:<8}{songs:>9,}{notes:>14,}{hours:>9,.1f}")
        print(out)
    return 0


# ---------------------------------------------------------------------------- train


def need_torch(purpose: str) -> None:
    """Raises MissingExtraError where what training needs is not installed."""
    for package in ("torch", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "train", purpose)


def need_run(folder: str) -> None:
    """Raises InputError where a folder holds no run."""
    from cantilena.train.run import Run

    if not Run(folder).steps() and not (Path(folder) / "state.json").is_file():
        raise InputError(f"there is no run in {folder!r}; give the --out of a training")


def need_data(args: argparse.Namespace) -> None:
    """Raises InputError where no data set is named."""
    if args.data is None:
        raise InputError("say on which data set: --data DIR")


def train(args: argparse.Namespace) -> int:
    """Trains until the notes are spent; 130 where Ctrl-C stopped it, the run being saved."""
    need_torch("training")
    if args.system != "text-to-attributes":
        need_data(args)
    for name in ("task", "adapter"):
        if getattr(args, name) is not None and args.system != "aligned":
            raise InputError(f"--{name} is of --system aligned; the others have none")
    if args.text_model is not None and args.system not in TEXT_MODELS:
        raise InputError(
            f"--text-model is of --system {', '.join(TEXT_MODELS)}; {args.system} reads no text so"
        )
    if args.system in TRAINERS:
        home, _, name = TRAINERS[args.system].partition(":")
        return getattr(import_module(f"cantilena.{home}"), name)(args)
    for name in ("recipe", "steps", "option", "codec"):
        if getattr(args, name) is not None:
            raise InputError(
                f"--{name} is of other systems than note, which --system names; the note model "
                "has no such option"
            )
    folder = check_folder(args.out)
    from cantilena.data.dataset import load_split
    from cantilena.systems.note.training import note_config
    from cantilena.train.note.loop import Training, first_config, run_recipe, run_state

    saved, state = run_recipe(folder), run_state(folder)
    recipe = train_recipe(args, saved)
    names = ("width", "layers", "heads", "hidden", "head_hidden", "context")
    sizes = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if state:
        _check_sizes(sizes, state["model"], folder)
    if sizes.get("width", 0) % (sizes.get("heads") or note_config().heads):
        raise InputError(f"a width of {sizes['width']} does not divide among the heads")
    say = (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
    corpora = [c.strip() for c in args.corpora.split(",")] if args.corpora else None
    songs = load_split(args.data, "train", corpora, warn=warn)
    valid = load_split(args.data, "valid", corpora, warn=warn)
    training = Training(folder, first_config(recipe, args.start, sizes), recipe)
    if args.start and not state:
        training.start_from(args.start)
    verb = "going on with" if state else "training"
    budget = recipe.settings.notes or 0.0
    say(
        f"{verb} {folder}: {training.model.n_parameters()['all']:,} parameters, "
        f"{songs.n_notes:,} notes in {len(songs):,} songs, "
        f"{training.notes / 1e6:.1f} of {budget / 1e6:.1f} M notes done"
    )
    training.train(songs, valid, say, str(args.data))
    return 0 if training.done else 130


def train_recipe(args: argparse.Namespace, saved: Recipe | None) -> Recipe:
    """The settings of a run: its own where it goes on, else the defaults; options above them."""
    from dataclasses import replace

    from cantilena.systems.note.training import note_recipe, plan_recipe

    recipe = saved or (plan_recipe() if args.tune else note_recipe())
    if args.tune and args.tune != recipe.options.tune:
        raise InputError(f"the run in {args.out!r} trains the whole model; give another folder")
    if args.tune and not (saved or args.start):
        raise InputError("--tune goes on from a checkpoint; give its folder with --from")
    names = ("notes", "minutes", "batch", "rate", "decay", "seed", "compile", "workers")
    options = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    in_notes = {"warmup": args.warmup, "valid_every": args.valid_every}
    options |= {name: float(n) for name, n in in_notes.items() if n is not None}
    if args.length is not None:
        options["crop"] = replace(recipe.options.crop, length=args.length)
    return recipe.changed(**options)


def _check_sizes(sizes: dict[str, int], model: dict[str, Any], folder: Path) -> None:
    """Raises InputError for a size that is not the model's."""
    for name, size in sizes.items():
        if model.get(name) != size:
            raise InputError(
                f"the run in {str(folder)!r} has a {name.replace('_', ' ')} of "
                f"{model.get(name)}; leave out the sizes or give another folder"
            )


def export(args: argparse.Namespace) -> int:
    """Makes a checkpoint of a run."""
    for package in ("onnx", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "train", "export")
    need_torch("export")
    need_run(args.folder)
    folder = check_folder(args.output)
    from cantilena.train.note.export import export as make

    path = make(args.folder, folder)
    size = sum(p.stat().st_size for p in Path(path).iterdir() if p.is_file())
    if args.json:
        print_json({"folder": str(path), "bytes": size})
    else:
        print(f"{path}: {size / 1e6:.1f} MB")
    return 0
