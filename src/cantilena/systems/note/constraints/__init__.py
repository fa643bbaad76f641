"""Constraints: wishes that must hold, as biases on the next field's logits.

Knows the Plan and the piece so far; does not know text, engines or files. Each class is one wish;
they compose by addition, and -inf forbids. Order of fields: onset, instrument, pitch, duration,
velocity.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.constraints.length import Close, Length
from cantilena.systems.note.constraints.texture import Density, Form, Kit, Repetition, Subdivision
from cantilena.systems.note.plan import BASS, DRUM, HARMONY, MELODY, PartPlan, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, NEVER, ONSET, PITCH


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
        room = self.notes < self.part.players and self.top < self.part.high
        return room and self.divided < share * self.onsets


class Ensemble:
    """Exactly the planned instruments, each within its voices, and each heard: an instrument below
    its least share of the notes is encouraged, and one that rests, the more the longer it does; one
    that has nearly all of them is held back.
    Where several players share an instrument, chords of theirs are encouraged until all play. What
    would cut a note to a click, a part's one voice or a pitch struck again at once, is avoided."""

    SILENT = 4.0
    """What a part gains for each bar of rest beyond those it is granted."""
    TUNE = 0.5
    """Share of the others' rests that the melody is granted."""
    DIVIDED, DIVISI = 0.5, 3.0
    """Share of a section's onsets on which its players divide, and what that gains below."""
    CLICK, CUTS = 3, -12.0
    """Ticks that a note is to have before the next of its voice, and what a sooner one loses."""

    def __init__(self, plan: Plan, scheme: NoteScheme, strength: float = 5.0):
        self.plan, self.scheme, self.strength = plan, scheme, strength
        self.parts = {p.instrument: p for p in plan.parts}
        # bars of rest, and the largest share of the notes: more than the fullest part of most songs
        # with as many instruments has
        self.granted = min(2.0, max(1.0, (len(plan.parts) - 2) / 2))
        self.most = 0.3 + 1.2 / len(plan.parts)
        self.allowed = np.full(scheme.sizes[1], NEVER)
        self.allowed[list(self.parts)] = 0.0
        self.counts = dict.fromkeys(self.parts, 0)
        self.heard = dict.fromkeys(self.parts, plan.origin)  # tick up to which each part sounds
        self.sections = {p.instrument: _Section(p) for p in plan.parts if p.players > 1}
        self.seen = 0

    def _update(self, piece: Tracker) -> None:
        for row in piece.rows[self.seen :]:
            if row[1] in self.counts:
                self.counts[row[1]] += 1
                end = row[0] + self.scheme.durations[row[3]]
                self.heard[row[1]] = max(self.heard[row[1]], end)
            if row[1] in self.sections:
                self.sections[row[1]].add(row[0], row[2])
        self.seen = len(piece.rows)

    def _now(self, piece: Tracker) -> dict[int, list[int]]:
        """Pitches of each instrument on the onset reached."""
        now: dict[int, list[int]] = {}
        for row in reversed(piece.rows):
            if row[0] != piece.tick or row[1] < 0:
                break
            now.setdefault(row[1], []).append(row[2])
        return now

    def _cut(self, piece: Tracker, tick: int) -> set[int]:
        """Instruments of one voice whose last note had only just begun at a later ``tick``."""
        return {
            i
            for i, part in self.parts.items()
            if part.voices == 1
            and piece.last.get(i)
            and 0 < tick - piece.rows[piece.last[i][-1]][0] < self.CLICK
        }

    def _open(self, piece: Tracker) -> list[PartPlan]:
        """Parts that may still add a note to the onset reached."""
        if not piece.rows or piece.rows[-1][1] < 0:
            return list(self.plan.parts)
        now, last = self._now(piece), piece.rows[-1]
        return [
            p
            for p in self.plan.parts
            if p.instrument > last[1]
            or (p.instrument == last[1] and last[2] < p.high and len(now[last[1]]) < p.voices)
        ]

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Masks instruments and pitches, and time that stands still when all voices are used."""
        if field == ONSET:
            self._update(piece)
            if not piece.rows:
                return None
            mask = np.zeros(self.scheme.sizes[0])
            if not self._open(piece):
                mask[0] = NEVER
            elif self._together(piece):
                mask[0] = self.DIVISI
            for delta in range(1, self.CLICK):
                if len(self._cut(piece, piece.tick + delta)) == len(self.parts):
                    mask[delta] += self.CUTS
            return mask
        elif field == INSTRUMENT:
            mask = self.allowed.copy()
            if chosen[0] == 0:
                allowed = {p.instrument for p in self._open(piece)}
                for instrument in self.parts.keys() - allowed:
                    mask[instrument] = NEVER
                if self._together(piece):
                    mask[piece.rows[-1][1]] += self.DIVISI
            mask[list(self._cut(piece, piece.tick + chosen[0]))] += self.CUTS
            return mask + self._balance(piece.tick + chosen[0])
        elif field == PITCH:
            part = self.parts.get(chosen[1])
            if part:
                mask = np.full(128, NEVER)
                mask[part.low : part.high + 1] = 0.0
                tick = piece.tick + chosen[0]
                for i in reversed(piece.last.get(chosen[1], ())):
                    onset, _, pitch = piece.rows[i][:3]
                    if onset <= tick - self.CLICK:
                        break
                    mask[pitch] += self.CUTS
                return mask
        return None

    def _together(self, piece: Tracker) -> bool:
        """Whether the last note was of a section more of whose players should join it."""
        section = self.sections.get(piece.rows[-1][1]) if piece.rows else None
        return section is not None and section.waits(self.DIVIDED)

    def _balance(self, tick: int) -> np.ndarray:
        """What parts below their least share gain."""
        out = np.zeros(self.scheme.sizes[1])
        total = sum(self.counts.values())
        done = (tick - self.plan.origin) / max(self.plan.end - self.plan.origin, 1)
        for part in self.plan.parts:
            i = part.instrument
            wanted = part.min_share * max(total, 16)
            missing = max(0.0, 1 - self.counts[i] / wanted) if wanted else 0.0
            out[i] = self.strength * missing * (0.6 + done)
            if total >= 16:
                out[i] -= self.strength * max(0.0, self.counts[i] / total / self.most - 1)
            # a model may have forgotten it
            granted = self.granted * (self.TUNE if part.role == MELODY else 1.0)
            rest = (tick - self.heard[i]) / self.plan.bar_ticks
            out[i] += self.SILENT * max(0.0, rest - granted)
            if done > 0.5 and self.counts[i] < 10:
                out[i] += 20.0
        return out


SOFT = {MELODY: 0.0, HARMONY: 0.0, BASS: 0.1}
STRONG = {MELODY: 0.5, HARMONY: NEVER, BASS: NEVER}
"""What a chord tone gains, by role, on weak and strong beats; NEVER: all others are forbidden."""
CHOSEN = 0.0
"""What it gains on strong beats instead, where the chords were not asked for but chosen."""
TOLD, HINTED = (0.8, 0.6), (0.2, 0.15)
"""What third and root gain on strong beats of harmony parts, so that no other chord is heard: of
chords that were asked for, and of chosen ones."""
KEY_WEIGHT, LOOSE_KEY_WEIGHT = 0.2, 0.1
"""What a pitch outside the scale loses, and in genres that leave it often."""


class Harmony:
    """Pitches lean on the key and on the chord of the moment: hard for chord tones on strong beats
    in bass and harmony parts, soft elsewhere and in the melody, so that it still breathes. Chords
    that were asked for lean harder than chords that were chosen. Sustained notes do not run into a
    chord that they do not belong to."""

    def __init__(self, plan: Plan, scheme: NoteScheme, key_weight: float = 2.5):
        self.plan, self.scheme, self.key_weight = plan, scheme, key_weight
        self.roles = {p.instrument: p.role for p in plan.parts}
        self.ticks = [t for t, _ in plan.chords]
        self.durations = np.array(scheme.durations)
        self.cache: dict[tuple[int, str, bool, bool], np.ndarray] = {}
        scale = set(plan.key.scale)
        if plan.key.minor:
            scale.add((plan.key.tonic + 11) % 12)  # the leading note
        self.scale = scale

    EARLY = 2

    def _slot(self, tick: int) -> int:
        """The chord of a tick; of hands that are early (``EARLY`` ticks), the coming one."""
        return bisect_right(self.ticks, tick + self.EARLY) - 1

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
        marks = (slot, role, strong, first)
        if marks not in self.cache:
            self.cache[marks] = np.tile(self._classes(slot, role, strong, first), 11)[:128]
        return self.cache[marks]

    def _classes(self, slot: int, role: str, strong: bool, first: bool) -> np.ndarray:
        """(12,) bias by pitch class."""
        out = np.array([0.0 if pc in self.scale else -self.key_weight for pc in range(12)])
        # tonic and dominant, that a key be heard as itself and not as its relative
        out[self.plan.key.tonic] += 0.3
        out[(self.plan.key.tonic + 7) % 12] += 0.15
        if slot < 0:
            return out
        chord = self.plan.chords[slot][1]
        # ninths and beyond colour a chord; root, third, fifth and seventh tell which it is
        core = {(chord.root + i) % 12 for i in chord.intervals if i < 12}
        tones = core if strong and role != MELODY else chord.pitch_classes
        inside = np.array([pc in tones for pc in range(12)])
        out[inside] = np.maximum(out[inside], 0.0)
        gap = (STRONG if strong else SOFT)[role]
        if gap == NEVER and not self.plan.asked_chords:
            gap = CHOSEN
        if gap == NEVER:
            out[~inside] = NEVER
        else:
            out[inside] += gap + (1.5 if self.plan.asked_chords else 0.0)
        lowest = chord.bass if chord.bass is not None else chord.root
        if role == BASS and strong:
            if first and self.plan.asked_chords:
                out[:] = NEVER
                out[lowest] = 0.0
            else:
                out[lowest] = max(out[lowest], 0.0) + (3.0 if first else 1.0)
        elif role == HARMONY and strong:
            third = (chord.root + chord.intervals[min(1, len(chord.intervals) - 1)]) % 12
            gain = TOLD if self.plan.asked_chords else HINTED
            out[third] += gain[0]
            out[chord.root] += gain[1]
        return out

    def _sustain(self, tick: int, slot: int, role: str, pitch: int) -> np.ndarray | None:
        """Forbids durations that reach into a chord the note is foreign to."""
        if slot < 0 or slot + 1 >= len(self.ticks):
            return None
        change = self.ticks[slot + 1]
        if pitch % 12 in self.plan.chords[slot + 1][1].pitch_classes and role != BASS:
            return None
        room = change - tick + (6 if role == MELODY else 1)
        mask = np.zeros(len(self.durations))
        mask[max(1, bisect_right(self.scheme.durations, room)) :] = NEVER
        return mask


class Changes:
    """Asked chords are struck when they are due: no step of time jumps over a chord's first tick,
    and a bass or harmony part plays there before time goes on."""

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.plan, self.scheme = plan, scheme
        self.ticks = [t for t, _ in plan.chords if t >= plan.origin]
        self.due = set(self.ticks)
        carriers = [p for p in plan.parts if p.role in (BASS, HARMONY)]
        self.carriers = carriers or [p for p in plan.parts if p.role == MELODY]

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Masks onsets that jump; prefers carriers of harmony where a chord begins."""
        if field == ONSET:
            mask = np.zeros(self.scheme.sizes[0])
            tick = piece.tick if piece.rows else piece.tick - 1
            coming = bisect_right(self.ticks, tick)
            if coming < len(self.ticks):
                room = self.ticks[coming] - piece.tick
                if room < self.scheme.max_delta:
                    mask[room + 1 :] = NEVER
            if piece.rows and piece.tick in self.due and self._waiting(piece):
                mask[1:] = NEVER
            return mask
        if field == INSTRUMENT and piece.tick + chosen[0] in self.due:
            out = np.zeros(self.scheme.sizes[1])
            if chosen[0] or self._waiting(piece):
                for part in self.carriers:
                    out[part.instrument] = 2.5
            return out
        return None

    def _waiting(self, piece: Tracker) -> bool:
        """Whether no carrier has played on the onset reached and one still may."""
        instruments = {p.instrument for p in self.carriers}
        for row in reversed(piece.rows):
            if row[0] != piece.tick:
                break
            if row[1] in instruments:
                return False
        last = piece.rows[-1][1] if piece.rows else -1
        return any(i > last for i in instruments)


LEANING, LITERAL, TUNE = 1.25, 7.5, 0.5
"""How strongly a bar leans on the one it takes up: varied, or as good as repeated; its melody."""


def constraints(
    plan: Plan,
    scheme: NoteScheme,
    repetition: float = 1.0,
    swing: bool | None = None,
    played: bool = False,
    percussion: bool = False,
) -> list:
    """All constraints of a Plan. ``swing`` and ``played``: see ``Subdivision``; ``percussion``:
    ``Kit``."""
    found: list = [Length(plan, scheme), Close(plan, scheme), Ensemble(plan, scheme)]
    found.append(Subdivision(plan, scheme, swing, played))
    found.append(Density(plan, scheme))
    if any(p.role == DRUM for p in plan.parts):
        found.append(Kit(percussion))
    if any(p.role != DRUM for p in plan.parts):
        found.append(Harmony(plan, scheme, KEY_WEIGHT if plan.strict_key else LOOSE_KEY_WEIGHT))
        if plan.asked_chords:
            found.append(Changes(plan, scheme))
    if any(bar >= 0 for bar in plan.refers):
        found.append(Form(plan, scheme, LITERAL if plan.literal else LEANING, TUNE))
    if repetition:
        found.append(Repetition(plan, repetition))
    return found
