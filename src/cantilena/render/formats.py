"""The formats of a piece's files, and writing a Score in several of them, all or none.

Knows which module writes which format; does not know how. Everything heavy is imported when it is
used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cantilena.errors import InputError, UnknownNameError
from cantilena.files import make_folder, staged_files, write_bytes
from cantilena.names import check_name

if TYPE_CHECKING:
    from cantilena.score.harmony import Key
    from cantilena.score.score import Score

FORMATS = ("mid", "wav", "musicxml", "png", "json")
"""What ``Result.save`` writes unless told otherwise."""

SCORE_FORMATS = ("mid", "wav", "musicxml", "png", "svg")
"""What can be made of a Score alone: png is its piano roll, svg its engraved sheet music."""

_OTHER_NAMES = {"midi": "mid", "xml": "musicxml"}


def checked_formats(
    formats: str | Iterable[str], known: Sequence[str] = (*SCORE_FORMATS, "json")
) -> tuple[str, ...]:
    """The formats of a list or of a text with commas, each once. Raises UnknownNameError for one
    that is not in ``known``, InputError where there is none."""
    parts = formats.split(",") if isinstance(formats, str) else list(formats)
    names = (part.strip().lower().lstrip(".") for part in parts if part.strip())
    unique = tuple(dict.fromkeys(_OTHER_NAMES.get(name, name) for name in names))
    for name in unique:
        if name not in known:
            raise UnknownNameError("format", name, known)
    if not unique:
        raise InputError(f"no format is named; give some of {','.join(known)}")
    return unique


def write_files(
    score: Score | None,
    folder: str | Path,
    name: str,
    formats: Sequence[str],
    *,
    chords: Sequence[tuple[int, str]] = (),
    title: str = "",
    engine: str = "auto",
    soundfont: str | Path | None = None,
    more: Mapping[str, bytes] | None = None,
) -> dict[str, Path]:
    """Writes a Score as ``folder/name.<format>`` and returns the paths by format.

    ``chords``: (tick, symbol), shown in the roll and the sheet; ``more``: bytes of formats that
    are not made of the Score, which are all there can be where there is none. Files of that name
    are replaced, all of them or none (``files.staged_files``). Raises InputError.
    """
    lacking = [form for form in formats if form not in (more or {})]
    if score is None and lacking:
        raise InputError(
            f"this piece is audio alone: it has no {lacking[0]}; give {','.join(more or {})}"
        )
    folder = make_folder(folder)
    check_name(name)
    files = {form: f"{name}.{form}" for form in formats}
    with staged_files(folder, files.values()) as stage:
        for form, file in files.items():
            if more and form in more:
                write_bytes(stage / file, more[form])
            elif score is not None:
                _write(score, stage / file, form, chords, title, engine, soundfont)
    return {form: folder / file for form, file in files.items()}


def _write(
    score: Score,
    path: Path,
    form: str,
    chords: Sequence[tuple[int, str]],
    title: str,
    engine: str,
    soundfont: str | Path | None,
) -> None:
    """Writes one format."""
    if form == "mid":
        from cantilena.score.midi import write_midi

        write_midi(score, path)
    elif form == "musicxml":
        from cantilena.score.musicxml import write_musicxml

        write_musicxml(score, path, chords=chords, title=title, key=_heard_key(score))
    elif form == "wav":
        from cantilena.render.audio import render_audio

        render_audio(score, path, engine=engine, soundfont=soundfont)
    elif form == "png":
        from cantilena.render.roll import draw_roll

        draw_roll(score, path, chords=chords, title=title)
    elif form == "svg":
        from cantilena.render.sheet import engrave
        from cantilena.score.musicxml import write_musicxml

        text = write_musicxml(score, chords=chords, title=title, key=_heard_key(score))
        pages = engrave(text)
        path.write_text(_one_page(pages), encoding="utf-8")
    else:
        raise UnknownNameError("format", form, SCORE_FORMATS)


KEY_STRENGTH, KEY_NOTES = 0.8, 32
"""How well the notes of a piece must fit a key, and how many there must be, for a signature that
its file lacks: of 0 to 1, as ``analysis.find_key`` says."""


def _heard_key(score: Score) -> Key | None:
    """The key to write a Score in that names none, if it is clearly heard."""
    if len(score.key_tick) or len(score) < KEY_NOTES:
        return None
    from cantilena.analysis import find_key

    key, strength = find_key(score)
    return key if strength >= KEY_STRENGTH else None


def _one_page(pages: Sequence[str]) -> str:
    """SVG pages of one size, put below one another in a single SVG, so that a piece is a file."""
    roots = [page[page.index("<svg") :] for page in pages]
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', roots[0])
    if len(pages) == 1 or box is None:
        return pages[0]
    width, height = float(box[1]), float(box[2])
    placed = (
        f'<svg y="{i * height:g}" width="{width:g}" height="{height:g}"{root[4:]}'
        for i, root in enumerate(roots)
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {len(pages) * height:g}">'
    )
    return "\n".join((head, *placed, "</svg>\n"))
