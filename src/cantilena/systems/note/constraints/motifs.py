"""The constraint of motifs: what comes back only in its rhythm is the same figure on another chord.

Knows the Plan's chords, what is due and the piece so far, as ``systems.note.constraints`` does,
which composes this; does not know where the returns come from (``systems.note.arranging``).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.score.harmony import Chord
from cantilena.systems.note.plan import BASS, MELODY, Plan
from cantilena.systems.note.recurrence import RHYTHM
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import PITCHES
from cantilena.tokens.note.context import row_key
from cantilena.tokens.note.grammar import INSTRUMENT, ONSET, PITCH


class Motifs:
    """Where a bar takes up the rhythm of an earlier one, a tune takes up its intervals, from
    wherever it stands; a bass plays the same degrees of its own chord; a chord moves by the nearest
    way to tones of its own. All of it leans, so that the model's own taste decides the rest."""

    name = "motifs"

    TUNE_BIAS, DEGREE_BIAS, NEAREST_BIAS = 2.5, 2.0, 1.5
    """What the pitch gains that follows, in tunes, basses and chords: by
    ``cantilena evaluate realism`` (likeness of contours; bars that come back)."""
    TUNE_WIDTH, WIDTH = 3, 1
    """Semitones beside that pitch from which on nothing is gained, of tunes (a sequence is of the
    key and not of equal steps) and of others."""
    PHRASE_REST = 1.0
    """Bars between two notes of a tune from which on the later begins a phrase of its own."""

    def __init__(self, plan: Plan) -> None:
        self.roles = {part.instrument: part.role for part in plan.parts}
        self.kinds = {part.instrument: [bar.kind for bar in part.bars] for part in plan.parts}
        self.ticks = [tick for tick, _ in plan.chords]
        self.chords = [chord for _, chord in plan.chords]
        self.longest = round(self.PHRASE_REST * plan.bar_ticks)

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases the pitches of pitched parts."""
        if field != PITCH or piece.agenda is None or chosen[INSTRUMENT] in (DRUMS, -1):
            return None
        instrument, tick = chosen[INSTRUMENT], piece.tick + chosen[ONSET]
        kinds = self.kinds.get(instrument, [])
        bar = piece.bar_of(tick)
        row = piece.agenda.due_at(instrument, tick)
        if row is None or bar >= len(kinds) or kinds[bar] != RHYTHM:
            return None
        role = self.roles[instrument]
        if role == MELODY:
            pitch, gain = self._continued(piece, instrument, tick, row), self.TUNE_BIAS
        else:
            before, here = self._chord(row[0]), self._chord(tick)
            if before is None or here is None:
                return None
            gain = self.DEGREE_BIAS if role == BASS else self.NEAREST_BIAS
            move = same_degree if role == BASS else nearest_tone
            pitch = move(row[2], before, here)
        if pitch is None:
            return None
        width = self.TUNE_WIDTH if role == MELODY else self.WIDTH
        return gain * np.maximum(0.0, 1 - np.abs(np.arange(PITCHES) - pitch) / width)

    def _chord(self, tick: int) -> Chord | None:
        slot = bisect_right(self.ticks, tick) - 1
        return self.chords[slot] if slot >= 0 else None

    def _continued(
        self, piece: Tracker, instrument: int, tick: int, row: tuple[int, ...]
    ) -> int | None:
        """Where a tune goes by the interval that led to ``row``; None where either begins a
        phrase."""
        own = piece.last.get(instrument, [])
        at = bisect_left(own, bisect_left(piece.keys, row_key(row[0], instrument, 0)))
        if not at or not own:
            return None
        before, latest = piece.rows[own[at - 1]], piece.rows[own[-1]]
        if row[0] - before[0] > self.longest or tick - latest[0] > self.longest:
            return None
        return latest[2] + row[2] - before[2]


def same_degree(pitch: int, before: Chord, here: Chord) -> int:
    """What a bass that plays ``pitch`` on one chord plays on another: the tone of the same degree,
    or one as far from the root, in the octave nearest to where it was."""
    above = (pitch - before.root) % 12
    if above in before.intervals and before.intervals.index(above) < len(here.intervals):
        above = here.intervals[before.intervals.index(above)]
    return pitch + (here.root + above - pitch + 6) % 12 - 6


def nearest_tone(pitch: int, before: Chord, here: Chord) -> int:
    """What a chord's ``pitch`` moves to when another chord comes: the nearest tone of that, of two
    the lower; a tone that was foreign to its chord keeps its distance from the tone below."""
    over = next((n for n in range(12) if (pitch - n) % 12 in before.pitch_classes), 0)
    tone = pitch - over
    away = min(range(-6, 6), key=lambda n: (abs(n), n) if _has(here, tone + n) else (99, n))
    return tone + away + over


def _has(chord: Chord, pitch: int) -> bool:
    return pitch % 12 in chord.pitch_classes
