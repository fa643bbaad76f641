"""What clips are made of: corpora, and folders of MIDI files and recordings.

Knows names, folders and splits; does not know how a file becomes clips. The split of a file follows
from its id alone, and all clips of a file are of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cantilena.audio.recording import SUFFIXES, open_recording
from cantilena.data.audio.clips import Recipe, spans
from cantilena.data.audio.recordings import Take
from cantilena.data.corpora import CORPORA, corpus
from cantilena.data.corpora.corpus import SPLITS, Corpus, Song, hashed_split
from cantilena.errors import InputError
from cantilena.files import read_json
from cantilena.names import safe_name

MIDI = (".mid", ".midi")
CARD = "source.json"
"""Beside recordings: ``what`` they are, their ``licence`` and ``origin``."""

FOLDER = Corpus(
    name="folder",
    what="MIDI files in a folder",
    origin="",
    licence="",
    split_rule="by the hash of the path within the folder",
    labels="",
    sources=(),
    songs=lambda root: (),
)
"""How MIDI files of no corpus are read."""


@dataclass(frozen=True)
class Source:
    """A corpus, or a folder: its ``name``, ``root``, ``licence`` ("": not known), and by split its
    songs and recordings (id and path), each in an order that does not depend on the machine."""

    name: str
    root: Path
    licence: str
    songs: dict[str, list[Song]] = field(repr=False)
    recordings: dict[str, list[tuple[str, Path]]] = field(repr=False)


def corpus_of(source: str) -> Corpus:
    """What reads the songs of the source of that name."""
    return CORPORA.get(source, FOLDER)


def find_sources(places: Sequence[str | Path], corpora: str | Path) -> list[Source]:
    """The sources that are named: each a folder, a file, or a corpus in the folder ``corpora``.

    A folder is written with a separator or is there; anything else is a corpus's name. Raises
    InputError for one that is not there or holds nothing, and where two have the same name;
    UnknownNameError for an unknown corpus.
    """
    sources = [_source(place, Path(corpora)) for place in dict.fromkeys(map(str, places))]
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two sources are called {name!r}; rename one, so that clips differ")
    return sources


def _source(place: str, corpora: Path) -> Source:
    path = Path(place)
    if place in CORPORA and not path.exists():
        return _corpus(place, corpora)
    if path.exists():
        return _folder(path)
    if "/" in place or "\\" in place or path.suffix.lower() in (*SUFFIXES, *MIDI):
        raise InputError(f"there is no file or folder {place!r}")
    corpus(place)  # raises
    raise AssertionError(place)


def _corpus(name: str, corpora: Path) -> Source:
    entry = corpus(name)
    if not entry.readable:
        raise InputError(f"the corpus {name!r} cannot be built: nothing reads its files yet")
    if not (corpora / name).is_dir():
        raise InputError(f"the corpus {name!r} is not in {str(corpora)!r}: fetch it first")
    songs: dict[str, list[Song]] = {split: [] for split in SPLITS}
    for song in entry.songs(corpora / name):
        songs[song.split].append(song)
    if not any(songs.values()):
        raise InputError(f"the corpus {name!r} in {str(corpora)!r} has no songs")
    return Source(name, corpora / name, entry.licence, songs, {split: [] for split in SPLITS})


def _folder(path: Path) -> Source:
    """The files in a folder, at any depth, or a single file."""
    root = path if path.is_dir() else path.parent
    name = safe_name((path.resolve().name if path.is_dir() else path.stem) or "folder")
    if name in CORPORA:
        name += "-folder"
    songs: dict[str, list[Song]] = {split: [] for split in SPLITS}
    recordings: dict[str, list[tuple[str, Path]]] = {split: [] for split in SPLITS}
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        kind = file.suffix.lower()
        within = file.relative_to(root)
        hidden = any(part.startswith(".") for part in within.parts)
        if hidden or kind not in (*SUFFIXES, *MIDI) or not file.is_file():
            continue
        own = f"{name}/{within.as_posix()}"
        split = hashed_split(own)
        if kind in MIDI:
            songs[split].append(Song(own, file, split, name))
        else:
            recordings[split].append((own, file))
    if not any(songs.values()) and not any(recordings.values()):
        endings = ", ".join((*MIDI, *SUFFIXES))
        raise InputError(f"{str(path)!r} holds no music; give MIDI files or recordings ({endings})")
    return Source(name, root, _licence(root), songs, recordings)


def _licence(root: Path) -> str:
    if not (root / CARD).is_file():
        return ""
    card: Any = read_json(root / CARD)
    return str(card.get("licence", "")) if isinstance(card, dict) else ""


def takes(
    recordings: Sequence[tuple[str, Path]], name: str, recipe: Recipe, most: int
) -> list[Take]:
    """The recordings in parts of at most ``most`` clips. One that cannot be opened is a part of no
    clips, which the build refuses and counts."""
    parts = []
    for own, path in recordings:
        try:
            with open_recording(path) as recording:
                clips = len(spans(recording.length / recording.rate, recipe))
        except InputError:
            clips = 0
        for first in range(0, max(clips, 1), most):
            parts.append(Take(own, path, name, first, min(first + most, clips)))
    return parts
