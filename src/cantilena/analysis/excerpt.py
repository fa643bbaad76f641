"""The beginning of a piece, so that pieces of one length are compared.

Knows bars; does not know what the pieces are compared by.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cantilena.score.score import Score


def first_bars(score: Score, bars: int) -> Score:
    """The Score from the first bar with a note on, at most ``bars`` bars of it.

    Notes that ring over the end are cut there; tempo, metre and key at the start are those that
    hold there. A Score without notes comes back as it is.
    """
    if not len(score):
        return score
    edges = score.bar_starts
    first = int(np.searchsorted(edges, int(score.onset[0]), side="right")) - 1
    last = min(first + bars, len(edges) - 1)
    start, stop = int(edges[first]), int(edges[last])
    notes = score.select(score.onset < stop)
    if start == 0 and last == len(edges) - 1:
        return score
    maps: dict[str, np.ndarray] = {}
    for tick, *others in (
        ("tempo_tick", "tempo_us"),
        ("metre_tick", "metre_num", "metre_den"),
        ("key_tick", "key_fifths", "key_minor"),
    ):
        ticks = getattr(score, tick)
        use = ticks < stop
        earlier = np.flatnonzero(ticks <= start)
        if len(earlier):
            use[: earlier[-1]] = False
        maps[tick] = np.maximum(ticks[use] - start, 0)
        maps |= {name: getattr(score, name)[use] for name in others}
    onset = notes.onset - start
    length = np.minimum(notes.duration, stop - notes.onset)
    arrays = {"onset": onset, "duration": length, **maps}
    for array in arrays.values():
        array.setflags(write=False)
    end = min(int((onset + length).max()), stop - start) if last == len(edges) - 1 else stop - start
    end = max(end, min(score.end, stop) - start)
    return replace(notes, **arrays, end=end)
