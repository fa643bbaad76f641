"""Shards: many songs in one file of plain numpy arrays.

Knows the arrays' names, types and file format (.npz without pickles); does not know how songs were
made or which belong to a split.

A shard of S songs with N notes and B bars in all holds

- ``onset`` int32, ``instrument``, ``pitch``, ``duration``, ``velocity`` uint8, each (N,): the rows
  of the note table, song after song; song i is ``song_ptr[i]:song_ptr[i + 1]`` (int64, (S + 1,));
  ``duration`` and ``velocity`` are classes of the note scheme, ``onset`` counts grid ticks from
  the song's first bar line
- ``bar_starts`` int32 with ``bar_ptr``: each song's bar lines, one more than it has bars;
  ``bar_num``, ``bar_den`` uint8: metre of each bar, song i at ``bar_ptr[i] - i`` onward
- ``chords`` uint8, ``chord_starts`` int32 with ``chord_ptr``: reduced chord numbers by half bars
- ``sketch`` uint64 with ``sketch_ptr``: fingerprints (``data.duplicates``)
- ``meta``, ``about`` uint8: UTF-8 JSON, a list of S objects and one object about the shard
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.files import write_bytes

VERSION = 1
NOTE_FIELDS = {
    "onset": np.int32,
    "instrument": np.uint8,
    "pitch": np.uint8,
    "duration": np.uint8,
    "velocity": np.uint8,
}
_RAGGED = {  # array: its type, and the name of its pointers where it has its own
    "bar_starts": (np.int32, "bar_ptr"),
    "bar_num": (np.uint8, ""),
    "bar_den": (np.uint8, ""),
    "chords": (np.uint8, "chord_ptr"),
    "chord_starts": (np.int32, ""),
    "sketch": (np.uint64, "sketch_ptr"),
}
ARRAYS = (
    *NOTE_FIELDS,
    "song_ptr",
    "bar_starts",
    "bar_ptr",
    "bar_num",
    "bar_den",
    "chords",
    "chord_starts",
    "chord_ptr",
    "sketch",
    "sketch_ptr",
    "meta",
    "about",
)


@dataclass(frozen=True)
class Piece:
    """One song ready for a shard. ``table`` (N, 5) int64 as ``NoteScheme.table`` makes it,
    ``bar_starts`` (B + 1,), ``bar_num`` and ``bar_den`` (B,), ``chords`` and ``chord_starts``
    (C,), ``sketch`` (K,) uint64."""

    table: np.ndarray
    bar_starts: np.ndarray
    bar_num: np.ndarray
    bar_den: np.ndarray
    chords: np.ndarray
    chord_starts: np.ndarray
    sketch: np.ndarray
    meta: dict[str, Any]


def pack(pieces: Sequence[Piece], about: dict[str, Any]) -> bytes:
    """The shard of some pieces as a file's content; the same pieces make the same bytes."""
    arrays: dict[str, np.ndarray] = {}
    tables = [p.table for p in pieces] or [np.zeros((0, 5), dtype=np.int64)]
    notes = np.concatenate(tables)
    for column, (name, dtype) in enumerate(NOTE_FIELDS.items()):
        arrays[name] = notes[:, column].astype(dtype)
    arrays["song_ptr"] = _pointers([len(p.table) for p in pieces])
    for name, (dtype, pointer) in _RAGGED.items():
        parts = [getattr(p, name) for p in pieces]
        arrays[name] = np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype)
        if pointer:
            arrays[pointer] = _pointers([len(a) for a in parts])
    arrays["meta"] = _text([p.meta for p in pieces])
    arrays["about"] = _text({"version": VERSION, **about})
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{name: arrays[name] for name in ARRAYS})
    return buffer.getvalue()


def write_shard(path: Path, pieces: Sequence[Piece], about: dict[str, Any]) -> str:
    """Writes a shard whole or not at all; the sha256 of its file."""
    data = pack(pieces, about)
    write_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def read_shard(source: Path | bytes, only: Sequence[str] = ARRAYS) -> dict[str, np.ndarray]:
    """The named arrays of a shard, checked against each other where all are read. Raises
    InputError where the file is missing, damaged or not a shard."""
    name = "the shard" if isinstance(source, bytes) else str(source)
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in only}
    except Exception as error:  # zipfile, zlib, numpy and the system each have their own
        raise InputError(f"{name} is damaged or not a shard: {error}") from error
    if set(only) == set(ARRAYS) and not _fit_together(arrays):
        raise InputError(f"{name} is damaged: its arrays do not fit together")
    return arrays


def about(source: Path | bytes) -> dict[str, Any] | None:
    """What a shard says of itself, or None where it cannot be read."""
    try:
        return unpack_text(read_shard(source, ("about",))["about"])
    except (InputError, ValueError):
        return None


def unpack_text(array: np.ndarray) -> Any:
    """What ``meta`` or ``about`` holds."""
    return json.loads(array.tobytes().decode())


def _text(value: object) -> np.ndarray:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return np.frombuffer(data, dtype=np.uint8)


def _pointers(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _fit_together(arrays: dict[str, np.ndarray]) -> bool:
    songs = len(arrays["song_ptr"]) - 1
    pairs = [
        *(("song_ptr", name) for name in NOTE_FIELDS),
        ("bar_ptr", "bar_starts"),
        ("chord_ptr", "chords"),
        ("chord_ptr", "chord_starts"),
        ("sketch_ptr", "sketch"),
    ]
    for pointers, values in ((arrays[p], arrays[v]) for p, v in pairs):
        if len(pointers) != songs + 1 or pointers[-1] != len(values):
            return False
        if (np.diff(pointers) < 0).any():
            return False
    bars = len(arrays["bar_starts"]) - songs  # each song has one bar line more than bars
    return len(arrays["bar_num"]) == len(arrays["bar_den"]) == bars
