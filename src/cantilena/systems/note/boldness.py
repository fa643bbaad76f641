"""How much a note's fields are varied: tunes and drums less than what goes with them, loops least.

Knows a note's fields by their place, parts' roles and Sampling; does not know models or wishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cantilena.decode.sampling import MOST_TEMPERATURE, Sampling
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY
from cantilena.tokens.note.grammar import INSTRUMENT

TIME_SHARE = 1.05
ROLE_SHARES = {MELODY: 1.0, HARMONY: 1.04, BASS: 1.02, DRUM: 0.98}
LOOP_SHARE = 0.85
"""Shares of the temperature for onsets and instruments, for what a part of each role plays, and for
everything in genres made of loops: by ``cantilena evaluate statistics`` (cooler, rhythms are more
alike than songs') and by looking at pieces (hotter, tunes wander)."""
TUNE_NUCLEUS = 0.95
"""Share of the nucleus for tunes: their intervals are too many and too wide otherwise
(``cantilena evaluate realism``)."""
PLANNED_TIME_SHARE = 0.82
PLANNED_ROLE_SHARES = {MELODY: 0.78, HARMONY: 0.93, BASS: 0.87, DRUM: 1.0}
"""The same where the model reads which bars are new: it need not be driven out of loops. Drums are
alike from bar to bar there unless they are as bold as asked (``cantilena evaluate realism``)."""


class Boldness:
    """Sampling by field. ``roles``: the role of each instrument; ``loops``: the genre is made of
    loops, in which nothing varies much; ``planned``: the model reads a plan of the piece."""

    def __init__(
        self,
        sampling: Sampling,
        roles: Mapping[int, str],
        loops: bool = False,
        planned: bool = False,
    ):
        temperature = sampling.temperature * (LOOP_SHARE if loops else 1.0)
        by_role = PLANNED_ROLE_SHARES if planned else ROLE_SHARES
        time = PLANNED_TIME_SHARE if planned else TIME_SHARE
        self.time = _hotter(sampling, temperature * time)
        self.parts = {
            i: replace(
                _hotter(sampling, temperature * by_role[role]),
                top_p=sampling.top_p * (TUNE_NUCLEUS if role == MELODY else 1.0),
            )
            for i, role in roles.items()
        }

    def __call__(self, field: int, chosen: Sequence[int]) -> Sampling:
        if field <= INSTRUMENT:
            return self.time
        return self.parts.get(chosen[INSTRUMENT], self.time)


def _hotter(sampling: Sampling, temperature: float) -> Sampling:
    """The Sampling at another temperature, the highest that there is at most."""
    return replace(sampling, temperature=min(temperature, MOST_TEMPERATURE))
