"""``cantilena finetune`` and ``init``: training the systems built on HuggingFace's models.

Knows options and what is printed; the work is done in ``train``. Light to import, as the parser
asks it for its options.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import InputError, MissingExtraError
from cantilena.train.tuned.recipes import DEFAULTS, RECIPES, SYSTEMS

if TYPE_CHECKING:
    from cantilena.train.tuned.recipes import TuneConfig

_TEXT = f"""\
The same command goes on where a run was. Over several GPUs:
  accelerate launch --num_processes 4 -m cantilena finetune --system amt-prefix ...

recipes: {", ".join(RECIPES)}

examples:
  cantilena finetune --system amt-prefix --layers all --data paper --out run
  cantilena init music -o music --size mini
  cantilena finetune --system amt --recipe small-amt --music-model music --data paper --out amt
"""


def finetune_arguments(made: argparse.ArgumentParser, count: Callable, number: Callable) -> None:
    """The options of ``finetune``; ``count`` reads a whole number from 1, ``number`` a number."""
    made.epilog = _TEXT
    made.add_argument("--system", choices=SYSTEMS, help="what is trained")
    made.add_argument("--data", required=True, metavar="DIR", help="of 'cantilena data paper'")
    made.add_argument("--out", required=True, metavar="RUN", help="the run's folder")
    made.add_argument("--recipe", metavar="NAME", help="settings to begin with (the paper's)")
    made.add_argument("--text-model", metavar="M", help="hub name or folder of the text model")
    made.add_argument("--music-model", metavar="M", help="hub name or folder of the music model")
    made.add_argument("--init", choices=("gaussian", "amt"), help="of llama-music's music side")
    made.add_argument("--layers", choices=("last", "all"), help="of the text, for amt-prefix")
    made.add_argument("--from", dest="start", metavar="DIR", help="begin with a run's weights")
    made.add_argument("--steps", type=count, metavar="N", help="updates")
    made.add_argument("--batch", type=count, metavar="B", help="examples of an update, in all")
    made.add_argument("--accumulate", type=count, metavar="A", help="parts of a batch")
    made.add_argument("--rate", type=number, metavar="R", help="peak learning rate")
    made.add_argument("--warmup", type=count, metavar="N", help="steps up to the peak")
    made.add_argument("--context", type=count, metavar="N", help="music tokens of an example")
    made.add_argument("--text-tokens", type=count, metavar="N", help="tokens of a text at most")
    made.add_argument("--seed", type=int, metavar="N", help="order of examples, first weights")
    how = made.add_argument_group("adaptation")
    switch = argparse.BooleanOptionalAction
    how.add_argument("--lora", type=count, metavar="RANK", help="train LoRA matrices only")
    how.add_argument("--four-bits", action=switch, default=None, help="QLoRA (needs a CUDA GPU)")
    how.add_argument("--pack", action=switch, default=None, help="several examples in a row")
    how.add_argument("--checkpointing", action=switch, default=None, help="less memory, slower")
    how.add_argument("--attention", metavar="NAME", help="auto, sdpa, eager, flash_attention_2")
    how.add_argument("--precision", metavar="NAME", help="auto, float32 or bfloat16")
    how.add_argument("--captions", action=switch, default=None, help="train with the texts")
    how.add_argument("--chunks", choices=("turn", "all"), help="of a song in an epoch: one, or all")
    how.add_argument("--augment", action=switch, default=None, help="AMT's variants with controls")
    told = made.add_argument_group("while it runs")
    told.add_argument("--valid-every", type=count, metavar="N", help="steps between validations")
    told.add_argument("--valid-songs", type=count, metavar="N", help="songs of the validation")
    told.add_argument(
        "--save-every", type=int, metavar="N", help="steps between checkpoints (0: none)"
    )
    told.add_argument("--log-every", type=count, metavar="N", help="steps between lines of the log")
    told.add_argument("--sample-every", type=count, metavar="N", help="steps between pieces")
    told.add_argument("--workers", type=count, metavar="N", help="processes that make batches")
    told.add_argument(
        "--report", action="append", default=[], metavar="NAME", help="tensorboard or trackio"
    )
    made.add_argument("--json", action="store_true", help="print the outcome as JSON")
    made.add_argument("--quiet", action="store_true", help="print errors only")


_OPTIONS = (
    *("system", "text_model", "music_model", "init", "layers", "start", "steps", "batch"),
    *("accumulate", "rate", "warmup", "context", "text_tokens", "seed", "lora", "four_bits"),
    *("pack", "checkpointing", "attention", "precision", "captions", "chunks", "augment"),
    *("valid_every", "valid_songs", "save_every", "log_every", "sample_every", "workers"),
)


def need_hf(purpose: str) -> None:
    """Raises MissingExtraError where what tuning needs is not installed."""
    for package in ("torch", "transformers", "accelerate", "pyarrow", "safetensors"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "hf", purpose)


def config_of(args: argparse.Namespace, saved: TuneConfig | None) -> TuneConfig:
    """The run's own settings where it goes on, else the recipe's; options above them."""
    from cantilena.train.tuned.recipes import recipe

    given = {n: getattr(args, n) for n in _OPTIONS if getattr(args, n) is not None}
    if saved is not None:
        return replace(saved, **given)
    if args.recipe is None and args.system is None:
        raise InputError(f"say which --system ({', '.join(SYSTEMS)}) or which --recipe")
    base = recipe(args.recipe or DEFAULTS[args.system])
    if args.system is not None and base.system != args.system:
        raise InputError(f"the recipe {args.recipe!r} is of {base.system!r}, not {args.system!r}")
    return replace(base, **given)


def finetune(args: argparse.Namespace) -> int:
    """Trains; 130 where a signal stopped it, the run being saved."""
    need_hf("tuning")
    from cantilena.cli.common import print_json, warn
    from cantilena.files import check_folder
    from cantilena.train.tuned.trainer import finetune as run
    from cantilena.train.tuned.trainer import read_run

    folder = check_folder(args.out)
    config = config_of(args, read_run(folder))
    silent = args.quiet or args.json
    say = (lambda line: None) if silent else (lambda line: print(line, flush=True))
    card = run(config, args.data, folder, say, tuple(args.report), warn=warn)
    if card is None:
        return 130
    if args.json:
        print_json({"folder": str(folder), "held_out": card["held_out"]})
    else:
        held = card["held_out"]
        if held["loss"] is not None:
            say(f"held-out loss {held['loss']:.4f} nats a token, of {held['tokens']:,} tokens")
        say(str(folder))
    return 0


# ------------------------------------------------------------------ init


def init_arguments(made: argparse.ArgumentParser, count: Callable) -> None:
    """The options of ``init``."""
    made.add_argument("kind", choices=("music", "text"), help="which model to make")
    made.add_argument("-o", "--output", required=True, metavar="DIR", help="where it goes")
    made.add_argument(
        "--size", default="mini", metavar="S", help="nano, mini, midi or published (mini)"
    )
    made.add_argument("--data", metavar="DIR", help="whose captions the tokenizer is learned from")
    made.add_argument("--words", type=count, default=2_000, metavar="N", help="tokens of the text")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of the random weights")
    made.add_argument("--json", action="store_true", help="print the outcome as JSON")


def init(args: argparse.Namespace) -> int:
    """Makes a model with random weights in a published layout."""
    need_hf("making a model")
    from cantilena.cli.common import print_json
    from cantilena.files import check_folder
    from cantilena.train.tuned.starts import init_music, init_text

    folder = check_folder(args.output)
    if args.kind == "music":
        found: dict[str, Any] = init_music(folder, args.size, args.seed)
    else:
        if not args.data:
            raise InputError("a text model's tokenizer is learned from captions: give --data")
        found = init_text(folder, captions_of(args.data), args.size, args.words, args.seed)
    if args.json:
        print_json(found)
    else:
        print(f"{folder}: {found['parameters']:,} parameters, random")
    return 0


def captions_of(data: str | Path) -> list[str]:
    """All captions of the training songs of a data set, each once."""
    from cantilena.data.paper.reader import PaperData

    songs = PaperData(data, "train", rotate=False).load()
    return sorted({songs.example(i)["caption"] for i in range(len(songs))})
