"""Mutopia: classical music typeset by volunteers, as MIDI made from the scores.

Knows ``index.tsv`` (file, title, composer, instrument, style) beside the MIDI files; without it a
song has no labels but its file's name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from cantilena.data.corpora.corpus import Corpus, Rules, Song, Source, find_folder, hashed_split
from cantilena.errors import InputError
from cantilena.text.labels import genres_from_labels, moods_from_tags


def songs(root: Path) -> Iterator[Song]:
    """All MIDI files beside ``index.tsv``, or below ``ftp`` where the whole archive is mirrored."""
    folder = _folder(root)
    index = _index(folder / "index.tsv")
    for path in sorted(folder.rglob("*.mid"), key=lambda p: p.relative_to(folder).as_posix()):
        row = index.get(path.name, {})
        style = row.get("style") or ""
        genres = genres_from_labels(style) or ("classical",)
        moods = moods_from_tags([style])
        name = path.relative_to(folder).with_suffix("").as_posix().replace("/", "__")
        song_id = f"mutopia-{name}"
        artist = _composer(row.get("composer") or name.split("__")[0])
        title = row.get("title") or ""
        yield Song(song_id, path, _split(name), "mutopia", genres, moods, title, artist)


def _folder(root: Path) -> Path:
    for pattern in ("index.tsv", "ftp/*/**/*.mid", "*.mid"):
        try:
            return find_folder(root, pattern, "mutopia")
        except InputError as error:
            last = error
    raise last


def _split(name: str) -> str:
    """Movements of one work (files of one folder) share a split."""
    return hashed_split("mutopia-" + name.rpartition("__")[0])


def _composer(code: str) -> str:
    """The family name in Mutopia's code of a composer: BachJS is Bach."""
    return re.sub(r"(?<=[a-z])[A-Z]+$", "", code)


def _index(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: row for row in rows}


CORPUS = Corpus(
    name="mutopia",
    what="classical music, rendered from engraved scores",
    origin="https://github.com/MutopiaProject/MutopiaProject at 2144afd6f5",
    licence="public domain, for the pieces chosen here; others of the project are CC BY(-SA)",
    split_rule="90/5/5 by a hash of the work's name",
    labels="genre, from the style its typesetter named",
    sources=(Source("https://github.com/MutopiaProject/MutopiaProject/archive/2144afd6f5.tar.gz"),),
    songs=songs,
    rules=Rules(min_pulse=0.0),
)
