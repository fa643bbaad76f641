"""The same prompts by several systems, side by side on one page that is listened to.

Knows the order of work and what is kept where; pieces come from ``composing``, what is shown of one
from ``exhibit``, the page from ``page``. A gallery's folder holds ``index.html``, ``gallery.json``
with all that the page says, and a folder for each system with its pieces, their sound and pictures.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cantilena.analysis.audio import accuracy
from cantilena.errors import InputError, MissingExtraError, Notice
from cantilena.evaluate.composing import Piece, compose_prompts
from cantilena.evaluate.gallery.exhibit import about, exhibit
from cantilena.evaluate.gallery.page import gallery_html, within
from cantilena.evaluate.prompts import Prompt
from cantilena.evaluate.sound.pieces import Renderer
from cantilena.files import make_folder, write_bytes, write_json
from cantilena.locks import lock
from cantilena.systems import spec
from cantilena.systems.base import System
from cantilena.systems.request import Request

PAGE, FIGURES = "index.html", "gallery.json"

PROMPTS = (
    ("calm-piano", "calm solo piano in D minor, slow"),
    ("lo-fi", "lo-fi hip hop beat with electric piano, bass and drums at 80 bpm"),
    ("waltz", "a waltz for violin, cello and piano in G major"),
    ("metal", "fast heavy metal with distorted guitar, bass and drums in E minor at 160 bpm"),
    ("jazz-trio", "a jazz trio of piano, double bass and drums at 140 bpm"),
    ("bossa-nova", "bossa nova with nylon guitar, flute and soft drums"),
    ("orchestra", "epic orchestral soundtrack with strings, brass and timpani in C minor"),
    ("house", "warm synth pad over a house beat at 118 bpm"),
    ("string-quartet", "a string quartet, andante, in F major"),
    ("chiptune", "happy chiptune with square lead, bass and drums, chords C G Am F, at 150 bpm"),
)
"""(id, text) of the prompts that come with the package: of several genres, moods and ensembles,
most with a tempo or a key, which can be heard. None says how long it lasts."""

SHARE_COMPOSING = 0.9
"""Of a system's progress, what composing counts as; the rest is listening and drawing."""

MakeRequest = Callable[[System, Prompt, int], Request]
"""What a system composes of a prompt and a seed."""
Progress = Callable[[float, str], None] | None
"""Hears the share done, 0-1, and of what."""


@dataclass(frozen=True)
class Entrant:
    """A system that is shown: ``key``, unique and fit to name a folder, and what loads it, when its
    turn has come, so that not all need be in memory at once."""

    key: str
    load: Callable[[], System]


def make_gallery(
    entrants: Sequence[Entrant],
    make_request: MakeRequest,
    prompts: Sequence[Prompt],
    out: str | Path,
    renderer: Renderer,
    seed: int = 0,
    left_out: Mapping[str, str] | None = None,
    fresh: bool = False,
    progress: Progress = None,
    one_file: bool = False,
) -> dict[str, Any]:
    """Composes the prompts by each system and writes the gallery to ``out``; returns what its
    ``gallery.json`` holds.

    Pieces that ``out`` holds of the same request, system, checkpoint and code are used again, or
    none with ``fresh``; the page is written after each system, so that one that was interrupted
    shows those that are done. ``one_file``: the page holds sound and pictures itself, and may be
    moved alone. ``renderer`` sounds Scores; ``left_out`` says why systems by name
    are not there. A piece that a system fails on says why in its place; a system that turns out to
    lack a package is left out with a Notice. Raises InputError, also while another process writes
    to ``out`` and where no system is left, and CheckpointError.
    """
    if not entrants:
        raise InputError("there is no system to be heard")
    if not prompts:
        raise InputError("there are no prompts")
    folder = make_folder(out)
    figures: dict[str, Any] = {
        "seed": seed,
        "prompts": [{"id": p.id, "text": p.text} for p in prompts],
        "sound": renderer.engine,
        "estimators": accuracy(),
        "left_out": dict(left_out or {}),
        "systems": [],
    }
    with lock(folder):
        for n, entrant in enumerate(entrants):

            def share(done: float, n: int = n, key: str = entrant.key) -> None:
                if progress:
                    progress((n + done) / len(entrants), key)

            try:
                figures["systems"].append(
                    _column(entrant, make_request, prompts, folder, renderer, seed, fresh, share)
                )
            except MissingExtraError as error:  # of one system, which keeps no other from the page
                figures["left_out"][entrant.key] = str(error)
                warnings.warn(Notice(f"{entrant.key} is left out: {error}"), stacklevel=2)
                if not figures["systems"]:
                    continue
            write_json(folder / FIGURES, figures)
            page = gallery_html(figures, within(folder)) if one_file else gallery_html(figures)
            write_bytes(folder / PAGE, page.encode())
    if not figures["systems"]:
        raise InputError(f"no system can be heard: {'; '.join(figures['left_out'].values())}")
    return figures


def _column(
    entrant: Entrant,
    make_request: MakeRequest,
    prompts: Sequence[Prompt],
    folder: Path,
    renderer: Renderer,
    seed: int,
    fresh: bool,
    progress: Callable[[float], None],
) -> dict[str, Any]:
    """What the page shows of a system."""
    system = entrant.load()
    line = spec(system.system)
    pieces = compose_prompts(
        system,
        partial(make_request, system),
        prompts,
        folder / entrant.key,
        seed,
        lambda done: progress(SHARE_COMPOSING * done),
        fresh,
        line.gives == "audio",
        about,
        chunk=1,  # each is timed alone, and is kept as soon as it is done
    )
    shown: list[dict[str, Any]] = []
    for prompt, piece in zip(prompts, pieces, strict=True):
        shown.append({"prompt": prompt.id, **_shown(piece, prompt, folder, renderer)})
        progress(SHARE_COMPOSING + (1 - SHARE_COMPOSING) * len(shown) / len(prompts))
    return {
        "key": entrant.key,
        "system": system.system,
        "is": line.help,
        "gives": line.gives,
        "checkpoint": {"name": system.name, "sha256": system.hash},
        "parameters": system.parameters,
        "pieces": shown,
    }


def _shown(piece: Piece, prompt: Prompt, folder: Path, renderer: Renderer) -> dict[str, Any]:
    """What the page shows of a piece, or why there is none."""
    if piece.path is None:
        return {"error": piece.error}
    return {"took": piece.seconds, **exhibit(piece, prompt.wishes, folder, renderer)}
