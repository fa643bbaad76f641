"""Swing written straight: where notes stand that are played long and short.

Knows which beats swing; does not know grids or note values.
"""

from __future__ import annotations

import numpy as np

from cantilena.score.musicxml.metre import QUARTER, Bars
from cantilena.score.swing import Swing

_ON, _LATE = 0.12, (0.54, 0.78)  # shares of a pair: near its start or end, and where seconds begin
_THIRD = (0.27, 0.4)


def straightened(
    begin: np.ndarray, finish: np.ndarray, track: np.ndarray, bars: Bars, swing: Swing
) -> tuple[np.ndarray, np.ndarray]:
    """Onsets and ends, (N,) floats in ticks, with the pairs that ``swing`` made even.

    A pair of one part in which anything else begins, as a triplet or straight sixteenths, stays as
    it is, and so does all that is in compound metres. ``track``: (N,) part of each note.
    """
    size = round(QUARTER * swing.pair)
    per_part = int(bars.start[-1]) // size + 2
    pair, share, simple = _pairs(begin, bars, size)
    key = track * per_part + pair
    late = (share >= _LATE[0]) & (share <= _LATE[1])
    on = (share <= _ON) | (share >= 1 - _ON)
    n = per_part * (int(track.max(initial=0)) + 1)
    even = np.bincount(key, ~(late | on), n) > 0
    # A triplet of longer notes: two thirds of this pair, one third of the next.
    third = np.bincount(key, (share >= _THIRD[0]) & (share <= _THIRD[1]), n) > 0
    headless = np.bincount(key, share <= _ON, n) == 0
    even[:-1] |= (third & headless)[1:]
    begin = np.where(simple & ~even[key], _moved(begin, share, size, swing), begin)
    pair, share, simple = _pairs(finish, bars, size)
    key = np.minimum(track * per_part + pair, n - 1)
    finish = np.where(simple & ~even[key], _moved(finish, share, size, swing), finish)
    return begin, finish


def _pairs(x: np.ndarray, bars: Bars, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each tick: the number of its pair, its place in it (0-1), whether its metre is simple.
    Pairs are counted from bar lines; two at one number, in bars cut short, do no harm."""
    bar = np.clip(np.searchsorted(bars.start, x, side="right") - 1, 0, len(bars.metre) - 1)
    start = bars.start[bar]
    number, share = np.divmod((x - start) / size, 1)
    simple = np.array([den <= 4 for _, den in bars.metre])[bar]
    return start // size + number.astype(np.int64), share, simple


def _moved(x: np.ndarray, share: np.ndarray, size: int, swing: Swing) -> np.ndarray:
    """Ticks whose place in the pair is moved so that the second note begins in its middle."""
    place = swing.place
    straight = np.where(
        share < place, share * 0.5 / place, 0.5 + (share - place) * 0.5 / (1 - place)
    )
    return x + (straight - share) * size
