"""``cantilena generate``: many pieces from a system over AMT's vocabulary, into a folder.

Knows options and prompt files; batches, files and resuming are in ``systems.at_scale``. Light to
import, as the parser asks it for its options.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.systems.at_scale import Item, Settings, Summary

SYSTEM_NAMES = ("amt", "amt-prefix", "llama-music")  # spelled out: help imports no system
MAX_BYTES = 256 * 10**6
MAX_N = 1_000_000

_TEXT = """\
A file of prompts holds one JSON object a line, with "id" and "text"; without a text (or with null)
a piece is unconditional. The same command goes on where it stopped: pieces that are there, with
their line in manifest.jsonl, are passed over.

examples:
  cantilena generate --system amt --checkpoint music-small --n 100 -o out
  cantilena generate --prompts captions.jsonl --system llama-music --checkpoint run --n 1000 -o out
  cantilena generate --system amt --onto song.mid --seconds 20            (goes on from it)
  cantilena generate --system amt --onto song.mid --between 8 16          (fills a gap in it)
  cantilena generate --system amt --onto song.mid --keep flute,drums --n 3  (accompanies parts)
"""


def generate_arguments(made: argparse.ArgumentParser) -> None:
    """The command's options."""
    made.epilog = _TEXT
    made.add_argument("--prompts", metavar="FILE", help="lines of JSON with 'id' and 'text'")
    made.add_argument("--system", choices=SYSTEM_NAMES, required=True, help="what composes")
    made.add_argument(
        "--checkpoint", metavar="DIR", help="a folder or hub name (amt: the published small one)"
    )
    made.add_argument(
        "--n", type=int, metavar="N", help="pieces in all; prompts come again where they are fewer"
    )
    made.add_argument(
        "-o", "--output", metavar="DIR", default="generated", help="where to write to (generated)"
    )
    made.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the first piece")
    onto = made.add_argument_group("music that is there already (system amt)")
    onto.add_argument("--onto", metavar="FILE", help="a MIDI file to go on from")
    onto.add_argument(
        "--between", nargs=2, type=float, metavar="S", help="write it anew between two seconds"
    )
    onto.add_argument(
        "--keep", metavar="LIST", help="keep these instruments and write the others to them"
    )
    onto.add_argument(
        "--since", type=float, metavar="S", help="keep the others too, up to this second (0)"
    )
    how = made.add_argument_group("how")
    how.add_argument("--batch", type=int, metavar="B", help="pieces abreast (8; on a GPU 64)")
    how.add_argument("--tokens", type=int, default=1_024, metavar="N", help="of a piece (1024)")
    how.add_argument(
        "--seconds", type=float, metavar="S", help="length of a piece (as tokens give)"
    )
    how.add_argument("--temperature", type=float, default=1.0, metavar="T", help="boldness (1)")
    how.add_argument("--top-p", type=float, default=0.98, metavar="P", help="nucleus (0.98)")
    how.add_argument("--top-k", type=int, default=0, metavar="K", help="keep the K likeliest (all)")
    how.add_argument("--instruments", metavar="LIST", help="the only ones, as 'piano, drums'")
    how.add_argument("--exclude", metavar="LIST", help="instruments that must not sound")
    how.add_argument("--most", type=int, metavar="N", help="instruments of a piece at most (16)")
    how.add_argument(
        "--compatible", action="store_true", help="sample as the published implementation does"
    )
    how.add_argument("--device", metavar="NAME", help="a torch device (the GPU where there is one)")
    how.add_argument("--dtype", metavar="NAME", help="float32, bfloat16 or float16")
    made.add_argument("--json", action="store_true", help="print the outcome as JSON")
    made.add_argument("--quiet", action="store_true", help="print errors only")


def generate(args: argparse.Namespace) -> int:
    """Generates what is not there yet."""
    from cantilena.cli.common import Progress, clock, plural, print_json
    from cantilena.files import check_folder
    from cantilena.systems.at_scale import generate_all

    settings = _settings(args)
    if args.onto is not None:
        return _onto(args, settings)
    for name in ("between", "keep", "since"):
        if getattr(args, name) is not None:
            raise InputError(f"--{name} is of a file that is there already; give it as --onto")
    items = read_items(args.prompts, args.n, args.seed)
    if args.batch is not None and args.batch < 1:
        raise InputError(f"a batch holds 1 piece or more, not {args.batch}")
    folder = check_folder(args.output)
    system = _system(args)
    batch = args.batch or (64 if system.step_model.device.type == "cuda" else 8)
    with Progress(args.quiet) as progress:

        def heard(done: int, total: int) -> None:
            progress(done, total, "tokens")

        found: Summary = generate_all(system, items, folder, settings, batch, heard)
    if args.json:
        print_json({**found.to_dict(), "folder": str(folder)})
    elif not args.quiet:
        before = f", {plural(found.before, 'piece')} there before" if found.before else ""
        told = found.to_dict()
        print(
            f"{folder}: {plural(found.pieces, 'piece')}, {found.tokens:,} tokens in "
            f"{clock(found.seconds)}: {told['tokens_per_second']:,.1f} tokens/s (median of batches "
            f"{told['median_of_batches']:,.1f}){before}"
        )
    return 0


def _onto(args: argparse.Namespace, settings: Settings) -> int:
    """Goes on from a file, fills a gap in it or accompanies its parts: ``<name>-<n>.mid``."""
    from cantilena.api import check_seeds, make_brief, read_continued
    from cantilena.cli.common import Progress, plural, print_json
    from cantilena.files import check_folder
    from cantilena.score.midi import write_midi
    from cantilena.systems.arrival.amt import Request

    if args.system != "amt" or args.prompts is not None:
        raise InputError("--onto is for the system amt alone, which reads no prompts")
    if args.between is not None and (args.keep, args.since, args.seconds) != (None, None, None):
        raise InputError("--between stands alone: without --keep, --since and --seconds")
    if args.keep is not None and args.seconds is not None:
        raise InputError("what accompanies parts is as long as they are; leave --seconds out")
    if args.since is not None and args.keep is None:
        raise InputError("--since goes with --keep")
    wishes = {"instruments": args.instruments, "exclude": args.exclude, "seconds": args.seconds}
    brief = make_brief("", True, **wishes)
    keep = None
    if args.keep is not None:
        kept = make_brief("", True, instruments=args.keep).instruments
        keep = tuple(p for i in kept for p in i.programs)
    score = read_continued(args.onto)
    given: dict[str, Any] = {"sampling": settings.sampling, "continues": score, "keep": keep}
    given |= {"between": tuple(args.between) if args.between else None, "since": args.since or 0.0}
    seeds = check_seeds(args.seed, args.n or 1)
    folder = check_folder(args.output)
    composer = _system(args, compatible=args.compatible)
    requests = [Request(brief, seed, **given) for seed in seeds]
    with Progress(args.quiet) as progress:
        found = composer.compose(requests, lambda share: progress(round(100 * share), 100, "%"))
    name, made = _stem(args.onto), []
    folder.mkdir(parents=True, exist_ok=True)
    for number, result in enumerate(found, 1):
        path = folder / f"{name}-{number}.mid"
        write_midi(result.score, path)
        made.append({"file": path.name, "seed": seeds[number - 1], "notes": len(result.score)})
    if args.json:
        print_json({"folder": str(folder), "onto": str(args.onto), "pieces": made})
    elif not args.quiet:
        last = f" to {made[-1]['file']}" if len(made) > 1 else ""
        print(f"{folder}: {plural(len(made), 'piece')}, {made[0]['file']}{last}")
    return 0


def _stem(path: str) -> str:
    from pathlib import Path

    return Path(path).stem


def _system(args: argparse.Namespace, **more: Any) -> Any:
    from cantilena.systems import system

    if args.checkpoint is None and args.system != "amt":
        raise InputError(f"the system {args.system!r} needs --checkpoint")
    place = {"device": args.device, "dtype": args.dtype}
    return system(args.system).load(args.checkpoint, **place, **more)


def _settings(args: argparse.Namespace) -> Settings:
    """What all pieces share, checked before a model is touched."""
    from cantilena.api import make_brief
    from cantilena.decode.sampling import Sampling
    from cantilena.systems.at_scale import Settings

    if args.tokens < 3:
        raise InputError(f"a note takes 3 tokens; --tokens {args.tokens} are too few")
    if args.seconds is not None and not 0 < args.seconds <= 3600:
        raise InputError(f"{args.seconds:g} seconds is outside 0-3600")
    if args.most is not None and args.most < 1:
        raise InputError(f"a piece needs at least 1 instrument, not {args.most}")
    brief = make_brief("", True, instruments=args.instruments, exclude=args.exclude)
    allowed = tuple(dict.fromkeys(i.programs[0] for i in brief.instruments))
    sampling = Sampling(args.temperature, args.top_p, args.top_k, best_of=1)
    return Settings(
        *(sampling, args.tokens, args.seconds, allowed or None, brief.excluded),
        *(args.most, args.compatible),
    )


def read_items(source: str | None, n: int | None, seed: int) -> list[Item]:
    """The pieces to write: a file's prompts, the first ``n`` of them, or again from the first on
    where they are fewer (their ids then end in "-2", "-3", ...); without a file ``n`` unconditional
    ones. Seeds are in a row. Raises InputError with the number of a line that cannot be used."""
    from cantilena.systems.at_scale import Item

    if n is not None and not 1 <= n <= MAX_N:
        raise InputError(f"the number of pieces must be 1 to {MAX_N:,}, not {n}")
    if not 0 <= seed < 2**62:
        raise InputError(f"the seed must be a whole number from 0, not {seed}")
    if source is None:
        n = n or 1
        prompts: list[tuple[str, str | None]] = [(f"piece-{i:06d}", None) for i in range(1, n + 1)]
    else:
        prompts = _prompts(source)
    n = n or len(prompts)
    found = []
    for i in range(n):
        name, text = prompts[i % len(prompts)]
        again = i // len(prompts)
        found.append(Item(name if not again else f"{name}-{again + 1}", text, seed + i))
    names = [item.id.casefold() for item in found]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise InputError(f"two pieces would be named {twice!r}; give other ids")
    return found


def _prompts(source: str) -> list[tuple[str, str | None]]:
    """(id, text) of each line of a file."""
    from pathlib import Path

    from cantilena.files import decode, parse_jsonl, read_bytes

    name = Path(source).name
    data = read_bytes(source, MAX_BYTES, "a file of prompts")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} holds more than {MAX_BYTES // 10**6} MB; split it")
    found: dict[str, tuple[str, str | None]] = {}
    for number, value in parse_jsonl(decode(data, name), name):
        where = f"{name}, line {number}: "
        try:
            prompt = _prompt(value, number)
        except InputError as error:
            raise InputError(f"{where}{error}") from None
        if prompt[0].casefold() in found:
            raise InputError(f"{where}the id {prompt[0]!r} is there already")
        found[prompt[0].casefold()] = prompt
    if not found:
        raise InputError(
            f'{name} holds no prompts; write lines as {{"id": "a", "text": "a waltz"}}'
        )
    return list(found.values())


def _prompt(data: Any, number: int) -> tuple[str, str | None]:
    from cantilena.names import check_name

    if not isinstance(data, dict):
        raise InputError("not a JSON object with 'id' and 'text'")
    text, name = data.get("text"), data.get("id")
    name = f"piece-{number}" if name is None else name
    if text is not None and not isinstance(text, str):
        raise InputError(f"the text {text!r} is no text")
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise InputError(f"the id {name!r} is neither text nor a whole number")
    return check_name(str(name)), text.strip() or None if text is not None else None
