"""Reading the text-to-symbolic paper's data: one caption a song and epoch, its chunks in turn.

Knows the manifest, the order of an epoch and whose turn it is; needs no torch and
knows no model.

In epoch k a song of n chunks gives chunk k mod n: the first, second, ... and then the first again.
(the paper, section "Data"). The order of an epoch follows from the seed and its number alone. It is
drawn over shards, then over the songs of ``BLOCK`` shards at a time, so that a reader holds no more
than those in memory, and any part of any epoch is reached without reading what lies before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.corpora.corpus import SPLITS
from cantilena.data.paper.manifest import read_paper_manifest
from cantilena.data.paper.shards import Shard, need_pyarrow, read_shard
from cantilena.errors import InputError, UnknownNameError

BLOCK = 8
"""Shards whose songs are shuffled together, and so are in memory at once."""

USED = {"valid": 4_000, "test": 1_000}
"""Songs of the held-out splits that the paper measures on: the first by md5."""

Example = dict[str, Any]
"""``id``, ``caption``, ``tokens`` ((L,) int64, flag first), ``chunk``, ``n_chunks``, ``source``."""


@dataclass(frozen=True)
class _File:
    path: Path
    sha256: str
    lengths: np.ndarray  # chunks of each song that is used


class PaperData:
    """A split of the data on disk.

    ``first``: so many songs of it ("paper": the first 4,000 of valid and 1,000 of test, all of
    train). ``rotate`` False makes every chunk an example of every epoch, as training without text
    wants it. ``verify`` compares each shard's sha256 at once; a shard that is missing or damaged
    is passed over, reported to ``warn`` and listed in ``damaged``. Raises InputError where nothing
    of the split can be read, UnknownNameError for an unknown split.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        *,
        first: int | str | None = "paper",
        rotate: bool = True,
        verify: bool = True,
        warn: Callable[[str], None] | None = None,
    ):
        need_pyarrow()
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
        if first == "paper":
            first = USED.get(split)
        if not (first is None or (isinstance(first, int) and first > 0)):
            raise InputError(f"first is a number of songs, 'paper' or None, not {first!r}")
        self.manifest = read_paper_manifest(folder)
        self.folder, self.split, self.rotate = Path(folder), split, rotate
        self._verify, self._warn = verify, warn
        self._damaged: dict[str, int] = {}
        self.files: list[_File] = []
        wanted = first  # songs still to be taken
        for row in self.manifest["shards"]:
            if row["split"] != split or wanted == 0:
                continue
            lengths = np.array(row["lengths"], dtype=np.int64)[:wanted]
            wanted = None if wanted is None else wanted - len(lengths)
            file = _File(self.folder / row["file"], row["sha256"], lengths)
            if self._sound(file):
                self.files.append(file)
        if not self.songs:
            damage = f"; damaged: {', '.join(self.damaged)}" if self._damaged else ""
            raise InputError(f"the data in {str(folder)!r} has no songs of {split!r}{damage}")

    @property
    def songs(self) -> int:
        """Songs that can be read."""
        return sum(len(f.lengths) for f in self.files)

    @property
    def chunks(self) -> int:
        """Chunks of all songs together."""
        return int(sum(f.lengths.sum() for f in self.files))

    @property
    def damaged(self) -> tuple[str, ...]:
        """The shards that could not be read."""
        return tuple(self._damaged)

    @property
    def lost(self) -> int:
        """Songs of the damaged shards."""
        return sum(self._damaged.values())

    def __len__(self) -> int:
        """Examples of an epoch."""
        return self.songs if self.rotate else self.chunks

    def stream(
        self,
        epoch: int = 0,
        seed: int | None = 0,
        part: int = 0,
        parts: int = 1,
        start: int = 0,
        even: bool = False,
    ) -> Iterator[Example]:
        """The examples of an epoch in its order (``seed`` None: the order on disk).

        Of ``parts`` readers this is number ``part``, which has every ``parts``-th example; it
        begins with its example ``start``. ``even`` drops the last few examples, at most
        ``parts`` - 1, so that all parts have equally many.
        """
        if not 0 <= part < parts or epoch < 0 or start < 0:
            raise InputError(f"there is no part {part} of {parts} in epoch {epoch} from {start}")
        size = len(self) - (len(self) % parts if even else 0)
        place, begin = 0, part + start * parts
        order = np.arange(len(self.files))
        if seed is not None:
            np.random.default_rng([seed, epoch]).shuffle(order)
        for block, at in enumerate(range(0, len(order), BLOCK)):
            files = [self.files[i] for i in order[at : at + BLOCK]]
            rows = _entries(files, epoch, self.rotate)
            end = place + len(rows)
            first = begin + max(0, -(-(place - begin) // parts)) * parts
            taken = np.arange(first, min(end, size), parts) - place
            place = end
            if not len(taken):
                continue
            if seed is not None:
                np.random.default_rng([seed, epoch, block]).shuffle(rows)
            yield from self._read(files, rows[taken], epoch)

    def load(self) -> PaperSongs:
        """All of it in memory, for access by number: two bytes a token."""
        shards, rows = [], []
        for file in self.files:
            shard = self._shard(file)
            if shard is not None:
                songs = np.arange(len(file.lengths))
                rows.append(np.stack([np.full(len(songs), len(shards)), songs], 1))
                shards.append(shard)
        if not shards:
            raise InputError(f"no shard of {self.split!r} in {str(self.folder)!r} can be read")
        return PaperSongs(shards, np.concatenate(rows), self.rotate)

    def _read(self, files: list[_File], rows: np.ndarray, epoch: int) -> Iterator[Example]:
        shards = [self._shard(f) if i in rows[:, 0] else None for i, f in enumerate(files)]
        for i, song, chunk in rows.tolist():
            shard = shards[i]
            if shard is not None:
                yield shard.example(song, chunk, _wording(epoch, int(files[i].lengths[song])))

    def _sound(self, file: _File) -> bool:
        """Whether a shard is the one that the manifest names; notes it where not."""
        if not file.path.is_file():
            return self._lose(file, f"{file.path} is missing")
        if self._verify and hashlib.sha256(file.path.read_bytes()).hexdigest() != file.sha256:
            return self._lose(
                file, f"{file.path} is damaged: it is not the file that the manifest names"
            )
        return True

    def _shard(self, file: _File) -> Shard | None:
        """A shard, or None, noted, where it has been damaged since."""
        if file.path.name in self._damaged:
            return None
        try:
            shard = read_shard(file.path)
            if not np.array_equal(np.diff(shard.first)[: len(file.lengths)], file.lengths):
                raise InputError(f"{file.path} is damaged: it holds other songs")
            return shard
        except InputError as error:
            self._lose(file, str(error))
            return None

    def _lose(self, file: _File, why: str) -> bool:
        self._damaged[file.path.name] = len(file.lengths)
        if self._warn:
            self._warn(f"passed over: {why}")
        return False


class PaperSongs:
    """A split in memory. ``places`` (S, 2): shard and song of each song."""

    def __init__(self, shards: list[Shard], places: np.ndarray, rotate: bool = True):
        self.shards, self.places, self.rotate = shards, places, rotate
        counts = [shards[i].first[song + 1] - shards[i].first[song] for i, song in places.tolist()]
        self.counts = np.array(counts, dtype=np.int64)
        self.ends = np.cumsum(self.counts)

    def __len__(self) -> int:
        """Examples of an epoch."""
        return len(self.places) if self.rotate else int(self.ends[-1])

    def example(self, i: int, epoch: int = 0) -> Example:
        """Example ``i`` of an epoch: of song i the chunk whose turn it is, or, without rotation,
        chunk i of all. Raises IndexError past the last."""
        if not 0 <= i < len(self):
            raise IndexError(f"there is no example {i} of {len(self)}")
        song = i if self.rotate else int(np.searchsorted(self.ends, i, side="right"))
        n = int(self.counts[song])
        chunk = epoch % n if self.rotate else i - int(self.ends[song]) + n
        shard, place = self.places[song].tolist()
        return self.shards[shard].example(place, chunk, _wording(epoch, n))


def _entries(files: list[_File], epoch: int, rotate: bool) -> np.ndarray:
    """(E, 3) file, song and chunk of the examples in some files."""
    rows = []
    for i, file in enumerate(files):
        songs, n = np.arange(len(file.lengths)), file.lengths
        if rotate:
            rows.append(np.stack([np.full(len(songs), i), songs, epoch % n], 1))
        else:
            song = np.repeat(songs, n)
            chunk = np.arange(len(song)) - np.repeat(np.cumsum(n) - n, n)
            rows.append(np.stack([np.full(len(song), i), song, chunk], 1))
    return np.concatenate(rows)


def _wording(epoch: int, chunks: int) -> int:
    """The number of the wording whose turn it is: another each time the chunk comes round."""
    return epoch // chunks
