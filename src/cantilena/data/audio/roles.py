"""Which track of a piece is its melody, its bass, its drums.

Knows tracks, their names and pitches. A part is a track here, as it has a stem of its own; the
roles of single notes, by which realism is judged, are ``evaluate.features.roles``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from cantilena.data.audio.clips import STEMS
from cantilena.score.score import Score

DRUMS, BASS, MELODY, OTHER = range(len(STEMS))
BASSES = (*range(32, 40), 43)
"""General MIDI's basses, and the double bass."""
_NAMES = re.compile(r"\b(melod(y|ie|ia)|vocals?|vox|singer|tune|lead voice)\b", re.IGNORECASE)
"""Not "lead" or "voice" alone: General MIDI has instruments of these names."""
_BACKING = re.compile(r"\b(back\w*|bg|harmon\w*|choir|chorus|counter\w*)\b", re.IGNORECASE)
_MIDDLE_C = 60
_LINE = 0.5
"""Share of single notes among its onsets from which a part may be a melody without being named."""


@dataclass(frozen=True)
class TrackRoles:
    """``role`` (T,) of each track, a place in ``STEMS``; ``melody``: the melody's track, None where
    there is none; ``named``: whether its name says so."""

    role: np.ndarray
    melody: int | None
    named: bool


def track_roles(score: Score) -> TrackRoles:
    """The roles of a Score's tracks.

    - drums: percussion.
    - bass: the basses of General MIDI; without one, of two pitched tracks or more the lowest,
      where its mean pitch is below middle C.
    - melody: of the others the one whose name says so, with the most notes; else, of those that
      play mostly single notes, the one with the highest sum of mean pitch in octaves, share of
      onsets with a single note (times 2) and share of bars that it plays in (times 2).
    - other: what is left.
    """
    role = np.full(len(score.tracks), OTHER, dtype=np.uint8)
    notes = np.bincount(score.track, minlength=len(role))
    pitched = []
    for i, track in enumerate(score.tracks):
        if track.is_drum:
            role[i] = DRUMS
        elif notes[i]:
            pitched.append(i)
    basses = [i for i in pitched if score.tracks[i].program in BASSES]
    if not basses and len(pitched) > 1:
        low = min(pitched, key=lambda i: (_mean_pitch(score, i), i))
        basses = [low] if _mean_pitch(score, low) < _MIDDLE_C else []
    role[basses] = BASS
    others = [i for i in pitched if role[i] == OTHER]
    names = {i: score.tracks[i].name for i in others}
    named = [i for i in others if _NAMES.search(names[i]) and not _BACKING.search(names[i])]
    lines = [i for i in others if _single(score, i) >= _LINE]
    melody = None
    if named:
        melody = max(named, key=lambda i: (notes[i], -i))
    elif lines:
        melody = max(lines, key=lambda i: (_worth(score, i), -i))
    if melody is not None:
        role[melody] = MELODY
    return TrackRoles(role, melody, bool(named))


def _mean_pitch(score: Score, track: int) -> float:
    return float(score.pitch[score.track == track].mean())


def _single(score: Score, track: int) -> float:
    """Share of a track's onsets at which it plays one note."""
    counts = np.unique(score.onset[score.track == track], return_counts=True)[1]
    return float((counts == 1).mean())


def _worth(score: Score, track: int) -> float:
    """How well a track would do as the melody, in octaves."""
    bars = score.bar_starts
    active = np.unique(np.searchsorted(bars, score.onset[score.track == track], side="right"))
    share = len(active) / max(1, len(bars) - 1)
    return _mean_pitch(score, track) / 12 + 2 * _single(score, track) + 2 * share
