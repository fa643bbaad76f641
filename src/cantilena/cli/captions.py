"""``cantilena caption`` and ``evaluate captions``: pseudo-captions of music, and their check.

Knows options and what is printed; the texts are ``text.caption.pseudo``'s. Light to import.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from cantilena.cli.common import Progress, print_json, warn
from cantilena.errors import InputError

OURS = "captioner"


def caption_arguments(parser: Any, whole: Callable[[str], int]) -> None:
    """The options of ``caption``."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="MIDI files")
    _writing_arguments(parser, whole)


def _writing_arguments(parser: Any, whole: Callable[[str], int]) -> None:
    parser.add_argument(
        "--task",
        action="append",
        metavar="NAME",
        help="which text: writing, summary, paraphrase, attributes; may be given again (all)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="a local instruct model that writes, a folder, a hub name or smollm2 (our captioner)",
    )
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of the texts (0)")
    parser.add_argument("--device", metavar="NAME", help="a torch device, for --model")


def caption(args: argparse.Namespace) -> int:
    """Prints captions of MIDI files, checked against what is measured of them; 2 where some cannot
    be read."""
    from cantilena.analysis import describe
    from cantilena.score.midi import read_midi
    from cantilena.text.caption.pseudo import TASKS, pseudo_captions
    from cantilena.text.facts import Facts

    facts: dict[str, Facts] = {}
    for file in args.files:
        try:
            score = read_midi(file)
            if not len(score):
                raise InputError(f"{file!r} has no notes to say anything of")
            facts[file] = Facts.of(describe(score))
        except InputError as error:
            warn(str(error))
    writer = _writer(args)
    rows: list[dict[str, Any]] = []
    for task in args.task or TASKS:
        texts = pseudo_captions(list(facts.values()), task, args.seed, writer)
        for file, text in zip(facts, texts, strict=True):
            row = {"file": file, "task": task, "text": text.text, "draft": text.draft}
            rows.append(
                {**row, "invented": list(text.invented), "attributes": list(text.attributes)}
            )
    if args.json:
        print_json(rows)
    else:
        for row in rows:
            print(f"{row['file']}  {row['task']}: {row['text']}")
            if row["invented"]:
                print(f"    left out, as it was not measured: {', '.join(row['invented'])}")
    return 0 if len(facts) == len(args.files) else 2


def _writer(args: argparse.Namespace) -> Any:
    if not args.model or args.model == OURS:
        return None
    from cantilena.models.instruct import Instruct

    return Instruct(args.model, args.device, args.seed)


def evaluation_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate captions``."""
    parser.add_argument("--data", required=True, metavar="DIR", help="a data set of clips of MIDI")
    parser.add_argument("--split", default="test", help="train, valid or test (test)")
    parser.add_argument("--n", type=int, default=30, metavar="N", help="clips (30)")
    _writing_arguments(parser, int)
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="evaluation", help="table and texts (evaluation)"
    )


def evaluation(args: argparse.Namespace) -> tuple[Any, str]:
    """Measures our captioner and, where one is named, a model; the figures and their table."""
    from cantilena.data.audio.reader import AudioData
    from cantilena.evaluate.captions import evaluate_captions
    from cantilena.files import check_folder
    from cantilena.text.caption.pseudo import TASKS, Writer

    if args.n < 1:
        raise InputError(f"--n must be 1 or more, not {args.n}")
    folder = check_folder(args.output)
    data = AudioData(args.data, args.split, stems=False, warn=warn)
    writers: dict[str, Writer | None] = {OURS: None}
    if (writer := _writer(args)) is not None:
        writers[args.model] = writer
    with Progress(args.quiet) as progress:
        return evaluate_captions(
            data,
            writers,
            args.task or TASKS,
            folder,
            args.n,
            args.seed,
            progress.share("writing"),
        )
