"""Resuming a build: which shards stand and are sound, and which must be built.

Knows shards' files, keys and hashes; does not know what a shard holds or how it is built.

A shard is kept if its unit's key is the one that the shard names (the same songs, by the same
rules) and its file has the sha256 that was recorded when it was written. Records stand in
``LEDGER`` while a build runs, so that a killed one can be gone on with, and in the manifest
afterwards; a file without a record is never trusted, and no record is taken from a file that was
not written or verified just before.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from cantilena.data.download import file_sha256
from cantilena.data.manifest import MANIFEST, save_manifest
from cantilena.files import jsonl, write_bytes

LEDGER = "shards.jsonl"
"""Of a build under way: a JSON object a line, ``file`` and ``sha256`` of each sound shard."""

Progress = Callable[[int, int, str], None]
"""Called with songs done, songs in all, and a line of what was done."""


class Unit(Protocol):
    """What makes one shard: its file's name and the digest of all that decides its content."""

    @property
    def file(self) -> str: ...

    @property
    def key(self) -> str: ...


AnyUnit = TypeVar("AnyUnit", bound=Unit)


@dataclass(frozen=True)
class Shard(Generic[AnyUnit]):
    """A shard that stands: ``about``, what it says of itself; ``sha256`` of the file as it was
    written or verified; ``kept``: it stood before."""

    unit: AnyUnit
    about: dict[str, Any]
    sha256: str
    kept: bool


def complete(
    units: Sequence[AnyUnit],
    folder: Path,
    read_about: Callable[[Path], dict[str, Any] | None],
    build: Callable[[Sequence[AnyUnit]], Iterable[tuple[AnyUnit, tuple[dict[str, Any], str]]]],
) -> Iterator[Shard[AnyUnit]]:
    """Every unit's shard: first the sound ones that stand in ``folder``, then the others, in the
    order in which ``build`` writes them.

    ``read_about`` gives what a shard's file says of it (None: damaged), ``build`` the units with
    what their shards say and the sha256 of their files. The manifest is taken away before
    anything changes, since it would call the new shards damaged; ``finish`` writes the next.
    """
    recorded = _recorded_hashes(folder)
    kept: list[Shard[AnyUnit]] = []
    missing: list[AnyUnit] = []
    for unit in units:
        about = _sound(folder / unit.file, unit.key, recorded.get(unit.file), read_about)
        if about is None:
            missing.append(unit)
        else:
            kept.append(Shard(unit, about, recorded[unit.file], kept=True))
            yield kept[-1]
    for temporary in folder.glob(".*.part"):  # of writes that were cut off
        temporary.unlink(missing_ok=True)
    if not missing:
        return
    # written anew, so that a line which a kill cut short is not continued
    write_bytes(folder / LEDGER, jsonl(_record(s.unit, s.sha256) for s in kept))
    (folder / MANIFEST).unlink(missing_ok=True)
    with (folder / LEDGER).open("ab") as ledger:
        for unit, (about, sha256) in build(missing):
            ledger.write(jsonl([_record(unit, sha256)]))
            ledger.flush()
            yield Shard(unit, about, sha256, kept=False)


def in_order(
    units: Sequence[AnyUnit],
    folder: Path,
    read_about: Callable[[Path], dict[str, Any] | None],
    build: Callable[[Sequence[AnyUnit]], Iterable[tuple[AnyUnit, tuple[dict[str, Any], str]]]],
    files: Callable[[AnyUnit], int],
    summary: Callable[[Any], str],
    progress: Progress | None,
) -> list[Shard[AnyUnit]]:
    """The shards of all units, in their order, built where they are not there yet; ``read_about``
    and ``build`` as for ``complete``. ``progress`` hears of each shard as it stands; it counts a
    unit's ``files``, and ``summary`` says in words what a shard's "counts" are."""
    standing: dict[str, Shard[AnyUnit]] = {}
    total, done = sum(map(files, units)), 0
    for shard in complete(units, folder, read_about, build):
        standing[shard.unit.file] = shard
        done += files(shard.unit)
        if progress:
            verb, counts = "kept" if shard.kept else "made", shard.about["counts"]
            progress(done, total, f"{verb} {shard.unit.file}: {summary(counts)}")
    return [standing[unit.file] for unit in units]


def finish(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Writes the manifest of a build that is done and returns it as it will be read back; the
    ledger goes, since the manifest has its hashes."""
    manifest = save_manifest(folder, manifest)
    (folder / LEDGER).unlink(missing_ok=True)
    return manifest


def _sound(
    path: Path,
    key: str,
    sha256: str | None,
    read_about: Callable[[Path], dict[str, Any] | None],
) -> dict[str, Any] | None:
    """What a shard says of itself; None where its file is missing, damaged or of another unit."""
    if sha256 is None:
        return None
    try:
        if file_sha256(path) != sha256:
            return None
    except OSError:
        return None
    about = read_about(path)
    return about if about is not None and about.get("key") == key else None


def _recorded_hashes(folder: Path) -> dict[str, str]:
    """The hashes of shards by file, from the manifest and from the ledger of a killed build."""
    rows: list[Any] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        rows += json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["shards"]
    try:
        lines = (folder / LEDGER).read_bytes().split(b"\n")
    except OSError:
        lines = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue  # the line that a kill cut short
    hashes: dict[str, str] = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("file"), str):
            hashes[row["file"]] = str(row.get("sha256"))
    return hashes


def _record(unit: Unit, sha256: str) -> dict[str, str]:
    return {"file": unit.file, "sha256": sha256}
