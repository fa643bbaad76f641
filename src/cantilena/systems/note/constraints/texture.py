"""Constraints of rhythm, density, kit and form: how a piece holds together over its bars.

Knows the Plan and the piece so far, as ``systems.note.constraints`` does, which composes these.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.plan import HARMONY, MELODY, Plan
from cantilena.systems.note.recurrence import FILL, NEW
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import GRID, PITCHES, NoteScheme
from cantilena.tokens.note.context import KEYS_PER_TICK
from cantilena.tokens.note.grammar import DURATION, NEVER, ONSET, PITCH

# Biases are added to logits. These two were chosen anew for each shipped model, so that its pieces
# resemble held-out songs in ``cantilena evaluate statistics`` (``docs/note-model.md``).
LONG_NOTE_BIAS = 0.3
"""What a note of a quarter or more gains: left to itself the model holds fewer notes than songs do.
More gives more polyphony."""
SHORT_NOTE_BIAS = -0.4
"""What a note shorter than a sixteenth gains, as such are rare in songs."""


class Subdivision:
    """Onsets stand on sixteenths and triplets of the beat and on their halves, never on the odd
    ticks to which performances are quantised. ``played``: they may stand on those too, as the
    model likes, and at least ``MIN_LOOSE_SHARE`` of them do. With ``swing`` said, offbeat eighths
    stand at two thirds of the beat (True) or at its half (False), in beats that divide in two."""

    name = "rhythm"

    MIN_LOOSE_SHARE, LOOSE_BIAS = 0.1, 1.0
    """The least share of onsets off the divisions in what is played (twice what the report asks of
    a piece to call it played), and what they gain below."""
    DIVISIONS = (0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21)  # ticks of the quarter
    SWUNG, STRAIGHT = (0, 4, 8, 16, 20), (0, 3, 6, 9, 12, 15, 18, 21)

    def __init__(
        self, plan: Plan, scheme: NoteScheme, swing: bool | None = None, played: bool = False
    ):
        self.scheme, self.played = scheme, played
        places = self.DIVISIONS
        if swing is not None and plan.beat_ticks == GRID:
            places = self.SWUNG if swing else self.STRAIGHT
        allowed, self.loose = np.zeros(GRID, bool), np.ones(GRID, bool)
        allowed[list(places)] = True
        self.loose[list(self.DIVISIONS)] = False
        if played and places is self.DIVISIONS:
            allowed[:] = True
        elif played:  # around the eighths and sixteenths, or the triplets, that the feel has
            near = [k for k in places if k % 6 == 0 or k % 8 == 0]
            allowed[[(k + by) % GRID for k in near for by in (-1, 0, 1)]] = True
        quarters = (
            2 + scheme.max_delta // GRID
        )  # from any tick on, the longest step and its quarter
        self.mask = np.tile(np.where(allowed, 0.0, NEVER), quarters)
        self.gain = np.tile(np.where(allowed & self.loose, self.LOOSE_BIAS, 0.0), quarters)
        self.rows_read = self.loose_onsets = 0
        lengths = np.array(scheme.durations)
        short = lengths < GRID // 4
        self.lengths = np.where(short, SHORT_NOTE_BIAS, 0.0)
        self.lengths[lengths < 2] = NEVER  # a pitched note of a tick is a click
        self.lengths += np.where(lengths >= GRID, LONG_NOTE_BIAS, 0.0)

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets by where they fall in the quarter."""
        if field == DURATION and chosen[1] != DRUMS:
            return self.lengths
        if field != ONSET:
            return None
        bar = piece.bar_of(piece.tick)
        place = (piece.tick - piece.bars[bar]) % GRID
        out = np.zeros(self.scheme.sizes[ONSET])
        n = self.scheme.max_delta
        out[1:n] = self.mask[place + 1 : place + n]
        if self.played and self._stiff(piece):
            out[1:n] += self.gain[place + 1 : place + n]
        return out

    def _stiff(self, piece: Tracker) -> bool:
        """Whether too few of the notes so far stand off the divisions."""
        for row in piece.rows[self.rows_read :]:
            place = (row[0] - piece.bars[piece.bar_of(row[0])]) % GRID
            self.loose_onsets += bool(self.loose[place])
        self.rows_read = len(piece.rows)
        return self.loose_onsets < self.MIN_LOOSE_SHARE * self.rows_read


class Density:
    """Holds a piece near its planned density: once it has more notes than the bars so far should
    hold, time is urged on, the more the further it is over. Bars in which few parts play are to
    hold fewer than those in which all do."""

    name = "density"

    OVER_BIAS = -6.0
    """What small steps of time gain for each unit of the logarithm of notes written to notes
    planned: -4.2 where there are twice as many."""
    SMALL_STEP = GRID // 2
    """Ticks: steps below an eighth are small."""

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.plan, self.scheme = plan, scheme
        self.start = -1  # rows there were before the first of the new music
        lines = plan.lines[int(np.searchsorted(plan.lines, plan.origin)) :]
        first = len(plan.lines) - len(lines)
        bars = range(first, first + max(len(lines) - 1, 1))
        playing = np.array([sum(part.plays(bar) for part in plan.parts) for bar in bars])
        shares = playing / max(float(playing.mean()), 1e-9)
        self.lines = lines if len(lines) > 1 else np.array([plan.origin, plan.origin + 1])
        self.budget = np.concatenate([[0.0], np.cumsum(shares)])
        """Bars' worth of notes before each of the new bar lines."""

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases onsets against small steps of time."""
        if field != ONSET or not self.plan.density:
            return None
        if self.start < 0:
            self.start = len(piece.rows)
        bars = float(np.interp(piece.tick, self.lines, self.budget)) + 1
        over = np.log((len(piece.rows) - self.start + 1) / (self.plan.density * bars))
        if over <= 0:
            return None
        out = np.zeros(self.scheme.sizes[ONSET])
        out[: self.SMALL_STEP] = self.OVER_BIAS * over
        return out


class Kit:
    """A drummer keeps to a kit: the more drums have been struck, the less likely is one that has
    not, and drums beyond the usual ones are unlikely from the start, so far as the genre does not
    live on ``hand_percussion``. Chosen by ear: a jazz trio's drummer took up bongos."""

    name = "drum kit"

    DRUMS_BEFORE_IT = 3
    BIAS_NEW_DRUM = -0.05
    """What a drum not struck yet gains for each drum struck beyond the first
    ``DRUMS_BEFORE_IT``."""
    BIAS_UNUSUAL, BIAS_HAND_PERCUSSION = -3.0, -2.0
    """What drums outside a kit gain, and those among them that are common beside one."""
    USUAL = (*range(35, 39), *range(40, 54), 55, 57, 59)  # kick to ride, without the clap
    COMMON = (39, 54, 56, 69, 70, 82)  # clap, tambourine, cowbell, cabasa, maracas, shaker
    HAND_PERCUSSION = slice(39, 83)  # clap to open triangle and shaker

    TOMS = (41, 43, 45, 47, 48, 50)
    SNARE, CRASH = 38, 49
    CRASHES = (49, 52, 55, 57)  # with china, splash and a second crash
    BIAS_TOM_ELSEWHERE, SHARE_OF_TOMS = -3.0, 0.1
    """What toms gain outside of fills, in music that does not go on from some of whose hits more
    than this share are toms: in half of the bars of one piece in six they kept time without it, in
    those of no song (``benchmarks/kits.py``)."""
    HATS = (42, 44, 46, 51)
    BIAS_FILL, BIAS_TOM, BIAS_CRASH, BIAS_CRASH_ELSEWHERE = 2.0, 0.5, 2.0, -3.0
    """What the snare gains, and cymbals that keep time lose, in the second half of a bar with a
    fill, and what toms gain there; what a crash gains on the first beat behind it, and crashes of
    all kinds where no section begins: six of ten crashes of songs stand where one does. With the
    first alone a splash or a second crash stood in nearly every bar of one piece in four
    (``benchmarks/kits.py``)."""
    BIAS_SAME_TIME = -1.5
    """What the cymbal that kept time in the bar before loses in the first bar of a section, where
    that is to be new, so that choruses are not struck as verses are: new drum bars of songs share
    half of their cymbals with the earlier bar most like them, pieces' without this 0.7 (48 bands of
    the songs that models learn from)."""

    def __init__(self, hand_percussion: bool = False, plan: Plan | None = None) -> None:
        self.unusual = np.full(PITCHES, self.BIAS_UNUSUAL)
        self.unusual[list(self.COMMON)] = self.BIAS_HAND_PERCUSSION
        if hand_percussion:
            self.unusual[self.HAND_PERCUSSION] = 0.0
        self.unusual[list(self.USUAL)] = 0.0
        self.kit: set[int] = set()
        self.tom_bias: float | None = None  # until it is known what stands before
        self.rows_read = 0
        self.starts: set[int] = set()  # ticks at which sections begin
        self.rolls: list[tuple[int, int]] = []  # from the middle of a bar with a fill to its end
        self.new: list[bool] = []  # by bar
        if plan is not None:
            drums = next((part for part in plan.parts if part.instrument == DRUMS), None)
            lines = plan.lines.tolist()
            self.new = [bar.kind == NEW for bar in drums.bars] if drums else []
            self.starts = {lines[section.start] for section in plan.sections}
            for k, bar in enumerate(drums.bars if drums else ()):
                if bar.kind == FILL:
                    self.rolls.append(((lines[k] + lines[k + 1]) // 2, lines[k + 1]))

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases the pitches of drums."""
        if field != PITCH or chosen[1] != DRUMS:
            return None
        struck = [row[2] for row in piece.rows[self.rows_read :] if row[1] == DRUMS]
        self.kit |= set(struck)
        self.rows_read = len(piece.rows)
        if self.tom_bias is None:
            toms = sum(drum in self.TOMS for drum in struck)
            rare = toms <= self.SHARE_OF_TOMS * len(struck)
            self.tom_bias = self.BIAS_TOM_ELSEWHERE if rare else 0.0
        out = self.unusual + self.BIAS_NEW_DRUM * max(0, len(self.kit) - self.DRUMS_BEFORE_IT)
        out[list(self.kit)] = 0.0
        out[list(self.TOMS)] += self.tom_bias
        tick = piece.tick + chosen[ONSET]
        if self.starts and tick not in self.starts:
            out[list(self.CRASHES)] += self.BIAS_CRASH_ELSEWHERE
        for start, stop in self.rolls:
            if start <= tick < stop:
                out[list(self.TOMS)] = self.BIAS_TOM
                out[self.SNARE] = self.BIAS_FILL
                out[list(self.HATS)] -= self.BIAS_FILL
            elif tick == stop:
                out[self.CRASH] = self.BIAS_CRASH
        cymbal = self._time_before(piece, tick)
        if cymbal is not None:
            out[cymbal] += self.BIAS_SAME_TIME
        return out

    def _time_before(self, piece: Tracker, tick: int) -> int | None:
        """In the first bar of a section that is to be new, the cymbal that kept time before it."""
        bar = piece.bar_of(tick)
        if not 0 < bar < len(self.new) or not self.new[bar] or piece.bars[bar] not in self.starts:
            return None
        lines = (piece.bars[bar - 1], piece.bars[bar])
        low, high = (bisect_left(piece.keys, line * KEYS_PER_TICK) for line in lines)
        struck = [row[2] for row in piece.rows[low:high] if row[2] in self.HATS]
        return max(self.HATS, key=struck.count) if struck else None


class Repetition:
    """Discourages what small models fall into: a part that dwells on one pitch (each time it stood
    among the part's last eight notes, beyond twice, makes it less likely; basses may), a tune that
    strikes one pitch again and again, and a melody whose bar has come back three times running.
    ``strength`` multiplies all."""

    name = "variety"

    LATEST, USUAL_TIMES = 8, 2
    """Notes of a part that are looked at, and how often a pitch may stand among them."""
    DWELLING_BIAS = -0.8
    """What a pitch gains for each time beyond."""
    LONGEST_RUN, RUN_BIAS, RUN_SEEN = 4, -0.8, 12
    """Onsets of a tune, or of the top of a part that plays alone, that may have one pitch, what it
    gains for each beyond, and how many of them count at most. Of real leads' notes 4 to 8 % stand
    in runs of five or more, and single pieces were one such run."""
    SAME_BAR_BIAS = -2.0
    """What a melody's note gains that would make its bar the fourth of its kind in a row."""

    def __init__(self, plan: Plan, strength: float):
        self.plan, self.strength = plan, strength
        self.roles = {p.instrument: p.role for p in plan.parts}
        self.bars: dict[int, frozenset] = {}

    def _content(self, piece: Tracker, bar: int) -> frozenset:
        if bar not in self.bars:
            start, stop = int(self.plan.lines[bar]), int(self.plan.lines[bar + 1])
            low = bisect_left(piece.keys, start * KEYS_PER_TICK)
            high = bisect_left(piece.keys, stop * KEYS_PER_TICK)
            rows = piece.rows[low:high]
            self.bars[bar] = frozenset((r[0] - start, r[1], r[2]) for r in rows if r[1] >= 0)
        return self.bars[bar]

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases the pitches of pitched parts."""
        role = self.roles.get(chosen[1]) if field == PITCH else None
        if role not in (MELODY, HARMONY):
            return None
        out = np.zeros(PITCHES)
        latest = [piece.rows[i][2] for i in piece.last.get(chosen[1], [])[-self.LATEST :]]
        for pitch in set(latest):
            out[pitch] += self.DWELLING_BIAS * max(0, latest.count(pitch) - self.USUAL_TIMES)
        if role == MELODY or len(self.roles) == 1:
            pitch, run = self._run(piece, chosen)
            out[pitch] += self.RUN_BIAS * max(0, run - self.LONGEST_RUN)
        if role == MELODY:
            self._lower_same_bar(piece, chosen, out)
        return self.strength * out

    def _run(self, piece: Tracker, chosen: Sequence[int]) -> tuple[int, int]:
        """The highest pitch of the part's latest onset before the one chosen, and on how many
        onsets in a row it has been that."""
        tops: dict[int, int] = {}  # by tick, the latest first
        for i in reversed(piece.last.get(chosen[1], [])):
            tick, _, pitch = piece.rows[i][:3]
            if tick < piece.tick + chosen[0]:
                tops.setdefault(tick, pitch)  # notes of one onset rise
            if len(tops) > self.LONGEST_RUN + self.RUN_SEEN:
                break
        pitches = list(tops.values())
        same = next((n for n, pitch in enumerate(pitches) if pitch != pitches[0]), len(pitches))
        return (pitches[0] if pitches else 0), same

    def _lower_same_bar(self, piece: Tracker, chosen: Sequence[int], out: np.ndarray) -> None:
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
                    out[pitch] += self.SAME_BAR_BIAS
