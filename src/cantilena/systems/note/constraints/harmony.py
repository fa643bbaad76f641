"""Constraints of harmony: pitches keep to the key and to the chord of the moment, and asked chords
are struck when they are due.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does, which composes these.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import BASS, HARMONY, MELODY, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, NEVER, ONSET, PITCH

# Biases are added to logits. Those of chords that nobody asked for and of the key became weaker
# with every better model: what is left of them was chosen by ``cantilena evaluate statistics``
# (share of notes in key, chords heard), and more makes pieces stiffer than songs are.
ONLY = np.inf
"""In place of a bias: all other pitches are forbidden."""
CHORD_TONE_BIAS = {
    "asked": {
        "strong": {MELODY: 2.0, HARMONY: ONLY, BASS: ONLY},
        "weak": {MELODY: 1.5, HARMONY: 1.5, BASS: 1.6},
    },
    "chosen": {
        "strong": {MELODY: 0.1, HARMONY: 0.0, BASS: 0.0},
        "weak": {MELODY: 0.0, HARMONY: 0.0, BASS: 0.1},
    },
}
"""What a chord tone gains by where the chords come from (asked for in the Brief, or chosen by the
planner), the beat and the part's role."""
THIRD_BIAS = {"asked": 0.8, "chosen": 0.2}
ROOT_BIAS = {"asked": 0.6, "chosen": 0.15}
"""What the chord's third and root gain on strong beats of harmony parts, so that no other chord is
heard."""
BASS_NOTE_BIAS = {"asked": (3.0, 1.0), "chosen": (1.3, 0.3)}
"""What the chord's bass note gains in bass parts: where the chord begins, on other strong beats."""
TONIC_BIAS, DOMINANT_BIAS = 0.3, 0.15
"""What the key's first and fifth degree gain everywhere, so that it is not heard as its relative
key."""
KEY_WEIGHT, LOOSE_KEY_WEIGHT = 0.1, 0.0
"""What a pitch outside the scale loses, and in genres that leave it often."""
EARLY = 2
"""Ticks before a chord within which a note already belongs to it: hands are early by as much."""
OVERLAP, MELODY_OVERLAP = 1, 6
"""Ticks for which a note may sound into a chord that it is foreign to."""
CARRIER_BIAS = 2.5
"""What parts that carry the harmony gain where a chord is due."""


class Harmony:
    """Pitches lean on the key and on the chord of the moment: hard for chord tones on strong beats
    in bass and harmony parts, soft elsewhere and in the melody, so that it still breathes. Chords
    that were asked for lean harder than chords that were chosen. Sustained notes do not run into a
    chord that they do not belong to."""

    name = "key and chords"

    def __init__(self, plan: Plan, scheme: NoteScheme, key_weight: float = KEY_WEIGHT):
        self.plan, self.scheme, self.key_weight = plan, scheme, key_weight
        self.source = "asked" if plan.asked_chords else "chosen"
        self.roles = {p.instrument: p.role for p in plan.parts}
        self.ticks = [t for t, _ in plan.chords]
        self.durations = np.array(scheme.durations)
        self.cache: dict[tuple[int, str, bool, bool], np.ndarray] = {}

    def _slot(self, tick: int) -> int:
        """Index of the chord of a tick, or -1; ``EARLY`` ticks before it, of the coming one."""
        return bisect_right(self.ticks, tick + EARLY) - 1

    def _strong(self, tick: int) -> tuple[bool, bool]:
        """(on a strong beat, on a chord's first tick)."""
        slot = self._slot(tick)
        first = slot >= 0 and self.ticks[slot] == tick
        bar = bisect_right(self.plan.lines, tick) - 1
        place = tick - int(self.plan.lines[max(bar, 0)])
        beats = self.plan.bar_ticks // self.plan.beat_ticks
        every = 2 * self.plan.beat_ticks if beats == 4 else self.plan.bar_ticks
        return first or place % every == 0, first

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases pitches and durations of pitched parts."""
        if field not in (PITCH, DURATION) or chosen[1] == DRUMS:
            return None
        tick = piece.tick + chosen[0]
        slot = self._slot(tick)
        role = self.roles.get(chosen[1], HARMONY)
        if field == DURATION:
            return self._sustain(tick, slot, role, chosen[2])
        strong, first = self._strong(tick)
        case = (slot, role, strong, first)
        if case not in self.cache:
            octaves = PITCHES // 12 + 1
            self.cache[case] = np.tile(self._classes(*case), octaves)[:PITCHES]
        return self._spaced(self.cache[case], piece, tick, slot, chosen[1])

    def _spaced(
        self, bias: np.ndarray, piece: Tracker, tick: int, slot: int, instrument: int
    ) -> np.ndarray:
        """(128,) bias where the part strikes something at the tick already: a semitone above that,
        foreign to the chord, is forbidden."""
        if not piece.rows or piece.rows[-1][:2] != (tick, instrument):
            return bias
        below = piece.rows[-1][2]  # the highest so far: notes of one onset rise
        tones = self.plan.chords[slot][1].pitch_classes if slot >= 0 else frozenset()
        if (below + 1) % 12 not in tones:
            bias = bias.copy()
            bias[below + 1 : below + 2] = NEVER
        return bias

    def _classes(self, slot: int, role: str, strong: bool, first: bool) -> np.ndarray:
        """(12,) bias by pitch class."""
        key = self.plan.key_at(self.ticks[slot]) if slot >= 0 else self.plan.key
        scale = {*key.scale, (key.tonic + 11) % 12} if key.minor else set(key.scale)
        bias = np.array([0.0 if pc in scale else -self.key_weight for pc in range(12)])
        bias[key.tonic] += TONIC_BIAS
        bias[(key.tonic + 7) % 12] += DOMINANT_BIAS
        if slot < 0:
            return bias
        chord = self.plan.chords[slot][1]
        # ninths and beyond colour a chord; root, third, fifth and seventh tell which it is
        core = {(chord.root + i) % 12 for i in chord.intervals if i < 12}
        tones = core if strong and role != MELODY else chord.pitch_classes
        inside = np.array([pc in tones for pc in range(12)])
        bias[inside] = np.maximum(bias[inside], 0.0)
        gain = CHORD_TONE_BIAS[self.source]["strong" if strong else "weak"][role]
        if gain == ONLY:
            bias[~inside] = NEVER
        else:
            bias[inside] += gain
        if role == BASS and strong:
            lowest = chord.bass if chord.bass is not None else chord.root
            if first and self.plan.asked_chords:
                bias[:] = NEVER
                bias[lowest] = 0.0
            else:
                at_change, elsewhere = BASS_NOTE_BIAS[self.source]
                gain = at_change if first else elsewhere
                bias[lowest] = max(bias[lowest], 0.0) + gain
        elif role == HARMONY and strong:
            third = (chord.root + chord.intervals[min(1, len(chord.intervals) - 1)]) % 12
            bias[third] += THIRD_BIAS[self.source]
            bias[chord.root] += ROOT_BIAS[self.source]
        return bias

    def _sustain(self, tick: int, slot: int, role: str, pitch: int) -> np.ndarray | None:
        """Forbids durations that reach into a chord the note is foreign to."""
        if slot < 0 or slot + 1 >= len(self.ticks):
            return None
        change = self.ticks[slot + 1]
        if pitch % 12 in self.plan.chords[slot + 1][1].pitch_classes and role != BASS:
            return None
        longest = change - tick + (MELODY_OVERLAP if role == MELODY else OVERLAP)
        mask = np.zeros(len(self.durations))
        mask[max(1, bisect_right(self.scheme.durations, longest)) :] = NEVER
        return mask


MISSING_BIAS = 3.0
"""What a tone of an asked chord gains, for who plays chords, that nobody has sounded since the
chord began: where few parts play a seventh chord was often heard as a triad."""


class Changes:
    """Asked chords are struck when they are due: no step of time jumps over a chord's first tick,
    and a bass or harmony part plays there before time goes on. All their tones are to be heard."""

    name = "chord changes"

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.plan, self.scheme = plan, scheme
        self.ticks = [t for t, _ in plan.chords if t >= plan.origin]
        self.due = set(self.ticks)
        carriers = [p for p in plan.parts if p.role in (BASS, HARMONY)]
        carriers = carriers or [p for p in plan.parts if p.role == MELODY]
        self.carriers = {p.instrument for p in carriers}
        self.harmony = {p.instrument for p in plan.parts if p.role == HARMONY}
        self.slots = [t for t, _ in plan.chords]

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Masks onsets that jump; prefers carriers of harmony where a chord begins."""
        if field == ONSET:
            return self._onsets(piece)
        if field == INSTRUMENT and piece.tick + chosen[0] in self.due:
            bias = np.zeros(self.scheme.sizes[INSTRUMENT])
            if chosen[0] or self._waiting(piece):
                bias[list(self.carriers)] = CARRIER_BIAS
            return bias
        if field == PITCH and chosen[INSTRUMENT] in self.harmony:
            return self._missing(piece, piece.tick + chosen[ONSET])
        return None

    def _missing(self, piece: Tracker, tick: int) -> np.ndarray | None:
        """Calls the tones of the chord at ``tick`` that have not sounded since it began."""
        slot = bisect_right(self.slots, tick) - 1
        if slot < 0:
            return None
        since, chord = self.plan.chords[slot]
        classes = {(chord.root + i) % 12 for i in chord.intervals if i < 12}
        for row in reversed(piece.rows):
            if row[0] < since:
                break
            if row[1] >= 0 and row[1] != DRUMS:
                classes.discard(row[2] % 12)
        if not classes:
            return None
        bias = np.zeros(PITCHES)
        for pc in classes:
            bias[pc::12] = MISSING_BIAS
        return bias

    def _onsets(self, piece: Tracker) -> np.ndarray:
        mask = np.zeros(self.scheme.sizes[ONSET])
        tick = piece.tick if piece.rows else piece.tick - 1
        coming = bisect_right(self.ticks, tick)
        if coming < len(self.ticks):
            longest = self.ticks[coming] - piece.tick
            if longest < self.scheme.max_delta:
                mask[longest + 1 :] = NEVER
        if piece.rows and piece.tick in self.due and self._waiting(piece):
            mask[1:] = NEVER
        return mask

    def _waiting(self, piece: Tracker) -> bool:
        """Whether no carrier has played on the onset reached and one still may."""
        for row in reversed(piece.rows):
            if row[0] != piece.tick:
                break
            if row[1] in self.carriers:
                return False
        last = piece.rows[-1][1] if piece.rows else -1
        return any(i > last for i in self.carriers)
