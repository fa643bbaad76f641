"""The Result: a composed piece with all that is needed to judge it and to make it again; its files.

Knows names and formats of files and what stands in the JSON beside a piece; does not know how
music is composed. Everything heavy is imported when it is used.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena import __version__
from cantilena.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from cantilena.score.score import Score
    from cantilena.text.report import Row
    from cantilena.text.wishes import Brief

FORMATS = ("mid", "wav", "musicxml", "png", "json")
"""What ``Result.save`` writes unless told otherwise."""

SCORE_FORMATS = ("mid", "wav", "musicxml", "png", "svg")
"""What can be made of a Score alone: png is its piano roll, svg its engraved sheet music."""

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10)}
)
_PLAYER_RATE = 22_050
_PLAYER_SECONDS = 5 * 60


@dataclass(frozen=True)
class Result:
    """A composed piece.

    ``score``: the music; ``brief``: what was asked; ``request``: the whole request as plain data
    (``Request.to_dict``: brief, seed, sampling, what was continued), from which the same
    checkpoint makes the same piece again; ``rows``: the report, one row per wish
    (``text.report.Row``); ``checkpoint`` and ``checkpoint_hash``: name and sha256 (its beginning)
    of what composed it; ``chords``: (tick of the Score, symbol), the chords it was composed on.
    """

    score: Score
    brief: Brief
    request: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    checkpoint: str = ""
    checkpoint_hash: str = ""
    chords: tuple[tuple[int, str], ...] = ()

    def __repr__(self) -> str:
        met = [row.met for row in self.rows if row.met is not None]
        wishes = f", {sum(met)} of {len(met)} wishes met" if met else ""
        text = self.brief.text
        text = text if len(text) <= 60 else f"{text[:59]}…"
        return f"Result({text!r}, {self.score!r}, seed {self.seed}{wishes})"

    @property
    def report(self) -> tuple[Row, ...]:
        """Each wish, asked and achieved."""
        return self.rows

    @property
    def seed(self) -> int:
        """The seed it was composed with."""
        return int(self.request.get("seed", 0))

    @cached_property
    def caption(self) -> str:
        """What the piece is, in plain sentences, measured from its notes."""
        from cantilena.analysis import describe
        from cantilena.text.caption.description import describe_in_words

        return describe_in_words(describe(self.score))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the JSON file beside the piece: all that is needed to make it again, and
        the report. Holds no date, so that the same piece has the same bytes."""
        score = self.score
        return {
            "cantilena": __version__,
            "text": self.brief.text,
            "checkpoint": {"name": self.checkpoint, "sha256": self.checkpoint_hash},
            "request": dict(self.request),
            "brief": self.brief.to_dict(),
            "report": [row_dict(row) for row in self.rows],
            "chords": [[int(tick), symbol] for tick, symbol in self.chords],
            "notes": len(score),
            "bars": score.n_bars,
            "seconds": round(float(score.seconds(score.end)), 3),
            "caption": self.caption,
        }

    def save(
        self,
        folder: str | Path = ".",
        formats: str | Iterable[str] = FORMATS,
        name: str | None = None,
        engine: str = "auto",
        soundfont: str | Path | None = None,
    ) -> dict[str, Path]:
        """Writes the piece as ``folder/name.<format>`` for each format and returns the paths.

        ``formats``: of "mid", "wav", "musicxml", "png", "svg", "json"; ``name``: by default made of
        the text; ``engine`` and ``soundfont`` as in ``render.audio.render_audio``. The folder is
        made where it is not there; files of that name are replaced, all of them or none. Raises
        UnknownNameError for an unknown format, InputError for a name or folder that cannot be.
        """
        wanted = checked_formats(formats)
        data = json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"
        return write_files(
            self.score,
            folder,
            slug(self.brief.text) if name is None else name,
            wanted,
            chords=self.chords,
            title=self.score.title or title(self.brief.text),
            engine=engine,
            soundfont=soundfont,
            more={"json": data.encode()},
        )

    def _repr_html_(self) -> str:
        """For notebooks: the piano roll, a player and the report, all within the page."""
        with tempfile.TemporaryDirectory(prefix="cantilena-") as place:
            folder = Path(place)
            made = write_files(self.score, folder, "roll", ("png",), chords=self.chords)
            image = base64.b64encode(made["png"].read_bytes()).decode()
            player = self._player(folder)
        return (
            f"<div><p><b>{html.escape(self.brief.text or 'Cantilena')}</b></p>"
            f'<img alt="piano roll" style="max-width:100%" src="data:image/png;base64,{image}">'
            f"{player}{_html_table(self.rows)}"
            f"<p>{html.escape(self.caption)}</p></div>"
        )

    def _player(self, folder: Path) -> str:
        """An audio element with the sound in it, mono and at half the usual rate to stay small."""
        from cantilena.audio.wav import write_wav
        from cantilena.render.audio import render_audio

        seconds = float(self.score.seconds(self.score.end))
        if seconds > _PLAYER_SECONDS:
            return f"<p>No player: the piece lasts {seconds / 60:.0f} minutes; save it as wav.</p>"
        samples, rate = render_audio(self.score, rate=_PLAYER_RATE)
        write_wav(samples.mean(axis=1), rate, folder / "sound.wav")
        sound = base64.b64encode((folder / "sound.wav").read_bytes()).decode()
        return f'<audio controls src="data:audio/wav;base64,{sound}"></audio>'


# ---------------------------------------------------------------------------- files


def write_files(
    score: Score,
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
    are not made of the Score. All files are made in a hidden folder first and then renamed, so
    that a failure or Ctrl-C leaves what was there before. Raises InputError.
    """
    folder = make_folder(folder)
    check_name(name)
    try:
        work = Path(tempfile.mkdtemp(prefix=".cantilena-", dir=folder))
    except OSError as error:
        raise InputError(
            f"the folder {str(folder)!r} cannot be written: {error.strerror}"
        ) from error
    try:
        for form in formats:
            path = work / f"{name}.{form}"
            if more and form in more:
                path.write_bytes(more[form])
            else:
                _write(score, path, form, chords, title, engine, soundfont)
        done: dict[str, Path] = {}
        for form in formats:
            target = folder / f"{name}.{form}"
            if target.is_dir():
                raise InputError(f"{str(target)!r} is a folder; a file of that name was to be made")
            os.replace(work / target.name, target)
            done[form] = target
        return done
    finally:
        shutil.rmtree(work, ignore_errors=True)


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

        write_musicxml(score, path, chords=chords, title=title)
    elif form == "wav":
        from cantilena.render.audio import render_audio

        render_audio(score, path, engine=engine, soundfont=soundfont)
    elif form == "png":
        from cantilena.render.roll import draw_roll

        draw_roll(score, path, chords=chords, title=title)
    elif form == "svg":
        from cantilena.render.sheet import engrave
        from cantilena.score.musicxml import write_musicxml

        pages = engrave(write_musicxml(score, chords=chords, title=title))
        path.write_text(_one_page(pages), encoding="utf-8")
    else:
        raise UnknownNameError("format", form, SCORE_FORMATS)


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


def checked_formats(
    formats: str | Iterable[str], known: Sequence[str] = (*SCORE_FORMATS, "json")
) -> tuple[str, ...]:
    """The formats of a list or of a text with commas, each once. Raises UnknownNameError for one
    that is not in ``known``, InputError where there is none."""
    parts = formats.split(",") if isinstance(formats, str) else list(formats)
    found = tuple(dict.fromkeys(p.strip().lower().lstrip(".") for p in parts if p.strip()))
    found = tuple(dict.fromkeys({"midi": "mid", "xml": "musicxml"}.get(f, f) for f in found))
    for form in found:
        if form not in known:
            raise UnknownNameError("format", form, known)
    if not found:
        raise InputError(f"no format is named; give some of {','.join(known)}")
    return found


def check_folder(folder: str | Path) -> Path:
    """The folder, where it is one or could be made. Raises InputError otherwise; makes nothing."""
    if not str(folder):
        raise InputError("the folder to write to has no name; give '.' for this one")
    path = there = Path(folder)
    try:
        while not there.exists() and there != there.parent:
            there = there.parent
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{str(path)[:80]!r} cannot be a folder: {said}") from error
    if not there.is_dir():
        raise InputError(f"{str(there)!r} is a file, not a folder; give a folder to write to")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"the folder {str(there)!r} cannot be written to; give another")
    return path


def make_folder(folder: str | Path) -> Path:
    """The folder, made where it was not there. Raises InputError where it cannot be."""
    path = check_folder(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        said = getattr(error, "strerror", None) or error
        raise InputError(f"the folder {str(path)!r} cannot be made: {said}") from error
    return path


def check_name(name: str) -> str:
    """A name that is safe as a file's on every system. Raises InputError for any other."""
    bad = (
        not name
        or name.startswith(".")
        or name[-1] in ". "
        or re.search(r'[\\/:*?"<>|]', name) is not None
        or not name.isprintable()
        or len(name.encode("utf-8", "replace")) > 200
        or name.partition(".")[0].lower() in _RESERVED
    )
    if bad:
        raise InputError(
            f"{name[:80]!r} cannot be a file's name; use letters, digits, '-', '_' and '.'"
        )
    return name


def slug(text: str, limit: int = 48) -> str:
    """A file's name made of a text: lower case, words joined by hyphens, at most ``limit``
    characters, cut between words; "piece" where nothing is left."""
    # accents go from Latin letters alone: elsewhere marks make other letters
    plain = re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", unicodedata.normalize("NFKD", text.lower()))
    plain = re.sub("['’\ufe00-\ufe0f]", "", unicodedata.normalize("NFC", plain))
    letters = (c if unicodedata.category(c)[0] in "LNM" else " " for c in plain)
    words = [w for w in "".join(letters).split() if any(c.isalnum() for c in w)]
    out = ""
    for word in words:
        longer = f"{out}-{word}" if out else word[:limit]
        if len(longer) > limit or len(longer.encode("utf-8")) > 150:
            break
        out = longer
    return f"{out}-piece" if out in _RESERVED else out or "piece"


def title(text: str, limit: int = 70) -> str:
    """A title made of a text: its first words on one line, the first letter a capital."""
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[:limit].rpartition(" ")[0] or line[:limit]
        line = line.rstrip(" ,;:-") + "…"
    return line[:1].upper() + line[1:]


# ---------------------------------------------------------------------------- report


def row_dict(row: Row) -> dict[str, Any]:
    """A row of the report as plain data: wish, asked, achieved, met, score."""
    found = {n: getattr(row, n) for n in ("wish", "asked", "achieved", "met", "score")}
    return {n: v.item() if hasattr(v, "item") else v for n, v in found.items()}


def _html_table(rows: Sequence[Row]) -> str:
    """The report for a notebook, "" without rows."""
    if not rows:
        return ""
    met = {True: "yes", False: "no", None: "-"}
    cells = [("wish", "asked", "achieved", "met")]
    cells += [(r.wish, r.asked, r.achieved, met[r.met]) for r in rows]
    lines = ("".join(f"<td>{html.escape(str(cell))}</td>" for cell in line) for line in cells)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
