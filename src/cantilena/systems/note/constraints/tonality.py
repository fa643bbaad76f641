"""The constraint of tonality: the key is heard, whatever chords are played in it.

Knows the Plan, the piece so far and how keys are heard (``analysis.key``); does not know chords of
the moment (``constraints.harmony``), which stand above it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from cantilena.analysis.grid import UNPITCHED
from cantilena.analysis.key import key_scores
from cantilena.score.harmony import Chord
from cantilena.systems.note.plan import HARMONY, MELODY, Plan
from cantilena.systems.note.progressions import key_histogram, key_lead
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import GRID, PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, PITCH

# Chosen on prompts whose chords contradict their key: the key is heard more often with more of
# each, and the chords less (``docs/note-model.md``).
MARGIN = 0.15
"""A key that comes nearer than this to the plan's in score (correlations, so at most 2) is held
down."""
STRENGTH = 10.0
"""What a pitch class gains for each unit by which it speaks for the plan's key against others, and
each unit by which those come too near."""
MOST = 3.0  # that a pitch may gain or lose
CHORD_SHARE = 0.7
"""Of this, what a chord's root and fifth gain in parts that play it. So that the chord stays what
it is, its other tones gain there what any of it does, none loses, and no foreign tone gains."""
FOREIGN_MOST = 1.5  # that a tone foreign to the chord may gain in a tune
DURATION_SHARE = 0.4
"""And of what a duration gains for each doubling of a quarter."""
FAR = 0.5
"""By this much in score another key leads on the chords alone where nothing is wished: there the
chords would be lost and the asked key not be heard either."""
PRIOR_BARS = 2.0
"""The chords of the Plan count as so many bars of music before it is written."""


class Tonality:
    """As long as another key fits what is written about as well as the plan's, pitches that speak
    for the plan's key against it are likelier, and longer; others less so. Where no other comes
    near, as under most chords, nothing is wished. Looks anew once a bar."""

    name = "tonality"

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.plan = plan
        self.roles = {p.instrument: p.role for p in plan.parts}
        self.starts = [tick for tick, _ in plan.chords]
        self.ticks = np.array(scheme.durations)
        self.doublings = np.log2(self.ticks / GRID)
        self.profiles = key_scores(np.eye(12))
        chords = [chord for tick, chord in plan.chords if tick >= plan.origin]
        histogram = key_histogram(chords)
        self.prior = PRIOR_BARS * histogram / max(histogram.sum(), 1.0)
        self.active = key_lead(chords, plan.key) > -FAR
        self.bar, self.gain = -1, np.zeros(12)

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases pitches and durations of pitched parts."""
        if not self.active or field not in (PITCH, DURATION) or chosen[1] in UNPITCHED:
            return None
        bar = bisect_right(self.plan.lines, piece.tick + chosen[0]) - 1
        if bar != self.bar:
            self.bar, self.gain = bar, self._gain(piece)
        if not self.gain.any():
            return None
        slot = bisect_right(self.starts, piece.tick + chosen[0]) - 1
        chord = self.plan.chords[slot][1] if slot >= 0 else None
        tune = self.roles.get(chosen[1], HARMONY) == MELODY
        gain = _in_tune(self.gain, chord) if tune else _in_chords(self.gain, chord)
        if field == PITCH:
            return np.tile(gain, PITCHES // 12 + 1)[:PITCHES]
        return DURATION_SHARE * gain[chosen[2] % 12] * self.doublings

    def _gain(self, piece: Tracker) -> np.ndarray:
        """(12,) what each pitch class gains: the slope of the other keys' scores that are too
        near."""
        rows = [r for r in piece.rows if r[1] >= 0 and r[0] >= self.plan.origin]
        notes = np.array([(r[2] % 12, r[3]) for r in rows if r[1] not in UNPITCHED], dtype=np.int64)
        written = np.zeros(12)
        if len(notes):
            time = self.ticks[notes[:, 1]]
            written = np.bincount(notes[:, 0], weights=time, minlength=12)
            written *= len({bisect_right(self.plan.lines, r[0]) for r in rows}) / written.sum()
        scores = key_scores(written + self.prior)
        index = self.plan.key.index
        near = np.maximum(scores - scores[index] + MARGIN, 0.0)
        near[index] = 0.0
        slope = near @ (self.profiles[:, index][None] - self.profiles.T)
        return np.clip(STRENGTH * slope, -MOST, MOST)


def _in_tune(gain: np.ndarray, chord: Chord | None) -> np.ndarray:
    """(12,) the gain in a tune."""
    inside = np.isin(np.arange(12), list(chord.pitch_classes if chord else ()))
    return np.where(inside, gain, np.minimum(gain, FOREIGN_MOST))


def _in_chords(gain: np.ndarray, chord: Chord | None) -> np.ndarray:
    """(12,) the gain in a part that plays the chord."""
    if chord is None:
        return np.minimum(gain, 0.0)
    tones = list(chord.pitch_classes)
    telling = [(chord.root + i) % 12 for i in chord.intervals if i not in (0, 7)]
    out = np.minimum(gain, 0.0)
    out[tones] = CHORD_SHARE * np.maximum(gain[tones], 0.0)
    out[telling] = out[tones].max()
    return out
