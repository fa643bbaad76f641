"""How much a note's fields are varied: rhythm and drums less than pitches.

Knows a note's fields by their place and Sampling; does not know models or wishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cantilena.decode.sampling import Sampling
from cantilena.score import DRUMS
from cantilena.tokens.note.grammar import INSTRUMENT

TIME_SHARE, DRUM_SHARE, LOOP_SHARE = 0.94, 0.85, 0.85
"""Shares of the temperature for onsets and instruments, for drums, and for everything in genres
made of loops. Chosen with ``cantilena evaluate statistics``: at the temperature that gives melodies
the variety of songs (1.12), grooves were less steady than in songs, and techno lost its pulse."""


class Boldness:
    """Sampling by field. ``loops``: the genre is made of loops, in which nothing varies much."""

    def __init__(self, sampling: Sampling, loops: bool = False):
        temperature = sampling.temperature * (LOOP_SHARE if loops else 1.0)
        self.tune, self.time, self.drum = (
            replace(sampling, temperature=temperature * share)
            for share in (1.0, TIME_SHARE, DRUM_SHARE)
        )

    def __call__(self, field: int, chosen: Sequence[int]) -> Sampling:
        if field <= INSTRUMENT:
            return self.time
        return self.drum if chosen[INSTRUMENT] == DRUMS else self.tune
