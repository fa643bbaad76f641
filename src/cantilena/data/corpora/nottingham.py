"""The Nottingham collection: British and American folk tunes with chords.

Knows the cleaned MIDI files of whole tunes; the folders of melody alone and chords alone repeat
them and are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cantilena.data.corpora.corpus import Corpus, Song, Source, find_folder, hashed_split


def songs(root: Path) -> Iterator[Song]:
    """``MIDI/*.mid``, by name."""
    folder = find_folder(root, "MIDI/*.mid", "nottingham") / "MIDI"
    for path in sorted(folder.glob("*.mid"), key=lambda p: p.name):
        name = f"nottingham-{path.stem}"
        yield Song(name, path, hashed_split(name), "nottingham", genres=("folk",))


CORPUS = Corpus(
    name="nottingham",
    what="folk tunes: melody and chords",
    origin="https://github.com/jukedeck/nottingham-dataset at 0992bb6cd8",
    licence="GPL-3: not in the default mix, so that weights can be permissive",
    split_rule="90/5/5 by a hash of the song's name",
    labels="genre: folk",
    sources=(Source("https://github.com/jukedeck/nottingham-dataset/archive/0992bb6cd8.tar.gz"),),
    songs=songs,
    in_mix=False,
)
