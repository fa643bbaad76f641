"""Constraints of a piece's length: how it fills its bars, and how it comes to a close.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import BASS, HARMONY, PartPlan, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, NEVER, ONSET, PITCH


class Length:
    """Music fills the planned bars: it begins on the first beat, no silence is longer than a bar,
    and it ends in the last bar and not before: there (from its last chord on, if it has several)
    new notes stand on the beats of the first half, held for half of it, and nothing sounds past the
    last bar line. A single bar is filled up to its last beat."""

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
        self.beats = CloseBeats(self.last, self.closing, 1 if single_bar else plan.beat_ticks)

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
        self.beats.forbid(mask, piece.tick, self.scheme.max_delta)
        return mask

    def _durations(self, tick: int, instrument: int) -> np.ndarray:
        fit = max(1, bisect_right(self.scheme.durations, self.plan.end - tick))
        mask = np.zeros(len(self.durations))
        mask[fit:] = NEVER
        if tick >= self.last and instrument != DRUMS:
            shortest = bisect_right(self.scheme.durations, self.last_note_ticks - 1)
            mask[: min(shortest, fit - 1)] = NEVER
        return mask


class CloseBeats:
    """The close of a piece, from ``last`` up to ``closing`` (grid ticks), in which notes begin
    every ``beat_ticks`` and nowhere else: else the model, who may not strike the beat on which it
    would end, crowds what was due there just before it."""

    def __init__(self, last: int, closing: int, beat_ticks: int):
        self.last, self.closing = last, closing
        ticks = np.arange(max(closing - last, 0))
        self.off_beat = np.where(ticks % beat_ticks == 0, 0.0, NEVER)

    def forbid(self, onsets: np.ndarray, tick: int, max_delta: int) -> None:
        """Forbids steps of time from ``tick`` to between the beats."""
        first = max(tick + 1, self.last)
        start, stop = first - tick, min(self.closing - tick, max_delta)
        if start < stop:
            onsets[start:stop] += self.off_beat[
                first - self.last : first - self.last + stop - start
            ]


class LastHits:
    """What a drummer strikes in the close: drums that he has struck before, and no more at once
    than he has in the mean and one, who at the end would strike all there are, as going on is
    forbidden."""

    def __init__(self) -> None:
        self.struck: list[int] = []
        self.most = PITCHES
        """Drums that he strikes at once at most."""
        self.bias: np.ndarray | None = None
        """(128,) what forbids drums that the piece has not had; None where it has had none."""

    def listen(self, piece: Tracker) -> None:
        """Takes up what the piece has had."""
        hits = [(row[0], row[2]) for row in piece.rows if row[1] == DRUMS]
        self.struck = sorted({drum for _, drum in hits})
        if self.struck:
            self.most = round(len(hits) / len({tick for tick, _ in hits})) + 1
            self.bias = np.full(PITCHES, NEVER)
            self.bias[self.struck] = 0.0

    def done(self, piece: Tracker, tick: int) -> bool:
        """Whether on ``tick`` he has struck as many as he may, or the highest that there is."""
        here = 0
        for row in reversed(piece.rows):
            if row[0] != tick:
                break
            if row[1] == DRUMS:
                here += 1
                if self.struck and row[2] >= self.struck[-1]:
                    return True
        return here >= self.most


class Close:
    """The last chord is everybody's: time is held there until the parts have come in, in the order
    in which steps name them, who plays chords with one of three notes, several players with one
    each; then the piece ends, mostly. Notes are of the chord, and basses have its root. The drummer
    strikes what he has struck before."""

    name = "ending"

    CADENCE_BIAS = 9.0
    """What the next part to come in gains, what going on without it loses, and what the root gains
    in the bass. At this the model seldom wins against it; less lets parts miss the last chord."""
    END_BIAS = 9.0
    """What the end gains once all have come in. The model gives it a thousandth there, as it may
    not know the close for one: without this every piece struck its last chord twice."""
    CHORD_NOTES = 3  # that who plays chords has in the last one at least

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.scheme, self.last = scheme, last_chord(plan)
        self.sizes = {p.instrument: _size(p, self.CHORD_NOTES) for p in plan.parts}
        every = [p.instrument for p in plan.parts]
        playing = [p.instrument for p in plan.parts if p.plays(plan.bars - 1)] or every
        self.parts = sorted(playing)
        self.latest = max(playing)
        self.basses = {p.instrument for p in plan.parts if p.role == BASS}
        self.active = int(plan.lines[-2]) > plan.origin
        self.inside, self.root = np.zeros(PITCHES), np.zeros(PITCHES)
        self.hits = LastHits()
        self.closes = False
        self.top: dict[int, int] = {}  # each part's highest chord tone
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
            self.closes = True
            self.hits.listen(piece)
        if field == PITCH and chosen[1] == DRUMS:
            return self.hits.bias
        if field == PITCH:
            return self.inside + self.root if chosen[1] in self.basses else self.inside
        out = np.zeros(self.scheme.sizes[field])
        row = piece.rows[-1] if piece.rows and piece.rows[-1][0] == tick else None
        coming = [i for i in self.parts if row is None or i > row[1]]
        full = row is not None and self._is_full(piece, row)
        if row is not None and full:
            if field == INSTRUMENT:
                out[row[1]] = NEVER
            elif row[1] == self.latest:
                out[0] = NEVER
        if row is not None and row[1] in self.parts and not full:
            here = sum(r[:2] == (tick, row[1]) for r in piece.rows[-self.sizes[row[1]] :])
            if here < self.sizes[row[1]]:
                coming.insert(0, row[1])
        if field == ONSET and tick >= self.last and row is not None and not coming:
            out[self.scheme.end] = self.END_BIAS
        if tick == self.last and coming:
            if field == INSTRUMENT:
                out[coming[0]] = self.CADENCE_BIAS
            elif row is not None:
                out[1:] -= self.CADENCE_BIAS
        return out

    def _is_full(self, piece: Tracker, row: Sequence[int]) -> bool:
        """Whether the part of the last row can add nothing to its onset."""
        if row[1] == DRUMS:
            return self.hits.done(piece, row[0])
        return row[2] >= self.top.get(row[1], PITCHES - 1)  # no chord tone above


def _size(part: PartPlan, chord: int) -> int:
    """Notes that a part has in the last chord at least."""
    return (
        chord if part.role == HARMONY and part.voices >= chord else min(part.players, part.voices)
    )


def _ticks_of_silence(piece: Tracker) -> int:
    """Ticks since the last note, where RESTs have passed since."""
    for row in reversed(piece.rows):
        if row[1] >= 0:
            return piece.tick - row[0]
    return piece.tick


def last_chord(plan: Plan) -> int:
    """The tick on which the close begins: the last bar's, or that of its last chord."""
    return max(int(plan.lines[-2]), plan.chords[-1][0] if plan.chords else 0)
