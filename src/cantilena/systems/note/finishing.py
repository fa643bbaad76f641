"""From generated rows to a Score, all at once or note by note.

Knows rows, Plans and Scores; does not know models or how rows were chosen. A note's length is
settled by those that follow it in its part, so while a piece is being written its notes become
final one after another; what ``LiveNotes`` gives is what stands in the Score at the end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from cantilena.score import DRUMS, Score, Track
from cantilena.systems.base import Note
from cantilena.systems.note.continuing import Continued
from cantilena.systems.note.dynamics import Dynamics
from cantilena.systems.note.plan import DRUM, MELODY, PartPlan, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import GRID, NoteScheme

LONGEST_GAP = 5 * GRID // 2
"""Ticks: a tune's note sounds on over a rest of a quarter to this long, up to the next note, but
not over the end of a phrase. Of real leads one note of eighteen is followed by such a rest, of
notes as the model writes them one of six (``cantilena evaluate realism``)."""
PHRASE = 4  # bars of a section after which a tune may breathe
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", *map(str, range(9, 33)))


class PartNotes:
    """The notes of one part, cut so that none sounds over a later one of its pitch and no more
    than the part's voices sound at once. A drum hit has no length of its own: a quarter at most.
    ``breaths``: ticks, rising, over which a tune's notes are not held; None where none are held."""

    def __init__(self, part: PartPlan, breaths: Sequence[int] | None = None):
        self.part = part
        self.breaths = breaths
        self.onset: list[int] = []
        self.pitch: list[int] = []
        self.length: list[int] = []
        self.sounding: list[int] = []  # indices, the longest there first

    def push(self, tick: int, pitch: int, length: int) -> int:
        """Takes up a note (grid ticks), not earlier than those before it; its index."""
        drum = self.part.role == DRUM
        if not drum:
            self._hold(tick)
            self._cut(tick, pitch)
            self.sounding.append(len(self.onset))
        self.onset.append(tick)
        self.pitch.append(pitch)
        self.length.append(min(length, GRID) if drum else length)
        return len(self.onset) - 1

    def settled(self, index: int, tick: int) -> bool:
        """Whether a note is as long as it will be, when music has reached ``tick``."""
        end = self.onset[index] + self.length[index]
        if self.breaths is not None and self.onset[index] == self.onset[-1]:
            end += LONGEST_GAP
        return end <= tick

    def _hold(self, tick: int) -> None:
        """Holds the latest notes up to the next, at ``tick``."""
        if self.breaths is None or not self.onset or self.onset[-1] == tick:
            return
        latest = bisect_left(self.onset, self.onset[-1])
        end = max(on + length for on, length in zip(self.onset[latest:], self.length[latest:]))  # noqa: B905
        breath = bisect_left(self.breaths, end)
        breathes = breath < len(self.breaths) and self.breaths[breath] <= tick
        if not breathes and GRID <= tick - end <= LONGEST_GAP:
            for j in range(latest, len(self.onset)):
                self.length[j] += tick - end

    def _cut(self, tick: int, pitch: int) -> None:
        """Ends notes that one at ``tick`` does not let sound on."""
        onset, length = self.onset, self.length
        self.sounding = [j for j in self.sounding if onset[j] + length[j] > tick]
        for j in self.sounding:
            if self.pitch[j] == pitch and onset[j] < tick:
                length[j] = tick - onset[j]
        self.sounding = [j for j in self.sounding if onset[j] + length[j] > tick]
        while len(self.sounding) >= self.part.voices and onset[self.sounding[0]] < tick:
            j = self.sounding.pop(0)
            length[j] = tick - onset[j]


def breaths(part: PartPlan, plan: Plan, held: Collection[int]) -> list[int] | None:
    """The ticks at which a part that sings may breathe: where phrases and rests begin and end. None
    where it is no tune, or in ``held`` as whose notes have the lengths that were asked for."""
    if part.role != MELODY or part.instrument in held:
        return None
    lines = plan.lines.tolist()
    starts = {start for s in plan.sections for start in range(s.start, s.stop, PHRASE)}
    starts |= {k for k in range(1, plan.bars) if part.plays(k) != part.plays(k - 1)}
    return [lines[k] for k in sorted(starts)]


def finished(
    rows: Sequence[tuple[int, ...]],
    plan: Plan,
    scheme: NoteScheme,
    before: Continued | None,
    dynamics: Dynamics | None = None,
    held: Collection[int] = (),
) -> Score:
    """The Score of generated rows: a track for each player, in the Plan's order of parts. Without
    ``before`` a continued piece gives its new music alone, from tick 0. ``held``: instruments whose
    notes are as long as they were written."""
    new = [r[:5] for r in rows if r[1] >= 0 and r[0] >= plan.origin]
    table = np.array(new, dtype=np.int64).reshape(-1, 5)
    durations = np.array(scheme.durations)
    tracks: list[Track] = []
    columns: list[list[np.ndarray]] = []
    for part in plan.parts:
        notes = table[table[:, 1] == part.instrument]
        onset, pitch = notes[:, 0], notes[:, 2]
        line = PartNotes(part, breaths(part, plan, held))
        for row in zip(onset.tolist(), pitch.tolist(), durations[notes[:, 3]].tolist()):  # noqa: B905
            line.push(*row)
        length = np.array(line.length, dtype=np.int64)
        velocity = np.array(scheme.velocities)[notes[:, 4]]
        if dynamics is not None:
            loud = zip(onset.tolist(), velocity.tolist(), strict=True)
            velocity = np.array([dynamics.velocity(t, part.instrument, v) for t, v in loud], int)
        desk = _desks(onset, part.players)
        for player in range(part.players):
            played = desk == player
            if not played.any() and player:
                continue
            label = part.name if part.players == 1 else f"{part.name} {_ROMAN[player]}"
            is_drum = part.instrument == DRUMS
            tracks.append(Track(label, 0 if is_drum else part.instrument, is_drum))
            number = np.full(int(played.sum()), len(tracks) - 1)
            columns.append([onset[played], length[played], pitch[played], velocity[played], number])
    merged = [np.concatenate(c) for c in zip(*columns, strict=True)]
    if before is not None:
        return before.joined(plan, tracks, merged)
    merged[0] = merged[0] - plan.origin
    return Score.build(
        GRID,
        tracks,
        *merged,
        tempos=plan.tempo_map,
        metres=[(0, *plan.metre)],
        keys=[(t, key.fifths, int(key.minor)) for t, key in ((0, plan.key), *plan.keys)],
        end=plan.end - plan.origin,
        texts=plan.markers,
    )


def _desks(onset: np.ndarray, players: int) -> np.ndarray:
    """Which player takes each note of a part (rows by onset, then pitch): on an onset with several
    notes the highest goes to the first; single notes go to the first."""
    desk = np.zeros(len(onset), dtype=np.int64)
    if players == 1 or not len(onset):
        return desk
    _, start, count = np.unique(onset, return_index=True, return_counts=True)
    for s, n in zip(start.tolist(), count.tolist(), strict=True):
        desk[s : s + n] = np.minimum(np.arange(n)[::-1], players - 1)
    return desk


class LiveNotes:
    """The new notes of a piece under way, in the order of its rows, each once it is final."""

    def __init__(
        self,
        plan: Plan,
        scheme: NoteScheme,
        tracker: Tracker,
        before: Continued | None,
        dynamics: Dynamics | None = None,
        held: Collection[int] = (),
    ):
        self.dynamics = dynamics
        self.plan, self.scheme, self.tracker, self.before = plan, scheme, tracker, before
        self.parts = {p.instrument: PartNotes(p, breaths(p, plan, held)) for p in plan.parts}
        self.row = len(tracker.rows)  # the next row to be taken up
        self.waiting: list[tuple[PartNotes, int, int]] = []  # part, index in it, velocity
        if before is None:
            self.clock = Score.build(GRID, (), [], [], [], [], [], tempos=plan.tempo_map)
        else:
            self.clock = before.clock(plan)

    def take(self, done: bool = False) -> Iterator[Note]:
        """The notes that became final with the rows since the last call; all that are left where
        the piece is ``done``."""
        rows = self.tracker.rows
        for tick, instrument, pitch, duration, velocity, _ in rows[self.row :]:
            part = self.parts.get(instrument)
            if part is not None and tick >= self.plan.origin:
                index = part.push(tick, pitch, self.scheme.durations[duration])
                loud = self.scheme.velocities[velocity]
                if self.dynamics is not None:
                    loud = self.dynamics.velocity(tick, instrument, loud)
                self.waiting.append((part, index, loud))
        self.row = len(rows)
        count = 0
        for part, index, velocity in self.waiting:
            if not done and not part.settled(index, self.tracker.tick):
                break
            count += 1
            yield self._note(part, index, velocity)
        del self.waiting[:count]

    def _note(self, part: PartNotes, index: int, velocity: int) -> Note:
        tick = part.onset[index]
        ends = np.array([tick, tick + part.length[index]])
        if self.before is None:
            ends = ends - self.plan.origin
        else:
            ends = self.before.moved(ends)
            ends[1] = max(ends[1], ends[0] + 1)
        start, stop = self.clock.seconds(ends).tolist()
        bar = self.tracker.bar_of(tick) + 1
        return Note(start, stop - start, part.pitch[index], velocity, part.part.instrument, bar)
