"""The outline of a piece: for every part and bar whether it plays, which earlier bar it takes up
and how, and how many notes it has.

Knows note tables and bar lines; does not know models, Plans or how an outline is drawn. The
features that a model reads of an outline are in ``tokens.note.agenda``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cantilena.tokens.note import DURATIONS

LAGS = (1, 2, 4, 8, 16)
"""Bars back that a bar is compared with."""
EXACT, VARIED, RHYTHM = "exact", "varied", "rhythm"
"""The same notes; most of them; other pitches in the same rhythm."""
REST, HELD, NEW = "rest", "held", "new"
"""Silence; a note that goes on from the bar before; what takes up nothing."""
KINDS = (EXACT, VARIED, RHYTHM)
MEANINGS = ((NEW, 0), (REST, 0), (HELD, 0), *((kind, lag) for kind in KINDS for lag in LAGS))
"""(kind, bars back or 0) of each letter's number."""
NUMBERS = {meaning: number for number, meaning in enumerate(MEANINGS)}
NEW_BAR, REST_BAR, HELD_BAR, FIRST_RETURN = range(4)
NO_LETTER = len(MEANINGS)  # where no bar is meant
UNKNOWN_LETTER = NO_LETTER + 1
UNKNOWN_COUNT = -1
LEAST_COMMON = 0.6
"""Share of the notes of two bars together that both have, from which one is the other varied."""
LEAST_HELD = 0.25  # of a bar through which a note goes on, from which the bar is held, not silent
_TAIL = 16  # latest notes of a part that are looked at for one that goes on

NOTHING_COMMON, SAME_RHYTHM, MOSTLY, ALL = range(4)
"""What a bar has in common with an earlier one."""


@dataclass(frozen=True)
class Outline:
    """What is decided about the parts of a piece of B bars before its notes. ``instruments`` (P,)
    rising; ``letters`` (P, B), what each bar takes up, ``UNKNOWN_LETTER`` where that is not known;
    ``sources`` (P, B), the bar that a bar takes up, of those that do; ``counts`` (P, B), its notes,
    ``UNKNOWN_COUNT`` where not known."""

    instruments: np.ndarray
    letters: np.ndarray
    sources: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Likeness:
    """What the bars of a song's parts have in common, of which outlines are made from any bar on.
    ``instruments`` (P,) rising; ``bare`` (P, B) the letter of a bar that takes up nothing;
    ``common`` (P, B, len(LAGS)) what it has in common with the bar so far back; ``counts`` (P, B)
    notes."""

    instruments: np.ndarray
    bare: np.ndarray
    common: np.ndarray
    counts: np.ndarray

    def outline(self, start: int = 0) -> Outline:
        """The outline of the bars from ``start`` on, as if nothing were before them. A bar takes up
        an earlier one exactly before varied before in its rhythm, and of several the nearest."""
        bare, common = self.bare[:, start:], self.common[:, start:]
        reachable = np.arange(bare.shape[1])[:, None] >= np.array(LAGS)
        common = np.where(reachable, common, NOTHING_COMMON)
        letters = bare.astype(np.int64)
        for k, degree in reversed(list(enumerate((ALL, MOSTLY, SAME_RHYTHM)))):
            equal = common == degree
            lag = equal.argmax(-1)
            letters = np.where(equal.any(-1), FIRST_RETURN + len(LAGS) * k + lag, letters)
        lags = np.array([lag for _, lag in MEANINGS])
        sources = np.maximum(np.arange(bare.shape[1]) - lags[letters], 0)
        return Outline(self.instruments, letters, sources, self.counts[:, start:].astype(np.int64))


def letter_of(kind: str, lag: int) -> int:
    """The number of the letter of a bar that takes up the one ``lag`` bars before (0: none): that
    of the nearest of LAGS."""
    return NUMBERS[kind, min(LAGS, key=lambda one: abs(one - lag)) if lag else 0]


def likeness(table: np.ndarray, bars: np.ndarray) -> Likeness:
    """What the bars of every part of a note table have in common. ``table``: (N, 5) onset,
    instrument, pitch, duration class, velocity class; ``bars``: (B + 1,) bar lines."""
    instruments = np.unique(table[:, 1])
    shape = (len(instruments), len(bars) - 1)
    bare = np.full(shape, REST_BAR, dtype=np.uint8)
    common = np.zeros((*shape, len(LAGS)), dtype=np.uint8)
    counts = np.zeros(shape, dtype=np.uint16)
    table = table[(table[:, 0] >= bars[0]) & (table[:, 0] < bars[-1])]
    for p, instrument in enumerate(instruments.tolist()):
        notes = table[table[:, 1] == instrument]
        edges = np.searchsorted(notes[:, 0], bars)
        counts[p] = np.diff(edges)
        bare[p] = _bare(notes, bars, edges)
        common[p] = _common(notes, bars, edges)
    return Likeness(instruments, bare, common, counts)


def _bare(notes: np.ndarray, bars: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(B,) letters of the bars of a part, as if none took up another."""
    ends = notes[:, 0] + np.array(DURATIONS)[notes[:, 3]]
    out = np.full(len(bars) - 1, NEW_BAR, dtype=np.uint8)
    for bar in np.flatnonzero(np.diff(edges) == 0).tolist():
        start, stop, before = int(bars[bar]), int(bars[bar + 1]), int(edges[bar])
        heard = min(int(ends[max(before - _TAIL, 0) : before].max(initial=start)), stop) - start
        out[bar] = HELD_BAR if heard >= LEAST_HELD * (stop - start) else REST_BAR
    return out


def _common(notes: np.ndarray, bars: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(B, len(LAGS)) what each bar of a part has in common with earlier ones."""
    out = np.zeros((len(bars) - 1, len(LAGS)), dtype=np.uint8)
    place = notes[:, 0] - np.repeat(bars[:-1], np.diff(edges))
    content = (place * 128 + notes[:, 2]).tolist()
    bounds = edges.tolist()
    bar_notes = [frozenset(content[a:b]) for a, b in pairwise(bounds)]
    rhythm = [frozenset(note >> 7 for note in bar) for bar in bar_notes]
    for bar, here in enumerate(bar_notes):
        if not here:
            continue
        for k, lag in enumerate(LAGS[: np.searchsorted(LAGS, bar, side="right")]):
            there = bar_notes[bar - lag]
            if not there:
                continue
            if there == here:
                out[bar, k] = ALL
                continue
            both = len(there & here)
            if both >= LEAST_COMMON * (len(there) + len(here) - both):
                out[bar, k] = MOSTLY
            elif len(rhythm[bar]) > 1 and rhythm[bar - lag] == rhythm[bar]:
                out[bar, k] = SAME_RHYTHM
    return out
