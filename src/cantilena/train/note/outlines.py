"""What a training example knows of its song's outline.

Knows the data set's songs, outlines and the features of them; does not know the model or what else
an example holds. What the bars of a song have in common is counted once, on the whole song, and
kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.training import CropConfig
from cantilena.tokens.note import agenda
from cantilena.tokens.note.context import NO_PITCH
from cantilena.tokens.note.outline import (
    UNKNOWN_COUNT,
    UNKNOWN_LETTER,
    Likeness,
    Outline,
    likeness,
)

DARK_PARTS = 0.5
"""Of the parts of a window that knows only some of them, the share that it does not."""
_DUE_PITCHES = [list(agenda.AT_INSTRUMENT).index(name) for name in ("exact_pitch", "varied_pitch")]


class Outlines:
    """The outlines of a split's songs."""

    def __init__(self, songs: Any, config: CropConfig):
        self.songs, self.config = songs, config
        self.likenesses: dict[int, Likeness] = {}

    def features(
        self, i: int, first_bar: int, rows: np.ndarray, steps: range, shift: int, rng: Any
    ) -> dict[str, np.ndarray]:
        """Features (S, F) by part, and "standing" (S, 129), of steps of song ``i``, as if it began
        with ``first_bar``. ``rows`` as ``tokens.note.context.extend`` gives them, ``shift``
        semitones up; a step behind their end is END's."""
        outline = self._known(i, first_bar, rng)
        bars = self.songs.bars(i)[first_bar:]
        before, at = np.array(steps) - 1, np.minimum(steps, len(rows) - 1)
        last = rows[np.maximum(before, 0)]
        last = np.where((before < 0)[:, None], [bars[0], -1, 0, 0, 0, 0], last)
        pitch = np.where(last[:, 1] == DRUMS, last[:, 2], last[:, 2] - shift)
        pitch = np.where(last[:, 1] < 0, -1, pitch)
        given = agenda.Steps(last[:, 0], last[:, 1], pitch, rows[at, 0], rows[at, 1])
        out = agenda.features(self.songs.table(i), bars, outline, given)
        due = out["at_instrument"][:, _DUE_PITCHES]
        pitched = (due < NO_PITCH) & (given.chosen != DRUMS)[:, None]
        out["at_instrument"][:, _DUE_PITCHES] = due + shift * pitched
        return out

    def _known(self, i: int, first_bar: int, rng: np.random.Generator) -> Outline:
        """What is known of a song's outline, drawn."""
        config = self.config
        if i not in self.likenesses:
            self.likenesses[i] = likeness(self.songs.table(i), self.songs.bars(i))
        outline = self.likenesses[i].outline(first_bar)
        if rng.random() < config.plan_parts:
            dark = rng.random(len(outline.instruments)) < DARK_PARTS
            outline.letters[dark], outline.counts[dark] = UNKNOWN_LETTER, UNKNOWN_COUNT
        if rng.random() < config.plan_counts:
            outline.counts[:] = UNKNOWN_COUNT
        return outline
