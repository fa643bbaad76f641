"""Batches of sound to train on: cut at random from a data set's clips, the same for a seed and a
step.

Knows clips and how they are cut; does not know how they were made (``data.audio``) or what is
trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from cantilena.data.audio.clips import from_pcm
from cantilena.errors import InputError

_QUIET = 1e-3
"""Peak (-60 dB) below which a cut is made again, as there is nothing to learn of it."""
_TRIES = 4
"""Cuts of a clip at most."""


class ClipData(Protocol):
    """A split of a data set, as ``data.audio.AudioData``."""

    def __len__(self) -> int: ...

    def clip(self, i: int) -> Any:
        """Clip ``i``, whose ``heard(channels)`` is (channels, n) float32, and whose ``stems`` are
        (n,) int16 by name."""
        ...

    def order(self, epoch: int, seed: int | None) -> np.ndarray:
        """(len,) numbers of clips as an epoch has them."""
        ...


class Cuts:
    """Draws batches (B, channels, ``length``) float32. Each clip is cut once an epoch, at a random
    place; what is shorter is filled with silence. Of clips of one channel, or for other numbers
    of channels than two, all channels are the same. ``stems``: share of the rows that are one of
    the clip's stems that sound, alone, the same in all channels. Raises InputError where there are
    none."""

    def __init__(self, data: ClipData, channels: int, length: int, stems: float = 0.0):
        if length < 1:
            raise InputError("clips to train on must have a length")
        if stems and not data.clip(0).stems:
            raise InputError("the clips have no stems; make them with 'data audio --stems'")
        self.data, self.channels, self.length, self.stems = data, channels, length, stems
        self._order = lru_cache(maxsize=2)(data.order)

    def draw(self, seed: int, step: int, batch: int) -> dict[str, np.ndarray]:
        """The batch of a step: ``audio`` (B, channels, length) float32."""
        rng = np.random.default_rng((seed, step))
        rows = []
        for number in range(step * batch, (step + 1) * batch):
            epoch, place = divmod(number, len(self.data))
            clip = self.data.clip(int(self._order(epoch, seed)[place]))
            rows.append(self._random(self._sound(clip, rng), rng))
        return {"audio": np.stack(rows)}

    def _sound(self, clip: Any, rng: np.random.Generator) -> np.ndarray:
        """(channels, n) of a clip, or now and then of a stem."""
        if self.stems and rng.random() < self.stems:
            sounding = [own for own in clip.stems.values() if own.any()]
            if sounding:
                alone = from_pcm(sounding[int(rng.integers(len(sounding)))])
                return np.repeat(alone[None], self.channels, 0)
        return clip.heard(self.channels)

    def _random(self, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        cut = self._cut(samples, 0)
        for _ in range(_TRIES):
            cut = self._cut(
                samples, int(rng.integers(0, max(1, samples.shape[1] - self.length + 1)))
            )
            if np.abs(cut).max(initial=0.0) > _QUIET:
                break
        return cut

    def _cut(self, samples: np.ndarray, first: int) -> np.ndarray:
        part = samples[:, first : first + self.length]
        silence = self.length - part.shape[1]
        return np.pad(part, ((0, 0), (0, silence))).astype(np.float32)

    def fixed(self, batch: int, limit: int = 32) -> list[dict[str, np.ndarray]]:
        """Batches for validation, as ``draw``'s: the middles of ``limit`` clips, spread over the
        data."""
        count = min(limit, len(self.data))
        numbers = np.linspace(0, len(self.data) - 1, count).astype(int).tolist()
        rows: list[np.ndarray] = []
        for number in numbers:
            samples = self.data.clip(number).heard(self.channels)
            rows.append(self._cut(samples, max(0, (samples.shape[1] - self.length) // 2)))
        groups: list[Sequence[np.ndarray]] = [rows[i : i + batch] for i in range(0, count, batch)]
        return [{"audio": np.stack(group)} for group in groups]
