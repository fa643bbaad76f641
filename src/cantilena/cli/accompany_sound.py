"""``cantilena accompany`` of a recording: a part is written to it as sound.

Knows options; what is written, and how, is in ``systems.musiclm`` and ``systems.uniaudio``.
"""

from __future__ import annotations

import argparse
from typing import Any

from cantilena import api
from cantilena.cli.common import Progress, check_sounding, print_json, warn
from cantilena.cli.naming import (
    failure_code,
    failure_lines,
    names_asked,
    names_of_sources,
    notice_number,
)
from cantilena.errors import CantilenaError, InputError

SUFFIX = "-accompanied"
_PARTS = ("drums", "bass")
"""What the recipes of ``musiclm`` write to a recording, the first where nothing is asked for."""


def accompany_sound(args: argparse.Namespace) -> int:
    """Writes a part to a recording, saves both and reports. Everything that was asked is checked
    before anything is written."""
    from cantilena.cli.report import outcome, print_report
    from cantilena.files import check_folder
    from cantilena.models.checkpoint import system_in
    from cantilena.render.formats import checked_formats
    from cantilena.systems.musiclm.accompanying import read_recording
    from cantilena.systems.request import Request

    for name in ("key", "chords", "candidates", "system", "soundfont"):
        if getattr(args, name) is not None:
            raise InputError(f"--{name} is of MIDI files; a recording's part has no notes")
    check_sounding("audio", args.engine, args.soundfont)
    if args.checkpoint is None:
        raise InputError(
            f"to accompany a recording name a model with --checkpoint; {_training(args.parts)}"
        )
    formats = None if args.formats is None else checked_formats(args.formats)
    folder = check_folder(args.output)
    asked = names_asked(args.name, 1)
    system = "uniaudio" if system_in(args.checkpoint) == "uniaudio" else "musiclm"
    composer: Any = api.load(args.checkpoint, system)
    stem = composer.stem if system == "uniaudio" else composer.music.config.stem
    if not stem:
        raise InputError(
            f"the model in {args.checkpoint!r} accompanies nothing; {_training(args.parts)}"
        )
    if args.parts is not None and args.parts.strip().lower() != stem:
        raise InputError(f"the model in {args.checkpoint!r} writes {stem}, not {args.parts!r}")
    (seed,) = api.check_seeds(0 if args.seed is None else args.seed, 1)
    values = {name: getattr(args, name) for name in ("temperature", "top_p", "guidance")}
    sampling = api.make_sampling(composer.sampling, **values)
    audio = read_recording(args.source)
    brief = api.make_brief(" ".join(args.text), True)
    options = {"alone": True} if args.alone else {}
    if system == "uniaudio":
        options["accompany"] = True
    request = Request(brief, seed, sampling, system=system, options=options, audio=audio)
    with Progress(args.quiet or args.json) as progress:
        share = progress.share("writing")
        (result,) = composer.keeping(folder).compose([request], progress=share)
    name = (asked or names_of_sources([args.source], SUFFIX))[0]
    failures: dict[str, CantilenaError] = {}
    files = result.save(folder, formats, name, replace=False, failures=failures)
    name = notice_number(name, files)
    if args.json:
        print_json(outcome(name, result, files))
    elif not args.quiet:
        print_report(name, result, files)
    for line in failure_lines(failures):
        warn(line)
    return failure_code(failures)


def _training(parts: str | None) -> str:
    """By which command a model comes that writes what is asked for."""
    asked = (parts or "").strip().lower()
    part = asked if asked in _PARTS else _PARTS[0]
    return f"'cantilena train --system musiclm --recipe {part}-for-a-rest' makes one"
