"""Chord symbols beside a Score: which of them stand where anything pitched sounds.

Knows when notes sound; does not know which chord they form.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.score.score import Score


def sounding_symbols(
    score: Score, chords: Sequence[tuple[int, str]]
) -> tuple[tuple[int, str], ...]:
    """``chords``, (tick, symbol) in any order, by tick and without those during which, up to the
    next one, no pitched note sounds: a drum solo has no chords."""
    ordered = sorted(chords, key=lambda chord: chord[0])
    pitched = ~score.is_drum
    onset = np.sort(score.onset[pitched])
    end = np.sort((score.onset + score.duration)[pitched])
    starts = np.array([tick for tick, _ in ordered], dtype=np.int64)
    stops = np.append(starts[1:], max(score.end, *starts.tolist(), 0) + 1)[: len(starts)]
    # Of the notes that began before a chord stops, some have not ended when it starts.
    sounds = np.searchsorted(onset, stops) > np.searchsorted(end, starts, side="right")
    return tuple(chord for chord, heard in zip(ordered, sounds.tolist(), strict=True) if heard)
