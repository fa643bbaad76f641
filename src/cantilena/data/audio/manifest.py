"""The manifest of a data set of clips: what stands, what was refused, and which songs are copies.

Knows the manifest's fields; does not know how shards are built (``build``) or what reads them
(``reader``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cantilena.data import prepare
from cantilena.data.audio import shards
from cantilena.data.audio.clips import Recipe
from cantilena.data.corpora.corpus import SPLITS
from cantilena.data.duplicates import copies
from cantilena.data.manifest import MANIFEST, load_manifest
from cantilena.data.resume import Shard
from cantilena.errors import InputError

REASONS = {
    **prepare.REASONS,
    "no clips": "no clip of it holds music",
    "empty": "it holds no sound",
    "short": "it ends too soon",
    "wrong rate": "its sample rate is none of music",
    "many channels": "it has more channels than a recording",
    "not finite": "it holds values that are not finite",
    "silent": "it is silent",
    "clipped": "it is clipped throughout",
    "unreadable": "the file is damaged, or of a kind that cannot be read",
}
"""Why a file is refused."""


class Unit(Protocol):
    """What a shard is made of, as far as the manifest says it."""

    @property
    def file(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def split(self) -> str: ...


def manifest(
    standing: Sequence[Shard[Any]],
    folder: Path,
    recipe: Recipe,
    limit: int | None,
    licences: Mapping[str, str],
) -> dict[str, Any]:
    """What stands in ``folder``, as plain data; see ``read_audio_manifest``."""
    rows: list[dict[str, Any]] = []
    left_out: dict[str, Counter[str]] = {}
    refused: dict[str, dict[str, list[str]]] = {}
    changed: dict[str, dict[str, list[str]]] = {}
    sketches: list[np.ndarray] = []
    origins: list[tuple[str, str, str]] = []  # shard, split and song of each
    for shard in standing:
        unit, about = shard.unit, shard.about
        row = {"file": unit.file, "source": unit.source, "split": unit.split}
        rows.append({**row, "sha256": shard.sha256, **about["counts"]})
        left_out.setdefault(unit.source, Counter()).update(about["left_out"])
        for table, name in ((refused, "refused"), (changed, "changed")):
            for reason, ids in about[name].items():
                names = table.setdefault(unit.source, {}).setdefault(reason, [])
                names += [i for i in ids if i not in names[-1:]]  # a long file is of several shards
        with shards.Shard(folder / unit.file) as file:
            sketches += file.sketches()
        origins += [(unit.file, unit.split, name) for name in about["files"]]
    repeats = _copies(sketches, origins)
    return {
        "cantilena": "audio data",
        "version": shards.VERSION,
        "recipe": recipe.to_dict(),
        "limit": limit,
        "licences": dict(licences),
        "counts": _counts(rows),
        "left_out": {name: dict(c) for name, c in left_out.items() if c},
        "refused": refused,
        "changed": changed,
        "reasons": REASONS,
        "copies": repeats,
        "shards": rows,
    }


def _copies(
    sketches: Sequence[np.ndarray], origins: Sequence[tuple[str, str, str]]
) -> dict[str, list[dict[str, str]]]:
    """By shard the songs that repeat another of a more held-out split, or an earlier one."""
    held_out_first = [-SPLITS.index(split) for _, split, _ in origins]
    repeats: dict[str, list[dict[str, str]]] = {}
    for copy, original in sorted(copies(sketches, held_out_first).items()):
        file, _, name = origins[copy]
        repeats.setdefault(file, []).append({"file": name, "repeats": origins[original][2]})
    return repeats


def _counts(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Files, clips and hours by source and split, copies among them."""
    counts: dict[str, Any] = {}
    for row in rows:
        empty = {"files": 0, "clips": 0, "hours": 0.0}
        cell = counts.setdefault(row["source"], {}).setdefault(row["split"], empty)
        cell["files"] += row["files"]
        cell["clips"] += row["clips"]
        cell["hours"] = round(cell["hours"] + row["seconds"] / 3600, 4)
    return counts


def read_audio_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a data set that ``build_audio`` made.

    ``recipe``, ``limit`` and ``licences`` (by source, "": not known) say what it was made of;
    ``counts``: files, clips and hours by source and split; ``refused``: ids of files by source and
    reason (``reasons``); ``left_out``: clips by source and cause; ``changed``: files that were
    mixed to one channel ("mixed") or brought to another rate ("resampled"); ``copies``: by shard
    the songs that repeat one of another split or an earlier one, whose clips are not read;
    ``shards``: file, source, split, sha256 and counts. Raises InputError where there is none or
    it is of another version.
    """
    manifest, path = load_manifest(folder, "data audio"), Path(folder) / MANIFEST
    if manifest.get("cantilena") != "audio data":
        raise InputError(f"{str(path)!r} is not of 'cantilena data audio'; build the data with it")
    if manifest.get("version") != shards.VERSION:
        raise InputError(
            f"{str(path)!r} is not a manifest of version {shards.VERSION}; build it again"
        )
    return manifest
