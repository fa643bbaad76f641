"""The Lakh MIDI Dataset (Raffel 2016): multi-track transcriptions of popular music.

Knows its folders and the label table ``index.tsv``, which may lie beside the folders of MIDI files;
without it songs have no labels.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from cantilena.data.corpora.corpus import Corpus, Song, Source, find_folder
from cantilena.text.labels import genres_from_labels, moods_from_tags

_HELD_OUT = {"e": "valid", "f": "test"}


def songs(root: Path) -> Iterator[Song]:
    """The songs of folders ``0`` to ``f`` of ``<md5>.mid``, by md5. ``index.tsv`` has the columns
    md5, artist, title, genre and tags (comma-separated)."""
    folder = find_folder(root, "[0-9a-f]*/" + "[0-9a-f]" * 32 + ".mid", "lakh")
    index = _index(folder / "index.tsv")
    for path in sorted(folder.glob("[0-9a-f]*/*.mid"), key=lambda p: p.name):
        row = index.get(path.stem, {})
        tags = [t for t in (row.get("tags") or "").split(",") if t]
        yield Song(
            id=path.stem,
            path=path,
            split=_HELD_OUT.get(path.stem[0], "train"),
            corpus="lakh",
            genres=genres_from_labels(row.get("genre") or "", tags),
            moods=moods_from_tags(tags),
            title=row.get("title") or "",
            artist=row.get("artist") or "",
        )


def _index(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["md5"]: row for row in rows}


CORPUS = Corpus(
    name="lakh",
    what="multi-track transcriptions of popular music, most with drums",
    origin="http://hog.ee.columbia.edu/craffel/lmd/lmd_full.tar.gz",
    licence="published as CC BY 4.0 by Colin Raffel, who transcribed none of them; many are of "
    "songs in copyright: for training and evaluation, not to be passed on",
    split_rule="by the first hex digit of the md5: 0-d train, e valid, f test",
    labels="index.tsv, where present: genres of MSD and AllMusic, tags of last.fm",
    sources=(
        # the host answers to plain http alone; the hash is the one in MusPy (datasets/lmd.py)
        Source(
            "http://hog.ee.columbia.edu/craffel/lmd/lmd_full.tar.gz",
            sha256="6fcfe2ac49ca08f3f214cec86ab138d4fc4dabcd7f27f491a838dae6db45a12b",
        ),
    ),
    songs=songs,
)
