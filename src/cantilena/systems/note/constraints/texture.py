"""Constraints of rhythm, density, kit and form: how a piece holds together over its bars.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does, which composes these.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import HARMONY, MELODY, Plan
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import NoteScheme
from cantilena.tokens.note.grammar import DURATION, NEVER, ONSET, PITCH

HOLD = 0.3  # what a note of a quarter or more gains


class Subdivision:
    """Onsets stand on sixteenths and triplets of the beat and on their halves, never on the odd
    ticks to which performances are quantised. ``played``: they may stand on those too, as the
    model likes, but on ``LOOSE`` of them at least. With ``swing`` said, offbeat eighths stand at
    two thirds of the beat (True) or at its half (False), in beats that divide in two."""

    LOOSE, GAIN = 0.1, 1.0
    """The least share of onsets off the divisions in what is played, and what they gain below."""
    DIVISIONS = (0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21)
    SWUNG, STRAIGHT = (0, 4, 8, 16, 20), (0, 3, 6, 9, 12, 15, 18, 21)

    def __init__(
        self, plan: Plan, scheme: NoteScheme, swing: bool | None = None, played: bool = False
    ):
        self.scheme, self.played = scheme, played
        places = self.DIVISIONS
        if swing is not None and plan.beat_ticks == 24:
            places = self.SWUNG if swing else self.STRAIGHT
        allowed, self.loose = np.zeros(24, bool), np.ones(24, bool)
        allowed[list(places)] = True
        self.loose[list(self.DIVISIONS)] = False
        if played and places is self.DIVISIONS:
            allowed[:] = True
        elif played:  # around the eighths and sixteenths, or the triplets, that the feel has
            near = [k for k in places if k % 6 == 0 or k % 8 == 0]
            allowed[[(k + by) % 24 for k in near for by in (-1, 0, 1)]] = True
        bars = 2 + scheme.max_delta // 24
        self.mask = np.tile(np.where(allowed, 0.0, NEVER), bars)
        self.gain = np.tile(np.where(allowed & self.loose, self.GAIN, 0.0), bars)
        self.seen = self.off = 0
        # a pitched note of a tick is a click, and one shorter than a sixteenth rare; left to itself
        # the model holds fewer notes than songs do
        lengths = np.array(scheme.durations)
        self.lengths = np.where(lengths < 2, NEVER, np.where(lengths < 6, -0.4, 0.0))
        self.lengths += np.where(lengths >= 24, HOLD, 0.0)

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets by where they fall in the quarter."""
        if field == DURATION and chosen[1] != DRUMS:
            return self.lengths
        if field != ONSET:
            return None
        bar = piece.bar_of(piece.tick)
        place = (piece.tick - piece.bars[bar]) % 24
        out = np.zeros(self.scheme.sizes[0])
        n = self.scheme.max_delta
        out[1:n] = self.mask[place + 1 : place + n]
        if self.played and self._stiff(piece):
            out[1:n] += self.gain[place + 1 : place + n]
        return out

    def _stiff(self, piece: Tracker) -> bool:
        """Whether too few of the notes so far stand off the divisions."""
        for row in piece.rows[self.seen :]:
            self.off += bool(self.loose[(row[0] - piece.bars[piece.bar_of(row[0])]) % 24])
        self.seen = len(piece.rows)
        return self.off < self.LOOSE * self.seen


class Density:
    """Holds a piece near its planned density: once it has more notes than the bars so far should
    hold, time is urged on, the more the further it is over."""

    ROOM = 1.0
    FORCE = 6.0

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.plan, self.scheme = plan, scheme
        self.start = -1

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets against small steps of time."""
        if field != ONSET or not self.plan.density:
            return None
        if self.start < 0:
            self.start = len(piece.rows)
        bars = max(piece.tick - self.plan.origin, 0) / self.plan.bar_ticks + 1
        over = np.log((len(piece.rows) - self.start + 1) / (self.ROOM * self.plan.density * bars))
        if over <= 0:
            return None
        out = np.zeros(self.scheme.sizes[0])
        out[0] = -self.FORCE * over
        out[1:12] = -self.FORCE * over
        return out


class Kit:
    """A drummer keeps to a kit: the more drums have been struck, the less likely is one that has
    not, and drums beyond the usual ones are unlikely from the start, so far as the genre does not
    live on hand ``percussion``."""

    NEW = -0.6  # for each drum struck beyond the first ones
    FREE = 3
    ODD, HAND = -3.5, -1.5
    USUAL = (35, 36, 37, 38, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 55, 57, 59)
    COMMON = (39, 54, 56, 69, 70, 82)  # clap, tambourine, cowbell, cabasa, maracas, shaker

    def __init__(self, percussion: bool = False) -> None:
        self.odd = np.full(128, self.ODD)
        self.odd[list(self.COMMON)] = self.HAND
        if percussion:
            self.odd[39:83] = 0.0
        self.odd[list(self.USUAL)] = 0.0
        self.kit: set[int] = set()
        self.seen = 0

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases the pitches of drums."""
        if field != PITCH or chosen[1] != DRUMS:
            return None
        self.kit |= {row[2] for row in piece.rows[self.seen :] if row[1] == DRUMS}
        self.seen = len(piece.rows)
        out = self.odd + self.NEW * max(0, len(self.kit) - self.FREE)
        out[list(self.kit)] = 0.0
        return out


class Form:
    """Sections come back: in a bar that takes up an earlier one, each field leans towards what
    stood there, as long as the fields before it agree; the model may vary it. Melodies lean by
    ``tune``: in songs what is played under them comes back more exactly than they do."""

    def __init__(
        self, plan: Plan, scheme: NoteScheme, strength: float = 2.0, tune: float | None = None
    ):
        self.plan, self.scheme = plan, scheme
        self.strengths = {
            p.instrument: strength if tune is None or p.role != MELODY else tune for p in plan.parts
        }
        self.memo: tuple[int, tuple[int, ...] | None] = (-1, None)

    def _echo(self, piece: Tracker) -> tuple[int, ...] | None:
        """The fields of the step that followed this moment in the section taken up."""
        if self.memo[0] == len(piece.rows):
            return self.memo[1]
        bar = piece.bar_of(piece.tick)
        found = None
        # at the end of a section the next note may be the first of a section taken up
        for ahead in (bar, bar + 1):
            if ahead < len(self.plan.refers) and self.plan.refers[ahead] >= 0 and piece.rows:
                lag = piece.bars[ahead] - piece.bars[self.plan.refers[ahead]]
                after = piece.keys[-1] - lag * 130 * 128
                if ahead > bar:
                    after = max(after, (piece.bars[ahead] - lag) * 130 * 128 - 1)
                at = bisect_right(piece.keys, after)
                if at < len(piece.rows) and piece.rows[at][1] >= 0:
                    row = piece.rows[at]
                    delta = row[0] + lag - piece.tick
                    if 0 <= delta < self.scheme.max_delta and piece.bar_of(row[0] + lag) == ahead:
                        found = (delta, *row[1:5])
                        break
        self.memo = (len(piece.rows), found)
        return found

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Leans towards the section taken up."""
        echo = self._echo(piece)
        if echo is None or tuple(chosen) != echo[: len(chosen)]:
            return None
        out = np.zeros(self.scheme.sizes[field])
        out[echo[field]] = self.strengths.get(echo[1], 0.0)
        return out


class Repetition:
    """Discourages what small models fall into: a part that dwells on one pitch (each time it stood
    among the part's last eight notes, beyond twice, makes it less likely; basses may), and a melody
    whose bar has come back three times running."""

    DWELL = 0.8
    AGAIN = 2.0

    def __init__(self, plan: Plan, strength: float):
        self.plan, self.strength = plan, strength
        self.roles = {p.instrument: p.role for p in plan.parts}
        self.bars: dict[int, frozenset] = {}

    def _content(self, piece: Tracker, bar: int) -> frozenset:
        if bar not in self.bars:
            start, stop = int(self.plan.lines[bar]), int(self.plan.lines[bar + 1])
            low = bisect_right(piece.keys, start * 130 * 128 - 1)
            high = bisect_right(piece.keys, stop * 130 * 128 - 1)
            rows = piece.rows[low:high]
            self.bars[bar] = frozenset((r[0] - start, r[1], r[2]) for r in rows if r[1] >= 0)
        return self.bars[bar]

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases the pitches of pitched parts."""
        role = self.roles.get(chosen[1]) if field == PITCH else None
        if role not in (MELODY, HARMONY):
            return None
        out = np.zeros(128)
        latest = [piece.rows[i][2] for i in piece.last.get(chosen[1], [])[-8:]]
        for pitch in set(latest):
            out[pitch] -= self.DWELL * max(0, latest.count(pitch) - 2)
        if role == MELODY:
            self._again(piece, chosen, out)
        return self.strength * out

    def _again(self, piece: Tracker, chosen: Sequence[int], out: np.ndarray) -> None:
        """Lowers what a bar heard three times running has at this place."""
        tick = piece.tick + chosen[0]
        bar = piece.bar_of(tick)
        if bar < 3:
            return
        before = [self._content(piece, bar - k) for k in (1, 2, 3)]
        if before[0] and before[0] == before[1] == before[2]:
            place = tick - int(self.plan.lines[bar])
            for at, instrument, pitch in before[0]:
                if at == place and instrument == chosen[1]:
                    out[pitch] -= self.AGAIN
