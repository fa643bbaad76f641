"""``cantilena generate``: many pieces from a system into a folder.

Knows options and prompt files; batches, files and resuming are in ``systems.at_scale``. Light to
import, as the parser asks it for its options.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import system_arguments
from cantilena.cli.editing import edit_of, editing_arguments
from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.systems.at_scale import Item, Settings, Summary
    from cantilena.systems.base import System
    from cantilena.systems.request import Edit

MAX_BYTES = 256 * 10**6
MAX_N = 1_000_000
_SYSTEM_OPTIONS = ("tokens", "most", "compatible", "unmasked")
"""Options that not every system has."""
_NUMBER = "-000000"  # as long as the number behind a name may be
GPU_BATCH = 64  # pieces abreast; benchmarks/gpu_rates.py found more of little use on one H100

_TEXT = """\
A file of prompts holds one JSON object a line, with "text" and, where wished, "id", "seed" and
"options" (as {"bars": 8}), which --seed and the other options here stand above; without a text (or
with null) a piece is unconditional. Or it holds one text a line. The same command goes on where it
stopped: pieces that are there, with their line in manifest.jsonl, are passed over, and one of sound
that was under way goes on at its stage and window (where workers share a disk). --workers and --ray
make the same pieces in several processes, each with the system in its memory, by Ray (pip install
'cantilena[ray]'); all files are written by this process. --onto writes NAME-1.mid, NAME-2.mid, ...;
pieces that are there stay, and new ones are numbered behind them. On a cluster a checkpoint's
folder stands under one path on all machines.

examples:
  cantilena generate --prompts captions.jsonl --n 1000 -o out
  cantilena generate --system amt --checkpoint music-small --n 100 -o out
  cantilena generate --prompts captions.jsonl --system llama-music --checkpoint run --n 1000 -o out
  cantilena generate --prompts captions.jsonl --workers 4 -o out          (in 4 processes)
  cantilena generate --prompts captions.jsonl --system musiclm --seconds 10 --workers 4 -o sounds
  cantilena generate --prompts captions.jsonl --ray head:6379 -o out      (on a Ray cluster)
  cantilena generate --system amt --onto song.mid --seconds 20            (goes on from it)
  cantilena generate --system amt --onto song.mid --between 8 16          (fills a gap in it)
  cantilena generate --system amt --onto song.mid --keep flute,drums --n 3  (accompanies parts)
"""


def generate_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.epilog = _TEXT
    parser.add_argument(
        "--prompts", metavar="FILE", help="lines of text, or of JSON with 'text' and 'id'"
    )
    system_arguments(parser)
    parser.add_argument(
        "--codec", metavar="DIR", help="what sounds codes (musicgen, code-notes, musiclm)"
    )
    parser.add_argument(
        "--n", type=int, metavar="N", help="pieces in all; prompts come again where they are fewer"
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="generated", help="where to write to (generated)"
    )
    parser.add_argument(
        "--formats",
        metavar="LIST",
        help="of mid,wav,musicxml,png,json (mid; of systems of sound wav)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the first piece (0)")
    onto = parser.add_argument_group("music that is there already, for systems that edit")
    onto.add_argument("--onto", metavar="FILE", help="a MIDI file to go on from")
    onto.add_argument(
        "--name", metavar="NAME", help="of the files: NAME-1, NAME-2, ... (that of --onto)"
    )
    editing_arguments(onto)
    how = parser.add_argument_group("how; what is not said is as the system has it")
    how.add_argument(
        "--obey", action="store_true", help="hold pieces to the wishes that their texts name"
    )
    how.add_argument("--batch", type=int, metavar="B", help="pieces abreast (8; on a GPU 64)")
    how.add_argument("--tokens", type=int, metavar="N", help="of a piece at most (1023)")
    how.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="length of a piece (amt: 30; else as tokens give)",
    )
    how.add_argument("--temperature", type=float, metavar="T", help="sampling temperature")
    how.add_argument("--top-p", type=float, metavar="P", help="nucleus")
    how.add_argument("--top-k", type=int, metavar="K", help="keep the K likeliest (0: all)")
    how.add_argument("--guidance", type=float, metavar="G", help="pull towards the wishes")
    how.add_argument("--best-of", type=int, metavar="N", help="make N of each, keep the best")
    how.add_argument("--condition", metavar="NAME", help="what leads sound: score, or text alone")
    how.add_argument(
        "--option", action="append", metavar="NAME=VALUE", help="an option of the system's own"
    )
    how.add_argument("--instruments", metavar="LIST", help="the only ones, as 'piano, drums'")
    how.add_argument("--exclude", metavar="LIST", help="instruments that must not sound")
    how.add_argument("--most", type=int, metavar="N", help="instruments at most, drums too (16)")
    how.add_argument(
        "--compatible", action="store_true", help="sample as the published implementation does"
    )
    how.add_argument(
        "--unmasked",
        action="store_true",
        help="sample llama-music's whole vocabulary, words too, without a grammar, as the paper",
    )
    where = parser.add_argument_group("where; without either, in this process")
    where.add_argument(
        "--workers", type=int, metavar="N", help="in N processes (with --ray: one a GPU or CPU)"
    )
    where.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="on the Ray cluster there (that of RAY_ADDRESS, else one started here)",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def generate(args: argparse.Namespace) -> int:
    """Generates what is not there yet."""
    from cantilena.cli.common import Progress, clock, plural, print_json
    from cantilena.cli.report import shortfalls
    from cantilena.files import check_folder
    from cantilena.loading import system_of

    name = args.system or system_of(args.checkpoint)
    settings = _settings(args, name)
    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers must be 1 or more, not {args.workers}")
    if args.batch is not None and args.batch < 1:
        raise InputError(f"a batch holds 1 piece or more, not {args.batch}")
    edit = edit_of(args, args.onto, "--onto")
    if edit is not None:
        return _onto(args, name, settings, edit)
    if args.name is not None:
        raise InputError("--name goes with --onto; other pieces are named by their ids")
    items = read_items(args.prompts, args.n, args.seed)
    folder = check_folder(args.output)
    with Progress(args.quiet) as progress:
        summary = _all(args, name, items, folder, settings, progress.share("generating"))
    if args.json:
        print_json({**summary.to_dict(), "folder": str(folder)})
    elif not args.quiet:
        if not summary.pieces:
            print(f"{folder}: all {plural(summary.before, 'piece')} were there before")
            return 0
        before = f", {plural(summary.before, 'piece')} there before" if summary.before else ""
        what, count = ("tokens", summary.tokens) if summary.tokens else ("notes", summary.notes)
        if not count and summary.sound:
            what, count = "s of sound", round(summary.sound)
        rate = count / max(summary.seconds, 1e-9)
        print(
            f"{folder}: {plural(summary.pieces, 'piece')}, {count:,} {what} in "
            f"{clock(summary.seconds)}: {rate:,.1f} {what}/s{before}"
        )
        for line in shortfalls(summary.unmet, summary.dropped, summary.pieces, summary.before):
            print(line)
    return 0


def _all(
    args: argparse.Namespace,
    name: str,
    items: list[Item],
    folder: Path,
    settings: Settings,
    progress: Callable[[float], None],
) -> Summary:
    """Generates in this process, or by Ray."""
    checkpoint = args.checkpoint
    if checkpoint is not None and Path(checkpoint).exists():
        checkpoint = str(Path(checkpoint).absolute())  # workers may stand in other folders
    codec = args.codec
    if codec is not None and Path(codec).exists():
        codec = str(Path(codec).absolute())
    load = partial(_system, name, checkpoint, args.device, args.dtype, args.batch, codec)
    if args.ray is None and args.workers in (None, 1):
        from cantilena.systems.at_scale import generate_all

        return generate_all(load(), items, folder, settings, progress)
    from cantilena.cluster import HERE
    from cantilena.systems import spec
    from cantilena.systems.at_scale_ray import generate_all_on_ray

    return generate_all_on_ray(
        load,
        items,
        folder,
        settings,
        progress,
        workers=args.workers,
        address=HERE if args.ray is None else args.ray,
        on_gpu=bool(spec(name).extra) and (args.device or "cuda").startswith("cuda"),
    )


def _onto(args: argparse.Namespace, name: str, settings: Settings, edit: Edit) -> int:
    """Goes on from a file, fills a gap in it or accompanies its parts: ``<name>-<n>.mid``, each
    written as soon as it is done and numbered behind those that are there."""
    from cantilena.cli.common import Progress, plural, print_json
    from cantilena.cli.naming import names_asked, names_of_sources
    from cantilena.cli.report import shortfalls
    from cantilena.files import check_folder, make_folder
    from cantilena.locks import lock
    from cantilena.names import safe_name
    from cantilena.options import check_seeds
    from cantilena.systems.at_scale import Item, Tally, manifest_line
    from cantilena.systems.base import Finished, Request
    from cantilena.systems.base import Progress as Share

    if args.prompts is not None:
        raise InputError("--onto goes on from one file; leave out --prompts")
    if args.ray is not None or args.workers not in (None, 1):
        raise InputError(
            "--onto goes on from one file, in this process; leave out --workers, --ray"
        )
    seeds = check_seeds(args.seed or 0, args.n or 1)
    folder = check_folder(args.output)
    stem = (names_asked(args.name, 1) or names_of_sources([args.onto]))[0]
    stem = safe_name(stem, _NUMBER).removesuffix(_NUMBER)  # so that no number cuts it
    system = _system(name, args.checkpoint, args.device, args.dtype, args.batch, args.codec)
    requests = [
        Request(settings.wishes, seed, settings.sampling, edit, name, settings.options)
        for seed in seeds
    ]
    tally = Tally()
    pieces: dict[int, dict[str, Any]] = {}
    shares = [0.0] * len(seeds)
    with lock(make_folder(folder)), Progress(args.quiet) as progress:
        first = _first_free(folder, stem)
        items = [Item(f"{stem}-{i}", None, seed) for i, seed in enumerate(seeds, first)]
        for i, event in system.run(requests):
            if isinstance(event, Share):
                shares[i] = event.share
                progress(sum(shares), len(shares), "generating")
            elif isinstance(event, Finished):
                shares[i] = 1.0
                files = event.result.save(folder, settings.formats, items[i].id)
                line = manifest_line(items[i], event.result, files)
                tally.take(line)
                columns = ("file", "seed", "notes", "unmet", "dropped")
                pieces[i] = {column: line[column] for column in columns}
    in_order = [pieces[i] for i in range(len(seeds))]
    if args.json:
        print_json({"folder": str(folder), "onto": str(args.onto), "pieces": in_order})
    elif not args.quiet:
        last = f" to {in_order[-1]['file']}" if len(in_order) > 1 else ""
        print(f"{folder}: {plural(len(in_order), 'piece')}, {in_order[0]['file']}{last}")
        for line in shortfalls(tally.unmet, tally.dropped, tally.pieces):
            print(line)
    return 0


def _first_free(folder: Path, stem: str) -> int:
    """The number behind the highest that a file ``<stem>-<number>`` of a folder has; 1 where there
    is none."""
    name = re.compile(re.escape(stem.casefold()) + r"-([0-9]+)")
    matches = (name.fullmatch(path.stem.casefold()) for path in folder.iterdir())
    return 1 + max((int(match[1]) for match in matches if match), default=0)


def _system(
    name: str,
    checkpoint: str | None,
    device: str | None,
    dtype: str | None,
    batch: int | None,
    codec: str | None = None,
) -> System:
    """The system, with how many pieces it makes abreast; also called in workers."""
    from cantilena.api import load

    where = {"device": device, "dtype": dtype, "codec": codec}
    system = load(checkpoint, name, **{k: v for k, v in where.items() if v is not None})
    on = getattr(getattr(system, "step_model", None), "device", None)
    if batch or getattr(on, "type", "cpu") == "cuda":
        system.batch = batch or GPU_BATCH
    return system


def _settings(args: argparse.Namespace, name: str) -> Settings:
    """What all pieces share, checked before a model is touched."""
    from cantilena.cli.compose import read_options
    from cantilena.options import make_brief, make_sampling
    from cantilena.render.formats import check_extras, checked_formats
    from cantilena.systems import spec, system_class
    from cantilena.systems.at_scale import Settings

    kind = system_class(name)
    options = {option: getattr(args, option) for option in _SYSTEM_OPTIONS}
    options = {option: value for option, value in options.items() if value}
    for option in options:
        if option not in kind.options:
            raise InputError(f"the system {name!r} has no --{option}")
    if args.condition is not None and "condition" not in kind.options:
        raise InputError(f"the system {name!r} has no --condition")
    condition = () if args.condition is None else (f"condition={args.condition}",)
    options |= read_options((*(args.option or ()), *condition), kind.options)
    for option in ("instruments", "exclude", "seconds", "obey") if args.unmasked else ():
        if getattr(args, option):
            raise InputError(f"an unmasked piece is held to nothing; leave out --{option}")
    if args.tokens is not None and args.tokens < 3:
        raise InputError(f"a note takes 3 tokens; --tokens {args.tokens} are too few")
    if args.most is not None and args.most < 1:
        raise InputError(f"a piece needs at least 1 instrument, not {args.most}")
    wishes = make_brief(
        "", True, instruments=args.instruments, exclude=args.exclude, seconds=args.seconds
    )
    names = ("temperature", "top_p", "top_k", "guidance", "best_of")
    sampling = make_sampling(kind.sampling, **{name: getattr(args, name) for name in names})
    formats = checked_formats(args.formats or ("wav" if spec(name).gives == "audio" else "mid"))
    check_extras([form for form in formats if form == "svg"])  # all are written, or no piece is
    return Settings(wishes, sampling, options, formats, args.obey)


@dataclass(frozen=True)
class _Line:
    """A prompt: the name of its files, its text, and the seed and options it has of its own."""

    id: str
    text: str | None
    seed: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def read_items(source: str | None, n: int | None, seed: int | None) -> list[Item]:
    """The pieces to write: a file's prompts, the first ``n`` of them, or again from the first on
    where they are fewer (their ids then end in "-2", "-3", ...); without a file ``n`` unconditional
    ones. Seeds are in a row from ``seed``; where it is None, from 0, but a prompt's own seed counts
    for it, and the next ones where it comes again. Raises InputError with the number of a line that
    cannot be used."""
    from cantilena.systems.at_scale import Item

    if n is not None and not 1 <= n <= MAX_N:
        raise InputError(f"the number of pieces must be 1 to {MAX_N:,}, not {n}")
    _check_seed(seed or 0)
    if source is None:
        prompts = [_Line(f"piece-{i:06d}", None) for i in range(1, (n or 1) + 1)]
    else:
        prompts = _prompts(source)
    items = []
    for i in range(n or len(prompts)):
        prompt, again = prompts[i % len(prompts)], i // len(prompts)
        name = prompt.id if not again else f"{prompt.id}-{again + 1}"
        number = (seed or 0) + i
        if seed is None and prompt.seed is not None:
            number = prompt.seed + again
        items.append(Item(name, prompt.text, number, prompt.options))
    names = [item.id.casefold() for item in items]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise InputError(f"two pieces would be named {twice!r}; give other ids")
    return items


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**62:
        raise InputError(f"the seed must be a whole number from 0, not {seed}")


def _prompts(source: str) -> list[_Line]:
    """The prompts of a file: lines of JSON, or of text."""
    from cantilena.cli.prompts import file_names, is_json, lines_of
    from cantilena.files import decode, parse_jsonl, read_bytes

    name = Path(source).name
    data = read_bytes(source, MAX_BYTES, "a file of prompts")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} holds more than {MAX_BYTES // 10**6} MB; split it")
    text = decode(data, name)
    by_id: dict[str, _Line] = {}
    if not is_json(source, text):
        lines = lines_of(text, name)
        by_id = {i: _Line(i, p.text) for p, (i,) in zip(lines, file_names(lines), strict=True)}
    for number, value in parse_jsonl(text, name) if is_json(source, text) else ():
        where = f"{name}, line {number}: "
        try:
            prompt = _prompt(value, number)
        except InputError as error:
            raise InputError(f"{where}{error}") from None
        if prompt.id.casefold() in by_id:
            raise InputError(f"{where}the id {prompt.id!r} is there already")
        by_id[prompt.id.casefold()] = prompt
    if not by_id:
        raise InputError(
            f'{name} holds no prompts; write lines as {{"id": "a", "text": "a waltz"}}'
        )
    return list(by_id.values())


def _prompt(data: Any, number: int) -> _Line:
    from cantilena.cli.prompts import own_of
    from cantilena.names import check_name
    from cantilena.options import checked_wishes

    if not isinstance(data, dict):
        raise InputError("not a JSON object with 'id' and 'text'")
    text, name = data.get("text"), data.get("id")
    name = f"piece-{number}" if name is None else name
    if text is not None and not isinstance(text, str):
        raise InputError(f"the text {text!r} is no text")
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise InputError(f"the id {name!r} is neither text nor a whole number")
    seed, options = own_of(data)
    _check_seed(seed or 0)
    words = text.strip() or None if text is not None else None
    return _Line(check_name(str(name)), words, seed, checked_wishes(options))
