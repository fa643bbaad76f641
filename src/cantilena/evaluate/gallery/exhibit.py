"""What a gallery shows of a piece: its sound, pictures, length, report, and what is heard in it.

Knows files and measurements; does not know HTML or how a piece was composed. What was made of a
piece is kept beside it with the hashes of its files, and made again only where the piece, its
wishes, the code or the renderer are others.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.analysis.audio import Heard, accuracy, listen
from cantilena.analysis.audio.instruments import NAMES
from cantilena.analysis.audio.model import shipped
from cantilena.audio.wav import read_wav, wav_bytes
from cantilena.errors import CantilenaError
from cantilena.evaluate.composing import Piece
from cantilena.evaluate.sound.pieces import SILENT, Renderer
from cantilena.files import write_bytes, write_json
from cantilena.fingerprint import code_fingerprint
from cantilena.render.audio import render_audio
from cantilena.render.page import PLAYER_RATE
from cantilena.render.roll import draw_roll
from cantilena.render.spectrogram import draw_spectrogram
from cantilena.result import Result, row_dict
from cantilena.score.midi import read_midi, write_midi
from cantilena.score.score import Score
from cantilena.text.report.heard import HeardRow, heard_rows
from cantilena.text.wishes import Brief

LONGEST = 10 * 60
"""Seconds beyond which a piece is not sounded, listened to and drawn."""


def about(result: Result) -> dict[str, Any]:
    """What the record of a piece keeps of its Result: the report, the chords and, of sound, the
    Score that led it as base64 of a MIDI file (None: none did)."""
    guide = result.guide if result.audio is not None else None
    return {
        "report": [row_dict(row) for row in result.rows],
        "chords": [[int(tick), symbol] for tick, symbol in result.chords],
        "guide": None if guide is None else base64.b64encode(write_midi(guide)).decode(),
    }


def exhibit(piece: Piece, wishes: Brief, folder: Path, renderer: Renderer) -> dict[str, Any]:
    """Makes what is shown of a piece beside it, and tells of it in plain data: ``sound`` and
    ``midi``, places within ``folder`` or None; ``note``, why there is no sound ("": there is);
    ``pictures``, each with ``kind`` ("roll" or "spectrogram"), ``src`` and what it shows in words,
    ``alt``; ``seconds`` of music, of notes without the room that their sound fades in; ``led``,
    whether the notes are those of a Score that led the sound; ``report`` and ``heard``, rows as
    ``result.row_dict`` and ``HeardRow`` have them."""
    assert piece.path is not None
    data = piece.path.read_bytes()
    about_it = json.dumps([dict(piece.about), wishes.to_dict()], sort_keys=True)
    parts = [code_fingerprint(), renderer.name, about_it, hashlib.sha256(data).hexdigest()]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    record = piece.path.with_suffix(".page.json")
    shown = _kept(record, key, folder)
    if shown is None:
        shown = _Exhibit(piece, wishes, folder, renderer).shown()
        names = [p["src"] for p in shown["pictures"]]
        names += [shown[kind] for kind in ("sound", "midi") if shown[kind] is not None]
        hashes = {name: _sha256(folder / name) for name in names}
        write_json(record, {"key": key, "files": hashes, "shown": shown}, indent=None)
    return shown


def _kept(record: Path, key: str, folder: Path) -> dict[str, Any] | None:
    """What was made before of the same piece, if all of its files are what they were."""
    try:
        data = json.loads(record.read_text(encoding="utf-8"))
        same = data["key"] == key
        same = same and all(_sha256(folder / n) == sha for n, sha in data["files"].items())
        return dict(data["shown"]) if same else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _Exhibit:
    """A piece, and what is made of it."""

    def __init__(self, piece: Piece, wishes: Brief, folder: Path, renderer: Renderer):
        assert piece.path is not None
        self.path, self.about, self.wishes = piece.path, piece.about, wishes
        self.folder, self.renderer = folder, renderer
        self.score = self._score()

    def _score(self) -> Score | None:
        """The notes: the piece's own, or those that led its sound."""
        if self.path.suffix == ".mid":
            return read_midi(self.path)
        guide = self.about.get("guide")
        return None if guide is None else read_midi(base64.b64decode(guide))

    @property
    def led(self) -> bool:
        """Whether the notes are not the piece, but led its sound."""
        return self.score is not None and self.path.suffix != ".mid"

    def shown(self) -> dict[str, Any]:
        """What ``exhibit`` gives."""
        score = self.score
        midi = None if score is None else self.path.with_suffix(".mid")
        if self.led and midi is not None and score is not None:
            write_bytes(midi, write_midi(score))
        try:
            samples, rate = self._sound()
        except CantilenaError as error:
            return self._entry(midi, None, str(error), [], (), self._length())
        sound = self.path.with_suffix(".wav")
        if self.path.suffix == ".mid":
            write_bytes(sound, wav_bytes(samples, rate))
        rows: Sequence[HeardRow] = ()
        if len(samples):
            heard = listen(samples, rate)
            rows = (*heard_rows(heard, self.wishes, score), _families(heard, self.wishes, score))
        silent = not len(samples) or float(np.abs(samples).max()) < SILENT
        note = "the sound is silent" if silent else ""
        pictures = self._pictures(samples, rate, rows)
        seconds = len(samples) / rate if score is None or self.led else self._length()
        return self._entry(midi, sound, note, pictures, rows, seconds)

    def _entry(
        self,
        midi: Path | None,
        sound: Path | None,
        note: str,
        pictures: list[dict[str, str]],
        rows: Sequence[HeardRow],
        seconds: float,
    ) -> dict[str, Any]:
        return {
            "seconds": round(seconds, 3),
            "sound": None if sound is None else self._place(sound),
            "midi": None if midi is None else self._place(midi),
            "note": note,
            "led": self.led,
            "pictures": pictures,
            "report": list(self.about.get("report", [])),
            "heard": [asdict(row) for row in rows],
        }

    def _place(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _length(self) -> float:
        return 0.0 if self.score is None else float(self.score.seconds(self.score.end))

    def _sound(self) -> tuple[np.ndarray, int]:
        """(n, channels) samples of the piece and their rate. Raises CantilenaError."""
        if self.path.suffix != ".mid":
            return read_wav(self.path)
        assert self.score is not None
        if not len(self.score):
            raise CantilenaError("the piece has no notes")
        if self._length() > LONGEST:
            raise CantilenaError(f"the piece lasts more than {LONGEST // 60} minutes")
        font = self.renderer.soundfont
        audio = render_audio(self.score, None, PLAYER_RATE, self.renderer.engine, font)
        return audio.samples, audio.rate

    def _pictures(
        self, samples: np.ndarray, rate: int, rows: Sequence[HeardRow]
    ) -> list[dict[str, str]]:
        """The spectrogram, and the roll of a piece that has notes."""
        pictures: list[dict[str, str]] = []
        if len(samples):
            heard = "; ".join(f"{row.what}: {row.heard}" for row in rows)
            alt = (
                f"Spectrogram of {len(samples) / rate:.1f} s of sound at {rate:,} Hz. Heard in it: "
            )
            pictures.append(
                self._picture("spectrogram", draw_spectrogram(samples, rate), f"{alt}{heard}")
            )
        if self.score is not None and len(self.score):
            chords = [(int(tick), str(symbol)) for tick, symbol in self.about.get("chords", [])]
            names = ", ".join(dict.fromkeys(t.name or "a part" for t in self.score.tracks))
            alt = f"Piano roll: {len(self.score):,} notes in {self.score.n_bars} bars, by {names}"
            pictures.append(self._picture("roll", draw_roll(self.score, chords=chords), alt))
        return pictures

    def _picture(self, kind: str, data: bytes, alt: str) -> dict[str, str]:
        path = self.path.with_name(f"{self.path.stem}-{kind}.png")
        write_bytes(path, data)
        return {"kind": kind, "src": self._place(path), "alt": alt}


def _families(heard: Heard, wishes: Brief, score: Score | None) -> HeardRow:
    """Families of instruments that are heard, of those that can be told: beside those that play in
    the Score, which are then all, or that are asked for, which may have others beside them."""
    able = shipped().told
    if score is None:
        asked = {NAMES[i.programs[0] // 8] for i in wishes.instruments if i.programs}
    else:
        asked = {NAMES[int(number) // 8] for number in np.unique(score.instrument)}
    expected = [name for name in able if name in asked]
    there = set(heard.families)
    agrees = None
    if score is not None:
        agrees = there == set(expected)
    elif expected:
        agrees = set(expected) <= there
    right = "; ".join(_right(name, accuracy()["families"][name]) for name in able)
    words = ", ".join(heard.families) or f"none of {', '.join(able)}"
    return HeardRow("instruments", ", ".join(expected), words, agrees, right)


def _right(name: str, rates: Mapping[str, Any]) -> str:
    """How often a family is heard rightly, in words."""
    return (
        f"{name}: {100 * rates['precision']:.0f} % of those heard are there, "
        f"{100 * rates['recall']:.0f} % of those there are heard"
    )
