"""``cantilena data``, ``train`` and ``export``: from corpora to a checkpoint.

Knows options and what is printed; the work is done in ``data`` and ``train``.
"""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, print_json, warn
from cantilena.errors import CheckpointError, InputError, MissingExtraError
from cantilena.files import check_folder

if TYPE_CHECKING:
    from cantilena.train.note.loop import TrainConfig

# ---------------------------------------------------------------------------- data


def data_list(args: argparse.Namespace) -> int:
    """Prints the corpora there are."""
    from cantilena.data.corpora import list_corpora

    found = list_corpora()
    if args.json:
        print_json(found)
        return 0
    for corpus in found:
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
    told: list[dict[str, Any]] = []
    for name in args.names:
        with Progress(args.quiet, bytes=True) as progress:
            found = fetch(name, args.source, folder, progress)
        told.append(
            {
                **{"name": name, "folder": str(found.folder), "files": found.files},
                **{"bytes": found.bytes, "sha256": found.sha256},
            }
        )
        if not (args.quiet or args.json):
            print(f"{found.folder}: {found.files:,} files, {found.bytes / 1e6:,.1f} MB")
    if args.json:
        print_json(told)
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
        found = build(args.corpora, out, mix, args.workers, progress, args.limit)
    if args.json:
        print_json({"folder": str(out), "counts": found["counts"]})
    elif not args.quiet:
        print(f"{'corpus':<14}{'split':<8}{'songs':>9}{'notes':>14}{'hours':>9}")
        for name, splits in found["counts"].items():
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
    if not (Path(folder) / "state.json").is_file():
        raise InputError(f"there is no run in {folder!r}; give the --out of a training")


def train(args: argparse.Namespace) -> int:
    """Trains until the notes are spent; 130 where Ctrl-C stopped it, the run being saved."""
    need_torch("training")
    folder = check_folder(args.out)
    saved = read_run(folder)
    from cantilena.data.dataset import load_split
    from cantilena.train.note.loop import Run, note_config

    config = train_config(args, saved)
    given = ("width", "layers", "heads", "hidden", "head_hidden", "context")
    sizes = {name: getattr(args, name) for name in given if getattr(args, name) is not None}
    if saved:
        _check_sizes(sizes, saved, folder)
    if sizes.get("width", 0) % (sizes.get("heads") or note_config().heads):
        raise InputError(f"a width of {sizes['width']} does not divide among the heads")
    say = (lambda line: None) if args.quiet else (lambda line: print(line, flush=True))
    corpora = [c.strip() for c in args.corpora.split(",")] if args.corpora else None
    songs = load_split(args.data, "train", corpora, warn=warn)
    valid = load_split(args.data, "valid", corpora, warn=warn)
    run = Run(folder, note_config(**sizes), config)
    if args.start and not saved:
        run.start_from(args.start)
    verb = "going on with" if saved else "training"
    say(
        f"{verb} {folder}: {run.model.n_parameters()['all']:,} parameters, "
        f"{songs.n_notes:,} notes in {len(songs):,} songs, "
        f"{run.notes / 1e6:.1f} of {config.notes / 1e6:.1f} M notes done"
    )
    run.train(songs, valid, say)
    return 0 if run.done else 130


def read_run(folder: Path) -> dict[str, Any] | None:
    """What a run's folder says of it, None where none is. Raises CheckpointError where it is
    damaged."""
    path = folder / "state.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"model": dict(found["model"]), "train": dict(found["train"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the run in {folder} cannot be read: {error}") from error


def train_config(args: argparse.Namespace, saved: dict[str, Any] | None) -> TrainConfig:
    """The settings of a run: its own where it goes on, else the defaults; options above them."""
    from dataclasses import replace

    from cantilena.train.note.crops import CropConfig
    from cantilena.train.note.loop import TrainConfig

    config = TrainConfig()
    if saved:
        told = saved["train"]
        try:
            told["crop"] = CropConfig(**told["crop"])
            told["weights"] = tuple((str(name), float(w)) for name, w in told["weights"])
            config = TrainConfig(**told)
        except (TypeError, ValueError, KeyError) as error:
            raise CheckpointError(f"the run is of another version: {error}") from error
    names = ("notes", "minutes", "batch", "rate", "decay", "seed", "compile", "workers")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    config = replace(config, **given)
    in_notes = {"warmup": args.warmup, "valid_notes": args.valid_every}
    config = replace(config, **{name: float(n) for name, n in in_notes.items() if n is not None})
    if args.length is not None:
        config = replace(config, crop=replace(config.crop, length=args.length))
    if not 0 <= config.decay <= 1:
        raise InputError(f"a decay of {config.decay:g} is outside 0-1")
    if config.workers < 0:
        raise InputError(f"{config.workers} is no number of processes")
    if config.minutes is not None and config.minutes <= 0:
        raise InputError(f"{config.minutes:g} minutes are no time to train in")
    if not 0 < config.rate < 1:
        raise InputError(f"a learning rate of {config.rate:g} is outside 0-1")
    return config


def _check_sizes(sizes: dict[str, int], saved: dict[str, Any], folder: Path) -> None:
    """Raises InputError for a size that is not the model's."""
    for name, size in sizes.items():
        if saved["model"].get(name) != size:
            raise InputError(
                f"the run in {str(folder)!r} has a {name.replace('_', ' ')} of "
                f"{saved['model'].get(name)}; leave out the sizes or give another folder"
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
