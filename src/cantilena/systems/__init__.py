"""Systems: recipes of scheme, conditions, bridge and backbone, by name.

To add one is a file with a ``systems.base.System`` in it and a line in ``SYSTEMS``;
docs/adding-a-system.md shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cantilena.errors import InputError, MissingExtraError, UnknownNameError
from cantilena.systems.spec import SHIPPED, Spec

if TYPE_CHECKING:
    from cantilena.systems.base import System

SYSTEMS: dict[str, Spec] = {
    "note": Spec(
        home="cantilena.systems.note.composer:NoteSystem",
        help="the shipped model of notes, held to every wish by constraints",
        edits=("go on", "span", "tracks"),
        default=SHIPPED,
        trains="cantilena.systems.note.training:NoteTraining",
    ),
    "aligned": Spec(
        home="cantilena.systems.aligned.system:AlignedSystem",
        help="adapters on a note model, which reads another piece beside the one it writes",
        extra="train",
        reads=("brief", "score"),
        edits=("go on", "span", "tracks"),
        default=SHIPPED,
        trains="cantilena.systems.aligned.training:AlignedTraining",
    ),
    "amt": Spec(
        home="cantilena.systems.arrival.amt:AmtSystem",
        help="the Anticipatory Music Transformer (AMT) alone",
        extra="hf",
        edits=("go on", "span", "tracks"),
        default="music-small",
        trains="cantilena.systems.arrival.training.amt:AmtTraining",
    ),
    "amt-prefix": Spec(
        home="cantilena.systems.arrival.amt_prefix:AmtPrefixSystem",
        help="a frozen text model, a bridge, and AMT behind it",
        extra="hf",
        reads=("text", "brief"),
        trains="cantilena.systems.arrival.training.amt_prefix:AmtPrefixTraining",
        command="cantilena finetune",
    ),
    "llama-music": Spec(
        home="cantilena.systems.arrival.llama_music:LlamaMusicSystem",
        help="one language model over words and music",
        extra="hf",
        reads=("text", "brief"),
        trains="cantilena.systems.arrival.training.llama_music:LlamaMusicTraining",
        command="cantilena finetune",
    ),
    "attributes": Spec(
        home="cantilena.systems.attributes.system:AttributesSystem",
        help="MuseCoco's second stage: words of attributes, then music word by word",
        extra="train",
        reads=("brief", "attributes"),
        trains="cantilena.systems.attributes.training:AttributeTraining",
    ),
    "symphony": Spec(
        home="cantilena.systems.symphony.system:SymphonySystem",
        help="SymphonyNet: rows of many tracks, written under a grammar",
        extra="hf",
        edits=("go on",),
        trains="cantilena.systems.symphony.training:SymphonyTraining",
    ),
    "bert-symphony": Spec(
        home="cantilena.systems.symphony.bert:BertSymphonySystem",
        help="a frozen text model, context layers, and a frozen SymphonyNet behind them",
        extra="hf",
        reads=("text", "brief"),
        edits=("go on",),
        trains="cantilena.systems.symphony.training:BertSymphonyTraining",
    ),
    "musicgen": Spec(
        home="cantilena.systems.codes.system:MusicgenSystem",
        help="sound: a model of a codec's codes, led by a Score of note's or by the text alone",
        extra="audio",
        reads=("text", "brief", "score", "audio"),
        gives="audio",
        default=SHIPPED,
    ),
    "code-notes": Spec(
        home="cantilena.systems.codes.notes_system:CodeNotesSystem",
        help="sound: a Score of note's, each different note of it written by a model of codes",
        extra="audio",
        reads=("text", "brief", "score"),
        gives="audio",
        command="cantilena train --system codes --recipe codes-note",
    ),
    "musiclm": Spec(
        home="cantilena.systems.musiclm.system:MusicLmSystem",
        help="sound: words to semantic tokens to a codec's codes, by stages; tells stories",
        extra="audio",
        reads=("text", "brief", "score", "audio"),
        gives="audio",
        default=SHIPPED,
        trains="cantilena.systems.musiclm.training:MusicLmTraining",
    ),
    "latent": Spec(
        home="cantilena.systems.latent.system:LatentSystem",
        help="sound: diffusion over a VAE's latents, led by a Score of note's or by the text alone",
        extra="audio",
        reads=("text", "brief", "score", "audio"),
        gives="audio",
        trains="cantilena.systems.latent.training:LatentTraining",
    ),
    "karasinger": Spec(
        home="cantilena.systems.karasinger.system:KaraSystem",
        help="sound: words sung on a melody of its own, by codes that are tied to phonemes",
        extra="audio",
        reads=("text", "brief"),
        gives="audio",
        trains="cantilena.systems.karasinger.training:KaraTraining",
    ),
    "uniaudio": Spec(
        home="cantilena.systems.uniaudio.system:UniAudioSystem",
        help="sound: one model for all tasks, led by a Score of note's, a text or a recording",
        extra="audio",
        reads=("text", "brief", "score", "audio"),
        gives="audio",
        trains="cantilena.systems.uniaudio.training:UniTraining",
    ),
}
"""Every system by name."""

EXTRAS: dict[str, tuple[str, ...]] = {
    "hf": ("torch", "transformers"),
    "train": ("torch", "onnx"),
    "audio": ("torch", "vector_quantize_pytorch"),
}
"""The packages that tell whether an optional set of dependencies is installed."""


def spec(name: str) -> Spec:
    """The registry's line of a system. Raises UnknownNameError."""
    if name not in SYSTEMS:
        raise UnknownNameError("system", name, SYSTEMS)
    return SYSTEMS[name]


def no_checkpoint(name: str) -> InputError:
    """What is wrong where a system is to compose, no checkpoint is named and none is shipped."""
    line = spec(name)
    command = line.command or (f"cantilena train --system {name}" if line.trains else "")
    how = f"; {command!r} makes one" if command else ""
    return InputError(
        f"the system {name!r} needs a checkpoint; name its folder with --checkpoint{how}"
    )


def system_class(name: str) -> type[System]:
    """The class of a system, imported now. Raises UnknownNameError, and MissingExtraError where it
    imports a package that is not installed."""
    with extra_needed(spec(name).extra, f"the system {name!r}"):
        return resolve(spec(name).home)


@contextmanager
def extra_needed(extra: str, purpose: str) -> Iterator[None]:
    """Raises MissingExtraError in the place of what an import of a package raises that is not
    installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = error.name or ""
        if not extra or not package or package.startswith("cantilena"):
            raise
        raise MissingExtraError(package, extra, purpose) from error


def resolve(home: str) -> Any:
    """The object that "module:name" says."""
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)


def systems_table() -> str:
    """The systems as a table in Markdown, as the README has it."""
    lines = [
        "| system | is | reads | edits | gives | needs |",
        "|---|---|---|---|---|---|",
    ]
    for name, line in SYSTEMS.items():
        needs = f"`cantilena[{line.extra}]`" if line.extra else "nothing more"
        edits = ", ".join(line.edits) or "-"
        reads = ", ".join(line.reads)
        lines.append(f"| `{name}` | {line.help} | {reads} | {edits} | {line.gives} | {needs} |")
    return "\n".join(lines)
