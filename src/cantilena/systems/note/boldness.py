"""How much a note's fields are varied: tunes, drums and loops less than accompaniments.

Knows a note's fields by their place, parts' roles and Sampling; does not know models or wishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cantilena.decode.sampling import Sampling
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY
from cantilena.tokens.note.grammar import INSTRUMENT

ROLE_SHARES = {MELODY: 0.95, HARMONY: 0.98, BASS: 0.98, DRUM: 0.95}
LOOP_SHARE = 0.85
"""Shares of the temperature for what a part of each role plays, and for everything in genres made
of loops."""
TUNE_NUCLEUS = 0.95
"""Share of the nucleus for tunes: their intervals are too many and too wide otherwise
(``cantilena evaluate realism``)."""


class Boldness:
    """Sampling by field. ``roles``: the role of each instrument; ``loops``: the genre is made of
    loops, in which nothing varies much."""

    def __init__(self, sampling: Sampling, roles: Mapping[int, str], loops: bool = False):
        temperature = sampling.temperature * (LOOP_SHARE if loops else 1.0)
        self.time = replace(sampling, temperature=temperature)
        self.parts = {
            i: replace(
                sampling,
                temperature=temperature * ROLE_SHARES[role],
                top_p=sampling.top_p * (TUNE_NUCLEUS if role == MELODY else 1.0),
            )
            for i, role in roles.items()
        }

    def __call__(self, field: int, chosen: Sequence[int]) -> Sampling:
        if field <= INSTRUMENT:
            return self.time
        return self.parts.get(chosen[INSTRUMENT], self.time)
