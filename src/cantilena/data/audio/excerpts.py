"""A stretch of a Score as a Score, so that it sounds as it does within the whole.

Knows notes, controls and the maps of time; does not know sound.
"""

from __future__ import annotations

import numpy as np

from cantilena.score.controls import CONTROL_CHANGE, Controls
from cantilena.score.score import Score

_IN_ORDER = (6, 38, 96, 97, 98, 99, 100, 101)
"""Controllers that mean something only one behind the other: parameters' numbers and values."""


def excerpt(score: Score, start: int, stop: int, held: bool = True) -> Score:
    """The ticks from ``start`` to ``stop`` as a Score that begins at 0.

    Notes that sound over an edge are cut there; without ``held`` those that began before are left
    out. Tempo, metre, key and controls at its start are those that hold there. Texts are dropped.
    """
    ends = score.onset + score.duration
    keep = (score.onset < stop) & ((ends > start) if held else (score.onset >= start))
    onset = np.maximum(score.onset[keep], start) - start
    duration = np.minimum(ends[keep], stop) - start - onset
    return Score.build(
        score.tpq,
        score.tracks,
        onset,
        np.maximum(duration, 1),
        score.pitch[keep],
        score.velocity[keep],
        score.track[keep],
        _moved(start, stop, score.tempo_tick, score.tempo_us),
        _moved(start, stop, score.metre_tick, score.metre_num, score.metre_den),
        _moved(start, stop, score.key_tick, score.key_fifths, score.key_minor),
        end=stop - start,
        controls=_chased(score.controls, start, stop),
    )


def _moved(start: int, stop: int, ticks: np.ndarray, *values: np.ndarray) -> list[tuple]:
    """Rows of a map before ``stop``, counted from ``start``; of those at 0 the last holds."""
    rows = zip(ticks.tolist(), *(v.tolist() for v in values), strict=True)
    return [(max(tick - start, 0), *rest) for tick, *rest in rows if tick < stop]


def _chased(controls: Controls, start: int, stop: int) -> Controls:
    """The controls before ``stop``; of those before ``start`` what they left, at 0."""
    tick, track, kind, number = controls.columns[:4]
    early = np.flatnonzero(tick <= start)
    order = (kind[early] == CONTROL_CHANGE) & np.isin(number[early], _IN_ORDER)
    rest = early[~order]
    names = np.stack([track[rest], kind[rest], number[rest]], axis=1)
    _, last = np.unique(names[::-1], axis=0, return_index=True)
    lasting = rest[len(rest) - 1 - last] if len(rest) else rest
    kept = np.sort(np.concatenate([lasting, early[order]]))
    keep = np.concatenate([kept, np.flatnonzero((tick > start) & (tick < stop))]).astype(np.int64)
    chosen = controls.select(keep)
    return Controls.build(np.maximum(chosen.tick - start, 0), *chosen.columns[1:])
