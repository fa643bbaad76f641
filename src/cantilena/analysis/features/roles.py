"""Roles: which notes are the lead, the bass, the harmony and the drums, by one rule for any piece.

Knows pitches, how many notes sound together and how much a part plays; of instruments only which
are drums and which are basses by name. Does not know tracks or their names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cantilena.analysis.features.notes import Notes
from cantilena.score.score import DRUMS

BASSES = (*range(32, 40), 43)
"""General MIDI's basses, and the double bass."""
CHORDAL = 1.2
"""Notes an onset from which a part plays more than one line."""
_TOP_WEIGHT, _ACTIVE_WEIGHT = 2.0, 2.0
"""What a part that always plays one note at once, and one that plays in every bar, is worth as a
lead, in octaves of its mean pitch."""


@dataclass(frozen=True)
class Roles:
    """The Notes of each role; any may be empty. ``lead`` and ``bass`` have one note an onset;
    ``harmony`` is all other pitched notes."""

    lead: Notes
    bass: Notes
    harmony: Notes
    drums: Notes


def roles(notes: Notes) -> Roles:
    """The Roles of a piece.

    - drums: the instrument 128.
    - bass: of two pitched parts or more the one that is a bass by name and has the most notes,
      else the one with the lowest mean pitch: its lowest note at each onset. Where it plays
      chords, only notes below the middle of its range count (``_lower``).
    - lead: of the others the one with the highest sum of mean pitch (octaves), share of its onsets
      with a single note (times 2), and share of the bars it plays in (times 2): its highest note
      at each onset.
    - Of a single pitched part that plays chords the upper half gives the lead and the lower the
      bass; one that plays a line is all lead.
    """
    index = np.flatnonzero(notes.pitched)
    parts = np.unique(notes.part[index]).tolist()
    drums = notes.select(notes.part == DRUMS)
    lead = bass = np.zeros(0, dtype=np.int64)
    if len(parts) == 1:
        lower = _lower(notes, index)
        lead, bass = _extreme(notes, index[~lower], 1), _extreme(notes, index[lower], -1)
    elif parts:
        bass_part = _bass_part(notes, parts)
        low = index[notes.part[index] == bass_part]
        inside = _lower(notes, low)
        bass = _extreme(notes, low[inside] if inside.any() else low, -1)
        others = [p for p in parts if p != bass_part]
        best = max(others, key=lambda p: (_lead_score(notes, index[notes.part[index] == p]), -p))
        lead = _extreme(notes, index[notes.part[index] == best], 1)
    rest = np.setdiff1d(index, np.concatenate([lead, bass]))
    return Roles(notes.select(lead), notes.select(bass), notes.select(rest), drums)


def notes_an_onset(notes: Notes, index: np.ndarray) -> float:
    """Mean number of notes that begin together, of those at ``index``."""
    return len(index) / max(len(np.unique(notes.time[index])), 1)


def _bass_part(notes: Notes, parts: list[int]) -> int:
    named = [p for p in parts if p in BASSES]
    if named:
        return max(named, key=lambda p: (np.count_nonzero(notes.part == p), -p))
    return min(parts, key=lambda p: (notes.pitch[notes.part == p].mean(), p))


def _lead_score(notes: Notes, index: np.ndarray) -> float:
    counts = np.unique(notes.time[index], return_counts=True)[1]
    active = len(np.unique(notes.bar[index])) / notes.bars
    single = float((counts == 1).mean())
    return float(notes.pitch[index].mean()) / 12 + _TOP_WEIGHT * single + _ACTIVE_WEIGHT * active


def _extreme(notes: Notes, index: np.ndarray, sign: int) -> np.ndarray:
    """Of the notes at ``index`` the highest (``sign`` 1) or lowest (-1) of each onset."""
    order = index[np.lexsort((sign * notes.pitch[index], notes.time[index]))]
    last = np.append(np.diff(notes.time[order]) != 0, True) if len(order) else np.zeros(0, bool)
    return order[last]


def _lower(notes: Notes, index: np.ndarray) -> np.ndarray:
    """Whether each note at ``index``, all of one part, is of its lower half: below the middle
    between the mean of the bars' highest notes and that of their lowest. None is where the part
    plays one line."""
    if notes_an_onset(notes, index) < CHORDAL:
        return np.zeros(len(index), dtype=bool)
    bar, pitch = notes.bar[index], notes.pitch[index]
    top, bottom = np.full(notes.bars, -1), np.full(notes.bars, 128)
    np.maximum.at(top, bar, pitch)
    np.minimum.at(bottom, bar, pitch)
    there = top >= 0
    return pitch < (top[there].mean() + bottom[there].mean()) / 2
