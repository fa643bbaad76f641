"""What a written Score does, part by part and bar by bar, as far as wishes are about it.

Knows Scores; does not know Briefs or how wishes are put in words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cantilena.score import gm
from cantilena.score.score import DRUMS, Score

KICKS, SNARES = (35, 36), (38, 40, 37, 39)
LOUDNESS_EDGES = {"very soft": 39, "soft": 59, "medium": 84, "loud": 106, "very loud": 128}
"""Mean velocities below which music counts as so loud: half way between the levels that notation
programs give to pp, p, mf, f and ff (30, 48, 70, 97, 114)."""


@dataclass(frozen=True)
class Line:
    """Some notes of a Score, by rising onset: those of one instrument, or all. ``quarter``: ticks
    of a quarter; ``bars``: bar lines."""

    onset: np.ndarray
    length: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    instrument: int
    quarter: int
    bars: np.ndarray

    @classmethod
    def of(cls, score: Score, instrument: int | None = None) -> Line:
        """The notes of an instrument (0-127, 128 drums), or all."""
        mine = np.arange(len(score))
        if instrument is not None:
            mine = np.flatnonzero(score.instrument == instrument)
        order = mine[np.argsort(score.onset[mine], kind="stable")]
        return cls(
            score.onset[order],
            score.duration[order],
            score.pitch[order],
            score.velocity[order],
            -1 if instrument is None else instrument,
            score.tpq,
            score.bar_starts,
        )

    def __len__(self) -> int:
        return len(self.onset)

    @cached_property
    def bar(self) -> np.ndarray:
        """The bar (from 0) that each note begins in."""
        return np.searchsorted(self.bars, self.onset, side="right") - 1

    @cached_property
    def place(self) -> np.ndarray:
        """Quarters from the bar line to each note."""
        return (self.onset - self.bars[np.clip(self.bar, 0, len(self.bars) - 1)]) / self.quarter

    @cached_property
    def onsets(self) -> np.ndarray:
        """Different onsets."""
        return np.unique(self.onset)

    def within(self, first: int, behind: int) -> Line:
        """The notes that begin in some bars."""
        mine = (self.bar >= first) & (self.bar < behind)
        return replace(
            self,
            onset=self.onset[mine],
            length=self.length[mine],
            pitch=self.pitch[mine],
            velocity=self.velocity[mine],
        )

    # ---------------------------------------------------------------- figures

    @property
    def loudness(self) -> float:
        """Mean velocity, 0 without notes."""
        return float(self.velocity.mean()) if len(self) else 0.0

    @property
    def loudness_word(self) -> str:
        """pp to ff in words."""
        return next(word for word, edge in LOUDNESS_EDGES.items() if self.loudness < edge)

    @property
    def median_length(self) -> float:
        """Of its notes, in quarters."""
        return float(np.median(self.length)) / self.quarter if len(self) else 0.0

    @property
    def sounding(self) -> float:
        """Median share (0-1) of the time to the part's next onset, a bar at most, for which its
        notes sound."""
        after = np.searchsorted(self.onsets, self.onset, side="right")
        followed = after < len(self.onsets)
        gap = self.onsets[after[followed]] - self.onset[followed]
        usual = gap <= 4 * self.quarter
        share = self.length[followed][usual] / gap[usual]
        return float(np.median(np.minimum(share, 1.0))) if len(share) else 1.0

    @property
    def chord_size(self) -> float:
        """Notes on an onset."""
        return len(self) / max(1, len(self.onsets))

    @property
    def height(self) -> float:
        """Where its median pitch lies in the instrument's playable range, 0-1."""
        low, high = gm.playable(self.instrument) if 0 <= self.instrument < DRUMS else (36, 84)
        return (
            float(np.clip((np.median(self.pitch) - low) / (high - low), 0, 1)) if len(self) else 0.0
        )

    def struck(self, places: list[float], pitches: tuple[int, ...] = ()) -> float:
        """Share of ``places`` (quarters into the bar) of the bars it plays in on which it has a
        note, of some ``pitches`` only where they are named."""
        mine = np.isin(self.pitch, pitches) if pitches else np.ones(len(self), bool)
        bars = len(np.unique(self.bar))
        at = np.round(self.place * 24).astype(int)
        hits = {
            (b, p)
            for b, p in zip(self.bar[mine].tolist(), at[mine].tolist(), strict=True)
            if p in {round(24 * place) for place in places}
        }
        return len(hits) / max(1, bars * len(places))

    def returns(self, lags: tuple[int, ...], rhythm: bool = False) -> float:
        """Share of its bars that are an earlier one of these lags again, exactly or in their
        rhythm; of those that have one so far back."""
        rows: dict[int, list[tuple[int, int]]] = {}
        at = np.round(self.place * 24).astype(int)
        for b, p, pitch in zip(self.bar.tolist(), at.tolist(), self.pitch.tolist(), strict=True):
            rows.setdefault(b, []).append((p, 0 if rhythm else pitch))
        bars = {b: sorted(set(notes)) for b, notes in rows.items()}
        later = [b for b in bars if any(b - lag in bars for lag in lags)]
        same = [b for b in later if any(bars.get(b - lag) == bars[b] for lag in lags)]
        return len(same) / len(later) if later else 0.0

    @property
    def step(self) -> float:
        """Mean semitones from one onset's lowest note to the next's."""
        lowest = [self.pitch[self.onset == t].min() for t in self.onsets.tolist()]
        return float(np.abs(np.diff(lowest)).mean()) if len(lowest) > 1 else 0.0


def playing(score: Score, first: int, behind: int) -> float:
    """Mean number of instruments that play in a bar, from one bar up to another."""
    bar = np.searchsorted(score.bar_starts, score.onset, side="right") - 1
    counts = [len(np.unique(score.instrument[bar == b])) for b in range(first, behind)]
    return float(np.mean(counts)) if counts else 0.0


def top_and_bottom(score: Score) -> tuple[int | None, int | None]:
    """The instruments that have the tune and the bass: of the pitched ones the highest on average
    of those with as many onsets as half the busiest's of them, and the lowest."""
    lines = [Line.of(score, int(i)) for i in np.unique(score.instrument[score.instrument != DRUMS])]
    lines = [line for line in lines if len(line)]
    if not lines:
        return None, None
    lowest = min(lines, key=lambda line: line.pitch.mean())
    others = [line for line in lines if line is not lowest] or lines
    busiest = max(len(line.onsets) for line in others)
    heard = [line for line in others if len(line.onsets) >= busiest / 3] or others

    def tune(line: Line) -> float:
        return float(line.pitch.mean()) - 6 * (line.chord_size - 1)

    return max(heard, key=tune).instrument, lowest.instrument
