"""Long pieces window by window: which frames a model reads and writes at a time.

Knows numbers of frames; does not know codes or conditions. MusicGen's windows are 30 s with a
stride of 18 s, so that 12 s of what is there are read again; MusicLM's have one of 15 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cantilena.errors import InputError


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
