"""Building the text-to-symbolic paper's data: Lakh, with MidiCaps's captions or our own.

Knows units of work, their shards, the splits and the manifest; does not know how a song becomes
chunks (``paper_songs``), how a shard is laid out (``paper_shards``) or how training reads them
(``paper_reader``).

As in ``data.build`` a unit is up to ``UNIT`` songs of one split and becomes one shard, written
whole; what it holds depends on the unit alone, so that any number of workers, on one machine or
several, makes the same bytes, and a killed build goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cantilena.data.build import MANIFEST, Progress, clear, manifest_in
from cantilena.data.corpora import lakh, midicaps
from cantilena.data.corpora.corpus import SPLITS, Song
from cantilena.data.corpora.midicaps import MidiCap, MidiCaps
from cantilena.data.paper import shards as paper_shards
from cantilena.data.paper.songs import REASONS, Chunk, Recipe, song_chunks
from cantilena.data.prepare import accepted
from cantilena.data.workers import spread
from cantilena.errors import InputError
from cantilena.files import write_bytes
from cantilena.tokens.arrival.vocab import AMT

UNIT = 200
MADE = 1  # raise it when ``paper_songs`` makes other chunks of the same files: shards are remade
EXPECTED = {"all": 151_526, "train": 132_460, "valid": 9_618, "test": 9_448}
"""Songs of the whole Lakh with MidiCaps, as the paper counts them (section "Data")."""


@dataclass(frozen=True)
class Unit:
    """Songs of one split that make one shard, with MidiCaps's rows of them."""

    split: str
    number: int
    songs: tuple[Song, ...] = field(repr=False)
    rows: tuple[MidiCap | None, ...] = field(repr=False)
    captioned: bool
    key: str = ""

    @property
    def file(self) -> str:
        """The shard's file name."""
        return f"{self.split}-{self.number:04d}.parquet"


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
    """Makes the data set and returns its manifest (``read_paper_manifest`` tells its fields); the
    test songs stand in ``references.jsonl`` besides (``paper_references``).

    ``lakh_dir`` holds Lakh's MIDI files; ``midicaps_file`` is MidiCaps's train.json, without which
    captions are our own; ``limit`` takes the first songs of each split only. ``ray`` runs the work
    as a Ray Data job, on the cluster that RAY_ADDRESS names or on ``workers`` processes here; the
    machines of a cluster must see both folders under the same names. Calling again goes on where
    a stopped build was, and makes damaged shards anew. Raises InputError where the corpus or the
    captions are not there, MissingExtraError without pyarrow, or without ray where it is asked for.
    """
    paper_shards.need_pyarrow()
    recipe = recipe or Recipe()
    captions = midicaps.load_midicaps(midicaps_file, tags=False) if midicaps_file else None
    out = Path(out)
    work, here, without = units(Path(lakh_dir), recipe, captions, limit)
    out.mkdir(parents=True, exist_ok=True)
    total, done = sum(len(u.songs) for u in work), 0
    for unit, about, fresh in _all(work, out, recipe, workers, ray):
        done += len(unit.songs)
        if progress:
            counts, verb = about["counts"], "made" if fresh else "kept"
            line = f"{verb} {unit.file}: {counts['songs']} songs, {counts['chunks']:,} chunks"
            progress(done, total, line)
    found = manifest(work, out, recipe, limit)
    found["midicaps"] = _credit(captions, midicaps_file, here, without)
    found["verdict"] = verdict(found)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    write_bytes(out / MANIFEST, text.encode())
    from cantilena.data.paper.references import write_references

    write_references(out, {s.id: s.path for u in work if u.split == "test" for s in u.songs})
    return json.loads(text)


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
        known = captions is None or song.id in captions.rows
        here += captions is not None and known
        without += not known
        if known:
            by_split[song.split].append(song)
    if not any(by_split.values()):
        raise InputError(f"none of MidiCaps's songs is in {str(root)!r}; give Lakh's whole folder")
    work = []
    for split, songs in by_split.items():
        chosen = songs[:limit]
        for i in range(0, len(chosen), UNIT):
            part = tuple(chosen[i : i + UNIT])
            rows = tuple(captions.rows[s.id] if captions else None for s in part)
            key = _key(part, rows, root, recipe)
            work.append(Unit(split, i // UNIT, part, rows, captions is not None, key))
    return work, here, without


def _key(songs: Sequence[Song], rows: Sequence, root: Path, recipe: Recipe) -> str:
    """A digest of all that decides what a unit's shard holds."""
    files = [
        [s.path.relative_to(root).as_posix(), s.path.stat().st_size, {**asdict(s), "path": ""}]
        for s in songs
    ]
    said = [None if r is None else asdict(r) for r in rows]
    made_by = [MADE, paper_shards.VERSION, AMT.to_dict(), asdict(recipe)]
    return hashlib.sha256(json.dumps([*made_by, files, said]).encode()).hexdigest()


def make(unit: Unit, out: Path, recipe: Recipe) -> dict[str, Any]:
    """Makes a unit's chunks, writes its shard and returns what the shard says of itself."""
    chunks: list[Chunk] = []
    refused: dict[str, list[str]] = {}
    left: Counter[str] = Counter(sparse=0, cut=0)
    lengths: list[int] = []
    rows = {s.id: row for s, row in zip(unit.songs, unit.rows, strict=True)}

    def made(song: Song) -> tuple[list[Chunk], Counter[str]]:
        return song_chunks(song, recipe, rows[song.id])

    for found, counts in accepted(unit.songs, made, refused):
        chunks += found
        lengths.append(len(found))
        left.update(counts)
    tokens = sum(len(c.tokens) for c in chunks)
    about = {
        **{"key": unit.key, "split": unit.split},
        "counts": {"songs": len(lengths), "chunks": len(chunks), "tokens": tokens},
        **{"left_out": dict(left), "refused": refused, "lengths": lengths},
    }
    paper_shards.write_shard(out / unit.file, chunks, unit.split, about)
    return about


def _all(
    work: Sequence[Unit], out: Path, recipe: Recipe, workers: int, ray: bool
) -> Iterator[tuple[Unit, dict[str, Any], bool]]:
    """Every unit with what its shard says, and whether it was made now; in the order they end."""
    hashes = _known_hashes(out)
    missing: list[Unit] = []
    for unit in work:
        path = out / unit.file
        about = paper_shards.about(path) if path.is_file() else None
        sound = about is not None and about.get("key") == unit.key
        if about and sound and hashes.get(unit.file, "") in ("", _digest(path)):
            yield unit, about, False
        else:
            missing.append(unit)
    clear(out, bool(missing))
    if ray:
        from cantilena.data.paper.ray import spread_by_ray

        done = spread_by_ray(make, missing, workers, out, recipe)
    else:
        done = spread(make, missing, workers, out, recipe)
    for unit, about in done:
        yield unit, about, True


def _known_hashes(out: Path) -> dict[str, str]:
    """The hashes of the manifest that stands, so that a damaged shard is made anew."""
    try:
        found = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        return {row["file"]: row["sha256"] for row in found["shards"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest(
    work: Sequence[Unit], out: Path, recipe: Recipe, limit: int | None = None
) -> dict[str, Any]:
    """What stands in ``out``, as plain data; see ``read_paper_manifest``."""
    files = []
    counts = {s: Counter(songs=0, chunks=0, tokens=0, asked=0) for s in ("all", *SPLITS)}
    refused: Counter[str] = Counter()
    left: Counter[str] = Counter(sparse=0, cut=0)
    for unit in work:
        told = paper_shards.about(out / unit.file)
        if told is None:
            raise InputError(f"{out / unit.file} has gone or is damaged; build again")
        files.append(
            {
                **{"file": unit.file, "split": unit.split},
                **{"sha256": _digest(out / unit.file), **told["counts"]},
                "lengths": told["lengths"],
            }
        )
        for place in ("all", unit.split):
            counts[place].update(told["counts"], asked=len(unit.songs))
        refused.update({reason: len(ids) for reason, ids in told["refused"].items()})
        left.update(told["left_out"])
    return {
        **{"cantilena": "paper data", "version": paper_shards.VERSION, "recipe": asdict(recipe)},
        **{"vocabulary": AMT.to_dict(), "limit": limit, "expected": EXPECTED},
        "counts": {split: dict(c) for split, c in counts.items()},
        "refused": {reason: refused[reason] for reason in REASONS if refused[reason]},
        **{"reasons": REASONS, "left_out": dict(left), "shards": files},
    }


def _credit(
    captions: MidiCaps | None, path: str | Path | None, here: int, without: int
) -> dict[str, Any] | None:
    """What the manifest says of MidiCaps: its licence asks to be named with what is made of it."""
    if captions is None:
        return None
    return {
        **{"file": Path(path or "").name, "songs": len(captions.rows), "here": here},
        "songs_without": without,
        **{"skipped": len(captions.skipped), "repeated": captions.repeated},
        **{"licence": midicaps.LICENCE, "origin": midicaps.ORIGIN},
    }


def verdict(found: dict[str, Any]) -> str:
    """One sentence: whether the data is the paper's, a subset of it, or something else."""
    told, counts = found["midicaps"], found["counts"]
    if told is None:
        return (
            "captions are our own, without MidiCaps: not the paper's data, but its recipe on the "
            f"{counts['all']['asked']:,} Lakh songs taken here"
        )
    if found["limit"] is not None:
        return f"a subset of the paper's data: at most {found['limit']:,} songs of each split"
    if told["here"] < midicaps.SONGS:
        return (
            f"a subset of the paper's data: {told['here']:,} of the {midicaps.SONGS:,} songs of "
            "MidiCaps are here"
        )
    off = {s: counts[s]["songs"] - n for s, n in EXPECTED.items() if counts[s]["songs"] != n}
    if not off:
        return "all counts are the paper's"
    wrong = ", ".join(f"{split} by {n:+,}" for split, n in off.items())
    return f"the whole of MidiCaps is here, and yet the counts differ from the paper's: {wrong}"


def read_paper_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a data set that ``build_paper`` made.

    ``recipe``, ``vocabulary``, ``limit`` and ``midicaps`` (None: captions of ours) say what it was
    made with; ``counts`` by split and for "all": songs asked for, songs, chunks and tokens kept;
    ``expected``: the paper's songs; ``verdict``: how the two agree; ``refused``: songs by reason
    (``reasons``); ``left_out``: sparse chunks, and chunks cut by the clock; ``shards``: file,
    split, sha256, counts and ``lengths``, the chunks of each song. Raises InputError where there
    is none or it is of another version.
    """
    found, path = manifest_in(folder, "data paper"), Path(folder) / MANIFEST
    if found.get("cantilena") != "paper data":
        raise InputError(f"{str(path)!r} is not of 'cantilena data paper'; build the data with it")
    if found.get("version") != paper_shards.VERSION:
        raise InputError(
            f"{str(path)!r} is not a manifest of version {paper_shards.VERSION}; build it again"
        )
    return found
