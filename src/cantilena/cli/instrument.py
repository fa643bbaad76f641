"""``cantilena instrument``, and the instruments of ``cantilena render --instrument``.

Knows options and what is printed; instruments are made by ``systems.instruments``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cantilena.cli.common import Progress, print_json, warn
from cantilena.errors import InputError
from cantilena.files import check_folder

RATE = 44_100
"""Hz of what is rendered."""

if TYPE_CHECKING:
    from cantilena.render.kit.sampler import Sampler
    from cantilena.score.score import Score


def instrument_arguments(parser: argparse.ArgumentParser, whole: Callable[[str], int]) -> None:
    """The options of ``cantilena instrument``."""
    parser.add_argument(
        "text", metavar="TEXT", help="what it sounds like, as 'soft mallet, wooden'"
    )
    parser.add_argument("-o", "--output", metavar="DIR", default="kit", help="its folder (kit)")
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="another number (0)")
    parser.add_argument(
        "--checkpoint", metavar="DIR", help="a model of notes that writes it (code-notes, uniaudio)"
    )
    parser.add_argument("--codec", metavar="DIR", help="what sounds that model's codes")
    parser.add_argument(
        "--replace", action="store_true", help="in the place of another instrument there"
    )


def instrument(args: argparse.Namespace) -> int:
    """Makes an instrument and says what it became."""
    from cantilena.systems.instruments import make_instrument

    folder = check_folder(args.output)
    with Progress(args.quiet) as progress:
        progress(0, 1, "sampling")
        kit = make_instrument(
            args.text,
            folder,
            args.seed,
            args.checkpoint,
            args.codec,
            args.replace,
            lambda share: progress(share, 1, "sampling"),
        )
    if kit.timbre.unused:
        warn(f"nothing was made of: {', '.join(kit.timbre.unused)}")
    if args.json:
        print_json({"file": str(kit.path), **kit.report})
    elif not args.quiet:
        _print_kit(kit.report)
        print(kit.path)
    return 0


def _print_kit(report: dict[str, Any]) -> None:
    rows = report["samples"]
    print(f"{report['instrument']}, {report['made_by']}")
    for name, value in report.get("shape", {}).items():
        print(f"  {name:<14}{value:g}")
    worst = max(abs(row["cents_off"]) for row in rows)
    again = sum(row["origin"] != "made" for row in rows)
    more = f", {again} of them made again or of a neighbour" if again else ""
    print(
        f"  {len(rows)} samples at {report['rate']:,} Hz, within {worst} cents of their keys{more}"
    )


# ------------------------------------------------------------------ render --instrument


def read_kits(asked: Sequence[str] | None) -> list[tuple[str, Sampler]]:
    """(part or "", instrument) of each ``--instrument``, as "KIT" or "PART=KIT". Raises InputError
    for one that cannot be used."""
    from pathlib import Path

    from cantilena.render.kit.sampler import Sampler

    out = []
    for text in asked or ():
        part, equals, place = text.partition("=")
        if not equals or Path(text).exists():
            part, place = "", text
        out.append((part.strip(), Sampler(place)))
    return out


def kits_of(score: Score, kits: Sequence[tuple[str, Sampler]]) -> dict[int, Sampler]:
    """Which tracks (from 0) are played by which instrument; one that is named stands above those
    for all. Raises InputError for a part that is not there, and for drums alone."""
    from cantilena.systems.tracks import select_tracks

    pitched = [i for i, track in enumerate(score.tracks) if not track.is_drum]
    out: dict[int, Sampler] = {}
    for part, kit in sorted(kits, key=lambda pair: bool(pair[0])):
        tracks = select_tracks(score, part) if part else pitched
        out |= dict.fromkeys(tracks, kit)
    if not out:
        raise InputError("the piece has only drums, which an instrument of keys cannot play")
    return {track: kit for track, kit in out.items() if (score.track == track).any()}


def sound_by(
    score: Score, kits: dict[int, Sampler], engine: str, soundfont: str | None
) -> dict[str, bytes]:
    """The WAV file of a piece some of whose tracks are played by instruments, by its format;
    nothing where none is. Raises as ``render.kit.sounding.with_kits``."""
    if not kits:
        return {}
    from cantilena.audio.wav import wav_bytes
    from cantilena.render.kit.sounding import with_kits

    return {"wav": wav_bytes(with_kits(score, kits, RATE, engine, soundfont), RATE)}
