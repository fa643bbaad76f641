"""The command line: parses, calls, prints. Knows options and exit codes; composes nothing itself.

Exit codes: 0 done; 1 failed; 2 the input cannot be used (one line on standard error says why);
129 stopped by SIGHUP, 130 by Ctrl-C, 143 by SIGTERM. Each command lives in a module of this package
that is imported when it is called, so that help and errors come at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from cantilena.cli.added import ADDING, added_arguments, chords_arguments
from cantilena.cli.arguments import (
    brief_arguments,
    compose_arguments,
    count,
    data_commands,
    describe_arguments,
    evaluate_commands,
    number,
    output_arguments,
    render_arguments,
    run_arguments,
    sound_arguments,
    train_arguments,
    whole,
)
from cantilena.cli.captions import caption_arguments
from cantilena.cli.codec import codec_arguments
from cantilena.cli.finetune import finetune_arguments, init_arguments
from cantilena.cli.generate import generate_arguments
from cantilena.cli.instrument import instrument_arguments
from cantilena.cli.models import models_arguments
from cantilena.cli.plot import plot_arguments
from cantilena.cli.process import flush_streams, open_streams, say, signal_code, stoppable
from cantilena.cli.rewrite import rewrite_arguments
from cantilena.cli.search import search_arguments
from cantilena.cli.tokens import tokens_arguments
from cantilena.cli.transcribe import transcribe_arguments
from cantilena.errors import CantilenaError, InputError, MissingExtraError, Notice
from cantilena.version import __version__

DEBUG_VARIABLE = "CANTILENA_DEBUG"

_EXAMPLES = """\
examples:
  cantilena compose "a slow sad waltz for string quartet in D minor"
  cantilena compose "bossa nova, 130 bpm" --instruments "nylon guitar, bass, drums" --n 4 -o out
  cantilena compose "pop for piano and bass" --form "intro 4, verse 8, chorus 8, outro 4 (piano)"
  cantilena compose --prompts prompts.jsonl -o out --formats mid,json
  cantilena compose --replay out/a-slow-sad-waltz.json -o again
  cantilena rewrite song.mid --bars 9-16 --tracks lead "more syncopated, higher"
  cantilena harmonise melody.mid "bossa nova"
  cantilena accompany song.mid --with bass,drums
  cantilena describe song.mid
  cantilena render song.mid --formats wav,png
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; prints errors, raises nothing but SystemExit
    after ``--help`` and ``--version``."""
    open_streams()
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
    except SystemExit:
        lost = flush_streams()
        if lost is None:
            raise
        raise SystemExit(_print_lost(lost)) from None
    lost = flush_streams()
    return code if lost is None else code or _print_lost(lost)


def _run(argv: Sequence[str]) -> int:
    """Runs one command; its exit code. Prints errors."""
    try:
        with warnings.catch_warnings(), stoppable():
            warnings.showwarning = partial(_noticed, warnings.showwarning)
            args = parser(argv[0] if argv else "").parse_args(argv)
            home, _, name = args.run.partition(":")
            return getattr(import_module(f"cantilena.{home}"), name)(args)
    except KeyboardInterrupt as stop:
        say("\ncantilena: stopped")
        return signal_code(stop)
    except Exception as error:
        if isinstance(error, OSError):
            lost = flush_streams()
            if isinstance(error, BrokenPipeError) or (lost and lost.errno == error.errno):
                return _print_lost(error)  # it came of printing
        if os.environ.get(DEBUG_VARIABLE):
            raise
        return _print_error(_of_extra(error))


def _of_extra(error: Exception) -> Exception:
    """What says which extra to install, where a command needs a package that is not installed."""
    from cantilena.systems import EXTRAS

    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS["audio"]:
        return MissingExtraError(error.name, "audio", "this command")
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS["hf"]:
        return MissingExtraError(error.name, "hf", "this command")
    return error


def _noticed(others: Callable[..., None], message: Any, category: Any, *where: Any, **more: Any):
    """Prints a Notice in one line; other warnings go their way."""
    if isinstance(category, type) and issubclass(category, Notice):
        say(f"cantilena: note: {message}")
    else:
        others(message, category, *where, **more)


def _print_error(error: Exception) -> int:
    """Prints an error in one line; its exit code."""
    if isinstance(error, CantilenaError):
        message = str(error)
    elif isinstance(error, MemoryError):
        message = "there is not enough memory for this"
    elif isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        message = (
            f"internal error: {type(error).__name__}: {error} "
            f"(set {DEBUG_VARIABLE}=1 to see where, and please report it)"
        )
    say(f"cantilena: {' '.join(message.split())}")
    return 2 if isinstance(error, InputError) else 1


def _print_lost(error: OSError) -> int:
    """Says that standard output could not be written, unless its reader has gone, as with
    "| head"; the exit code."""
    if not isinstance(error, BrokenPipeError):
        say(f"cantilena: standard output cannot be written: {error.strerror}")
    return 1


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are InputErrors: one line and exit code 2. ``intermixed``:
    options may stand between its positional arguments."""

    intermixed = False

    def __init__(self, **settings: Any):
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if not self.intermixed:
            return super().parse_known_args(args, namespace)
        self.intermixed = False  # what follows asks this method for each of its two passes
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.intermixed = True

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see '{self.prog} --help'")


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line's parser. ``only``: the command that it is for; options that take
    long to put together are then left out of the others."""
    top = _Parser(
        prog="cantilena",
        description="Turns a sentence into music a musician can edit: MIDI, audio, score, picture.",
        epilog=_EXAMPLES,
    )
    top.add_argument("--version", action="version", version=f"cantilena {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, run: str, text: str) -> _Parser:
        parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        parser.set_defaults(run=run)
        return parser

    compose_arguments(command("compose", "cli.compose:compose", "compose what a text asks for"))
    rewriting = command("rewrite", "cli.rewrite:rewrite", "write bars or parts of a MIDI file anew")
    rewriting.intermixed = True  # "rewrite FILE --bars 9-16 TEXT"
    rewrite_arguments(rewriting, whole, number)
    sound_arguments(rewriting)
    output_arguments(rewriting, quiet=True)
    for name, text in ADDING.items():
        adding = command(name, "cli.added:add", text)
        adding.intermixed = True
        added_arguments(adding, name, whole, number)
        sound_arguments(adding)
        output_arguments(adding, quiet=True)
    recognising = command(
        "chords", "cli.added:chords", "print the chords of a MIDI file or of sound"
    )
    chords_arguments(recognising)
    output_arguments(recognising)
    brief_arguments(command("brief", "cli.compose:brief", "show how a text is understood, as JSON"))
    describe_arguments(command("describe", "cli.inspect:describe", "say what a MIDI file is"))
    listening = command("transcribe", "cli.transcribe:transcribe", "write the notes of a recording")
    transcribe_arguments(listening)
    output_arguments(listening, quiet=True)
    captioning = command("caption", "cli.captions:caption", "write captions of MIDI files, checked")
    caption_arguments(captioning, whole)
    output_arguments(captioning)
    searching = command("search", "cli.search:search", "order music files by how they fit a text")
    search_arguments(searching, count)
    output_arguments(searching, quiet=True)
    render_arguments(
        command("render", "cli.inspect:render", "make sound, pictures or a score of a MIDI file")
    )
    sampling = command("instrument", "cli.instrument:instrument", "make a sampled instrument (SFZ)")
    instrument_arguments(sampling, whole)
    output_arguments(sampling, quiet=True)
    tokens_arguments(
        command("tokens", "cli.tokens:tokens", "show a MIDI file as a scheme's tokens")
    )
    for name, text in {
        "codec": "send a recording through a codec and say what is lost",
        "encode": "write a recording's codes",
        "decode": "make sound of a file of codes",
    }.items():
        coding = command(name, f"cli.codec:{name}", text)
        codec_arguments(coding, name, count)
        output_arguments(coding, quiet=True)
    data_commands(commands)
    train_arguments(
        command("train", "cli.train:train", "train a model on a data set, or go on with a run")
    )
    text = "train the systems built on HuggingFace's models"
    finetune = command("finetune", "cli.finetune:finetune", text)
    if only in (None, "finetune"):
        finetune_arguments(finetune, count, number)
    text = "draw the training and held-out losses of runs"
    plot_arguments(command("plot", "cli.plot:plot", text))
    text = "make a small music or text model with random weights, to train"
    init_arguments(command("init", "cli.finetune:init", text), count)
    generate_arguments(
        command(
            "generate",
            "cli.generate:generate",
            "compose many pieces, in any number of sittings",
        )
    )
    run_arguments(
        command("export", "cli.models:export", "make a checkpoint of a run, to compose with")
    )
    models_arguments(command)
    evaluate_commands(commands)
    doctor = command("doctor", "cli.doctor:run", "check the installation, with a short test piece")
    doctor.add_argument("--checkpoint", metavar="DIR", help="check this checkpoint")
    output_arguments(doctor)
    return top
