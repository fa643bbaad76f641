"""New sound within a recording: what is kept stays sample for sample.

Knows samples; does not know codecs or how what is new is made.
"""

from __future__ import annotations

import numpy as np

from cantilena.systems.codes.system import fade

JOIN = 0.02
"""Seconds, within what is new, over which it is mixed with what is kept."""


def joined(
    recording: np.ndarray, sound: np.ndarray, stretch: tuple[int, int], rate: int
) -> np.ndarray:
    """(channels, n): the ``recording`` (channels, n), and within its ``stretch``, from a sample on
    and up to one, ``sound`` (any, n), or the mean of its channels where it has others than the
    recording; at the end of the recording it fades."""
    (start, stop), out = stretch, recording.copy()
    heard = sound if len(sound) == len(out) else sound.mean(0)
    new = np.broadcast_to(heard, out.shape)[:, start:stop].copy()
    n = min(round(JOIN * rate), (stop - start) // 2)
    rise = np.sin(np.linspace(0, np.pi / 2, n, dtype=np.float32)) ** 2
    old = recording[:, start:stop]
    if start:
        new[:, :n] = rise * new[:, :n] + (1 - rise) * old[:, :n]
    if stop < out.shape[1]:
        new[:, -n:] = rise[::-1] * new[:, -n:] + (1 - rise[::-1]) * old[:, -n:]
    else:
        fade(new, rate)
    out[:, start:stop] = np.clip(new, -1, 1)
    return out
