"""Building the data set: many songs into shards, in parallel, resumable.

Knows units of work, their shards and the manifest; does not know how one song is prepared
(``prepare``) or how a shard is laid out (``shards``).

A unit is up to ``UNIT`` songs of one corpus and split and becomes one shard, written whole. A shard
that stands and was made of the same songs by the same rules is not made again, so that a killed
build goes on where it was, losing a unit a worker at most. What a shard holds depends on its unit
alone: any number of workers makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cantilena.data import shards
from cantilena.data.corpora import DEFAULT_MIX, corpus
from cantilena.data.corpora.corpus import SPLITS, Song
from cantilena.data.duplicates import copies
from cantilena.data.prepare import REASONS, accepted, prepare
from cantilena.data.workers import spread
from cantilena.errors import InputError
from cantilena.files import write_bytes
from cantilena.tokens.note import NoteScheme

UNIT = 200
MANIFEST = "manifest.json"
PREPARED = 2  # raise it when ``prepare`` makes other pieces of the same files: shards are remade

Progress = Callable[[int, int, str], None]
"""Called with songs done, songs in all, and a line of what was done."""


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
    """Makes the data set of the corpora in ``mix`` and returns its manifest.

    ``corpora_dir`` holds a folder for each corpus, by its name. ``limit`` takes the first songs
    of each split of a corpus only. Shards and ``manifest.json`` are written to ``out``; calling
    again goes on where a stopped build was. Raises UnknownNameError for an unknown corpus,
    InputError for one that is not there or cannot be read.
    """
    scheme = NoteScheme()
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    work = list(units(Path(corpora_dir), mix, scheme, limit))
    total, done = sum(len(u.songs) for u in work), 0
    for unit, about, fresh in _all(work, out, scheme, workers):
        done += len(unit.songs)
        if progress:
            notes, kept = about["counts"]["notes"], about["counts"]["songs"]
            verb = "made" if fresh else "kept"
            progress(done, total, f"{verb} {unit.file}: {kept} songs, {notes:,} notes")
    found = manifest(work, out, scheme, limit)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    write_bytes(out / MANIFEST, text.encode())
    return json.loads(text)


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
            for i in range(0, len(chosen), UNIT):
                part = tuple(chosen[i : i + UNIT])
                yield Unit(name, split, i // UNIT, part, _key(part, root, scheme))


def _key(songs: Sequence[Song], root: Path, scheme: NoteScheme) -> str:
    """A digest of all that decides what a unit's shard holds."""
    source = corpus(songs[0].corpus)
    rows = [
        [s.path.relative_to(root).as_posix(), s.path.stat().st_size, {**asdict(s), "path": ""}]
        for s in songs
    ]
    made_by = [PREPARED, shards.VERSION, scheme.to_dict(), source.version, asdict(source.rules)]
    text = json.dumps([*made_by, sorted(source.drum_map.items()), rows])
    return hashlib.sha256(text.encode()).hexdigest()


def make(unit: Unit, out: Path, scheme: NoteScheme) -> dict[str, Any]:
    """Prepares a unit's songs, writes its shard and returns what the shard says of itself."""
    source = corpus(unit.corpus)
    pieces: list[shards.Piece] = []
    refused: dict[str, list[str]] = {}
    left: Counter[str] = Counter()
    for piece, counts in accepted(unit.songs, lambda s: prepare(s, source, scheme), refused):
        pieces.append(piece)
        left.update(counts)
    counts = {
        **{"songs": len(pieces), "notes": sum(len(p.table) for p in pieces)},
        **{"bars": sum(len(p.bar_num) for p in pieces)},
        "seconds": round(sum(p.meta["seconds"] for p in pieces), 1),
    }
    about = {
        **{"key": unit.key, "corpus": unit.corpus, "split": unit.split, "counts": counts},
        **{"left_out": dict(left), "refused": refused, "scheme": scheme.to_dict()},
    }
    shards.write_shard(out / unit.file, pieces, about)
    return about


def _all(
    work: Sequence[Unit], out: Path, scheme: NoteScheme, workers: int
) -> Iterator[tuple[Unit, dict[str, Any], bool]]:
    """Every unit with what its shard says, and whether it was made now; in the order they end."""
    missing: list[Unit] = []
    for unit in work:
        about = shards.about(out / unit.file)
        if about and about.get("key") == unit.key:
            yield unit, about, False
        else:
            missing.append(unit)
    clear(out, bool(missing))
    for unit, about in spread(make, missing, workers, out, scheme):
        yield unit, about, True


def clear(out: Path, change: bool) -> None:
    """Takes away what a killed build left half written and, where shards will ``change``, the
    manifest, which would call the new ones damaged."""
    if change:
        (out / MANIFEST).unlink(missing_ok=True)
    for left in out.glob(".*.part"):
        left.unlink(missing_ok=True)


def manifest(
    work: Sequence[Unit], out: Path, scheme: NoteScheme, limit: int | None = None
) -> dict[str, Any]:
    """What stands in ``out``, as plain data.

    ``shards``: file, corpus, split, counts and sha256 of each; ``counts``: by corpus and split;
    ``left_out``: notes by corpus and cause; ``refused``: songs by corpus and reason; ``copies``:
    for each shard the songs that repeat one of a more held-out split (test before valid before
    train) or an earlier one; readers leave them out, the counts do not have them.
    """
    files, sketches, ranks, origin = [], [], [], []
    left_out: dict[str, Counter[str]] = {}
    refused: dict[str, Counter[str]] = {}
    metas: dict[str, list[dict[str, Any]]] = {}
    for unit in work:
        path = out / unit.file
        data = path.read_bytes()
        arrays = shards.read_shard(data, ("sketch", "sketch_ptr", "meta", "about"))
        about = shards.unpack_text(arrays["about"])
        metas[unit.file] = shards.unpack_text(arrays["meta"])
        ends = arrays["sketch_ptr"]
        for i in range(len(ends) - 1):
            sketches.append(arrays["sketch"][ends[i] : ends[i + 1]])
            ranks.append(-SPLITS.index(unit.split))
            origin.append((unit.file, i, unit.split))
        left_out.setdefault(unit.corpus, Counter()).update(about["left_out"])
        reasons = {reason: len(ids) for reason, ids in about["refused"].items()}
        refused.setdefault(unit.corpus, Counter()).update(reasons)
        files.append(
            {
                **{"file": unit.file, "corpus": unit.corpus, "split": unit.split},
                **{"sha256": hashlib.sha256(data).hexdigest(), **about["counts"]},
            }
        )
    repeated, crossing = _copies(sketches, ranks, origin, metas)
    dropped = {f: {c["song"] for c in found} for f, found in repeated.items()}
    return {
        **{"cantilena": "data", "version": shards.VERSION, "scheme": scheme.to_dict()},
        **{"mix": list(dict.fromkeys(u.corpus for u in work)), "limit": limit},
        "counts": _counts(files, metas, dropped),
        "left_out": {name: dict(c) for name, c in left_out.items()},
        "refused": {name: dict(sorted(c.items())) for name, c in refused.items()},
        "reasons": REASONS,
        "copied": {"all": sum(map(len, repeated.values())), "across_splits": crossing},
        **{"copies": repeated, "shards": files},
    }


def _copies(
    sketches: Sequence, ranks: Sequence[int], origin: Sequence[tuple[str, int, str]], metas: dict
) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """By shard file, the songs that repeat another, and how many of them cross a split."""
    found: dict[str, list[dict[str, Any]]] = {}
    crossing = 0
    for i, j in sorted(copies(sketches, ranks).items()):
        (file, place, split), (other, there, kept) = origin[i], origin[j]
        crossing += split != kept
        row = {"song": place, "id": metas[file][place]["id"], "repeats": metas[other][there]["id"]}
        found.setdefault(file, []).append(row)
    return found, crossing


def _counts(files: Sequence[dict], metas: dict, dropped: dict[str, set[int]]) -> dict[str, Any]:
    """Songs, notes, bars and hours by corpus and split, copies left out."""
    out: dict[str, Any] = {}
    for row in files:
        gone = dropped.get(row["file"], set())
        kept = [m for i, m in enumerate(metas[row["file"]]) if i not in gone]
        place = out.setdefault(row["corpus"], {}).setdefault(
            row["split"], {"songs": 0, "notes": 0, "bars": 0, "hours": 0.0}
        )
        place["songs"] += len(kept)
        place["notes"] += sum(m["notes"] for m in kept)
        place["bars"] += sum(m["bars"] for m in kept)
        place["hours"] = round(place["hours"] + sum(m["seconds"] for m in kept) / 3600, 2)
    return out


def manifest_in(folder: str | Path, command: str) -> dict[str, Any]:
    """The JSON object in a folder's manifest, whatever it is of; ``command`` makes one. Raises
    InputError where there is none or it cannot be read."""
    path = Path(folder) / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"there is no whole data set in {str(folder)!r}; make it with 'cantilena {command}'"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}
