"""New sound within a recording: what is kept stays sample for sample.

Knows samples, and what a Request says of the stretch that is new; does not know codecs or how what
is new is made.
"""

from __future__ import annotations

import numpy as np

from cantilena.errors import InputError
from cantilena.systems.codes.system import fade, text_seconds
from cantilena.systems.request import Request

LATE = 0.05
"""Seconds by which a stretch may end behind its recording, as lengths are told in rounded ones."""
JOIN = 0.02
"""Seconds, within what is new, over which it is mixed with what is kept."""


def stretch_of(request: Request) -> tuple[float, float]:
    """Seconds from which on and up to which the recording of a Request is new: within it, as its
    options "start" and "stop" say, else behind it, as long as is asked for. Raises InputError."""
    assert request.audio is not None
    length = request.audio.seconds
    start = float(request.options.get("start", length))
    stop = float(request.options.get("stop", start + text_seconds(request.brief)))
    if not 0 <= start <= length:
        raise InputError(f"the recording lasts {length:.2f} s; nothing begins at {start:g} s")
    if stop <= start:
        raise InputError(f"there is nothing between {start:g} and {stop:g} s")
    if start < length and "stop" in request.options and stop > length + LATE:
        raise InputError(
            f"the recording lasts {length:.2f} s; a stretch within it does not end at {stop:g} s. "
            "To go on behind it, leave out the stretch and say how many seconds"
        )
    return start, stop


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
