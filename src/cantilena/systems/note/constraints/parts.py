"""The constraint of who plays: every planned part is heard, and within its voices and range.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does, which composes this.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cantilena.systems.note.plan import MELODY, PartPlan, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.grammar import INSTRUMENT, NEVER, ONSET, PITCH

CLOSEST = 3
"""Semitones up to its highest pitch that a part needs above its last note to strike another one
with it: with fewer it could only strike a second, be that a tone of the chord or not."""


class _Section:
    """Players of one instrument: on how many onsets they played, and on how many all of them."""

    def __init__(self, part: PartPlan):
        self.part, self.tick = part, -1
        self.onsets = self.divided = self.notes = self.top = 0

    def add(self, tick: int, pitch: int) -> None:
        if tick != self.tick:
            self.tick, self.notes, self.onsets = tick, 0, self.onsets + 1
        self.notes, self.top = self.notes + 1, pitch
        self.divided += self.notes == self.part.players

    def waits(self, share: float) -> bool:
        """Whether more should join the last onset, ``share`` of which are to be everyone's."""
        room = self.top + CLOSEST <= self.part.high
        can_join = self.notes < self.part.players and room
        return can_join and self.divided < share * self.onsets


def _share_of_bars(part: PartPlan, plan: Plan) -> float:
    """Share of the bars of the new music in which a part plays, 0-1."""
    first = int(np.searchsorted(plan.lines, plan.origin, side="right")) - 1
    return sum(part.plays(bar) for bar in range(first, plan.bars)) / max(plan.bars - first, 1)


def _entries(part: PartPlan, plan: Plan) -> list[int]:
    """For each bar the tick from which on the part has been playing without a rest that is
    planned."""
    out, since = [], plan.origin
    for bar in range(plan.bars):
        if not part.plays(bar):
            since = int(plan.lines[bar + 1])
        out.append(since)
    return out


def joining(plan: Plan, piece: Tracker) -> list[PartPlan]:
    """The parts that may still add a note to the onset reached."""
    bar = piece.bar_of(piece.tick)
    if not piece.rows or piece.rows[-1][1] < 0:
        return [p for p in plan.parts if p.plays(bar)]
    counts: dict[int, int] = {}
    for row in reversed(piece.rows):
        if row[0] != piece.tick or row[1] < 0:
            break
        counts[row[1]] = counts.get(row[1], 0) + 1
    last = piece.rows[-1]
    return [
        p
        for p in plan.parts
        if p.plays(bar)
        and (
            p.instrument > last[1]
            or (
                p.instrument == last[1]
                and last[2] + CLOSEST <= p.high
                and counts[last[1]] < p.voices
            )
        )
    ]


class Ensemble:
    """Exactly the planned instruments, each within its voices, and each heard.

    An instrument below its least share of the notes is encouraged, and so is one that rests, the
    more the longer it does; one that has nearly all the notes is held back. Where several players
    share an instrument, chords of theirs are encouraged until all play. A note that would cut the
    one before it (a part's one voice, or the same pitch) to a click is avoided.

    Left to itself the model forgets parts for many bars. Of the single numbers no experiment is on
    record; together they were tuned on the pieces of ``cantilena evaluate statistics``
    (``docs/note-model.md``, "The settings"). Biases are added to logits.
    """

    name = "instruments"

    BIAS_PER_BAR_OF_REST = 4.0
    """What a part gains for each bar of rest beyond those it is allowed. Lower lets parts of small
    ensembles fall silent."""
    MELODY_REST_SHARE = 0.5
    """Share of the other parts' allowance of rest that the melody has."""
    LEAST_REST, MOST_REST = 1.0, 2.0
    """Bars of rest that a part is allowed: half a bar for each part beyond the second, between
    these."""
    ARRANGED_REST, COUNTED_REST = 0.4, 1.25
    """The same in bars in which an arrangement has the part play: longer rests are planned; and
    where the model knows how many notes a bar is to have, as long as some of them are to come.
    These it places by itself: pushed sooner, and by shares, all parts crowd the first beat (a fifth
    of the tunes' notes between its half and its end, where songs have a tenth)."""
    SHARE_BASE, SHARE_PER_PART = 0.3, 1.2
    """The largest share of the notes that a part may have is the first plus the second divided by
    the number of parts: more than the fullest part of most songs with as many instruments has."""
    P_DIVIDE, DIVIDE_BIAS = 0.5, 3.0
    """Share of a section's onsets on which its players divide, and what that gains while they have
    divided on fewer."""
    MIN_TICKS, SHORT_NOTE_BIAS = 3, -30.0
    """Ticks (3: a thirty-second) that a note has before the next of its voice, and what a sooner
    one loses: at that it is chosen only where nothing else is left."""
    MIN_NOTES = 16
    """Notes of a piece from which on shares mean something."""
    START_STRENGTH = 0.6
    """The part of ``strength`` with which a share that is missing counts at the start; it rises by
    1 up to the end, as less time is left to make up for it."""
    ENTER_BY, FEWEST_NOTES, ENTER_BIAS = 0.5, 10, 20.0
    """After this share of the piece a part with fewer notes than this gains so much that in effect
    it has to play: no logit of the model's outweighs it."""

    def __init__(
        self, plan: Plan, scheme: NoteScheme, strength: float = 5.0, informed: bool = False
    ):
        self.plan, self.scheme, self.strength = plan, scheme, strength
        self.informed = informed  # whether the model reads the plan
        self.parts = {p.instrument: p for p in plan.parts}
        by_size = (len(plan.parts) - 2) / 2
        self.rest_allowed = min(self.MOST_REST, max(self.LEAST_REST, by_size))  # bars
        self.max_share = self.SHARE_BASE + self.SHARE_PER_PART / len(plan.parts)
        self.planned = np.full(scheme.sizes[INSTRUMENT], NEVER)
        self.planned[list(self.parts)] = 0.0
        self.counts = dict.fromkeys(self.parts, 0)
        self.sounds_until = dict.fromkeys(self.parts, plan.origin)  # tick
        self.sections = {p.instrument: _Section(p) for p in plan.parts if p.players > 1}
        self.rows_read = 0
        self.heard = {p.instrument: _share_of_bars(p, plan) for p in plan.parts}
        self.entries = {p.instrument: _entries(p, plan) for p in plan.parts}

    def _update(self, piece: Tracker) -> None:
        for row in piece.rows[self.rows_read :]:
            if row[1] in self.counts:
                self.counts[row[1]] += 1
                end = row[0] + self.scheme.durations[row[3]]
                self.sounds_until[row[1]] = max(self.sounds_until[row[1]], end)
            if row[1] in self.sections:
                self.sections[row[1]].add(row[0], row[2])
        self.rows_read = len(piece.rows)

    def _just_begun(self, piece: Tracker, tick: int) -> set[int]:
        """Instruments of one voice whose last note has only just begun at a later ``tick``."""
        return {
            i
            for i, part in self.parts.items()
            if part.voices == 1
            and piece.last.get(i)
            and 0 < tick - piece.rows[piece.last[i][-1]][0] < self.MIN_TICKS
        }

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Masks instruments and pitches, and time that stands still when all voices are used."""
        if field == ONSET:
            self._update(piece)
            return self._onsets(piece) if piece.rows else None
        if field == INSTRUMENT:
            return self._instruments(piece, chosen[0])
        if field == PITCH and chosen[1] in self.parts:
            return self._pitches(piece, self.parts[chosen[1]], piece.tick + chosen[0])
        return None

    def _onsets(self, piece: Tracker) -> np.ndarray:
        bias = np.zeros(self.scheme.sizes[ONSET])
        can_join = {p.instrument for p in joining(self.plan, piece)}
        if not can_join:
            bias[0] = NEVER
        elif can_join <= self._just_begun(piece, piece.tick):
            bias[0] = self.SHORT_NOTE_BIAS
        elif self._section_waits(piece):
            bias[0] = self.DIVIDE_BIAS
        for delta in range(1, self.MIN_TICKS):
            bar = piece.bar_of(piece.tick + delta)
            playing = {i for i, part in self.parts.items() if part.plays(bar)}
            if playing <= self._just_begun(piece, piece.tick + delta):
                bias[delta] += self.SHORT_NOTE_BIAS
        return bias

    def _instruments(self, piece: Tracker, delta: int) -> np.ndarray:
        bias = self.planned.copy()
        if delta == 0:
            can_join = {p.instrument for p in joining(self.plan, piece)}
            for instrument in self.parts.keys() - can_join:
                bias[instrument] = NEVER
            if self._section_waits(piece):
                bias[piece.rows[-1][1]] += self.DIVIDE_BIAS
        tick = piece.tick + delta
        bias[list(self._just_begun(piece, tick))] += self.SHORT_NOTE_BIAS
        bar = piece.bar_of(tick)
        for part in self.plan.parts:
            if not part.plays(bar):
                bias[part.instrument] = NEVER
        return bias + self._balance(piece, tick, bar)

    def _pitches(self, piece: Tracker, part: PartPlan, tick: int) -> np.ndarray:
        bias = np.full(PITCHES, NEVER)
        bias[part.low : part.high + 1] = 0.0
        for i in reversed(piece.last.get(part.instrument, ())):
            onset, _, pitch = piece.rows[i][:3]
            if onset <= tick - self.MIN_TICKS:
                break
            bias[pitch] += self.SHORT_NOTE_BIAS
        return bias

    def _section_waits(self, piece: Tracker) -> bool:
        """Whether the last note was of a section more of whose players should join it."""
        section = self.sections.get(piece.rows[-1][1]) if piece.rows else None
        return section is not None and section.waits(self.P_DIVIDE)

    def _to_come(self, piece: Tracker, bar: int) -> dict[int, int]:
        """Notes that the parts still have to play in a bar, for a model that knows them."""
        if not self.informed or piece.agenda is None:
            return {}
        each = {p.instrument: piece.agenda.to_come(p, bar) for p in piece.agenda.parts}
        return {instrument: count for instrument, count in each.items() if count >= 0}

    def _balance(self, piece: Tracker, tick: int, bar: int) -> np.ndarray:
        """What parts gain that have too few notes or rest for long, and lose that have too many."""
        to_come = self._to_come(piece, bar)
        bias = np.zeros(self.scheme.sizes[INSTRUMENT])
        total = sum(self.counts.values())
        done = (tick - self.plan.origin) / max(self.plan.end - self.plan.origin, 1)
        for part in self.plan.parts:
            i = part.instrument
            if i not in to_come:
                bias[i] = self._by_share(part, total, done)
            allowed = self.rest_allowed * (self.MELODY_REST_SHARE if part.role == MELODY else 1.0)
            if part.bars:
                allowed = self.COUNTED_REST if i in to_come else self.ARRANGED_REST
            since = max(self.sounds_until[i], self.entries[i][bar])
            rest = (tick - since) / self.plan.bar_ticks
            if i not in to_come or to_come[i] or part.bars[bar].notes > 0:
                bias[i] += self.BIAS_PER_BAR_OF_REST * max(0.0, rest - allowed)
            if done > self.ENTER_BY and self.counts[i] < self.FEWEST_NOTES:
                bias[i] += self.ENTER_BIAS
        return bias

    def _by_share(self, part: PartPlan, total: int, done: float) -> float:
        """What a part gains with fewer of the ``total`` notes than are due, ``done`` (0-1) of the
        piece being written, and loses with more than any part is to have."""
        count = self.counts[part.instrument]
        due = part.min_share * self.heard[part.instrument] * max(total, self.MIN_NOTES)
        missing = max(0.0, 1 - count / due) if due else 0.0
        over = max(0.0, count / total / self.max_share - 1) if total >= self.MIN_NOTES else 0.0
        return self.strength * (missing * (self.START_STRENGTH + done) - over)
