"""``cantilena parameters``, ``layers``, ``import`` and the export of ``llama-music``.

Knows options and printing; the models are in ``cantilena.models``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cantilena.cli.common import print_json
from cantilena.errors import CheckpointError, InputError

_DTYPES = ("float32", "bfloat16", "float16")


def models_arguments(command: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    """Adds this module's commands; ``command`` makes a parser of a name, what runs and a help."""
    parser = command("parameters", "cli.models:parameters", "count what the paper's systems train")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    text = "show how much a bridge takes from each layer of its text model"
    parser = command("layers", "cli.models:layers", text)
    parser.add_argument("folder", metavar="DIR", help="a checkpoint with learned layer weights")
    parser.add_argument("-o", "--output", metavar="FILE", help="draw them: .png, .svg or .pdf")
    parser.add_argument("--json", action="store_true", help="print the weights as JSON")
    text = (
        "make a checkpoint of a plain Llama with music rows, such as MIDI-LLM, or a published file"
    )
    parser = command("import", "cli.models:import_", text)
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a Llama's folder or name on the HuggingFace hub; or the file of weights (.pt, .ckpt) "
        "of SymphonyNet, MuseCoco or function alignment",
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="where it goes")
    parser.add_argument("--base", metavar="PLACE", help="of an adapter of function alignment")
    parser.add_argument("--revision", metavar="R", help="of the name on the hub")
    parser.add_argument("--tokenizer", metavar="PLACE", help="where the tokenizer is, if elsewhere")
    parser.add_argument("--offset", type=int, metavar="N", help="id at which music begins")
    parser.add_argument(
        "--dtype", choices=_DTYPES, default="float32", help="of the weights (float32)"
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``cantilena export`` that concern ``llama-music`` alone."""
    plain = parser.add_argument_group("of llama-music, which becomes a plain Llama")
    plain.add_argument("--dtype", choices=_DTYPES, help="of the weights (as they are)")
    plain.add_argument("--tokenizer", metavar="PLACE", help="the text model's, if not with it")
    plain.add_argument(
        "--no-tokens", action="store_true", help="leave the tokenizer without music tokens"
    )


def parameters(args: argparse.Namespace) -> int:
    """Prints the table of trainable parameters."""
    from cantilena.models.parameters import counts, table

    rows = counts()
    if args.json:
        print_json([row.to_dict() for row in rows])
    else:
        print(table(rows))
    return 0


def layers(args: argparse.Namespace) -> int:
    """Prints the layer weights of a checkpoint, and draws them where asked."""
    from cantilena.models.bridges import layer_weights, plot_weights, weights_table

    weights = layer_weights(args.folder)
    if args.output:
        plot_weights(weights, args.output, Path(args.folder).resolve().name)
    if args.json:
        print_json(weights)
    else:
        print(weights_table(weights))
    return 0


def import_(args: argparse.Namespace) -> int:
    """Makes a split checkpoint of a plain one, or a checkpoint of a published file."""
    if Path(args.source).is_file():
        return _import_file(args)
    if args.base:
        raise InputError("--base belongs to the file of an adapter of function alignment")
    from cantilena.files import check_folder
    from cantilena.models.llama_plain import import_plain

    folder = check_folder(args.output)
    model, tokenizer = import_plain(
        args.source,
        tokenizer=args.tokenizer,
        offset=args.offset,
        dtype=args.dtype,
        revision=args.revision,
    )
    folder = model.save(folder, tokenizer)
    sizes = {"text": model.offset, "music": model.n_music}
    return _report(args, folder, sizes, f"{model.offset:,} text and {model.n_music:,} music tokens")


def _import_file(args: argparse.Namespace) -> int:
    """Makes a checkpoint of a published file."""
    from cantilena.files import check_folder
    from cantilena.models.checkpoint import open_checkpoint
    from cantilena.models.conversion import convert

    for option in ("revision", "tokenizer", "offset"):
        if getattr(args, option) is not None:
            raise InputError(f"--{option} belongs to a Llama; {args.source} is a file of weights")
    if args.dtype != "float32":
        raise InputError("a file of weights is written in float32: leave --dtype out")
    folder = convert(args.source, check_folder(args.output), args.base)
    system = open_checkpoint(folder).system
    return _report(args, folder, {"system": system}, f"weights of {system!r}")


def export(args: argparse.Namespace) -> int:
    """``cantilena export``: a plain Llama of ``llama-music``, what composing needs of ``musiclm``
    and of ``aligned``, else a checkpoint of a run."""
    from cantilena.models.checkpoint import is_checkpoint, open_checkpoint, system_in

    system = system_in(args.folder)
    if system in ("musiclm", "aligned"):
        return _export_small(args, system)
    if not is_checkpoint(args.folder):
        from cantilena.cli.train import export as of_run

        return of_run(args)
    from cantilena.files import check_folder
    from cantilena.models.llama_music import SYSTEM, LlamaMusic
    from cantilena.models.llama_plain import export_plain

    checkpoint = open_checkpoint(args.folder)
    plain = checkpoint.model.get("layout") == "plain"
    if checkpoint.system != SYSTEM or plain:
        state = "is exported already" if plain else f"holds the system {checkpoint.system!r}"
        raise InputError(f"{args.folder} {state}; only {SYSTEM!r} is exported in this way")
    folder = check_folder(args.output)
    model = LlamaMusic.load(checkpoint)
    words = _tokenizer(checkpoint.folder, args.tokenizer, model.source.get("name"))
    export_plain(model, folder, words, args.dtype, not args.no_tokens)
    sizes = {"offset": model.offset, "rows": model.offset + model.n_music}
    text = f"{sizes['rows']:,} rows, music from {model.offset:,}"
    return _report(args, folder, sizes, text)


def _export_small(args: argparse.Namespace, system: str) -> int:
    from cantilena.cli.train import need_torch
    from cantilena.files import check_folder

    need_torch("export")
    if system == "musiclm":
        from cantilena.systems.musiclm.checkpoint import export_musiclm as make
    else:
        from cantilena.systems.aligned.exporting import export_adapters as make
    folder = make(args.folder, check_folder(args.output)).folder
    size = sum(path.stat().st_size for path in folder.iterdir())
    return _report(args, folder, {"bytes": size}, f"{size / 1e6:.1f} MB")


def _tokenizer(folder: Path, asked: str | None, name: str | None) -> Any:
    """The tokenizer asked for, the one beside the weights, or the text model's."""
    from cantilena.models.hub import loading, need

    beside = folder / "tokenizer"
    place = asked or (str(beside) if beside.is_dir() else name)
    if not place:
        raise CheckpointError(f"{folder} has no tokenizer; say where one is with --tokenizer")
    with loading("tokenizer", place):
        return need("transformers", "export").AutoTokenizer.from_pretrained(place)


def _report(args: argparse.Namespace, folder: Path, sizes: dict[str, Any], text: str) -> int:
    size = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())
    if args.json:
        print_json({"folder": str(folder), "bytes": size, **sizes})
    else:
        print(f"{folder}: {text}, {size / 1e6:.1f} MB")
    return 0
