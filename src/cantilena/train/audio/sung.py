"""Sung clips to train on, whole, with their phonemes as numbers.

Knows clips that ``data.audio.sung`` made; does not know what is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cantilena.errors import InputError
from cantilena.models.audio.codec.base import Codec
from cantilena.systems.karasinger.examples import SungCodes
from cantilena.train.audio.codes import ClipData, CodeClips, Say

AUDIO, SAMPLES, PHONEMES, COUNTS = "audio", "samples", "phonemes", "counts"
"""Entries of a batch: (B, 1, n) float32, how many samples of each row are its clip's (B,), its
phonemes (B, L) int64 from 1 on, filled up with 0, and how many there are (B,)."""


def phonemes_in(data: Any) -> tuple[str, ...]:
    """The names of all phonemes of a split, in order. Raises InputError where its clips have
    none."""
    names: set[str] = set()
    for i in range(len(data)):
        names.update(data.clip(i).meta.get("phonemes", ()))
    if not names:
        raise InputError("the clips have no phonemes; 'cantilena data sung' makes some that do")
    return tuple(sorted(names))


def numbers(phonemes: Sequence[str], vocabulary: Sequence[str]) -> list[int]:
    """Numbers from 1 on of phonemes. Raises InputError for one that is not in the
    ``vocabulary``."""
    for name in phonemes:
        if name not in vocabulary:
            raise InputError(f"the phoneme {name!r} is none of those known: {' '.join(vocabulary)}")
    return [vocabulary.index(name) + 1 for name in phonemes]


class SungClips:
    """Batches of whole clips, each once an epoch, ``length`` samples long: what is shorter is
    filled with silence. Clips that are longer, or have phonemes that are not in the ``vocabulary``,
    are left out. Raises InputError where none is left."""

    def __init__(self, data: Any, vocabulary: Sequence[str], length: int):
        self.data, self.vocabulary, self.length = data, tuple(vocabulary), length
        self.kept = [i for i in range(len(data)) if self._fits(data.clip(i))]
        if not self.kept:
            raise InputError(
                f"no clip is as short as {length:,} samples and has phonemes of the vocabulary"
            )
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def _fits(self, clip: Any) -> bool:
        names = clip.meta.get("phonemes", ())
        short = len(clip.samples) <= self.length
        return short and bool(names) and set(names) <= set(self.vocabulary)

    def _shuffled(self, epoch: int, seed: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    def draw(self, seed: int, step: int, batch: int) -> dict[str, np.ndarray]:
        """The batch of a step."""
        rows = []
        for number in range(step * batch, (step + 1) * batch):
            epoch, place = divmod(number, len(self.kept))
            rows.append(int(self._order(epoch, seed)[place]))
        return self.batch(rows)

    def fixed(self, batch: int, limit: int = 64) -> list[dict[str, np.ndarray]]:
        """Batches for validation of ``limit`` clips, spread over the data."""
        count = min(limit, len(self.kept))
        places = np.linspace(0, len(self.kept) - 1, count).astype(int)
        rows = [self.kept[place] for place in places]
        return [self.batch(rows[i : i + batch]) for i in range(0, count, batch)]

    def batch(self, rows: Sequence[int]) -> dict[str, np.ndarray]:
        """The batch of some of the data's clips."""
        clips = [self.data.clip(i) for i in rows]
        labels = [numbers(clip.meta["phonemes"], self.vocabulary) for clip in clips]
        audio = np.zeros((len(clips), 1, self.length), dtype=np.float32)
        padded = np.zeros((len(clips), max(map(len, labels))), dtype=np.int64)
        for i, (clip, row) in enumerate(zip(clips, labels, strict=True)):
            audio[i, 0, : len(clip.samples)] = clip.samples
            padded[i, : len(row)] = row
        return {
            AUDIO: audio,
            SAMPLES: np.array([len(clip.samples) for clip in clips]),
            PHONEMES: padded,
            COUNTS: np.array([len(row) for row in labels]),
        }


def sung_codes(
    data: ClipData, codec: Codec, folder: str | Path, vocabulary: Sequence[str], say: Say = print
) -> list[SungCodes]:
    """A split's clips as codes, which stand in ``folder``, with their phonemes; those with one that
    is not in the ``vocabulary`` are left out. Raises InputError as ``CodeClips``."""
    out = []
    for i, codes in enumerate(CodeClips(data, codec, folder, say).codes()):
        names = data.clip(i).meta.get("phonemes", ())
        if set(names) <= set(vocabulary):
            out.append(SungCodes(codes.astype(np.int64), tuple(numbers(names, vocabulary))))
    return out
