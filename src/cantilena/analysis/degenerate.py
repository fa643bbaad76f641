"""Signs of music that a model no longer leads: notes piled on one moment.

Knows a Score's onsets; does not know tokens, models or thresholds of taste.
"""

from __future__ import annotations

import numpy as np

from cantilena.score.score import Score

MOST_AT_ONCE = 64
"""Notes that may begin at one moment; with more, time stands still while a model writes on. Far
more than any chord has."""


def most_at_once(score: Score) -> int:
    """How many notes begin at the fullest onset, 0 for a Score without notes."""
    return int(np.unique(score.onset, return_counts=True)[1].max()) if len(score) else 0


def one_onset(score: Score) -> float:
    """The share, 0-1, of the notes that begin at the fullest onset; 0 without notes."""
    return most_at_once(score) / len(score) if len(score) else 0.0


def stands_still(score: Score) -> bool:
    """Whether more than ``MOST_AT_ONCE`` notes begin at one onset."""
    return most_at_once(score) > MOST_AT_ONCE
