"""Shards of clips: one file of plain numpy arrays, of which single clips are read.

Knows the arrays' names and the file format (.npz without pickles, nothing compressed, so that a
clip is read without those before it); does not know how clips were made or which belong to a
split.

A shard of C clips holds, of clip i, ``iiiii.mix`` and, where they are kept, ``iiiii.side`` and the
stems, ``iiiii.drums`` and so on (``clips.STEMS``), each int16 (n,). The symbols of all clips stand
behind each other: the arrays of ``clips.ANNOTATIONS`` with ``note_ptr``, ``beat_ptr`` and
``chord_ptr``, int64 (C + 1,). ``sketch`` uint64 with ``sketch_ptr``: fingerprints of the songs that
``about`` lists (``data.duplicates``). ``meta`` and ``about``, uint8: UTF-8 JSON, a list of C
objects and one object about the shard.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.audio.clips import ANNOTATIONS, STEMS, Clip, Symbols
from cantilena.data.download import file_sha256
from cantilena.errors import InputError
from cantilena.files import staged_file

VERSION = 1
_DATE = (1980, 1, 1, 0, 0, 0)  # of each array: the first that a zip file can hold


class ShardWriter:
    """A shard being written: ``add`` clips, then ``close`` with what it says of itself. Only the
    symbols and texts are kept in memory."""

    def __init__(self, archive: zipfile.ZipFile):
        self.archive = archive
        self.metas: list[dict[str, Any]] = []
        self.symbols: list[Symbols | None] = []

    def add(self, clip: Clip) -> None:
        """Writes a clip's sound."""
        number = len(self.metas)
        self._write(f"{number:05d}.mix", clip.mix)
        if clip.side is not None:
            self._write(f"{number:05d}.side", clip.side)
        for name, stem in clip.stems.items():
            self._write(f"{number:05d}.{name}", stem)
        self.symbols.append(clip.symbols)
        own = {"rate": clip.rate, "captions": list(clip.captions)}
        shape = {"samples": len(clip.mix), "symbols": clip.symbols is not None}
        self.metas.append({"clip": own | shape, **clip.meta})

    def close(self, about: dict[str, Any], sketches: Sequence[np.ndarray]) -> None:
        """Writes what is known of the clips, and of the shard."""
        for kind, types in ANNOTATIONS.items():
            first = next(iter(types))
            self._write(f"{kind}_ptr", _pointers([len(_array(s, first)) for s in self.symbols]))
            for name, dtype in types.items():
                parts = [_array(s, name) for s in self.symbols]
                self._write(name, np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype))
        self._write("sketch_ptr", _pointers([len(s) for s in sketches]))
        self._write("sketch", np.concatenate([np.zeros(0, np.uint64), *sketches]))
        self._write("meta", _text(self.metas))
        self._write("about", _text({"version": VERSION, **about}))

    def _write(self, name: str, array: np.ndarray) -> None:
        with self.archive.open(zipfile.ZipInfo(f"{name}.npy", _DATE), "w", force_zip64=True) as f:
            np.lib.format.write_array(f, np.ascontiguousarray(array), allow_pickle=False)


@contextmanager
def shard_writer(path: Path) -> Iterator[ShardWriter]:
    """A writer of the shard at ``path``, which appears whole when the block ends, or not at all.
    The same clips make the same bytes."""
    with staged_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        yield ShardWriter(archive)


class Shard:
    """A shard that is open: the metas of its clips, and clips by number. Raises InputError where
    the file is missing, damaged or not a shard."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.archive = np.load(path, allow_pickle=False)
        except Exception as error:  # zipfile, numpy and the system each have their own
            raise _damaged(path, error) from error
        try:
            self.metas: list[dict[str, Any]] = json.loads(self._array("meta").tobytes())
            self.about: dict[str, Any] = json.loads(self._array("about").tobytes())
            self._ptr = {kind: self._array(f"{kind}_ptr") for kind in ANNOTATIONS}
            self._values = {n: self._array(n) for types in ANNOTATIONS.values() for n in types}
            if any(len(ptr) != len(self.metas) + 1 for ptr in self._ptr.values()):
                raise ValueError("its arrays do not fit together")
        except (ValueError, TypeError) as error:
            self.close()
            raise _damaged(path, error) from error

    def __len__(self) -> int:
        return len(self.metas)

    def clip(self, number: int, stems: bool = True) -> Clip:
        """A clip; without ``stems`` these are not read."""
        meta = dict(self.metas[number])
        own = meta.pop("clip")
        mix = self._array(f"{number:05d}.mix")
        if len(mix) != own["samples"]:
            raise _damaged(self.path, f"clip {number} has another length")
        names = [n for n in STEMS if stems and f"{number:05d}.{n}" in self.archive.files]
        parts = {name: self._array(f"{number:05d}.{name}") for name in names}
        symbols = self._symbols(number) if own["symbols"] else None
        stereo = f"{number:05d}.side" in self.archive.files
        side = self._array(f"{number:05d}.side") if stereo else None
        return Clip(own["rate"], mix, meta, tuple(own["captions"]), parts, symbols, side)

    def sketches(self) -> list[np.ndarray]:
        """The sketch of each song that ``about`` lists."""
        values, ends = self._array("sketch"), self._array("sketch_ptr")
        return [values[ends[i] : ends[i + 1]] for i in range(len(ends) - 1)]

    def close(self) -> None:
        """Closes the file."""
        self.archive.close()

    def __enter__(self) -> Shard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _symbols(self, number: int) -> Symbols:
        arrays = {}
        for kind, types in ANNOTATIONS.items():
            start, stop = self._ptr[kind][number : number + 2]
            arrays |= {name: self._values[name][start:stop] for name in types}
        return Symbols(**arrays)

    def _array(self, name: str) -> np.ndarray:
        try:
            return self.archive[name]
        except Exception as error:
            raise _damaged(self.path, error) from error


def about(path: Path) -> dict[str, Any] | None:
    """What a shard says of itself, or None where it cannot be read or is of another version."""
    try:
        with Shard(path) as shard:
            return shard.about if shard.about.get("version") == VERSION else None
    except InputError:
        return None


def write_shard(
    path: Path, clips: Iterable[Clip], about: dict[str, Any], sketches: Sequence[np.ndarray] = ()
) -> str:
    """Writes a shard of some clips; the sha256 of its file."""
    with shard_writer(path) as writer:
        for clip in clips:
            writer.add(clip)
        writer.close(about, sketches)
    return file_sha256(path)


def _damaged(path: Path, error: object) -> InputError:
    return InputError(f"{path} is damaged or not a shard of clips: {error}")


def _array(symbols: Symbols | None, name: str) -> np.ndarray:
    return np.zeros(0) if symbols is None else getattr(symbols, name)


def _text(value: object) -> np.ndarray:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return np.frombuffer(data, dtype=np.uint8)


def _pointers(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
