"""The arguments of those commands that have no module of their own for them, and the kinds of
numbers that arguments are.

Knows names, kinds and help; runs nothing.
"""

from __future__ import annotations

import argparse
from typing import Any

from cantilena.cli.audio_data import (
    audio_arguments,
    debian_arguments,
    notes_arguments,
    sung_arguments,
)
from cantilena.cli.common import system_arguments
from cantilena.cli.editing import editing_arguments
from cantilena.cli.evaluate import EVALUATIONS
from cantilena.cli.models import export_arguments
from cantilena.cli.naming import name_argument, replace_argument
from cantilena.cli.paper import paper_arguments
from cantilena.cli.training import TRAINERS
from cantilena.cli.weights import weights_arguments


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


def output_arguments(parser: argparse.ArgumentParser, quiet: bool = False) -> None:
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    if quiet:
        parser.add_argument("--quiet", action="store_true", help="print errors only")


def wish_arguments(parser: argparse.ArgumentParser) -> None:
    """The text, the files of texts, and the options that stand above them."""
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="what to compose; - reads texts from standard input"
    )
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="many texts: lines of text, or of JSON with 'text' and, where wished, 'id', 'seed' "
        "and 'options' (as {\"bars\": 8}); - is standard input",
    )
    parser.add_argument(
        "--reader",
        metavar="DIR",
        help="a checkpoint of text-to-attributes, which reads the texts instead of the rules",
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


def compose_arguments(parser: argparse.ArgumentParser) -> None:
    wish_arguments(parser)
    how = parser.add_argument_group("how")
    how.add_argument("--seed", type=whole, metavar="N", help="another number, another piece (0)")
    how.add_argument("--n", type=count, metavar="N", help="so many pieces, with seeds in a row (1)")
    how.add_argument(
        "--continue",
        dest="continues",
        metavar="FILE",
        help="go on from a MIDI file, or (latent, uniaudio) a recording",
    )
    how.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="sound a MIDI file (musicgen, code-notes, latent, uniaudio), or write to it (aligned)",
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
    how.add_argument(
        "--best-of",
        type=count,
        metavar="N",
        help="make N, keep the most obedient, of these the most songlike",
    )
    how.add_argument(
        "--repetition", type=number, metavar="R", help="penalty on repeating a bar; 0: none"
    )
    system_arguments(how)
    how.add_argument(
        "--codec",
        metavar="DIR",
        help="what sounds codes (musicgen, code-notes, musiclm): a folder or hub name",
    )
    how.add_argument("--condition", metavar="NAME", help="what leads sound: score, or text alone")
    how.add_argument(
        "--story", metavar="STORY", help="words by second (musiclm), as '0:calm 15:fast drums'"
    )
    how.add_argument(
        "--melody",
        metavar="FILE",
        help="a tune to follow (musicgen, musiclm): a MIDI file, or a recording of one voice",
    )
    how.add_argument(
        "--lyrics",
        metavar="TEXT",
        help="words to sing (karasinger; musiclm with a checkpoint that reads lyrics)",
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
    sound_arguments(out)
    output_arguments(parser, quiet=True)


def sound_arguments(parser: Any) -> None:
    parser.add_argument(
        "--engine",
        choices=("auto", "fluidsynth", "synth"),
        default="auto",
        help="what makes the sound: FluidSynth where it is installed, or the built-in synthesizer",
    )
    parser.add_argument("--soundfont", metavar="FILE", help="an .sf2 or .sf3 file for FluidSynth")


def brief_arguments(parser: argparse.ArgumentParser) -> None:
    wish_arguments(parser)
    parser.add_argument(
        "--explain",
        action="store_true",
        help="which words of the text led to what, which were put aside, and why",
    )
    parser.add_argument(
        "--json", action="store_true", help="as always: the output is JSON; with --explain too"
    )


def describe_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="MIDI files")
    output_arguments(parser)


def render_arguments(parser: argparse.ArgumentParser) -> None:
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
    sound_arguments(parser)
    parser.add_argument(
        "--instrument",
        action="append",
        metavar="[PART=]KIT",
        help="play all pitched parts, or one, by an SFZ instrument, as 'lead=kit/'",
    )
    output_arguments(parser, quiet=True)


def data_commands(commands: Any) -> None:
    text = "get corpora, recordings and published weights, and build data sets"
    data = commands.add_parser("data", help=text, description=text[0].upper() + text[1:] + ".")
    jobs = data.add_subparsers(dest="job", metavar="JOB", required=True)
    listing = jobs.add_parser("list", help="show the corpora there are")
    listing.set_defaults(run="cli.train:data_list")
    output_arguments(listing)
    fetch = jobs.add_parser("fetch", help="download corpora, or take them from a file or folder")
    fetch.set_defaults(run="cli.train:data_fetch")
    fetch.add_argument("names", nargs="+", metavar="CORPUS", help="as 'cantilena data list' shows")
    fetch.add_argument("--from", dest="source", metavar="PLACE", help="address, archive or folder")
    fetch.add_argument("--to", default="corpora", metavar="DIR", help="where to put them (corpora)")
    output_arguments(fetch, quiet=True)
    build = jobs.add_parser("build", help="build a data set of corpora; goes on where it stopped")
    build.set_defaults(run="cli.train:data_build")
    build.add_argument(
        "--corpora", default="corpora", metavar="DIR", help="where they are (corpora)"
    )
    build.add_argument("-o", "--output", default="data", metavar="DIR", help="where it goes (data)")
    build.add_argument("--mix", metavar="LIST", help="corpora to take, as 'lakh,pop909'")
    build.add_argument("--workers", type=count, default=1, metavar="N", help="processes (1)")
    build.add_argument("--limit", type=count, metavar="N", help="songs of a corpus and split")
    output_arguments(build, quiet=True)
    paper = jobs.add_parser("paper", help="build the text-to-symbolic paper's data: captioned Lakh")
    paper.set_defaults(run="cli.paper:data_paper")
    paper_arguments(paper, count)
    output_arguments(paper, quiet=True)
    audio = jobs.add_parser("audio", help="make clips of MIDI and recordings to learn sound from")
    audio.set_defaults(run="cli.audio_data:data_audio")
    audio_arguments(audio, count)
    output_arguments(audio, quiet=True)
    notes = jobs.add_parser("notes", help="sound single notes of every instrument to learn from")
    notes.set_defaults(run="cli.audio_data:data_notes")
    notes_arguments(notes, count)
    output_arguments(notes, quiet=True)
    sung = jobs.add_parser("sung", help="sing lines of words on melodies to learn singing from")
    sung.set_defaults(run="cli.audio_data:data_sung")
    sung_arguments(sung, count)
    output_arguments(sung, quiet=True)
    debian = jobs.add_parser("debian", help="get music that Debian's packages carry, or list it")
    debian.set_defaults(run="cli.audio_data:data_debian")
    debian_arguments(debian)
    output_arguments(debian, quiet=True)
    weights = jobs.add_parser("weights", help="get published weights, or list those there are")
    weights.set_defaults(run="cli.weights:data_weights")
    weights_arguments(weights)
    output_arguments(weights, quiet=True)


def train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--system",
        choices=("note", *TRAINERS),
        default="note",
        help="what is trained (note)",
    )
    parser.add_argument("--data", metavar="DIR", help="a data set; of clips where sound is learned")
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
    parser.add_argument(
        "--adapter",
        choices=("cross", "self"),
        help="with --system aligned: how the frozen model reads the reference (cross)",
    )
    codec = parser.add_argument_group("with any other system than note")
    codec.add_argument(
        "--codec", metavar="CODEC", help="whose codes or latents are modelled, a folder"
    )
    codec.add_argument(
        "--text-model",
        metavar="M",
        help="what reads texts, as minilm, a folder or a hub name (text-to-attributes, "
        "bert-symphony, joint)",
    )
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


def run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", help="the run's folder")
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="the checkpoint's folder"
    )
    export_arguments(parser)
    output_arguments(parser)


def evaluate_commands(commands: Any) -> None:
    text = "measure a model"
    evaluate = commands.add_parser("evaluate", help=text, description=text.capitalize() + ".")
    jobs = evaluate.add_subparsers(dest="job", metavar="WHAT", required=True)
    for name, entry in EVALUATIONS.items():
        parser = jobs.add_parser(name, help=entry.help, description=entry.help.capitalize() + ".")
        entry.arguments(parser)
        parser.set_defaults(run="cli.evaluate:evaluate")
        output_arguments(parser, quiet=True)
