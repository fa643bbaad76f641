"""A codec's matrix of codes as the tokens of the stages that write it, and back.

Knows integers, and how stages' rates stand to the codec's; does not know codecs or models. Stages
that write as many frames as the codec has split its books; of a codec of levels (Jukebox's, frames
of unequal length) a stage writes a level: its frames within one of the codec's stand below one
another there, T M M B B B B, and one after the other here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cantilena.errors import InputError
from cantilena.systems.musiclm.model import MusicConfig, StageConfig


def frames_in(config: MusicConfig, stage: StageConfig) -> int:
    """Frames of a stage in one of the codec's. Raises InputError where that is no whole number."""
    count = round(stage.rate / config.rate)
    if count < 1 or abs(stage.rate - count * config.rate) > 1e-6:
        raise InputError(
            f"the stage {stage.name!r} writes {stage.rate:g} frames a second, which are not whole "
            f"numbers of the codec's {config.rate:g}"
        )
    return count


def books_of(config: MusicConfig) -> tuple[int, ...]:
    """The values of the codec's books that the stages write, in its order. Raises InputError."""
    stages = [config.stage(name) for name in config.written]
    return tuple(size for s in stages for size in s.sizes * frames_in(config, s))


def split(config: MusicConfig, codes: np.ndarray) -> dict[str, np.ndarray]:
    """By stage (k, T * r) tokens of codes (K, T), r frames of the stage in one of the codec's."""
    out, first = {}, 0
    for name in config.written:
        stage = config.stage(name)
        books, within = len(stage.sizes), frames_in(config, stage)
        part = codes[first : first + books * within]
        first += books * within
        out[name] = part.reshape(within, books, -1).transpose(1, 2, 0).reshape(books, -1)
    return out


def joined(
    config: MusicConfig, tokens: Mapping[str, np.ndarray], start: int = 0, stop: int | None = None
) -> np.ndarray:
    """(K, T) codes of the stages' tokens for the codec's frames ``start`` to ``stop`` (None: to the
    end). Where the last frame of the codec's has not all of a stage's, its last one goes on."""
    parts = []
    for name in config.written:
        stage = config.stage(name)
        within = frames_in(config, stage)
        rows = tokens[name][:, start * within : None if stop is None else stop * within]
        rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % within)), mode="edge")
        parts.append(rows.reshape(len(rows), -1, within).transpose(2, 0, 1))
    frames = min(part.shape[2] for part in parts)
    rows = [part[:, :, :frames].reshape(part.shape[0] * part.shape[1], frames) for part in parts]
    return np.concatenate(rows)
