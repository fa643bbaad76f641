"""``cantilena tokens``: a MIDI file as the integers of a scheme, and such integers as a MIDI file.

Knows options and JSON; the encodings themselves are in ``cantilena.tokens``.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from cantilena.errors import InputError

MAX_JSON = 200_000_000  # bytes of a file of tokens
SCHEME_NAMES = ("arrival", "note", "frames", "remi", "symphony")
"""Spelled out, so that help need not import the schemes."""

_TEXT = """\
prints one JSON list. arrival: whole numbers, three to a note (arrival time in 10 ms from the
start, 10000 + duration, 11000 + 128 x instrument + pitch; instrument 128 is drums), as the
Anticipatory Music Transformer reads them. note: a list of five numbers for each step. symphony: a
list of four for each row, as SymphonyNet reads them. remi, frames: words, as MuseCoco and function
alignment read them.

examples:
  cantilena tokens song.mid
  cantilena tokens song.mid --controls 0 > piano-as-control.json
  cantilena tokens --decode song.json -o again.mid --tempo 96
"""


def tokens_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.epilog = _TEXT
    parser.add_argument("file", nargs="?", metavar="FILE", help="a MIDI file to encode")
    parser.add_argument("--scheme", choices=SCHEME_NAMES, default="arrival", help="(arrival)")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to write to, instead of standard output"
    )
    encode = parser.add_argument_group("encoding by the arrival scheme")
    encode.add_argument(
        "--padded", action="store_true", help="with a REST wherever a second passes without onset"
    )
    encode.add_argument(
        "--controls",
        metavar="LIST",
        help="these instruments as controls, 5 s ahead, as '0,128'; the rest padded",
    )
    decode = parser.add_argument_group("decoding")
    decode.add_argument("--decode", metavar="FILE", help="a file of tokens; -o names the MIDI file")
    decode.add_argument("--tempo", type=float, metavar="BPM", help="the piece's true tempo (120)")
    decode.add_argument(
        "--reference",
        action="store_true",
        help="write the bytes that the published implementation of the arrival scheme writes",
    )


def tokens(args: argparse.Namespace) -> int:
    """Encodes or decodes one file."""
    if (args.file is None) == (args.decode is None):
        raise InputError("give a MIDI file to encode, or --decode with a file of tokens")
    if args.scheme != "arrival" and (args.padded or args.controls or args.reference):
        raise InputError("--padded, --controls and --reference are for the arrival scheme alone")
    if args.decode is None:
        if args.tempo is not None or args.reference:
            raise InputError("--tempo and --reference are for --decode alone")
        return _encode(args)
    if args.padded or args.controls:
        raise InputError("--padded and --controls are for encoding alone")
    return _decode(args)


def _encode(args: argparse.Namespace) -> int:
    from cantilena.files import write_bytes

    tokens = _arrival(args) if args.scheme == "arrival" else _steps(args.file, args.scheme)
    text = json.dumps(tokens)
    if args.output is None:
        print(text)
    else:
        write_bytes(args.output, (text + "\n").encode())
    return 0


def _arrival(args: argparse.Namespace) -> list[int]:
    from cantilena.tokens import arrival

    events = arrival.events_of(args.file)
    if args.controls:
        try:
            chosen = [int(word) for word in args.controls.replace(",", " ").split()]
        except ValueError:
            raise InputError(
                f"--controls takes instrument numbers, as '0,128', not {args.controls!r}"
            ) from None
        rest, controls = arrival.extract_instruments(events, chosen)
        end = int(events[::3].max(initial=0))
        both, left = arrival.anticipate(arrival.pad(rest, end), controls)
        return [*both.tolist(), *left.tolist()]
    return (arrival.pad(events) if args.padded else events).tolist()


def _steps(file: str, scheme: str) -> list[Any]:
    """A list of each step's numbers, or of numbers where a step has one."""
    from cantilena.score.midi import read_midi
    from cantilena.tokens import SCHEMES

    steps = SCHEMES[scheme]().encode(read_midi(file))[0]
    return (steps[:, 0] if steps.shape[1] == 1 else steps).tolist()


def _decode(args: argparse.Namespace) -> int:
    from cantilena.files import write_bytes
    from cantilena.score.midi import write_midi

    if args.output is None:
        raise InputError("say where the MIDI file goes, as -o song.mid")
    if args.tempo is not None and not 1 <= args.tempo <= 10_000:
        raise InputError(f"a tempo of {args.tempo:g} bpm is out of reason; 1 to 10,000 will do")
    if args.tempo is not None and args.reference:
        raise InputError("the reference's file has no tempo; leave --tempo or --reference out")
    tokens = _read(args.decode)
    if args.scheme != "arrival":
        data = write_midi(_of_steps(tokens, args.scheme, args.tempo))
    else:
        from cantilena.tokens import arrival

        if args.reference:
            data = arrival.reference_midi(tokens)
        else:
            data = write_midi(arrival.to_score(tokens, args.tempo))
    write_bytes(args.output, data)
    print(args.output)
    return 0


def _read(path: str) -> list[Any]:
    from cantilena.files import read_bytes

    data = read_bytes(path, MAX_JSON, "a file of tokens")
    if len(data) > MAX_JSON:
        raise InputError(f"{path}: more than {MAX_JSON // 10**6} MB of tokens")
    try:
        tokens = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(tokens, list):
        raise InputError(f"{path} must hold one JSON list, not {type(tokens).__name__}")
    return tokens


def _of_steps(tokens: list[Any], scheme: str, tempo: float | None) -> Any:
    import numpy as np

    from cantilena.tokens import SCHEMES, note, symphony

    headers: dict[str, Any] = {"note": note.Header, "symphony": symphony.Header}
    kind = SCHEMES[scheme]()
    fields = len(kind.sizes)
    what = f"lists of {fields}" if fields > 1 else "a list of"
    try:
        steps = np.asarray(tokens)
    except (ValueError, OverflowError) as error:
        raise InputError(f"steps of {scheme} must be {what} whole numbers") from error
    if steps.size and steps.dtype.kind not in "iu":
        raise InputError(f"steps of {scheme} must be {what} whole numbers")
    if scheme not in headers:
        if tempo is not None:
            raise InputError(f"--tempo is not for the scheme {scheme!r}")
        return kind.decode(steps[:, None] if steps.ndim == 1 else steps, None)
    microseconds = 500_000 if tempo is None else round(60e6 / tempo)
    return kind.decode(steps, headers[scheme](tempos=((0, microseconds),)))
