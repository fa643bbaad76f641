"""The Plan: a Brief with every open question decided, which is what Constraints enforce.

Knows parts, bars and chords as data; does not know text or how questions are decided
(``systems/planning.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cantilena.score.harmony import Chord, Key
from cantilena.score.texts import MARKER, Text
from cantilena.systems.note.recurrence import FILL, NEW, BarPlan
from cantilena.systems.note.sections import SectionPlan
from cantilena.tokens.note import GRID
from cantilena.tokens.note.context import Frame
from cantilena.tokens.note.outline import Outline, letter_of

Progression = tuple[tuple[int, Chord], ...]
"""(start tick, Chord) by rising tick on the grid."""
MELODY, HARMONY, BASS, DRUM = "melody", "harmony", "bass", "drums"


@dataclass(frozen=True)
class PartPlan:
    """One instrument of the piece: 0-127 or 128 drums; its ``role``; ``low``..``high`` pitches it
    may play; ``voices`` notes it may sound at once; ``min_share``, the share (0-1) of the piece's
    notes it is to have at least; ``name`` and ``players`` for the file; ``bars``,
    what it is to do in each bar (() where nobody arranged that)."""

    instrument: int
    role: str
    low: int
    high: int
    voices: int
    min_share: float
    name: str
    players: int = 1
    bars: tuple[BarPlan, ...] = ()

    def plays(self, bar: int) -> bool:
        """Whether it may begin notes in a bar; it may where no arrangement says otherwise."""
        return bar >= len(self.bars) or self.bars[bar].sounds


@dataclass(frozen=True)
class Plan:
    """A piece before its notes. ``chords``: its Progression;
    ``asked_chords``: the chords were said, not chosen, and are held to more strictly; ``origin``:
    tick where new music starts (after a continued Score). ``density`` (notes per bar) and
    ``polyphony`` are what such an ensemble usually has. ``sections`` make up its bars, in order.
    ``tempos`` and ``keys`` are those behind its first: (tick, quarters per minute), (tick,
    Key)."""

    parts: tuple[PartPlan, ...]
    bpm: float
    metre: tuple[int, int]
    key: Key
    bars: int
    chords: Progression
    asked_chords: bool = False
    strict_key: bool = True
    density: float | None = None
    polyphony: float | None = None
    sections: tuple[SectionPlan, ...] = ()
    tempos: tuple[tuple[int, float], ...] = ()
    keys: tuple[tuple[int, Key], ...] = ()
    origin: int = 0
    bar_starts: tuple[int, ...] = field(default=())

    @property
    def bar_ticks(self) -> int:
        """Length of a bar in grid ticks."""
        return max(1, 4 * GRID * self.metre[0] // self.metre[1])

    @cached_property
    def lines(self) -> np.ndarray:
        """(bars + 1,) bar lines in grid ticks."""
        if self.bar_starts:
            return np.array(self.bar_starts, dtype=np.int64)
        return np.arange(self.bars + 1, dtype=np.int64) * self.bar_ticks

    @property
    def end(self) -> int:
        """Tick of the final bar line."""
        return int(self.lines[-1])

    def key_at(self, tick: int) -> Key:
        """The key of a tick."""
        return next((key for since, key in reversed(self.keys) if since <= tick), self.key)

    @property
    def tempo_map(self) -> list[tuple[int, int]]:
        """(tick from ``origin`` on, microseconds a quarter) of every tempo of the new music."""
        rows = [(self.origin, self.bpm), *self.tempos]
        return [(tick - self.origin, round(60e6 / bpm)) for tick, bpm in rows]

    @property
    def markers(self) -> tuple[Text, ...]:
        """The names of its sections, where there are several or any is asked for."""
        if len(self.sections) < 2 and not any(s.asked for s in self.sections):
            return ()
        return tuple(
            Text(int(self.lines[s.start]) - self.origin, MARKER, s.name) for s in self.sections
        )

    @property
    def outline(self) -> Outline | None:
        """What is planned of the bars of its parts; None where nobody arranged that."""
        parts = sorted((p for p in self.parts if p.bars), key=lambda p: p.instrument)
        if not parts or len(parts) < len(self.parts):
            return None
        letters = [
            [
                letter_of(NEW if b.kind == FILL else b.kind, k - b.source if b.source >= 0 else 0)
                for k, b in enumerate(p.bars)
            ]
            for p in parts
        ]
        return Outline(
            np.array([part.instrument for part in parts]),
            np.array(letters),
            np.array([[max(b.source, 0) for b in p.bars] for p in parts]),
            np.array([[b.notes for b in p.bars] for p in parts]),
        )

    @property
    def beat_ticks(self) -> int:
        """Ticks of a felt beat: a dotted quarter in 6/8, 9/8 and 12/8, else the denominator."""
        num, den = self.metre
        unit = max(1, 4 * GRID // den)
        return 3 * unit if den >= 8 and num % 3 == 0 and num > 3 else unit

    @cached_property
    def frame(self) -> Frame:
        """The Frame of the piece: bar lines, chords by half bar, its last bar."""
        half = self.bar_ticks // 2 if self.metre[0] % 2 == 0 else self.bar_ticks
        starts = np.arange(0, max(self.end, 1), max(half, 1), dtype=np.int64)
        ticks = [t for t, _ in self.chords]
        numbers = np.zeros(len(starts), dtype=np.int64)
        for i, start in enumerate(starts.tolist()):
            slot = int(np.searchsorted(ticks, start, side="right")) - 1
            numbers[i] = self.chords[slot][1].number if slot >= 0 else 0
        return Frame(self.lines, starts, numbers, self.bars - 1)
