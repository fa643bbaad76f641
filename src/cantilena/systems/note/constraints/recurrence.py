"""The constraint of what comes back: bars that take up an earlier one do so, part by part.

Knows the Plan's bars and the piece so far, as ``systems.note.constraints`` does, which composes
this; does not know where they come from (``systems.note.arranging``).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cantilena.systems.note.constraints.parts import joining
from cantilena.systems.note.plan import Plan
from cantilena.systems.note.recurrence import EXACT, HELD, RHYTHM, VARIED
from cantilena.systems.note.tracker import Tracker
from cantilena.tokens.note import PITCHES, NoteScheme
from cantilena.tokens.note.grammar import DURATION, INSTRUMENT, ONSET, PITCH, VELOCITY

TIME_BIAS = {EXACT: 7.0, RHYTHM: 3.5, VARIED: 0.2, HELD: 3.0}
"""What a step loses that passes over a note which is to come back, or adds one where none stood,
and an instrument gains whose note is due. Added to logits."""
NOTE_BIAS = {EXACT: 7.0, RHYTHM: 0.0, VARIED: 0.0, HELD: 0.0}
"""What pitch, length and loudness of the note that is due gain."""


class _Line:
    """The notes of one part so far, in order: keys (tick * PITCHES + pitch) and rows."""

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.rows: list[tuple[int, ...]] = []


@dataclass(frozen=True)
class _Return:
    """How a part comes back in one bar: ``kind`` of return and ``lag`` in ticks."""

    kind: str
    lag: int


class Recurrence:
    """In a bar that takes up an earlier one each part plays what it played there: exactly, mostly,
    or in its rhythm alone. It strikes no note where it had none, and leaves none out."""

    name = "repeats"

    def __init__(self, plan: Plan, scheme: NoteScheme):
        self.plan, self.scheme = plan, scheme
        self.lines: dict[int, _Line] = {p.instrument: _Line() for p in plan.parts}
        self.returns: dict[int, list[_Return | None]] = {}
        lines = plan.lines.tolist()
        for part in plan.parts:
            row: list[_Return | None] = [None] * plan.bars
            for bar, plan_of_bar in enumerate(part.bars):
                if plan_of_bar.source >= 0:
                    lag = lines[bar] - lines[plan_of_bar.source]
                    row[bar] = _Return(plan_of_bar.kind, lag)
                elif plan_of_bar.kind == HELD:
                    row[bar] = _Return(HELD, 0)
            self.returns[part.instrument] = row
        self.edges = lines
        self.rows_read = 0
        self.memo: tuple[int, dict[int, tuple[int, tuple[int, ...]]]] = (-1, {})

    def bias(self, field: int, piece: Tracker, chosen: Sequence[int]) -> np.ndarray | None:
        """Leans towards what is due."""
        if not piece.rows:
            return None
        due = self._due(piece)
        if field == ONSET:
            return self._onsets(piece, due)
        if chosen[ONSET] >= self.scheme.max_delta:
            return None
        tick = piece.tick + chosen[ONSET]
        if field == INSTRUMENT:
            return self._instruments(piece.bar_of(tick), tick, due)
        if chosen[INSTRUMENT] not in due or due[chosen[INSTRUMENT]][0] != tick:
            return None
        row = due[chosen[INSTRUMENT]][1]
        back = self.returns[chosen[INSTRUMENT]][piece.bar_of(tick)]
        strength = NOTE_BIAS[back.kind] if back else 0.0
        if not strength or (field != PITCH and chosen[PITCH] != row[2]):
            return None
        out = np.zeros(PITCHES if field == PITCH else self.scheme.sizes[field])
        out[row[{PITCH: 2, DURATION: 3, VELOCITY: 4}[field]]] = strength
        return out

    def _update(self, piece: Tracker) -> None:
        for row in piece.rows[self.rows_read :]:
            line = self.lines.get(row[1])
            if line is not None:
                line.keys.append(row[0] * PITCHES + row[2])
                line.rows.append(row)
        self.rows_read = len(piece.rows)

    def _due(self, piece: Tracker) -> dict[int, tuple[int, tuple[int, ...]]]:
        """For each part that comes back in this bar, or else begins to in the next: the tick of the
        note that is due next, and the row it comes back from."""
        if self.memo[0] == len(piece.rows):
            return self.memo[1]
        self._update(piece)
        bar = piece.bar_of(piece.tick)
        out = {}
        for instrument, returns in self.returns.items():
            for at in (bar, bar + 1):
                row = self._next(piece, instrument, at, returns[at]) if at < len(returns) else None
                if row is not None:
                    out[instrument] = (row[0] + returns[at].lag, row)  # type: ignore[union-attr]
                    break
        self.memo = (len(piece.rows), out)
        return out

    def _next(
        self, piece: Tracker, instrument: int, bar: int, back: _Return | None
    ) -> tuple[int, ...] | None:
        """The first row of the bar taken up that is not written yet in its order."""
        if back is None or back.kind == HELD:
            return None
        line = self.lines[instrument]
        start, stop = self.edges[bar] - back.lag, self.edges[bar + 1] - back.lag
        now, last = piece.tick - back.lag, piece.rows[-1]
        if now < start:
            index = bisect_left(line.keys, start * PITCHES)
        elif instrument > last[1]:
            index = bisect_left(line.keys, now * PITCHES)
        elif instrument < last[1]:
            index = bisect_left(line.keys, (now + 1) * PITCHES)
        elif back.kind == RHYTHM:  # as many notes as there were, whichever they are
            first = bisect_left(line.keys, now * PITCHES)
            here = bisect_left(line.keys, piece.tick * PITCHES)
            index = max(
                first,
                min(first + len(line.keys) - here, bisect_left(line.keys, (now + 1) * PITCHES)),
            )
        else:
            index = bisect_right(line.keys, now * PITCHES + last[2])
        if index < len(line.rows) and line.rows[index][0] < stop:
            return line.rows[index]
        return None

    def _onsets(
        self, piece: Tracker, due: dict[int, tuple[int, tuple[int, ...]]]
    ) -> np.ndarray | None:
        bar, longest = piece.bar_of(piece.tick), self.scheme.max_delta
        out = np.zeros(self.scheme.sizes[ONSET])
        first, free, least = longest, False, 99.0
        for part in self.plan.parts:
            i = part.instrument
            back = self.returns[i][bar]
            if back is None:
                free |= part.plays(bar)
            else:
                least = min(least, TIME_BIAS[back.kind])
            if i in due:
                delta = due[i][0] - piece.tick
                first = min(first, delta)
                then = self.returns[i][piece.bar_of(due[i][0])]
                if then and delta < longest:
                    out[delta + 1 : longest + 1] -= TIME_BIAS[then.kind]
        here = {part.instrument for part in joining(self.plan, piece)}
        wanted = {
            i
            for i in here
            if self.returns[i][bar] is None or (i in due and due[i][0] == piece.tick)
        }
        if here and not wanted:  # all who could join would add what did not stand there
            out[0] -= least
        if not free and least < 99.0:
            left = self.edges[bar + 1] - piece.tick
            out[: min(first, left)] -= least
        return out

    def _instruments(
        self, bar: int, tick: int, due: dict[int, tuple[int, tuple[int, ...]]]
    ) -> np.ndarray:
        out = np.zeros(self.scheme.sizes[INSTRUMENT])
        for instrument, returns in self.returns.items():
            back = returns[bar]
            if back is None:
                continue
            if instrument in due and due[instrument][0] == tick:
                out[instrument + 1 :] -= TIME_BIAS[back.kind]
            else:
                out[instrument] -= TIME_BIAS[back.kind]
        return out
