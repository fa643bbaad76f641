"""The formats of a piece's files, and writing a Score in several of them, all or none.

Knows which module writes which format; does not know how. Everything heavy is imported when it is
used.
"""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cantilena.errors import CantilenaError, InputError, UnknownNameError
from cantilena.files import make_folder, staged_files, write_bytes
from cantilena.names import check_name, safe_name

if TYPE_CHECKING:
    from cantilena.score.harmony import Key
    from cantilena.score.score import Score

FORMATS = ("mid", "wav", "musicxml", "png", "json")
"""What ``Result.save`` writes unless told otherwise."""

SCORE_FORMATS = ("mid", "wav", "musicxml", "png", "svg")
"""What can be made of a Score alone: png is its piano roll, svg its engraved sheet music."""

SOUND_FORMATS = ("json", "wav")
"""Of those of a piece, what can be made of sound alone."""

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


def check_extras(formats: Sequence[str]) -> None:
    """Raises MissingExtraError where none of the formats can be made for want of an extra, so that
    nothing is composed in vain."""
    if set(formats) == {"svg"}:
        from cantilena.render.sheet import need_engraver

        need_engraver()


def check_soundfont(formats: Sequence[str], engine: str, soundfont: str | Path | None) -> None:
    """Raises InputError where the soundfont that is named, or that the environment names for sound
    among the ``formats``, is none, so that nothing is composed in vain."""
    if engine == "synth" or (soundfont is None and "wav" not in formats):
        return
    from cantilena.render.audio import find_fluidsynth, find_soundfont

    try:
        if soundfont is None:
            find_fluidsynth()
        find_soundfont(soundfont)
    except InputError:
        raise
    except CantilenaError:  # none is installed: what is made of that is told with the sound
        return


def check_notes(formats: Sequence[str], has_notes: bool) -> None:
    """Raises InputError where all of some formats are of notes and the piece will have none, so
    that nothing is composed in vain."""
    if formats and not has_notes and not set(formats) & set(SOUND_FORMATS):
        raise _no_notes(formats[0], SOUND_FORMATS)


def _no_notes(form: str, more: Iterable[str]) -> InputError:
    """What is wrong where a piece without a Score is to be written as ``form``."""
    return InputError(f"this piece is audio alone: it has no {form}; give {','.join(more)}")


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
    beside: Mapping[str, bytes] | None = None,
    replace: bool = True,
    avoid: Collection[str] = (),
    failures: dict[str, CantilenaError] | None = None,
) -> dict[str, Path]:
    """Writes a Score as ``folder/name.<format>`` and returns the paths by format.

    ``chords``: (tick, symbol), shown in the roll and the sheet; ``more``: bytes of formats that
    are not made of the Score, which are all there can be where there is none; ``beside``: bytes
    of files that go with them, by whole names that stay as they are. Files of that name are
    replaced, all of them or none (``files.staged_files``).

    ``replace`` False: where one stands that is not what would be written (of ``more`` also one that
    is not asked for), all get the first of ``name-2``, ``name-3``, ... that is free in that sense,
    and not in ``avoid``. ``failures``: where given, a format that cannot be made is put there, with
    its error, and the others are written; where none can be made the error is raised.
    Raises InputError.
    """
    more, beside = more or {}, beside or {}
    failed: dict[str, CantilenaError] = {}
    if score is None:
        failed.update((form, _no_notes(form, more)) for form in formats if form not in more)
    if failed and (failures is None or len(failed) == len(formats)):
        raise next(iter(failed.values()))
    folder = make_folder(folder)
    check_name(name)
    files = {form: f"{name}.{form}" for form in formats}
    paths: dict[str, Path] = {}

    def places(stage: Path) -> dict[str, str]:
        new = {form: stage / file for form, file in files.items() if form not in failed}
        free = name if replace else _free_name(folder, name, new, more, avoid)
        paths.update((form, folder / f"{free}.{form}") for form in new)
        own = {files[form]: path.name for form, path in paths.items()}
        return own | {name: name for name in beside}

    names = [*(files.values() if replace else ()), *beside]
    with staged_files(folder, names, places) as stage:
        for whole, data in beside.items():
            write_bytes(stage / whole, data)
        for form, file in files.items():
            if form in failed:
                continue
            try:
                if form in more:
                    write_bytes(stage / file, more[form])
                elif score is not None:
                    _write(score, stage / file, form, chords, title, engine, soundfont)
            except CantilenaError as error:
                refused = isinstance(error, InputError) and isinstance(error.__cause__, OSError)
                if failures is None or refused or len(failed) == len(files) - 1:
                    raise
                failed[form] = error
    if failures is not None:
        failures.update(failed)
    return paths


def _free_name(
    folder: Path,
    name: str,
    new: Mapping[str, Path],
    more: Mapping[str, bytes],
    avoid: Collection[str],
) -> str:
    """The first of ``name``, ``name-2``, ... at which nothing stands but what ``new`` files, or
    ``more`` that are not written, hold as well."""
    beside = {form: data for form, data in more.items() if form not in new}
    taken = {other.casefold() for other in avoid} - {name.casefold()}
    free, number = name, 1
    while (
        free.casefold() in taken
        or any(_holds_other(folder / f"{free}.{form}", path) for form, path in new.items())
        or any(_holds_other(folder / f"{free}.{form}", data) for form, data in beside.items())
    ):
        number += 1
        free = safe_name(name, f"-{number}")
    return free


def _holds_other(path: Path, content: Path | bytes) -> bool:
    """Whether something stands at ``path`` that is not a file of this content."""
    if not os.path.lexists(path):
        return False
    try:
        if isinstance(content, bytes):
            return not path.is_file() or path.read_bytes() != content
        return not filecmp.cmp(path, content, shallow=False)
    except OSError:
        return True


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
