"""Options that change a piece that is there, as several commands have them.

Knows options; what can be changed is each system's to say. Light to import, as the parser asks it
for its options.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cantilena.errors import InputError

if TYPE_CHECKING:
    from cantilena.audio.audio import Audio
    from cantilena.systems.request import Edit

MOST_SECONDS = 120
"""Of a recording that is changed or gone on from: all of it is in memory, and encoded whole."""

GO_ON = ("latent", "uniaudio")
"""The systems that go on from a recording, or make a stretch of one anew."""
_AS_WRITTEN = 32768 / 32767
"""From the full scale of files that are read to that of those we write, so that 16-bit samples that
are kept are written as they were."""


def editing_arguments(parser: Any) -> None:
    """The options that stand beside a piece's file."""
    parser.add_argument(
        "--between", nargs=2, type=float, metavar="S", help="write it anew between two seconds"
    )
    parser.add_argument(
        "--keep", metavar="LIST", help="keep these instruments and write the others to them"
    )
    parser.add_argument(
        "--since", type=float, metavar="S", help="keep the others too, up to this second (0)"
    )


def edit_of(args: argparse.Namespace, source: str | None, option: str) -> Edit | None:
    """The Edit that ``--between``, ``--keep`` and ``--since`` ask of the MIDI file ``source``
    (of ``option``); without them it goes on. None without a file. Raises InputError."""
    from cantilena.options import make_brief, read_continued
    from cantilena.systems.request import Edit

    if source is None:
        for name in ("between", "keep", "since"):
            if getattr(args, name) is not None:
                raise InputError(
                    f"--{name} is of a file that is there already; name it by {option}"
                )
        return None
    lengths = (args.seconds, getattr(args, "bars", None))  # only compose has --bars
    if args.between is not None and any(
        value is not None for value in (args.keep, args.since, *lengths)
    ):
        raise InputError("--between stands alone: without --keep, --since, --seconds and --bars")
    if args.keep is not None and any(value is not None for value in lengths):
        raise InputError(
            "what accompanies parts is as long as they are; leave --seconds and --bars out"
        )
    if args.since is not None and args.keep is None:
        raise InputError("--since goes with --keep")
    score = read_continued(source)
    assert score is not None
    if args.between is not None:
        return Edit.between(score, *args.between)
    if args.keep is not None:
        instruments = make_brief("", True, instruments=args.keep).instruments
        programs = [p for i in instruments for p in i.programs]
        return Edit.accompanying(score, programs, args.since or 0.0)
    return Edit.going_on(score)


def recording_of(args: argparse.Namespace, system: str) -> tuple[Audio | None, dict[str, float]]:
    """The recording that ``--continue`` names, where it names one, and the options of a ``system``
    that say which seconds of it are new (``--between``; without, what comes next). Raises
    InputError, MissingExtraError."""
    from cantilena.audio.audio import Audio
    from cantilena.audio.recording import is_recording, open_recording

    path = args.continues
    if path is None or not is_recording(path):
        return None, {}
    if system not in GO_ON:
        raise InputError(
            f"the system {system!r} does not go on from a recording; {' and '.join(GO_ON)} can"
        )
    for name in ("keep", "since"):
        if getattr(args, name) is not None:
            raise InputError(f"--{name} is of a MIDI file; {path} is a recording")
    if args.between is not None and (args.seconds or args.bars):
        raise InputError("--between stands alone: without --seconds and --bars")
    with open_recording(path) as recording:
        if recording.length > MOST_SECONDS * recording.rate:
            raise InputError(
                f"{path} lasts {recording.length / recording.rate:.0f} s; a recording of at most "
                f"{MOST_SECONDS} s can be changed"
            )
        if not recording.length:
            raise InputError(f"{path} has no samples: there is nothing to go on from")
        audio = Audio(recording.read(0, recording.length).T * _AS_WRITTEN, recording.rate)
    if args.between is None:
        return audio, {}
    start, stop = args.between
    return audio, {"start": start, "stop": stop}
