"""Examples of latents to learn from, and the batches of a run's steps.

Knows latents with what is known of their music, crops, masks and conditions left out; does not know
where examples come from. A batch depends on the seed and the step alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from cantilena.errors import InputError
from cantilena.systems.codes.examples import CodeExample
from cantilena.systems.latent.conditions import (
    LatentWish,
    frame_states,
    stacked_texts,
    text_states,
)
from cantilena.systems.latent.model import LatentModel

MOST_GAPS = 3
"""Gaps of an example at most."""


class Examples(Protocol):
    """Examples by number, whose "codes" are latents (D, T) or codes; ``lengths``: the frames of
    each."""

    @property
    def lengths(self) -> Sequence[int]: ...

    def __getitem__(self, i: int, /) -> CodeExample: ...


@dataclass(frozen=True)
class _Crop:
    latents: np.ndarray
    kept: np.ndarray
    text: Tensor
    frames: dict[str, Tensor]
    timing: tuple[float, float]


class LatentBatches:
    """Batches of crops of the model's window. ``codes``: the same clips' codes, where the model
    reads them. Raises InputError where no example is long enough, or there are none."""

    def __init__(
        self, examples: Examples, model: LatentModel, seed: int = 0, codes: Examples | None = None
    ):
        self.examples, self.codes, self.seed = examples, codes, seed
        self.config, self.encoder, self.options = model.dit.config, model.encoder, model.options
        self.rate, self.window = model.vae.frame_rate, model.window
        lengths = examples.lengths
        self.long = [i for i, length in enumerate(lengths) if length >= self.window]
        if not self.long:
            raise InputError(
                f"no example is as long as a crop of {self.window} frames; the longest has "
                f"{max(lengths, default=0)}"
            )

    def draw(self, step: int, size: int) -> dict[str, Tensor]:
        """The batch of a step: ``size`` examples at random, each from a frame at random."""
        rng = np.random.default_rng([self.seed, step])
        return self._stacked([self._random(rng) for _ in range(size)])

    def fixed(self, size: int, limit: int = 64) -> list[dict[str, Tensor]]:
        """Batches for validation: the beginnings of the first ``limit`` examples, with all that is
        known of them. Neighbours in a batch are as far from one another as there are batches:
        examples that follow one another are mostly of one song."""
        crops = [self._cut(i, 0, 0) for i in self.long[:limit]]
        batches = -(-len(crops) // size)
        return [self._stacked(crops[i::batches]) for i in range(batches)]

    def _random(self, rng: np.random.Generator) -> _Crop:
        number = self.long[int(rng.integers(len(self.long)))]
        start = int(rng.integers(self.examples.lengths[number] - self.window + 1))
        return self._cut(number, start, int(rng.integers(1 << 30)), rng)

    def _cut(
        self, number: int, start: int, wording: int, rng: np.random.Generator | None = None
    ) -> _Crop:
        """A crop; with an ``rng`` some of its latents are kept, and conditions are left out."""
        example, stop = self.examples[number], start + self.window
        codes = self.codes[number].codes[0] if self.codes is not None else None
        text = example.texts[wording % len(example.texts)] if example.texts else ""
        score = example.symbols
        kept = np.zeros(self.window, dtype=np.float32)
        if rng is not None:
            drop, (u, alone) = self.options.drop, rng.random(2)
            text = "" if u < 2 * drop else text
            if u < drop or (u >= 2 * drop and alone < self.options.alone):
                score, codes = None, None
            kept = kept_frames(rng, self.window, self.options.prefix, self.options.gaps)
        wish = LatentWish(text, score, codes)
        return _Crop(
            np.asarray(example.codes[:, start:stop], dtype=np.float32),
            kept,
            text_states(self.config, self.encoder, text),
            frame_states(self.config, wish, self.rate, start, stop),
            (start / self.rate, example.codes.shape[1] / self.rate),
        )

    def _stacked(self, crops: Sequence[_Crop]) -> dict[str, Any]:
        text, mask = stacked_texts([crop.text for crop in crops])
        batch = {
            "latents": torch.from_numpy(np.stack([crop.latents for crop in crops])),
            "kept": torch.from_numpy(np.stack([crop.kept for crop in crops])),
            "text": text,
            "mask": mask,
            "timing": torch.tensor([crop.timing for crop in crops]),
        }
        for name in self.config.frames:
            batch[f"frames.{name}"] = torch.stack([crop.frames[name] for crop in crops])
        return batch


def kept_frames(rng: np.random.Generator, frames: int, prefix: float, gaps: float) -> np.ndarray:
    """(frames,) 1 where latents are known: a beginning with the chance ``prefix``, all but one to
    ``MOST_GAPS`` gaps with the chance ``gaps``, else none."""
    kept, u = np.zeros(frames, dtype=np.float32), rng.random()
    if u < prefix:
        kept[: int(rng.integers(1, max(2, frames * 3 // 4)))] = 1.0
    elif u < prefix + gaps:
        kept[:] = 1.0
        for _ in range(int(rng.integers(1, MOST_GAPS + 1))):
            length = int(rng.integers(max(1, frames // 10), max(2, frames // 2)))
            first = int(rng.integers(frames - length + 1))
            kept[first : first + length] = 0.0
    return kept
