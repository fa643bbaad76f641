"""The constraint of lines: tunes move by step, basses lead to the coming chord, chords stay below.

Knows the Plan's parts and chords and the piece so far, as ``systems.note.constraints`` does, which
composes this. What comes back is left alone: it is a line already.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, Plan
from cantilena.systems.note.recurrence import EXACT, VARIED
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import GRID, PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, ONSET, PITCH
from cantilena.tokens.note.outline import UNKNOWN_COUNT

LATEST_ROWS = 16  # of a part in which its last two onsets are looked for


class Lines:
    """New bars lean on what makes a line. The numbers are by ``cantilena evaluate realism``: steps
    and intervals of the lead, steps of the bass, how often a lead is crossed."""

    name = "lines"

    STEP, STEP_BIAS = 2, 0.4
    """Semitones of a step, and what the pitches within one gain in a tune."""
    STAY_BIAS = -0.8
    """What the pitch that a tune is on loses where no drums play: of the intervals of real leads
    15 % are repeated notes there (26 % in bands), without this 24 % were."""
    LEAP, LEAP_BIAS = 7, -0.2
    """Semitones from which on a tune leaps far, and what it loses for each beyond."""
    LEAP_BACK, BACK_BIAS = 5, 0.3
    """Semitones of a leap behind which a tune turns back, and what the pitches there gain."""
    LEADING_BIAS, STAYING_BIAS = 1.6, -0.4
    """What the pitches a step from the coming chord's bass note gain in a bass, in the last beat
    before that chord, and what the pitch it is on loses, there twice: of real basses a third of the
    intervals are repeated notes, without this more than a half."""
    ABOVE_BIAS = -1.5
    """What pitches of chords lose above the tune's latest note."""
    HELD_BIAS, LONGEST_HELD = 1.0, 2 * GRID
    """What a tune's note gains that lasts to where its next is due, if its bar's notes are spread
    evenly, or so many ticks; a shorter one as much less as it is shorter. Real leads rest for a
    quarter or more behind one note of eighteen, without this they did behind one of five."""

    def __init__(self, plan: Plan, scheme: NoteScheme) -> None:
        self.plan = plan
        self.lengths = np.array(scheme.durations)
        self.roles = {part.instrument: part.role for part in plan.parts}
        self.kinds = {part.instrument: [bar.kind for bar in part.bars] for part in plan.parts}
        self.leads = [part.instrument for part in plan.parts if part.role == MELODY]
        self.ticks = [tick for tick, _ in plan.chords]
        drums = any(part.role == DRUM for part in plan.parts)
        self.stay = 0.0 if drums else self.STAY_BIAS

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases the pitches of pitched parts, and the lengths of tunes."""
        instrument = chosen[INSTRUMENT] if field in (PITCH, DURATION) else DRUMS
        role = self.roles.get(instrument)
        if instrument in (DRUMS, -1) or role is None:
            return None
        tick = piece.tick + chosen[ONSET]
        bar, kinds = piece.bar_of(tick), self.kinds[instrument]
        if bar < len(kinds) and kinds[bar] in (EXACT, VARIED):
            return None
        if field == DURATION:
            return self._held(piece, instrument, bar, tick) if role == MELODY else None
        own = piece.last.get(instrument)
        latest = piece.rows[own[-1]] if own else None
        if role == HARMONY and len(self.roles) > 1:
            return self._below(piece, tick)
        if not own or latest is None:
            return None
        if role == BASS:
            return self._leading(tick, latest[2]) if latest[0] < tick else None
        out = np.zeros(PITCHES)
        if role == MELODY and latest[0] < tick:
            before = piece.rows[own[-2]][2] if len(own) > 1 else latest[2]
            out += self._by_step(latest[2], latest[2] - before)
        # of several players each has been somewhere; a piano alone has its tune on top
        pitches = _onset_before(piece, own, tick)
        out[pitches if role == MELODY else pitches[-1:]] += self.stay
        return out

    def _held(self, piece: Tracker, instrument: int, bar: int, tick: int) -> np.ndarray | None:
        """What a tune's lengths gain, where it is known how many notes its bar is to have."""
        part = piece.agenda.by_instrument.get(instrument) if piece.agenda else None
        left = piece.agenda.to_come(part, bar) if piece.agenda and part else UNKNOWN_COUNT
        if left == UNKNOWN_COUNT:
            return None
        due = (int(self.plan.lines[bar + 1]) - tick) / max(left, 1)
        return self.HELD_BIAS * np.minimum(1.0, self.lengths / min(due, self.LONGEST_HELD))

    def _by_step(self, pitch: int, move: int) -> np.ndarray:
        """What a tune gains on ``pitch``, which it reached by ``move`` semitones."""
        away = np.arange(PITCHES) - pitch
        size = np.abs(away)
        near = (size > 0) & (size <= self.STEP)
        out = np.where(near, self.STEP_BIAS, self.LEAP_BIAS * np.maximum(0, size - self.LEAP))
        if abs(move) >= self.LEAP_BACK:
            out[away * move < 0] += self.BACK_BIAS
        return out

    def _leading(self, tick: int, pitch: int) -> np.ndarray:
        """What a bass gains: in the last beat before another chord by leading there."""
        out = np.zeros(PITCHES)
        out[pitch] = self.STAYING_BIAS
        slot = bisect_right(self.ticks, tick)
        if slot >= len(self.ticks) or not 0 < self.ticks[slot] - tick <= self.plan.beat_ticks:
            return out
        chord = self.plan.chords[slot][1]
        lowest = chord.bass if chord.bass is not None else chord.root
        if lowest == pitch % 12:
            return out
        goal = pitch + (lowest - pitch + 6) % 12 - 6
        near = [p for p in range(goal - self.STEP, goal + self.STEP + 1) if 0 <= p < PITCHES]
        out[near] = self.LEADING_BIAS
        out[[goal, pitch]] = (0.0, 2 * self.STAYING_BIAS)
        return out

    def _below(self, piece: Tracker, tick: int) -> np.ndarray | None:
        """What chords lose above a tune that has sounded within the last bar."""
        notes = [piece.rows[piece.last[i][-1]] for i in self.leads if piece.last.get(i)]
        tops = [row[2] for row in notes if tick - row[0] <= self.plan.bar_ticks]
        if not tops:
            return None
        out = np.zeros(PITCHES)
        out[max(tops) + 1 :] = self.ABOVE_BIAS
        return out


def _onset_before(piece: Tracker, own: Sequence[int], tick: int) -> list[int]:
    """The pitches of the part's last onset before ``tick``: one of each of its players."""
    before = [piece.rows[i] for i in own[-LATEST_ROWS:] if piece.rows[i][0] < tick]
    return [row[2] for row in before if row[0] == before[-1][0]]
