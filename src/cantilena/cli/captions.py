"""``cantilena caption`` and ``evaluate captions``: pseudo-captions of music, and their check.

Knows options and what is printed; the texts are ``text.caption.pseudo``'s. Light to import.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, print_json, warn
from cantilena.errors import CantilenaError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from cantilena.data.audio.reader import AudioData
    from cantilena.models.audio.joint_plain import PlainJoint
    from cantilena.text.facts import Facts

OURS = "captioner"


def caption_arguments(parser: Any, whole: Callable[[str], int]) -> None:
    """The options of ``caption``."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="MIDI files and recordings")
    _writing_arguments(parser, whole)
    parser.add_argument(
        "--checkpoint", metavar="DIR", help="hear recordings with this joint embedding too"
    )


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
    """Prints captions of MIDI files and recordings, checked against what is measured of them or
    heard in them; 2 where some cannot be read."""
    from cantilena.systems.joint.checkpoint import load_joint
    from cantilena.text.caption.pseudo import TASKS, pseudo_captions

    joint = load_joint(args.checkpoint) if args.checkpoint else None
    writer = _writer(args)
    facts: dict[str, Facts] = {}
    sounds: set[str] = set()
    for file in args.files:
        try:
            facts[file], heard = _facts(file, joint)
        except CantilenaError as error:
            warn(str(error))
            continue
        sounds |= {file} if heard else set()
    rows: list[dict[str, Any]] = []
    for task in args.task or TASKS:
        texts = pseudo_captions(list(facts.values()), task, args.seed, writer)
        for file, text in zip(facts, texts, strict=True):
            row: dict[str, Any] = {"file": file, "task": task}
            row |= {"text": text.text, "draft": text.draft, "invented": list(text.invented)}
            row["attributes"] = list(text.attributes)
            rows.append({**row, "heard": _heard(facts[file]) if file in sounds else None})
    if args.json:
        print_json(rows)
    else:
        _print_captions(rows)
    return 0 if len(facts) == len(args.files) else 2


def _facts(file: str, joint: PlainJoint | None) -> tuple[Facts, bool]:
    """The facts of a file, and whether they are heard. Raises InputError, MissingExtraError."""
    from cantilena.analysis import describe
    from cantilena.audio.recording import is_recording
    from cantilena.score.midi import read_midi
    from cantilena.text.facts import Facts

    if is_recording(file):
        from cantilena.search.tagging import recording_facts

        return recording_facts(file, joint), True
    score = read_midi(file)
    if not len(score):
        raise InputError(f"{file!r} has no notes to say anything of")
    return Facts.of(describe(score)), False


def _heard(facts: Facts) -> dict[str, Any]:
    """What is heard in a recording, as plain data."""
    from cantilena.score import gm

    return {
        "key": None if facts.key is None else facts.key.name,
        "tempo": None if facts.bpm is None else round(facts.bpm, 1),
        "instruments": [gm.name(i) for i in facts.instruments],
        "seconds": facts.seconds,
    }


def _print_captions(rows: Sequence[dict[str, Any]]) -> None:
    """A line for each text; where facts are heard, how often they are right."""
    for row in rows:
        print(f"{row['file']}  {row['task']}: {row['text']}")
        if row["invented"]:
            print(f"    left out, as it was not measured: {', '.join(row['invented'])}")
    if any(row["heard"] for row in rows):
        from cantilena.analysis.audio import accuracy

        share = accuracy()
        tempo, key = (round(100 * share[name]) for name in ("tempo", "key"))
        print(
            f"heard, not read: of {share['pieces']} {share['of']} the tempo is right for {tempo} % "
            f"and the key for {key} %; who plays is right less often"
        )


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
    parser.add_argument(
        "--heard",
        action="store_true",
        help="instead, how often what is heard in the clips' sound is right",
    )
    parser.add_argument(
        "--checkpoint", metavar="DIR", help="with --heard: a joint embedding that hears too"
    )
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
    if args.checkpoint and not args.heard:
        raise InputError("--checkpoint goes with --heard: captions of MIDI hear nothing")
    if args.heard:
        return _heard_evaluation(args, data, folder)
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


def _heard_evaluation(args: argparse.Namespace, data: AudioData, folder: Path) -> tuple[Any, str]:
    from cantilena.evaluate.heard_facts import evaluate_heard
    from cantilena.systems.joint.checkpoint import load_joint

    if args.model or args.task:
        raise InputError("--heard measures facts, not texts: leave --task and --model out")
    joint = load_joint(args.checkpoint) if args.checkpoint else None
    with Progress(args.quiet) as progress:
        return evaluate_heard(data, folder, args.n, joint, progress.share("listening"))
