"""The constraint of what parts play all along: figures and articulation, as asked for.

Knows patterns of beats, chords and lengths, the Plan and the piece so far, as
``systems.note.constraints`` does, which composes this; does not know texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cantilena.score import DRUMS
from cantilena.systems.note.constraints.parts import joining
from cantilena.systems.note.plan import PartPlan, Plan
from cantilena.systems.note.recurrence import FILL
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import GRID, PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, NEVER, ONSET, PITCH

DUE_BIAS, STRAY_BIAS = 9.0, 9.0
"""What a step loses that passes over a place of the figure, and a note that stands beside one."""
NOTE_BIAS = 6.0
"""What a figure's own pitches and lengths gain."""
DRUM_BIAS = 3.0
"""What drums gain on an onset on which one of theirs is due, once another part has begun there.
Drums come last: were they preferred at once, as other figures are, nobody else would play on the
beats of a backbeat (of the leads' notes 46 % were syncopated, of songs' 18 %)."""
KICK, RIM, SNARE, CLOSED_HAT, PEDAL_HAT = 36, 37, 38, 42, 44


@dataclass(frozen=True)
class Figure:
    """A pattern. Notes are due on ``every`` so manieth felt beat of a bar from ``first`` on (0:
    nowhere in particular), with ``offbeats`` between them too, or at the beats of a bar that are in
    ``at`` (from 0), and ``only`` there; ``chord``: least and most notes of the part on one onset;
    ``shortest`` and ``longest`` lengths, in quarters; ``steps``: semitones by which it moves at
    most, 0 for any; ``drum``: the drum that is due, which with ``only`` is struck nowhere else
    and its ``KIN`` nowhere, but in fills and in the last bar."""

    every: int = 0
    first: int = 0
    offbeats: bool = False
    only: bool = True
    chord: tuple[int, int] = (1, 9)
    shortest: float = 0.0
    longest: float = 99.0
    steps: int = 0
    drum: int = -1
    at: tuple[float, ...] = ()


KIN = {KICK: (35, 36), RIM: (37, 38, 40)}
"""Drums that are struck in place of one another: who keeps to one leaves the others alone."""
FOUR_ON_THE_FLOOR = (Figure(1, only=False, drum=KICK),)
BACKBEAT = (Figure(2, 1, only=False, drum=SNARE),)
OFF_THE_BEAT = (0.5, 1.5, 2.5, 3.5)
ONE_DROP = (
    Figure(at=(2.0,), drum=KICK),
    Figure(at=(2.0,), drum=RIM),
    Figure(at=OFF_THE_BEAT, only=False, drum=CLOSED_HAT),
)
BOSSA = (Figure(at=(0.0, 1.5, 2.0, 3.5), drum=KICK),)
SAMBA = (*FOUR_ON_THE_FLOOR, Figure(at=OFF_THE_BEAT, only=False, drum=PEDAL_HAT))
"""What a drummer plays in four beats, drum by drum."""

FIGURES: dict[str, Figure] = {
    "walking bass": Figure(1, shortest=0.75, steps=5, chord=(1, 1)),
    "boogie bass": Figure(1, offbeats=True, chord=(1, 1)),
    "arpeggio": Figure(1, offbeats=True, only=False, chord=(1, 1)),
    "broken chords": Figure(1, offbeats=True, only=False, chord=(1, 1)),
    "alberti bass": Figure(1, offbeats=True, only=False, chord=(1, 1)),
    "fingerpicking": Figure(1, offbeats=True, only=False, chord=(1, 1)),
    "block chords": Figure(1, chord=(3, 9)),
    "strumming": Figure(1, only=False, chord=(3, 9)),
    "comping": Figure(chord=(3, 9), longest=1.0),
    "power chords": Figure(chord=(2, 3)),
    "pad": Figure(chord=(2, 9), shortest=2.0),
    "drone": Figure(shortest=4.0),
    "four on the floor": FOUR_ON_THE_FLOOR[0],
    "backbeat": BACKBEAT[0],
    "staccato": Figure(longest=0.34),
    "pizzicato": Figure(longest=0.34),
    "plucked": Figure(longest=1.0),
    "legato": Figure(shortest=0.75),
    "sustained": Figure(shortest=1.5),
}
"""What texts ask for by name (``wishes.FIGURES`` and ``ARTICULATIONS``) and can be had."""


class Figures:
    """Parts keep to the figures that are asked of them."""

    name = "figures"

    def __init__(self, plan: Plan, scheme: NoteScheme, figures: dict[int, tuple[Figure, ...]]):
        self.plan, self.scheme, self.figures = plan, scheme, figures
        self.lengths = np.array(scheme.durations)
        self.places = {
            i: [(figure, places_of(figure, plan)) for figure in mine] for i, mine in figures.items()
        }

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Biases what the figures are about."""
        if field == ONSET:
            return self._onsets(piece) if piece.rows else None
        if chosen[ONSET] >= self.scheme.max_delta:
            return None
        tick = piece.tick + chosen[ONSET]
        if field == INSTRUMENT:
            return self._instruments(piece, tick, chosen[ONSET])
        mine = self.places.get(chosen[INSTRUMENT])
        if not mine or field not in (PITCH, DURATION):
            return None
        out = np.zeros(PITCHES if field == PITCH else len(self.lengths))
        for figure, places in mine:
            if field == DURATION:
                out[self.lengths < figure.shortest * GRID] -= NOTE_BIAS
                out[self.lengths > figure.longest * GRID] -= NOTE_BIAS
            elif figure.drum >= 0:
                due = self._place(tick) in places
                if figure.only and not self._is_free(tick):
                    kin = KIN.get(figure.drum, (figure.drum,))
                    out[[d for d in kin if d != figure.drum or not due]] -= 2 * NOTE_BIAS
                if due and figure.drum == self._lowest_due(piece, tick, mine):
                    out[figure.drum] += 2 * NOTE_BIAS
            elif figure.steps and (last := piece.last.get(chosen[INSTRUMENT])):
                pitch = piece.rows[last[-1]][2]
                out[: max(0, pitch - figure.steps)] -= NOTE_BIAS
                out[pitch + figure.steps + 1 :] -= NOTE_BIAS
                out[pitch] -= NOTE_BIAS / 2
        return out

    def _is_free(self, tick: int) -> bool:
        """Whether a tick is in a bar with a drummer's fill, or in the last."""
        bar = int(np.searchsorted(self.plan.lines, tick, side="right")) - 1
        if bar >= len(self.plan.lines) - 2:
            return True
        rows = [part.bars for part in self.plan.parts if part.instrument == DRUMS]
        return any(0 <= bar < len(row) and row[bar].kind == FILL for row in rows)

    def _place(self, tick: int) -> int:
        """Ticks into the bar."""
        bar = int(np.searchsorted(self.plan.lines, tick, side="right")) - 1
        return tick - int(self.plan.lines[max(bar, 0)])

    def _onsets(self, piece: Tracker) -> np.ndarray:
        out = np.zeros(self.scheme.sizes[ONSET])
        bar = piece.bar_of(piece.tick)
        start, length = (
            int(self.plan.lines[bar]),
            int(self.plan.lines[bar + 1] - self.plan.lines[bar]),
        )
        here = piece.tick - start
        closing = bar >= len(self.plan.lines) - 2
        others = [p for p in joining(self.plan, piece) if not self._is_stray(piece, p, here)]
        if not others and not closing:
            out[0] -= STRAY_BIAS
        for part in self.plan.parts:
            for figure, places in self.places.get(part.instrument, ()):
                if not part.plays(bar) or closing:
                    continue
                if places:
                    waits = here in places and self._can_strike(piece, part.instrument, figure)
                    later = [p for p in places if p > here] or [length]
                    delta = 0 if waits else later[0] - here
                    out[delta + 1 : self.scheme.max_delta + 1] -= DUE_BIAS
                if 0 < self._sounding(piece, part.instrument) < figure.chord[0]:
                    out[1 : self.scheme.max_delta + 1] -= DUE_BIAS
        return out

    def _is_stray(self, piece: Tracker, part: PartPlan, place: int) -> bool:
        """Whether a part's note on the onset reached would stand beside its figure."""
        count = self._sounding(piece, part.instrument)
        return any(
            (places and figure.only and figure.drum < 0 and not count and place not in places)
            or (figure.drum < 0 and count >= figure.chord[1])
            for figure, places in self.places.get(part.instrument, ())
        )

    def _can_strike(self, piece: Tracker, instrument: int, figure: Figure) -> bool:
        """Whether the note that is due on the onset reached is missing and may still come."""
        last = piece.rows[-1]
        if figure.drum >= 0:
            missing = not self._struck(piece, piece.tick, figure.drum)
            return missing and (last[1] < instrument or last[2] < figure.drum)
        return self._sounding(piece, instrument) == 0 and last[1] < instrument

    def _struck(self, piece: Tracker, tick: int, drum: int) -> bool:
        for row in reversed(piece.rows):
            if row[0] != tick:
                return False
            if row[2] == drum and row[1] >= 0:
                return True
        return False

    def _lowest_due(
        self, piece: Tracker, tick: int, mine: Sequence[tuple[Figure, tuple[int, ...]]]
    ) -> int:
        """Of the drums that are due at a tick and not struck there, the lowest, since those of an
        onset are written from the lowest on; -1 where none is."""
        place = self._place(tick)
        due = [figure.drum for figure, places in mine if figure.drum >= 0 and place in places]
        return min((d for d in due if not self._struck(piece, tick, d)), default=-1)

    def _sounding(self, piece: Tracker, instrument: int) -> int:
        """Notes that a part has on the onset reached."""
        count = 0
        for row in reversed(piece.rows):
            if row[0] != piece.tick or row[1] < 0:
                break
            count += row[1] == instrument
        return count

    def _instruments(self, piece: Tracker, tick: int, delta: int) -> np.ndarray:
        out = np.zeros(self.scheme.sizes[INSTRUMENT])
        place = self._place(tick)
        bar = piece.bar_of(tick)
        if bar >= len(self.plan.lines) - 2:
            return out
        waiting = False  # whether a part before the drums has a note due, or a chord's next
        for part in sorted(self.plan.parts, key=lambda part: part.instrument):
            i = part.instrument
            if not part.plays(bar):
                continue
            for figure, places in self.places.get(i, ()):
                count = self._sounding(piece, i) if delta == 0 else 0
                if figure.drum < 0 and count >= figure.chord[1]:
                    out[i] = NEVER
                elif figure.drum >= 0:
                    struck = self._struck(piece, tick, figure.drum)
                    if delta == 0 and place in places and not struck and not waiting:
                        out[i] += DRUM_BIAS
                elif place in places and count == 0:
                    waiting = True
                    out[i + 1 :] -= DUE_BIAS
                elif places and figure.only and count == 0:
                    out[i] -= STRAY_BIAS
                if 0 < count < figure.chord[0]:
                    waiting = True
                    out[i] += DUE_BIAS
        return out


def places_of(figure: Figure, plan: Plan) -> tuple[int, ...]:
    """Ticks into a bar on which the figure's notes are due."""
    if figure.at:
        beats = plan.bar_ticks // plan.beat_ticks
        return tuple(round(beat * plan.beat_ticks) for beat in figure.at if beat < beats)
    if not figure.every:
        return ()
    beats = range(figure.first * plan.beat_ticks, plan.bar_ticks, figure.every * plan.beat_ticks)
    half = plan.beat_ticks // 2 if plan.beat_ticks == GRID else plan.beat_ticks // 3
    offbeats = [p for beat in beats for p in range(beat + half, beat + plan.beat_ticks, half)]
    return tuple(sorted([*beats, *(offbeats if figure.offbeats else [])]))
