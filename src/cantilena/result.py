"""The Result: a composed piece with all that is needed to judge it and to make it again.

Knows what stands in the JSON beside a piece; does not know how music is composed, nor how its
files are written (``render.formats``). Everything heavy is imported when it is used.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.errors import CantilenaError, InputError
from cantilena.names import slug, title
from cantilena.render.formats import FORMATS, checked_formats, write_files
from cantilena.version import __version__

if TYPE_CHECKING:
    from cantilena.analysis import MarkedSection
    from cantilena.audio.audio import Audio
    from cantilena.score.score import Score
    from cantilena.text.report import Row
    from cantilena.text.report.heard import HeardRow
    from cantilena.text.wishes import Brief


@dataclass(frozen=True)
class Result:
    """A composed piece.

    ``artefact``: the music, a Score or Audio; ``brief``: what was asked; ``request``: the whole
    request as plain data (``Request.to_dict``), from which the same system and checkpoint make the
    same piece again; ``rows``: the report, one row per wish (``text.report.Row``); ``checkpoint``
    and ``checkpoint_hash``: name and sha256 (its beginning) of what composed it, with ``system``;
    ``chords``: (tick of the Score, symbol), the chords it was composed on; ``dropped``: how often a
    wish had to give way while notes were chosen, by its name; ``facts``: what else the system says
    of the making; ``files``: bytes by format where the system writes a file its own way, and of
    "drums.wav", say, which stands beside "wav"; ``guide``: the Score that Audio was made from,
    where there is one.
    """

    artefact: Score | Audio
    brief: Brief
    request: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    checkpoint: str = ""
    checkpoint_hash: str = ""
    chords: tuple[tuple[int, str], ...] = ()
    system: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    guide: Score | None = None

    @property
    def score(self) -> Score:
        """The music as notes: the artefact, or the guide of an audio one. Raises InputError where
        the piece is audio alone."""
        score = self._score
        if score is None:
            raise InputError("this piece is audio alone; it has no notes")
        return score

    @property
    def _score(self) -> Score | None:
        from cantilena.score.score import Score

        return self.artefact if isinstance(self.artefact, Score) else self.guide

    @property
    def audio(self) -> Audio | None:
        """The music as sound, where that is what the system makes."""
        from cantilena.audio.audio import Audio

        return self.artefact if isinstance(self.artefact, Audio) else None

    def __repr__(self) -> str:
        met = [row.met for row in self.rows if row.met is not None]
        wishes = f", {sum(met)} of {len(met)} wishes met" if met else ""
        text = self.brief.text
        text = text if len(text) <= 60 else f"{text[:59]}…"
        return f"Result({text!r}, {self.artefact!r}, seed {self.seed}{wishes})"

    @cached_property
    def heard(self) -> tuple[HeardRow, ...]:
        """Tempo, key and chords as they are heard in a piece that is sound, with how often the
        estimators are right (``text.report.heard``); () of notes."""
        if self.audio is None:
            return ()
        from cantilena.analysis.audio import listen
        from cantilena.text.report.heard import heard_rows

        heard = listen(self.audio.samples.T, self.audio.rate)
        return heard_rows(heard, self.brief, self._score)

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

    @cached_property
    def sections(self) -> tuple[MarkedSection, ...]:
        """The sections as its markers name them, with who plays in each; () for audio alone."""
        from cantilena.analysis import sections

        return () if self._score is None else sections(self._score)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the JSON file beside the piece: all that is needed to make it again, and
        the report. Of sound it has what is ``heard``; of a piece with notes ``sections``, each
        with its ``name``, first ``bar`` (from 1), ``bars``, ``start`` in seconds and the names of
        the ``parts`` that play in it. A recording that it was made from stands in it whole, which
        ``save`` puts into a file of its own. Holds no date, so that the same piece has the same
        bytes."""
        data: dict[str, Any] = {
            "cantilena": __version__,
            "text": self.brief.text,
            "system": self.system,
            "checkpoint": {"name": self.checkpoint, "sha256": self.checkpoint_hash},
            "request": dict(self.request),
            "brief": self.brief.to_dict(),
            "report": [row_dict(row) for row in self.rows],
            "dropped": dict(self.dropped),
            "facts": dict(self.facts),
        }
        if self._score is not None:
            score = self._score
            data |= {
                "chords": [[int(tick), symbol] for tick, symbol in self.chords],
                "notes": len(score),
                "bars": score.n_bars,
                "seconds": round(float(score.seconds(score.end)), 3),
                "sections": [section.to_dict() for section in self.sections],
                "caption": self.caption,
            }
        if self.audio is not None:
            data |= {"seconds": round(self.audio.seconds, 3), "rate": self.audio.rate}
            data["heard"] = [asdict(row) for row in self.heard]
        return data

    def save(
        self,
        folder: str | Path = ".",
        formats: str | Iterable[str] | None = None,
        name: str | None = None,
        engine: str = "auto",
        soundfont: str | Path | None = None,
        *,
        replace: bool = True,
        avoid: Collection[str] = (),
        failures: dict[str, CantilenaError] | None = None,
    ) -> dict[str, Path]:
        """Writes the piece as ``folder/name.<format>`` for each format and returns the paths.

        ``formats``: of "mid", "wav", "musicxml", "png", "svg", "json", all but svg by default, and
        of audio without a Score "wav" and "json"; with "wav" come parts of it that are among its
        ``files``, as "drums.wav"; ``name``: by default made of the text; ``engine``
        and ``soundfont`` as in ``render.audio.render_audio``. The folder is made where it is not
        there; files of that name are replaced, all of them or none. With ``replace`` False those
        that differ stay, as does a JSON file of another request, and the piece is called
        ``name-2``, or the next number that is free and not in ``avoid``. A format that cannot be
        made, as svg without verovio, raises its error and nothing is written, or, where a dict
        ``failures`` is given, is put there with the error and the others are written.

        With "json" comes the recording that the piece was made from, where there is one, as a file
        of its own ("recording" among the paths), which the JSON names by its hash.

        Raises UnknownNameError for an unknown format, InputError for one that the piece has not,
        and for a name or folder that cannot be, CantilenaError for one that cannot be made.
        """
        data, sources = self._with_references()
        text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
        files = {**self.files, "json": text.encode()}
        score = self._score
        if self.audio is not None and "wav" not in files:
            from cantilena.audio.wav import wav_bytes

            files["wav"] = wav_bytes(self.audio.samples.T, self.audio.rate)
        if formats is None:
            formats = [form for form in FORMATS if score is not None or form in files]
        wanted = checked_formats(formats)
        if "wav" in wanted:
            wanted += tuple(form for form in files if form.endswith(".wav"))
        beside = sources if "json" in wanted else {}
        paths = write_files(
            score,
            folder,
            slug(self.brief.text) if name is None else name,
            wanted,
            chords=self.chords,
            title=(score.title if score is not None else "") or title(self.brief.text),
            engine=engine,
            soundfont=soundfont,
            more=files,
            beside=beside,
            replace=replace,
            avoid=avoid,
            failures=failures,
        )
        paths.update(("recording", Path(folder) / name) for name in beside)
        return paths

    def _with_references(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """``to_dict`` with the file of a recording named in the place of its samples, and that file
        by its name; {} where the piece was made from none."""
        data = self.to_dict()
        recording = data["request"].get("audio")
        if recording is None:
            return data, {}
        from cantilena.audio.audio import Audio
        from cantilena.audio.sources import reference, source_file

        audio = Audio.from_dict(recording)
        name, content = source_file(audio)
        data["request"]["audio"] = reference(audio, name, content)
        return data, {name: content}

    def _repr_html_(self) -> str:
        """For notebooks: the piano roll where there are notes, a player and the report, all within
        the page."""
        from cantilena.render.page import html_page

        table: list[tuple[str, ...]] = []
        if self.rows:
            met = {True: "yes", False: "no", None: "-"}
            table = [("wish", "asked", "achieved", "met")]
            table += [(row.wish, row.asked, row.achieved, met[row.met]) for row in self.rows]
        heading = self.brief.text or "Cantilena"
        if self._score is None:
            return html_page(None, heading, table=table, audio=self.audio)
        return html_page(self._score, heading, self.caption, self.chords, table, self.audio)


def row_dict(row: Row) -> dict[str, Any]:
    """A row of the report as plain data: wish, asked, achieved, met, score."""
    values = {name: getattr(row, name) for name in ("wish", "asked", "achieved", "met", "score")}
    return {name: v.item() if hasattr(v, "item") else v for name, v in values.items()}
