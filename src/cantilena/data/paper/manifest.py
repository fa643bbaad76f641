"""The manifest of the paper's data: what stands, and how it compares with the paper's counts.

Knows the manifest's fields and the numbers that the paper and MidiCaps publish; does not know how
shards are built (``paper.build``) or what reads them (``reader``, ``references``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cantilena.data.corpora import midicaps
from cantilena.data.corpora.corpus import SPLITS, Song
from cantilena.data.corpora.midicaps import MidiCap
from cantilena.data.manifest import MANIFEST, load_manifest
from cantilena.data.paper.shards import VERSION
from cantilena.data.paper.songs import REASONS, Recipe
from cantilena.data.resume import Shard
from cantilena.errors import InputError
from cantilena.tokens.arrival.vocab import AMT

EXPECTED = {"all": 151_526, "train": 132_460, "valid": 9_618, "test": 9_448}
"""Songs of the whole Lakh with MidiCaps, as the paper counts them (section "Data")."""


@dataclass(frozen=True)
class Unit:
    """Songs of one split that make one shard, with MidiCaps's rows of them."""

    split: str
    number: int
    songs: tuple[Song, ...] = field(repr=False)
    rows: tuple[MidiCap | None, ...] = field(repr=False)
    key: str = ""

    @property
    def file(self) -> str:
        """The shard's file name."""
        return f"{self.split}-{self.number:04d}.parquet"


def manifest(
    standing: Sequence[Shard[Unit]],
    recipe: Recipe,
    limit: int | None = None,
    captions: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What stands in a folder, as plain data; see ``read_paper_manifest``. ``captions``: what is
    said of MidiCaps (``credit``), None where captions are our own."""
    rows = []
    counts = {s: Counter(songs=0, chunks=0, tokens=0, asked=0) for s in ("all", *SPLITS)}
    refused: Counter[str] = Counter()
    left_out: Counter[str] = Counter(sparse=0, cut=0)
    for shard in standing:
        unit, about = shard.unit, shard.about
        row = {"file": unit.file, "split": unit.split, "sha256": shard.sha256}
        rows.append({**row, **about["counts"], "lengths": about["lengths"]})
        for place in ("all", unit.split):
            counts[place].update(about["counts"], asked=len(unit.songs))
        refused.update({reason: len(ids) for reason, ids in about["refused"].items()})
        left_out.update(about["left_out"])
    fields = {
        "cantilena": "paper data",
        "version": VERSION,
        "recipe": asdict(recipe),
        "vocabulary": AMT.to_dict(),
        "limit": limit,
        "expected": EXPECTED,
        "counts": {split: dict(c) for split, c in counts.items()},
        "refused": {reason: refused[reason] for reason in REASONS if refused[reason]},
        "reasons": REASONS,
        "left_out": dict(left_out),
        "shards": rows,
        "midicaps": captions,
    }
    return {**fields, "verdict": verdict(fields)}


def credit(
    captions: midicaps.MidiCaps | None, file: str | Path | None, here: int, without: int
) -> dict[str, Any] | None:
    """What the manifest says of MidiCaps, whose licence asks to be named with what is made of it:
    songs in its ``file``, songs of them ``here``, and songs ``without`` a row."""
    if captions is None:
        return None
    return {
        "file": Path(file or "").name,
        "songs": len(captions.rows),
        "here": here,
        "songs_without": without,
        "skipped": len(captions.skipped),
        "repeated": captions.repeated,
        "licence": midicaps.LICENCE,
        "origin": midicaps.ORIGIN,
    }


def verdict(manifest: dict[str, Any]) -> str:
    """One sentence: whether the data is the paper's, a subset of it, or something else."""
    captions, counts = manifest["midicaps"], manifest["counts"]
    if captions is None:
        return (
            "captions are our own, without MidiCaps: not the paper's data, but its recipe on the "
            f"{counts['all']['asked']:,} Lakh songs taken here"
        )
    if manifest["limit"] is not None:
        return f"a subset of the paper's data: at most {manifest['limit']:,} songs of each split"
    if captions["here"] < midicaps.SONGS:
        return (
            f"a subset of the paper's data: {captions['here']:,} of the {midicaps.SONGS:,} songs "
            "of MidiCaps are here"
        )
    differences = {split: counts[split]["songs"] - n for split, n in EXPECTED.items()}
    wrong = ", ".join(f"{split} by {n:+,}" for split, n in differences.items() if n)
    if not wrong:
        return "all counts are the paper's"
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
    manifest, path = load_manifest(folder, "data paper"), Path(folder) / MANIFEST
    if manifest.get("cantilena") != "paper data":
        raise InputError(f"{str(path)!r} is not of 'cantilena data paper'; build the data with it")
    if manifest.get("version") != VERSION:
        raise InputError(f"{str(path)!r} is not a manifest of version {VERSION}; build it again")
    return manifest
