"""OpenEWLD (Simonetta et al. 2018): lead sheets of songs in the public domain.

Knows where its compressed MusicXML files lie; there is no reader of MusicXML, so that the corpus
can be listed and fetched, not built.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cantilena.data.corpora.corpus import Corpus, Song, Source, find_folder, hashed_split


def songs(root: Path) -> Iterator[Song]:
    """``dataset/AUTHORS/TITLE/TITLE.mxl``, by path."""
    folder = find_folder(root, "dataset/*/*/*.mxl", "openewld") / "dataset"
    for path in sorted(folder.glob("*/*/*.mxl"), key=lambda p: p.as_posix()):
        artist = path.parent.parent.name.replace("_", " ")
        name = f"openewld-{path.stem}"
        title = path.stem.replace("_", " ")
        yield Song(name, path, hashed_split(name), "openewld", title=title, artist=artist)


CORPUS = Corpus(
    name="openewld",
    what="lead sheets (MusicXML: melody and chord symbols)",
    origin="https://github.com/00sapo/OpenEWLD at ec03cbd809",
    licence="MIT; the works are in the public domain",
    split_rule="90/5/5 by a hash of the song's name",
    labels="none read",
    sources=(Source("https://github.com/00sapo/OpenEWLD/archive/ec03cbd809.tar.gz"),),
    songs=songs,
    in_mix=False,
    readable=False,
)
