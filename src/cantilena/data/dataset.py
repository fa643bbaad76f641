"""Reading the data set: the songs of a split, in memory.

Knows the manifest and the shards; does not know training windows or models. Notes are kept in the
shards' small types: 8 bytes each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.corpora.corpus import SPLITS
from cantilena.data.manifest import MANIFEST, load_manifest
from cantilena.data.shards import ARRAYS, NOTE_FIELDS, VERSION, read_shard, unpack_text
from cantilena.errors import InputError, UnknownNameError
from cantilena.tokens.note import NoteScheme


@dataclass(frozen=True)
class Songs:
    """Songs of a split, as concatenated arrays (``data.shards`` tells their meaning) with access
    by song. ``damaged`` names the shards that could not be read."""

    scheme: NoteScheme
    notes: dict[str, np.ndarray]
    song_ptr: np.ndarray
    bar_starts: np.ndarray
    bar_ptr: np.ndarray
    bar_num: np.ndarray
    bar_den: np.ndarray
    chord_numbers: np.ndarray
    chord_starts: np.ndarray
    chord_ptr: np.ndarray
    metas: tuple[dict[str, Any], ...]
    damaged: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.metas)

    @property
    def n_notes(self) -> int:
        """Notes of all songs together."""
        return int(self.song_ptr[-1])

    def length(self, i: int) -> int:
        """Number of notes of song ``i``."""
        return int(self.song_ptr[i + 1] - self.song_ptr[i])

    def table(self, i: int) -> np.ndarray:
        """(N, 5) int64 note table of song ``i``: onset in grid ticks, instrument, pitch, duration
        class, velocity class."""
        part = slice(self.song_ptr[i], self.song_ptr[i + 1])
        out = np.empty((part.stop - part.start, len(NOTE_FIELDS)), dtype=np.int64)
        for column, name in enumerate(NOTE_FIELDS):
            out[:, column] = self.notes[name][part]
        return out

    def bars(self, i: int) -> np.ndarray:
        """(B + 1,) int64 bar lines of song ``i`` in grid ticks, from 0."""
        return self.bar_starts[self.bar_ptr[i] : self.bar_ptr[i + 1]].astype(np.int64)

    def metres(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """(B,) int64 numerators and denominators of the bars of song ``i``."""
        part = slice(self.bar_ptr[i] - i, self.bar_ptr[i + 1] - i - 1)
        return self.bar_num[part].astype(np.int64), self.bar_den[part].astype(np.int64)

    def chords(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """(C,) int64 start ticks of the half bars of song ``i``, and their reduced chord
        numbers."""
        part = slice(self.chord_ptr[i], self.chord_ptr[i + 1])
        return self.chord_starts[part].astype(np.int64), self.chord_numbers[part].astype(np.int64)

    def meta(self, i: int) -> dict[str, Any]:
        """What was read of song ``i``: id, corpus, genres, moods, title, artist, bpm, metre
        [numerator, denominator], key (0-23, or -1), swing, bars, seconds, notes, tempo_events,
        metre_events, pulse (``prepare.pulse``)."""
        return self.metas[i]

    def corpus(self, i: int) -> str:
        """The name of the corpus song ``i`` is from."""
        return self.metas[i]["corpus"]


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a data set. Raises InputError where there is none or it is of another
    version."""
    manifest = load_manifest(folder, "data build")
    if manifest.get("cantilena", "data") != "data" or manifest.get("version") != VERSION:
        path = str(Path(folder) / MANIFEST)
        raise InputError(f"{path!r} is not a manifest of data of version {VERSION}; build it again")
    return manifest


def load_split(
    folder: str | Path,
    split: str,
    corpora: Sequence[str] | None = None,
    verify: bool = True,
    warn: Callable[[str], None] | None = None,
) -> Songs:
    """The songs of a split (of ``corpora`` only, where given), copies of other songs left out.

    A shard that is missing or damaged (``verify`` compares its sha256) is passed over, reported to
    ``warn`` and listed in ``damaged``. Raises InputError where there is no data set or nothing
    of the split can be read, UnknownNameError for an unknown split.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    manifest = read_manifest(folder)
    parts: list[dict[str, np.ndarray]] = []
    metas: list[dict[str, Any]] = []
    damaged: list[str] = []
    for row in manifest["shards"]:
        if row["split"] != split or (corpora is not None and row["corpus"] not in corpora):
            continue
        try:
            arrays = _read(Path(folder) / row["file"], row["sha256"] if verify else None)
        except InputError as error:
            damaged.append(row["file"])
            if warn:
                warn(f"passed over: {error}")
            continue
        keep = np.ones(len(arrays["song_ptr"]) - 1, dtype=bool)
        keep[[copy["song"] for copy in manifest["copies"].get(row["file"], ())]] = False
        of_shard = unpack_text(arrays["meta"])
        metas += [meta for meta, is_kept in zip(of_shard, keep, strict=True) if is_kept]
        parts.append(_kept(arrays, keep))
    if not metas:
        state = f"; damaged: {', '.join(damaged)}" if damaged else ""
        source = "" if corpora is None else f" from {', '.join(corpora)}"
        raise InputError(
            f"the data set in {str(folder)!r} has no songs of {split!r}{source}{state}"
        )
    return _joined(parts, metas, damaged, NoteScheme.from_dict(manifest["scheme"]))


def _read(path: Path, digest: str | None) -> dict[str, np.ndarray]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if digest and hashlib.sha256(data).hexdigest() != digest:
        raise InputError(f"{path} is damaged: it is not the file that the manifest names")
    return read_shard(data, [name for name in ARRAYS if not name.startswith(("sketch", "about"))])


_PARTS = (
    *((name, "song_ptr", 0) for name in NOTE_FIELDS),
    ("bar_starts", "bar_ptr", 0),
    ("bar_num", "bar_ptr", 1),
    ("bar_den", "bar_ptr", 1),
    ("chords", "chord_ptr", 0),
    ("chord_starts", "chord_ptr", 0),
)  # array, its pointers, and by how many its songs are shorter than the pointers say


def _kept(arrays: dict[str, np.ndarray], keep: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of the songs to keep; pointers become lengths."""
    out: dict[str, np.ndarray] = {}
    for name, pointer, less in _PARTS:
        lengths = np.diff(arrays[pointer])
        values = arrays[name]
        out[name] = values if keep.all() else values[np.repeat(keep, lengths - less)]
        out[pointer] = lengths[keep]
    return out


def _joined(
    parts: list[dict[str, np.ndarray]], metas: list, damaged: list[str], scheme: NoteScheme
) -> Songs:
    """One Songs of many shards. Shards are let go array by array, so that at most one array is
    in memory twice."""
    joined: dict[str, np.ndarray] = {}
    for name in list(parts[0]):
        joined[name] = np.concatenate([part.pop(name) for part in parts])
        if name.endswith("_ptr"):
            joined[name] = np.concatenate([[0], np.cumsum(joined[name])]).astype(np.int64)
    return Songs(
        scheme=scheme,
        notes={name: joined[name] for name in NOTE_FIELDS},
        song_ptr=joined["song_ptr"],
        bar_starts=joined["bar_starts"],
        bar_ptr=joined["bar_ptr"],
        bar_num=joined["bar_num"],
        bar_den=joined["bar_den"],
        chord_numbers=joined["chords"],
        chord_starts=joined["chord_starts"],
        chord_ptr=joined["chord_ptr"],
        metas=tuple(metas),
        damaged=tuple(damaged),
    )
