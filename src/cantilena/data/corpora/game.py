"""Music of free games: Freedoom, Simutrans, EasyRPG's RTP.

Knows the three folders; their file names hold no genre, so that each folder gives its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cantilena.data.corpora.corpus import Corpus, Song, Source, find_folder, hashed_split
from cantilena.errors import InputError

_PARTS = {
    "freedoom": ("game", "rock"),
    "rtp": ("game", "soundtrack"),
    "simutrans": ("game", "soundtrack"),
}


def songs(root: Path) -> Iterator[Song]:
    """All MIDI files below ``freedoom``, ``rtp`` and ``simutrans``, by path; of files of one name
    in one of them the first."""
    folder = find_folder(root, "*/**/*.mid", "game")
    while not any((folder / part).is_dir() for part in _PARTS):
        inner = [f for f in sorted(folder.iterdir()) if f.is_dir()]
        if len(inner) != 1:
            raise InputError(
                f"{str(root)!r} does not hold the corpus 'game': no folder {', '.join(_PARTS)}"
            )
        folder = inner[0]
    seen: set[str] = set()
    for part, genres in _PARTS.items():
        paths = [p for p in (folder / part).rglob("*") if p.suffix.lower() in (".mid", ".midi")]
        for path in sorted(paths, key=lambda p: p.as_posix()):
            name = f"game-{part}-{path.stem}"
            if name not in seen:
                seen.add(name)
                yield Song(name, path, hashed_split(name), "game", genres, (), _title(path, part))


def _title(path: Path, part: str) -> str:
    if part == "freedoom":  # d_e1m1: a level's number, not a title
        return ""
    return re.sub(r"^\d+-|[_-]+", " ", path.stem).strip()


CORPUS = Corpus(
    name="game",
    what="game music for band and orchestra",
    origin="https://github.com: freedoom/freedoom at d14dbbee3b, simutrans/simutrans at "
    "d8c00ef15b, EasyRPG/RTP at 993d88cbc7",
    licence="BSD-3 (Freedoom), Artistic (Simutrans), CC BY 4.0 (RTP)",
    split_rule="90/5/5 by a hash of the song's name",
    labels="genre: game; Freedoom also rock, the others soundtrack",
    sources=(
        Source("https://github.com/freedoom/freedoom/archive/d14dbbee3b.tar.gz", "freedoom"),
        Source("https://github.com/simutrans/simutrans/archive/d8c00ef15b.tar.gz", "simutrans"),
        Source("https://github.com/EasyRPG/RTP/archive/993d88cbc7.tar.gz", "rtp"),
    ),
    songs=songs,
)
