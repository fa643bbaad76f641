"""``cantilena compose`` and ``cantilena brief``. Knows options and what is printed of a Result."""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena import api
from cantilena.cli.common import Progress, clock, plural, print_json, warn
from cantilena.cli.prompts import Prompt, file_names, read_prompts
from cantilena.errors import InputError
from cantilena.files import check_folder, read_bytes
from cantilena.names import check_name
from cantilena.render.formats import checked_formats
from cantilena.result import Result, row_dict

if TYPE_CHECKING:
    from cantilena.systems.note.composer import Composer, Request
    from cantilena.text.report import Row
    from cantilena.text.wishes import Brief

TOGETHER = 16  # pieces composed abreast, then saved: so much is lost at most when it is stopped
MAX_REPLAY = 64 * 10**6


@dataclass(frozen=True)
class _Job:
    """One piece to compose: the name of its files, and the request."""

    name: str
    request: Request


def compose(args: argparse.Namespace) -> int:
    """Composes, saves and reports. Everything that was asked is checked before a model is loaded
    and before anything is written."""
    formats = checked_formats(args.formats)
    folder = check_folder(args.output)
    if args.replay is not None:
        jobs, made_by = _replay(args)
    else:
        jobs, made_by = _jobs(args), None
    composer = api.load(args.checkpoint)
    if made_by is not None and args.replay is not None:
        _check_same(composer, made_by, args.replay)
    told: list[dict[str, Any]] = []
    quiet = args.quiet or args.json
    for job, result, files in _made(jobs, composer, folder, formats, args):
        told.append(_outcome(job.name, result, files))
        if not quiet:
            if len(told) > 1:
                print()
            _print_report(job.name, result, files)
    if args.json:
        print_json({"checkpoint": composer.name, "pieces": told})
    return 0


def _made(
    jobs: Sequence[_Job],
    composer: Composer,
    folder: Path,
    formats: Sequence[str],
    args: argparse.Namespace,
) -> Iterator[tuple[_Job, Result, dict[str, Path]]]:
    """Composes the jobs, some abreast, and saves each."""
    with Progress(args.quiet) as progress:
        for start in range(0, len(jobs), TOGETHER):
            group = jobs[start : start + TOGETHER]
            of = f" {start + 1}-{start + len(group)} of {len(jobs)}" if len(jobs) > 1 else ""

            def composing(share: float, at: int = start, n: int = len(group), of: str = of) -> None:
                progress(at + share * n, len(jobs), f"composing{of}")

            results = composer.compose([job.request for job in group], progress=composing)
            for i, (job, result) in enumerate(zip(group, results, strict=True)):
                progress(start + i, len(jobs), f"writing {job.name}")
                files = result.save(folder, formats, job.name, args.engine, args.soundfont)
                progress.clear()
                yield job, result, files


# ---------------------------------------------------------------------------- what is asked


def _jobs(args: argparse.Namespace) -> list[_Job]:
    from cantilena.systems.note.composer import Request

    n = 1 if args.n is None else args.n
    seed = 0 if args.seed is None else args.seed
    api.check_seeds(seed, n)
    sampling = api.make_sampling(**{name: getattr(args, name) for name in api.SAMPLING})
    before = api.read_continued(args.continues)
    prompts = _prompts(args)
    jobs: list[_Job] = []
    for prompt, names in zip(prompts, file_names(prompts, n), strict=True):
        brief = _brief_of(prompt, args)
        first = seed if prompt.seed is None or args.seed is not None else prompt.seed
        try:
            seeds = api.check_seeds(first, n)
        except InputError as error:
            raise InputError(f"{prompt.where}{error}") from None
        jobs += [
            _Job(name, Request(brief, s, sampling, before))
            for name, s in zip(names, seeds, strict=True)
        ]
    return jobs


def _prompts(args: argparse.Namespace) -> list[Prompt]:
    """The prompts of the command line: its words, or those of a file."""
    text = " ".join(args.text)
    if args.prompts is None and text.strip() == "-":
        return read_prompts("-")
    if args.prompts is None:
        continues = getattr(args, "continues", None)
        if not text.strip() and continues:
            return [Prompt("", check_name(f"{Path(continues).stem}-continued"))]
        return [Prompt(text)]
    if text:
        raise InputError("both a text and --prompts are given; give one of them")
    return read_prompts(args.prompts)


def _brief_of(prompt: Prompt, args: argparse.Namespace) -> Brief:
    """The Brief of a prompt; options of the command line stand above its own, and these above its
    text."""
    given = {name: getattr(args, name) for name in api.WISHES if getattr(args, name) is not None}
    options = {**prompt.options, **given}
    for one, other in (("bars", "seconds"), ("seconds", "bars")):
        if one in given and other not in given:
            options.pop(other, None)
    try:
        return api.make_brief(prompt.text, bool(getattr(args, "continues", None)), **options)
    except InputError as error:
        if not prompt.where:
            raise
        raise InputError(f"{prompt.where}{error}") from error


def brief(args: argparse.Namespace) -> int:
    """Prints a text's Brief as JSON: one object, or one a line for many prompts."""
    prompts = _prompts(args)
    found = [_brief_of(prompt, args) for prompt in prompts]
    if args.prompts is None and len(found) == 1 and not prompts[0].where:
        print_json(found[0].to_dict())
        return 0
    for prompt, one in zip(prompts, found, strict=True):
        mark = {} if prompt.id is None else {"id": prompt.id}
        print_json({**mark, **one.to_dict()}, indent=None)
    return 0


# ---------------------------------------------------------------------------- replay


def _replay(args: argparse.Namespace) -> tuple[list[_Job], dict[str, Any]]:
    """The job that a piece's JSON file tells of, and the checkpoint that made it."""
    from cantilena.systems.note.composer import Request

    others = (*api.WISHES, *api.SAMPLING, "seed", "n", "continues", "prompts")
    given = [name for name in others if getattr(args, name) is not None]
    if args.text or given:
        what = "the text"
        if given:
            what = "--" + {"continues": "continue"}.get(given[0], given[0]).replace("_", "-")
        raise InputError(f"--replay makes a piece again as it was; leave out {what}")
    path = Path(args.replay)
    data = read_bytes(path, MAX_REPLAY, "the JSON file beside a piece")
    try:
        told = json.loads(data)
        request = Request.from_dict(told["request"])
        made_by = dict(told["checkpoint"])
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{str(path)!r} is not the JSON file that 'cantilena compose' writes beside a piece"
        ) from None
    return [_Job(check_name(path.stem), request)], made_by


def _check_same(composer: Composer, made_by: dict[str, Any], path: str) -> None:
    """Raises InputError where another checkpoint made the piece: the notes would differ."""
    there, here = made_by.get("sha256"), composer.hash
    if there and here and there != here:
        raise InputError(
            f"{path!r} was composed by the checkpoint {made_by.get('name')!r} ({there[:12]}), not "
            f"by {composer.name!r} ({here[:12]}); name its folder with --checkpoint"
        )
    if not there or not here:
        warn(f"{path}: which checkpoint made it is not known; the notes may differ")


# ---------------------------------------------------------------------------- what is told


def _outcome(name: str, result: Result, files: dict[str, Path]) -> dict[str, Any]:
    """What ``--json`` says of a piece."""
    score = result.score
    return {
        "name": name,
        "text": result.brief.text,
        "seed": result.seed,
        "files": {form: str(path) for form, path in files.items()},
        "notes": len(score),
        "bars": score.n_bars,
        "seconds": round(float(score.seconds(score.end)), 3),
        "report": [row_dict(row) for row in result.rows],
        "unplaced": list(result.brief.unplaced),
        "caption": result.caption,
    }


def _print_report(name: str, result: Result, files: dict[str, Path]) -> None:
    score = result.score
    length = clock(float(score.seconds(score.end)))
    print(
        f"{name}: {plural(score.n_bars, 'bar')}, {length}, {plural(len(score), 'note')}, "
        f"seed {result.seed}"
    )
    for line in report_lines(result.rows, shutil.get_terminal_size((100, 24)).columns):
        print(line)
    if result.brief.unplaced:
        print(f"  not understood: {', '.join(result.brief.unplaced)}")
    for path in files.values():
        print(f"  {path}")


def report_lines(rows: Sequence[Row], columns: int = 100) -> list[str]:
    """The report as a table that is no wider than a terminal: long cells go on below; [] without
    rows."""
    if not rows:
        return []
    met = {True: "yes", False: "no", None: "-"}
    cells = [("wish", "asked", "achieved", "met")]
    cells += [(r.wish, r.asked, r.achieved, met[r.met]) for r in rows]
    first = max(len(row[0]) for row in cells)
    most = max(16, (columns - first - 11) // 2)
    wide = [first, *(min(most, max(len(row[i]) for row in cells)) for i in (1, 2)), 3]
    lines: list[str] = []
    for row in cells:
        folded = [textwrap.wrap(c, w) or [""] for c, w in zip(row, wide, strict=True)]
        for parts in zip_longest(*folded, fillvalue=""):
            line = "  ".join(part.ljust(w) for part, w in zip(parts, wide, strict=True))
            lines.append(f"  {line}".rstrip())
    return lines
