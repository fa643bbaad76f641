"""Instruments of words: text to an SFZ file with samples over the keyboard.

Knows which parts make one; what words mean is ``text.timbre``'s, tones are ``render.kit``'s and a
model's notes ``systems.codes``'s. Without a checkpoint the built-in synthesizer's tones are shaped
by the words; with one a model of single notes writes them (InstrumentGen). The same text, seed and
checkpoint give the same bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cantilena.audio.pitch import HARMONICS
from cantilena.errors import InputError
from cantilena.files import read_json, staged_folder, write_json
from cantilena.models.checkpoint import system_in
from cantilena.names import slug
from cantilena.render.kit.making import Kit, make_kit, write_kit
from cantilena.render.kit.tones import RATE, harmonic, shaped_voice, tone_maker
from cantilena.score import gm
from cantilena.systems.uniaudio.options import SYSTEM as UNIAUDIO
from cantilena.text.timbre import Timbre, read_timbre
from cantilena.version import __version__

REPORT = "kit.json"
MAX_SEED = 2**31 - 1
"""The largest seed, so that it and the attempts that are added to it fit 32 bits."""
_KIND = "cantilena kit"


@dataclass(frozen=True)
class Instrument:
    """A kit on disk: its SFZ file, what the words were read as, and the report beside it."""

    path: Path
    timbre: Timbre
    report: dict[str, Any]


def make_instrument(
    text: str,
    folder: str | Path,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    codec: str | Path | None = None,
    replace: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Instrument:
    """Makes the instrument that a text asks for in ``folder``: an SFZ file, ``samples`` and
    ``kit.json``. ``checkpoint``: a model of single notes (``code-notes``, or ``uniaudio``), with
    ``codec`` where it does not bring its own.

    Raises InputError for a text that says nothing of a sound, a seed out of range, and a folder
    that holds something else (of another kit: unless ``replace``); what the checkpoint raises."""
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"the seed must be a whole number from 0 to {MAX_SEED}, not {seed}")
    timbre, folder = read_timbre(text), Path(folder)
    request = {"text": text, "seed": seed, "checkpoint": str(checkpoint or "")}
    _check_folder(folder, request, replace)
    if checkpoint is None:
        if codec is not None:
            raise InputError("--codec belongs to a model of single notes: name one by --checkpoint")
        voice = shaped_voice(timbre.program, timbre.shape)
        harmonics = HARMONICS if harmonic(voice) else 1
        kit = make_kit(tone_maker(voice, seed), RATE, voice.release, harmonics=harmonics)
        by = {"made_by": "the built-in synthesizer", "shape": timbre.shape.to_dict()}
    else:
        kit, by = _model_kit(timbre.program, seed, checkpoint, codec, progress)
    return _written(kit, timbre, request, by, folder)


def _model_kit(
    program: int,
    seed: int,
    checkpoint: str | Path,
    codec: str | Path | None,
    progress: Callable[[float], None] | None,
) -> tuple[Kit, dict[str, Any]]:
    """The samples by a model of single notes, or of all tasks."""
    if system_in(checkpoint) != UNIAUDIO:
        from cantilena.systems.codes.kits import code_kit

        return code_kit(program, seed, checkpoint, codec, progress)
    if codec is not None:
        raise InputError("uniaudio brings its own codec; leave --codec out")
    from cantilena.systems.uniaudio.kits import uni_kit

    return uni_kit(program, seed, checkpoint, progress)


def _written(
    kit: Kit, timbre: Timbre, request: dict[str, Any], by: dict[str, Any], folder: Path
) -> Instrument:
    name = slug(str(request["text"])) or "instrument"
    report = {
        "kind": _KIND,
        "request": request,
        "version": __version__,
        "program": timbre.program,
        "instrument": gm.name(timbre.program),
        **by,
        "unused_words": list(timbre.unused),
        "rate": kit.rate,
        "samples": list(kit.rows),
    }
    comment = f"{request['text']}\nmade by Cantilena {__version__}"
    with staged_folder(folder) as stage:
        path = write_kit(kit, stage, name, comment)
        write_json(stage / REPORT, report)
    return Instrument(folder / path.name, timbre, report)


def _check_folder(folder: Path, request: dict[str, Any], replace: bool) -> None:
    """Raises InputError where making a kit would lose what is there."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file; give a folder")
    names = {p.name for p in folder.iterdir()}
    if not names:
        return
    held: Any = {}
    if REPORT in names:
        with contextlib.suppress(InputError):
            held = read_json(folder / REPORT)
    is_kit = isinstance(held, dict) and held.get("kind") == _KIND
    odd = sorted(n for n in names if n not in (REPORT, "samples") and not n.endswith(".sfz"))
    if not is_kit or odd or folder.resolve() == Path.cwd():
        raise InputError(f"{str(folder)!r} holds other files; give a new or empty folder")
    if held.get("request") != request and not replace:
        raise InputError(
            f"{str(folder)!r} holds another instrument; give another folder, or --replace"
        )
