"""``cantilena transcribe``: the notes of a recording, as a MIDI file.

Knows options and what is printed; notes are heard by ``systems.uniaudio``. Light to import.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from cantilena.cli.common import Progress, clock, plural, print_json
from cantilena.cli.naming import free_path
from cantilena.errors import InputError

SUFFIX = "-notes"
_TRAIN = "'cantilena train --system uniaudio' makes one"


def transcribe_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``transcribe``."""
    parser.add_argument("file", metavar="FILE", help="the recording: WAV, FLAC, Ogg or MP3")
    parser.add_argument("--checkpoint", metavar="DIR", help="a model of uniaudio, or its run")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the MIDI file (the recording's name, -notes.mid)"
    )
    parser.add_argument("--device", metavar="NAME", help="a torch device")
    parser.add_argument("--replace", action="store_true", help="replace a file of that name")


def transcribe(args: argparse.Namespace) -> int:
    """Writes the notes of a recording. Everything that was asked is checked before."""
    from cantilena.files import write_bytes
    from cantilena.score.midi import write_midi
    from cantilena.systems.musiclm.accompanying import read_recording
    from cantilena.systems.uniaudio.checkpoint import load_uniaudio
    from cantilena.systems.uniaudio.transcribing import transcribe as heard_score

    if args.checkpoint is None:
        raise InputError(f"name a model that hears notes with --checkpoint; {_TRAIN}")
    path = Path(args.output or f"{Path(args.file).stem}{SUFFIX}.mid")
    if path.suffix.lower() not in (".mid", ".midi"):
        raise InputError(f"notes are written as a MIDI file, not as {str(path)!r}")
    free_path(path, args.replace)
    loaded = load_uniaudio(args.checkpoint, args.device)
    audio = read_recording(args.file)
    with Progress(args.quiet or args.json) as progress:
        score = heard_score(loaded, audio, progress.share("listening"))
    write_bytes(path, write_midi(score))
    parts = Counter(score.tracks[i].name for i in score.track.tolist())
    if args.json:
        print_json(
            {"file": str(path), "notes": len(score), "seconds": audio.seconds, "parts": parts}
        )
    elif not args.quiet:
        print(f"{path}: {plural(len(score), 'note')} in {clock(audio.seconds)}")
        for name, count in parts.most_common():
            print(f"  {name}: {count}")
    return 0
