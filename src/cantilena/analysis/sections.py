"""Sections: what a Score's markers divide it into, and who plays in each.

Knows markers, bars and notes; does not hear sections that no marker names (``analysis.form``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cantilena.score import gm
from cantilena.score.score import Score


@dataclass(frozen=True)
class MarkedSection:
    """A section: its ``name``, its first ``bar`` (from 1) and its length in ``bars``, its ``start``
    in seconds, and the ``parts`` of which a note begins in it: their tracks' names, without one
    their instruments', in the order of the tracks, each once."""

    name: str
    bar: int
    bars: int
    start: float
    parts: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data; seconds to the millisecond."""
        return {**asdict(self), "start": round(self.start, 3), "parts": list(self.parts)}


def sections(score: Score) -> tuple[MarkedSection, ...]:
    """The sections that a Score's markers name, in order; () without markers. Each lasts from the
    bar in which its marker stands to that of the next. Of markers in one bar the last counts; bars
    before the first are of no section, nor is what stands behind the last bar line."""
    lines = score.bar_starts
    names = {
        int(np.searchsorted(lines, marker.tick, side="right")): marker.text
        for marker in score.markers
        if marker.tick < lines[-1]
    }
    starts = np.array([*names, len(lines)])
    section = np.searchsorted(starts, np.searchsorted(lines, score.onset, side="right"), "right")
    playing: dict[int, dict[str, None]] = {}  # names of parts, by section from 1
    for k, track in np.unique(np.stack([section, score.track]), axis=1).T.tolist():
        playing.setdefault(k, {})[_name(score, track)] = None
    out: list[MarkedSection] = []
    for k, (bar, name) in enumerate(names.items(), 1):
        start = float(score.seconds(lines[bar - 1]))
        bars = int(starts[k]) - bar
        out.append(MarkedSection(name, bar, bars, start, tuple(playing.get(k, ()))))
    return tuple(out)


def _name(score: Score, track: int) -> str:
    one = score.tracks[track]
    return one.name or gm.name(one.instrument)
