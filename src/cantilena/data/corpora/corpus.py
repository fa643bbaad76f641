"""What a corpus is: songs on disk, the split each belongs to, and what is refused of them.

Knows how a split is drawn and how a corpus's folder is recognised; knows no corpus by name (those
are one file each) and reads no music.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cantilena.errors import InputError
from cantilena.score.midi import read_midi
from cantilena.score.score import Score

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Song:
    """One piece of a corpus. ``path`` is its file, ``genres`` and ``moods`` are words of
    ``text.labels``, ``drop_notes`` names tracks that are not part of the music."""

    id: str
    path: Path
    split: str
    corpus: str
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    title: str = ""
    artist: str = ""
    drop_notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """Bounds outside which a piece is refused; counts are of notes on the grid, times in seconds.

    ``max_onset``: notes on one onset; more is a file with stuck or crushed time. ``max_doubled``:
    share of the pitched notes that another part plays at once in the same pitch. ``max_same``:
    share of the notes that are the commonest of them (pitch, and drum or not). ``min_bar_notes``:
    notes per bar, in the mean. ``min_pulse``: see ``prepare.pulse``.
    """

    min_notes: int = 32
    max_notes: int = 60_000
    min_seconds: float = 4.0
    max_seconds: float = 1200.0
    min_bar_notes: float = 1.0
    max_metre_changes: int = 16
    min_pulse: float = 0.1
    max_onset: int = 64
    max_doubled: float = 0.9
    max_same: float = 0.9
    min_bpm: float = 20.0
    max_bpm: float = 400.0


@dataclass(frozen=True)
class Source:
    """Where an archive comes from: its address, the folder of the corpus it unpacks into ("" for
    the corpus's own), and its sha256 where that is known for certain ("" where not)."""

    url: str
    folder: str = ""
    sha256: str = ""


def read_song(song: Song) -> Score:
    """The Score in a song's MIDI file. Raises InputError, also where the file is damaged: what was
    mended is no example to learn from."""
    return read_midi(song.path, mend=False)


@dataclass(frozen=True)
class Corpus:
    """A corpus: what it is, where it comes from, what may be done with it, and its songs.

    ``songs(root)`` lists the Songs under the corpus's folder, in an order that does not depend on
    the machine; it raises InputError where the folder does not hold the corpus. ``read(song)`` is
    a song's Score, and raises InputError for a file that cannot be read. ``in_mix`` tells whether
    the default data set has the corpus, ``readable`` whether there is a reader. ``drum_map``
    moves drum pitches of an instrument's own mapping to General MIDI. ``version`` is raised when
    ``read`` makes other Scores of the same files.
    """

    name: str
    what: str
    origin: str
    licence: str
    split_rule: str
    labels: str
    sources: tuple[Source, ...]
    songs: Callable[[Path], Iterable[Song]] = field(repr=False)
    read: Callable[[Song], Score] = field(default=read_song, repr=False)
    in_mix: bool = True
    readable: bool = True
    rules: Rules = Rules()
    drum_map: dict[int, int] = field(default_factory=dict)
    version: int = 1


def hashed_split(song_id: str) -> str:
    """The split of a song by its name alone: 90% train, 5% valid, 5% test."""
    place = int(hashlib.sha256(song_id.encode()).hexdigest()[:8], 16) % 100
    return "train" if place < 90 else "valid" if place < 95 else "test"


def find_folder(root: Path, pattern: str, corpus: str, depth: int = 3) -> Path:
    """The folder at or below ``root`` in which ``pattern`` (a glob) finds something; archives put
    a folder or two of their own around what they hold. Raises InputError."""
    level = [Path(root)]
    for _ in range(depth + 1):
        for folder in level:
            if next(folder.glob(pattern), None) is not None:
                return folder
        level = sorted(f for folder in level if folder.is_dir() for f in folder.iterdir())
        level = [f for f in level if f.is_dir() and not f.name.startswith(".")]
    raise InputError(f"{str(root)!r} does not hold the corpus {corpus!r}: no {pattern} in it")
