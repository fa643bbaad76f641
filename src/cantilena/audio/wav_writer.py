"""WAV files written block by block, whole or not at all.

Knows the WAV format; does not know what sounds.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cantilena.errors import InputError
from cantilena.files import staged_file

_MOST = 0xFFFFFF00
"""Bytes of sound that a WAV file can hold, with room for its header."""


@contextmanager
def writing_wav(
    path: str | Path, rate: int, channels: int, length: int
) -> Iterator[Callable[[np.ndarray], None]]:
    """A function that takes blocks (n, channels) in -1 to 1 for a 16-bit file, which stands in
    its place when the block of the ``with`` ends. What lies outside is clipped. Raises InputError
    where ``length`` samples are too many, or values are not finite."""
    if length * channels * 2 > _MOST:
        raise InputError("a WAV file can hold at most 4 GB")
    with staged_file(path) as part, wave.open(str(part), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)

        def write(block: np.ndarray) -> None:
            if not np.isfinite(block).all():
                raise InputError("the sound holds values that are not finite")
            pcm = np.rint(np.clip(block, -1.0, 1.0) * 32767.0).astype("<i2")
            file.writeframes(pcm.tobytes())

        yield write
