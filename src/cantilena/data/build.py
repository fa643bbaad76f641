"""Building the data set: many songs into shards, in parallel, resumable.

Knows units of work, their shards and the manifest; does not know how one song is prepared
(``prepare``), how a shard is laid out (``shards``) or which shards of a killed build are kept
(``resume``).

A unit is up to ``SONGS_PER_SHARD`` songs of one corpus and split and becomes one shard, written
whole. What a shard holds depends on its unit alone: any number of workers makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data import shards
from cantilena.data.corpora import DEFAULT_MIX, corpus
from cantilena.data.corpora.corpus import SPLITS, Song
from cantilena.data.duplicates import copies
from cantilena.data.prepare import REASONS, accepted, prepare
from cantilena.data.resume import Progress, Shard, finish, in_order
from cantilena.data.workers import spread
from cantilena.errors import CantilenaError, InputError
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.tokens.note import NoteScheme

SONGS_PER_SHARD = 200  # a worker loses at most so many when a build is killed
PREPARE_VERSION = 2  # raise it when ``prepare`` makes other pieces of the same files


@dataclass(frozen=True)
class Unit:
    """Songs of one corpus and split that make one shard."""

    corpus: str
    split: str
    number: int
    songs: tuple[Song, ...] = field(repr=False)
    key: str = ""

    @property
    def file(self) -> str:
        """The shard's file name."""
        return f"{self.corpus}-{self.split}-{self.number:04d}.npz"


def build(
    corpora_dir: str | Path,
    out: str | Path,
    mix: Sequence[str] = DEFAULT_MIX,
    workers: int = 1,
    progress: Progress | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Builds the data set of the corpora in ``mix`` and returns its manifest.

    ``corpora_dir`` holds a folder for each corpus, by its name. ``limit`` takes the first songs
    of each split of a corpus only. Shards and ``manifest.json`` are written to ``out``; calling
    again goes on where a stopped build was, and builds damaged shards anew. Raises
    UnknownNameError for an unknown corpus, InputError for one that is not there or cannot be read
    and while another process writes to ``out``, CantilenaError where a shard changes under the
    build.
    """
    out = make_folder(out)
    with lock(out):
        return _build(Path(corpora_dir), out, mix, workers, progress, limit)


def _build(
    root: Path,
    out: Path,
    mix: Sequence[str],
    workers: int,
    progress: Progress | None,
    limit: int | None,
) -> dict[str, Any]:
    """``build`` into a folder that is locked."""
    scheme = NoteScheme()
    work = list(units(root, mix, scheme, limit))

    def run(missing: Sequence[Unit]) -> Iterator[tuple[Unit, tuple[dict[str, Any], str]]]:
        return spread(build_shard, missing, workers, out, scheme)

    standing = in_order(
        work, out, shards.about, run, lambda unit: len(unit.songs), _summary, progress
    )
    return finish(out, manifest(standing, out, scheme, limit))


def _summary(counts: Mapping[str, Any]) -> str:
    return f"{counts['songs']} songs, {counts['notes']:,} notes"


def units(
    root: Path, mix: Sequence[str], scheme: NoteScheme, limit: int | None = None
) -> Iterator[Unit]:
    """The units of the corpora in ``mix``, in order."""
    if not root.is_dir():
        raise InputError(f"there is no folder {str(root)!r}; give the folder of the corpora")
    for name in dict.fromkeys(mix):
        source = corpus(name)
        if not source.readable:
            raise InputError(f"the corpus {name!r} cannot be built: nothing reads its files yet")
        if not (root / name).is_dir():
            raise InputError(f"the corpus {name!r} is not in {str(root)!r}: fetch it first")
        by_split: dict[str, list[Song]] = {split: [] for split in SPLITS}
        for song in source.songs(root / name):
            by_split[song.split].append(song)
        if not any(by_split.values()):
            raise InputError(f"the corpus {name!r} in {str(root)!r} has no songs")
        for split, songs in by_split.items():
            chosen = songs[:limit]
            for i in range(0, len(chosen), SONGS_PER_SHARD):
                part = tuple(chosen[i : i + SONGS_PER_SHARD])
                key = _key(part, root, scheme)
                yield Unit(name, split, i // SONGS_PER_SHARD, part, key)


def _key(songs: Sequence[Song], root: Path, scheme: NoteScheme) -> str:
    """A digest of all that decides what a unit's shard holds."""
    source = corpus(songs[0].corpus)
    rows = [
        [s.path.relative_to(root).as_posix(), s.path.stat().st_size, {**asdict(s), "path": ""}]
        for s in songs
    ]
    text = json.dumps(
        [
            PREPARE_VERSION,
            shards.VERSION,
            scheme.to_dict(),
            source.version,
            asdict(source.rules),
            sorted(source.drum_map.items()),
            rows,
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def build_shard(unit: Unit, out: Path, scheme: NoteScheme) -> tuple[dict[str, Any], str]:
    """Prepares a unit's songs and writes its shard; what the shard says of itself, and the sha256
    of its file."""
    source = corpus(unit.corpus)
    pieces: list[shards.Piece] = []
    refused: dict[str, list[str]] = {}
    left_out: Counter[str] = Counter()
    for piece, counts in accepted(unit.songs, lambda s: prepare(s, source, scheme), refused):
        pieces.append(piece)
        left_out.update(counts)
    about = {
        "key": unit.key,
        "corpus": unit.corpus,
        "split": unit.split,
        "counts": {
            "songs": len(pieces),
            "notes": sum(len(p.table) for p in pieces),
            "bars": sum(len(p.bar_num) for p in pieces),
            "seconds": round(sum(p.meta["seconds"] for p in pieces), 1),
        },
        "left_out": dict(left_out),
        "refused": refused,
        "scheme": scheme.to_dict(),
    }
    return about, shards.write_shard(out / unit.file, pieces, about)


def manifest(
    standing: Sequence[Shard[Unit]], out: Path, scheme: NoteScheme, limit: int | None = None
) -> dict[str, Any]:
    """What stands in ``out``, as plain data.

    ``shards``: file, corpus, split, counts and sha256 of each; ``counts``: by corpus and split;
    ``left_out``: notes by corpus and cause; ``refused``: songs by corpus and reason; ``copies``:
    for each shard the songs that repeat one of a more held-out split (test before valid before
    train) or an earlier one; readers leave them out, the counts do not have them. Raises
    CantilenaError for a shard that is no longer what was written or verified.
    """
    rows: list[dict[str, Any]] = []
    sketches: list[np.ndarray] = []
    origins: list[tuple[str, int, str]] = []
    left_out: dict[str, Counter[str]] = {}
    refused: dict[str, Counter[str]] = {}
    metas: dict[str, list[dict[str, Any]]] = {}
    for shard in standing:
        unit, about = shard.unit, shard.about
        arrays = shards.read_shard(
            _verified(out / unit.file, shard.sha256), ("sketch", "sketch_ptr", "meta")
        )
        metas[unit.file] = shards.unpack_text(arrays["meta"])
        ends = arrays["sketch_ptr"]
        for i in range(len(ends) - 1):
            sketches.append(arrays["sketch"][ends[i] : ends[i + 1]])
            origins.append((unit.file, i, unit.split))
        left_out.setdefault(unit.corpus, Counter()).update(about["left_out"])
        by_reason = {reason: len(ids) for reason, ids in about["refused"].items()}
        refused.setdefault(unit.corpus, Counter()).update(by_reason)
        row = {"file": unit.file, "corpus": unit.corpus, "split": unit.split}
        rows.append({**row, "sha256": shard.sha256, **about["counts"]})
    repeats, across_splits = _copies(sketches, origins, metas)
    dropped = {file: {copy["song"] for copy in rows_} for file, rows_ in repeats.items()}
    return {
        "cantilena": "data",
        "version": shards.VERSION,
        "scheme": scheme.to_dict(),
        "mix": list(dict.fromkeys(shard.unit.corpus for shard in standing)),
        "limit": limit,
        "counts": _counts(rows, metas, dropped),
        "left_out": {name: dict(c) for name, c in left_out.items()},
        "refused": {name: dict(sorted(c.items())) for name, c in refused.items()},
        "reasons": REASONS,
        "copied": {"all": sum(map(len, repeats.values())), "across_splits": across_splits},
        "copies": repeats,
        "shards": rows,
    }


def _verified(path: Path, sha256: str) -> bytes:
    """A shard's bytes. Raises CantilenaError where they are not what was written or verified."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CantilenaError(f"{path} cannot be read: {error.strerror}; build again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CantilenaError(f"{path} changed while the data set was built; build again")
    return data


def _copies(
    sketches: Sequence[np.ndarray],
    origins: Sequence[tuple[str, int, str]],
    metas: dict[str, list[dict[str, Any]]],
) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """By shard file, the songs that repeat another, and how many of them cross a split.
    ``origins``: shard file, place in it and split of each sketch."""
    held_out_first = [-SPLITS.index(split) for *_, split in origins]
    repeats: dict[str, list[dict[str, Any]]] = {}
    across_splits = 0
    for copy, original in sorted(copies(sketches, held_out_first).items()):
        file, place, split = origins[copy]
        other_file, other_place, other_split = origins[original]
        across_splits += split != other_split
        row = {
            "song": place,
            "id": metas[file][place]["id"],
            "repeats": metas[other_file][other_place]["id"],
        }
        repeats.setdefault(file, []).append(row)
    return repeats, across_splits


def _counts(
    rows: Sequence[dict[str, Any]],
    metas: dict[str, list[dict[str, Any]]],
    dropped: dict[str, set[int]],
) -> dict[str, Any]:
    """Songs, notes, bars and hours by corpus and split, copies left out."""
    counts: dict[str, Any] = {}
    for row in rows:
        gone = dropped.get(row["file"], set())
        kept = [m for i, m in enumerate(metas[row["file"]]) if i not in gone]
        cell = counts.setdefault(row["corpus"], {}).setdefault(
            row["split"], {"songs": 0, "notes": 0, "bars": 0, "hours": 0.0}
        )
        cell["songs"] += len(kept)
        cell["notes"] += sum(m["notes"] for m in kept)
        cell["bars"] += sum(m["bars"] for m in kept)
        cell["hours"] = round(cell["hours"] + sum(m["seconds"] for m in kept) / 3600, 2)
    return counts
