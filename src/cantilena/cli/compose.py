"""``cantilena compose`` and ``cantilena brief``. Knows options; what is printed of a Result is in
``cli.report``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena import api
from cantilena.cli.common import Progress, check_sounding, print_json, warn
from cantilena.cli.editing import edit_of, recording_of
from cantilena.cli.naming import (
    failure_code,
    failure_lines,
    names_asked,
    names_of_sources,
    notice_number,
)
from cantilena.cli.prompts import Prompt, file_names, read_prompts
from cantilena.cli.report import outcome, print_report
from cantilena.errors import BriefError, CantilenaError, InputError
from cantilena.files import check_folder, decode, parse_json, read_bytes
from cantilena.loading import system_of
from cantilena.names import slug
from cantilena.options import (
    SAMPLING,
    WISHES,
    brief_of_story,
    check_seeds,
    make_brief,
    make_sampling,
    melody_for,
    read_continued,
    story_for,
)
from cantilena.render.formats import (
    FORMATS,
    check_extras,
    check_notes,
    check_soundfont,
    checked_formats,
)
from cantilena.result import Result

if TYPE_CHECKING:
    from cantilena.systems.base import System
    from cantilena.systems.request import Request
    from cantilena.text.wishes import Brief

MAX_REPLAY = 320 * 10**6
"""Bytes. Files of earlier versions hold a recording themselves: of ten minutes, the longest, with
two channels at 48 kHz in floats of 32 bits as base64 these are 307 million."""


@dataclass(frozen=True)
class _Job:
    """One piece to compose: the name of its files, and the request."""

    name: str
    request: Request


def compose(args: argparse.Namespace) -> int:
    """Composes, saves and reports. Everything that was asked is checked before a model is loaded
    and before anything is written; each piece is written as soon as it is done."""
    formats = None if args.formats is None else checked_formats(args.formats)
    check_extras(formats or ())
    check_soundfont(formats or FORMATS, args.engine, args.soundfont)
    folder = check_folder(args.output)
    if args.replay is not None:
        jobs, checkpoint = _replay(args)
        _check_sounding(args, jobs[0].request.system or "note")
        _check_named(args, jobs[0].request.system or "note", checkpoint)
        composer = _load(args, jobs[0].request.system or "note")
        _check_same(composer, checkpoint, args.replay)
    else:
        name = args.system or system_of(args.checkpoint)
        _check_sounding(args, name)
        jobs = _jobs(args, name)
        composer = _load(args, name)
    for job in jobs:
        check_notes(formats or (), composer.has_notes(job.request))
    quiet = args.quiet or args.json
    outcomes: dict[str, dict[str, Any]] = {}
    failures: dict[str, CantilenaError] = {}
    for job, result, files in _pieces(jobs, composer, folder, formats, args, failures):
        name = notice_number(job.name, files, replaces=True)
        if not quiet:
            if outcomes:
                print()
            print_report(name, result, files)
        outcomes[job.name] = outcome(name, result, files)
    if args.json:
        pieces = [outcomes[job.name] for job in jobs]
        print_json({"system": composer.system, "checkpoint": composer.name, "pieces": pieces})
    for line in failure_lines(failures):
        warn(line)
    return failure_code(failures)


def _check_sounding(args: argparse.Namespace, name: str) -> None:
    from cantilena.systems import spec

    check_sounding(spec(name).gives, args.engine, args.soundfont)


def _load(args: argparse.Namespace, name: str) -> System:
    where = {"device": args.device, "dtype": args.dtype, "codec": args.codec}
    options = {name: value for name, value in where.items() if value is not None}
    return api.load(args.checkpoint, name, **options)


def _pieces(
    jobs: Sequence[_Job],
    composer: System,
    folder: Path,
    formats: Sequence[str] | None,
    args: argparse.Namespace,
    failures: dict[str, CantilenaError],
) -> Iterator[tuple[_Job, Result, dict[str, Path]]]:
    """Composes the jobs, some abreast, and saves each as soon as it is done; ``failures`` receives
    the formats that cannot be made."""
    from cantilena.systems.base import Finished
    from cantilena.systems.base import Progress as Share

    shares = [0.0] * len(jobs)
    names = [job.name for job in jobs]
    done = 0
    composer = composer.keeping(folder)
    with Progress(args.quiet) as progress:
        for i, event in composer.run([job.request for job in jobs]):
            if isinstance(event, Share):
                shares[i] = event.share
                of = f" ({done} of {len(jobs)} done)" if len(jobs) > 1 else ""
                progress(sum(shares), len(jobs), f"composing{of}")
            elif isinstance(event, Finished):
                done, shares[i] = done + 1, 1.0
                progress(sum(shares), len(jobs), f"writing {jobs[i].name}")
                files = event.result.save(
                    folder,
                    formats,
                    jobs[i].name,
                    args.engine,
                    args.soundfont,
                    replace=args.replace,
                    avoid=names,
                    failures=failures,
                )
                progress.clear()
                yield jobs[i], event.result, files


# ---------------------------------------------------------------------------- what is asked


def _jobs(args: argparse.Namespace, system: str) -> list[_Job]:
    from cantilena.systems import system_class
    from cantilena.systems.request import Request

    n = 1 if args.n is None else args.n
    seed = 0 if args.seed is None else args.seed
    check_seeds(seed, n)
    kind = system_class(system)
    how = {name: getattr(args, name) for name in SAMPLING}
    sampling = make_sampling(kind.sampling, **how)
    audio, stretch = recording_of(args, system)
    options = {**read_options(_options(args, system, kind.options), kind.options), **stretch}
    story = story_for(name=system, story=args.story, text=" ".join(args.text))
    if story is not None:
        if args.prompts is not None:
            raise InputError("both a story and --prompts are given; give one of them")
        options = {**options, "story": story}
    edit = None if audio is not None else edit_of(args, args.continues, "--continue")
    score = read_continued(args.source)
    if args.melody is not None:
        if any(option is not None for option in (args.source, args.continues)):
            raise InputError("a tune to follow stands alone: without --from and --continue")
        score, audio, follow = melody_for(system, args.melody)
        options = {**follow, **options}
    prompts = _prompts(args) if story is None else [Prompt(story)]
    jobs: list[_Job] = []
    for prompt, names in zip(prompts, _names(args, prompts, n), strict=True):
        brief = _brief_of(prompt, args) if story is None else _brief_of_story(story, args)
        first = seed if prompt.seed is None or args.seed is not None else prompt.seed
        try:
            seeds = check_seeds(first, n)
        except InputError as error:
            raise InputError(f"{prompt.where}{error}") from None
        jobs += [
            _Job(name, Request(brief, s, sampling, edit, system, options, score, audio))
            for name, s in zip(names, seeds, strict=True)
        ]
    return jobs


def _options(args: argparse.Namespace, system: str, kinds: Mapping[str, type]) -> list[str]:
    """The system's own options, as they are written. Raises InputError for one of ours that it has
    not."""
    named = {"condition": args.condition, "lyrics": args.lyrics}
    for name, value in named.items():
        if value is not None and name not in kinds:
            raise InputError(f"the system {system!r} has no --{name}")
    return [
        *(args.option or ()),
        *(f"{name}={value}" for name, value in named.items() if value is not None),
    ]


def _names(args: argparse.Namespace, prompts: Sequence[Prompt], n: int) -> list[list[str]]:
    """The names of each prompt's ``n`` pieces: those that ``--name`` gives, in order, else of a
    text's own."""
    names = names_asked(args.name, n * len(prompts))
    if names is None:
        return file_names(prompts, n)
    return [names[i : i + n] for i in range(0, len(names), n)]


def read_options(texts: Sequence[str] | None, kinds: Mapping[str, type]) -> dict[str, Any]:
    """A system's own options, each as "name=value". Raises InputError."""
    options: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or name not in kinds:
            choices = ", ".join(f"{n}=({kind.__name__})" for n, kind in kinds.items()) or "none"
            raise InputError(f"{text!r} is no option of this system; known: {choices}")
        try:
            options[name] = _BOOL[value.lower()] if kinds[name] is bool else kinds[name](value)
        except (KeyError, ValueError):
            raise InputError(
                f"the option {name} is of type {kinds[name].__name__}, not {value!r}"
            ) from None
    return options


_ALONE = ("continues", "source", "melody", "lyrics")
"""Options beside which no text is needed."""
_BOOL = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _prompts(args: argparse.Namespace) -> list[Prompt]:
    """The prompts of the command line: its words, or those of a file."""
    text = " ".join(args.text)
    if args.prompts is None and text.strip() == "-":
        return read_prompts("-")
    if args.prompts is None:
        files = (("continues", "-continued"), ("source", "-sound"), ("melody", "-led"))
        for option, suffix in files:
            file = getattr(args, option, None)
            if not text.strip() and file:
                name = getattr(args, "name", None) or names_of_sources([file], suffix)[0]
                return [Prompt("", name)]
        lyrics = getattr(args, "lyrics", None) or ""
        if not text.strip() and lyrics.strip():  # which say nothing of the music
            return [Prompt("", slug(lyrics))]
        return [Prompt(text)]
    if text:
        raise InputError("both a text and --prompts are given; give one of them")
    return read_prompts(args.prompts)


def _brief_of(prompt: Prompt, args: argparse.Namespace) -> Brief:
    """The Brief of a prompt; options of the command line stand above its own, and these above its
    text."""
    explicit = {name: getattr(args, name) for name in WISHES if getattr(args, name) is not None}
    options = {**prompt.options, **explicit}
    for one, other in (("bars", "seconds"), ("seconds", "bars")):
        if one in explicit and other not in explicit:
            options.pop(other, None)
    try:
        from_file = any(getattr(args, option, None) for option in _ALONE)
        return make_brief(prompt.text, from_file, getattr(args, "reader", None), **options)
    except InputError as error:
        if not prompt.where:
            raise
        raise InputError(f"{prompt.where}{error}") from error


def _brief_of_story(story: str, args: argparse.Namespace) -> Brief:
    """The Brief of a story: what options say; its words are read part by part."""
    wishes = {name: getattr(args, name) for name in WISHES if getattr(args, name) is not None}
    return brief_of_story(story, **wishes)


def brief(args: argparse.Namespace) -> int:
    """Prints a text's Brief as JSON: one object, or one a line for many prompts."""
    prompts = _prompts(args)
    briefs = [_brief_of(prompt, args) for prompt in prompts]
    if args.explain:
        return _explain([prompt.text for prompt in prompts], args.json)
    if args.prompts is None and len(briefs) == 1 and not prompts[0].where:
        print_json(briefs[0].to_dict())
        return 0
    for prompt, one in zip(prompts, briefs, strict=True):
        mark = {} if prompt.id is None else {"id": prompt.id}
        print_json({**mark, **one.to_dict()}, indent=None)
    return 0


def _explain(texts: Sequence[str], as_json: bool) -> int:
    """Prints what became of the words of each text: a table, or one JSON object a line."""
    from cantilena.text.brief.explain import explain

    for n, text in enumerate(texts):
        lines = explain(text)
        if as_json:
            print_json({"text": text, "words": [asdict(line) for line in lines]}, indent=None)
            continue
        rows = [("words", "wish", "rule", "why")]
        rows += [(line.words, line.wish or "-", line.rule or "-", line.why) for line in lines]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        print("\n" * (n > 0), end="")
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
            print("  ".join((*cells, row[3])).rstrip())
    return 0


# ---------------------------------------------------------------------------- replay


def _replay(args: argparse.Namespace) -> tuple[list[_Job], dict[str, Any]]:
    """The job that a piece's JSON file tells of, and the checkpoint that made it."""
    from cantilena.systems.request import Request

    others = (
        *WISHES,
        *SAMPLING,
        "seed",
        "n",
        "continues",
        "source",
        "prompts",
        "reader",
        "condition",
        "story",
        "lyrics",
        "melody",
        "option",
        "between",
        "keep",
        "since",
    )
    extra = [name for name in others if getattr(args, name) is not None]
    if args.text or extra:
        what = "the text"
        if extra:
            names = {"continues": "continue", "source": "from"}
            what = "--" + names.get(extra[0], extra[0]).replace("_", "-")
        raise InputError(f"--replay makes a piece again as it was; leave out {what}")
    path = Path(args.replay)
    data = read_bytes(path, MAX_REPLAY, "the JSON file beside a piece")
    if len(data) > MAX_REPLAY:
        raise InputError(f"{str(path)!r} is longer than a piece's JSON ({MAX_REPLAY:,} bytes)")
    try:
        piece = parse_json(decode(data, str(path)), str(path))
        request = Request.from_dict(piece["request"], path.parent)
        checkpoint = dict(piece["checkpoint"])
    except BriefError as error:
        raise InputError(f"{str(path)!r}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{str(path)!r} is not the JSON file that 'cantilena compose' writes beside a piece"
        ) from None
    if args.system not in (None, request.system or "note"):
        raise InputError(
            f"{str(path)!r} was composed by the system {request.system or 'note'!r}; "
            "leave out --system"
        )
    names = names_asked(args.name, 1) or names_of_sources([path])
    return [_Job(names[0], request)], checkpoint


def _check_named(args: argparse.Namespace, name: str, checkpoint: dict[str, Any]) -> None:
    """Raises InputError where the piece was made by a folder that is not named now, before another
    checkpoint is looked for."""
    from cantilena.systems import SHIPPED, spec

    default, maker = spec(name).default, checkpoint.get("name")
    if args.checkpoint is None and default != SHIPPED and maker != default:
        raise InputError(
            f"{args.replay!r} was composed by the checkpoint {maker!r} of the system {name!r}; "
            "name its folder with --checkpoint"
        )


def _check_same(composer: System, checkpoint: dict[str, Any], path: str) -> None:
    """Raises InputError where another checkpoint made the piece: the notes would differ."""
    there, here = checkpoint.get("sha256"), composer.hash
    if there and here and there != here:
        raise InputError(
            f"{path!r} was composed by the checkpoint {checkpoint.get('name')!r} "
            f"({str(there)[:12]}), not by {composer.name!r} ({here[:12]}); name its folder with "
            "--checkpoint"
        )
    if not there or not here:
        warn(f"{path}: which checkpoint made it is not known; the notes may differ")
