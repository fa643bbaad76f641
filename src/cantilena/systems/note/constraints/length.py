"""Constraints of a piece's length: how it fills its bars, and how it comes to a close.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import BASS, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, NEVER, ONSET, PITCH


class Length:
    """Music fills the planned bars: it begins on the first beat, no silence is longer than a bar,
    and it ends in the last bar and not before: there (from its last chord on, if it has several)
    new notes stand on the beats of the first half, the last of them held for half of it, and
    nothing sounds past the last bar line. A single bar is filled up to its last beat."""

    name = "length"

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.plan, self.scheme = plan, scheme
        self.durations = np.array(scheme.durations)
        self.last = last_chord(plan)
        half = max(1, (plan.end - self.last) // 2)
        single_bar = int(plan.lines[-2]) <= plan.origin
        self.last_note_ticks = plan.beat_ticks if single_bar else half  # at least
        if single_bar:
            half = max(half, plan.end - self.last - plan.beat_ticks + 1)
        self.closing = self.last + half
        on_beat = np.arange(half) % plan.beat_ticks == 0
        self.off_beat = np.where(on_beat | single_bar, 0.0, NEVER)
        self.final = self.last + int(np.flatnonzero(on_beat)[-1])

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Masks onsets and durations."""
        if field == ONSET:
            return self._onsets(piece)
        if field == DURATION:
            return self._durations(piece.tick + chosen[0], chosen[1])
        return None

    def _onsets(self, piece: Tracker) -> np.ndarray:
        rest, end = self.scheme.rest, self.scheme.end
        mask = np.zeros(self.scheme.sizes[ONSET])
        # music begins on the first beat; a silence goes on through RESTs
        longest = max(0, self.plan.bar_ticks - _ticks_of_silence(piece)) if piece.rows else 0
        mask[min(max(self.closing - piece.tick, 0), rest + 1) : end] = NEVER
        wait = self.plan.origin - piece.tick
        if wait > 0:  # a continued piece: nothing new before its last bar line
            mask[: min(wait, rest)] = NEVER
            longest += wait
        mask[min(longest + 1, rest + 1) : end] = NEVER
        if piece.tick < self.last:
            mask[end] = NEVER
        self._on_beats(mask, piece.tick)
        return mask

    def _durations(self, tick: int, instrument: int) -> np.ndarray:
        fit = max(1, bisect_right(self.scheme.durations, self.plan.end - tick))
        mask = np.zeros(len(self.durations))
        mask[fit:] = NEVER
        if tick >= self.last and instrument != DRUMS:
            shortest = self.last_note_ticks if tick >= self.final else self.plan.beat_ticks
            mask[: min(bisect_right(self.scheme.durations, shortest - 1), fit - 1)] = NEVER
        return mask

    def _on_beats(self, mask: np.ndarray, tick: int) -> None:
        """Forbids steps of time from ``tick`` to between the beats of the close."""
        first = max(tick + 1, self.last)
        start, stop = first - tick, min(self.closing - tick, self.scheme.max_delta)
        if start < stop:
            mask[start:stop] += self.off_beat[first - self.last : first - self.last + stop - start]


class Close:
    """The last chord is everybody's: time is held there until the pitched parts have come in, in
    the order in which steps name them; notes are of it, and basses have its root. The drummer
    strikes what he has struck before."""

    name = "ending"

    CADENCE_BIAS = 9.0
    """What the next part to come in gains, what going on without it loses, and what the root gains
    in the bass. At this the model seldom wins against it; less lets parts miss the last chord."""

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.scheme, self.last = scheme, last_chord(plan)
        every = [p.instrument for p in plan.parts]
        playing = [p.instrument for p in plan.parts if p.plays(plan.bars - 1)] or every
        self.parts = sorted(i for i in playing if i != DRUMS)
        self.latest = max(playing)
        self.basses = {p.instrument for p in plan.parts if p.role == BASS}
        self.active = int(plan.lines[-2]) > plan.origin
        self.inside, self.root = np.zeros(PITCHES), np.zeros(PITCHES)
        self.kit: np.ndarray | None = None  # biases of drums, from the close on
        self.closes = False
        self.top: dict[int, int] = {}  # each part's highest chord tone, the kit's highest drum
        if plan.chords:
            chord = plan.chords[-1][1]
            pitch_class = np.arange(PITCHES) % 12
            self.inside[~np.isin(pitch_class, sorted(chord.pitch_classes))] = NEVER
            for part in plan.parts:
                tones = np.flatnonzero(self.inside[: part.high + 1] == 0)
                is_drums = part.instrument == DRUMS
                self.top[part.instrument] = PITCHES - 1 if is_drums else int(tones[-1])
            bass = chord.root if chord.bass is None else chord.bass
            self.root[pitch_class == bass] = self.CADENCE_BIAS

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets and instruments on the last chord's tick, and pitches from there on."""
        if not self.active:
            return None
        tick = piece.tick + (chosen[0] if field != ONSET else 0)
        if field not in (ONSET, INSTRUMENT, PITCH) or tick < self.last:
            return None
        if not self.closes:
            self.closes, self.kit = True, self._kit(piece)
        if field == PITCH and chosen[1] == DRUMS:
            return self.kit
        if field == PITCH:
            return self.inside + self.root if chosen[1] in self.basses else self.inside
        out = np.zeros(self.scheme.sizes[field])
        row = piece.rows[-1] if piece.rows and piece.rows[-1][0] == tick else None
        coming = [i for i in self.parts if row is None or i > row[1]]
        if row is not None and row[2] >= self.top.get(row[1], PITCHES - 1):  # no chord tone above
            if field == INSTRUMENT:
                out[row[1]] = NEVER
            elif row[1] == self.latest:
                out[0] = NEVER
        if tick == self.last and coming and len(self.parts) > 1:
            if field == INSTRUMENT:
                out[coming[0]] = self.CADENCE_BIAS
            elif row is not None:
                out[1:] -= self.CADENCE_BIAS
        return out

    def _kit(self, piece: Tracker) -> np.ndarray | None:
        """(128,) what forbids drums that the piece has not had; None where it has had none."""
        struck = sorted({row[2] for row in piece.rows if row[1] == DRUMS})
        if not struck:
            return None
        self.top[DRUMS] = struck[-1]
        out = np.full(PITCHES, NEVER)
        out[struck] = 0.0
        return out


def _ticks_of_silence(piece: Tracker) -> int:
    """Ticks since the last note, where RESTs have passed since."""
    for row in reversed(piece.rows):
        if row[1] >= 0:
            return piece.tick - row[0]
    return piece.tick


def last_chord(plan: Plan) -> int:
    """The tick on which the close begins: the last bar's, or that of its last chord."""
    return max(int(plan.lines[-2]), plan.chords[-1][0] if plan.chords else 0)
