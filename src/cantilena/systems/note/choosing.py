"""Candidates for a span, and which of them fits what follows: the model's own likelihood.

Knows the stepper's logits and rows; does not know Scores or wishes. The model reads from left to
right, so it writes a span without having seen what follows; but it can say how likely the kept
notes behind the span are after each candidate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.decode.interfaces import Job
from cantilena.systems.note.stepper import NoteEngine, NoteStepper
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note.conditions import Conditions
from cantilena.tokens.note.grammar import NoteGrammar, Piece

FOLLOWING = 48
"""Kept notes behind a span by which its candidates are judged: about a bar of a band. Further ones
depend little on the span, and each costs a step of the model."""
OWN_WEIGHT = 0.5
"""What the likelihood (a note's) of the span itself counts beside that of what follows. More
prefers what is usual to what fits."""


class Fill(NoteGrammar):
    """The note grammar of a span between kept notes: the piece ends behind the last of those that
    are to be read."""

    def forced(self, piece: Piece) -> Sequence[int] | None:
        """As ``NoteGrammar.forced``; END once the spans and the kept notes are behind."""
        locks = piece.locks
        if locks is not None and locks.pending(piece) is None:
            if piece.rows and piece.tick >= max((stop for _, stop in locks.spans), default=0):
                return (self.scheme.end, 0, 0, 0, 0)
            return None
        return super().forced(piece)


class Listening(NoteStepper):
    """A NoteStepper that notes how likely each step was: ``bits[j][i]`` are those of row
    ``first + i`` of job j, by the model alone, without grammar, wishes and temperature."""

    def __init__(self, engine: NoteEngine, jobs: Sequence[Job[Tracker, Conditions]]):
        super().__init__(engine, jobs)
        self.first = len(jobs[0].piece.rows)
        self.every = list(jobs)
        self.bits: list[list[float]] = [[] for _ in jobs]
        self._logits: list[np.ndarray] = []

    def logits(self, k: int) -> np.ndarray:
        """As ``NoteStepper.logits``."""
        logits = super().logits(k)
        if k == 0:
            self._logits = []
        self._logits.append(logits)
        return logits

    def advance(self) -> None:
        """As ``NoteStepper.advance``."""
        self.note()
        super().advance()

    def note(self) -> None:
        """Takes up the step just made of each job that goes on."""
        rest = self.engine.fields[0] - 2
        going = [j for j, job in enumerate(self.every) if job.step and not job.done]
        for j in going:
            step = self.every[j].step
            fields = 1 if step[0] == rest else self.fields
            self.bits[j].append(sum(_bits(self._logits[k][j], step[k]) for k in range(fields)))


def _bits(logits: np.ndarray, value: int) -> float:
    """Minus the binary logarithm of a value's probability."""
    top = float(logits.max())
    total = float(np.log(np.exp(logits - top).sum()))
    return (total + top - float(logits[value])) / float(np.log(2.0))


def fit(
    rows: Sequence[Sequence[int]], bits: Sequence[float], stop: int, first: int
) -> tuple[float, float]:
    """Bits per note of what stands in a span, and of the kept notes that follow it (NaN where none
    do): ``bits`` are those of ``rows`` from number ``first`` on, ``stop`` the span's end."""
    notes = np.array([row[1] >= 0 for row in rows[first : first + len(bits)]], dtype=bool)
    after = np.array([row[0] >= stop for row in rows[first : first + len(bits)]], dtype=bool)
    every = np.array(bits)
    # a REST is part of the step to the note behind it
    own, following = (
        float(every[where].sum() / max(1, (notes & where).sum())) if where.any() else float("nan")
        for where in (~after, after)
    )
    return own, following


def cost(own: float, following: float) -> float:
    """What a candidate is judged by, the less the better: bits per note."""
    parts = [(own, OWN_WEIGHT), (following, 1.0)]
    there = [(value, weight) for value, weight in parts if np.isfinite(value)]
    return sum(v * w for v, w in there) / max(sum(w for _, w in there), 1e-9)
