"""Sound while it is written: codes, or latents, as soon as they cannot change any more.

Knows writings and codecs; does not know models or Requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from cantilena.models.audio.codec.stream import decode_windows

EVERY = 25
"""Steps of a writing of codes from one look at what is ready to the next, as a look may cost as
much as a step; sound is decoded by windows of many more frames."""


class Streamed(Protocol):
    """A writing of one piece that can say what of it is done."""

    @property
    def ready(self) -> np.ndarray:
        """(K, T) of the frames from the first on that cannot change any more."""
        ...

    def steps(self) -> Iterator[tuple[int, int]]:
        """Writes step by step; yields how many are done, and their number."""
        ...


def ready_parts(writing: Streamed, every: int = EVERY) -> Iterator[np.ndarray]:
    """(K, t) of a piece, one part behind the other, while it is written."""
    sent = 0
    for number, _ in enumerate(writing.steps()):
        if number % every == 0 and (ready := writing.ready).shape[1] > sent:
            yield ready[:, sent:].copy()
            sent = ready.shape[1]
    if (ready := writing.ready).shape[1] > sent:
        yield ready[:, sent:].copy()


def sound_blocks(
    codec: Any, writing: Streamed, length: int | None, every: int = EVERY
) -> Iterator[np.ndarray]:
    """Blocks (n, channels) float32 of a piece while it is written; ``length`` samples in all, None
    for as many as come."""
    for block in decode_windows(codec, ready_parts(writing, every)):
        if length is None:
            yield block
        elif length:
            yield block[:length]
            length -= min(length, len(block))
