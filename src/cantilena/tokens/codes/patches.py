"""UniAudio's sequences: words, codes and notes as patches of K tokens of one vocabulary.

Knows how each of these becomes patches and, of notes, back; does not know models, codecs or what a
task is good for. A sequence is ``<task> <start x> x.. <end x> .. <start y> y..``: a frame of codes
is one patch, as is a word, which stands K times in it; the fields of a note fill patches one after
the other. UniAudio has no notes; its other symbols stand K times each. Yang et al., "UniAudio: An
Audio Foundation Model Toward Universal Audio Generation" (2023).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cantilena.errors import InputError
from cantilena.tokens.codes.symbols import Sounding
from cantilena.tokens.note.conditions import pieces

TEXT, CONTINUE, EDIT = "text", "continue", "edit"
ACCOMPANY, SOUND, NOTE, TRANSCRIBE = "accompany", "sound", "note", "transcribe"
TASKS = (TEXT, CONTINUE, EDIT, ACCOMPANY, SOUND, NOTE, TRANSCRIBE)
"""What a sequence can be: music of words; what follows a recording; what fills a gap in one; a part
to the others; the sound of notes; that of a single one; the notes of a sound."""
WORDS, AUDIO, NOTES = "words", "audio", "notes"
KINDS = (WORDS, AUDIO, NOTES)
"""What stands between a start and an end."""
MOST_WORDS = 40
"""Of a text, the first."""
INSTRUMENTS, PITCHES, LAYERS = 129, 128, 8
DURATIONS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Frames that a note is held, the nearest of them by ratio."""
FIELDS = ("time", "instrument", "pitch", "duration", "velocity")
"""Of a note, in the order in which they are written."""
NOWHERE = -1
"""The time of what belongs to no frame."""


class Segment(NamedTuple):
    """What stands between a start and an end: ``patches`` (n, K) int64 of the ``kind``, and
    ``when`` (n,), the frame that each belongs to, ``NOWHERE`` for none."""

    kind: str
    patches: np.ndarray
    when: np.ndarray


class Patches(NamedTuple):
    """A sequence: ``patches`` (S, K) int64, ``when`` (S,), and from which position on it is the
    ``target``."""

    patches: np.ndarray
    when: np.ndarray
    target: int


class NoteRow(NamedTuple):
    """A note as patches have it: ``frame`` in which it begins, ``NOWHERE`` where it sounds already;
    ``instrument`` 0-127 or 128 for drums; ``pitch``; ``frames`` that it is held; ``velocity``."""

    frame: int
    instrument: int
    pitch: int
    frames: int
    velocity: int


@dataclass(frozen=True)
class Vocabulary:
    """The tokens: of ``books`` of ``card`` codes each, of times within ``frames``, and of words,
    which are hashed to ``buckets``; these stand last, as they are read alone."""

    books: int
    card: int
    frames: int
    buckets: int

    def __post_init__(self) -> None:
        if min(self.books, self.card, self.frames, self.buckets) < 1:
            raise InputError("a vocabulary has books, codes, frames and words, one of each or more")

    @cached_property
    def first(self) -> dict[str, int]:
        """The first token of each range, by name."""
        sizes = {
            "fill": 1,
            "nothing": 1,
            "gap": 1,
            "task": len(TASKS),
            "start": len(KINDS),
            "end": len(KINDS),
            "time": 1 + self.frames,
            "instrument": INSTRUMENTS,
            "pitch": PITCHES,
            "duration": len(DURATIONS),
            "velocity": LAYERS,
            "codes": self.books * self.card,
            "word": self.buckets,
        }
        starts = np.concatenate([[0], np.cumsum(list(sizes.values()))])
        return dict(zip(sizes, starts.tolist(), strict=False))

    @property
    def written(self) -> int:
        """Tokens that can be written: all but words."""
        return self.first["word"]

    @property
    def size(self) -> int:
        """All tokens."""
        return self.first["word"] + self.buckets

    @property
    def note_patches(self) -> int:
        """Patches of a note."""
        return -(-len(FIELDS) // self.books)

    # ------------------------------------------------------------------ to patches

    def repeated(self, tokens: Sequence[int]) -> np.ndarray:
        """(n, K) of tokens that stand K times each."""
        return np.repeat(np.asarray(tokens, dtype=np.int64)[:, None], self.books, 1)

    def words(self, text: str) -> Segment:
        """A text's words, hashed."""
        hashes = [zlib.crc32(word.encode()) % self.buckets for word in pieces(text)][:MOST_WORDS]
        rows = self.repeated([self.first["word"] + number for number in hashes])
        return Segment(WORDS, rows, np.full(len(rows), NOWHERE))

    def audio(self, codes: np.ndarray, begin: int = 0) -> Segment:
        """Codes (K, T), whose first frame is number ``begin``."""
        offset = self.first["codes"] + np.arange(self.books) * self.card
        return Segment(AUDIO, codes.T.astype(np.int64) + offset, begin + np.arange(codes.shape[1]))

    def around(self, before: np.ndarray, after: np.ndarray, gap: int) -> Segment:
        """Codes before and behind a gap of so many frames, and between them the token for it."""
        first, last = self.audio(before), self.audio(after, before.shape[1] + gap)
        hole = self.repeated([self.first["gap"]])
        patches = np.concatenate([first.patches, hole, last.patches])
        return Segment(AUDIO, patches, np.concatenate([first.when, [NOWHERE], last.when]))

    def notes(self, sounding: Sounding, rate: float, start: int, stop: int) -> Segment:
        """The notes that sound in the frames from ``start`` to ``stop``, of ``rate`` a second, by
        time, instrument and pitch."""
        begin = np.floor(np.asarray(sounding.onset, dtype=np.float64) * rate + 1e-6).astype(int)
        ends = np.asarray(sounding.onset + sounding.duration, dtype=np.float64) * rate
        inside = np.flatnonzero((begin < stop) & ((begin >= start) | (ends > start + 0.5)))
        rows = np.zeros((len(inside), self.note_patches * self.books), dtype=np.int64)
        when = np.maximum(begin[inside] - start, NOWHERE)
        held = ends[inside] - np.maximum(begin[inside], start)
        ratio = np.abs(np.log(np.maximum(held, 1.0)[:, None] / np.array(DURATIONS)))
        rows[:, 0] = self.first["time"] + 1 + when
        rows[:, 1] = self.first["instrument"] + sounding.instrument[inside].astype(np.int64)
        rows[:, 2] = self.first["pitch"] + sounding.pitch[inside].astype(np.int64)
        rows[:, 3] = self.first["duration"] + ratio.argmin(1)
        layer = sounding.velocity[inside].astype(np.int64) * LAYERS // PITCHES
        rows[:, 4] = self.first["velocity"] + layer
        order = np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))
        patches = rows[order].reshape(-1, self.books)
        return Segment(NOTES, patches, np.repeat(when[order], self.note_patches))

    def sequence(
        self, task: str, sources: Sequence[Segment], target: Segment, nothing: bool = False
    ) -> Patches:
        """The sequence of a task. The end of notes is part of the target; sound has none, as its
        length is known. ``nothing``: in place of the sources' patches stands that they are not
        known."""
        parts = [self.repeated([self.first["task"] + TASKS.index(task)])]
        when = [np.array([NOWHERE])]
        for segment in sources:
            inner = segment.patches
            if nothing:
                inner = np.full_like(inner, self.first["nothing"])
            parts += [self.bound("start", segment.kind), inner, self.bound("end", segment.kind)]
            when += [np.array([NOWHERE]), segment.when, np.array([NOWHERE])]
        parts += [self.bound("start", target.kind), target.patches]
        # the start of sound stands where the frame before its first would
        begin = target.when[0] - 1 if target.kind == AUDIO and len(target.when) else NOWHERE
        when += [np.array([begin]), target.when]
        if target.kind == NOTES:
            parts.append(self.bound("end", NOTES))
            when.append(np.array([NOWHERE]))
        place = sum(map(len, parts)) - len(target.patches) - (target.kind == NOTES)
        return Patches(np.concatenate(parts), np.concatenate(when), place)

    def bound(self, side: str, kind: str) -> np.ndarray:
        """(1, K) the start or the end of a kind."""
        return self.repeated([self.first[side] + KINDS.index(kind)])

    # ------------------------------------------------------------------ and back

    def codes_of(self, patches: np.ndarray) -> np.ndarray:
        """(K, n) codes of patches (n, K) of sound."""
        return (patches - self.first["codes"] - np.arange(self.books) * self.card).T

    def notes_of(self, patches: np.ndarray) -> list[NoteRow]:
        """The notes of patches (n, K); the last is left out where it is not whole."""
        whole = len(patches) // self.note_patches * self.note_patches
        rows = np.asarray(patches[:whole], dtype=np.int64)
        rows = rows.reshape(-1, self.note_patches * self.books)[:, : len(FIELDS)]
        rows = rows - np.array([self.first[name] for name in FIELDS])
        return [
            NoteRow(time - 1, instrument, pitch, DURATIONS[held], layer * PITCHES // LAYERS + 8)
            for time, instrument, pitch, held, layer in rows.tolist()
        ]

    def range_of(self, kind: str, field: int, patch: int) -> tuple[int, int]:
        """The first token that may stand in a field of a patch of sound or notes, and the one
        behind the last; ``patch``: its number among those of its note."""
        if kind == AUDIO:
            first = self.first["codes"] + field * self.card
            return first, first + self.card
        place = patch * self.books + field
        if place >= len(FIELDS):
            return self.first["fill"], self.first["fill"] + 1
        sizes = (1 + self.frames, INSTRUMENTS, PITCHES, len(DURATIONS), LAYERS)
        first = self.first[FIELDS[place]]
        return first, first + sizes[place]
