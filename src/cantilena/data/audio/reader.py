"""Reading a data set of clips: a split as a stream, or clip by clip.

Knows the manifest, the order of an epoch and its parts; needs no torch and knows no model. Clips
are read from disk when they are asked for, so that memory does not grow with the data.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.data.audio.clips import Clip, Recipe
from cantilena.data.audio.manifest import read_audio_manifest
from cantilena.data.audio.shards import Shard
from cantilena.data.corpora.corpus import SPLITS
from cantilena.data.download import file_sha256
from cantilena.errors import InputError, UnknownNameError

BLOCK = 8
"""Shards whose clips are shuffled together, and so are open at once."""


class AudioData:
    """A split of a data set on disk, of all ``sources`` or of some.

    ``stems`` False leaves the stems on the disk. ``verify`` compares each shard's sha256 at once; a
    shard that is missing or damaged is passed over, reported to ``warn`` and listed in
    ``damaged``. Clips of songs that are copies (``read_audio_manifest``) are left out. Raises
    InputError where nothing of the split can be read, UnknownNameError for a split or source that
    is not there.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        *,
        sources: Sequence[str] | None = None,
        stems: bool = True,
        verify: bool = True,
        warn: Callable[[str], None] | None = None,
    ):
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
        self.manifest = read_audio_manifest(folder)
        for name in sources or ():
            if name not in self.manifest["counts"]:
                raise UnknownNameError("source", name, self.manifest["counts"])
        self.folder, self.split, self.stems, self._warn = Path(folder), split, stems, warn
        self.damaged: tuple[str, ...] = ()
        self._open: OrderedDict[int, Shard] = OrderedDict()
        self._paths: list[Path] = []
        places: list[np.ndarray] = []
        for row in self.manifest["shards"]:
            if row["split"] == split and (sources is None or row["source"] in sources):
                numbers = self._numbers(row, verify)
                if len(numbers):
                    places.append(np.stack([np.full(len(numbers), len(self._paths)), numbers], 1))
                    self._paths.append(self.folder / row["file"])
        if not places:
            damage = f"; damaged: {', '.join(self.damaged)}" if self.damaged else ""
            raise InputError(f"the data in {str(folder)!r} has no clips of {split!r}{damage}")
        self.places = np.concatenate(places)

    @property
    def rate(self) -> int:
        """Hz of all clips."""
        return self.manifest["recipe"]["rate"]

    @property
    def recipe(self) -> Recipe:
        """What the clips were made by; of the soundfont the name alone."""
        return Recipe(**self.manifest["recipe"])

    def __len__(self) -> int:
        """Clips."""
        return len(self.places)

    def clip(self, i: int) -> Clip:
        """Clip ``i`` in the order on disk. Raises IndexError past the last, InputError where its
        shard has been damaged since."""
        if not 0 <= i < len(self):
            raise IndexError(f"there is no clip {i} of {len(self)}")
        shard, number = self.places[i].tolist()
        return self._shard(shard).clip(number, self.stems)

    def stream(
        self, epoch: int = 0, seed: int | None = 0, part: int = 0, parts: int = 1, start: int = 0
    ) -> Iterator[Clip]:
        """The clips of an epoch in its order (``seed`` None: the order on disk). Of ``parts``
        readers this is number ``part``, which has every ``parts``-th clip; it begins with its clip
        ``start``. A clip whose shard has been damaged since is passed over."""
        if not 0 <= part < parts or epoch < 0 or start < 0:
            raise InputError(f"there is no part {part} of {parts} in epoch {epoch} from {start}")
        for i in self.order(epoch, seed)[part + start * parts :: parts].tolist():
            try:
                clip = self.clip(i)
            except InputError as error:
                self._lose(self._paths[int(self.places[i, 0])].name, str(error))
            else:
                yield clip

    def order(self, epoch: int = 0, seed: int | None = 0) -> np.ndarray:
        """(len,) numbers of clips: shards in an order of their own, then the clips of ``BLOCK`` of
        them at a time; it follows from the seed and the epoch alone."""
        if seed is None:
            return np.arange(len(self))
        rng = np.random.default_rng([seed, epoch])
        shards = rng.permutation(len(self._paths))
        place = np.empty_like(shards)
        place[shards] = np.arange(len(shards))  # of each shard in that order
        block = place[self.places[:, 0]] // BLOCK
        return np.lexsort((rng.random(len(self)), block))

    def close(self) -> None:
        """Closes the shards that are open; reading opens them again."""
        while self._open:
            self._open.popitem()[1].close()

    def _numbers(self, row: dict[str, Any], verify: bool) -> np.ndarray:
        """The clips of a shard that are read; none where it is not the one that the manifest
        names."""
        path = self.folder / row["file"]
        copies = {copy["file"] for copy in self.manifest["copies"].get(row["file"], ())}
        try:
            if verify and file_sha256(path) != row["sha256"]:
                raise InputError(f"{path} is damaged: it is not the file that the manifest names")
            if not copies:
                return np.arange(row["clips"])
            with Shard(path) as shard:
                kept = [i for i, meta in enumerate(shard.metas) if meta["file"] not in copies]
        except OSError:
            self._lose(row["file"], f"{path} is missing")
        except InputError as error:
            self._lose(row["file"], str(error))
        else:
            return np.array(kept, dtype=np.int64)
        return np.zeros(0, dtype=np.int64)

    def _shard(self, i: int) -> Shard:
        """Shard ``i``, open; the one that was asked for least recently is closed for it."""
        if i not in self._open:
            self._open[i] = Shard(self._paths[i])
            if len(self._open) > BLOCK:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(i)
        return self._open[i]

    def _lose(self, name: str, why: str) -> None:
        if name not in self.damaged:
            self.damaged += (name,)
            if self._warn:
                self._warn(f"passed over: {why}")
