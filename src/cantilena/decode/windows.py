"""Long pieces window by window: which frames a model reads and writes at a time.

Knows numbers of frames and seconds; does not know codes or conditions. MusicGen's windows are
30 s with a stride of 18 s, so that 12 s of what is there are read again; MusicLM's have one of
15 s, those of its acoustic stages are 10 s and 3 s long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cantilena.errors import InputError


@dataclass(frozen=True)
class Windows:
    """How a stage reads and writes long pieces: ``length`` of a window and ``stride`` from one to
    the next, in seconds. Raises InputError for what cannot be."""

    length: float
    stride: float

    def __post_init__(self) -> None:
        if not 0 < self.stride <= self.length:
            raise InputError(
                f"a stride of {self.stride:g} s is outside 0 to {self.length:g} s, the window"
            )

    @property
    def prompt(self) -> float:
        """Seconds of what is there that a window reads again, at most."""
        return self.length - self.stride

    def over(self, seconds: float, rate: float, changes: Sequence[float] = ()) -> list[Window]:
        """The windows of a piece of ``seconds`` at ``rate`` frames a second, as ``windows`` has
        them; ``changes``: seconds from which on other words hold."""
        length = max(1, round(self.length * rate))
        stride = max(1, min(length, round(self.stride * rate)))
        at = [frame_at(second, rate) for second in changes]
        return windows(frames_of(seconds, rate), length, stride, at)


def frames_of(seconds: float, rate: float) -> int:
    """How many frames of ``rate`` a second ``seconds`` take up, at least one."""
    return max(1, math.ceil(seconds * rate - 1e-6))


def frame_at(second: float, rate: float) -> int:
    """The frame that begins nearest to a second."""
    return round(second * rate)


@dataclass(frozen=True)
class Window:
    """Frames ``start`` to ``stop``, of which those from ``begin`` on are written in it."""

    start: int
    begin: int
    stop: int


def windows(
    frames: int, length: int, stride: int, changes: Sequence[int] = (), begin: int = 0
) -> list[Window]:
    """The windows of a piece of ``frames``, none longer than ``length``: each reads again, of what
    is there, at most ``length - stride`` frames. None is written across one of ``changes``, frames
    from which on other words hold (MusicLM's story mode). ``begin``: frames that are there from the
    start. Raises InputError for lengths that cannot be."""
    if not 0 < stride <= length:
        raise InputError(f"a stride of {stride} frames is outside 1 to {length}, the window")
    if not 0 <= begin <= frames:
        raise InputError(f"{begin} frames of {frames} cannot be there already")
    out: list[Window] = []
    while begin < frames:
        start = max(0, begin - (length - stride))
        stop = min(frames, start + length, *(c for c in changes if c > begin))
        out.append(Window(start, begin, stop))
        begin = stop
    return out


def in_force(story: Sequence[tuple[int, str]], frame: int) -> str:
    """The text of a story, (frame, text) in rising order, that holds at a frame; before the first
    the first one."""
    texts = [text for at, text in story if at <= frame]
    if not story:
        return ""
    return texts[-1] if texts else story[0][1]
