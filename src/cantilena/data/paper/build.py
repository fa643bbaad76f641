"""Building the text-to-symbolic paper's data: Lakh, with MidiCaps's captions or our own.

Knows units of work and the splits; does not know how a song becomes chunks (``songs``), how a
shard is laid out (``shards``), which shards of a killed build are kept (``data.resume``), what the
manifest says (``manifest``) or how training reads it all (``reader``).

As in ``data.build`` a unit is up to ``SONGS_PER_SHARD`` songs of one split and becomes one shard,
written whole; what it holds depends on the unit alone, so that any number of workers, on one
machine or several, makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cantilena.data.corpora import lakh, midicaps
from cantilena.data.corpora.corpus import SPLITS, Song
from cantilena.data.corpora.midicaps import MidiCaps
from cantilena.data.paper import shards as paper_shards
from cantilena.data.paper.manifest import Unit, credit, manifest
from cantilena.data.paper.ray import spread_by_ray
from cantilena.data.paper.references import write_references
from cantilena.data.paper.songs import Chunk, Recipe, song_chunks
from cantilena.data.prepare import accepted
from cantilena.data.resume import Progress, Shard, finish, in_order
from cantilena.data.workers import spread
from cantilena.errors import InputError
from cantilena.files import make_folder
from cantilena.locks import lock
from cantilena.tokens.arrival.vocab import AMT

SONGS_PER_SHARD = 200  # a worker loses at most so many when a build is killed
CHUNKS_VERSION = 1  # raise it when ``songs`` makes other chunks of the same files


def build_paper(
    lakh_dir: str | Path,
    out: str | Path,
    midicaps_file: str | Path | None = None,
    recipe: Recipe | None = None,
    workers: int = 1,
    limit: int | None = None,
    ray: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Builds the data set and returns its manifest (``read_paper_manifest`` tells its fields); the
    test songs stand in ``references.jsonl`` besides (``references``).

    ``lakh_dir`` holds Lakh's MIDI files; ``midicaps_file`` is MidiCaps's train.json, without which
    captions are our own; ``limit`` takes the first songs of each split only. ``ray`` runs the work
    as a Ray Data job, on the cluster that RAY_ADDRESS names or on ``workers`` processes here; the
    machines of a cluster must see both folders under the same names. Calling again goes on where
    a stopped build was, and builds damaged shards anew. Raises InputError where the corpus or the
    captions are not there and while another process writes to ``out``, MissingExtraError without
    pyarrow, or without ray where it is asked for.
    """
    paper_shards.need_pyarrow()
    recipe = recipe or Recipe()
    captions = midicaps.load_midicaps(midicaps_file, tags=False) if midicaps_file else None
    work, here, without = units(Path(lakh_dir), recipe, captions, limit)
    source = credit(captions, midicaps_file, here, without)
    out = make_folder(out)
    with lock(out):
        standing = _shards(work, out, recipe, workers, ray, progress)
        built = finish(out, manifest(standing, recipe, limit, source))
        write_references(out, {s.id: s.path for u in work if u.split == "test" for s in u.songs})
    return built


def _shards(
    work: Sequence[Unit],
    out: Path,
    recipe: Recipe,
    workers: int,
    ray: bool,
    progress: Progress | None,
) -> list[Shard[Unit]]:
    """The shards of all units, in their order, built where they are not there yet."""

    def run(missing: Sequence[Unit]) -> Iterator[tuple[Unit, tuple[dict[str, Any], str]]]:
        return (spread_by_ray if ray else spread)(build_shard, missing, workers, out, recipe)

    return in_order(
        work, out, paper_shards.about, run, lambda unit: len(unit.songs), _summary, progress
    )


def _summary(counts: Mapping[str, Any]) -> str:
    return f"{counts['songs']} songs, {counts['chunks']:,} chunks"


def units(
    root: Path, recipe: Recipe, captions: MidiCaps | None = None, limit: int | None = None
) -> tuple[list[Unit], int, int]:
    """The units of work in order (songs by md5, as the splits' first 4,000 and 1,000 are counted),
    how many of MidiCaps's songs are here, and how many songs here it lacks: those are no part of
    the data, and take no place in ``limit``."""
    if not root.is_dir():
        raise InputError(f"there is no folder {str(root)!r}; give the folder of Lakh's MIDI files")
    by_split: dict[str, list[Song]] = {split: [] for split in SPLITS}
    here = without = 0
    for song in lakh.songs(root):
        if captions is None:
            by_split[song.split].append(song)
        elif song.id in captions.rows:
            here += 1
            by_split[song.split].append(song)
        else:
            without += 1
    if not any(by_split.values()):
        raise InputError(f"none of MidiCaps's songs is in {str(root)!r}; give Lakh's whole folder")
    work = []
    for split, songs in by_split.items():
        chosen = songs[:limit]
        for i in range(0, len(chosen), SONGS_PER_SHARD):
            part = tuple(chosen[i : i + SONGS_PER_SHARD])
            rows = tuple(captions.rows[s.id] if captions else None for s in part)
            key = _key(part, rows, root, recipe)
            number = i // SONGS_PER_SHARD
            work.append(Unit(split, number, part, rows, key))
    return work, here, without


def _key(songs: Sequence[Song], rows: Sequence, root: Path, recipe: Recipe) -> str:
    """A digest of all that decides what a unit's shard holds."""
    files = [
        [s.path.relative_to(root).as_posix(), s.path.stat().st_size, {**asdict(s), "path": ""}]
        for s in songs
    ]
    captions = [None if row is None else asdict(row) for row in rows]
    rules = [CHUNKS_VERSION, paper_shards.VERSION, AMT.to_dict(), asdict(recipe)]
    return hashlib.sha256(json.dumps([*rules, files, captions]).encode()).hexdigest()


def build_shard(unit: Unit, out: Path, recipe: Recipe) -> tuple[dict[str, Any], str]:
    """Makes a unit's chunks and writes its shard; what the shard says of itself, and the sha256
    of its file."""
    chunks: list[Chunk] = []
    refused: dict[str, list[str]] = {}
    left_out: Counter[str] = Counter(sparse=0, cut=0)
    lengths: list[int] = []
    rows = {s.id: row for s, row in zip(unit.songs, unit.rows, strict=True)}

    def chunks_of(song: Song) -> tuple[list[Chunk], Counter[str]]:
        return song_chunks(song, recipe, rows[song.id])

    for song, counts in accepted(unit.songs, chunks_of, refused):
        chunks += song
        lengths.append(len(song))
        left_out.update(counts)
    tokens = sum(len(c.tokens) for c in chunks)
    about = {
        "key": unit.key,
        "split": unit.split,
        "counts": {"songs": len(lengths), "chunks": len(chunks), "tokens": tokens},
        "left_out": dict(left_out),
        "refused": refused,
        "lengths": lengths,
    }
    return about, paper_shards.write_shard(out / unit.file, chunks, unit.split, about)
