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
from cantilena.cli.audio_data import audio_arguments, debian_arguments, notes_arguments
from cantilena.cli.codec import codec_arguments
from cantilena.cli.common import system_arguments
from cantilena.cli.editing import editing_arguments
from cantilena.cli.evaluate import EVALUATIONS
from cantilena.cli.finetune import finetune_arguments, init_arguments
from cantilena.cli.generate import generate_arguments
from cantilena.cli.models import export_arguments, models_arguments
from cantilena.cli.naming import name_argument, replace_argument
from cantilena.cli.paper import paper_arguments
from cantilena.cli.plot import plot_arguments
from cantilena.cli.process import flush_streams, open_streams, say, signal_code, stoppable
from cantilena.cli.rewrite import rewrite_arguments
from cantilena.cli.tokens import tokens_arguments
from cantilena.cli.weights import weights_arguments
from cantilena.errors import CantilenaError, InputError, Notice
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
        return _print_error(error)


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

    _compose(command("compose", "cli.compose:compose", "compose what a text asks for"))
    rewriting = command("rewrite", "cli.rewrite:rewrite", "write bars or parts of a MIDI file anew")
    rewriting.intermixed = True  # "rewrite FILE --bars 9-16 TEXT"
    rewrite_arguments(rewriting, whole, number)
    _sound(rewriting)
    _output(rewriting, quiet=True)
    for name, text in ADDING.items():
        adding = command(name, "cli.added:add", text)
        adding.intermixed = True
        added_arguments(adding, name, whole, number)
        _sound(adding)
        _output(adding, quiet=True)
    recognising = command(
        "chords", "cli.added:chords", "print the chords of a MIDI file or of sound"
    )
    chords_arguments(recognising)
    _output(recognising)
    _brief(command("brief", "cli.compose:brief", "show how a text is understood, as JSON"))
    _describe(command("describe", "cli.inspect:describe", "say what a MIDI file is"))
    _render(
        command("render", "cli.inspect:render", "make sound, pictures or a score of a MIDI file")
    )
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
        _output(coding, quiet=True)
    _data(commands)
    _train(command("train", "cli.train:train", "train a model on a data set, or go on with a run"))
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
    _export(command("export", "cli.models:export", "make a checkpoint of a run, to compose with"))
    models_arguments(command)
    _evaluate(commands)
    doctor = command("doctor", "cli.doctor:run", "check the installation, with a short test piece")
    doctor.add_argument("--checkpoint", metavar="DIR", help="check this checkpoint")
    _output(doctor)
    return top


def whole(text: str) -> int:
    """A whole number; "60M", "60e6" and "400k" too."""
    units = {"k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
    digits, unit = (text[:-1], units[text[-1].lower()]) if text[-1:].lower() in units else (text, 1)
    try:
        return int(digits) * unit
    except ValueError:
        pass
    try:
        value = float(digits) * unit
        if value == int(value):
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")


def count(text: str) -> int:
    """A whole number from 1."""
    value = whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return value


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def _output(parser: argparse.ArgumentParser, quiet: bool = False) -> None:
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    if quiet:
        parser.add_argument("--quiet", action="store_true", help="print errors only")


def _wishes(parser: argparse.ArgumentParser) -> None:
    """The text, the files of texts, and the options that stand above them."""
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="what to compose; - reads texts from standard input"
    )
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="many texts: lines of text, or of JSON with 'id' and 'text'; - is standard input",
    )
    wishes = parser.add_argument_group("wishes, which stand above the text")
    wishes.add_argument("--bars", type=count, metavar="N", help="length in bars")
    wishes.add_argument("--seconds", metavar="S", help="length in time, as 30 or 1:30")
    wishes.add_argument("--tempo", metavar="BPM", help="quarter notes a minute, or as 'andante'")
    wishes.add_argument("--key", metavar="KEY", help="as 'D minor', 'Bb'")
    wishes.add_argument("--metre", metavar="M", help="as 3/4, 6/8")
    wishes.add_argument(
        "--instruments", metavar="LIST", help="all there are, as 'violin, cello, drums'"
    )
    wishes.add_argument("--exclude", metavar="LIST", help="instruments that must not sound")
    wishes.add_argument("--chords", metavar="LIST", help="as 'Dm7 G7 Cmaj7' or 'ii V I'")
    wishes.add_argument(
        "--form", metavar="LIST", help="as 'intro 4, verse 8, chorus 8' (bars), 'AABA', 'A8 B8 A8'"
    )
    wishes.add_argument("--genres", metavar="LIST", help="as 'jazz, latin'")
    wishes.add_argument("--timing", metavar="HOW", help="quantized, or played as by hand")
    wishes.add_argument("--moods", metavar="LIST", help="as 'sad, calm'")


def _compose(parser: argparse.ArgumentParser) -> None:
    _wishes(parser)
    how = parser.add_argument_group("how")
    how.add_argument("--seed", type=whole, metavar="N", help="another number, another piece (0)")
    how.add_argument("--n", type=count, metavar="N", help="so many pieces, with seeds in a row (1)")
    how.add_argument("--continue", dest="continues", metavar="FILE", help="go on from a MIDI file")
    how.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="sound a MIDI file (musicgen, code-notes)",
    )
    how.add_argument(
        "--replay", metavar="FILE", help="make a piece again from the JSON file beside it"
    )
    how.add_argument(
        "--temperature", type=number, metavar="T", help="sampling temperature; 1: the model's own"
    )
    how.add_argument("--top-p", type=number, metavar="P", help="keep the likeliest, by probability")
    how.add_argument("--top-k", type=whole, metavar="K", help="keep the K likeliest (0: all)")
    how.add_argument("--guidance", type=number, metavar="G", help="pull towards the wishes")
    how.add_argument("--best-of", type=count, metavar="N", help="make N, keep the most obedient")
    how.add_argument(
        "--repetition", type=number, metavar="R", help="penalty on repeating a bar; 0: none"
    )
    system_arguments(how)
    how.add_argument(
        "--codec",
        metavar="DIR",
        help="what sounds codes (musicgen, code-notes): a folder or hub name",
    )
    how.add_argument(
        "--condition", metavar="NAME", help="what leads musicgen's codes: score, or text alone"
    )
    how.add_argument(
        "--option", action="append", metavar="NAME=VALUE", help="an option of the system's own"
    )
    editing = parser.add_argument_group("with --continue, for systems that edit")
    editing_arguments(editing)
    out = parser.add_argument_group("output")
    out.add_argument(
        "-o", "--output", metavar="DIR", default="out", help="folder to write to (out)"
    )
    name_argument(out, "made of the text, or of the file's that is gone on from")
    replace_argument(out)
    out.add_argument(
        "--formats",
        metavar="LIST",
        help="of mid,wav,musicxml,png,svg,json (all but svg)",
    )
    _sound(out)
    _output(parser, quiet=True)


def _sound(parser: Any) -> None:
    parser.add_argument(
        "--engine",
        choices=("auto", "fluidsynth", "synth"),
        default="auto",
        help="what makes the sound: FluidSynth where it is installed, or the built-in synthesizer",
    )
    parser.add_argument("--soundfont", metavar="FILE", help="an .sf2 or .sf3 file for FluidSynth")


def _brief(parser: argparse.ArgumentParser) -> None:
    _wishes(parser)
    parser.add_argument(
        "--explain",
        action="store_true",
        help="which words of the text led to what, which were put aside, and why",
    )
    parser.add_argument(
        "--json", action="store_true", help="as always: the output is JSON; with --explain too"
    )


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="MIDI files")
    _output(parser)


def _render(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="MIDI files")
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="out", help="folder to write to (out)"
    )
    parser.add_argument(
        "--formats",
        metavar="LIST",
        default="wav,png,musicxml",
        help="of wav,png,svg,musicxml (all but svg)",
    )
    name_argument(parser, "the file's own")
    replace_argument(parser)
    _sound(parser)
    _output(parser, quiet=True)


def _data(commands: Any) -> None:
    text = "get corpora, recordings and published weights, and build data sets"
    data = commands.add_parser("data", help=text, description=text[0].upper() + text[1:] + ".")
    jobs = data.add_subparsers(dest="job", metavar="JOB", required=True)
    listing = jobs.add_parser("list", help="show the corpora there are")
    listing.set_defaults(run="cli.train:data_list")
    _output(listing)
    fetch = jobs.add_parser("fetch", help="download corpora, or take them from a file or folder")
    fetch.set_defaults(run="cli.train:data_fetch")
    fetch.add_argument("names", nargs="+", metavar="CORPUS", help="as 'cantilena data list' shows")
    fetch.add_argument("--from", dest="source", metavar="PLACE", help="address, archive or folder")
    fetch.add_argument("--to", default="corpora", metavar="DIR", help="where to put them (corpora)")
    _output(fetch, quiet=True)
    build = jobs.add_parser("build", help="build a data set of corpora; goes on where it stopped")
    build.set_defaults(run="cli.train:data_build")
    build.add_argument(
        "--corpora", default="corpora", metavar="DIR", help="where they are (corpora)"
    )
    build.add_argument("-o", "--output", default="data", metavar="DIR", help="where it goes (data)")
    build.add_argument("--mix", metavar="LIST", help="corpora to take, as 'lakh,pop909'")
    build.add_argument("--workers", type=count, default=1, metavar="N", help="processes (1)")
    build.add_argument("--limit", type=count, metavar="N", help="songs of a corpus and split")
    _output(build, quiet=True)
    paper = jobs.add_parser("paper", help="build the text-to-symbolic paper's data: captioned Lakh")
    paper.set_defaults(run="cli.paper:data_paper")
    paper_arguments(paper, count)
    _output(paper, quiet=True)
    audio = jobs.add_parser("audio", help="make clips of MIDI and recordings to learn sound from")
    audio.set_defaults(run="cli.audio_data:data_audio")
    audio_arguments(audio, count)
    _output(audio, quiet=True)
    notes = jobs.add_parser("notes", help="sound single notes of every instrument to learn from")
    notes.set_defaults(run="cli.audio_data:data_notes")
    notes_arguments(notes, count)
    _output(notes, quiet=True)
    debian = jobs.add_parser("debian", help="get music that Debian's packages carry, or list it")
    debian.set_defaults(run="cli.audio_data:data_debian")
    debian_arguments(debian)
    _output(debian, quiet=True)
    weights = jobs.add_parser("weights", help="get published weights, or list those there are")
    weights.set_defaults(run="cli.weights:data_weights")
    weights_arguments(weights)
    _output(weights, quiet=True)


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--system",
        choices=("note", "aligned", "codec", "codes"),
        default="note",
        help="what is trained (note): adapters on a note model; a codec, or a model of a codec's "
        "codes, of clips of sound",
    )
    parser.add_argument(
        "--data", required=True, metavar="DIR", help="a data set; of clips where sound is learned"
    )
    parser.add_argument(
        "--out", required=True, metavar="RUN", help="the run's folder; one with a run in it goes on"
    )
    parser.add_argument("--corpora", metavar="LIST", help="only these corpora of the data set")
    parser.add_argument("--notes", type=count, metavar="N", help="notes to train on, as 60M")
    parser.add_argument(
        "--minutes", type=number, metavar="M", help="end after so long, if the notes are not spent"
    )
    parser.add_argument("--batch", type=count, metavar="B", help="examples in a step")
    parser.add_argument("--length", type=count, metavar="T", help="notes in an example")
    parser.add_argument("--rate", type=number, metavar="R", help="peak learning rate")
    parser.add_argument("--warmup", type=count, metavar="N", help="notes up to the peak, as 400k")
    parser.add_argument(
        "--decay", type=number, metavar="P", help="share of the notes over which the rate falls"
    )
    parser.add_argument(
        "--seed", type=whole, metavar="N", help="order of examples and first weights"
    )
    parser.add_argument("--from", dest="start", metavar="DIR", help="begin with these weights")
    parser.add_argument(
        "--tune",
        choices=("plan",),
        help="train only what reads the plan of a piece; the model begins with --from",
    )
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=None, help="use torch.compile"
    )
    parser.add_argument(
        "--workers", type=whole, metavar="N", help="processes that make batches, for a GPU (0)"
    )
    parser.add_argument(
        "--valid-every", type=count, metavar="N", help="notes between validations, as 10M"
    )
    parser.add_argument(
        "--task",
        metavar="TASK",
        help="with --system aligned: what is written beside what, as all-to-drums",
    )
    codec = parser.add_argument_group("with --system codec, codes or (but --codec) aligned")
    codec.add_argument("--codec", metavar="CODEC", help="whose codes are modelled, a folder")
    codec.add_argument("--recipe", metavar="NAME", help="as codec-dac (codec-frame, codes-score)")
    codec.add_argument("--steps", type=count, metavar="N", help="updates")
    codec.add_argument(
        "--option",
        action="append",
        metavar="NAME=VALUE",
        help="an option of the training, the codec, its quantizer or the model, as books=4",
    )
    sizes = parser.add_argument_group("sizes of a new note model")
    for name in ("width", "layers", "heads", "hidden", "head-hidden", "context"):
        sizes.add_argument(f"--{name}", type=count, metavar="N")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", help="the run's folder")
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="the checkpoint's folder"
    )
    export_arguments(parser)
    _output(parser)


def _evaluate(commands: Any) -> None:
    text = "measure a model"
    evaluate = commands.add_parser("evaluate", help=text, description=text.capitalize() + ".")
    jobs = evaluate.add_subparsers(dest="job", metavar="WHAT", required=True)
    for name, entry in EVALUATIONS.items():
        parser = jobs.add_parser(name, help=entry.help, description=entry.help.capitalize() + ".")
        entry.arguments(parser)
        parser.set_defaults(run="cli.evaluate:evaluate")
        _output(parser, quiet=True)
